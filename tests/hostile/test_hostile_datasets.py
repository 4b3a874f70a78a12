"""Manifests that were forged: an error of ours, soon, and nothing outside of the dataset's folder is opened."""

from __future__ import annotations

import copy
import json
import shutil
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from watching import watched

import reelbase
from reelbase.errors import ReelbaseError
from reelbase.testing.clips import Clip

_HEAD = struct.Struct("<4sIII")


@pytest.fixture(scope="module")
def made(clip: Clip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "ds"
    ds = reelbase.empty(path)
    ds.create_tensor("videos", htype="video")
    ds.create_tensor("links", htype="link[video]")
    ds.create_tensor("n", dtype="int64")
    ds.add_creds_key("LAB")
    for number in range(3):
        ds.append({"videos": reelbase.read(clip.path), "links": None, "n": number})
    ds.n[1] = 7
    ds.delete_rows(0)
    ds.commit("made")
    return path


@pytest.fixture
def forged(made: Path, tmp_path: Path) -> Callable[..., Path]:
    """A copy whose newest commit says what is given."""
    path = tmp_path / "forged"
    shutil.copytree(made, path)
    newest = max((path / "log" / "main").rglob("*.rbc"))

    def forge(head: dict[str, Any] | bytes, inline: bytes | None = None) -> Path:
        _, _, own = _commit(newest)
        body = head if isinstance(head, bytes) else json.dumps(head).encode()
        entries = own if inline is None else inline
        data = _HEAD.pack(b"RBC2", len(body), len(entries), zlib.crc32(entries, zlib.crc32(body))) + body + entries
        newest.write_bytes(data)
        (path / "log" / "main" / "latest").write_bytes(data)
        return path

    return forge


def _commit(path: Path) -> tuple[bytes, dict[str, Any], bytes]:
    data = path.read_bytes()
    _, size, _, _ = _HEAD.unpack_from(data)
    return data, json.loads(data[_HEAD.size : _HEAD.size + size]), data[_HEAD.size + size :]


@pytest.fixture(scope="module")
def head(made: Path) -> dict[str, Any]:
    """What the newest commit says."""
    return _commit(max((made / "log" / "main").rglob("*.rbc")))[1]


def _read_all(path: Path) -> None:
    """Everything that a reader would do."""
    ds = reelbase.load(path, read_only=True)
    len(ds)
    ds.get_creds_keys()
    repr(ds)
    for tensor in ds.tensors.values():
        for row in range(min(len(tensor), 5)):
            view = tensor[row]
            if view.exists:
                view.numpy()
    ds.log(all=True)
    ds.maintenance.verify(deep=True)


def _outcome(path: Path) -> str:
    start = time.monotonic()
    try:
        with watched() as seen:
            _read_all(path)
    except ReelbaseError:
        outcome = "refused"
    else:
        outcome = "read"
    assert time.monotonic() - start < 120, "it took for ever"
    assert seen.files(path.parent) == []
    assert seen.network == seen.programs == []
    return outcome


def test_the_copy_itself_is_read(forged: Callable[..., Path], head: dict[str, Any]) -> None:
    assert _outcome(forged(head)) == "read"


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from _places(inner, (*path, key))


def _with(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    out = copy.deepcopy(value)
    at = out
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = new
    return out


ODD = [
    None, True, 0, -1, 1, 2**31, 2**32, 2**63, 2**64, -(2**63), 1e308, "", "..", "../../../etc/passwd", "/etc/passwd",
    "a" * 10_000, "\x00", "\ud800", [], {}, [[]], {"ref": ["00" * 16, 0, 0]}, {"ref": ["../../etc", 0, 2**40]},
    "sequence[" * 500 + "video", "link[link[link[video]]]", "__import__('os')", {"__reduce__": "x"},
]  # fmt: skip


def test_odd_values_in_every_place(
    forged: Callable[..., Path], head: dict[str, Any], record_property: Callable[[str, object], None]
) -> None:
    """Each value of the manifest in turn is something else."""
    counts, wrong = {"read": 0, "refused": 0}, []
    places = list(_places(head))
    for number, path in enumerate(places * 3):
        value = ODD[(number + number // len(places) * 9) % len(ODD)]
        try:
            counts[_outcome(forged(_with(head, path, value)))] += 1
        except Exception as error:  # all that are wrong are wanted, not the first
            wrong.append(f"{path} = {value!r:.60}: {error!r:.200}")
    assert wrong == []
    record_property("forged manifests", sum(counts.values()))
    record_property("of these refused", counts["refused"])
    assert counts["refused"] > counts["read"] > 0


_PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
_JSON = st.recursive(
    _PLAIN | st.sampled_from(ODD),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_forged_manifests(forged: Callable[..., Path], head: dict[str, Any], data: st.DataObject) -> None:
    """Some values of it are anything."""
    value: Any = head
    for _ in range(data.draw(st.integers(1, 3))):
        value = _with(value, data.draw(st.sampled_from(list(_places(value)))), data.draw(_JSON))
    if isinstance(value, dict):
        _outcome(forged(value))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_forged_entries(forged: Callable[..., Path], head: dict[str, Any], made: Path, data: st.DataObject) -> None:
    """Where samples lie is anything; checksums are right."""
    inline = bytearray(_commit(max((made / "log" / "main").rglob("*.rbc")))[2])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(inline) - 8))
        value = data.draw(st.sampled_from([0, 1, 255, 2**31, 2**32 - 1, 2**63, 2**64 - 1]) | st.integers(0, 2**64 - 1))
        struct.pack_into("<Q", inline, at, value)
    _outcome(forged(head, bytes(inline)))


NONE = [b"[" * 100_000, b'{"a":' * 50_000, b"1" * 100_000, b"\xff", b"{}", b"[]", b"null", b"NaN"]


@pytest.mark.parametrize("body", NONE)
def test_what_is_no_manifest(forged: Callable[..., Path], body: bytes) -> None:
    assert _outcome(forged(body)) == "refused"


def test_a_manifest_that_inflates(forged: Callable[..., Path], head: dict[str, Any]) -> None:
    """A referenced part of 4 GB in 4 MB: inflated to a bound, and refused."""
    uid = "ab" * 16
    packed = zlib.compressobj(9)
    data = b"".join(packed.compress(bytes(1 << 24)) for _ in range(40)) + packed.flush()
    path = forged(_with(head, ("rows",), {"ref": [uid, zlib.crc32(data), len(data)]}))
    (path / "index" / "ab").mkdir(parents=True, exist_ok=True)
    (path / "index" / "ab" / f"{uid}.rbi").write_bytes(data)
    assert _outcome(path) == "refused"


def test_links_out_of_the_folder(made: Path, tmp_path: Path) -> None:
    """An object that is a symbolic link to elsewhere is not followed."""
    path = tmp_path / "linked"
    shutil.copytree(made, path)
    secret = tmp_path / "secret"
    for pack in [one for one in path.rglob("*") if one.is_file() and one.suffix in {".pack", ".mp4"}]:
        secret.write_bytes(pack.read_bytes())
        pack.unlink()
        pack.symlink_to(secret)
    with pytest.raises(ReelbaseError):
        _read_all(path)
