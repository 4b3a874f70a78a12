"""A codec that passes its work to worker processes."""

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

MAX_CHANNELS: Final = 4
_SHARED_NAMES: Final = ("claims", "encode", "pixels")  # of the codec that is isolated
_PLANE_NAMES: Final = ("y", "u", "v", "a")
MAX_INDEX_BYTES_PER_FRAME: Final = 64  # an index takes about 6.5


@cache
def isolate(kind: type[Codec]) -> type[IsolatedCodec]:
    """Return a class that runs the codec `kind` in worker processes.

    Only encoding runs in this process: it works on the user's own arrays, not on a stranger's file.
    """
    return type(f"Isolated{kind.__name__}", (IsolatedCodec,), {name: getattr(kind, name) for name in _SHARED_NAMES})


class IsolatedCodec(Codec):
    """Passes every call to a worker process. What comes back is not trusted: shapes and sizes are checked.

    `isolate` makes a subclass for each codec.
    """

    def __init__(self, name: str, *, limits: Limits | None = None) -> None:
        super().__init__(name, limits=limits)
        self._workers = Workers(name, self.limits)

    def ingest(
        self, blob: Blob, spool: BinaryIO, *, filename: str, check: str = "sample", stream: int | None = None
    ) -> Ingested:
        """See `Codec.ingest`. The spool stays in this process; the worker writes to it by messages."""
        how = {"filename": filename, "check": check, "stream": stream}
        request = {"do": "ingest", "how": how, "spool at": spool.tell()}

        def take(head: dict[str, Any], size: int, wire: Wire) -> Ingested | None:
            spool.seek(int(head.get("at", 0)))
            return self._read_ingested(head, size, wire)

        found: Ingested = self._workers.call(request, b"", blob, take, spool)
        return found

    def skim(self, blob: Blob, *, filename: str, stream: int | None = None, check: str = "sample") -> Ingested | None:
        """See `Codec.skim`."""
        how = {"filename": filename, "stream": stream} | ({} if check == "sample" else {"check": check})
        found: Ingested | None = self._workers.call({"do": "skim", "how": how}, b"", blob, self._read_ingested)
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
        """See `Codec.decode`. The pixels are read from the pipe straight into the result."""
        index = b"" if plan is None else plan.index.to_bytes()
        frames = None if plan is None else plan.frames[plan.rows].tolist()
        request = {"do": "decode", "frames": frames, "size": size, "pixels": pixels}

        def take(head: dict[str, Any], bytes_: int, wire: Wire) -> NDArray[Any]:
            array: NDArray[Any]
            array = (
                self._allocate(head, bytes_, plan, size, pixels) if out is None else self._check_fits(head, bytes_, out)
            )
            wire.read_body_into(array.reshape(-1).view(np.uint8).data)
            return array

        decoded: NDArray[Any] = self._workers.call(request, index, blob, take)
        return decoded

    def _read_ingested(self, head: dict[str, Any], size: int, wire: Wire) -> Ingested | None:
        if "none" in head:
            return None
        if size > MAX_INDEX_BYTES_PER_FRAME * self.limits.max_frames:
            raise LimitError(f"{self.name}: the index of a sample has {size} bytes.", None)
        index = FrameIndex.from_bytes(wire.read_body(size)) if size else None
        return Ingested(info=MediaInfo.from_dict(head["info"]), index=index)

    def decode_planes(self, blob: Blob, plan: Plan | None) -> dict[str, NDArray[Any]]:
        """See `Codec.decode_planes`."""
        index = b"" if plan is None else plan.index.to_bytes()
        frames = None if plan is None else plan.frames[plan.rows].tolist()

        def take(head: dict[str, Any], size: int, wire: Wire) -> dict[str, NDArray[Any]]:
            planes = self._allocate_planes(head, size, plan)
            for plane in planes.values():
                wire.read_body_into(plane.reshape(-1).view(np.uint8).data)
            return planes

        decoded: dict[str, NDArray[Any]] = self._workers.call({"do": "planes", "frames": frames}, index, blob, take)
        return decoded

    def _allocate_planes(self, head: dict[str, Any], size: int, plan: Plan | None) -> dict[str, NDArray[Any]]:
        """Return empty arrays for the planes of an answer, whose shapes must be possible for the request.

        Raises:
            BrokenWireError: the worker claims other shapes, or more bytes than the limits allow.
        """
        announced = head.get("planes")
        if not isinstance(announced, dict) or "y" not in announced or not set(announced) <= set(_PLANE_NAMES):
            raise BrokenWireError
        described = {name: _parse_shape(plane) for name, plane in announced.items()}
        lead = () if plan is None else (len(plan.rows),)
        for shape, dtype in described.values():
            if dtype.name not in ("uint8", "uint16") or shape[:-2] != lead or len(shape) != len(lead) + 2:
                raise BrokenWireError
            if shape[-2] * shape[-1] > self.limits.max_pixels:
                raise BrokenWireError
        if size != sum(int(np.prod(shape, dtype=object)) * dtype.itemsize for shape, dtype in described.values()):
            raise BrokenWireError
        return {name: np.empty(shape, dtype) for name, (shape, dtype) in described.items()}

    def _allocate(
        self, head: dict[str, Any], size: int, plan: Plan | None, frame_size: tuple[int, int] | None, pixels: str | None
    ) -> NDArray[Any]:
        """Return an empty array for an answer, whose shape must be possible for the request.

        Raises:
            BrokenWireError: the worker claims another shape, or more bytes than the limits allow.
        """
        shape, dtype = _parse_shape(head)
        frames = 1 if plan is None else len(plan.rows)
        area = frame_size[0] * frame_size[1] if frame_size else self.limits.max_pixels
        max_bytes = frames * area * MAX_CHANNELS * dtype.itemsize
        if plan is not None and (shape[:1] != (frames,) or len(shape) != 4):
            raise BrokenWireError
        form = PIXEL_FORMS[pixels or "rgb24"]
        if (plan is not None or pixels) and (dtype.name != form.dtype or shape[-1:] != (form.channels,)):
            raise BrokenWireError
        if size > max_bytes or size != int(np.prod(shape, dtype=object)) * dtype.itemsize:
            raise BrokenWireError
        return np.empty(shape, dtype)

    @staticmethod
    def _check_fits(head: dict[str, Any], size: int, out: NDArray[np.uint8]) -> NDArray[np.uint8]:
        shape, dtype = _parse_shape(head)
        if shape != out.shape or dtype != out.dtype or size != out.nbytes:
            raise BrokenWireError
        return out


def _parse_shape(head: dict[str, Any]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    try:
        shape, dtype = tuple(map(int, head["shape"])), np.dtype(str(head["dtype"]))
    except (KeyError, TypeError, ValueError):
        raise BrokenWireError from None
    if dtype.kind not in "biuf" or any(length < 0 for length in shape):
        raise BrokenWireError
    return shape, dtype
