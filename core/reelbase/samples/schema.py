"""Turn a tensor's schema into the objects that do the work: htype, codec and layout."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from inspect import signature
from typing import TYPE_CHECKING, Any, ClassVar, cast
from weakref import WeakKeyDictionary

import numpy as np

from reelbase.contracts.htype import brief
from reelbase.errors import HtypeError, UsageError
from reelbase.registry import registry
from reelbase.samples.array_layout import ArrayLayout
from reelbase.samples.link_layout import LinkLayout
from reelbase.samples.media_layout import MediaLayout
from reelbase.samples.row_shape import ITEM_SEQUENCE, SINGLE_ITEM

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reelbase.contracts.htype import Htype
    from reelbase.contracts.specs import HtypeSpec
    from reelbase.format.state import TensorSchema
    from reelbase.samples.array_layout import Layout
    from reelbase.samples.row_shape import RowShape

_WRAPPED = re.compile(r"(\w+)\[(.*)\]")


@dataclass(frozen=True)
class StoredItems:
    """Items whose bytes are stored in the dataset.

    Attributes:
        name: Name of the htype of one item.
        row_shape: Whether a row holds one item or several.
    """

    are_linked: ClassVar[bool] = False  #: True if the dataset holds links to the files

    name: str
    row_shape: RowShape = SINGLE_ITEM

    def layout(self, schema: TensorSchema) -> Layout:
        """A new layout for them."""
        spec, htype = registry().htypes.spec(self.name), _make_htype(self.name, schema.settings)
        if schema.codec is None and not htype.media:
            return ArrayLayout(self.row_shape, htype, schema.dtype)
        return self.files(schema, htype, spec)

    def files(self, schema: TensorSchema, htype: Htype, spec: HtypeSpec) -> MediaLayout:
        """A new layout for encoded files."""
        if schema.codec is not None:
            _check_codec(schema.codec, spec)
        return MediaLayout(self.row_shape, htype, schema.codec, tuple(kind for kind in spec.codecs if kind != "raw"))

    def as_stored(self) -> StoredItems:
        """The same items, stored in the dataset."""
        return self

    def __str__(self) -> str:
        return self.row_shape.name_htype(self.name)


class LinkedItems(StoredItems):
    """Items that are files outside the dataset, which holds links to them."""

    are_linked: ClassVar[bool] = True

    def layout(self, schema: TensorSchema) -> Layout:  # noqa: D102
        spec, htype = registry().htypes.spec(self.name), _make_htype(self.name, schema.settings)
        if not htype.media and schema.codec is None:
            raise HtypeError(
                f"htype={schema.htype!r}: {self.name!r} is not stored as files, so it cannot be linked.",
                'Link a media htype: "link[video]".',
            )
        return LinkLayout(self.files(schema, htype, spec))

    def as_stored(self) -> StoredItems:  # noqa: D102
        return StoredItems(self.name, self.row_shape)


def _sequence(inner: StoredItems) -> StoredItems:
    return replace(inner, row_shape=ITEM_SEQUENCE)


def _link(inner: StoredItems) -> StoredItems:
    return LinkedItems(inner.name, inner.row_shape)


_WRAP: dict[str, Callable[[StoredItems], StoredItems]] = {"sequence": _sequence, "link": _link}
_NESTED = {"": ("sequence", "link"), "sequence": ("link",), "link": ()}

_reading: WeakKeyDictionary[TensorSchema, Layout] = WeakKeyDictionary()


def reading_layout(schema: TensorSchema) -> Layout:
    """A layout to read with, shared by all readers of a schema."""
    layout = _reading.get(schema)
    if layout is None:
        layout = _reading[schema] = layout_of(schema)
    return layout


def layout_of(schema: TensorSchema) -> Layout:
    """A new layout to write a tensor's samples with; it remembers the dtype that the first sample sets.

    Raises:
        HtypeError: the htype, its settings or the dtype are invalid.
        PluginNotFoundError: no plugin provides that htype or codec.
        UsageError: the htype cannot be stored with that codec.
    """
    return parse_htype(schema.htype).layout(schema)


def check_dtype(schema: TensorSchema, dtype: object) -> str | None:
    """The dtype a new tensor starts with: the user's, or the htype's own, or None for that of the first sample.

    Raises:
        HtypeError: it is not a dtype, or the htype cannot have it.
    """
    htype = _make_htype(parse_htype(schema.htype).name, schema.settings)
    if dtype is None:
        return htype.dtype
    try:
        wanted = np.dtype(dtype)  # type: ignore[call-overload]
    except (TypeError, ValueError, RecursionError):
        raise HtypeError(
            f"dtype={brief(dtype)} is not a numpy dtype.", "Give one such as 'float32' or np.int64."
        ) from None
    if htype.shown and wanted == np.dtype(htype.shown):
        return htype.dtype
    allowed = htype.dtypes or ((htype.dtype,) if htype.media and htype.dtype else ())
    if wanted.kind not in "biufc" or (allowed and wanted.name not in allowed):
        hint = f"It may be {', '.join(allowed)}." if allowed else "It may be bool, int, uint, float or complex."
        raise HtypeError(f"A tensor of htype {schema.htype!r} cannot have dtype {wanted.name}.", hint)
    return str(wanted.newbyteorder("=").name)


def settings_of(schema: TensorSchema) -> Mapping[str, Any]:
    """The settings as the htype completed them, to be stored."""
    return _make_htype(parse_htype(schema.htype).name, schema.settings).settings()


def names_of_settings(schema: TensorSchema) -> tuple[str, ...]:
    """The names of all settings of a tensor's htype, those that are not set as well."""
    return _settings(cast("Any", registry().htypes.load(parse_htype(schema.htype).name)))


def parse_htype(name: str, around: str = "") -> StoredItems:
    """Parse an htype such as ``sequence[link[video]]``.

    Args:
        name: The htype.
        around: The wrapper that it was found in; "" at the top.

    Raises:
        HtypeError: it has an unknown wrapper, or is not a string.
    """
    if not isinstance(name, str) or not name:
        raise HtypeError(f"htype={brief(name)} is not a name.", 'Give one such as "video", "bbox" or "sequence[bbox]".')
    wrapped = _WRAPPED.fullmatch(name)
    if wrapped is None:
        return StoredItems(name)
    outer, inner = wrapped.groups()
    if outer not in _NESTED[around]:
        raise HtypeError(f"htype={name!r} has an unknown wrapper.", 'There are "sequence[…]", "link[…]" in it, once.')
    return _WRAP[outer](parse_htype(inner, outer))


def _make_htype(name: str, settings: Mapping[str, Any]) -> Htype:
    htype = registry().htypes.load(name)
    known = _settings(cast("Any", htype))  # mypy takes a class for unhashable if its instances are
    unknown = sorted(set(settings) - set(known))
    if unknown:
        hint = f"It has: {', '.join(known)}." if known else "It has no settings."
        raise HtypeError(f"htype {name!r} has no setting {unknown[0]!r}.", hint)
    return htype(**settings)


@cache
def _settings(htype: Callable[..., Htype]) -> tuple[str, ...]:
    """Names of an htype's settings."""
    return tuple(signature(htype).parameters)


def _check_codec(codec: str, spec: HtypeSpec) -> None:
    kind = registry().codecs.spec(codec).kind
    if kind not in spec.codecs:
        known = (
            ", ".join(codec.name for codec in registry().codecs.specs() if codec.kind in spec.codecs)
            or "none: leave it out"
        )
        raise UsageError(
            f"A tensor of htype {spec.name!r} cannot be stored with sample_compression={codec!r}.",
            f"It can with: {known}.",
        )
