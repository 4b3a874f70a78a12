"""Tensors under one name: "train/videos" and "train/boxes" are ``ds.train``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reelbase.dataset import Dataset
    from reelbase.tensor import Tensor


class Group:
    """Tensors whose names start alike: ``ds["train"]`` or ``ds.train`` where there is "train/videos"."""

    def __init__(self, dataset: Dataset, name: str) -> None:
        self._dataset = dataset
        self._name = name

    @property
    def tensors(self) -> dict[str, Tensor]:
        """Its tensors, by the rest of their names."""
        start = f"{self._name}/"
        return {name.removeprefix(start): one for name, one in self._dataset.tensors.items() if name.startswith(start)}

    def __getitem__(self, name: str) -> Any:
        return self._dataset[f"{self._name}/{name}"]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __repr__(self) -> str:
        return f"Group({self._name!r}, tensors: {', '.join(self.tensors)})"
