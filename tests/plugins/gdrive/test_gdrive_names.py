"""Links, ids and names: what a user writes, and what Drive allows that other storages do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reelbase.errors import ObjectNotFoundError, StorageError
from reelbase_plugins.gdrive import reelbase_normalize_url
from reelbase_plugins.gdrive.storage import DriveStorage

if TYPE_CHECKING:
    from collections.abc import Callable

    from reelbase.testing.servers.drive import DriveServer

_ID = "1aB-c_9"

# Links


@pytest.mark.parametrize(
    ("link", "url"),
    [
        (f"https://drive.google.com/file/d/{_ID}/view?usp=sharing", f"gdrive://{_ID}"),
        (
            f"https://drive.google.com/file/d/{_ID}/view?usp=drive_link&resourcekey=0-Ab_c",
            f"gdrive://{_ID}?resourcekey=0-Ab_c",
        ),
        (f"https://drive.google.com/file/d/{_ID}", f"gdrive://{_ID}"),
        (f"https://drive.google.com/file/u/1/d/{_ID}/edit", f"gdrive://{_ID}"),
        (f"https://drive.google.com/a/example.org/file/d/{_ID}/view", f"gdrive://{_ID}"),
        (f"https://drive.google.com/drive/folders/{_ID}?usp=sharing", f"gdrive://{_ID}"),
        (f"https://drive.google.com/drive/u/0/folders/{_ID}", f"gdrive://{_ID}"),
        (f"https://drive.google.com/open?id={_ID}&resourcekey=0-x", f"gdrive://{_ID}?resourcekey=0-x"),
        (f"HTTPS://Drive.Google.com/uc?export=download&id={_ID}", f"gdrive://{_ID}"),
        (f"https://drive.usercontent.google.com/download?id={_ID}&export=download", f"gdrive://{_ID}"),
        (f"https://docs.google.com/uc?id={_ID}", f"gdrive://{_ID}"),
    ],
)
def test_share_links(link: str, url: str) -> None:
    assert reelbase_normalize_url(link) == url
    DriveStorage.locate(url)


@pytest.mark.parametrize(
    "url",
    [
        f"https://drive.google.com.evil.example/file/d/{_ID}/view",
        f"https://evil.example/drive.google.com/file/d/{_ID}",
        f"https://drive.google.com@evil.example/file/d/{_ID}/view",
        "https://drive.google.com/",
        f"s3://{_ID}/a",
        "https://drive.google.com/open?id=../x",
        "https://drive.google.com/drive/my-drive",
        f"gdrive://{_ID}",
        f"https://docs.google.com/document/d/{_ID}/edit",
        "https://[bad/file",
        f"https://drive.google.com/x?id={_ID}",
    ],
)
def test_other_urls_are_left_alone(url: str) -> None:
    assert reelbase_normalize_url(url) is None


@pytest.mark.parametrize(
    ("url", "root", "key"),
    [
        (f"gdrive://{_ID}", f"gdrive://{_ID}", ""),
        (f"gdrive://{_ID}/", f"gdrive://{_ID}", ""),
        (f"gdrive://{_ID}/a b/c?d#100%.mp4", f"gdrive://{_ID}/a b", "c?d#100%.mp4"),
        (f"gdrive://{_ID}/a/b?resourcekey=0-x", f"gdrive://{_ID}/a?resourcekey=0-x", "b"),
        ("gdrive://root/a", "gdrive://root", "a"),
    ],
)
def test_locate(url: str, root: str, key: str) -> None:
    assert DriveStorage.locate(url) == (root, key)
    assert "resourcekey" not in DriveStorage(root).root
    assert "resourcekey" not in repr(DriveStorage(root))


@pytest.mark.parametrize(
    "url", ["gdrive://", "gdrive:///a", "gdrive://a b", "gdrive://a/../b", "gdrive://a//b", "gdrive://a?x=secret"]
)
def test_urls_that_are_none(url: str) -> None:
    with pytest.raises(StorageError) as caught:
        DriveStorage(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("key", ["a//b", "../a", "a/.", "/a", "a/"])
def test_keys_that_are_none(opened: Callable[..., DriveStorage], key: str) -> None:
    storage = opened()
    for call in (storage.get, storage.stat, storage.delete, lambda key: storage.put(key, b"")):
        with pytest.raises(StorageError, match="is not a key below"):
            call(key)


# Files by id


def test_one_file_by_its_id(drive: DriveServer, opened: Callable[..., DriveStorage]) -> None:
    file = drive.add_file("clip.mp4", b"video")
    root, key = DriveStorage.locate(f"gdrive://{file.id}")
    storage = opened(root)
    assert storage.get(key) == b"video"
    assert storage.get_ranges(key, [(1, 3), (0, 1)]) == [b"id", b"v"]
    assert storage.stat(key).size == 5
    for call in (storage.delete, lambda key: storage.put(key, b"")):
        with pytest.raises(StorageError):
            call(key)
    assert file.data == b"video"


def test_a_folder_is_no_object(drive: DriveServer, opened: Callable[..., DriveStorage]) -> None:
    for root in (f"gdrive://{drive.add_folder('a').id}", "gdrive://root"):
        with pytest.raises(ObjectNotFoundError):
            opened(root).get("")


def test_an_id_that_is_not_there(opened: Callable[..., DriveStorage]) -> None:
    storage = opened("gdrive://nowhere")
    for call in (storage.get, storage.stat):
        for key in ("", "a", "a/b"):
            with pytest.raises(ObjectNotFoundError, match="gdrive://nowhere"):
                call(key)
    assert list(storage.list()) == []
    with pytest.raises(StorageError, match="does not exist"):
        storage.put("a", b"1")


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_resource_keys(drive: DriveServer, opened: Callable[..., DriveStorage], kind: str) -> None:
    if kind == "file":
        uid, path = drive.add_file("a", b"1", resource_key="0-key").id, ""
    else:
        uid, path = drive.add_folder("in", resource_key="0-key").id, "/a"
        drive.add_file("a", b"1", parent=uid, resource_key="0-other")
    assert kind == "folder" or _fails(lambda: opened(f"gdrive://{uid}").get(""))
    root, key = DriveStorage.locate(f"gdrive://{uid}{path}?resourcekey=0-key")
    storage = opened(root)
    if kind == "folder":  # what is in it has a key of its own, which only those see who have it
        assert _fails(lambda: storage.get("a"))
        drive.files.find("name = 'a'")[0].resource_key = None
    assert storage.get(key) == b"1"
    sent = drive.asked[-1].headers["x-goog-drive-resource-keys"]
    assert sent.split(",")[0] == f"{uid}/0-key"
    assert not any("0-key" in str(one.query) for one in drive.asked)


def _fails(call: Callable[[], object]) -> bool:
    with pytest.raises(ObjectNotFoundError):
        call()
    return True


# Names


def test_two_files_of_one_name(drive: DriveServer, opened: Callable[..., DriveStorage]) -> None:
    twins = [drive.add_file("a", body) for body in (b"1", b"2")]
    storage = opened()
    for call in (storage.get, storage.stat, storage.delete, lambda key: storage.put(key, b"3")):
        with pytest.raises(StorageError, match="2 files in gdrive://root are called 'a'"):
            call("a")
    assert [one.data for one in twins] == [b"1", b"2"]
    assert [key for key, _ in storage.list()] == ["a"]


def test_two_folders_of_one_name(drive: DriveServer, opened: Callable[..., DriveStorage]) -> None:
    for _ in range(2):
        drive.add_file("b", b"1", parent=drive.add_folder("a").id)
    storage = opened()
    with pytest.raises(StorageError, match="2 folders"):
        storage.get("a/b")
    with pytest.raises(StorageError, match="Two folders"):
        list(storage.list())


def test_names_that_differ_in_case(drive: DriveServer, opened: Callable[..., DriveStorage]) -> None:
    """Drive's queries ignore it."""
    drive.add_file("Clip.MP4", b"other")
    storage = opened()
    with pytest.raises(ObjectNotFoundError):
        storage.get("clip.mp4")
    storage.put("clip.mp4", b"mine", if_absent=True)
    assert (storage.get("clip.mp4"), storage.get("Clip.MP4")) == (b"mine", b"other")


@pytest.mark.parametrize(
    "name", ["it's", "\\", "\\'", "a' or name = 'b", "' and trashed = true and name = '", "x" * 900]
)
def test_names_in_queries(drive: DriveServer, opened: Callable[..., DriveStorage], name: str) -> None:
    storage = opened()
    drive.add_file("b", b"wrong")
    with pytest.raises(ObjectNotFoundError):
        storage.get(f"{name}/{name}")
    storage.put(f"{name}/{name}", b"right")
    assert opened().get(f"{name}/{name}") == b"right"


def test_many_files_on_short_pages(drive: DriveServer, opened: Callable[..., DriveStorage]) -> None:
    drive.page_limit = 100
    folder = drive.add_folder("a")
    names = [f"{number:05}" for number in range(1200)]
    for name in reversed(names):
        drive.add_file(name, b"1", parent=folder.id)
    storage = opened()
    assert [key for key, _ in storage.list("a/")] == [f"a/{name}" for name in names]
    assert drive.counts()["list"] == 13


def test_what_is_in_the_trash_is_not_there(drive: DriveServer, opened: Callable[..., DriveStorage]) -> None:
    folder = drive.add_folder("a")
    drive.add_file("b", b"1", parent=folder.id)
    folder.trashed = True
    storage = opened()
    with pytest.raises(ObjectNotFoundError):
        storage.get("a/b")
    storage.put("a/b", b"2", if_absent=True)
    assert storage.get("a/b") == b"2"


def test_shortcuts_are_read_through_and_not_written(drive: DriveServer, opened: Callable[..., DriveStorage]) -> None:
    elsewhere = drive.add_folder("elsewhere")
    target = drive.add_file("b", b"1", parent=elsewhere.id)
    top = drive.add_folder("top")
    drive.add_shortcut("file", target.id, parent=top.id)
    drive.add_shortcut("folder", elsewhere.id, parent=top.id)
    chain = drive.add_shortcut("x", drive.add_shortcut("file2", target.id).id, parent=top.id)
    storage = opened(f"gdrive://{top.id}")
    assert (storage.get("file"), storage.get("folder/b")) == (b"1", b"1")
    for key in ("file", "folder/b", "folder/new"):
        with pytest.raises(StorageError, match="shortcut"):
            storage.put(key, b"2")
    with pytest.raises(StorageError, match="has no bytes"):
        storage.get("x")
    assert list(storage.list()) == []
    assert (target.data, chain.target) == (b"1", storage._here[1].find_entry(["x"]).target)


def test_google_documents(drive: DriveServer, opened: Callable[..., DriveStorage]) -> None:
    drive.add_file("notes", b"", mime="application/vnd.google-apps.document")
    storage = opened()
    for call in (storage.get, storage.stat):
        with pytest.raises(StorageError, match=r"has no bytes: its type is application/vnd\.google-apps\.document"):
            call("notes")
    assert list(storage.list()) == []


def test_what_another_replaced_is_found(drive: DriveServer, opened: Callable[..., DriveStorage]) -> None:
    mine, other = opened(), opened()
    mine.put("a/b", b"1")
    assert mine.get("a/b", 0, 1) == b"1"
    other.delete("a/b")
    other.put("a/b", b"2")
    assert mine.get("a/b", 0, 1) == b"2"
    drive.files.remove(drive.files.find("name = 'a'")[0])
    with pytest.raises(ObjectNotFoundError):
        mine.get("a/b", 0, 1)
    opened().put("a/b", b"3")
    assert mine.get("a/b", 0, 1) == b"3"
    mine.put("a/c", b"4")
    assert len(drive.files.find("name = 'a'")) == 1


def test_a_name_is_asked_for_once_in_a_while(drive: DriveServer, opened: Callable[..., DriveStorage]) -> None:
    opened().put("a/b/c", b"12345")
    storage = opened()
    drive.asked.clear()
    storage.get("a/b/c", 0, 2)
    assert drive.counts() == {"list": 3, "media": 1}
    storage.get_ranges("a/b/c", [(0, 2), (3, 4)])
    assert drive.counts() == {"list": 3, "media": 3}
