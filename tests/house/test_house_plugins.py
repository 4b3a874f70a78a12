"""Every plugin target resolves; plugin modules and reelbase itself import nothing heavy."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from reelbase.registry import registry

_KINDS = ("storages", "codecs", "htypes", "credentials", "commands")
_SPECS = [(kind, spec.name) for kind in _KINDS for spec in getattr(registry(), kind).specs()]
_HEAVY = ("av", "fsspec", "s3fs", "gcsfs", "googleapiclient", "torch", "IPython", "tqdm", "PIL", "pandas")
_OWN = sorted(point.value for point in entry_points(group="reelbase") if point.dist and point.dist.name == "reelbase")


def _loaded_by(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_our_own_plugins_are_there() -> None:
    assert {"reelbase_plugins.local", "reelbase_plugins.video", "reelbase_plugins.image"} <= set(_OWN)
    assert [one for one in registry().failures() if one.distribution == "reelbase"] == []


@pytest.mark.parametrize(("kind", "name"), _SPECS)
def test_every_target_resolves(kind: str, name: str) -> None:
    assert callable(getattr(registry(), kind).load(name))


def test_htypes_carry_the_name_of_their_spec() -> None:
    for spec in registry().htypes.specs():
        assert registry().htypes.load(spec.name).name == spec.name


def test_htypes_name_kinds_of_codec_that_exist() -> None:
    kinds = {"raw", *(spec.kind for spec in registry().codecs.specs())}
    for spec in registry().htypes.specs():
        assert set(spec.codecs) <= kinds, spec


def test_suffixes_and_magic_are_well_formed() -> None:
    for spec in registry().codecs.specs():
        assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in spec.suffixes), spec
        for conjunction in spec.magic:
            assert conjunction, spec
            assert all(at >= 0 and want and at + len(want) <= 4096 for at, want in conjunction), spec


def test_import_reelbase_is_light() -> None:
    loaded = _loaded_by("import reelbase")
    assert "reelbase" in loaded
    assert loaded.isdisjoint({"numpy", "pluggy", "asyncio", "importlib.metadata", *_HEAVY})


@pytest.mark.parametrize("module", _OWN)
def test_plugin_modules_are_light(module: str) -> None:
    loaded = _loaded_by(f"import {module}")
    assert loaded.isdisjoint(_HEAVY), "a plugin's module declares; its work belongs into modules beside it"


def test_looking_plugins_up_is_light() -> None:
    loaded = _loaded_by(
        "from reelbase.registry import registry\nregistry().codecs.specs()\nregistry().open_storage('x')"
    )
    assert loaded.isdisjoint(_HEAVY)
    own = {name for name in loaded if name.startswith("reelbase_plugins.") and name.count(".") > 1}
    assert own == {f"reelbase_plugins.local.{name}" for name in ("storage", "paths", "reading", "writing")}
