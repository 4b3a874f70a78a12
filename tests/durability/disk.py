"""A model of what a POSIX file system surely keeps when the power fails.

It records what is done below one folder and knows of every file the bytes of its last fsync, of every folder the names
of its last fsync. Whatever came after may be lost or kept, each change for itself. It does not count on anything that
POSIX leaves open, such as a rename that also syncs the file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

Tree = dict[str, bytes | None]  # what stands where, by path; None: a folder


@dataclass(eq=False)
class File:
    """A file: what is in it, and what surely is."""

    inode: int
    data: bytes = b""
    durable: bytes = b""


@dataclass(eq=False)
class Change:
    """Names of a folder that were set or (None) taken away at once, and may not have arrived yet."""

    names: dict[str, File | Folder | None]


@dataclass(eq=False)
class Folder:
    """A folder: the names it surely has, and the changes since."""

    inode: int
    durable: dict[str, File | Folder] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)

    def entries(self, keep: Callable[[Change], bool] = lambda _: True) -> dict[str, File | Folder]:
        """The names it has if these changes arrived."""
        held: dict[str, File | Folder | None] = dict(self.durable)
        for change in filter(keep, self.changes):
            held.update(change.names)
        return {name: node for name, node in held.items() if node is not None}

    def sync(self) -> None:
        """All changes arrive."""
        self.durable, self.changes = self.entries(), []


@dataclass(frozen=True)
class Point:
    """A moment between two operations.

    Attributes:
        after: The operation before it.
        trees: All that may be there if the power fails.
    """

    after: str
    trees: tuple[Tree, ...]


class Disk:
    """The model of one folder, which is empty at first.

    Args:
        root: The folder.
        deaf: Which fsyncs it ignores, by their paths: to see what would come of leaving them out.
    """

    def __init__(self, root: Path, deaf: Callable[[str], bool] = lambda _: False) -> None:
        self.points: list[Point] = []
        self._root = str(root)
        self._deaf = deaf
        self._top = Folder(root.stat().st_ino)
        self._open: dict[int, File | Folder] = {}

    @contextmanager
    def recording(self) -> Iterator[None]:
        """While the block runs, what `os` is asked for below the folder is done and recorded."""
        own = {"open": self._on_open, "write": self._on_write, "fsync": self._on_fsync, "link": self._on_link}
        own |= {"replace": self._on_rename, "rename": self._on_rename, "unlink": self._on_unlink}
        own |= {"mkdir": self._on_mkdir, "rmdir": self._on_unlink}
        with pytest.MonkeyPatch.context() as patch:
            for name, record in own.items():
                patch.setattr(os, name, _both(getattr(os, name), record))
            yield

    def check(self) -> None:
        """See that everything was recorded: the folder must be as the model is when nothing is lost."""
        real: Tree = {}
        for path in Path(self._root).rglob("*"):
            real[str(path.relative_to(self._root))] = None if path.is_dir() else path.read_bytes()
        assert self._tree(lambda _: True) == real, "something was written that the model did not see"

    def _on_open(self, descriptor: int, path: Any, flags: int, *_: Any) -> None:
        self._open.pop(descriptor, None)
        if (name := self._name(path)) is None:
            return
        assert not flags & os.O_TRUNC, "not in the model"
        folder, last = self._parent(name)
        if name != "." and last not in folder.entries():
            folder.changes.append(Change({last: File(os.fstat(descriptor).st_ino)}))
            self._mark("create", name)
        self._open[descriptor] = self._node(name)

    def _on_write(self, count: int, descriptor: int, data: Any) -> None:
        node = self._opened(descriptor)
        if isinstance(node, File):
            node.data += bytes(data)[:count]
            self._mark("write", self._path(node))

    def _on_fsync(self, _: None, descriptor: int) -> None:
        node = self._opened(descriptor)
        if node is None or self._deaf(self._path(node)):
            return
        if isinstance(node, File):
            node.durable = node.data
        else:
            node.sync()
        self._mark("fsync", self._path(node))

    def _on_link(self, _: None, source: Any, target: Any) -> None:
        if (name := self._name(target)) is not None:
            folder, last = self._parent(name)
            folder.changes.append(Change({last: self._node(self._name(source) or "")}))
            self._mark("link", name)

    def _on_rename(self, _: None, source: Any, target: Any) -> None:
        if (name := self._name(target)) is None:
            return
        old, new = self._parent(self._name(source) or ""), self._parent(name)
        assert old[0] is new[0], "not in the model: a rename from one folder to another"
        old[0].changes.append(Change({old[1]: None, new[1]: old[0].entries()[old[1]]}))
        self._mark("rename", name)

    def _on_unlink(self, _: None, path: Any) -> None:
        if (name := self._name(path)) is not None:
            folder, last = self._parent(name)
            folder.changes.append(Change({last: None}))
            self._mark("remove", name)

    def _on_mkdir(self, _: None, path: Any, *__: Any) -> None:
        if (name := self._name(path)) is not None:
            folder, last = self._parent(name)
            folder.changes.append(Change({last: Folder(Path(path).stat().st_ino)}))
            self._mark("mkdir", name)

    def _mark(self, what: str, name: str) -> None:
        self.points.append(Point(f"{what} {name}", tuple(self._trees())))

    def _trees(self) -> Iterator[Tree]:
        """What may be there now: nothing that is not sure, all, each alone, all but each."""
        nodes = list(self._nodes(self._top))
        late: list[Change | File] = [change for one in nodes if isinstance(one, Folder) for change in one.changes]
        late += [one for one in nodes if isinstance(one, File) and one.data != one.durable]
        yield self._tree(lambda _: False)
        yield self._tree(lambda _: True)
        for one in late:
            yield self._tree(lambda item, one=one: item is one)  # type: ignore[misc]
            yield self._tree(lambda item, one=one: item is not one)  # type: ignore[misc]
            if isinstance(one, Change):
                yield self._tree(lambda item, one=one: item is one, torn=True)  # type: ignore[misc]

    def _tree(self, keep: Callable[[Change | File], bool], *, torn: bool = False) -> Tree:
        """What is there if these changes arrived; `torn`: of files that were not synced, half did."""
        found: Tree = {}

        def fill(folder: Folder, base: str) -> None:
            for name, node in folder.entries(keep).items():
                if isinstance(node, Folder):
                    found[base + name] = None
                    fill(node, f"{base}{name}/")
                elif keep(node) or node.data == node.durable:
                    found[base + name] = node.data
                else:
                    found[base + name] = node.data[: len(node.data) // 2] if torn else node.durable

        fill(self._top, "")
        return found

    def _nodes(self, folder: Folder) -> Iterator[File | Folder]:
        yield folder
        seen = [*folder.durable.values(), *(node for change in folder.changes for node in change.names.values())]
        for node in dict.fromkeys(seen):
            if isinstance(node, Folder):
                yield from self._nodes(node)
            elif node is not None:
                yield node

    def _name(self, path: Any) -> str | None:
        """A path below the root, relative to it; None for others."""
        full = str(Path(os.fsdecode(path)).absolute())
        return os.path.relpath(full, self._root) if f"{full}/".startswith(f"{self._root}/") else None

    def _parent(self, name: str) -> tuple[Folder, str]:
        *above, last = name.split("/")
        folder = self._top
        for part in above:
            inner = folder.entries()[part]
            assert isinstance(inner, Folder)
            folder = inner
        return folder, last

    def _node(self, name: str) -> File | Folder:
        folder, last = self._parent(name)
        return folder if name == "." else folder.entries()[last]

    def _opened(self, descriptor: int) -> File | Folder | None:
        """What a descriptor stands for; one that was closed unseen may stand for something else by now."""
        node = self._open.get(descriptor)
        return node if node is not None and os.fstat(descriptor).st_ino == node.inode else None

    def _path(self, node: File | Folder) -> str:
        def search(folder: Folder, base: str) -> str | None:
            for name, one in folder.entries().items():
                if one is node:
                    return base + name
                if isinstance(one, Folder) and (found := search(one, f"{base}{name}/")):
                    return found
            return None

        return "." if node is self._top else search(self._top, "") or "?"


def _both(do: Callable[..., Any], record: Callable[..., None]) -> Callable[..., Any]:
    """Do it, and record it if it went well. What goes by the descriptor of a folder is left to `Disk.check`."""

    def done(*args: Any, **more: Any) -> Any:
        result = do(*args, **more)
        if not more:
            record(result, *args)
        return result

    return done


class TensorSource:
    """Makes trees in a real folder, from hard links: files are never written in place.

    Args:
        folder: To work in.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[bytes, tuple[Path, int]] = {}
        folder.mkdir()

    def make(self, tree: Tree, target: Path) -> None:
        """Make `target` hold this tree, whatever it held: most of it is as it was for the tree before."""
        target.mkdir(exist_ok=True)
        there = dict(_listed(str(target)))
        wanted = {name: 0 if data is None else self._file(data)[1] for name, data in tree.items()}
        for name in sorted((name for name, inode in there.items() if wanted.get(name) != inode), reverse=True):
            (target / name).unlink() if there[name] else (target / name).rmdir()
        for name in sorted(name for name, inode in wanted.items() if there.get(name) != inode):
            data = tree[name]
            (target / name).mkdir() if data is None else (target / name).hardlink_to(self._file(data)[0])

    def _file(self, data: bytes) -> tuple[Path, int]:
        """A file that holds this, and its inode."""
        if data not in self._files:
            path = self._folder / str(len(self._files))
            path.write_bytes(data)
            self._files[data] = path, path.stat().st_ino
        return self._files[data]


def _listed(folder: str, base: str = "") -> Iterator[tuple[str, int]]:
    """Everything below a folder, by path: the inode of a file, 0 of a folder."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield base + entry.name, 0
                yield from _listed(entry.path, f"{base}{entry.name}/")
            else:
                yield base + entry.name, entry.inode()
