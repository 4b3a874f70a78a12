"""What a tensor holds already: by place and version, which is quick, and by content, which decides."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from reelbase.cells import MediaCell, MissingCell
from reelbase.errors import LinkRefusedError, StorageError, UsageError
from reelbase.ingestion.folders import spell
from reelbase.ingestion.found import ETAG, MODIFIED
from reelbase.ingestion.origin import Origin, Sighting
from reelbase.ingestion.urls import is_local, is_on_the_web, to_path
from reelbase.media.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reelbase.cells import Cell
    from reelbase.dataset import Dataset
    from reelbase.ingestion.found import FoundFile
    from reelbase.io.blob import Blob
    from reelbase.media.stored_link import Pin

ROWS_PER_PAGE: Final = 1024
BYTES_PER_READ: Final = 1 << 20
#: In place of the size of a link that was appended with ``verify=False``: its file was not looked at.
_UNSEEN: Final = -1
#: What S3 gives for an object that was uploaded whole, or in parts: it follows from the content.
_ETAG_OF_CONTENT: Final = re.compile(r'"?[0-9a-f]{32}(?:-[0-9]+)?"?')


class Known:
    """The files that a tensor holds.

    Sizes are compared first: a file whose size no row has is new, and neither it nor a row is read for that. Until
    `look_at_other_rows` is called, only the rows that were ingested are known.

    Args:
        dataset: The dataset.
        tensor: Name of the tensor.
        source: Name of the tensor that keeps where its rows came from; it need not exist yet.
    """

    def __init__(self, dataset: Dataset, tensor: str, source: str) -> None:
        self._dataset = dataset
        self._tensor = tensor
        self._source = source
        self._origins: dict[int, Origin] = {}
        self._exact: dict[tuple[int, Sighting], int] = {}
        self._places: dict[str, int] = {}
        self._sizes: dict[int, list[int]] = defaultdict(list)
        self._digests: dict[tuple[int, str], int] = {}
        self._undigested: dict[int, list[int]] = defaultdict(list)
        self._rows_without_origin: list[int] = []
        self._read_origins()

    def _read_origins(self) -> None:
        stored = dict(self._read_source())
        for row in range(len(self._dataset[self._tensor])):
            origin = Origin.parse(stored.get(row))
            if origin is None:
                self._rows_without_origin.append(row)
            else:
                self.note(row, origin)

    def _read_source(self) -> Iterator[tuple[int, Any]]:
        if self._source not in self._dataset:
            return
        tensor = self._dataset[self._source]
        if tensor.htype != "json":
            raise UsageError(
                f"Tensor {self._source!r} is {tensor.htype!r}; where files come from is kept in a json tensor of that "
                "name.",
                "Rename it: ds.rename_tensor(name, new).",
            )
        for row, cell in _read_cells(tensor, range(len(tensor))):
            yield row, cell.plain()

    def note(self, row: int, origin: Origin, sha256: str | None = None) -> None:
        """Remember a row that was added, or seen at another place; and its checksum, if that was computed."""
        if row not in self._origins:
            self._sizes[origin.size].append(row)
            if sha256 is None:
                self._undigested[origin.size].append(row)
            else:
                self._digests.setdefault((origin.size, sha256), row)
        self._origins[row] = origin
        for sighting in origin.sightings:
            self._places[sighting.place] = row
            self._exact[origin.size, sighting] = row

    def forget(self, row: int) -> None:
        """Forget a row, whose sample was replaced by another file."""
        origin = self._origins.pop(row)
        self._sizes[origin.size].remove(row)
        self._undigested[origin.size] = [other for other in self._undigested[origin.size] if other != row]
        self._digests = {key: other for key, other in self._digests.items() if other != row}
        for sighting in origin.sightings:
            self._exact.pop((origin.size, sighting), None)

    def origin(self, row: int) -> Origin:
        """Return where a row came from."""
        return self._origins[row]

    def find_version(self, file: FoundFile) -> int | None:
        """Return the row with this version of the file, by its place, size and time or etag; None if there is none."""
        if file.version is None:
            return None
        found = self._exact.get((file.size, Sighting.of(file)))
        # A link that was not followed yet leads to whatever is there.
        return self._exact.get((_UNSEEN, Sighting(file.place, None))) if found is None else found

    def find_place(self, file: FoundFile) -> int | None:
        """Return the newest row that was added from this place, whichever version of the file; None without one."""
        return self._places.get(file.place)

    def find_unread(self, file: FoundFile) -> int | None:
        """Return the row with this remote file, if that can be said without reading it; else None.

        That is so if a row's file has the same size and an etag that follows from the content.
        """
        if file.version is None or not _says_content(file):
            return None
        return next((row for row in self.find_size(file) if self._has_version(row, file)), None)

    def find_unversioned(self, file: FoundFile) -> int | None:
        """Return the row with a file of this place and size, if its storage tells no versions apart; else None."""
        row = self.find_place(file) if file.version is None else None
        return row if row in self.find_size(file) else None

    def find_size(self, file: FoundFile) -> Sequence[int]:
        """Return the rows whose files have the size of this one."""
        return self._sizes.get(file.size, ())

    def find_digest(self, file: FoundFile, sha256: str) -> int | None:
        """Return the row with a file of this size and checksum; None if there is none. Each row is looked at once."""
        undigested = self._undigested[file.size]
        while (file.size, sha256) not in self._digests and undigested:
            row = undigested.pop()
            if (digest := self._find_digest_of(row)) is not None:
                self._digests.setdefault((file.size, digest), row)
        return self._digests.get((file.size, sha256))

    def _has_version(self, row: int, file: FoundFile) -> bool:
        return any(sighting.version == file.version for sighting in self._origins[row].sightings)

    def look_at_other_rows(self) -> None:
        """Learn the sizes of rows that were not ingested: appended by a program, or before origins were kept."""
        rows, self._rows_without_origin = self._rows_without_origin, []
        for row, cell in _read_cells(self._dataset[self._tensor], rows):
            if pins := cell.pins():
                self.note(row, _make_origin_of_link(pins[0]))
            elif isinstance(cell, MediaCell):
                self.note(row, Origin(cell.blob.size, ()))

    def _find_digest_of(self, row: int) -> str | None:
        """Return the checksum that is stored with a row, or else that of its bytes; None for distant links.

        What was recorded of a row may not be true any more: programs replace samples, and index links again.
        """
        origin = self._origins[row]
        cell = next((cell for _, cell in _read_cells(self._dataset[self._tensor], [row])), None)
        if cell is None:
            return None
        if pins := cell.pins():
            return _find_digest_of_link(cell, pins[0], origin)
        if not isinstance(cell, MediaCell) or cell.blob.size != origin.size:
            return None
        return cell.info.sha256 or compute_digest(cell.blob)


def _says_content(file: FoundFile) -> bool:
    """Return True if the etag follows from the content. On web servers a similar one may follow from the time."""
    name, value = file.version or ("", "")
    return name == ETAG and not is_on_the_web(file.place) and bool(_ETAG_OF_CONTENT.fullmatch(str(value)))


def compute_digest(blob: Blob) -> str:
    """Return the checksum of all bytes of a blob, as it is stored with samples."""
    digest = Digest()
    for start in range(0, blob.size, BYTES_PER_READ):
        digest.update(blob.read(start, start + BYTES_PER_READ))
    return digest.sha256


def _find_digest_of_link(cell: Cell, pin: Pin, origin: Origin) -> str | None:
    """Return the checksum of a linked file; None if it is elsewhere, or not there any more, and was not recorded."""
    if pin.size != origin.size:
        return None
    if origin.sha256 is not None:
        return origin.sha256
    try:
        blob = cell.media().blob
        return None if blob.distant else compute_digest(blob)
    except (StorageError, LinkRefusedError):
        return None


def _make_origin_of_link(pin: Pin) -> Origin:
    size = _UNSEEN if pin.size is None else pin.size
    if is_local(pin.url):  # its etag says something else than the time that is recorded of files that are ingested
        return Origin(size, (Sighting(spell(to_path(pin.url)), None),))
    version = (ETAG, pin.etag) if pin.etag else (MODIFIED, pin.modified) if pin.modified else None
    return Origin(size, (Sighting(pin.url, version),))


def _read_cells(tensor: Any, rows: Sequence[int]) -> Iterator[tuple[int, Cell]]:
    """Yield the rows that hold a sample, with it."""
    snapshot = tensor._snapshot()
    for at in range(0, len(rows), ROWS_PER_PAGE):
        page = rows[at : at + ROWS_PER_PAGE]
        cells = zip(page, snapshot.cells(page), strict=True)
        yield from ((row, cell) for row, cell in cells if not isinstance(cell, MissingCell))
