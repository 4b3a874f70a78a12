"""The htype class_label: ids that index a fixed list of names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from reelbase.errors import HtypeError
from reelbase.plugin import ClassName, Htype, ListOf, Number, brief
from reelbase_plugins.annotations._names import did_you_mean, normalize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from reelbase.plugin import ValueType

    Ids = NDArray[np.uint32]

_HOLDS_STRINGS = ("text", "json")
MAX_CLASS_ID = int(np.iinfo(np.uint32).max)


class ClassLabel(Htype):
    """Class ids ``(n,)`` uint32, passed as ids, as names, or as a list of either. A single one is stored as ``(1,)``.

    Args:
        class_names: Names of the ids 0, 1, …. Without them, any id is accepted, and names are not.

    Raises:
        HtypeError: the names are not a list of different, non-empty strings.
    """

    name: ClassVar[str] = "class_label"
    dtype: ClassVar[str | None] = "uint32"
    dtypes: ClassVar[tuple[str, ...]] = ("uint8", "uint16", "uint32")
    role: ClassVar[str] = "labels"

    def __init__(self, *, class_names: Sequence[str] | None = None) -> None:
        self.class_names = _check_names(() if class_names is None else class_names)
        # By their normal form first, so that a name exactly as it is written is always found.
        self._ids = {normalize(name): number for number, name in enumerate(self.class_names)}
        self._ids |= {name: number for number, name in enumerate(self.class_names)}

    def settings(self) -> Mapping[str, Any]:
        """Return the arguments that make this htype again: the class names, if there are any."""
        return {"class_names": list(self.class_names)} if self.class_names else {}

    def check(self, value: Any) -> Ids:
        """Return the ids of one label or a list of labels.

        Raises:
            HtypeError: a name or id is not in the list, or a value is neither.
        """
        array = np.asarray(value) if hasattr(value, "__array__") else None
        # Integer arrays are checked as a whole, without a loop over their items.
        if array is not None and array.ndim <= 1 and array.dtype.kind in "iu":
            return self._check_ids(array.reshape(-1))
        items = array.tolist() if array is not None else value
        items = items if isinstance(items, (list, tuple)) else [items]
        return np.array([self._parse_label(item) for item in items], np.uint32)

    def add_class_names(self, names: Sequence[str]) -> ClassLabel:
        """Return the htype with further class names, which get the next ids.

        Raises:
            HtypeError: they are not a list of non-empty strings.
        """
        new = [name for name in _check_names(names) if normalize(name) not in self._ids]
        return ClassLabel(class_names=[*self.class_names, *new])

    def check_many(self, value: Any) -> Ids | None:
        """Check many samples at once: integers ``(n,)`` with one label per sample, or ``(n, labels)``.

        Returns:
            None if they cannot be checked at once, or if one is invalid; each is then checked alone.
        """
        array = np.asarray(value) if hasattr(value, "__array__") else None
        if array is None or array.dtype.kind not in "iu" or array.ndim not in (1, 2) or array.size == 0:
            return None
        try:
            return self._check_ids(array.reshape(len(array), -1))
        except HtypeError:
            return None

    def convert(self, array: NDArray[Any], source: Htype, picture_size: Callable[[], tuple[int, int] | None]) -> Any:
        """Return labels of another tensor by their names, or strings of text and json.

        Raises:
            HtypeError: a name is not among the class names, or only one of the tensors has class names.
        """
        if source.name in _HOLDS_STRINGS:
            return self.check(source.data(array))
        if not isinstance(source, ClassLabel) or not (self.class_names or source.class_names):
            return super().convert(array, source, picture_size)
        if not (self.class_names and source.class_names):
            without, other = ("the other tensor", "this one") if self.class_names else ("this tensor", "the other")
            raise HtypeError(
                f"The labels have no common names: {without} has no class names, and {other} has.",
                "Name its ids by tensor.add_class_names([…]), or append view.numpy() if ids mean the same.",
            )
        ids = [self._find_id(source.class_names[label]) for label in array.reshape(-1).tolist()]
        return np.array(ids, np.uint32)

    def data(self, array: NDArray[Any]) -> dict[str, Any]:
        """Return ``{"value": ids, "text": names}``, with names nested like the ids; None without class names."""
        return {"value": array, "text": self._get_name(array.tolist()) if self.class_names else None}

    def plain(self, array: NDArray[Any]) -> list[Any]:
        """Return the list of names, or of ids if there are no class names."""
        return list(self._get_name(array.tolist()) if self.class_names else array.tolist())

    def value_type(self, dtype: str | None) -> ValueType:
        """Return a list of class names, or of ids if there are no class names."""
        return ListOf(ClassName(self.class_names) if self.class_names else Number("uint32"))

    def _get_name(self, ids: Any) -> Any:
        return [self._get_name(item) for item in ids] if isinstance(ids, list) else self.class_names[ids]

    def _parse_label(self, item: object) -> int:
        if isinstance(item, str):
            return self._find_id(item)
        # bool is a subclass of int, but True is not a class id.
        if isinstance(item, (int, np.integer)) and not isinstance(item, bool):
            return int(self._check_ids(np.array([item], object))[0])  # object: the id may not fit into an int64
        todo = "Pass class ids (0 or more) or class names: a single one or a flat list."
        raise HtypeError(f"{brief(item)} is of type {type(item).__name__}, not a class label.", todo)

    def _find_id(self, name: str) -> int:
        if not self.class_names:
            todo = "Name its ids by tensor.add_class_names([…]), or append ids."
            raise HtypeError(f"{name!r} is a name, and this tensor has no class names.", todo)
        number = self._ids.get(name, self._ids.get(normalize(name)))
        if number is None:
            raise HtypeError(
                f"{name!r} is not among the {len(self.class_names)} class names.",
                f"{did_you_mean(name, self.class_names)} To add it: tensor.add_class_names([{brief(name)}]).",
            )
        return number

    def _check_ids(self, ids: NDArray[Any]) -> Ids:
        bound = len(self.class_names) or MAX_CLASS_ID + 1
        bad = (ids < 0) | (ids >= bound)
        if bad.any():
            known = f"there are {bound} class names" if self.class_names else "ids are stored as uint32"
            raise HtypeError(f"{ids[bad].flat[0]} is not a class id: {known}.", f"Pass an id from 0 to {bound - 1}.")
        return ids.astype(np.uint32)


def _check_names(names: Iterable[object]) -> tuple[str, ...]:
    if isinstance(names, str) or not hasattr(names, "__iter__") or getattr(names, "ndim", 1) == 0:
        raise HtypeError(f"class_names={brief(names)} is not a list.", "Pass a list of strings.")
    checked: dict[str, None] = {}
    for name in names:
        if not isinstance(name, str) or not name:
            raise HtypeError(f"The class name {brief(name)} is not a name.", "Pass non-empty strings.")
        if name in checked:
            raise HtypeError(f"The class name {name!r} is in the list twice.", "Remove one of them.")
        checked[str(name)] = None
    return tuple(checked)
