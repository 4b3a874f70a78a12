"""A server of credentials."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class Vending:
    """Answers as the `managed` provider documents it.

    Args:
        token: That it takes.
        elsewhere: Where it sends everybody, in place of answering.

    Attributes:
        given: Properties by prefix, for any key but "another".
        asked: The bodies that came with the right token.
        life: What ``expires_at`` says.
    """

    def __init__(self, token: str, elsewhere: str | None = None) -> None:
        self.token = token
        self.elsewhere = elsewhere
        self.given: dict[str, dict[str, str]] = {}
        self.asked: list[dict[str, Any]] = []
        self.life: str | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"vending": self}))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, path: str, token: str | None, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if path != "/v1/credentials" or token != f"Bearer {self.token}":
            return 404, {}
        self.asked.append(asked)
        if asked["name"] == "another" or not self.given:
            return 404, {}
        told = [{"prefix": prefix, "config": config} for prefix, config in self.given.items()]
        return 200, {"storage-credentials": told, "expires_at": self.life}


class _Handler(BaseHTTPRequestHandler):
    vending: Vending

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, told = self.vending.answer(self.path, self.headers.get("Authorization"), body)
        if self.vending.elsewhere:
            status, told = 307, {}
        data = json.dumps(told).encode()
        self.send_response(status)
        if self.vending.elsewhere:
            self.send_header("Location", f"{self.vending.elsewhere}{self.path}")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Says nothing."""
