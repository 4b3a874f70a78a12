"""The server: HTTP/1.1 on the loopback interface, for one page."""

from __future__ import annotations

import json
import logging
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from reelbase.errors import ReelbaseError
from reelbase_plugins.browser.assets import file
from reelbase_plugins.browser.guard import HEADERS, new_token, opens, refused
from reelbase_plugins.browser.range_header import RangeError, asked
from reelbase_plugins.browser.routes import Answers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reelbase.plugin import ViewerSource

_log = logging.getLogger("reelbase.viewer")
_KEEP: Final = "private, max-age=86400, immutable"
_IDLE: Final = 30  # seconds that a connection may stay without a request
_NOTHING: Final = "there is no such thing"
_POLL: Final = 0.05  # seconds that closing takes, at most


class Server:
    """Serves what is shown until it is closed.

    Args:
        showing: That.

    Attributes:
        url: Of the page.
    """

    def __init__(self, showing: ViewerSource) -> None:
        self._http = _Http(Answers(showing), new_token())
        self.url = f"http://127.0.0.1:{self._http.server_port}/{self._http.token}/"
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(_POLL,), name="reelbase-viewer", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Serve no more; may be called again."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(5)


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, answers: Answers, token: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = answers
        self.token = token

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that goes away in the middle is no error."""
        _log.debug("a request ended early", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "reelbase"
    sys_version = ""
    timeout = _IDLE
    server: _Http

    def do_GET(self) -> None:
        """Answer, or say why not."""
        why = refused(dict(self.headers))
        path, _, query = self.path.partition("?")
        _, token, *parts = [*unquote(urlsplit(path).path).split("/"), ""]
        if why is not None:
            self._refuse(HTTPStatus.FORBIDDEN, why)
        elif not opens(token, self.server.token):
            self._refuse(HTTPStatus.FORBIDDEN, "the address has not the token of this page")
        else:
            self._answer("/".join(part for part in parts if part), query)

    do_HEAD = do_GET  # noqa: N815 - the name that http.server calls

    def _answer(self, path: str, query: str) -> None:
        try:
            folder, _, rest = path.partition("/")
            if folder != "data":
                self._file(path)
            elif rest.startswith("media/"):
                self._media(rest.removeprefix("media/"))
            else:
                self._data(rest, query)
        except ReelbaseError as error:
            self._refuse(HTTPStatus.BAD_REQUEST, str(error).partition("\n")[0])
        except (ConnectionError, TimeoutError):  # whoever asked has gone
            raise
        except Exception as error:  # noqa: BLE001 - else the page would wait for an answer
            _log.warning("a question of the page could not be answered", exc_info=True)
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, f"{type(error).__name__}: see the log reelbase.viewer")

    def _file(self, name: str) -> None:
        found = file(name)
        if found is None:
            self._refuse(HTTPStatus.NOT_FOUND, _NOTHING)
            return
        self._send(HTTPStatus.OK, *found, {"Cache-Control": "no-cache"})

    def _data(self, path: str, query: str) -> None:
        found = self.server.answers.ask(path, query)
        if found is None:
            self._refuse(HTTPStatus.NOT_FOUND, _NOTHING)
            return
        self._send(HTTPStatus.OK, found.body, found.type, {"Cache-Control": _KEEP if found.keep else "no-store"})

    def _media(self, path: str) -> None:
        """The file as it is, in pieces: for the browser's own player."""
        found = self.server.answers.media(path)
        if found is None:
            self._refuse(HTTPStatus.NOT_FOUND, _NOTHING)
            return
        footage, kind = found
        size = footage.blob.size
        try:
            start, stop = asked(self.headers.get("Range", "bytes=0-"), size) or (0, size)
        except RangeError:
            headers = {"Content-Range": f"bytes */{size}"}
            self._send(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, b"", kind, headers)
            return
        if self.command == "HEAD":
            self._send(HTTPStatus.OK, None, kind, {"Accept-Ranges": "bytes"}, length=size)
            return
        headers = {"Accept-Ranges": "bytes", "Content-Range": f"bytes {start}-{stop - 1}/{size}"}
        self._send(HTTPStatus.PARTIAL_CONTENT, footage.blob.read(start, stop), kind, headers)

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        body = json.dumps({"error": why}).encode()
        self._send(status, body, "application/json", {"Cache-Control": "no-store"})

    def _send(
        self,
        status: HTTPStatus,
        body: bytes | None,
        kind: str,
        headers: Mapping[str, str],
        *,
        length: int | None = None,
    ) -> None:
        self.send_response(status)
        for name, value in {**HEADERS, **headers, "Content-Type": kind}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body or b"") if length is None else length))
        self.end_headers()
        if body and self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """To our log, without the token."""
        _log.debug("%s", (format % args).replace(self.server.token, "…"))
