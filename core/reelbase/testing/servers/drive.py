"""An imitation of Google Drive: the part of its API (v3) that a storage needs, in memory, on the loopback interface.

    with DriveServer() as drive:
        folder = drive.add_folder("videos")
        drive.add_file("clip.mp4", b"…", parent=folder.id)
        ...  # a client with endpoint_url=drive.url and the token "good"
        drive.fail(Fault(status=429, reason="rateLimitExceeded"), times=2)
        assert [asked.status for asked in drive.asked]

Like in the real one, names need not be unique, queries for a name ignore case, pages may be shorter than requested,
a file is written completely or not at all, and a file cannot be created only if its name is absent.
"""

from __future__ import annotations

import json
import re
import secrets
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import parse_qs, urlsplit

from reelbase.testing.servers._drive_files import FOLDER, SHORTCUT, DriveFile, DriveFiles, new_id, select_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

__all__ = ["Asked", "DriveFile", "DriveServer", "Fault"]

_BYTES_PER_UPLOAD_UNIT: Final = 256 * 1024  # the chunks of an upload, except the last one, are multiples of it
_FILE: Final = re.compile(r"/drive/v3/files/([^/]+)")
_UPLOAD: Final = re.compile(r"/upload/drive/v3/files(?:/([^/]+))?")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request, and the status that it was answered with (0 if the connection was cut)."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    status: int = 0

    @property
    def kind(self) -> str:
        """Kind of the request: list, get, media, create, update, delete, chunk, ids, token or about."""
        if self.path.startswith("/upload/"):
            return "chunk" if self.method == "PUT" else {"POST": "create", "PATCH": "update"}[self.method]
        last = self.path.rpartition("/")[2]
        if last in {"token", "about"} or self.path.endswith("/generateIds"):
            return {"generateIds": "ids"}.get(last, last)
        if _FILE.fullmatch(self.path):
            media = "media" if self.query.get("alt") == "media" else "get"
            return {"GET": media, "PATCH": "update", "DELETE": "delete"}[self.method]
        return {"GET": "list", "POST": "create"}[self.method]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that goes wrong with a request.

    Attributes:
        kind: Kind of the requests that are affected (`Asked.kind`); empty for any.
        status: Status to refuse the request with; 0 answers it correctly.
        reason: Reason in the JSON of the refusal.
        message: Message in the JSON of the refusal.
        headers: Headers to add to the answer.
        cut: "before" closes the connection and does nothing; "after" does what is requested, then closes the connection
            without an answer; "short" sends half of the body; empty sends all.
        bend: Changes the correct answer; None leaves it as it is.
    """

    kind: str = ""
    status: int = 0
    reason: str = "backendError"
    message: str = "It went wrong."
    headers: tuple[tuple[str, str], ...] = ()
    cut: str = ""
    bend: Callable[[Answer], Answer] | None = None


@dataclass(frozen=True)
class Answer:
    """An answer of the server."""

    status: int
    headers: dict[str, str]
    body: bytes


class RefusedError(Exception):
    """A refusal in the format of the service."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        error = {"domain": "global", "reason": reason, "message": message}
        body = {"error": {"errors": [error], "code": status, "message": message}}
        self.answer = Answer(status, {"Content-Type": "application/json; charset=UTF-8"}, json.dumps(body).encode())


def _make_refusal(fault: Fault) -> Answer | None:
    return RefusedError(fault.status, fault.reason, fault.message).answer if fault.status else None


@dataclass
class _Upload:
    """A resumable upload that is not complete.

    Attributes:
        done: Stores the complete content and returns the file.
        data: The bytes that were received.
    """

    done: Callable[[bytes], DriveFile]
    data: bytearray


class DriveServer:
    """A Drive with one owner, whose access token is "good".

    Args:
        page_limit: Highest number of files on a page of a list.
        quota: Number of bytes that may be stored; None for no limit.

    Attributes:
        files: The files.
        tokens: Access tokens of the owner.
        keys: API keys that are accepted.
        refresh_tokens: Refresh tokens that are accepted.
        asked: The requests that were made.
    """

    def __init__(self, *, page_limit: int = 1000, quota: int | None = None) -> None:
        self.files = DriveFiles()
        self.tokens = {"good"}
        self.keys = {"key"}
        self.refresh_tokens = {"refresh"}
        self.page_limit = page_limit
        self.quota = quota
        self.asked: list[Asked] = []
        self._faults: list[Fault] = []
        self._uploads: dict[str, _Upload] = {}
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    # For tests

    @property
    def url(self) -> str:
        """URL of the server."""
        assert self._server is not None, "start it first"
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        """Listen on a free port."""
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.drive = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the server and close all connections."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.hang_up()
            self._server.server_close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add_folder(self, name: str, *, parent: str = "root", **more: Any) -> DriveFile:
        """Add a folder. See `DriveFile` for further arguments."""
        return self._add(name, FOLDER, parent, **more)

    def add_file(self, name: str, data: bytes, *, parent: str = "root", **more: Any) -> DriveFile:
        """Add a file. See `DriveFile` for further arguments."""
        return self._add(name, more.pop("mime", "application/octet-stream"), parent, data=data, **more)

    def add_shortcut(self, name: str, target: str, *, parent: str = "root") -> DriveFile:
        """Add a shortcut to the file with the id `target`."""
        return self._add(name, SHORTCUT, parent, target=target)

    def fail(self, fault: Fault, *, times: int = 1) -> None:
        """Let the next requests of the fault's kind go wrong.

        Args:
            fault: What goes wrong.
            times: Number of requests.
        """
        with self._lock:
            self._faults += [fault] * times

    def counts(self) -> dict[str, int]:
        """Count the requests of each kind in `asked`."""
        kinds = [request.kind for request in self.asked]
        return {kind: kinds.count(kind) for kind in sorted(set(kinds))}

    def _add(self, name: str, mime: str, parent: str, **more: Any) -> DriveFile:
        folder = self.files.get(parent)
        assert folder is not None, parent
        return self.files.add(DriveFile(new_id(), name, mime, folder.id, **more))

    # For the network

    def answer(self, asked: Asked) -> Answer | None:
        """Answer a request; None closes the connection without an answer."""
        fault = self._take_fault(asked.kind)
        if fault.cut == "before":
            return self._record(asked, None)
        try:
            found = _make_refusal(fault) or self._route(asked)
        except RefusedError as error:
            found = error.answer
        found = Answer(found.status, found.headers | dict(fault.headers), found.body)
        if fault.bend is not None:
            found = fault.bend(found)
        if fault.cut == "short":
            found = Answer(found.status, found.headers | {"Cut": "yes"}, found.body)
        return self._record(asked, None if fault.cut == "after" else found)

    def _take_fault(self, kind: str) -> Fault:
        with self._lock:
            for fault in self._faults:
                if fault.kind in {"", kind}:
                    self._faults.remove(fault)
                    return fault
        return Fault()

    def _record(self, asked: Asked, answer: Answer | None) -> Answer | None:
        seen = {**vars(asked), "status": answer.status if answer else 0}
        with self._lock:
            self.asked.append(Asked(**seen))
        return answer

    def _route(self, asked: Asked) -> Answer:
        if asked.path == "/token":
            return self._issue_token(parse_qs(asked.body.decode()))
        if asked.kind == "chunk":
            return self._receive_chunk(asked)
        owner = self._is_owner(asked)
        with self.files.lock:
            return self._answer_request(asked, owner)

    def _answer_request(self, asked: Asked, owner: bool) -> Answer:
        if upload := _UPLOAD.fullmatch(asked.path):
            return self._receive_upload(asked, self._find_target(asked, upload[1], owner), owner)
        if asked.kind == "about":
            return _make_json({"user": {"displayName": "Owner"}, "storageQuota": {"limit": str(self.quota or 0)}})
        if asked.kind == "ids":
            return _make_json({"space": "drive", "ids": [new_id() for _ in range(int(asked.query.get("count", "10")))]})
        if asked.kind == "list":
            return self._list(asked, owner)
        if asked.kind == "create":
            return self._describe(asked, self._create(asked, json.loads(asked.body or b"{}"), b"", owner))
        file = self._get_visible(asked, _FILE.fullmatch(asked.path), owner)
        if asked.kind == "media":
            return _send_media(asked, file)
        if asked.kind == "get":
            return self._describe(asked, file)
        return self._edit(asked, file, owner)

    def _edit(self, asked: Asked, file: DriveFile, owner: bool) -> Answer:
        if not owner:
            raise RefusedError(403, "insufficientFilePermissions", "The user does not have sufficient permissions.")
        if asked.kind == "delete":
            self.files.remove(file)
            return Answer(204, {}, b"")
        for name, value in json.loads(asked.body or b"{}").items():
            setattr(file, name, value)
        file.version += 1
        return self._describe(asked, file)

    def _issue_token(self, form: Mapping[str, list[str]]) -> Answer:
        known = form.get("refresh_token", [""])[0] in self.refresh_tokens or "assertion" in form
        if not known:
            body = {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
            return _make_json(body, status=400)
        fresh = secrets.token_hex(8)
        self.tokens.add(fresh)
        return _make_json({"access_token": fresh, "expires_in": 3599, "token_type": "Bearer"})

    def _is_owner(self, asked: Asked) -> bool:
        """Return True if the request is the owner's, False if it only has an API key."""
        sent = asked.headers.get("authorization")
        if sent is not None:
            if sent.removeprefix("Bearer ") not in self.tokens:
                raise RefusedError(401, "authError", "Invalid Credentials")
            return True
        key = asked.headers.get("x-goog-api-key") or asked.query.get("key")
        if key is None:
            raise RefusedError(403, "forbidden", "Method doesn't allow unregistered callers.")
        if key not in self.keys:
            raise RefusedError(400, "badRequest", "API key not valid. Please pass a valid API key.")
        return False

    def _may_see(self, asked: Asked, file: DriveFile, owner: bool) -> bool:
        header = asked.headers.get("x-goog-drive-resource-keys", "")
        sent = dict(pair.partition("/")[::2] for pair in header.split(","))
        if file.resource_key and sent.get(file.id) != file.resource_key:
            return False
        return owner or any(entry.public for entry in self.files.walk_up(file))

    def _get_visible(self, asked: Asked, found: re.Match[str] | None, owner: bool) -> DriveFile:
        uid = found[1] if found else ""
        file = self.files.get(uid)
        if file is None or not self._may_see(asked, file, owner):
            raise RefusedError(404, "notFound", f"File not found: {uid}.")
        return file

    def _list(self, asked: Asked, owner: bool) -> Answer:
        try:
            matching = self.files.find(asked.query.get("q", "trashed = false"))
        except ValueError:
            raise RefusedError(400, "invalid", "Invalid Value") from None
        except LookupError as error:
            raise RefusedError(404, "notFound", f"File not found: {error}") from None
        found = [file for file in matching if self._may_see(asked, file, owner)]
        if "pageToken" in asked.query:  # continue after the last file sent, whatever was added or removed since
            found = [item for item in found if item.number < int(asked.query["pageToken"][1:])]
        count = min(self.page_limit, int(asked.query.get("pageSize", "100")))
        page: dict[str, Any] = {
            "kind": "drive#fileList",
            "files": [self.files.describe(item) for item in found[:count]],
        }
        if count < len(found):
            page["nextPageToken"] = f"~{found[count - 1].number}"
        return _make_json(select_fields(asked.query.get("fields", "kind,files(id,name,mimeType),nextPageToken"), page))

    def _describe(self, asked: Asked, file: DriveFile) -> Answer:
        return _make_json(select_fields(asked.query.get("fields", "kind,id,name,mimeType"), self.files.describe(file)))

    # Writing

    def _find_target(self, asked: Asked, uid: str | None, owner: bool) -> DriveFile | None:
        return None if uid is None else self._get_visible(asked, _FILE.fullmatch(f"/drive/v3/files/{uid}"), owner)

    def _create(self, asked: Asked, about: Mapping[str, Any], data: bytes, owner: bool) -> DriveFile:
        parent = self.files.get((about.get("parents") or ["root"])[0])
        if parent is None or not self._may_see(asked, parent, owner):
            raise RefusedError(404, "notFound", "File not found: .")
        if not owner:
            raise RefusedError(403, "insufficientFilePermissions", "The user does not have sufficient permissions.")
        if "id" in about and self.files.get(about["id"]):
            raise RefusedError(409, "fileIdInUse", "A file already exists with the provided ID.")
        self._check_quota(len(data))
        uid, mime = about.get("id") or new_id(), about.get("mimeType", "application/octet-stream")
        return self.files.add(DriveFile(uid, about.get("name", "Untitled"), mime, parent.id, data))

    def _check_quota(self, more: int) -> None:
        if self.quota is not None and more > self.quota:
            raise RefusedError(403, "storageQuotaExceeded", "The user's Drive storage quota has been exceeded.")

    def _receive_upload(self, asked: Asked, file: DriveFile | None, owner: bool) -> Answer:
        if file is not None and not owner:
            raise RefusedError(403, "insufficientFilePermissions", "The user does not have sufficient permissions.")
        if asked.query.get("uploadType") == "resumable":
            return self._begin_upload(asked, file, owner)
        about, data = _split_multipart(asked) if asked.query.get("uploadType") == "multipart" else ({}, asked.body)
        return self._describe(asked, self._store(asked, file, about, data, owner))

    def _store(
        self, asked: Asked, file: DriveFile | None, about: Mapping[str, Any], data: bytes, owner: bool
    ) -> DriveFile:
        with self.files.lock:
            if file is None:
                return self._create(asked, about, data, owner)
            self._check_quota(len(data))
            file.write(data)
            return file

    def _begin_upload(self, asked: Asked, file: DriveFile | None, owner: bool) -> Answer:
        about = json.loads(asked.body or b"{}")

        def done(data: bytes) -> DriveFile:
            return self._store(asked, file, about, data, owner)

        uid = secrets.token_hex(8)
        self._uploads[uid] = _Upload(done, bytearray())
        fields = asked.query.get("fields", "kind,id,name,mimeType")
        where = f"{self.url}/upload/drive/v3/files?uploadType=resumable&fields={fields}&upload_id={uid}"
        return Answer(200, {"Location": where}, b"")

    def _receive_chunk(self, asked: Asked) -> Answer:
        upload = self._uploads.get(asked.query.get("upload_id", ""))
        if upload is None:
            raise RefusedError(404, "notFound", "No such upload.")
        sent = asked.headers.get("content-range", f"bytes 0-{len(asked.body) - 1}/{len(asked.body)}")
        span = re.fullmatch(r"bytes (?:(\d+)-(-?\d+)|\*)/(\d+|\*)", sent)
        if span is None:
            raise RefusedError(400, "badRequest", "Failed to parse Content-Range header.")
        if span[1] is not None:
            _append_chunk(upload, int(span[1]), asked.body, last=span[3] != "*")
        if span[3] == "*" or len(upload.data) < int(span[3]):
            headers = {"Range": f"bytes=0-{len(upload.data) - 1}"} if upload.data else {}
            return Answer(308, headers, b"")
        file = upload.done(bytes(upload.data))
        upload.done = lambda _: file  # if the last chunk is sent again, the answer is the same
        return self._describe(asked, file)


def _append_chunk(upload: _Upload, start: int, data: bytes, *, last: bool) -> None:
    if start != len(upload.data):
        raise RefusedError(400, "badRequest", "The chunk does not begin where the last one ended.")
    if not last and len(data) % _BYTES_PER_UPLOAD_UNIT:
        raise RefusedError(400, "badRequest", "The chunk is not a multiple of 256 KiB.")
    upload.data += data


def _split_multipart(asked: Asked) -> tuple[dict[str, Any], bytes]:
    """Split a ``multipart/related`` body into the description of a file and its bytes."""
    kind = asked.headers["content-type"]
    boundary = b"--" + re.findall(r'boundary="?([^";]+)', kind)[0].encode()
    about, media = asked.body.split(boundary)[1:3]
    line = b"\r\n" if media.startswith(b"\r") else b"\n"
    data = media.partition(line * 2)[2]
    return json.loads(about.partition(line * 2)[2]), data.removesuffix(line)


def _send_media(asked: Asked, file: DriveFile) -> Answer:
    if not file.has_bytes:
        raise RefusedError(403, "fileNotDownloadable", "Only files with binary content can be downloaded.")
    if file.abusive and asked.query.get("acknowledgeAbuse") != "true":
        raise RefusedError(403, "cannotDownloadAbusiveFile", "This file has been identified as malware or spam.")
    size = len(file.data)
    span = re.fullmatch(r"bytes=(\d+)-(\d*)", asked.headers.get("range", ""))
    if span is None:
        return Answer(200, {"Content-Type": file.mime}, file.data)
    start, stop = int(span[1]), min(size, int(span[2]) + 1 if span[2] else size)
    if start >= size:
        return Answer(416, {"Content-Range": f"bytes */{size}"}, b"")
    headers = {"Content-Type": file.mime, "Content-Range": f"bytes {start}-{stop - 1}/{size}"}
    return Answer(206, headers, file.data[start:stop])


def _make_json(found: Mapping[str, Any], status: int = 200) -> Answer:
    return Answer(status, {"Content-Type": "application/json; charset=UTF-8"}, json.dumps(found).encode())


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    drive: DriveServer

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Close the connections that clients still keep open."""
        for request in list(self._open):
            with suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that close the connection."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    server: _Server

    def _handle(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", "0")))
        method = headers.get("x-http-method-override", self.command)
        if method != self.command:
            query |= {name: values[-1] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()}
            body = b""
        found = self.server.drive.answer(Asked(method=method, path=url.path, query=query, headers=headers, body=body))
        if found is None:
            self.close_connection = True
        else:
            self._send(found)

    def _send(self, found: Answer) -> None:
        headers = dict(found.headers)
        cut = headers.pop("Cut", None)
        self.send_response(found.status)
        for name, value in ({"Content-Length": str(len(found.body))} | headers).items():
            if not (found.status == 204 and name == "Content-Length"):
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(found.body[: len(found.body) // 2] if cut else found.body)
        self.close_connection = self.close_connection or bool(cut)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815 - names that http.server calls

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the requests are in `DriveServer.asked`."""
