"""The htype contract: which values a tensor can hold, and how they are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from reelbase.errors import HtypeError
from reelbase.selection.value_types import ArrayOf, Field, ListOf, Number, Record, Text, number_type

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from reelbase.media.sample import Encode, Sample
    from reelbase.selection.value_types import ValueType


class Htype:
    """Checks and converts the items of a tensor. Plugins subclass it; instances are immutable.

    The base class itself is the htype ``generic``: arrays of numbers.

    Settings are the keyword arguments of ``create_tensor`` beyond the common ones. A subclass takes them as keyword
    arguments of its ``__init__``, checks them, and returns them from `settings`.

    Attributes:
        name: The name of the htype's spec.
        dtype: numpy dtype of the items if the user does not choose one. None uses the dtype of the first item.
        dtypes: The dtypes that a user may choose. Empty allows any bool, int, uint, float and complex dtype.
        media: True if items are encoded files. Arrays are then encoded when they are appended.
        shown: numpy dtype of the arrays that `numpy` returns, if it is not the stored dtype.
        role: How a viewer shows items. "video"; "boxes" are drawn over frames; "labels" are written next to frames or
            boxes; "text"; "value" is drawn as a curve if it is one number per frame; "" is not shown.
    """

    name: ClassVar[str] = "generic"
    dtype: ClassVar[str | None] = None
    dtypes: ClassVar[tuple[str, ...]] = ()
    media: ClassVar[bool] = False
    shown: ClassVar[str | None] = None
    role: ClassVar[str] = "value"

    def settings(self) -> Mapping[str, Any]:
        """Return the JSON-able keyword arguments that make an equal htype."""
        return {}

    def check(self, value: Any) -> NDArray[Any] | Sample | Encode:
        """Check one item, and return it as it is stored.

        Args:
            value: What the user appended.

        Returns:
            An array, which is cast to the tensor's dtype later if that is safe; or a media sample.

        Raises:
            HtypeError: the tensor cannot hold the value. The message shows it and says what would be accepted.
        """
        return as_array(value)

    def add_class_names(self, names: Sequence[str]) -> Htype:
        """Return the htype with further class names. Those that it has keep their places.

        Args:
            names: The names to add; it may have some of them already.

        Raises:
            HtypeError: they are not names; or, by default, the htype has no class names.
        """
        raise HtypeError(f"Samples of htype {self.name!r} have no class names.", 'Use htype="class_label".')

    def check_many(self, value: Any) -> NDArray[Any] | None:
        """Check all items of a sequence at once, if they have one shape.

        It is there for speed: a row may hold one item for each of thousands of frames.

        Args:
            value: What the user appended for one row.

        Returns:
            ``(n, *item shape)``: what `check` returns for each of the n items. None if the items must be checked one by
            one. For a bad item return None too: `check` then raises, and the error names the item.
        """
        return None

    def convert(
        self, array: NDArray[Any], source: Htype, picture_size: Callable[[], tuple[int, int] | None]
    ) -> NDArray[Any] | Sample | Encode:
        """Convert an item of another tensor: what is appended is what it means there, not its numbers.

        By default items of the same htype with the same settings are taken as they are, and items of other htypes are
        refused. Override it if items of other settings can be converted, and call it for all other items.

        Args:
            array: The item as the other tensor stores it, which may be read-only.
            source: The htype of the other tensor's items.
            picture_size: Returns ``(height, width)`` in pixels of the picture that the item belongs to, or None if that
                is not known. It may read from the storage.

        Returns:
            What `check` returns for the value that has the same meaning in this tensor.

        Raises:
            HtypeError: no value has the same meaning.
        """
        if source.name == self.name and dict(source.settings()) == dict(self.settings()):
            return array
        raise HtypeError(
            f"A sample of {source!r} has no meaning in a tensor of {self!r}.",
            "Append its numbers, view.numpy(), if they mean the same here.",
        )

    def numpy(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return what ``.numpy()`` returns for a stored array."""
        return array

    def data(self, array: NDArray[Any]) -> Any:
        """Return what ``.data()`` returns for a stored array."""
        return {"value": self.numpy(array)}

    def plain(self, array: NDArray[Any]) -> Any:
        """Return a stored array as numbers, strings, lists and dicts. Filters compare this, and viewers show it."""
        return self.numpy(array).tolist()

    def value_type(self, dtype: str | None) -> ValueType:
        """Return the type of what `plain` returns. It says what a filter may ask of an item; the rest is refused.

        Args:
            dtype: numpy dtype of the stored arrays; None if nothing was appended yet.
        """
        return ArrayOf(number_type(dtype))

    def file_type(self) -> Record:
        """Return what a filter may ask of an item that is an encoded file: some keys of its ``sample_info``, and more.

        Values are looked up by the name of the field. There are "width" and "height", for videos "frames" and
        "seconds" too, and what the codec put into `MediaInfo.details`.
        """
        return Record(("a picture", "pictures"), PICTURE_FIELDS)

    def drawn(self, array: NDArray[Any], size: tuple[int, int]) -> Any:
        """Return what a viewer draws for an item that belongs to one frame of a video.

        Args:
            array: The stored item.
            size: ``(height, width)`` of the frame in pixels.

        Returns:
            As `plain`, by default the same.
        """
        return self.plain(array)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.settings().items())})"


#: What a filter may ask of a picture.
PICTURE_FIELDS: Final = {
    "width": Field(Number("int64", "px")),
    "height": Field(Number("int64", "px")),
    "shape": Field(ListOf(Number("int64"), "axes")),
    "dtype": Field(Text()),
    "bits": Field(Number("int64")),
    "format": Field(Text()),
    "filename": Field(Text()),
    "sha256": Field(Text()),
}


def as_array(value: Any) -> NDArray[Any]:
    """Convert a value to an array of bools or numbers.

    Raises:
        HtypeError: the value is ragged, or holds objects, text or dates.
    """
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise HtypeError(
            f"{brief(value)} is not an array: {error}.", "Give lists of equal lengths, or use a sequence[…] tensor."
        ) from None
    if array.dtype.kind not in "biufc":
        raise HtypeError(
            f"{brief(value)} holds {array.dtype}, not numbers.", "Use htype text or json, or convert it to numbers."
        )
    return array


def brief(value: object, width: int = 60) -> str:
    """Return a short repr of a value, for messages.

    Args:
        value: Any object; of a large array only shape and dtype are shown.
        width: The length of the text, at most, in characters.
    """
    if isinstance(value, np.ndarray) and value.size > 8:
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    try:
        text = " ".join(repr(value).split())
    except Exception:  # noqa: BLE001 - too many digits, nested too deeply, or a __repr__ that raises
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= width else text[: width - 1] + "…"
