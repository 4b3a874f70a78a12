"""The htype contract: which values a tensor can hold, and how they are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from reelbase.errors import HtypeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from reelbase.media.sample import Encode, Sample


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

    def numpy(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return what ``.numpy()`` returns for a stored array."""
        return array

    def data(self, array: NDArray[Any]) -> Any:
        """Return what ``.data()`` returns for a stored array."""
        return {"value": self.numpy(array)}

    def plain(self, array: NDArray[Any]) -> Any:
        """Return a stored array as numbers, strings, lists and dicts. Filters compare this, and viewers show it.

        An array with a single number is returned as that number.
        """
        value = self.numpy(array).tolist()
        while isinstance(value, list) and len(value) == 1 and not isinstance(value[0], list):
            value = value[0]
        return value

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
