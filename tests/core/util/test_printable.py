"""What a terminal would obey is escaped; everything else stays as it is."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbase._util.printable import printable, printable_json, printable_line
from reelbase.errors import ReelbaseError, UsageError, error_context

ODD = "\x1b[]\x07\x9b\u202e\n\r\t a\\\ud800\udc80"
TEXTS = st.text(st.characters(codec=None), max_size=60) | st.text(ODD, max_size=20)


def is_obeyed(character: str) -> bool:
    """By Unicode's own categories: controls, separators of lines, halves, and formats but those that join letters."""
    kind = unicodedata.category(character)
    return kind in {"Cc", "Zl", "Zp", "Cs"} or unicodedata.bidirectional(character) in {
        "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;owned\x07", "\\x1b]0;owned\\x07"), ("\x9b31mred", "\\x9b31mred"), ("a\rb", "a\\rb"), ("a\tb", "a\\tb"),
        ("gnp.\u202eexe", "gnp.\\u202eexe"), ("caf\udce9", "caf\\udce9"), ("\u200bname", "\\u200bname"),
        ("\U000e0041", "\\U000e0041"), ("a\nb", "a\\nb"), ("\\x1b", "\\x1b"),
    ],
)  # fmt: skip
def test_escaped(text: str, shown: str) -> None:
    assert printable_line(text) == shown


PERSIAN, HEBREW = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u05e9\u05dc\u05d5\u05dd"


@pytest.mark.parametrize("text", ["Grüße", "日本語", PERSIAN, HEBREW, "👩\u200d🚀", "a\u00a0b", "e\u0301"])
def test_what_people_write_stays(text: str) -> None:
    assert printable_line(text) == text == printable(text)


@given(TEXTS)
def test_nothing_is_obeyed(text: str) -> None:
    assert not [character for character in printable_line(text) if is_obeyed(character)]
    assert not [character for character in printable(text) if is_obeyed(character) and character != "\n"]
    printable_line(text).encode()  # no terminal takes halves of characters
    assert printable(printable(text)) == printable(text)


@given(st.dictionaries(TEXTS, TEXTS | st.lists(TEXTS)))
def test_json_means_the_same(value: dict[str, object]) -> None:
    text = printable_json(json.dumps(value, ensure_ascii=False, indent=2))
    assert json.loads(text) == json.loads(json.dumps(value))
    assert not [character for character in text if is_obeyed(character) and character != "\n"]


@given(TEXTS)
def test_errors(text: str) -> None:
    """Wherever a message comes from: it is printed in tracebacks, too."""
    error = UsageError(f"No {text}.", f"Try {text}.")
    with pytest.raises(ReelbaseError) as caught, error_context(f"Row 3 of {text}"):
        raise error
    assert not [character for character in str(caught.value) if is_obeyed(character) and character != "\n"]


def test_errors_show_no_signed_url() -> None:
    error = UsageError("https://me:SECRET@host/a?sig=SECRET: no.", "See 'http://host/b c?token=SECRET'.")
    assert str(error) == "https://host/a?…: no.\n    See 'http://host/b c?…'."
    assert "SECRET" not in repr(error)
