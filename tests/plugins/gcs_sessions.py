"""What fake-gcs-server does not know of uploads in pieces, said by a proxy before it as Google documents it."""

from __future__ import annotations

import re
import threading
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from faulty_proxy import Answer

_SPAN: Final = re.compile(r"bytes (\*|\d+-(?P<end>\d+))/")


class Sessions:
    """Answers the question how far an upload has come, which the server itself would take for the end of the upload;
    and a piece that the service has, which the server would take for one more. (HTTP clients send a PUT again by
    themselves where a connection ends without a reply.)

    "Performing resumable uploads: check the status of a resumable upload": 308 with the ``Range`` that the service has,
    no ``Range`` if it has nothing; or, when the object stands, what was answered to the last piece. "Google Cloud
    Storage ignores any bytes you send at an offset that Cloud Storage has already persisted."
    """

    def __init__(self) -> None:
        self._has: dict[str, int] = {}
        self._done: dict[str, Answer] = {}
        self._lock = threading.Lock()

    def answer(self, handler: Any) -> Answer | None:
        upload = parse_qs(urlsplit(handler.path).query).get("upload_id", [""])[0]
        said = _SPAN.match(handler.headers.get("Content-Range", ""))
        if not said:
            return None
        with self._lock:
            if upload in self._done:
                return self._done[upload]
            has = self._has.get(upload, 0)
        if said["end"] and int(said["end"]) >= has:
            return None
        return 308, [("Range", f"bytes=0-{has - 1}")] if has else [], b""

    def heard(self, handler: Any, answer: Answer) -> None:
        upload = parse_qs(urlsplit(handler.path).query).get("upload_id", [""])[0]
        said = _SPAN.match(handler.headers.get("Content-Range", ""))
        with self._lock:
            if said and answer[0] == 308:
                self._has[upload] = int(said["end"]) + 1
            elif said and answer[0] in {200, 201}:
                self._done[upload] = answer
