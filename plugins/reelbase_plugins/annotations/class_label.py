"""The htype class_label: ids into a frozen list of names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from reelbase.errors import HtypeError
from reelbase.plugin import Htype, brief
from reelbase_plugins.annotations._names import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    Ids = NDArray[np.uint32]

MAX_CLASS_ID = int(np.iinfo(np.uint32).max)


class ClassLabel(Htype):
    """Class ids ``(n,)`` uint32, given as ids, as names, or as a list of either; one alone makes ``(1,)``.

    Args:
        class_names: The names of the ids 0, 1, …; without it ids are not bounded and names are refused.

    Raises:
        HtypeError: the names are not list of different, non-empty strings.
    """

    name: ClassVar[str] = "class_label"
    dtype: ClassVar[str | None] = "uint32"
    dtypes: ClassVar[tuple[str, ...]] = ("uint8", "uint16", "uint32")
    role: ClassVar[str] = "labels"

    def __init__(self, *, class_names: Sequence[str] | None = None) -> None:
        self.class_names = _check_names(() if class_names is None else class_names)
        self._ids = {name: at for at, name in enumerate(self.class_names)}

    def settings(self) -> Mapping[str, Any]:
        """The class names, if there are any."""
        return {"class_names": list(self.class_names)} if self.class_names else {}

    def check(self, value: Any) -> Ids:
        """The ids of one label or of a list of them.

        Raises:
            HtypeError: a name or id that is not in the list, or a value that is neither.
        """
        array = np.asarray(value) if hasattr(value, "__array__") else None
        if array is not None and array.ndim <= 1 and array.dtype.kind in "iu":
            return self._check_ids(array.reshape(-1))
        items = array.tolist() if array is not None else value
        items = items if isinstance(items, (list, tuple)) else [items]
        return np.array([self._id(item) for item in items], np.uint32)

    def check_many(self, value: Any) -> Ids | None:
        """A stack of ids ``(n,)`` with one label each, or ``(n, labels)``, checked at once; integers only."""
        array = np.asarray(value) if hasattr(value, "__array__") else None
        if array is None or array.dtype.kind not in "iu" or array.ndim not in (1, 2) or array.size == 0:
            return None
        try:
            return self._check_ids(array.reshape(len(array), -1))
        except HtypeError:
            return None

    def data(self, array: NDArray[Any]) -> dict[str, Any]:
        """``{"value": ids, "text": names}``: names nested as the ids are, or None without class names."""
        return {"value": array, "text": self._name(array.tolist()) if self.class_names else None}

    def plain(self, array: NDArray[Any]) -> list[Any]:
        """Names, or ids where there are no names; always a list."""
        return list(self._name(array.tolist()) if self.class_names else array.tolist())

    def _name(self, ids: Any) -> Any:
        return [self._name(one) for one in ids] if isinstance(ids, list) else self.class_names[ids]

    def _id(self, item: object) -> int:
        if isinstance(item, str):
            return self._id_of_name(item)
        if isinstance(item, (int, np.integer)) and not isinstance(item, bool):
            return int(self._check_ids(np.array([item], object))[0])
        todo = "Give class ids (0 or more) or class names, one or a flat list."
        raise HtypeError(f"{brief(item)} is a {type(item).__name__}, not a class label.", todo)

    def _id_of_name(self, name: str) -> int:
        if not self.class_names:
            todo = "Give class_names=[…] to create_tensor, or append ids."
            raise HtypeError(f"{name!r} is a name, and this tensor has no class names.", todo)
        if name not in self._ids:
            raise HtypeError(
                f"{name!r} is not among the {len(self.class_names)} class names.",
                did_you_mean(name, self.class_names),
            )
        return self._ids[name]

    def _check_ids(self, ids: NDArray[Any]) -> Ids:
        bound = len(self.class_names) or MAX_CLASS_ID + 1
        bad = (ids < 0) | (ids >= bound)
        if bad.any():
            known = f"there are {bound} class names" if self.class_names else "ids are stored as uint32"
            raise HtypeError(f"{ids[bad].flat[0]} is not a class id: {known}.", f"Give 0 to {bound - 1}.")
        return ids.astype(np.uint32)


def _check_names(names: Iterable[object]) -> tuple[str, ...]:
    if isinstance(names, str) or not hasattr(names, "__iter__"):
        raise HtypeError(f"class_names={brief(names)} is not a list.", "Give a list of strings.")
    checked: dict[str, None] = {}
    for name in names:
        if not isinstance(name, str) or not name:
            raise HtypeError(f"The class name {brief(name)} is not a name.", "Give non-empty strings.")
        if name in checked:
            raise HtypeError(f"The class name {name!r} stands twice in the list.", "Leave one out.")
        checked[str(name)] = None
    return tuple(checked)
