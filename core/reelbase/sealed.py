"""Objects whose attributes cannot be assigned."""

from __future__ import annotations

from reelbase.errors import AssignmentError


class Sealed:
    """Refuses assignments to attributes: Python would keep a value that nothing reads, and the user would not notice.

    Names that start with an underscore are the object's own.
    """

    __slots__ = ()

    def _how_to_set(self, name: str) -> str:
        """Return what to do instead of assigning the attribute `name`."""
        return "It is read-only."

    def __setattr__(self, name: str, value: object) -> None:
        if not name.startswith("_"):
            raise AssignmentError(f"{type(self).__name__}.{name} cannot be assigned.", self._how_to_set(name))
        object.__setattr__(self, name, value)
