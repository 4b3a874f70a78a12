"""Codecs by content."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reelbase.errors import UnknownFormatError

if TYPE_CHECKING:
    from collections.abc import Callable

    from reelbase.registry import Registry

    Install = Callable[..., str]
    Build = Callable[..., Registry]

SOURCE = """
    class Any(Codec):
        def ingest(self, blob, spool, *, filename, check="sample", stream=None): ...
        def decode(self, blob, plan, *, out=None, size=None): ...

    class Upper(Any):
        @classmethod
        def claims(cls, head):
            assert len(head) <= 4096
            return head[4:].isupper()

    class Never(Any):
        @classmethod
        def claims(cls, head):
            return False

    class Dotted(Any):
        @classmethod
        def claims(cls, head):
            return head[1:2] == b"."

    def spec(name, magic, target="Any", kind="clip", suffixes=(), **more):
        return CodecSpec(name=name, target="{module}:" + target, magic=magic, kind=kind, suffixes=suffixes, **more)

    @hookimpl
    def reelbase_codecs():
        yield spec("short", [[(0, b"QQ")]])
        yield spec("long", [[(0, b"QQLONG")]])
        yield spec("two", [[(0, b"ZZ"), (4, b"zz")], [(2, b"second")]], kind="picture")
        yield spec("first", [[(0, b"TIED")]], suffixes=(".one",))
        yield spec("second", [[(0, b"TIED")]], suffixes=(".two", ".too"))
        yield spec("upper", [[(0, b"CASE")]], "Upper")
        yield spec("never", [[(0, b"CASE")]], "Never")
        yield spec("blind", [])
        yield spec("general", [[(0, b"QQ")]], "Never")
        yield spec("alone", [[(0, b"ALONE")]], "Never")
        yield spec("dotted", [], "Dotted", probe=True)
        yield spec("missing", [], "Any", probe=True, requires=("no_such_package",))
        yield spec("odd", [[(0, b"ODD!")]], kind="refused", refusal=("an odd file", "Make it even."))
        yield spec("twin", [[(0, b"ODD!!")]])
        yield spec("twin picture", [[(0, b"EVEN")]], kind="picture")
        yield spec("even", [[(0, b"EVEN")]], kind="refused", refusal=("an even file", "Odd."), suffixes=(".even",))
"""


@pytest.fixture
def registry(install: Install, build: Build) -> Registry:
    install("codecs", SOURCE)
    return build('[plugins]\ndeny = ["reelbase"]')


@pytest.mark.parametrize(
    ("head", "filename", "name"),
    [
        (b"QQ...", "a.long", "short"),
        (b"QQLONG", "a.short", "long"),
        (b"ZZ..zz", "a", "two"),
        (b"..second", "a", "two"),
        (b"TIED", "a", "first"),
        (b"TIED", "a.one", "first"),
        (b"TIED", "a.two", "second"),
        (b"TIED", "/some/folder/A.TOO", "second"),
        (b"TIED", "https://host/a.two?signed=1", "second"),
        (b"CASEUP", "a", "upper"),
        (b"CASE" + b"U" * 9000, "a", "upper"),
        (b"x.", "a", "dotted"),
        (b"Q.", "a", "dotted"),
        (b"ODD!!", "a", "twin"),
        (b"EVEN", "a.even", "twin picture"),
    ],
)
def test_choice(registry: Registry, head: bytes, filename: str, name: str) -> None:
    assert registry.sniff(head, filename).name == name


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (b"", "'x.mp4' is empty."),
        (
            b"hello, this is text",
            "'x.mp4' has an unknown format; it starts with 68 65 6c 6c 6f 2c 20 74 68 69 73 20 69 73 20 74 …",
        ),
        (b"Q", "'x.mp4' has an unknown format; it starts with 51"),
        (b"ZZ..yy", "'x.mp4' has an unknown format; it starts with 5a 5a 2e 2e 79 79"),
        (b"ALONE", "'x.mp4' has an unknown format; it starts with 41 4c 4f 4e 45"),
        (b"CASElow", "'x.mp4' has an unknown format; it starts with 43 41 53 45 6c 6f 77"),
    ],
)
def test_unknown(registry: Registry, head: bytes, message: str) -> None:
    with pytest.raises(UnknownFormatError) as caught:
        registry.sniff(head, "x.mp4")
    assert str(caught.value).split("\n")[0] == message
    if head:
        assert "Known formats: short, long, two, first, second, upper, never, blind, general, " in str(caught.value)
        assert "odd" not in str(caught.value)


def test_only_some_kinds(registry: Registry) -> None:
    assert registry.sniff(b"QQ", "a", kinds={"clip"}).name == "short"
    with pytest.raises(UnknownFormatError) as caught:
        registry.sniff(b"QQ", "a.pic", kinds=["picture"])
    message = "'a.pic' looks like short (clip), which cannot be used here.\n    Known formats: two, twin picture."
    assert str(caught.value) == message


@pytest.mark.parametrize("kinds", [None, {"clip"}, {"picture"}])
def test_a_refused_format(registry: Registry, kinds: set[str] | None) -> None:
    with pytest.raises(UnknownFormatError) as caught:
        registry.sniff(b"ODD!", "a.mp4", kinds=kinds)
    assert str(caught.value) == "'a.mp4' is an odd file, which cannot be read.\n    Make it even."
