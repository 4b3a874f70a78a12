"""Files elsewhere: single URLs, folders and patterns; what etags tell, and what only bytes do."""

from __future__ import annotations

import glob
import itertools
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_files import Files

import reelbase
from reelbase import config
from reelbase.errors import LinkRefusedError, ObjectNotFoundError, StorageError, UsageError
from reelbase.ingestion.contents import BYTES_OF_HEAD
from reelbase.ingestion.found import FoundFile
from reelbase.ingestion.known import Known
from reelbase.ingestion.origin import Origin
from reelbase.ingestion.urls import match_pattern
from reelbase.registry import registry
from reelbase.testing.servers import BadHttpServer

_numbers = itertools.count()


@pytest.fixture
def bucket() -> str:
    return f"mem://bucket{next(_numbers)}"


def put(url: str, data: bytes) -> None:
    storage, key = registry().locate(url)
    storage.put(key, data)


def test_patterns_folders_and_files(ds: reelbase.Dataset, files: Files, bucket: str) -> None:
    for mark, name in enumerate(["v/a.mp4", "v/b.MP4", "v/c.txt", "v/sub/d.mp4", "v/.e.mp4", "v/.f/g.mp4", "w/h.mp4"]):
        put(f"{bucket}/{name}", files.content(mark))
    put(f"{bucket}/v/empty.mp4", b"")
    put(f"{bucket}/v/dir/", b"")
    report = reelbase.ingest(ds, f"{bucket}/v/[ab].*")
    assert report.added == [f"{bucket}/v/a.mp4", f"{bucket}/v/b.MP4"]
    report = reelbase.ingest(ds, f"{bucket}/v/")
    assert (report.added, len(report.skipped)) == ([f"{bucket}/v/sub/d.mp4"], 2)
    assert {file.path.rpartition("/")[2]: file.reason for file in report.passed_over} == {
        "c.txt": "suffix .txt", ".e.mp4": "hidden", "g.mp4": "hidden", "empty.mp4": "empty",
    }  # fmt: skip
    assert reelbase.ingest(ds, [f"{bucket}/**/*.mp4", f"{bucket}/w/h.mp4"]).added == [f"{bucket}/w/h.mp4"]
    assert [view.tobytes() for view in ds.videos] == [files.content(mark) for mark in (0, 1, 3, 6)]
    source = ds.videos_source[3].data()
    assert (source["path"], sorted(source)) == (f"{bucket}/w/h.mp4", ["etag", "path", "size"])
    with pytest.raises(ObjectNotFoundError, match="Nothing matches"):
        reelbase.ingest(ds, f"{bucket}/v/z*")
    with pytest.raises(UsageError, match="pattern in its host"):
        reelbase.ingest(ds, "mem://bucket*/v/z*")


def test_a_pattern_finds_other_suffixes_if_it_names_them(ds: reelbase.Dataset, files: Files, bucket: str) -> None:
    put(f"{bucket}/a.dat", files.content(1))
    assert len(reelbase.ingest(ds, f"{bucket}/*").passed_over) == 1
    assert len(reelbase.ingest(ds, f"{bucket}/*.dat").added) == 1


def test_a_name_with_brackets_is_that_file_if_it_exists(ds: reelbase.Dataset, files: Files, bucket: str) -> None:
    put(f"{bucket}/a[1].mp4", files.content(1))
    put(f"{bucket}/a1.mp4", files.content(2))
    assert reelbase.ingest(ds, f"{bucket}/a[1].mp4").added == [f"{bucket}/a[1].mp4"]


def test_datasets_below_a_url(ds: reelbase.Dataset, files: Files, bucket: str) -> None:
    inner = reelbase.empty(f"{bucket}/sets/one")
    inner.create_tensor("videos", htype="video")
    put(f"{bucket}/sets/one/blobs/x.mp4", files.content(1))
    put(f"{bucket}/sets/one.mp4", files.content(2))
    for place in (f"{bucket}/sets/", f"{bucket}/**/*.mp4"):
        report = reelbase.ingest(ds, place)
        assert [*report.added, *report.skipped] == [f"{bucket}/sets/one.mp4"]
        assert [(file.path, file.reason) for file in report.passed_over] == [(f"{bucket}/sets/one", "reelbase dataset")]
    with pytest.raises(UsageError, match="is a dataset"):
        reelbase.ingest(ds, f"{bucket}/sets/one/")


def test_what_happens_to_objects(ds: reelbase.Dataset, files: Files, bucket: str) -> None:
    """Another etag alone adds nothing: the bytes are compared. Another content is reported."""
    put(f"{bucket}/a.mp4", files.content(1))
    assert len(reelbase.ingest(ds, f"{bucket}/").added) == 1
    report = reelbase.ingest(ds, f"{bucket}/")
    assert (len(report.skipped), report.same) == (1, [])
    put(f"{bucket}/a.mp4", files.content(1))
    assert len(reelbase.ingest(ds, f"{bucket}/").same) == 1
    assert reelbase.ingest(ds, f"{bucket}/").same == []
    put(f"{bucket}/b.mp4", files.content(1))
    files.put("local.mp4", 1)
    assert len(reelbase.ingest(ds, [f"{bucket}/", files.root]).same) == 2
    put(f"{bucket}/a.mp4", files.content(2))
    report = reelbase.ingest(ds, f"{bucket}/")
    assert [(file.path, file.row) for file in report.changed] == [(f"{bucket}/a.mp4", 0)]
    assert len(ds.videos) == 1


def test_links_to_objects(ds: reelbase.Dataset, files: Files, bucket: str) -> None:
    links = ds.create_tensor("links", htype="link[video]")
    put(f"{bucket}/a.mp4", files.content(1))
    assert len(reelbase.ingest(ds, f"{bucket}/*.mp4", "links").added) == 1
    assert len(reelbase.ingest(ds, f"{bucket}/*.mp4", "links").skipped) == 1
    put(f"{bucket}/a.mp4", files.content(2))
    report = reelbase.ingest(ds, f"{bucket}/*.mp4", "links")
    assert (report.added, len(report.changed)) == ([], 1)
    report = reelbase.ingest(ds, f"{bucket}/*.mp4", "links", changed="replace")
    assert (len(report.replaced), len(links)) == (1, 1)
    assert links[0].tobytes() == files.content(2)
    assert links.links.survey().ok


def test_links_of_a_program(ds: reelbase.Dataset, files: Files, bucket: str) -> None:
    links = ds.create_tensor("links", htype="link[video]")
    for mark, name in enumerate(["seen.mp4", "unseen.mp4"]):
        put(f"{bucket}/{name}", files.content(mark))
        links.append(reelbase.link(f"{bucket}/{name}", verify=name == "seen.mp4"))
    links.append(reelbase.link(files.put("local.mp4", 7).as_uri()))
    report = reelbase.ingest(ds, [f"{bucket}/", files.root], "links")
    assert (report.added, report.changed, len(report.skipped)) == ([], [], 3)


def test_etags_that_follow_from_the_content(ds: reelbase.Dataset) -> None:
    """Those of S3: the same object under another name is known without reading it. On the web they may be anything."""

    def find(place: str, etag: str, size: int = 5) -> FoundFile:
        return FoundFile(shown=place, address=place, place=place, size=size, version=("etag", etag))

    ds.videos.append(None)
    known = Known(ds, "videos", "videos_source")
    first = find("s3://b/a.mp4", "0123456789abcdef0123456789abcdef")
    known.note(0, Origin.of(first))
    assert known.find_unread(find("s3://b/moved.mp4", "0123456789abcdef0123456789abcdef")) == 0
    assert known.find_unread(find("s3://b/moved.mp4", "0123456789abcdef0123456789abcdee")) is None
    assert known.find_unread(find("s3://b/moved.mp4", "0123456789abcdef0123456789abcdef", size=6)) is None
    assert known.find_unread(find("https://b/moved.mp4", "0123456789abcdef0123456789abcdef")) is None
    other = find("s3://b/c.mp4", "CJ+x")
    known.note(0, Origin.of(other))
    assert known.find_unread(find("s3://b/d.mp4", "CJ+x")) is None


def test_web_servers(ds: reelbase.Dataset, files: Files) -> None:
    with BadHttpServer({"a.mp4": files.content(1), "copy.mp4": files.content(1)}) as server:
        url = f"{server.url}/a.mp4?token=0123456789"
        assert reelbase.ingest(ds, url).added == [f"{server.url}/a.mp4?…"]
        assert "0123456789" not in str(ds.videos_source[0].data())
        assert len(reelbase.ingest(ds, f"{server.url}/copy.mp4").same) == 1
        before = len(server.ledger)
        assert len(reelbase.ingest(ds, [url, f"{server.url}/copy.mp4"]).skipped) == 2
        assert {entry.request.method for entry in server.ledger[before:]} == {"HEAD"}
        for many in ("*.mp4", ""):
            with pytest.raises(StorageError, match="Web servers cannot list files"):
                reelbase.ingest(ds, f"{server.url}/{many}")
    assert len(ds) == 1


def test_links_are_refused_where_the_library_refuses_them(ds: reelbase.Dataset, files: Files) -> None:
    ds.create_tensor("links", htype="link[video]")
    with BadHttpServer({"a.mp4": files.content(1)}) as server, pytest.raises(LinkRefusedError, match="signature"):
        reelbase.ingest(ds, f"{server.url}/a.mp4?token=0123456789", "links")


def test_a_dataset_that_has_no_checksums(files: Files, tmp_path: Path) -> None:
    """Rows of format 2 are compared with the bytes that are stored."""
    with zipfile.ZipFile(Path(__file__).parents[1] / "golden" / "format-2.zip") as archive:
        archive.extractall(tmp_path / "old")
    ds = reelbase.load(tmp_path / "old")
    assert "sha256" not in ds.videos[0].sample_info
    size = len(ds.videos[0].tobytes())
    files.put_bytes("a.mkv", ds.videos[0].tobytes())
    files.put_bytes("b.mp4", files.clip + (size - len(files.clip)).to_bytes(4, "big") + b"free" if size < 0 else b"")
    report = reelbase.ingest(ds, files.root)
    assert (report.added, [same.row for same in report.same]) == ([], [0])


_LETTERS = "ab.[]*?-/"


@given(st.text(_LETTERS, min_size=1, max_size=6), st.text("ab.-/", min_size=1, max_size=6))
@settings(max_examples=300, derandomize=True)
def test_a_pattern_of_urls_matches_as_one_of_paths(pattern: str, name: str) -> None:
    """Compared with `glob` on a real folder, for those that both can express."""
    parts = name.split("/")
    if not all(part.strip(".") for part in parts) or any(part.startswith(".") for part in parts):
        return
    if "//" in pattern or pattern.startswith((".", "/")) or "/." in pattern or pattern.endswith("/"):
        return
    for root in _folder():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        found = set(glob.glob(pattern, root_dir=root, recursive=True))  # noqa: PTH207 - Path.glob keeps hidden files
        matches = {file.relative_to(root).as_posix() for file in root.rglob("*") if file.is_file()}
        assert {file for file in matches if match_pattern(pattern, file)} == found & matches


def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.parametrize("stream_above", [None, 100])
def test_a_remote_file_is_fetched_once(
    stream_above: int | None, ds: reelbase.Dataset, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if a row has the same size, so that its checksum is needed before it is added."""
    if stream_above is not None:  # as files of many megabytes are read
        monkeypatch.setenv("REELBASE_STREAM_ABOVE", str(stream_above))
        config.reset()
    try:
        padding = (100_008).to_bytes(4, "big") + b"free" + bytes(100_000)
        ds.videos.append(reelbase.read(files.put_bytes("a.mp4", files.content(1) + padding)))
        data = files.content(2) + padding
        with BadHttpServer({"b.mp4": data}) as server:
            assert len(reelbase.ingest(ds, f"{server.url}/b.mp4").added) == 1
            sent = sum(entry.sent for entry in server.ledger if entry.request.method == "GET")
        assert len(data) <= sent <= len(data) + BYTES_OF_HEAD
        assert ds.videos[1].tobytes() == data
    finally:
        monkeypatch.undo()
        config.reset()
