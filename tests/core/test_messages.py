"""Messages that users meet first: what failed, in their words, and what to do that can help."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import reelbase
from reelbase.cli import main
from reelbase.errors import (
    DatasetExistsError,
    DatasetNotFoundError,
    LinkRefusedError,
    ObjectNotFoundError,
    SampleIndexError,
    UsageError,
)


@pytest.fixture
def places(tmp_path: Path) -> Path:
    """With a folder of other files, an empty one, and a file."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").mkdir()
    (tmp_path / "folder" / "a.txt").write_text("x")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("folder", "No dataset at '{}': the folder has other files.\n"),
        ("empty", "No dataset at '{}'.\n"),
        ("nothing", "No dataset at '{}'.\n"),
        ("folder/a.txt", "'{}' is a file, not a dataset.\n    reelbase.read(path) reads a media file."),
    ],
)
def test_no_dataset(places: Path, name: str, said: str) -> None:
    with pytest.raises(DatasetNotFoundError) as caught:
        reelbase.load(places / name)
    assert str(caught.value).startswith(said.format(places / name))
    assert not reelbase.exists(places / name)


@pytest.mark.parametrize("command", ["info", "log", "ls", "verify"])
def test_a_folder_is_not_a_missing_file(places: Path, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, str(places / "folder")]) == 1
    assert "the folder has other files" in capsys.readouterr().err


def test_a_folder_is_not_a_media_file(places: Path) -> None:
    with pytest.raises(ObjectNotFoundError, match="is a folder, not a media file"):
        len(reelbase.read(places / "folder"))
    with pytest.raises(ObjectNotFoundError, match=r"No file '.*nothing'"):
        len(reelbase.read(places / "nothing"))


def test_a_file_where_a_dataset_is_to_be(places: Path) -> None:
    ds = reelbase.empty("mem://messages-file")
    path = places / "folder" / "a.txt"
    for make in (
        lambda: reelbase.empty(path),
        lambda: reelbase.open(path),
        lambda: ds.copy(path),
        lambda: ds.copy(path, history=True),
    ):
        with pytest.raises(DatasetExistsError, match="is a file: a dataset needs a folder"):
            make()
    assert path.read_text() == "x"


def test_a_stream_is_a_number() -> None:
    with pytest.raises(UsageError, match="stream='a' is not a number"):
        reelbase.read("clip.mp4", stream="a")  # type: ignore[arg-type]


def test_half_a_url() -> None:
    with pytest.raises(ObjectNotFoundError, match=r"A URL has two slashes: s3://bucket/clip\.mp4"):
        len(reelbase.read("s3:/bucket/clip.mp4"))


def test_a_missing_object_of_a_dataset(places: Path) -> None:
    """The user never wrote its name: "Check the path" would not help."""
    ds = reelbase.empty(places / "ds")
    ds.create_tensor("x")
    ds.x.append(np.arange(5))
    old = reelbase.load(places / "ds")
    for pack in (places / "ds" / "packs").rglob("*"):
        if pack.is_file():
            pack.unlink()
    with pytest.raises(ObjectNotFoundError, match=r"packs/.* of the dataset at '.*ds' is missing\.") as caught:
        old.x[0].numpy()
    assert "may have expired" in str(caught.value)
    assert "Check the path" not in str(caught.value)


def test_out_of_range_names_what_is_counted() -> None:
    ds = reelbase.empty("mem://messages-range")
    ds.create_tensor("x")
    ds.create_tensor("s", htype="sequence[generic]")
    ds.extend({"x": [np.zeros((4, 2))], "s": [[np.zeros(2), np.zeros(3)]]})
    for read, said in (
        (lambda: ds.x[7].numpy(), "Row 7 is out of range: there is 1 row."),
        (lambda: ds.x[0, 9].numpy(), "Index 9 is out of range: axis 0 has 4 entries."),
        (lambda: ds.x[0, 3, -3].numpy(), "Index -3 is out of range: axis 1 has 2 entries."),
        (lambda: ds.s[0, 5].numpy(), "Item 5 is out of range: the sequence has 2 items."),
        (lambda: ds.x[0, [True]].numpy(), "A mask of 1 does not fit: axis 0 has 4 entries."),
    ):
        with pytest.raises(SampleIndexError) as caught:
            read()
        assert said in str(caught.value)


def test_a_local_link_says_how_it_is_written() -> None:
    with pytest.raises(LinkRefusedError, match=r"file:///folder/file\.mp4 on this machine"):
        reelbase.link("clip.mp4")


def test_names_of_credentials() -> None:
    ds = reelbase.empty("mem://messages-creds")
    ds.add_creds_key("MY_KEY")
    with pytest.raises(UsageError, match=r"Did you mean 'MY_KEY'\?"):
        ds.populate_creds("MYKEY", {"token": "a"})
    with pytest.raises(UsageError, match=r"Did you mean 'MY_KEY'\?"):
        ds.update_creds_key("MY_KEYS", "B")


def test_the_environment_has_a_name_already() -> None:
    """As in the guide: it needs not be added, and may be."""
    ds = reelbase.empty("mem://messages-env")
    for _ in range(2):
        ds.populate_creds("ENV", from_environment=True)
        ds.add_creds_key("ENV")
    for change in (
        lambda: ds.populate_creds("ENV", {"token": "a"}),
        lambda: ds.update_creds_key("ENV", "MINE"),
    ):
        with pytest.raises(UsageError, match="'ENV' always names"):
            change()


def test_misspelt_configured_credentials(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["creds", "test", "lab"]) == 2
    assert "No credentials are configured by the name 'lab'" in capsys.readouterr().err
