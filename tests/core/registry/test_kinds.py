"""Looking up names: near misses, conflicts, missing packages, targets that are not what they should be."""

from __future__ import annotations

import threading
import tomllib
from typing import TYPE_CHECKING

import pytest

import reelbase.registry
from reelbase import config
from reelbase.errors import MissingDependencyError, PluginConflictError, PluginLoadError, PluginNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reelbase.registry import Registry

    Install = Callable[..., str]
    Build = Callable[..., Registry]

HTYPE = """
    @hookimpl
    def reelbase_htypes():
        return [HtypeSpec(name="pose", target="{module}:Pose")]

    class Pose(Htype):
        name = "pose"
"""


def test_an_unknown_name_shows_the_nearest(build: Build) -> None:
    with pytest.raises(PluginNotFoundError) as caught:
        build().htypes.load("clas_label")
    first, second = str(caught.value).split("\n")
    assert first.startswith("No installed plugin offers the htype 'clas_label'; known: bbox, class_label, generic")
    assert second.strip() == "Did you mean 'class_label'?"


@pytest.mark.parametrize("wanted", ["one-dist", "One_Dist", "first"])
def test_two_plugins_with_one_name(install: Install, build: Build, wanted: str) -> None:
    first = install("one-dist", HTYPE, entry="first")
    install("two-dist", HTYPE, entry="second")
    with pytest.raises(PluginConflictError) as caught:
        build().htypes.load("pose")
    message = str(caught.value)
    assert "2 plugins offer the htype 'pose': first (one-dist 1.0), second (two-dist 1.0)." in message
    lines = message[message.index("[prefer]") :]
    pasted = tomllib.loads(lines)
    assert pasted == {"prefer": {"htype": {"pose": "one-dist"}}}
    assert '"two-dist"' in lines
    assert build(lines).htypes.load("pose").__module__ == first
    assert build(f'[prefer]\nhtype.pose = "{wanted}"').htypes.spec("pose").target.startswith(first)


def test_preferring_nobody_who_offers_it_changes_nothing(install: Install, build: Build) -> None:
    install("one-dist", HTYPE)
    install("two-dist", HTYPE)
    with pytest.raises(PluginConflictError):
        build('[prefer]\nhtype.pose = "three-dist"').htypes.load("pose")


def test_two_plugins_of_one_distribution(install: Install, build: Build) -> None:
    install("one-dist", HTYPE, entry="first")
    second = install("one-dist", HTYPE, entry="second")
    with pytest.raises(PluginConflictError, match=r'htype\.pose = "first"  # or "second"'):
        build().htypes.load("pose")
    assert build('[prefer]\nhtype.pose = "second"').htypes.load("pose").__module__ == second


def test_a_conflict_with_core(install: Install, build: Build) -> None:
    module = install("my-generic", HTYPE.replace('"pose"', '"generic"'))
    with pytest.raises(PluginConflictError, match="builtin"):
        build().htypes.load("generic")
    assert build('[prefer]\nhtype.generic = "my-generic"').htypes.load("generic").__module__ == module
    assert build('[prefer]\nhtype.generic = "reelbase"').htypes.load("generic").__module__ == "reelbase.contracts.htype"


def test_two_storages_of_one_scheme(install: Install, build: Build) -> None:
    source = """
        @hookimpl
        def reelbase_storages():
            return [StorageSpec(name="NAME", target="reelbase.builtin.memory_storage:MemoryStorage", schemes=("nas",))]
    """
    install("nas-a", source.replace("NAME", "a"))
    install("nas-b", source.replace("NAME", "b"))
    with pytest.raises(PluginConflictError, match=r'storage\.nas = "nas-a"  # or "nas-b"'):
        build().open_storage("nas://x")
    _, spec = build('[prefer]\nstorage.nas = "nas-b"').storage_for("nas://x")
    assert spec.name == "b"


def test_a_missing_package_is_named_with_what_to_install(install: Install, build: Build) -> None:
    install(
        "needy",
        """
        @hookimpl
        def reelbase_storages():
            need = dict(requires=("json", "s3fs_not_here"), target="not_here:X")
            yield StorageSpec(name="s4", schemes=("s4", "s4a"), install="reelbase[s4]", **need)
            yield StorageSpec(name="s5", schemes=("s5",), requires=("not_here.at.all",), target="not_here:X")

        @hookimpl
        def reelbase_htypes():
            yield HtypeSpec(name="deep", requires=("not_here",), install="deep", target="not_here:X")

        @hookimpl
        def reelbase_codecs():
            need = dict(requires=("not_here",), install="raw9", target="not_here:X")
            yield CodecSpec(name="raw9", magic=(((0, b"RAW9"),),), **need)
        """,
    )
    registry = build()
    cases = {
        "s4a:// URLs need 's3fs_not_here', not installed here.\n    pip install 'reelbase[s4]'": lambda: (
            registry.open_storage("s4a://bucket")
        ),
        "s5:// URLs need 'not_here.at.all', not installed here.\n"
        "    Install the package that brings 'not_here.at.all'.": (lambda: registry.locate("s5://a/b")),
        "The htype 'deep' needs 'not_here', not installed here.\n    pip install 'deep'": lambda: registry.htypes.load(
            "deep"
        ),
        "raw9 samples need 'not_here', not installed here.\n    pip install 'raw9'": lambda: registry.codec("raw9"),
        "'a.bin' (raw9) needs 'not_here', not installed here.\n    pip install 'raw9'": (
            lambda: registry.sniff(b"RAW9....", "a.bin")
        ),
    }
    for message, call in cases.items():
        with pytest.raises(MissingDependencyError) as caught:
            call()
        assert str(caught.value) == message
        assert isinstance(caught.value, ImportError)


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("no_such_module_here:Thing", "ModuleNotFoundError: No module named 'no_such_module_here'"),
        ("json:Thing", "AttributeError: module 'json' has no attribute 'Thing'"),
        ("json:loads", "is not a subclass of reelbase.plugin.Storage"),
        ("json:JSONDecoder", "is not a subclass of reelbase.plugin.Storage"),
        ("reelbase.contracts.storage:Storage", "it does not implement delete, get, list, put, stat"),
        ("json", "AttributeError"),
    ],
)
def test_a_target_that_is_not_what_it_should_be(install: Install, build: Build, target: str, problem: str) -> None:
    install(
        "odd-target",
        f"""
        @hookimpl
        def reelbase_storages():
            return [StorageSpec(name="odd", target={target!r}, schemes=("odd",))]
        """,
        entry="odd",
    )
    with pytest.raises(PluginLoadError) as caught:
        build().open_storage("odd://x")
    first, second = str(caught.value).split("\n")
    assert first.startswith(f"The storage 'odd' cannot be used: {target}: ")
    assert problem in first
    assert second.strip() == "Report it to the authors of the plugin odd (odd-target 1.0)."


@pytest.fixture
def fresh() -> Iterator[None]:
    """A process-wide registry of this test's own."""
    reelbase.registry.reset()
    config.reset()
    yield
    reelbase.registry.reset()
    config.reset()


@pytest.mark.usefixtures("fresh")
def test_the_registry_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    real = reelbase.registry.load_plugins

    def slow(chosen: object) -> object:
        made.append(threading.get_ident())
        return real(chosen)  # type: ignore[arg-type]

    monkeypatch.setattr(reelbase.registry, "load_plugins", slow)
    from reelbase.testing._threads import together

    found = together(lambda _: reelbase.registry.registry(), 8)
    assert len(made) == 1
    assert len(set(map(id, found))) == 1


@pytest.mark.usefixtures("fresh")
@pytest.mark.needs_av
def test_limits_of_codecs_come_from_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELBASE_SECURITY__MAX_PIXELS", "1234")
    monkeypatch.setenv("REELBASE_THREADS", "3")
    codec = reelbase.registry.registry().codec("png")
    assert (codec.name, codec.limits.max_pixels, codec.limits.threads) == ("png", 1234, 3)
    assert reelbase.registry.registry().codec("png") is codec
