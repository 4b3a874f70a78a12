"""Types of the values that filters compare. Each htype declares that of its items; expressions are checked against it.

A type says what one value is (`Number`, `Text`, `ClassName`, …) and in what lists it is: a row of ``sequence[bbox]`` is
``ListOf(ListOf(Record(…)))``. Values themselves are plain: numbers, strings, dicts, lists of them, and None for what is
missing.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from reelbase.errors import FilterError
from reelbase.selection.suggestions import suggest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ANY_DEPTH: Final = "any depth"  #: in place of axes: only the value says in how many lists it is
ITEMS: Final = "items"  #: the axis of boxes or labels that belong together
SEQUENCE: Final = "sequence"  #: the axis of a ``sequence[…]``: frames, as a rule


@dataclass(frozen=True)
class ValueType:
    """What one value is. Base class of the types.

    Attributes:
        word: What messages call a value, such as "a number".
        plural: What they call several, such as "numbers".
        family: Values of one family can be compared: "number", "text", "any" (with all), or "" (with lists only).
    """

    word: ClassVar[str] = ""
    plural: ClassVar[str] = ""
    family: ClassVar[str] = ""

    @property
    def is_ordered(self) -> bool:
        """True if ``<`` and ``>`` have a meaning."""
        return True

    @property
    def axes(self) -> tuple[str, ...]:
        """The lists around a value, from outside in."""
        return ()

    @property
    def leaf(self) -> ValueType:
        """The type of one value, without the lists around it."""
        return self

    @property
    def depth(self) -> int:
        """The number of lists around a value; -1 if only the value says it."""
        return -1 if ANY_DEPTH in self.axes else len(self.axes)

    def adapt(self, constant: Any, label: str) -> Any:
        """Return a constant of an expression as it is compared with values of this type.

        Args:
            constant: A number or a string.
            label: What the user wrote for the values, such as "labels".

        Raises:
            FilterError: no value of this type can be that constant.
        """
        return constant


@dataclass(frozen=True)
class Number(ValueType):
    """A number.

    Attributes:
        dtype: numpy dtype of the stored values. Constants are compared in its precision, as numpy does.
        unit: The unit, such as "s"; "" for none.
    """

    dtype: str = "float64"
    unit: str = ""
    word: ClassVar[str] = "a number"
    plural: ClassVar[str] = "numbers"
    family: ClassVar[str] = "number"

    @property
    def is_ordered(self) -> bool:
        """False for complex numbers."""
        return np.dtype(self.dtype).kind != "c"

    def adapt(self, constant: Any, label: str) -> Any:
        """Return the constant in the precision of the values: 0.1 finds what 0.1 became in float32."""
        dtype = np.dtype(self.dtype)
        if dtype.kind != "f" or isinstance(constant, (str, bool)) or abs(constant) > float(np.finfo(dtype).max):
            return constant
        return dtype.type(constant).item()


@dataclass(frozen=True)
class Boolean(ValueType):
    """True or False. It is a condition by itself."""

    word: ClassVar[str] = "true or false"
    plural: ClassVar[str] = "booleans"
    family: ClassVar[str] = "number"


@dataclass(frozen=True)
class Text(ValueType):
    """A string. Strings are compared in Unicode normal form C."""

    word: ClassVar[str] = "text"
    plural: ClassVar[str] = "texts"
    family: ClassVar[str] = "text"

    def adapt(self, constant: Any, label: str) -> Any:
        """Return the constant in normal form."""
        return normalize(constant)


@dataclass(frozen=True)
class ClassName(ValueType):
    """One of a fixed list of names.

    Attributes:
        names: The names, by class id.
    """

    names: tuple[str, ...]
    word: ClassVar[str] = "a class name"
    plural: ClassVar[str] = "class names"
    family: ClassVar[str] = "text"

    @property
    def is_ordered(self) -> bool:
        """Names of classes have no order."""
        return False

    def adapt(self, constant: Any, label: str) -> Any:
        """Return the name in normal form; for an int the name of that class id."""
        if isinstance(constant, int) and not isinstance(constant, bool):
            if not 0 <= constant < len(self.names):
                raise FilterError(f"{constant} is not a class of {label}.", f"Ids go from 0 to {len(self.names) - 1}.")
            return normalize(self.names[constant])
        if isinstance(constant, str) and normalize(constant) not in map(normalize, self.names):
            raise FilterError(f"{constant!r} is not a class of {label}.", suggest(constant, self.names))
        return normalize(constant)


@dataclass(frozen=True)
class AnyValue(ValueType):
    """Any JSON value: nothing about it is known before it is read."""

    word: ClassVar[str] = "any value"
    plural: ClassVar[str] = "values"
    family: ClassVar[str] = "any"

    @property
    def axes(self) -> tuple[str, ...]:  # noqa: D102
        return (ANY_DEPTH,)


@dataclass(frozen=True)
class Field:
    """A field of a record.

    Attributes:
        type: The type of its values.
        get: Returns the field of a record; None if the record is a dict with the field's name as a key.
    """

    type: ValueType
    get: Callable[[Any], Any] | None = None


@dataclass(frozen=True)
class Record(ValueType):
    """A value with named fields, such as a video or a box.

    Attributes:
        noun: What messages call it and several of it: ``("a box", "boxes")``.
        fields: The fields by name.
        length: The field that ``len`` gives; "" if it has no length.
        numbers: How many numbers it is stored as, if it is a list of numbers: 4 for a box; else 0.
        number: The type of one of those numbers.
        hints: Names that look like fields, and what to write instead.
    """

    noun: tuple[str, str]
    fields: Mapping[str, Field] = field(hash=False)
    length: str = ""
    numbers: int = 0
    number: ValueType = Number()
    hints: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def word(self) -> str:  # type: ignore[override]
        """What messages call it."""
        return self.noun[0]

    @property
    def plural(self) -> str:  # type: ignore[override]
        """What messages call several."""
        return self.noun[1]

    def adapt(self, constant: Any, label: str) -> Any:
        """Return the constant as it is compared with one of the numbers."""
        return self.number.adapt(constant, label) if self.numbers else constant


@dataclass(frozen=True)
class ListOf(ValueType):
    """A list of values.

    Attributes:
        item: The type of one.
        axis: What the list counts: `ITEMS`, `SEQUENCE` or another word. Lists of one axis can be paired.
    """

    item: ValueType
    axis: str = ITEMS

    @property
    def axes(self) -> tuple[str, ...]:  # noqa: D102
        return (self.axis, *self.item.axes)

    @property
    def leaf(self) -> ValueType:  # noqa: D102
        return self.item.leaf


@dataclass(frozen=True)
class ArrayOf(ValueType):
    """A value, or lists of values of any depth.

    Attributes:
        item: The type of one value.
    """

    item: ValueType

    @property
    def axes(self) -> tuple[str, ...]:  # noqa: D102
        return (ANY_DEPTH,)

    @property
    def leaf(self) -> ValueType:  # noqa: D102
        return self.item.leaf


def number_type(dtype: str | None) -> ValueType:
    """Return the type of one number of a dtype. None: the dtype is not known, because nothing was appended yet."""
    return Boolean() if dtype == "bool" else Number(dtype or "float64")


def nest(axes: tuple[str, ...], leaf: ValueType) -> ValueType:
    """Return the type of a value `leaf` in lists `axes`."""
    for axis in reversed(axes):
        leaf = ArrayOf(leaf) if axis == ANY_DEPTH else ListOf(leaf, axis)
    return leaf


def normalize(value: Any) -> Any:
    """Return a string in Unicode normal form C; any other value unchanged."""
    return unicodedata.normalize("NFC", value) if isinstance(value, str) and not value.isascii() else value
