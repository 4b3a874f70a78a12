"""Tensors under one name: "train/videos" and "train/boxes" are ``ds.train``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from reelbase._util.printable import printable_line
from reelbase.sealed import Sealed

if TYPE_CHECKING:
    from collections.abc import Mapping

Tensor_co = TypeVar("Tensor_co", covariant=True)


class TensorOwner(Protocol[Tensor_co]):
    """The dataset that a group is part of, as far as the group needs it. `reelbase.Dataset` is in a higher layer."""

    @property
    def tensors(self) -> Mapping[str, Tensor_co]:
        """All tensors by their full names."""

    def __getitem__(self, key: Any) -> Any: ...


class Group(Sealed, Generic[Tensor_co]):
    """The tensors whose names start with the group's name: ``ds["train"]`` or ``ds.train`` for "train/videos"."""

    def __init__(self, dataset: TensorOwner[Tensor_co], name: str) -> None:
        self._dataset = dataset
        self._name = name

    def _how_to_set(self, name: str) -> str:
        return f'Write to the tensor, or make it: ds.create_tensor("{self._name}/{name}").'

    @property
    def tensors(self) -> dict[str, Tensor_co]:
        """The group's tensors, by their names without that of the group."""
        start = f"{self._name}/"
        return {
            name.removeprefix(start): tensor for name, tensor in self._dataset.tensors.items() if name.startswith(start)
        }

    def __getitem__(self, name: str) -> Any:
        return self._dataset[f"{self._name}/{name}"]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __repr__(self) -> str:
        return f"Group({self._name!r}, tensors: {printable_line(', '.join(self.tensors))})"
