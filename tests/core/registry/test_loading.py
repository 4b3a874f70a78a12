"""Plugins that load, that fail in every way, and that are not allowed."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reelbase.errors import PluginNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

    from reelbase.registry import Registry

    Install = Callable[..., str]
    Build = Callable[..., Registry]

STORE = """
    @hookimpl
    def reelbase_storages():
        yield StorageSpec(name="vault", target="{module}:Vault", schemes=("vault",))

    class Vault(Storage):
        def get(self, key, start=0, stop=None, *, if_match=None): ...
        def stat(self, key): ...
        def put(self, key, data, *, if_absent=False): ...
        def delete(self, key): ...
        def list(self, prefix=""): ...
"""


def test_a_plugin_is_found_and_used(install: Install, build: Build) -> None:
    module = install("reel-vault", STORE, entry="vault", version="2.5")
    registry = build()
    plugin = next(one for one in registry.plugins if one.name == "vault")
    assert (plugin.distribution, plugin.version, plugin.failures) == ("reel-vault", "2.5", [])
    assert registry.storages.load("vault") is sys.modules[module].Vault
    assert registry.open_storage("vault://a/b").root == "vault://a/b"


def test_core_works_with_no_plugin_at_all(build: Build) -> None:
    registry = build('[plugins]\ndeny = ["reelbase"]')
    assert [spec.name for spec in registry.storages.specs()] == ["memory"]
    assert [spec.name for spec in registry.htypes.specs()] == ["generic"]


BROKEN = {
    "import": ("import no_such_module", "failed to load: ModuleNotFoundError: No module named 'no_such_module'"),
    "syntax": ("def broken(:", "failed to load: SyntaxError"),
    "exit": ("raise SystemExit(3)", "failed to load: SystemExit: 3"),
    "raise": (
        "@hookimpl\ndef reelbase_storages():\n    raise ValueError('on purpose')",
        "failed in reelbase_storages: ValueError: on purpose",
    ),
    "late": (
        (
            "@hookimpl\ndef reelbase_htypes():\n"
            "    yield HtypeSpec(name='one', target='a:b')\n    raise OSError('too late')"
        ),
        "failed in reelbase_htypes: OSError: too late",
    ),
    "misspelt": (
        "@hookimpl\ndef reelbase_storage():\n    return []",
        "has a wrong hook (is 'reelbase_storages' meant?): PluginValidationError: unknown hook 'reelbase_storage'",
    ),
    "argument": (
        "@hookimpl\ndef reelbase_normalize_url(uri):\n    return uri",
        "has a wrong hook: PluginValidationError",
    ),
    "unmarked": (
        "def reelbase_codecs():\n    return []",
        "defines reelbase_codecs without @hookimpl: it is not called.",
    ),
    "type": (
        "@hookimpl\ndef reelbase_codecs():\n    return ['mp4']",
        "gave 'mp4' in reelbase_codecs, not a CodecSpec.",
    ),
    "number": ("@hookimpl\ndef reelbase_commands():\n    return 7", "failed in reelbase_commands: TypeError"),
    "twice": (
        "@hookimpl\ndef reelbase_htypes():\n    return [HtypeSpec(name='a', target='m:A')] * 2",
        "gave the name 'a' twice in reelbase_htypes.",
    ),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_plugin_is_skipped_and_named(
    install: Install, build: Build, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    source, problem = BROKEN[how]
    for dist, text in (("aaa-first", STORE), ("bad-one", source)):
        # Written without dedent: the sources above start at the margin.
        install(dist, text, entry=dist.partition("-")[2])
    with caplog.at_level(logging.WARNING):
        registry = build()
    (failure,) = [one for one in registry.failures() if one.distribution == "bad-one"]
    assert str(failure).startswith(f"Plugin 'one' {problem}")
    assert [record.getMessage() for record in caplog.records] == [str(failure)]
    assert caplog.records[0].name == "reelbase.registry"
    assert registry.storages.spec("vault"), "the plugin beside it is lost"
    for miss in (
        lambda: registry.open_storage("az://x"),
        lambda: registry.htypes.spec("box"),
        lambda: registry.codec("x"),
    ):
        with pytest.raises(PluginNotFoundError) as caught:
            miss()
        assert str(failure) in str(caught.value)


def test_other_hooks_of_a_plugin_with_a_failing_one_are_used(install: Install, build: Build) -> None:
    install(
        "half-good",
        """
        @hookimpl
        def reelbase_htypes():
            return [HtypeSpec(name="good", target="a:b")]

        @hookimpl
        def reelbase_codecs():
            raise RuntimeError
        """,
    )
    assert build().htypes.spec("good").target == "a:b"


def test_a_failure_is_silent_by_default(install: Install) -> None:
    install("bad-one", "import no_such_module")
    code = "from reelbase.registry import registry\nprint(registry().failures())"
    site = next(path for path in sys.path if path.endswith("site"))
    code = f"import sys\nsys.path.insert(0, {site!r})\n{code}"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "bad-one" in run.stdout
    assert run.stderr == ""


def test_a_failure_keeps_its_traceback(install: Install, build: Build) -> None:
    module = install("bad-one", "import no_such_module")
    (failure,) = [one for one in build().failures() if one.distribution == "bad-one"]
    assert f"{module}.py" in failure.traceback


@pytest.mark.parametrize(
    ("toml", "loaded"),
    [
        ("", True),
        ('[plugins]\ndeny = ["other"]', True),
        ('[plugins]\ndeny = ["Reel.Vault"]', False),
        ('[plugins]\ndeny = ["vault"]', False),
        ('[plugins]\nallow = ["reel-vault"]', True),
        ('[plugins]\nallow = ["vault"]', True),
        ("[plugins]\nallow = []", False),
        ('[plugins]\nallow = ["other"]', False),
        ('[plugins]\nallow = ["vault"]\ndeny = ["reel_vault"]', False),
    ],
)
def test_allow_and_deny(install: Install, build: Build, toml: str, loaded: bool) -> None:
    module = install("reel-vault", STORE, entry="vault")
    registry = build(toml)
    assert (module in sys.modules) is loaded, "a plugin that is not allowed must not be imported"
    assert ("vault" in [spec.name for spec in registry.storages.specs()]) is loaded
    assert any(one.name == "local" and one.offers for one in registry.plugins), "our own plugins need no allowing"
    if not loaded:
        with pytest.raises(PluginNotFoundError, match=r"Plugin 'vault' was not loaded: \[plugins\] (allow|deny)"):
            registry.open_storage("vault://x")


def test_own_plugins_can_be_denied(build: Build) -> None:
    registry = build('[plugins]\ndeny = ["local"]')
    with pytest.raises(PluginNotFoundError, match=r"local paths such as 'a/b'; known: (?!.*file)"):
        registry.open_storage("a/b")


def test_metadata_that_cannot_be_read(install: Install, build: Build) -> None:
    module = install("no-name", STORE)
    site = next(path for path in sys.path if path.endswith("site"))
    (info,) = Path(site).glob("no_name*")
    (info / "METADATA").unlink()
    assert build().storages.spec("vault").target == f"{module}:Vault"
