"""Readers of videos on S3, each as its documentation shows; run in the environment of one of them. See README.md.

What comes on standard input is one JSON object a line, ``{"task", "video", "frames"}``; what goes out is one a line,
``{"seconds", "codes"}``: the numbers that the pixels of the frames spell.
"""

from __future__ import annotations

import json
import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

AT_ONCE = 8  # videos that a careful user reads at a time


class Reader(ABC):
    """Videos of a bucket.

    Args:
        where: ``endpoint``, ``key``, ``secret``, ``bucket``.
    """

    name: ClassVar[str]

    def __init__(self, where: dict[str, str]) -> None:
        self.where = where

    @abstractmethod
    def frames(self, video: int, frames: Sequence[int]) -> Any:
        """uint8 ``(N, H, W, 3)``."""

    def batch(self, videos: Sequence[int], frames: Sequence[int]) -> list[Any]:
        """The same frames of several videos."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(lambda video: self.frames(video, frames), videos))

    @abstractmethod
    def forget(self) -> None:
        """Close what is open, so that the next call begins again."""


class Reelbase(Reader):
    """A dataset on S3."""

    name = "reelbase"

    def __init__(self, where: dict[str, str]) -> None:
        super().__init__(where)
        self.forget()

    def forget(self) -> None:
        import reelbase
        from reelbase.io.cache import cached_source

        cached_source.forget()
        options = {"endpoint_url": self.where["endpoint"], "region": "us-east-1", "addressing_style": "path"}
        creds = {"aws_access_key_id": self.where["key"], "aws_secret_access_key": self.where["secret"]}
        self._open = lambda: reelbase.load(
            f"s3://{self.where['bucket']}/ours", read_only=True, options=options, creds=creds
        )
        self._ds: Any = None

    def frames(self, video: int, frames: Sequence[int]) -> Any:
        self._ds = self._ds or self._open()
        return self._ds.videos[video, _as_slice(frames)].numpy()

    def batch(self, videos: Sequence[int], frames: Sequence[int]) -> list[Any]:
        self._ds = self._ds or self._open()
        return list(self._ds.videos[list(videos), _as_slice(frames)].numpy())


class Files(Reader):
    """Files on S3 through fsspec."""

    caching: ClassVar[dict[str, Any]] = {}

    def __init__(self, where: dict[str, str]) -> None:
        super().__init__(where)
        import s3fs

        self._fs = s3fs.S3FileSystem(
            key=where["key"], secret=where["secret"], endpoint_url=where["endpoint"],
            client_kwargs={"region_name": "us-east-1"}, use_listings_cache=False, skip_instance_cache=True,
        )  # fmt: skip
        self._opened: dict[int, Any] = {}

    def file(self, video: int) -> Any:
        return self._fs.open(f"{self.where['bucket']}/files/{video}.mp4", "rb", **self.caching)

    def opened(self, video: int) -> Any:
        if video not in self._opened:
            self._opened[video] = self.open(self.file(video))
        return self._opened[video]

    @abstractmethod
    def open(self, file: Any) -> Any:
        """A decoder."""

    def forget(self) -> None:
        self._opened.clear()


class Torchcodec(Files):
    """torchcodec over fsspec, which knows every frame before it seeks."""

    name = "torchcodec"
    mode: ClassVar[str] = "exact"

    def open(self, file: Any) -> Any:
        from torchcodec.decoders import VideoDecoder

        return VideoDecoder(file, seek_mode=self.mode, num_ffmpeg_threads=0)

    def frames(self, video: int, frames: Sequence[int]) -> Any:
        found = self.opened(video).get_frames_at(indices=list(frames))
        return found.data.permute(0, 2, 3, 1).numpy()


class TorchcodecApproximate(Torchcodec):
    """It reckons where frames are."""

    name = "torchcodec approximate"
    mode = "approximate"


class PyAV(Files):
    """PyAV over fsspec: seek to the key frame before, decode on."""

    name = "PyAV"

    def open(self, file: Any) -> Any:
        import av

        container = av.open(file)
        container.streams.video[0].thread_type = "AUTO"
        return container

    def frames(self, video: int, frames: Sequence[int]) -> Any:
        container = self.opened(video)
        stream = container.streams.video[0]
        step = 1 / (stream.average_rate * stream.time_base)
        start, found = stream.start_time or 0, {}
        wanted = sorted(set(frames))
        for frame in wanted:
            if frame in found:
                continue
            container.seek(int(start + frame * step), stream=stream)
            for picture in container.decode(stream):
                number = round((picture.pts - start) / step)
                if number in wanted:
                    found[number] = picture.to_ndarray(format="rgb24")
                if number >= frame and (number + 1 not in wanted):
                    break
        return np.stack([found[frame] for frame in frames])


class PyAVReadahead(PyAV):
    """With fsspec's `readahead` of 256 KiB in place of its 50 MiB blocks."""

    name = "PyAV readahead"
    caching: ClassVar[dict[str, Any]] = {"cache_type": "readahead", "block_size": 256 * 1024}


class TorchcodecReadahead(Torchcodec):
    """With fsspec's `readahead` of 256 KiB in place of its 50 MiB blocks."""

    name = "torchcodec readahead"
    caching: ClassVar[dict[str, Any]] = {"cache_type": "readahead", "block_size": 256 * 1024}


class DeepLake(Reader):
    """A dataset on S3."""

    name = "deeplake"

    def __init__(self, where: dict[str, str]) -> None:
        super().__init__(where)
        self.forget()

    def creds(self) -> dict[str, str]:
        return {
            "aws_access_key_id": self.where["key"], "aws_secret_access_key": self.where["secret"],
            "endpoint_url": self.where["endpoint"], "aws_region": "us-east-1",
        }  # fmt: skip

    def forget(self) -> None:
        self._ds: Any = None

    def make(self, videos: Sequence[str]) -> None:
        import deeplake

        ds = deeplake.empty(f"s3://{self.where['bucket']}/theirs", creds=self.creds(), overwrite=True)
        ds.create_tensor("videos", htype="video", sample_compression="mp4")
        with ds:
            for path in videos:
                ds.videos.append(deeplake.read(path))

    def frames(self, video: int, frames: Sequence[int]) -> Any:
        import deeplake

        if self._ds is None:
            self._ds = deeplake.load(
                f"s3://{self.where['bucket']}/theirs", read_only=True, creds=self.creds(), verbose=False
            )
        chosen = _as_slice(frames)
        if isinstance(chosen, list):
            return np.stack([self._ds.videos[video, frame].numpy() for frame in chosen])
        return self._ds.videos[video, chosen].numpy()


READERS = {one.name: one for one in (
    Reelbase, Torchcodec, TorchcodecApproximate, TorchcodecReadahead, PyAV, PyAVReadahead, DeepLake,
)}  # fmt: skip


def _as_slice(frames: Sequence[int]) -> Any:
    """Evenly spaced frames as a slice."""
    steps = {b - a for a, b in pairwise(frames)}
    if len(frames) == 1 or (len(steps) == 1 and min(steps) > 0):
        step = steps.pop() if steps else 1
        return slice(frames[0], frames[-1] + 1, step)
    return list(frames)


def _codes(pictures: Any) -> list[int]:
    from reelbase.testing.clips import read_code

    return [read_code(np.asarray(picture)) for picture in pictures]


def main() -> None:
    reader = READERS[sys.argv[1]](json.loads(os.environ["REMOTE_WHERE"]))
    if sys.argv[2:]:
        reader.make(sys.argv[2:])  # type: ignore[attr-defined]
        return
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        if asked.get("forget"):
            reader.forget()
        start = time.perf_counter()
        try:
            if "videos" in asked:
                parts = reader.batch(asked["videos"], asked["frames"])
            else:
                parts = [reader.frames(asked["video"], frames) for frames in asked["clips"]]
            seconds = time.perf_counter() - start
            print(json.dumps({"seconds": seconds, "codes": [_codes(part) for part in parts]}), flush=True)
        except Exception as error:
            print(json.dumps({"error": f"{type(error).__name__}: {error}".split("\n")[0][:150]}), flush=True)


if __name__ == "__main__":
    main()
