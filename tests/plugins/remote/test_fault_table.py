"""Every fault on every backend: right bytes, or an error that says what is wrong; never wrong bytes, never a hang."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cloud_servers import FakeGcs, Seaweed, free_ports
from faulty_proxy import FaultyProxy, lost_reply, says
from nginx import nginx
from troubles import FAULTS, SILENCE, Fault

import reelbase
from reelbase.caching import cached
from reelbase.errors import AccessDeniedError, CommitOutcomeUnknown, ReelbaseError
from reelbase.plugin import Credentials, Storage
from reelbase.testing.clips import Clip, make_clip, read_code
from reelbase.testing.servers.drive import DriveServer
from reelbase_plugins.gcs.storage import GcsStorage
from reelbase_plugins.gdrive.storage import DriveStorage
from reelbase_plugins.s3.storage import S3Storage

ROWS = 3
HASTE = {"timeout": 0.8, "tries": 3, "deadline": 12.0}
BACKENDS = ["http", "s3", "gcs", "gdrive"]


@dataclass(frozen=True)
class Place:
    """A folder on a backend, behind a proxy that makes trouble.

    Attributes:
        url: Of the folder.
        proxy: Before the server.
        how: What `reelbase.load` needs to find it through the proxy.
        direct: The same without the proxy.
    """

    url: str
    proxy: FaultyProxy
    how: dict[str, Any]
    direct: dict[str, Any]


@pytest.fixture(scope="session")
def short_clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("short") / "clip.mp4", frames=24, gop=12)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory, short_clip: Clip) -> Path:
    """A folder with a dataset of videos, and a video by itself."""
    root = tmp_path_factory.mktemp("small")
    ds = reelbase.empty(root / "ds")
    ds.create_tensor("videos", htype="video")
    with ds:
        for _ in range(ROWS):
            ds.videos.append(reelbase.read(short_clip.path, check="none"))
    ds._session.log.flush_hint()
    (root / "clip.mp4").write_bytes(short_clip.path.read_bytes())
    return root


def _fill(storage: Storage, folder: Path) -> None:
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        storage.put(str(file.relative_to(folder)), file.read_bytes())


@pytest.fixture(scope="session")
def places(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, small: Path
) -> Iterator[Callable[[str], Place]]:
    """Each backend by its name, made on first use."""
    with ExitStack() as stack:
        makers = {"http": _on_http, "s3": _on_s3, "gcs": _on_gcs, "gdrive": _on_gdrive}
        made: dict[str, Place] = {}

        def place(name: str) -> Place:
            if name not in made:
                made[name] = makers[name](request, stack, tmp_path_factory.mktemp(name), small)
            return made[name]

        yield place


def _on_http(request: pytest.FixtureRequest, stack: ExitStack, home: Path, small: Path) -> Place:
    url = stack.enter_context(nginx(home))
    (home / "www" / "small").symlink_to(small)
    proxy = FaultyProxy(url)
    seen = stack.enter_context(proxy.serving())
    return Place(f"{seen}/small", proxy, {"options": HASTE}, {})


def _on_s3(request: pytest.FixtureRequest, stack: ExitStack, home: Path, small: Path) -> Place:
    server: Seaweed = request.getfixturevalue("seaweed")
    direct = {"options": server.options(), "creds": server.OWNER}
    storage = S3Storage("s3://faults", options=server.options(), credentials=Credentials(server.OWNER))
    client = storage.bucket().client
    client.run(client.filesystem.s3.create_bucket(Bucket="faults"), 30)
    _fill(storage, small)
    proxy = FaultyProxy(server.url)
    seen = stack.enter_context(proxy.serving())
    how = {"options": {**server.options(), "endpoint_url": seen, **HASTE}, "creds": server.OWNER}
    return Place("s3://faults", proxy, how, direct)


def _on_gcs(request: pytest.FixtureRequest, stack: ExitStack, home: Path, small: Path) -> Place:
    server: FakeGcs = request.getfixturevalue("fake_gcs")
    server.make_bucket("faults")
    _fill(GcsStorage("gs://faults", options=server.options()), small)
    proxy = FaultyProxy(server.url)
    seen = stack.enter_context(proxy.serving())
    return Place("gs://faults", proxy, {"options": {"endpoint_url": seen, **HASTE}}, {"options": server.options()})


def _on_gdrive(request: pytest.FixtureRequest, stack: ExitStack, home: Path, small: Path) -> Place:
    server = stack.enter_context(DriveServer())
    folder = server.add_folder("small")
    direct: dict[str, Any] = {"options": {"endpoint_url": server.url}, "creds": {"token": "good"}}
    url = f"gdrive://{folder.id}"
    _fill(DriveStorage(url, options=direct["options"], credentials=Credentials(direct["creds"])), small)
    proxy = FaultyProxy(server.url)
    seen = stack.enter_context(proxy.serving())
    return Place(url, proxy, {"options": {"endpoint_url": seen, **HASTE}, "creds": {"token": "good"}}, direct)


@pytest.fixture(autouse=True)
def _nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_GCE_CHECK", "true")


def _file(place: Place) -> Any:
    return reelbase.read(f"{place.url}/clip.mp4", **place.how)[7].numpy()


def _dataset(place: Place) -> Any:
    return reelbase.load(f"{place.url}/ds", read_only=True, **place.how).videos[1, 7].numpy()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: one.name)
@pytest.mark.parametrize("backend", BACKENDS)
def test_reading(
    places: Callable[[str], Place],
    backend: str,
    fault: Fault,
    short_clip: Clip,
    record_property: Callable[[str, object], None],
) -> None:
    """Each at the first two requests of any kind, at the second alone, and at every one."""
    place, right = places(backend), 0
    cells = [(act, *when) for act in (_file, _dataset) for when in ((0, 2), (1, 1), (0, 10_000))]
    for act, skipped, times in cells:
        _trouble(place, fault, skipped, times)
        came = _outcome(act, place)
        if isinstance(came, ReelbaseError):
            assert not (fault.passes and times < HASTE["tries"]), f"{fault.name}, which passes: {came!r}"
            assert "\n" in str(came) or len(str(came)) > 20, "an error that says nothing"
        else:
            right += 1
            assert read_code(came) == short_clip.codes[7], "WRONG BYTES"
    record_property("cells of the fault table", len(cells))
    record_property("of these right bytes", right)
    record_property("of these typed errors", len(cells) - right)


def _trouble(place: Place, fault: Fault, skipped: int, times: int) -> None:
    """From now on: a few requests for bytes go well, then some meet the fault."""
    cached.forget()
    place.proxy.calm()
    for _ in range(skipped):
        place.proxy.expect("GET", lambda handler: handler.give(*handler.ask()))
    place.proxy.expect("GET", fault.trouble, times=times)
    place.proxy.met = 0


def _outcome(act: Callable[[Place], Any], place: Place) -> Any:
    """What `act` gives, or its error; anything but ours is a failure, and so is taking for ever."""
    start = time.monotonic()
    try:
        return act(place)
    except ReelbaseError as error:
        return error
    finally:
        place.proxy.calm()
        assert time.monotonic() - start < 4 * (HASTE["deadline"] + SILENCE), "it took far longer than its deadline"


@pytest.mark.parametrize("backend", BACKENDS)
def test_nobody_there(places: Callable[[str], Place], backend: str) -> None:
    """The port is closed: an error that names the URL, soon."""
    place = places(backend)
    gone = f"http://127.0.0.1:{free_ports(1)[0]}"
    url = place.url if backend != "http" else f"{gone}/small"
    how = {**place.how, "options": {**place.how["options"], **({} if backend == "http" else {"endpoint_url": gone})}}
    for act in (reelbase.load, lambda url, **how: reelbase.read(f"{url}/clip.mp4", **how).shape):
        with pytest.raises(ReelbaseError, match="connection"):
            act(url, **how)


WRITE_FAULTS = {
    "reply lost": lost_reply,
    "busy": says(503, b"", Retry_After="0"),
    "failed": says(500, b""),
    "throttled": says(429, b"", Retry_After="0"),
    "denied": says(403, b""),
    "conflict": says(409, b""),
}


@pytest.mark.parametrize("fault", WRITE_FAULTS)
@pytest.mark.parametrize("backend", ["s3", "gcs"])
def test_appending(
    places: Callable[[str], Place],
    backend: str,
    fault: str,
    record_property: Callable[[str, object], None],
) -> None:
    """At each write of an append, once and for good: the row stands once, or there is an error and it stands not at
    all (or once, where nobody could tell)."""
    place, cells = places(backend), 0
    url = f"{place.url}/written {fault}"
    reelbase.empty(url, **place.direct).create_tensor("n", dtype="int64")
    number = 0
    for skipped in range(4):
        for times in (1, 10_000):
            number, cells = number + 1, cells + 1
            before = reelbase.load(url, **place.direct).n.numpy(aslist=True)
            ds = reelbase.load(url, **place.how)
            place.proxy.calm()
            for method in ("PUT", "POST"):
                for _ in range(skipped):
                    place.proxy.expect(method, lambda handler: handler.give(*handler.ask()))
                place.proxy.expect(method, WRITE_FAULTS[fault], times=times)
            known = True
            try:
                ds.n.append(number)
                wanted = [[*before, number]]
            except CommitOutcomeUnknown:
                wanted = [before, [*before, number]]
            except ReelbaseError:
                wanted, known = [before], False
            finally:
                place.proxy.calm()
            after = reelbase.load(url, **place.direct)
            assert after.n.numpy(aslist=True) in wanted, (skipped, times, known)
            assert after.storage.verify(deep=True).ok
    record_property("cells of the fault table", cells)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_error_names_the_row_and_the_url(places: Callable[[str], Place], backend: str) -> None:
    place = places(backend)
    cached.forget()
    ds = reelbase.load(f"{place.url}/ds", read_only=True, **place.how)
    ds.videos[1].shape  # noqa: B018 - reads
    place.proxy.expect("GET", says(403, b""), times=100)
    with pytest.raises(AccessDeniedError) as caught:
        ds.videos[1, 3].numpy()
    place.proxy.calm()
    assert "Row 1 of tensor 'videos'" in str(caught.value)
    assert place.url in str(caught.value)
