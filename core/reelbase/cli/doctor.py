"""``reelbase doctor``: check the installation, or also a dataset."""

from __future__ import annotations

import platform
import sys
import tempfile
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reelbase import __version__, api
from reelbase.cli._output import add_json, emit, format_table
from reelbase.cli.plugins import kinds
from reelbase.errors import MissingDependencyError, ReelbaseError, UsageError
from reelbase.registry import registry

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from reelbase.registry import Kind
    from reelbase.tensor import Tensor

_PACKAGES = ("numpy", "pluggy", "av", "tqdm")


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        what: What was checked.
        ok: Whether it works; None if the result is only informative.
        found: Details, or what is wrong.
    """

    what: str
    ok: bool | None
    found: str


def setup(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "dataset", nargs="?", help="a dataset to check: every row, and the first and last frame of every video"
    )
    parser.add_argument("--full", action="store_true", help="decode every frame of the dataset")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run all checks. Return 1 if one of them fails."""
    findings = [*_list_versions(), *_check_plugins(), *_try_out()]
    if arguments.dataset:
        findings += _check_dataset(arguments.dataset, full=arguments.full)
    lines = [({True: "ok", False: "WRONG", None: "-"}[finding.ok], finding.what, finding.found) for finding in findings]
    emit(arguments, [asdict(finding) for finding in findings], format_table(("", "what", "found"), lines))
    return 1 if any(finding.ok is False for finding in findings) else 0


def _list_versions() -> Iterator[Finding]:
    yield Finding("reelbase", None, __version__)
    yield Finding("python", None, f"{platform.python_version()} on {sys.platform}, {platform.machine()}")
    for name in _PACKAGES:
        try:
            yield Finding(name, None, version(name))
        except PackageNotFoundError:
            yield Finding(name, None, "not installed")


def _check_plugins() -> Iterator[Finding]:
    found = registry()
    for failure in found.failures():  # plugins that could not be loaded at all
        yield Finding(f"plugin {failure.plugin}", False, str(failure))
    for label, kind in kinds(found).items():
        for spec in kind.specs():
            yield _attempt(f"{label} {spec.name}", partial(_load, kind, spec.name))


def _load(kind: Kind[Any, Any], name: str) -> str:
    kind.load(name)
    return ""


def _try_out() -> Iterator[Finding]:
    """Write and read a dataset in a temporary folder, and try every installed encoder."""
    yield _attempt("a dataset in a temporary folder", _write_and_read)
    for spec in registry().codecs.specs():
        if spec.kind == "image":
            yield _attempt(f"encode {spec.name}", partial(_encode, spec.name, _make_pictures()[0]))
    yield _attempt("encode mp4", partial(_encode, "mp4", _make_pictures()))


def _write_and_read() -> str:
    with tempfile.TemporaryDirectory() as folder:
        dataset = api.empty(Path(folder) / "dataset")
        dataset.create_tensor("numbers").append(np.arange(6).reshape(2, 3))
        read = api.load(Path(folder) / "dataset").numbers[0].numpy()
        if read.tolist() != [[0, 1, 2], [3, 4, 5]]:
            raise ReelbaseError(f"{read!r} was read, which is not what was written.")
    return "written and read back"


def _make_pictures() -> NDArray[Any]:
    rows, columns = np.mgrid[:48, :64]
    still = np.stack([rows * 5, columns * 3, rows + columns], axis=-1).astype(np.uint8)
    return np.stack([np.roll(still, shift, axis=1) for shift in range(8)])


def _encode(name: str, array: NDArray[Any]) -> str:
    """Encode an array, decode it, and compare the shapes."""
    data = registry().codec(name).encode(array)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sample"
        path.write_bytes(data)
        shape = api.read(path).numpy().shape
    if shape != array.shape:
        raise ReelbaseError(f"The decoded shape is {shape}, not {array.shape}.")
    return f"{len(data)} bytes, and decoded again"


def _check_dataset(path: str, *, full: bool) -> Iterator[Finding]:
    try:
        dataset = api.load(path, read_only=True)
    except ReelbaseError as error:
        yield Finding(f"dataset {path}", False, " ".join(str(error).split()))
        return
    yield Finding(f"dataset {path}", True, f"{len(dataset)} rows")
    for name, tensor in dataset.tensors.items():
        bad = list(_find_bad_rows(tensor, full=full))
        yield from bad or [Finding(f"tensor {name}", True, f"{len(tensor)} rows, all readable")]


def _find_bad_rows(tensor: Tensor, *, full: bool) -> Iterator[Finding]:
    for row in range(len(tensor)):
        finding = _attempt(f"{tensor.name}[{row}]", partial(_read, tensor[row], full=full))
        if not finding.ok:
            yield finding


def _read(view: Any, *, full: bool) -> str:
    """Read a row: the whole array, or the first and the last frame of a video (all frames if `full` is True)."""
    if not view.exists:
        return ""
    if not _is_video(view):
        view.numpy()
    elif full:
        for _ in view.frames():
            pass
    else:
        view[[0, -1]].numpy()
    return ""


def _is_video(view: Any) -> bool:
    try:
        return view.pts is not None
    except UsageError:  # arrays, pictures and sequences have no presentation times
        return False


def _attempt(what: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(what, True, check())
    except MissingDependencyError as error:  # optional packages need not be installed
        return Finding(what, None, " ".join(str(error).split()))
    except Exception as error:  # noqa: BLE001 - every failure is a finding, and the other checks must still run
        return Finding(what, False, f"{type(error).__name__}: {error}".replace("\n", " "))
