"""Looking at what a link names: as little of it as makes its index."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO, cast

from reelbase.config import settings
from reelbase.contracts.storage import Unchanging
from reelbase.errors import LimitError
from reelbase.io.blob import Blob, FileSource
from reelbase.links.source import locate, pin_version
from reelbase.media.pin import Pin

if TYPE_CHECKING:
    from collections.abc import Callable

    from reelbase.contracts.codec import Codec, Ingested
    from reelbase.links.local import Home
    from reelbase.media.sample import Link

    Choose = Callable[[bytes, str], Codec]

_SPOOL = 64 << 20
_STRETCH = 8 << 20


@dataclass(frozen=True)
class Probed:
    """What was found behind a link.

    Attributes:
        pin: The link, pinned to it.
        found: Info and index.
        packets: Its packets, if they lie in pieces in the file; else none.
    """

    pin: Pin
    found: Ingested
    packets: Blob


def probe(link: Link, home: Home, choose: Choose) -> Probed:
    """Look at it.

    Args:
        link: To what.
        home: The dataset that it stands in.
        choose: The codec for first bytes and a name.

    Raises:
        LinkRefusedError: it may not be followed.
        LimitError: all of it would have to be read, and it is larger than allowed.
        MediaError, StorageError, UsageError: it cannot be used.
    """
    pin = Pin(link.url, link.creds_key)
    storage, key = locate(pin, home)
    pin = pin_version(pin, storage.stat(key))
    blob = Blob(Unchanging(storage, pin.etag), key, 0, pin.size or 0)
    codec = choose(blob.read(0, 4096), pin.shown)
    found = codec.skim(blob, filename=pin.shown)
    return _scan(pin, blob, codec, link) if found is None else Probed(pin, found, Blob.of(b""))


def _scan(pin: Pin, blob: Blob, codec: Codec, link: Link) -> Probed:
    """All of it is read, once, into a file that is gone afterwards."""
    limit = settings().security.max_link_scan
    if blob.size > limit:
        raise LimitError(
            f"{pin.shown}: its index takes all of its {blob.size} bytes, and at most {limit} are read for that.",
            "Store it (reelbase.read) or make it an mp4; or raise max_link_scan under [security].",
        )
    copy, spool = _temporary(), _temporary()
    whole, packets = replace(blob, source=FileSource(copy)), FileSource(spool)
    for start in range(0, blob.size, _STRETCH):
        copy.write(blob.read(start, start + _STRETCH))
        if link.progress is not None:
            link.progress(copy.tell(), blob.size)
    found = codec.ingest(whole, spool, filename=pin.shown)
    return Probed(pin, found, Blob(packets, pin.shown, 0, spool.seek(0, 2)))


def _temporary() -> BinaryIO:
    return cast("BinaryIO", tempfile.SpooledTemporaryFile(_SPOOL))
