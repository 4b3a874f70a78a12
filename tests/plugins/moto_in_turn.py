"""moto's server, answering one request at a time: `moto_in_turn.py PORT`, with the Python of moto's environment.

moto looks whether an object exists and then stores it, in two steps. Two requests with ``If-None-Match: *`` that come
at the same time can both succeed, which S3 rules out:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import (  # type: ignore[import-not-found]
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import run_simple


class InTurn:
    """An application, called by one thread at a time."""

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self._application = application
        self._turn = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if length := environ.get("CONTENT_LENGTH"):  # before the turn: a client may stop in the middle of its request
            environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(int(length)))
        with self._turn:
            return list(self._application(environ, start_response))


if __name__ == "__main__":
    os.environ["MOTO_PORT"] = sys.argv[1]
    application = DomainDispatcherApplication(create_backend_app)
    run_simple("127.0.0.1", int(sys.argv[1]), InTurn(application), threaded=True, request_handler=MotoRequestHandler)
