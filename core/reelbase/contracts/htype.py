"""The htype contract: what one item of a tensor may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from reelbase.errors import HtypeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from reelbase.media.sample import Encode, Sample


class Htype:
    """What one item of a tensor may be. Plugins subclass it; instances are immutable.

    Settings are the keyword arguments of ``create_tensor`` beyond the common ones; a subclass takes them as keyword
    arguments of its ``__init__``, checks them, and returns them from `settings`.

    Attributes:
        name: The name of its spec.
        dtype: numpy dtype of its items when the user names none; None: that of the first item.
        dtypes: dtypes a user may choose; empty: any of bool, int, uint, float and complex.
        media: Items are encoded files; arrays are encoded on append.
        shown: numpy dtype that `numpy` shows, where that is not the stored one.
        role: What a viewer does with its items: "video", "boxes" drawn over frames, "labels" that are next to them or
            beside boxes, "text", "value" drawn as a curve if it is one number a frame; "" leaves them out.
    """

    name: ClassVar[str] = "generic"
    dtype: ClassVar[str | None] = None
    dtypes: ClassVar[tuple[str, ...]] = ()
    media: ClassVar[bool] = False
    shown: ClassVar[str | None] = None
    role: ClassVar[str] = "value"

    def settings(self) -> Mapping[str, Any]:
        """JSON-able keyword arguments that make an equal htype."""
        return {}

    def check(self, value: Any) -> NDArray[Any] | Sample | Encode:
        """The value as it is stored: an array (cast to the tensor's dtype later, if that is safe) or a media sample.

        Raises:
            HtypeError: the tensor may not hold it; the message shows the value and says what would do.
        """
        return as_array(value)

    def check_many(self, value: Any) -> NDArray[Any] | None:
        """A uniform stack of items checked at once; a sequence of thousands of frames needs it to be quick.

        Returns:
            ``(n, *item shape)``: what `check` gives for each of the n items; or None: check them one by one.
            Never raises for a bad item: None lets `check` find it and say which it is.
        """
        return None

    def numpy(self, array: NDArray[Any]) -> NDArray[Any]:
        """What ``.numpy()`` shows of a stored array."""
        return array

    def data(self, array: NDArray[Any]) -> Any:
        """What ``.data()`` shows of a stored array."""
        return {"value": self.numpy(array)}

    def plain(self, array: NDArray[Any]) -> Any:
        """A stored array as numbers, strings, lists and dicts of such: what filters compare, and viewers show.

        A single number stands for itself.
        """
        value = self.numpy(array).tolist()
        while isinstance(value, list) and len(value) == 1 and not isinstance(value[0], list):
            value = value[0]
        return value

    def drawn(self, array: NDArray[Any], size: tuple[int, int]) -> Any:
        """The same of an item that belongs to one frame of a video, whose ``(height, width)`` is `size`."""
        return self.plain(array)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.settings().items())})"


def as_array(value: Any) -> NDArray[Any]:
    """The value as an array of plain numbers.

    Raises:
        HtypeError: it is ragged, or holds objects, text or dates.
    """
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise HtypeError(
            f"{brief(value)} makes no array: {error}.", "Give lists of equal lengths, or a sequence[…] tensor."
        ) from None
    if array.dtype.kind not in "biufc":
        raise HtypeError(
            f"{brief(value)} holds {array.dtype}, not numbers.", "Use htype text or json, or convert it to numbers."
        )
    return array


def brief(value: object, width: int = 60) -> str:
    """A short repr for messages."""
    if isinstance(value, np.ndarray) and value.size > 8:
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # an int of more digits than Python writes out
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= width else text[: width - 1] + "…"
