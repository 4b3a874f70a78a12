"""nginx as a child process: its files in one folder, on 127.0.0.1, ended with the `with`."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

USER, PASSWORD = "lab", "Secret-of-the-lab"
_TRIES = 5
_CONFIG = """
daemon off;
{user}
worker_processes 2;
pid {home}/nginx.pid;
error_log {home}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log {home}/access.log;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    gzip on;
    gzip_types *;
    gzip_min_length 1;
    server {{
        listen 127.0.0.1:{port};
        root {home}/www;
        location /listed/ {{ autoindex on; }}
        location /private/ {{ auth_basic "lab"; auth_basic_user_file {home}/users; }}
        location /soft/ {{ error_page 404 =200 /page.html; }}
    }}
}}
"""


@contextmanager
def nginx(home: Path) -> Iterator[str]:
    """The URL of a server of ``home/www``."""
    (home / "www").mkdir()
    (home / "www" / "page.html").write_text("<!doctype html><title>Nothing here</title>")
    (home / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")
    child, port = _started(home)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        child.terminate()
        child.wait(10)


def _started(home: Path) -> tuple[subprocess.Popen[bytes], int]:
    for _ in range(_TRIES):  # another process may take the port that was free
        port = _free_port()
        user = "user root;" if os.geteuid() == 0 else ""  # the folder is ours alone
        (home / "nginx.conf").write_text(_CONFIG.format(home=home, port=port, user=user))
        child = subprocess.Popen(
            [_program(), "-p", str(home), "-e", str(home / "error.log"), "-c", str(home / "nginx.conf")],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        if _answers(child, port):
            return child, port
    raise AssertionError((home / "error.log").read_text())


def _answers(child: subprocess.Popen[bytes], port: int) -> bool:
    end = time.monotonic() + 20
    while time.monotonic() < end and child.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return child.poll() is None
    child.kill()
    child.wait(10)
    return False


def _program() -> str:
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    assert found, "the tests need nginx; .ci/packages names its package"
    return found


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port: int = one.getsockname()[1]
        return port
