"""Links and datasets behind services that check who asks; tokens that end while they are used are replaced."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cloud_servers import FakeGcs, Moto, Seaweed
from faulty_proxy import FaultyProxy
from fronts import Front, Passwords, SessionTokens

import reelbase
from reelbase.credentials import leases
from reelbase.errors import AccessDeniedError, ReelbaseError, UsageError
from reelbase.io.cache import cached_source
from reelbase.plugin import CredentialProvider, CredentialRequest, Credentials
from reelbase.testing.clips import Clip, read_code
from reelbase.testing.servers import BadHttpServer
from reelbase.testing.servers.drive import DriveServer
from reelbase_plugins.gcs.storage import GcsStorage
from reelbase_plugins.s3.storage import S3Storage
from whole_run import worker

SESSIONS = f"s3://sessions-{worker()}"
pytestmark = pytest.mark.usefixtures("no_aws_account")


class Issuer(CredentialProvider):
    """New tokens for a front, each good for an hour as far as anybody is told; `make` makes the fields of one."""

    def __init__(self, front: Front, make: Callable[[str], dict[str, str]]) -> None:
        super().__init__("issuer", {})
        self.front = front
        self.given: list[str] = []
        self._make = make

    def get(self, request: CredentialRequest) -> Credentials:
        self.given.append(f"token-{len(self.given) + 1}")
        self.front.tokens[self.given[-1]] = float("inf")
        return Credentials(self._make(self.given[-1]), expires_at=datetime.now(UTC) + timedelta(hours=1))


def session(token: str) -> dict[str, str]:
    return {"aws_access_key_id": "anybody", "aws_secret_access_key": "anything", "aws_session_token": token}


def bearer(token: str) -> dict[str, str]:
    return {"token": token}


@pytest.fixture
def use(configured: Callable[[str], None]) -> Callable[..., None]:
    """Configure where a storage is."""

    def use(storage: str, **options: object) -> None:
        lines = [f"{name} = {json.dumps(value)}" for name, value in options.items()]
        configured("\n".join([f"[storage.{storage}]", *lines]))

    return use


def put(storage: Any, clip: Clip, key: str = "clip.mp4") -> None:
    storage.put(key, clip.path.read_bytes())


@pytest.fixture
def bucket(seaweed: Seaweed, clip: Clip, request: pytest.FixtureRequest) -> str:
    """Of a SeaweedFS that knows its callers, with the clip in it."""
    name = f"creds-{abs(hash(request.node.name)) % 10**8}"
    storage = S3Storage(f"s3://{name}", options=seaweed.options(), credentials=Credentials(seaweed.OWNER))
    seaweed.make_bucket(name)
    put(storage, clip)
    return name


def test_keys_that_are_checked(ds: reelbase.Dataset, seaweed: Seaweed, bucket: str, clip: Clip, use: Any) -> None:
    """The guide's "temporarily add creds to your dataset"."""
    use("s3", **seaweed.options())
    ds.add_creds_key("TEMP_KEY")
    ds.populate_creds("TEMP_KEY", seaweed.OWNER)
    ds.links.append(reelbase.link(f"s3://{bucket}/clip.mp4", creds_key="TEMP_KEY"))
    assert read_code(ds.links[0, 7].numpy()) == clip.codes[7]
    with pytest.raises(AccessDeniedError, match=f"s3://{bucket}/clip.mp4"):
        ds.links.append(reelbase.link(f"s3://{bucket}/clip.mp4"))
    ds.add_creds_key("OTHER")
    ds.populate_creds("OTHER", {**seaweed.OWNER, "aws_secret_access_key": "c4nary"})
    with pytest.raises(AccessDeniedError) as caught:
        ds.links.append(reelbase.link(f"s3://{bucket}/clip.mp4", creds_key="OTHER"))
    assert "c4nary" not in str(caught.value)
    assert len(ds.links) == 1


def test_the_environment(
    ds: reelbase.Dataset, seaweed: Seaweed, bucket: str, clip: Clip, use: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guide's ``creds_key="ENV"``, which nobody has to add; and a name that stands for it."""
    use("s3", **seaweed.options())
    for name, value in seaweed.OWNER.items():
        monkeypatch.setenv(name.upper(), value)
    ds.links.append(reelbase.link(f"s3://{bucket}/clip.mp4", creds_key="ENV"))
    ds.add_creds_key("MINE")
    ds.populate_creds("MINE", from_environment=True)
    ds.links.append(reelbase.link(f"s3://{bucket}/clip.mp4", creds_key="MINE"))
    for row in (0, 1):
        assert read_code(ds.links[row, 9].numpy()) == clip.codes[9]
    with pytest.raises(AccessDeniedError):
        ds.links.append(reelbase.link(f"s3://{bucket}/clip.mp4", creds_key=None))


def test_the_environment_is_not_for_the_web(ds: reelbase.Dataset) -> None:
    with pytest.raises(UsageError, match=r'"ENV" is not for http://127.0.0.1:1/a.mp4'):
        ds.links.append(reelbase.link("http://127.0.0.1:1/a.mp4", creds_key="ENV"))


@pytest.fixture
def sts(moto: Moto, clip: Clip, use: Any) -> Iterator[SessionTokens]:
    """An S3 that takes session tokens alone; the configuration leads there."""
    storage = S3Storage(SESSIONS, options=moto.options(), credentials=Credentials(moto.OWNER))
    moto.make_bucket(SESSIONS.removeprefix("s3://"))
    put(storage, clip)
    proxy = FaultyProxy(moto.url)
    proxy.knows = front = SessionTokens()
    with proxy.serving() as url:
        use("s3", **{**moto.options(), "endpoint_url": url})
        yield front


def test_a_session_that_ends_while_it_is_read(ds: reelbase.Dataset, sts: SessionTokens, clip: Clip) -> None:
    """The next request is refused, new ones are got, and nobody notices."""
    issuer = Issuer(sts, session)
    ds.add_creds_key("ROLE")
    ds.populate_creds("ROLE", issuer, prefixes=[f"{SESSIONS}/"])
    ds.links.append(reelbase.link(f"{SESSIONS}/clip.mp4", creds_key="ROLE"))
    for number, frame in enumerate(ds.links[0].frames()):
        assert read_code(frame) == clip.codes[number]
        if number in {3, 11}:
            sts.end(issuer.given[-1])
            cached_source.forget()
            assert read_code(ds.links[0, 23 - number].numpy()) == clip.codes[23 - number]
    assert issuer.given == ["token-1", "token-2", "token-3"]


def test_sixteen_threads_and_a_session_that_ends(ds: reelbase.Dataset, sts: SessionTokens, clip: Clip) -> None:
    issuer = Issuer(sts, session)
    ds.add_creds_key("ROLE")
    ds.populate_creds("ROLE", issuer)
    ds.links.append(reelbase.link(f"{SESSIONS}/clip.mp4", creds_key="ROLE"))
    sts.end("token-1")
    cached_source.forget()
    wrong: list[object] = []
    start = threading.Barrier(16)

    def read(number: int) -> None:
        start.wait()
        try:
            if read_code(ds.links[0, number].numpy()) != clip.codes[number]:
                wrong.append(number)
        except ReelbaseError as error:
            wrong.append(error)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(16)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert wrong == []
    assert issuer.given == ["token-1", "token-2"]


def test_a_session_that_is_never_taken(ds: reelbase.Dataset, sts: SessionTokens) -> None:
    """One new one is tried, and no more: nothing goes round."""
    issuer = Issuer(Front(), session)  # of another service
    ds.add_creds_key("ROLE")
    ds.populate_creds("ROLE", issuer)
    with pytest.raises(AccessDeniedError):
        ds.links.append(reelbase.link(f"{SESSIONS}/clip.mp4", creds_key="ROLE"))
    assert len(issuer.given) <= 2


def test_a_dataset_behind_sessions(sts: SessionTokens, clip: Clip) -> None:
    """Written and read, with an end in between; what lists goes on, too."""
    issuer = Issuer(sts, session)
    ds = reelbase.empty(f"{SESSIONS}/ds", creds=issuer)
    ds.create_tensor("videos", htype="video")
    for _ in range(3):
        ds.append({"videos": reelbase.read(clip.path, check="none")})
        sts.end(issuer.given[-1])
    assert ds.maintenance.verify(deep=True).ok
    sts.end(issuer.given[-1])
    cached_source.forget()
    again = reelbase.load(f"{SESSIONS}/ds", read_only=True, creds=issuer)
    assert read_code(again.videos[2, 5].numpy()) == clip.codes[5]
    sts.end(issuer.given[-1])
    reelbase.delete(f"{SESSIONS}/ds", creds=issuer)


def test_a_role(ds: reelbase.Dataset, moto: Moto, clip: Clip, configured: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What moto's own security token service gives is what its S3 is asked with."""
    for name, value in moto.OWNER.items():
        monkeypatch.setenv(name.upper(), value)
    storage = S3Storage("s3://roles", options=moto.options(), credentials=Credentials(moto.OWNER))
    moto.make_bucket("roles")
    put(storage, clip)
    proxy, front = FaultyProxy(moto.url), SessionTokens()
    proxy.knows = _Noting(front)
    with proxy.serving() as url:
        configured(
            f'[storage.s3]\nendpoint_url = "{url}"\naddressing_style = "path"\n'
            f'[credentials.corp]\nprovider = "aws"\nrole_arn = "arn:aws:iam::123456789012:role/videos"\n'
            f'sts_endpoint_url = "{moto.url}"\nregion = "us-east-1"\nprefixes = ["s3://roles"]\n'
        )
        ds.links.append(reelbase.link("s3://roles/clip.mp4", creds_key="corp"))
        assert read_code(ds.links[0, 7].numpy()) == clip.codes[7]
        assert read_code(reelbase.read("s3://roles/clip.mp4")[8].numpy()) == clip.codes[8]
    assert len(set(front.seen)) == 1
    assert None not in front.seen


class _Noting:
    """Lets everybody in, and remembers the tokens."""

    def __init__(self, front: Front) -> None:
        self.front = front

    def answer(self, handler: Any) -> None:
        self.front.answer(handler)

    def heard(self, handler: Any, answer: Any) -> None:
        """Nothing."""


@pytest.fixture
def google(fake_gcs: FakeGcs, clip: Clip, use: Any, request: pytest.FixtureRequest) -> Iterator[tuple[Front, str]]:
    """A GCS that takes bearer tokens alone, and a bucket of it."""
    bucket = f"tokens-{abs(hash(request.node.name)) % 10**8}"
    fake_gcs.make_bucket(bucket)
    put(GcsStorage(f"gs://{bucket}", options=fake_gcs.options()), clip)
    proxy = FaultyProxy(fake_gcs.url)
    proxy.knows = front = Front()
    with proxy.serving() as url:
        use("gcs", endpoint_url=url)
        yield front, bucket


def test_tokens_of_google(
    ds: reelbase.Dataset, google: tuple[Front, str], clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Google's 401 says not whether a token has ended: it is replaced all the same."""
    monkeypatch.setattr(leases, "MIN_AGE_TO_RENEW_REFUSED", timedelta(0))
    front, bucket = google
    issuer = Issuer(front, bearer)
    ds.add_creds_key("GOOGLE")
    ds.populate_creds("GOOGLE", issuer, prefixes=[f"gs://{bucket}"])
    for scheme in ("gs", "gcs"):
        ds.links.append(reelbase.link(f"{scheme}://{bucket}/clip.mp4", creds_key="GOOGLE"))
    front.end(issuer.given[-1])
    for row in (0, 1):
        assert read_code(ds.links[row, 7].numpy()) == clip.codes[7]
    with pytest.raises(AccessDeniedError):
        ds.links.append(reelbase.link(f"gs://{bucket}/clip.mp4"))
    assert None in front.seen


def test_tokens_of_drive(
    ds: reelbase.Dataset, drive: DriveServer, clip: Clip, account: dict[str, str], configured: Any, tmp_path: Path
) -> None:
    """The provider gets them; when Drive forgets them, new ones come."""
    file = drive.add_file("clip.mp4", clip.path.read_bytes())
    key = tmp_path / "account.json"
    key.write_text(json.dumps(account))
    configured(
        f'[storage.gdrive]\nendpoint_url = "{drive.url}"\n'
        f'[credentials.drive]\nprovider = "gdrive"\nfile = "{key}"\nprefixes = ["gdrive://{file.id}"]\n'
    )
    ds.links.append(reelbase.link(f"gdrive://{file.id}", creds_key="drive"))
    assert read_code(ds.links[0, 7].numpy()) == clip.codes[7]
    with pytest.raises(AccessDeniedError):
        ds.links.append(reelbase.link(f"gdrive://{file.id}"))


@pytest.mark.parametrize(
    ("front", "fields"),
    [(Front("good"), {"token": "good"}), (Passwords("lab:pass:word"), {"username": "lab", "password": "pass:word"})],
    ids=["bearer", "basic"],
)
def test_the_web(ds: reelbase.Dataset, clip: Clip, front: Front, fields: dict[str, str]) -> None:
    with BadHttpServer({"clip.mp4": clip.path.read_bytes()}) as server:
        proxy = FaultyProxy(server.url)
        proxy.knows = front
        with proxy.serving() as url:
            ds.add_creds_key("LAB")
            ds.populate_creds("LAB", fields, prefixes=[url])
            ds.links.append(reelbase.link(f"{url}/clip.mp4", creds_key="LAB"))
            assert read_code(ds.links[0, 7].numpy()) == clip.codes[7]
            with pytest.raises(AccessDeniedError, match="401"):
                ds.links.append(reelbase.link(f"{url}/clip.mp4"))


def test_tokens_of_the_web_that_end(ds: reelbase.Dataset, clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "MIN_AGE_TO_RENEW_REFUSED", timedelta(0))
    with BadHttpServer({"clip.mp4": clip.path.read_bytes()}) as server:
        proxy = FaultyProxy(server.url)
        proxy.knows = front = Front()
        with proxy.serving() as url:
            issuer = Issuer(front, bearer)
            ds.add_creds_key("LAB")
            ds.populate_creds("LAB", issuer, prefixes=[url])
            ds.links.append(reelbase.link(f"{url}/clip.mp4", creds_key="LAB"))
            front.end(issuer.given[-1])
            cached_source.forget()
            assert read_code(ds.links[0, 7].numpy()) == clip.codes[7]
            assert issuer.given == ["token-1", "token-2"]
