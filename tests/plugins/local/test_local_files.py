"""What is particular to local disk: paths, links, durability, full disks, odd files."""

from __future__ import annotations

import errno
import io
import os
import shutil
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from reelbase.errors import (
    ObjectExistsError,
    ObjectNotFoundError,
    OutcomeUnknownError,
    StorageError,
    StorageFullError,
)
from reelbase_plugins.local import writing
from reelbase_plugins.local.storage import LocalStorage


@pytest.fixture
def root(tmp_path: Path) -> Path:
    writing.make_folder(str(tmp_path / "root"))
    return tmp_path / "root"


@pytest.fixture
def storage(root: Path) -> LocalStorage:
    return LocalStorage(str(root))


def _names(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


# Paths and URLs


@pytest.mark.parametrize(
    "name", ["a b.mp4", "a&b?c=d#e.mp4", "-dash.mp4", "100%.mp4", "%41.mp4", "~.mp4", "动画.mp4", "a:b.mp4"]
)
def test_locate_takes_any_file_name(root: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (root / name).write_bytes(b"video")
    monkeypatch.chdir(root)
    for url in (name, f"./{name}", str(root / name), f"../root/{name}"):
        found, key = LocalStorage.locate(url)
        assert (found, key) == (str(root), name), url
        assert LocalStorage(found).get(key) == b"video"


def test_a_name_that_is_not_utf8(root: Path) -> None:
    name = os.fsdecode(b"caf\xe9.mp4")
    (root / name).write_bytes(b"video")
    found, key = LocalStorage.locate(str(root / name))
    assert LocalStorage(found).get(key) == b"video"
    assert [one for one, _ in LocalStorage(str(root)).list()] == [name]
    assert LocalStorage.locate(f"file://{root}/caf%E9.mp4") == (str(root), name)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("file:///a/b%20c%25.mp4", "/a/b c%.mp4"), ("FILE:///a", "/a"), ("file://localhost/a/b", "/a/b"),
        ("file:///a/x+y", "/a/x+y"), ("file:///a%2Fb", "/a/b"), ("file:///a?b#c", "/a?b#c"), ("/a/b%20c", "/a/b%20c"),
    ],
)  # fmt: skip
def test_file_urls(url: str, path: str) -> None:
    assert os.path.join(*LocalStorage.locate(url)) == path  # noqa: PTH118


@pytest.mark.parametrize("url", ["file://server/share/a.mp4", "file://", "file://a"])
def test_file_urls_of_other_hosts(url: str) -> None:
    with pytest.raises(StorageError, match="names the host"):
        LocalStorage(url)


def test_nul() -> None:
    for url in ("a\0b", "file:///a%00b"):
        with pytest.raises(StorageError, match="NUL"):
            LocalStorage.locate(url)


def test_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert LocalStorage("~/data").root == str(tmp_path / "data")
    assert LocalStorage.locate("~/a.mp4") == (str(tmp_path), "a.mp4")


def test_root_does_not_move_with_the_working_directory(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    storage = LocalStorage("data")
    monkeypatch.chdir("/")
    storage.put("a", b"1")
    assert (root / "data" / "a").read_bytes() == b"1"


# Staying inside


@pytest.mark.parametrize(
    "key", ["../out", "a/../../out", "/etc/passwd", "..", ".", "", "a//b", "a/./b", "a/", "/", "a\0b", "a/..", "./a"]
)
def test_keys_that_are_none(storage: LocalStorage, tmp_path: Path, key: str) -> None:
    (tmp_path / "out").write_bytes(b"secret")
    for call in (storage.get, storage.stat, storage.delete, lambda key: storage.put(key, b"")):
        with pytest.raises(StorageError, match="is not a key below") as caught:
            call(key)
        assert repr(key) in str(caught.value)
    assert (tmp_path / "out").read_bytes() == b"secret"


@pytest.mark.parametrize("absolute", [True, False])
def test_links_do_not_lead_out(storage: LocalStorage, root: Path, tmp_path: Path, absolute: bool) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "secret").write_bytes(b"secret")
    target = tmp_path / "out" if absolute else Path("../out")
    (root / "folder").symlink_to(target)
    (root / "file").symlink_to(target / "secret")
    (root / "chain").symlink_to("file")
    for key in ("folder/secret", "file", "chain"):
        for call in (storage.get, storage.stat, storage.delete, lambda key: storage.put(key, b"", if_absent=True)):
            with pytest.raises(StorageError, match="leads out of"):
                call(key)
    with pytest.raises(StorageError, match="leads out of"):
        storage.put("folder/new", b"")
    assert _names(tmp_path / "out") == ["secret"]
    assert list(storage.list()) == []


def test_a_root_whose_name_begins_like_another(tmp_path: Path) -> None:
    (tmp_path / "data-secret").mkdir()
    (tmp_path / "data-secret" / "a").write_bytes(b"secret")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "link").symlink_to("../data-secret/a")
    with pytest.raises(StorageError, match="leads out of"):
        LocalStorage(str(tmp_path / "data")).get("link")


def test_links_inside_are_followed(storage: LocalStorage, root: Path) -> None:
    storage.put("a/b", b"1")
    (root / "link").symlink_to("a")
    assert storage.get("link/b") == b"1"


def test_a_linked_root(tmp_path: Path, root: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    storage = LocalStorage(str(tmp_path / "link"))
    storage.put("a", b"1")
    assert (root / "a").read_bytes() == b"1"
    assert storage.get("a") == b"1"


def test_a_loop_of_links(storage: LocalStorage, root: Path) -> None:
    (root / "loop").symlink_to("loop")
    with pytest.raises(StorageError):
        storage.get("loop")


# Odd files


def test_a_folder_is_no_object(storage: LocalStorage, root: Path) -> None:
    (root / "folder").mkdir()
    for call in (storage.get, storage.stat):
        with pytest.raises(ObjectNotFoundError, match="is a folder, not a file"):
            call("folder")
    storage.delete("folder")
    assert (root / "folder").is_dir()


def test_a_pipe_does_not_hang(storage: LocalStorage, root: Path) -> None:
    os.mkfifo(root / "pipe")
    for call in (storage.get, storage.stat):
        with pytest.raises(StorageError, match="is not a regular file"):
            call("pipe")
    assert list(storage.list()) == []


def test_a_socket(storage: LocalStorage, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)  # the path of a socket is at most 107 bytes long
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        with pytest.raises(StorageError):
            storage.get("socket")


def test_a_file_where_a_folder_should_be(storage: LocalStorage) -> None:
    storage.put("a", b"1")
    with pytest.raises(ObjectNotFoundError):
        storage.get("a/b")
    with pytest.raises(StorageError, match="Not a directory"):
        storage.put("a/b", b"2")
    storage.delete("a/b")
    assert storage.get("a") == b"1"


def test_a_folder_where_a_file_should_be(storage: LocalStorage, root: Path) -> None:
    storage.put("a/b", b"1")
    with pytest.raises(StorageError):
        storage.put("a", b"2")
    with pytest.raises(ObjectExistsError):
        storage.put("a", b"2", if_absent=True)
    assert _names(root) == ["a", "a/b"]


# Writing


def test_modes_follow_the_umask(storage: LocalStorage, root: Path) -> None:
    before = os.umask(0o027)
    try:
        storage.put("a", b"1")
        storage.put("b", b"1", if_absent=True)
    finally:
        os.umask(before)
    assert [(root / name).stat().st_mode & 0o777 for name in "ab"] == [0o640, 0o640]


def test_a_name_for_temporary_files_is_none_for_objects(storage: LocalStorage, root: Path) -> None:
    for key in (f"{writing.TEMPORARY}1", f"a/{writing.TEMPORARY}1", f"{writing.TEMPORARY}1/a"):
        with pytest.raises(StorageError, match="temporary"):
            storage.put(key, b"")
    (root / f"{writing.TEMPORARY}left-by-a-killed-process").write_bytes(b"half")
    assert list(storage.list()) == []


def test_delete_removes_empty_folders_up_to_the_root(storage: LocalStorage, root: Path) -> None:
    storage.put("a/b/c", b"1")
    storage.put("a/d", b"2")
    storage.delete("a/b/c")
    assert _names(root) == ["a", "a/d"]
    storage.delete("a/d")
    assert _names(root) == []
    assert root.is_dir()


def test_a_large_file_is_copied_in_pieces(storage: LocalStorage) -> None:
    asked = []

    class Large(io.RawIOBase):
        def __init__(self) -> None:
            self.left = 30 << 20

        def read(self, size: int = -1, /) -> bytes:
            asked.append(size)
            part = min(size, self.left)
            self.left -= part
            return bytes(part)

    storage.put("large", Large())  # type: ignore[arg-type]
    assert storage.stat("large").size == 30 << 20
    assert 0 < max(asked) <= 4 << 20
    assert min(asked) > 0, "an unbounded read holds the whole file in memory"


def test_etag_changes_when_a_file_is_replaced_or_touched(storage: LocalStorage, root: Path) -> None:
    storage.put("a", b"1")
    etags = {storage.stat("a").etag}
    os.utime(root / "a", ns=(1, 1))
    etags.add(storage.stat("a").etag)
    (root / "b").write_bytes(b"2")
    os.utime(root / "b", ns=(1, 1))
    (root / "b").replace(root / "a")
    etags.add(storage.stat("a").etag)
    assert len(etags) == 3


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What is written to disk in which order: real calls, recorded on their way."""
    seen: list[tuple[str, str]] = []

    def record(name: str, where: object) -> None:
        path = str(Path(f"/proc/self/fd/{where}").readlink()) if isinstance(where, int) else str(where)
        head, tail = os.path.split(path)
        seen.append((name, os.path.join(head, "TEMP") if tail.startswith(writing.TEMPORARY) else path))  # noqa: PTH118

    def wrap(name: str) -> None:
        real = getattr(os, name)

        def call(first: object, *rest: object, **named: object) -> object:
            result = real(first, *rest, **named)
            record(name, rest[0] if name in {"link", "replace"} else first)
            return result

        monkeypatch.setattr(os, name, call)

    for name in ("fsync", "link", "replace", "mkdir"):
        wrap(name)
    return seen


@pytest.mark.parametrize(("if_absent", "placed"), [(True, "link"), (False, "replace")])
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_everything_is_synced_before_and_after_it_is_named(
    storage: LocalStorage, root: Path, calls: list[tuple[str, str]], if_absent: bool, placed: str
) -> None:
    storage.put("new/folder/key", b"1", if_absent=if_absent)
    folder = root / "new" / "folder"
    assert calls == [
        ("mkdir", str(root / "new")),
        ("fsync", str(root)),
        ("mkdir", str(folder)),
        ("fsync", str(root / "new")),
        ("fsync", str(folder / "TEMP")),
        (placed, str(folder / "key")),
        ("fsync", str(folder)),
    ]


def _fail(monkeypatch: pytest.MonkeyPatch, name: str, code: int, *, on: int = 1) -> None:
    """Let the call number `on` of a function of `os` fail as the kernel would."""
    real, count = getattr(os, name), 0

    def call(*args: object, **named: object) -> object:
        nonlocal count
        count += 1
        if count == on:
            raise OSError(code, os.strerror(code))
        return real(*args, **named)

    monkeypatch.setattr(os, name, call)


def test_a_folder_that_another_process_made_is_synced_once(
    storage: LocalStorage, root: Path, calls: list[tuple[str, str]]
) -> None:
    """It may have died before it had synced it."""
    (root / "new").mkdir()
    calls.clear()
    storage.put("new/a", b"1")
    storage.put("new/b", b"1")
    assert calls.count(("fsync", str(root))) == 1


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("name", ["write", "fsync", "link"])
def test_no_space_at_any_step(
    storage: LocalStorage, root: Path, monkeypatch: pytest.MonkeyPatch, name: str, code: int
) -> None:
    _fail(monkeypatch, name, code)
    with pytest.raises(StorageFullError, match="no space left"):
        storage.put("a", b"1", if_absent=True)
    assert _names(root) == []


def test_a_disk_that_fails(storage: LocalStorage, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fail(monkeypatch, "fsync", errno.EIO)
    with pytest.raises(StorageError, match="Input/output error") as caught:
        storage.put("a", b"1")
    assert type(caught.value) is StorageError
    assert _names(root) == []


def test_a_name_that_may_not_be_durable(storage: LocalStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    _fail(monkeypatch, "fsync", errno.EIO, on=2)  # that of the folder, after the link
    with pytest.raises(OutcomeUnknownError, match="may not be durable"):
        storage.put("a", b"1", if_absent=True)
    assert storage.get("a") == b"1"


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_filesystem_without_hard_links_is_named(
    storage: LocalStorage, root: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    _fail(monkeypatch, "link", code)
    with pytest.raises(StorageError, match=r"The filesystem of '.*/a' \(\w+ at /.*\) has no hard links"):
        storage.put("a", b"1", if_absent=True)
    assert _names(root) == []


def test_a_folder_that_vanishes_in_between(storage: LocalStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    storage.put("folder/old", b"1")
    real, once = os.open, []

    def removing(path: str, *rest: int) -> int:
        if writing.TEMPORARY in path and not once:
            once.append(path)
            storage.delete("folder/old")
        return real(path, *rest)

    monkeypatch.setattr(os, "open", removing)
    storage.put("folder/new", b"2")
    assert once
    assert storage.get("folder/new") == b"2"


def test_writers_and_removers_of_one_folder(storage: LocalStorage) -> None:
    from reelbase.testing._threads import together

    def run(me: int) -> None:
        for turn in range(40):
            storage.put(f"deep/er/{me}-{turn}", b"1")
            storage.delete(f"deep/er/{me}-{turn}")

    together(run, 4)
    assert list(storage.list()) == []


_IN_A_SMALL_DISK = """
    import io, os, sys
    from reelbase.errors import StorageFullError
    from reelbase_plugins.local.storage import LocalStorage
    from reelbase_plugins.local.writing import TEMPORARY

    storage = LocalStorage(sys.argv[1])
    storage.put("small", b"stays")
    for if_absent in (False, True):
        for data in (bytes(1 << 20), io.BytesIO(bytes(1 << 20))):
            try:
                storage.put("large", data, if_absent=if_absent)
            except StorageFullError as error:
                print(str(error).splitlines()[0])
    assert os.listdir(sys.argv[1]) == ["small"], os.listdir(sys.argv[1])
    assert storage.get("small") == b"stays"
"""


def test_a_disk_that_is_really_full(root: Path) -> None:
    """A tmpfs of 256 KiB, in a mount namespace of its own that ends with the process."""
    unshare = shutil.which("unshare")
    probe = [unshare or "", "-rm", "mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(root)]
    if unshare is None or subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("cannot make a mount namespace here")
    script = f'mount -t tmpfs -o size=256k tmpfs "$1" && exec "{sys.executable}" -c "$2" "$1"'
    command = [unshare, "-rm", "sh", "-c", script, "sh", str(root), textwrap.dedent(_IN_A_SMALL_DISK)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == [f"There is no space left to write {str(root / 'large')!r}."] * 4


_RACER = """
    import sys
    from reelbase.errors import ObjectExistsError
    from reelbase_plugins.local.storage import LocalStorage

    storage, won = LocalStorage(sys.argv[1]), []
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(200):
        try:
            storage.put(f"claim/{number}", sys.argv[2].encode() * 100, if_absent=True)
            won.append(number)
        except ObjectExistsError:
            pass
    print(*won)
"""


def test_three_processes_race(root: Path) -> None:
    code = textwrap.dedent(_RACER)
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(root), name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for name in "xyz"
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    outputs = []
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    for name, racer in zip("xyz", racers, strict=True):
        won, _ = racer.communicate()
        outputs += [(int(number), name) for number in won.split()]
    assert sorted(number for number, _ in outputs) == list(range(200)), "each claim has exactly one winner"
    storage = LocalStorage(str(root))
    assert all(storage.get(f"claim/{number}") == name.encode() * 100 for number, name in outputs)
    assert len(_names(root)) == 201


def test_a_claim_stands_although_its_temporary_name_stays(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that looked like a failed commit would be repeated, and the row be there twice."""

    def unlink(*args: object, **how: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", unlink)
        storage.put("key", b"first", if_absent=True)
        with pytest.raises(ObjectExistsError):
            storage.put("key", b"second", if_absent=True)
    assert storage.get("key") == b"first"
    assert len(list(storage.leftovers())) == 2
