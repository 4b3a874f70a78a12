"""No secret that a library uses for us is in its log, at DEBUG; what it logs for others stays as it is."""

from __future__ import annotations

import json
import logging
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from cloud_servers import FakeGcs, Moto, Seaweed
from faulty_proxy import FaultyProxy
from fronts import Front, Passwords, SessionTokens

import reelbase
from reelbase._util import log_secrets
from reelbase.errors import AccessDeniedError
from reelbase.plugin import Credentials, redacted_logs
from reelbase.testing.clips import Clip, read_code
from reelbase.testing.servers import BadHttpServer
from reelbase.testing.servers.drive import DriveServer
from reelbase_plugins.gcs.storage import GcsStorage
from reelbase_plugins.s3.storage import S3Storage
from whole_run import worker

#: As STS gives them: with characters that are escaped in URLs.
SESSION = "IQoJb3JpZ2luX2VjEFQ/canary+0123456789=="
pytestmark = pytest.mark.usefixtures("no_aws_account")


class Log(logging.Handler):
    """What a log with everything in it would show: messages, arguments, added fields and tracebacks."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.names: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        self.names.add(record.name.partition(".")[0])
        self.lines.append(f"{self.format(record)} {vars(record)!r}")

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@pytest.fixture
def log() -> Iterator[Log]:
    handler, root, google = Log(), logging.getLogger(), logging.getLogger("google")
    before = root.level, google.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    google.setLevel(logging.DEBUG)  # google-auth logs requests only if its own logger has a level
    yield handler
    root.removeHandler(handler)
    root.setLevel(before[0])
    google.setLevel(before[1])


@pytest.fixture
def use(configured: Callable[[str], None]) -> Callable[..., None]:
    """Configure where a storage is."""

    def use(storage: str, **options: object) -> None:
        configured("\n".join([f"[storage.{storage}]", *(f"{k} = {json.dumps(v)}" for k, v in options.items())]))

    return use


def assert_hidden(log: Log, *secrets: str) -> None:
    assert all(secrets)
    assert [line for line in log.lines if any(one in line for one in secrets)] == []


def make_bucket(server: Any, name: str, clip: Clip) -> str:
    server.make_bucket(name)
    S3Storage(f"s3://{name}", options=server.options(), credentials=Credentials(server.OWNER)).put(
        "clip.mp4", clip.path.read_bytes()
    )
    return f"s3://{name}/clip.mp4"


def test_keys_and_signed_urls(seaweed: Seaweed, clip: Clip, use: Any, log: Log) -> None:
    """Keys that were passed; and a signed URL, which botocore makes and urllib3 asks for."""
    url = make_bucket(seaweed, f"logs-{worker()}", clip)
    folder = url.rpartition("/")[0]
    use("s3", **seaweed.options())
    log.lines.clear()
    assert read_code(reelbase.read(url, creds=seaweed.OWNER)[7].numpy()) == clip.codes[7]
    storage = S3Storage(folder, options=seaweed.options(), credentials=Credentials(seaweed.OWNER))
    signed = storage.public_url("clip.mp4", seconds=60)
    assert signed is not None
    assert read_code(reelbase.read(signed)[7].numpy()) == clip.codes[7]
    with pytest.raises(AccessDeniedError):
        reelbase.empty(f"{folder}/ds", creds={**seaweed.OWNER, "aws_secret_access_key": "wrong-canary"})
    assert {"botocore", "aiobotocore", "urllib3"} <= log.names
    assert "CanonicalRequest" in log.text
    (signature,) = parse_qs(urlsplit(signed).query)["Signature"]
    assert_hidden(log, seaweed.OWNER["aws_secret_access_key"], "wrong-canary", signature, quote(signature, safe=""))


def test_sessions_of_s3(
    ds: reelbase.Dataset, moto: Moto, clip: Clip, use: Any, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that were passed; and those of the environment, whose values reelbase never sees."""
    url = make_bucket(moto, f"log-sessions-{worker()}", clip)
    proxy = FaultyProxy(moto.url)
    proxy.knows = SessionTokens(SESSION)
    keys = {"aws_access_key_id": "anybody", "aws_secret_access_key": "secret-canary", "aws_session_token": SESSION}
    with proxy.serving() as place:
        use("s3", **{**moto.options(), "endpoint_url": place})
        ds.add_creds_key("ROLE")
        ds.populate_creds("ROLE", keys)
        ds.links.append(reelbase.link(url, creds_key="ROLE"))
        for name, value in keys.items():
            monkeypatch.setenv(name.upper(), value)
        ds.links.append(reelbase.link(url, creds_key="ENV"))
        storage = S3Storage(url.rpartition("/")[0], options={**moto.options(), "endpoint_url": place})
        assert quote(SESSION, safe="") in str(storage.public_url("clip.mp4", seconds=60))
        assert [read_code(ds.links[row, 7].numpy()) for row in (0, 1)] == [clip.codes[7]] * 2
    assert "x-amz-security-token" in log.text
    assert_hidden(log, "secret-canary", SESSION, quote(SESSION), quote(SESSION, safe=""))


def test_a_role_of_sts(moto: Moto, clip: Clip, configured: Any, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reply of the security token service has everything that must not be seen."""
    url = make_bucket(moto, f"log-roles-{worker()}", clip)
    for name, value in moto.OWNER.items():
        monkeypatch.setenv(name.upper(), value)
    proxy, front = FaultyProxy(moto.url), SessionTokens()
    proxy.knows = front
    with proxy.serving() as place:
        configured(
            f'[storage.s3]\nendpoint_url = "{place}"\naddressing_style = "path"\ntries = 1\n'
            f'[credentials.corp]\nprovider = "aws"\nrole_arn = "arn:aws:iam::123456789012:role/videos"\n'
            f'sts_endpoint_url = "{moto.url}"\nregion = "us-east-1"\nprefixes = ["{url.rpartition("/")[0]}"]\n'
        )
        with pytest.raises(AccessDeniedError):
            reelbase.read(url)[8].numpy()
    (token,) = {one for one in front.seen if one}
    assert "AssumeRoleResponse" in log.text
    assert_hidden(log, token, moto.OWNER["aws_secret_access_key"])
    assert re.search(r"<SecretAccessKey>[^…]", log.text) is None


def test_tokens_of_google_storage(fake_gcs: FakeGcs, clip: Clip, use: Any, log: Log) -> None:
    bucket = f"log-tokens-{worker()}"
    fake_gcs.make_bucket(bucket)
    GcsStorage(f"gs://{bucket}", options=fake_gcs.options()).put("clip.mp4", clip.path.read_bytes())
    proxy = FaultyProxy(fake_gcs.url)
    proxy.knows = Front("short")
    with proxy.serving() as url:
        use("gcs", endpoint_url=url)
        assert read_code(reelbase.read(f"gs://{bucket}/clip.mp4", creds={"token": "short"})[7].numpy()) == clip.codes[7]
        with pytest.raises(AccessDeniedError):
            reelbase.read(f"gs://{bucket}/clip.mp4", creds={"token": "ya29.wrong-canary"})[7].numpy()
    assert_hidden(log, "Bearer short", "'short'", "ya29.wrong-canary")


def test_secrets_of_drive(
    drive: DriveServer, clip: Clip, account: dict[str, str], configured: Any, log: Log, tmp_path: Path
) -> None:
    """A service account's key and its tokens, a user's refresh token and client secret, and an API key."""
    file = drive.add_file("clip.mp4", clip.path.read_bytes())
    drive.refresh_tokens.add("refresh-canary")
    key = tmp_path / "account.json"
    key.write_text(json.dumps(account))
    configured(
        f'[storage.gdrive]\nendpoint_url = "{drive.url}"\n[credentials.drive]\nprovider = "gdrive"\nfile = "{key}"\n'
    )
    user = {
        "client_id": "id-canary", "client_secret": "client-canary", "refresh_token": "refresh-canary",
        "token_uri": f"{drive.url}/token",
    }  # fmt: skip
    for creds in ("drive", account, user):
        assert read_code(reelbase.read(f"gdrive://{file.id}", creds=creds)[7].numpy()) == clip.codes[7]
    with suppress(AccessDeniedError):
        reelbase.read(f"gdrive://{file.id}", creds={"api_key": "apikey-canary"})[7].numpy()
    lines = [line for line in account["private_key"].splitlines() if not line.startswith("-----")]
    given = {asked.headers.get("authorization", "").removeprefix("Bearer ") for asked in drive.asked} - {""}
    assert len(given) == 3
    assert "Making request" in log.text
    assert_hidden(log, *given, *lines, "client-canary", "refresh-canary", "apikey-canary", "eyJ")


def test_passwords_of_the_web(clip: Clip, log: Log) -> None:
    with BadHttpServer({"clip.mp4": clip.path.read_bytes()}) as server:
        proxy = FaultyProxy(server.url)
        proxy.knows = Passwords("lab:pass:word")
        with proxy.serving() as url:
            creds = {"username": "lab", "password": "pass:word", "headers": {"X-Lab": "header-canary"}}
            assert read_code(reelbase.read(f"{url}/clip.mp4", creds=creds)[7].numpy()) == clip.codes[7]
            hidden = f"{url}/clip.mp4?sid=query-canary"
            assert read_code(reelbase.read(hidden, creds=creds)[7].numpy()) == clip.codes[7]
    assert "/clip.mp4" in log.text
    assert_hidden(log, "pass:word", "bGFiOnBhc3M6d29yZA==", "header-canary", "query-canary")


SIGNED: Final = "GET /clip.mp4?X-Amz-Signature=0123456789abcdef"


@pytest.mark.parametrize(
    "write",
    [
        lambda library: library.debug("Signature:\n%s", "signature-canary"),
        lambda library: library.debug("headers={'X-Amz-Security-Token': b'signature-canary'}"),
        lambda library: library.debug({"Authorization": "Bearer signature-canary"}),
        lambda library: library.debug("%(refresh_token)s", {"refresh_token": "signature-canary"}),
        lambda library: library.debug("sent", extra={"headers": {"authorization": "Basic signature-canary"}}),
        lambda library: library.debug("known: %r", ["plain-canary"]),
        lambda library: library.debug(b"password: signature-canary"),
        lambda library: _fail(library, "https://host/clip.mp4?sig=signature-canary"),
    ],
)
def test_every_place_of_a_record(write: Callable[[logging.Logger], None], log: Log) -> None:
    """Of loggers of any name, also of one that nobody has asked for before."""
    library = logging.getLogger(f"library.{id(write)}")
    write(library)
    assert "-canary" in log.text
    log.lines.clear()
    with redacted_logs({"key": "plain-canary"}):
        write(library)
    assert len(log.lines) == 1
    assert_hidden(log, "-canary")


def test_a_format_that_does_not_fit() -> None:
    """It is the library's mistake, and printed with its arguments by `logging`."""
    with redacted_logs():
        record = logging.getLogger("library").makeRecord(
            "library", logging.DEBUG, "", 0, "%s of %s", ("token=signature-canary",), None
        )
    assert record.getMessage() == "%s of %s ('token=…',)"


def _fail(library: logging.Logger, text: str) -> None:
    try:
        Path("/dev/null", text).read_bytes()
    except OSError:
        library.debug("It failed.", exc_info=True)


def test_records_of_others_stay(log: Log) -> None:
    """Of the same library, before, after and meanwhile in another thread; and ours, where they have no secret."""
    library = logging.getLogger("urllib3.connectionpool")
    with redacted_logs():
        library.debug("%s asks", SIGNED)
        other = threading.Thread(target=library.debug, args=("%s asks", SIGNED))
        other.start()
        other.join()
        library.debug("%s: %d bytes of %r", "clip.mp4", 7, {"key": "videos/clip.mp4", "etag": "0" * 32})
    library.debug("%s asks", SIGNED)
    assert [SIGNED in line for line in log.lines] == [False, True, False, True]
    assert "('clip.mp4', 7, {'key': 'videos/clip.mp4', 'etag'" in log.lines[2]


def test_another_factory_of_records(log: Log) -> None:
    """A program may set one at any time, and it is called."""
    library, before, made = logging.getLogger("library"), logging.getLogRecordFactory(), []

    def make(*args: Any, **more: Any) -> logging.LogRecord:
        made.append(args[0])
        return before(*args, **more)

    logging.setLogRecordFactory(make)
    try:
        for _ in range(3):
            with redacted_logs():
                library.debug(SIGNED)
        assert made == ["library"] * 3
        assert_hidden(log, "0123456789abcdef")
    finally:
        logging.setLogRecordFactory(before)


def test_nothing_is_looked_at_without_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the level is off, no record is made, and so none is searched."""
    library = logging.getLogger("library.off")
    library.setLevel(logging.WARNING)
    monkeypatch.setattr(log_secrets, "redact_secrets", pytest.fail)
    with redacted_logs():
        library.debug(SIGNED)


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning")
def test_in_a_forked_child(log: Log) -> None:
    with redacted_logs({"token": "plain-canary"}):
        pid = os.fork()
        if pid == 0:
            log.lines.clear()
            logging.getLogger("library").debug("plain-canary")
            os._exit(len(log.lines) * 2 + ("canary" in log.text))
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 2
