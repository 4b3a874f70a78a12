"""The HTTP/1.1 server of one page, on the loopback interface."""

from __future__ import annotations

import json
import logging
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from reelbase.errors import ReelbaseError
from reelbase_plugins.browser.assets import load_asset
from reelbase_plugins.browser.guard import HEADERS, check_headers, is_token, make_token
from reelbase_plugins.browser.range_header import RangeError, parse_range
from reelbase_plugins.browser.routes import Routes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reelbase.plugin import ViewerSource

_log = logging.getLogger("reelbase.viewer")
CACHE_FOR_A_DAY: Final = "private, max-age=86400, immutable"
MAX_IDLE_SECONDS: Final = 30  #: how long a connection may stay open without a request
POLL_SECONDS: Final = 0.05  #: interval at which the server looks whether it is to close


class Server:
    """Serves the page of one viewer until it is closed.

    Args:
        source: Data to show.

    Attributes:
        url: The address of the page, with its token.
    """

    def __init__(self, source: ViewerSource) -> None:
        self._http = _Http(Routes(source), make_token())
        self.url = f"http://127.0.0.1:{self._http.server_port}/{self._http.token}/"
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(POLL_SECONDS,), name="reelbase-viewer", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop serving. Calling it again does nothing."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(5)


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, routes: Routes, token: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)  # never on other interfaces; port 0 takes a free one
        self.routes = routes
        self.token = token

    def handle_error(self, request: object, client_address: object) -> None:
        """Log the exception that ended a request, at DEBUG: mostly a browser that has closed the connection."""
        _log.debug("a request ended early", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "reelbase"
    sys_version = ""
    timeout = MAX_IDLE_SECONDS
    server: _Http

    def do_GET(self) -> None:
        """Answer the request, or refuse it with a reason."""
        why = check_headers(dict(self.headers))
        path, _, query = self.path.partition("?")
        _, token, *parts = [*unquote(urlsplit(path).path).split("/"), ""]
        if why is not None:
            self._refuse(HTTPStatus.FORBIDDEN, why)
        elif not is_token(token, self.server.token):
            self._refuse(HTTPStatus.FORBIDDEN, "the address does not have the token of this page")
        else:
            self._answer("/".join(part for part in parts if part), query)

    do_HEAD = do_GET  # noqa: N815 - the name that http.server calls

    def _answer(self, path: str, query: str) -> None:
        try:
            folder, _, rest = path.partition("/")
            if folder != "data":
                self._send_asset(path)
            elif rest.startswith("media/"):
                self._send_media(rest.removeprefix("media/"))
            else:
                self._send_data(rest, query)
        except ReelbaseError as error:
            self._refuse(HTTPStatus.BAD_REQUEST, str(error).partition("\n")[0])
        except (ConnectionError, TimeoutError):  # the browser has closed the connection
            raise
        except Exception as error:  # noqa: BLE001 - without an answer the page would wait forever
            _log.warning("a request of the page could not be answered", exc_info=True)
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, f"{type(error).__name__}: see the log reelbase.viewer")

    def _send_asset(self, name: str) -> None:
        asset = load_asset(name)
        if asset is None:
            self._refuse_unknown()
            return
        self._send(HTTPStatus.OK, *asset, {"Cache-Control": "no-cache"})

    def _send_data(self, path: str, query: str) -> None:
        answer = self.server.routes.answer(path, query)
        if answer is None:
            self._refuse_unknown()
            return
        caching = CACHE_FOR_A_DAY if answer.cacheable else "no-store"
        self._send(HTTPStatus.OK, answer.body, answer.media_type, {"Cache-Control": caching})

    def _send_media(self, path: str) -> None:
        """Send a range of the stored file, for the browser's own player."""
        found = self.server.routes.media(path)
        if found is None:
            self._refuse_unknown()
            return
        video, media_type = found
        size = video.blob.size
        try:
            start, stop = parse_range(self.headers.get("Range", "bytes=0-"), size) or (0, size)
        except RangeError:
            headers = {"Content-Range": f"bytes */{size}"}
            self._send(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, b"", media_type, headers)
            return
        if self.command == "HEAD":
            self._send(HTTPStatus.OK, None, media_type, {"Accept-Ranges": "bytes"}, length=size)
            return
        headers = {"Accept-Ranges": "bytes", "Content-Range": f"bytes {start}-{stop - 1}/{size}"}
        self._send(HTTPStatus.PARTIAL_CONTENT, video.blob.read(start, stop), media_type, headers)

    def _refuse_unknown(self) -> None:
        self._refuse(HTTPStatus.NOT_FOUND, "there is no such page or request")

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        body = json.dumps({"error": why}).encode()
        self._send(status, body, "application/json", {"Cache-Control": "no-store"})

    def _send(
        self,
        status: HTTPStatus,
        body: bytes | None,
        media_type: str,
        headers: Mapping[str, str],
        *,
        length: int | None = None,
    ) -> None:
        self.send_response(status)
        for name, value in {**HEADERS, **headers, "Content-Type": media_type}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body or b"") if length is None else length))
        self.end_headers()
        if body and self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Write to the library's log, without the token."""
        _log.debug("%s", (format % args).replace(self.server.token, "…"))
