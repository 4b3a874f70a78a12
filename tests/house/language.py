"""Count what makes our English hard to read, over docstrings, comments, messages and documentation.

``python tests/house/language.py core plugins docs README.md`` prints a line for each hit, and the counts. The rules are
those of CONTRIBUTING.md.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class Hit(NamedTuple):
    """One place that a rule finds.

    Attributes:
        rule: Name of the rule.
        place: ``file:line``.
        text: What was found.
    """

    rule: str
    place: str
    text: str


#: Rules for prose: what is found is better written another way.
PROSE = {
    "is no X": re.compile(
        r"(?<!here )\b(?:is|are|was|were) no (?!longer\b|more\b|less\b|other\b|such\b|one\b|need\b|way\b)[a-z]+"
    ),
    "who as subject": re.compile(r"(?:^|[.;] )(?:Who|Whoever) (?!may\b|can\b|is\b[^.]*\?)[a-z]+"),
    "told": re.compile(r"\b(?:told|tells|tell)\b"),
    "lies": re.compile(r"\b(?:lies|lie|lay) (?:in|at|on|beside|behind|below|between|under|outside|there|else)\b"),
    "stands": re.compile(r"\b(?:stands|stand) (?:in|at|on|beside|behind|below|between|under|there|here|as)\b"),
    "anew": re.compile(r"\banew\b"),
    "nobody": re.compile(r"\bas nobody\b"),
}
#: An argument that is described by a word or two.
_BARE_ARGUMENT = re.compile(
    r"^\s+\*{0,2}\w+: (?:That|What|Which|Whose|Where|Of [a-z ]{1,12}|To what|Bytes|Serve|In there)\.$"
)
_UNNAMED_LIMIT = re.compile(
    r"^_(?:MOST|LONGEST|LARGEST|SHOWN|AT_ONCE|AT_A_TIME|WIDEST|DEEPEST|MORE|FAR|FEW|MANY|LONG)$"
)


def find(path: Path) -> Iterator[Hit]:
    """All hits in a Python or Markdown file."""
    text = path.read_text("utf-8")
    if path.suffix == ".md":
        fenced = re.sub(r"^```.*?^```", lambda block: "\n" * block[0].count("\n"), text, flags=re.MULTILINE | re.DOTALL)
        for number, line in enumerate(fenced.splitlines(), 1):
            yield from _find_in_prose(line, f"{path}:{number}")
        return
    for number, line in _prose_lines(text):
        yield from _find_in_prose(line, f"{path}:{number}")
        if _BARE_ARGUMENT.match(line):
            yield Hit("bare argument", f"{path}:{number}", line.strip())
    yield from _find_in_names(ast.parse(text), path)


def _find_in_prose(line: str, place: str) -> Iterator[Hit]:
    for rule, pattern in PROSE.items():
        for found in pattern.finditer(line):
            yield Hit(rule, place, found[0])


def _prose_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines of docstrings, string literals with a space in them, and comments, with their numbers."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT or (token.type == tokenize.STRING and " " in token.string):
            for offset, line in enumerate(token.string.splitlines()):
                yield token.start[0] + offset, line


def _find_in_names(tree: ast.Module, path: Path) -> Iterator[Hit]:
    for node in ast.walk(tree):
        target = node.target if isinstance(node, ast.For | ast.comprehension) else None
        if isinstance(target, ast.Name) and target.id == "one":
            yield Hit("loop variable `one`", f"{path}:{target.lineno}", "one")
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name) and _UNNAMED_LIMIT.match(target.id):
                    yield Hit("limit without a unit", f"{path}:{node.lineno}", target.id)
        if isinstance(node, ast.FunctionDef) and _is_bare_participle(node):
            yield Hit("bare participle", f"{path}:{node.lineno}", node.name)


def _is_bare_participle(node: ast.FunctionDef) -> bool:
    """Return True for `_made` and `checked`; False for properties and for names with a verb or noun before."""
    decorators = {ast.unparse(decorator).rpartition(".")[2] for decorator in node.decorator_list}
    name = node.name.strip("_")
    irregular = {"made", "told", "found", "held", "given", "taken", "known", "kept", "sent", "seen", "written", "shown"}
    participle = name in irregular or (re.fullmatch(r"[a-z]+ed", name) is not None and name not in {"feed", "seed"})
    return participle and not decorators & {"property", "cached_property", "contextmanager", "setter"}


def count_comments(path: Path) -> tuple[int, int]:
    """Comment lines and code lines of a file."""
    lines = [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]
    comments = sum(1 for line in lines if "# " in line and "noqa" not in line and "type: ignore" not in line)
    return comments, len(lines)


def files_of(names: list[str]) -> list[Path]:
    """The Python and Markdown files below the given folders, and the given files."""
    roots = map(Path, names)
    found = [path for root in roots for path in ([root] if root.is_file() else sorted(root.rglob("*")))]
    return [
        path for path in found
        if path.suffix in {".py", ".md"} and not {"_build", "generated", "__pycache__"} & set(path.parts)
    ]  # fmt: skip


def main(names: list[str]) -> None:
    """Print hits and counts."""
    counts: Counter[str] = Counter()
    for path in files_of(names):
        for hit in find(path):
            counts[hit.rule] += 1
            print(f"{hit.place}: {hit.rule}: {hit.text}")
    print(dict(counts))


if __name__ == "__main__":
    main(sys.argv[1:])
