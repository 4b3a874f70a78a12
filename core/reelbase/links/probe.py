"""Index a linked file, reading as little of it as possible."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from reelbase.config import settings
from reelbase.contracts.storage import Unchanging
from reelbase.errors import LimitError
from reelbase.io.blob import Blob, FileSource
from reelbase.links.source import locate, pin_version
from reelbase.media.stored_link import Pin

if TYPE_CHECKING:
    from collections.abc import Callable

    from reelbase.contracts.codec import Codec, Ingested
    from reelbase.links.local import Home
    from reelbase.media.sample import Link

    Choose = Callable[[bytes, str], Codec]

MAX_SPOOL_BYTES_IN_MEMORY: Final = 64 << 20
BYTES_PER_READ: Final = 8 << 20


@dataclass(frozen=True)
class Probed:
    """An indexed link.

    Attributes:
        pin: The link, pinned to the version that was indexed.
        found: Its facts and frame index.
        packets: Its packets, if they are stored in pieces in the file; else empty.
    """

    pin: Pin
    found: Ingested
    packets: Blob


def probe(link: Link, home: Home, choose: Choose) -> Probed:
    """Index the file of a link.

    Args:
        link: The link.
        home: The dataset that holds it.
        choose: Returns the codec for a file's first bytes and its name.

    Raises:
        LinkRefusedError: the rules for links forbid to follow it.
        LimitError: the whole file would have to be read, and it is larger than allowed.
        MediaError, StorageError, UsageError: the file cannot be read or indexed.
    """
    pin = Pin(link.url, link.creds_key)
    storage, key = locate(pin, home)
    pin = pin_version(pin, storage.stat(key))
    blob = Blob(Unchanging(storage, pin.etag), key, 0, pin.size or 0)
    codec = choose(blob.read(0, 4096), pin.shown)
    found = None if link.verify == "full" else codec.skim(blob, filename=pin.shown, **_skip_proof(link))
    return _index_whole(pin, blob, codec, link) if found is None else Probed(pin, found, Blob.of(b""))


def _skip_proof(link: Link) -> dict[str, Any]:
    """Return the argument by which `Codec.skim` takes headers as true; codecs without it need not know of it."""
    return {} if link.verify else {"check": "none"}


def _index_whole(pin: Pin, blob: Blob, codec: Codec, link: Link) -> Probed:
    """Read the whole file once, into a temporary copy, and index that."""
    limit = settings().security.max_link_scan
    if blob.size > limit:
        raise LimitError(
            f"{pin.shown}: its index takes all of its {blob.size} bytes, and at most {limit} are read for that.",
            "Store it (reelbase.read) or make it an mp4; or raise max_link_scan under [security].",
        )
    copy, spool = _make_spool(), _make_spool()
    whole, packets = replace(blob, source=FileSource(copy)), FileSource(spool)
    for start in range(0, blob.size, BYTES_PER_READ):
        copy.write(blob.read(start, start + BYTES_PER_READ))
        if link.progress is not None:
            link.progress(copy.tell(), blob.size)
    found = codec.ingest(whole, spool, filename=pin.shown, check="full" if link.verify == "full" else "sample")
    return Probed(pin, found, Blob(packets, pin.shown, 0, spool.seek(0, 2)))


def _make_spool() -> BinaryIO:
    return cast("BinaryIO", tempfile.SpooledTemporaryFile(MAX_SPOOL_BYTES_IN_MEMORY))
