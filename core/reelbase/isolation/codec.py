"""A codec that works in another process."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np

from reelbase.contracts.codec import Codec, Ingested
from reelbase.errors import LimitError
from reelbase.isolation.pool import Workers
from reelbase.isolation.wire import BrokenWireError, Wire
from reelbase.media.frame_index import FrameIndex
from reelbase.media.media_info import MediaInfo
from reelbase.media.pixels import PIXEL_FORMS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reelbase.io.blob import Blob
    from reelbase.media.frame_index import Plan
    from reelbase.media.media_info import Limits

_CHANNELS: Final = 4
_OF_THE_KIND: Final = ("claims", "encode", "pixels")
_PLANE_NAMES: Final = ("y", "u", "v", "a")


@cache
def isolated(kind: type[Codec]) -> type[IsolatedCodec]:
    """A codec's class, isolated. Only encoding, which is of the user's own arrays, is done here."""
    return type(f"Isolated{kind.__name__}", (IsolatedCodec,), {name: getattr(kind, name) for name in _OF_THE_KIND})


class IsolatedCodec(Codec):
    """Hands everything on to workers; what comes back is checked as what a stranger sends. See `isolated`."""

    def __init__(self, name: str, *, limits: Limits | None = None) -> None:
        super().__init__(name, limits=limits)
        self._workers = Workers(name, self.limits)

    def ingest(
        self, blob: Blob, spool: BinaryIO, *, filename: str, check: str = "sample", stream: int | None = None
    ) -> Ingested:
        """As the contract says."""
        how = {"filename": filename, "check": check, "stream": stream}
        asked = {"do": "ingest", "how": how, "spool at": spool.tell()}

        def take(head: dict[str, Any], size: int, wire: Wire) -> Ingested | None:
            spool.seek(int(head.get("at", 0)))
            return self._found(head, size, wire)

        found: Ingested = self._workers.call(asked, b"", blob, take, spool)
        return found

    def skim(self, blob: Blob, *, filename: str, stream: int | None = None) -> Ingested | None:
        """As the contract says."""
        how = {"filename": filename, "stream": stream}
        found: Ingested | None = self._workers.call({"do": "skim", "how": how}, b"", blob, self._found)
        return found

    def decode(
        self,
        blob: Blob,
        plan: Plan | None,
        *,
        out: NDArray[np.uint8] | None = None,
        size: tuple[int, int] | None = None,
        pixels: str | None = None,
    ) -> NDArray[Any]:
        """As the contract says."""
        index = b"" if plan is None else plan.index.to_bytes()
        frames = None if plan is None else plan.frames[plan.rows].tolist()
        asked = {"do": "decode", "frames": frames, "size": size, "pixels": pixels}

        def take(head: dict[str, Any], bytes_: int, wire: Wire) -> NDArray[Any]:
            array: NDArray[Any]
            array = self._array(head, bytes_, plan, size, pixels) if out is None else self._fitting(head, bytes_, out)
            wire.body_into(array.reshape(-1).view(np.uint8).data)
            return array

        decoded: NDArray[Any] = self._workers.call(asked, index, blob, take)
        return decoded

    def _found(self, head: dict[str, Any], size: int, wire: Wire) -> Ingested | None:
        if "none" in head:
            return None
        if size > 64 * self.limits.max_frames:
            raise LimitError(f"{self.name}: the index of a sample has {size} bytes.", None)
        index = FrameIndex.from_bytes(wire.body(size)) if size else None
        return Ingested(info=MediaInfo.from_dict(head["info"]), index=index)

    def decode_planes(self, blob: Blob, plan: Plan | None) -> dict[str, NDArray[Any]]:
        """As the contract says."""
        index = b"" if plan is None else plan.index.to_bytes()
        frames = None if plan is None else plan.frames[plan.rows].tolist()

        def take(head: dict[str, Any], size: int, wire: Wire) -> dict[str, NDArray[Any]]:
            planes = self._planes(head, size, plan)
            for plane in planes.values():
                wire.body_into(plane.reshape(-1).view(np.uint8).data)
            return planes

        decoded: dict[str, NDArray[Any]] = self._workers.call({"do": "planes", "frames": frames}, index, blob, take)
        return decoded

    def _planes(self, head: dict[str, Any], size: int, plan: Plan | None) -> dict[str, NDArray[Any]]:
        """Arrays for the planes that a worker announced, checked against what was asked."""
        announced = head.get("planes")
        if not isinstance(announced, dict) or "y" not in announced or not set(announced) <= set(_PLANE_NAMES):
            raise BrokenWireError
        described = {name: _describe(plane) for name, plane in announced.items()}
        lead = () if plan is None else (len(plan.rows),)
        for shape, dtype in described.values():
            if dtype.name not in ("uint8", "uint16") or shape[:-2] != lead or len(shape) != len(lead) + 2:
                raise BrokenWireError
            if shape[-2] * shape[-1] > self.limits.max_pixels:
                raise BrokenWireError
        if size != sum(int(np.prod(shape, dtype=object)) * dtype.itemsize for shape, dtype in described.values()):
            raise BrokenWireError
        return {name: np.empty(shape, dtype) for name, (shape, dtype) in described.items()}

    def _array(
        self, head: dict[str, Any], size: int, plan: Plan | None, asked: tuple[int, int] | None, pixels: str | None
    ) -> NDArray[Any]:
        shape, dtype = _describe(head)
        frames = 1 if plan is None else len(plan.rows)
        most = frames * (asked[0] * asked[1] if asked else self.limits.max_pixels) * _CHANNELS * dtype.itemsize
        if plan is not None and shape[:1] != (frames,):
            raise BrokenWireError
        form = PIXEL_FORMS["rgb24" if pixels is None else pixels]
        if (plan is not None or pixels is not None) and (dtype.name != form.dtype or shape[-1:] != (form.channels,)):
            raise BrokenWireError
        if plan is not None and len(shape) != 4:
            raise BrokenWireError
        if size > most or size != int(np.prod(shape, dtype=object)) * dtype.itemsize:
            raise BrokenWireError
        return np.empty(shape, dtype)

    @staticmethod
    def _fitting(head: dict[str, Any], size: int, out: NDArray[np.uint8]) -> NDArray[np.uint8]:
        shape, dtype = _describe(head)
        if shape != out.shape or dtype != out.dtype or size != out.nbytes:
            raise BrokenWireError
        return out


def _describe(head: dict[str, Any]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    try:
        shape, dtype = tuple(map(int, head["shape"])), np.dtype(str(head["dtype"]))
    except (KeyError, TypeError, ValueError):
        raise BrokenWireError from None
    if dtype.kind not in "biuf" or any(length < 0 for length in shape):
        raise BrokenWireError
    return shape, dtype
