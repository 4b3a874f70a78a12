"""Every fault on every backend: right bytes, or an error that says what is wrong; never wrong bytes, never a hang."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from cloud_servers import free_ports
from faulty_proxy import FaultyProxy, lost_reply, says
from remote_places import BACKENDS, Place, Places
from troubles import FAULTS, HASTE, SILENCE, Fault

import reelbase
from reelbase.errors import AccessDeniedError, CommitOutcomeUnknownError, ReelbaseError
from reelbase.io.cache import cached_source
from reelbase.testing.clips import Clip, read_code


def _file(place: Place[FaultyProxy]) -> Any:
    return reelbase.read(f"{place.url}/clip.mp4", **place.how)[7].numpy()


def _dataset(place: Place[FaultyProxy]) -> Any:
    return reelbase.load(f"{place.url}/ds", read_only=True, **place.how).videos[1, 7].numpy()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: one.name)
@pytest.mark.parametrize("backend", BACKENDS)
def test_reading(
    troubled: Places[FaultyProxy],
    backend: str,
    fault: Fault,
    short_clip: Clip,
    record_property: Callable[[str, object], None],
) -> None:
    """Each at the first two requests of any kind, at the second alone, and at every one."""
    place, right = troubled(backend), 0
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


def _trouble(place: Place[FaultyProxy], fault: Fault, skipped: int, times: int) -> None:
    """From now on: a few requests for bytes go well, then some meet the fault."""
    cached_source.forget()
    place.proxy.calm()
    for _ in range(skipped):
        place.proxy.expect("GET", lambda handler: handler.give(*handler.ask()))
    place.proxy.expect("GET", fault.trouble, times=times)
    place.proxy.met = 0


def _outcome(act: Callable[[Place[FaultyProxy]], Any], place: Place[FaultyProxy]) -> Any:
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
def test_nobody_there(troubled: Places[FaultyProxy], backend: str) -> None:
    """The port is closed: an error that names the URL, soon."""
    place = troubled(backend)
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
    troubled: Places[FaultyProxy],
    backend: str,
    fault: str,
    record_property: Callable[[str, object], None],
) -> None:
    """At each write of an append, once and for good: the row stands once, or there is an error and it stands not at
    all (or once, where nobody could tell)."""
    place, cells = troubled(backend), 0
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
            except CommitOutcomeUnknownError:
                wanted = [before, [*before, number]]
            except ReelbaseError:
                wanted, known = [before], False
            finally:
                place.proxy.calm()
            after = reelbase.load(url, **place.direct)
            assert after.n.numpy(aslist=True) in wanted, (skipped, times, known)
            assert after.maintenance.verify(deep=True).ok
    record_property("cells of the fault table", cells)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_error_names_the_row_and_the_url(troubled: Places[FaultyProxy], backend: str) -> None:
    place = troubled(backend)
    cached_source.forget()
    ds = reelbase.load(f"{place.url}/ds", read_only=True, **place.how)
    ds.videos[1].shape  # noqa: B018 - reads
    place.proxy.expect("GET", says(403, b""), times=100)
    with pytest.raises(AccessDeniedError) as caught:
        ds.videos[1, 3].numpy()
    place.proxy.calm()
    assert "Row 1 of tensor 'videos'" in str(caught.value)
    assert place.url in str(caught.value)
