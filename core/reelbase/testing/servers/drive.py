"""A small Google Drive: the part of its API (v3) that a storage needs, in memory, on loopback.

    with DriveServer() as drive:
        folder = drive.add_folder("videos")
        drive.add_file("clip.mp4", b"…", parent=folder.id)
        ...  # a client with endpoint_url=drive.url and the token "good"
        drive.fail(Fault(status=429, reason="rateLimitExceeded"), times=2)
        assert [asked.status for asked in drive.asked]

As with the real one, names need not be unique, queries for a name ignore case, pages may be shorter than asked, bytes
are written whole or not at all, and there is no way to create a name only if it is absent.
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

from reelbase.testing.servers._drive_files import FOLDER, SHORTCUT, DriveFile, DriveFiles, chosen, new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

__all__ = ["Asked", "DriveFile", "DriveServer", "Fault"]

_UNIT: Final = 256 * 1024  # chunks of an upload are multiples of it, but for the last
_FILE: Final = re.compile(r"/drive/v3/files/([^/]+)")
_UPLOAD: Final = re.compile(r"/upload/drive/v3/files(?:/([^/]+))?")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request that was made, and the status it was answered with (0: the connection was cut)."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    status: int = 0

    @property
    def kind(self) -> str:
        """What it asks for: list, get, media, create, update, delete, chunk, ids, token, about."""
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
    """What goes wrong with a request.

    Attributes:
        kind: Of which requests (`Asked.kind`); "": of any.
        status: Answered in place of the right one; 0: none.
        reason: In the error's JSON.
        message: In the error's JSON.
        headers: Headers of the answer.
        cut: "before": the connection is closed and nothing done; "after": it is done, and closed without an answer;
            "short": half of the body comes.
        bend: Changes (status, headers, body) of the right answer.
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
    """An answer on its way."""

    status: int
    headers: dict[str, str]
    body: bytes


class RefusedError(Exception):
    """An error in the service's own shape."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        error = {"domain": "global", "reason": reason, "message": message}
        body = {"error": {"errors": [error], "code": status, "message": message}}
        self.answer = Answer(status, {"Content-Type": "application/json; charset=UTF-8"}, json.dumps(body).encode())


def _refusal(fault: Fault) -> Answer | None:
    return RefusedError(fault.status, fault.reason, fault.message).answer if fault.status else None


@dataclass
class _Upload:
    """A resumable upload that goes on."""

    done: Callable[[bytes], DriveFile]
    data: bytearray


class DriveServer:
    """A Drive with one owner, who has the access token "good"; `tokens` and `keys` hold what else is let in.

    Args:
        page_limit: Files on a page of a list, at most.
        quota: Bytes that may be stored; None: as many as there is memory for.
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

    # What a test calls

    @property
    def url(self) -> str:
        """Where it listens."""
        assert self._server is not None, "start it first"
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        """Listen on a free port."""
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.drive = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop, with all connections."""
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
        """A new folder."""
        return self._add(name, FOLDER, parent, **more)

    def add_file(self, name: str, data: bytes, *, parent: str = "root", **more: Any) -> DriveFile:
        """A new file."""
        return self._add(name, more.pop("mime", "application/octet-stream"), parent, data=data, **more)

    def add_shortcut(self, name: str, target: str, *, parent: str = "root") -> DriveFile:
        """A new shortcut to the file with the id `target`."""
        return self._add(name, SHORTCUT, parent, target=target)

    def fail(self, fault: Fault, *, times: int = 1) -> None:
        """Let the next requests that it is about go wrong."""
        with self._lock:
            self._faults += [fault] * times

    def counts(self) -> dict[str, int]:
        """How many requests of each kind were made since `asked` was last cleared."""
        kinds = [one.kind for one in self.asked]
        return {kind: kinds.count(kind) for kind in sorted(set(kinds))}

    def _add(self, name: str, mime: str, parent: str, **more: Any) -> DriveFile:
        folder = self.files.get(parent)
        assert folder is not None, parent
        return self.files.add(DriveFile(new_id(), name, mime, folder.id, **more))

    # What the network calls

    def answer(self, asked: Asked) -> Answer | None:
        """The answer to a request; None: none, the connection is to be closed."""
        fault = self._fault(asked.kind)
        if fault.cut == "before":
            return self._note(asked, None)
        try:
            found = _refusal(fault) or self._route(asked)
        except RefusedError as error:
            found = error.answer
        found = Answer(found.status, found.headers | dict(fault.headers), found.body)
        if fault.bend is not None:
            found = fault.bend(found)
        if fault.cut == "short":
            found = Answer(found.status, found.headers | {"Cut": "yes"}, found.body)
        return self._note(asked, None if fault.cut == "after" else found)

    def _fault(self, kind: str) -> Fault:
        with self._lock:
            for fault in self._faults:
                if fault.kind in {"", kind}:
                    self._faults.remove(fault)
                    return fault
        return Fault()

    def _note(self, asked: Asked, answer: Answer | None) -> Answer | None:
        seen = {**vars(asked), "status": answer.status if answer else 0}
        with self._lock:
            self.asked.append(Asked(**seen))
        return answer

    def _route(self, asked: Asked) -> Answer:
        if asked.path == "/token":
            return self._token(parse_qs(asked.body.decode()))
        if asked.kind == "chunk":
            return self._chunk(asked)
        owner = self._owner(asked)
        with self.files.lock:
            return self._ask(asked, owner)

    def _ask(self, asked: Asked, owner: bool) -> Answer:
        if upload := _UPLOAD.fullmatch(asked.path):
            return self._upload(asked, self._change(asked, upload[1], owner), owner)
        if asked.kind == "about":
            return _json({"user": {"displayName": "Owner"}, "storageQuota": {"limit": str(self.quota or 0)}})
        if asked.kind == "ids":
            return _json({"space": "drive", "ids": [new_id() for _ in range(int(asked.query.get("count", "10")))]})
        if asked.kind == "list":
            return self._list(asked, owner)
        if asked.kind == "create":
            return self._describe(asked, self._create(asked, json.loads(asked.body or b"{}"), b"", owner))
        file = self._visible(asked, _FILE.fullmatch(asked.path), owner)
        if asked.kind == "media":
            return _media(asked, file)
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

    def _token(self, form: Mapping[str, list[str]]) -> Answer:
        known = form.get("refresh_token", [""])[0] in self.refresh_tokens or "assertion" in form
        if not known:
            body = {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
            return _json(body, status=400)
        fresh = secrets.token_hex(8)
        self.tokens.add(fresh)
        return _json({"access_token": fresh, "expires_in": 3599, "token_type": "Bearer"})

    def _owner(self, asked: Asked) -> bool:
        """Whether the owner asks, and not anybody with a key."""
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
        sent = dict(one.partition("/")[::2] for one in asked.headers.get("x-goog-drive-resource-keys", "").split(","))
        if file.resource_key and sent.get(file.id) != file.resource_key:
            return False
        return owner or any(one.public for one in self.files.above(file))

    def _visible(self, asked: Asked, found: re.Match[str] | None, owner: bool) -> DriveFile:
        uid = found[1] if found else ""
        file = self.files.get(uid)
        if file is None or not self._may_see(asked, file, owner):
            raise RefusedError(404, "notFound", f"File not found: {uid}.")
        return file

    def _list(self, asked: Asked, owner: bool) -> Answer:
        try:
            every = self.files.find(asked.query.get("q", "trashed = false"))
        except ValueError:
            raise RefusedError(400, "invalid", "Invalid Value") from None
        except LookupError as error:
            raise RefusedError(404, "notFound", f"File not found: {error}") from None
        found = [one for one in every if self._may_see(asked, one, owner)]
        if "pageToken" in asked.query:  # goes on after the last one shown, whatever was added or removed meanwhile
            found = [item for item in found if item.number < int(asked.query["pageToken"][1:])]
        count = min(self.page_limit, int(asked.query.get("pageSize", "100")))
        page: dict[str, Any] = {"kind": "drive#fileList", "files": [self.files.shown(item) for item in found[:count]]}
        if count < len(found):
            page["nextPageToken"] = f"~{found[count - 1].number}"
        return _json(chosen(asked.query.get("fields", "kind,files(id,name,mimeType),nextPageToken"), page))

    def _describe(self, asked: Asked, file: DriveFile) -> Answer:
        return _json(chosen(asked.query.get("fields", "kind,id,name,mimeType"), self.files.shown(file)))

    # Writing

    def _change(self, asked: Asked, uid: str | None, owner: bool) -> DriveFile | None:
        return None if uid is None else self._visible(asked, _FILE.fullmatch(f"/drive/v3/files/{uid}"), owner)

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

    def _upload(self, asked: Asked, file: DriveFile | None, owner: bool) -> Answer:
        if file is not None and not owner:
            raise RefusedError(403, "insufficientFilePermissions", "The user does not have sufficient permissions.")
        if asked.query.get("uploadType") == "resumable":
            return self._begun(asked, file, owner)
        about, data = _parts(asked) if asked.query.get("uploadType") == "multipart" else ({}, asked.body)
        return self._describe(asked, self._written(asked, file, about, data, owner))

    def _written(
        self, asked: Asked, file: DriveFile | None, about: Mapping[str, Any], data: bytes, owner: bool
    ) -> DriveFile:
        with self.files.lock:
            if file is None:
                return self._create(asked, about, data, owner)
            self._check_quota(len(data))
            file.write(data)
            return file

    def _begun(self, asked: Asked, file: DriveFile | None, owner: bool) -> Answer:
        about = json.loads(asked.body or b"{}")

        def done(data: bytes) -> DriveFile:
            return self._written(asked, file, about, data, owner)

        uid = secrets.token_hex(8)
        self._uploads[uid] = _Upload(done, bytearray())
        fields = asked.query.get("fields", "kind,id,name,mimeType")
        where = f"{self.url}/upload/drive/v3/files?uploadType=resumable&fields={fields}&upload_id={uid}"
        return Answer(200, {"Location": where}, b"")

    def _chunk(self, asked: Asked) -> Answer:
        upload = self._uploads.get(asked.query.get("upload_id", ""))
        if upload is None:
            raise RefusedError(404, "notFound", "No such upload.")
        sent = asked.headers.get("content-range", f"bytes 0-{len(asked.body) - 1}/{len(asked.body)}")
        span = re.fullmatch(r"bytes (?:(\d+)-(-?\d+)|\*)/(\d+|\*)", sent)
        if span is None:
            raise RefusedError(400, "badRequest", "Failed to parse Content-Range header.")
        if span[1] is not None:
            _take(upload, int(span[1]), asked.body, last=span[3] != "*")
        if span[3] == "*" or len(upload.data) < int(span[3]):
            headers = {"Range": f"bytes=0-{len(upload.data) - 1}"} if upload.data else {}
            return Answer(308, headers, b"")
        file = upload.done(bytes(upload.data))
        upload.done = lambda _: file  # asked again, it says the same
        return self._describe(asked, file)


def _take(upload: _Upload, start: int, data: bytes, *, last: bool) -> None:
    if start != len(upload.data):
        raise RefusedError(400, "badRequest", "The chunk does not begin where the last one ended.")
    if not last and len(data) % _UNIT:
        raise RefusedError(400, "badRequest", "The chunk is not a multiple of 256 KiB.")
    upload.data += data


def _parts(asked: Asked) -> tuple[dict[str, Any], bytes]:
    """What is said of a file, and its bytes, from a ``multipart/related`` body."""
    kind = asked.headers["content-type"]
    boundary = b"--" + re.findall(r'boundary="?([^";]+)', kind)[0].encode()
    about, media = asked.body.split(boundary)[1:3]
    line = b"\r\n" if media.startswith(b"\r") else b"\n"
    data = media.partition(line * 2)[2]
    return json.loads(about.partition(line * 2)[2]), data.removesuffix(line)


def _media(asked: Asked, file: DriveFile) -> Answer:
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


def _json(found: Mapping[str, Any], status: int = 200) -> Answer:
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
        """End the connections that clients still hold."""
        for request in list(self._open):
            with suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is not news."""


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

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815 - names of the standard library

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: `DriveServer.asked` has it."""
