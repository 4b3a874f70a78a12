"""The HTTP/1.1 server of one page, on the loopback interface."""

from __future__ import annotations

import json
import logging
import threading
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from reelbase.errors import ReelbaseError
from reelbase.plugin import printable
from reelbase_plugins.browser.assets import load_asset
from reelbase_plugins.browser.connections import MAX_IDLE_SECONDS, Connections
from reelbase_plugins.browser.guard import HEADERS, check_headers, is_token, make_token
from reelbase_plugins.browser.range_header import RangeError, parse_range
from reelbase_plugins.browser.routes import Routes, describe_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reelbase.plugin import ViewerSource

_log = logging.getLogger("reelbase.viewer")
#: Sent on a connection for which there is no room.
BUSY: Final = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
CACHE_FOR_A_DAY: Final = "private, max-age=86400, immutable"
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
    request_queue_size = 128

    def __init__(self, routes: Routes, token: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)  # never on other interfaces; port 0 takes a free one
        self.routes = routes
        self.token = token
        self.connections = Connections()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer a new connection in a thread of its own, if there is room for it."""
        if self.connections.add(request):
            super().process_request(request, client_address)
            return
        with suppress(OSError):
            request.sendall(BUSY)
        self.shutdown_request(request)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        self.connections.remove(request)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Drop slow connections. It is called every `POLL_SECONDS`."""
        self.connections.drop_late()

    def server_close(self) -> None:
        """Stop listening, and close connections as soon as they have the answer that they wait for."""
        super().server_close()
        self.connections.close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Log the exception that ended a request, at DEBUG: mostly a browser that has closed the connection."""
        _log.debug("a request ended early", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "reelbase"
    sys_version = ""
    timeout = MAX_IDLE_SECONDS  # of each read and write; `Connections` bounds a request as a whole
    server: _Http

    def handle_one_request(self) -> None:
        """Wait for a request and answer it."""
        self.server.connections.wait(self.connection)
        super().handle_one_request()

    def do_GET(self) -> None:
        """Answer the request, or refuse it with a reason."""
        if not self.server.connections.answer(self.connection):
            self.close_connection = True
            return
        path, _, query = self.path.partition("?")
        _, token, *parts = [*path.split("/"), ""]
        if self.headers.defects or self.headers.get_payload():
            self.close_connection = True
            self._refuse(HTTPStatus.BAD_REQUEST, "its headers cannot be understood")
        elif (why := check_headers(self.headers.items())) is not None:
            self.close_connection = True  # what follows may be a body, not another request
            self._refuse(HTTPStatus.FORBIDDEN, why)
        elif not is_token(token, self.server.token):
            self._refuse(HTTPStatus.FORBIDDEN, "the address does not have the token of this page")
        else:
            self._answer("/".join(part for part in unquote("/".join(parts)).split("/") if part), query)

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
            self._refuse(HTTPStatus.BAD_REQUEST, describe_error(error))
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
        """Write to the log of the library, without the token, whether or not it is percent-encoded."""
        _log.debug("%s", printable(unquote(format % args).replace(self.server.token, "…")))
