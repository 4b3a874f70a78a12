"""From the text of a filter to Python's syntax tree, with the names of tensors found first.

Names of tensors may contain "/", "-" and ".", and may be keywords of Python: ``train/left-eye``, ``class``. So they
are replaced by identifiers before the text is parsed. ``a-b`` is the tensor of that name if it exists, and otherwise a
subtraction, which ``a - b`` always is. A tensor in a group can be written with "." too: ``train.labels``.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Final

from reelbase.errors import FilterError
from reelbase.selection.suggestions import suggest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

MAX_CHARACTERS: Final = 2_000
HELP: Final = "Filters compare tensors with values: labels == 'cat' and count(boxes) > 3, videos.fps >= 25."
FUNCTIONS: Final = ("len", "count", "any", "all", "min", "max", "sum")

_WORDS: Final = frozenset({"and", "or", "not", "in", "is", "None", "True", "False"})
_NUMBER: Final = re.compile(r"\d[\d_]*(?:\.[\d_]*)?(?:[eE]-?\d*)?[jJ]?|0[xXbBoO]\w*")
_STRING: Final = (
    r"""[A-Za-z]*(?:'{3}(?:[^\\]|\\.)*?'{3}|"{3}(?:[^\\]|\\.)*?"{3}|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")"""
)
_TOKEN: Final = re.compile(rf"(?s:(?P<string>{_STRING}))|(?P<run>(?<![\w.])\w+(?:[./-]\w+)*)")
_KEY: Final = re.compile(r"""\s*\[\s*(['"])([\w./-]+)\1\s*\]""")


class Source:
    """The text of a filter.

    Args:
        text: The expression as the user wrote it.
        names: Names of all tensors.

    Attributes:
        tree: The syntax tree. A tensor is an `ast.Name`, whose identifier is a key of `tensors`.
        tensors: Names of tensors by the identifiers that stand for them.

    Raises:
        FilterError: the text is not a Python expression, or names a group or a tensor of a group that does not exist.
    """

    def __init__(self, text: str, names: Collection[str]) -> None:
        if not isinstance(text, str) or len(text) > MAX_CHARACTERS:
            raise FilterError(f"A filter is a str of at most {MAX_CHARACTERS} characters.", HELP)
        self._names = names
        self._spellings = {name.replace("/", "."): name for name in names} | {name: name for name in names}
        self._prefix = "tensor_"
        while self._prefix in text:
            self._prefix += "_"
        self._runs: dict[str, str] = {}
        self._written: dict[str, str] = {}
        self.tensors: dict[str, str] = {}
        self._code = "".join(self._replace_names(text.strip()))
        try:
            self.tree = ast.parse(self._code, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            reason = error.msg if isinstance(error, SyntaxError) else "it cannot be read"
            raise FilterError(f"{text!r} is not a filter: {self._restore(reason)}.", HELP) from None

    def quote(self, node: ast.AST) -> str:
        """Return a part of the expression as the user wrote it."""
        return self._restore(ast.get_source_segment(self._code, node) or self._code)

    def unknown_error(self, name: str) -> FilterError:
        """Return the error for a name that is not that of a tensor."""
        run = self._runs.get(name, name)
        hint = suggest(name, [*self._names, "row"])
        return FilterError(
            f"There is no tensor {name!r}.", hint if "mean" in hint else suggest(run, [*self._names, "row"])
        )

    def _restore(self, code: str) -> str:
        return re.sub(rf"{self._prefix}\d+_", lambda match: self._written.get(match[0], match[0]), code)

    def _replace_names(self, text: str) -> Iterator[str]:
        """Yield the pieces of the text, with an identifier for each name of a tensor."""
        at = 0
        while match := _TOKEN.search(text, at):
            yield text[at : match.start()]
            if match["string"] is not None:
                yield match[0]
                at = match.end()
                continue
            end, name = self._find_tensor(text, match)
            if name is None:
                at = match.start() + len(re.match(r"\w+", match[0])[0])  # type: ignore[index]
                yield text[match.start() : at]
            else:
                at = end
                yield self._identify(name, text[match.start() : at])
        yield text[at:]

    def _identify(self, name: str, written: str) -> str:
        identifier = f"{self._prefix}{len(self.tensors)}_"
        self.tensors[identifier] = name
        self._written[identifier] = written
        return identifier

    def _find_tensor(self, text: str, match: re.Match[str]) -> tuple[int, str | None]:
        """Return the end of the longest name of a tensor that starts with a match, and the tensor's name."""
        run, start = match[0], match.start()
        for end in sorted({len(run), *(piece.start() for piece in re.finditer(r"[./-]", run))}, reverse=True):
            word = run[:end]
            is_call = word in FUNCTIONS and text[start + end :].lstrip().startswith("(")
            if word in self._spellings and not (word in _WORDS or is_call or _NUMBER.fullmatch(word)):
                return start + end, self._spellings[word]
        first = re.split(r"[./-]", run)[0]
        inside = [name for name in self._names if name.startswith(f"{first}/")]
        if inside:
            return self._find_in_group(text, match, inside)
        self._runs[first] = run
        return start, None

    def _find_in_group(self, text: str, match: re.Match[str], inside: list[str]) -> tuple[int, str]:
        """Return what `_find_tensor` does, for a name that starts with that of a group: ``train['labels']``."""
        name, end = match[0].replace(".", "/"), match.end()
        while key := _KEY.match(text, end):
            name, end = f"{name}/{key[2]}", key.end()
            if name in self._spellings:
                return end, self._spellings[name]
        if any(other.startswith(f"{name}/") for other in inside):
            raise FilterError(f"{name!r} is a group of tensors.", f"Name one of {', '.join(inside)}.")
        raise FilterError(f"There is no tensor {name!r}.", suggest(name, inside))
