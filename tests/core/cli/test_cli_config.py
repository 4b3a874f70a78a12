"""What `reelbase config` says of the options of storages."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from reelbase import config, registry
from reelbase.builtin.memory_storage import MemoryStorage
from reelbase.cli import _storage_options, main
from reelbase.errors import ConfigError, MissingDependencyError


@dataclass(frozen=True)
class Options:
    """Of the storage.

    Attributes:
        endpoint_url: Where it is, which
            takes two lines.
        tries: How often.
        password: What nobody may see.
    """

    endpoint_url: str | None = None
    tries: int = 6
    password: str | None = None


class Vault(MemoryStorage):
    @classmethod
    def parse_options(cls, options: Any) -> Options:
        if "colour" in options:
            raise ConfigError("storage.vault has no option 'colour'.", None)
        return Options(**{**options, "tries": int(options.get("tries", 6))})


class Kinds:
    """Of two storages, of which one cannot be imported."""

    def specs(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(name="vault"), SimpleNamespace(name="cellar")]

    def load(self, name: str) -> type[Vault]:
        if name == "cellar":
            raise MissingDependencyError("cellar:// URLs need 'cellar'.", "Install it.")
        return Vault


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[str], None]]:
    def use(text: str) -> None:
        path = tmp_path / "config.toml"
        path.write_text(text)
        monkeypatch.setenv("REELBASE_CONFIG", str(path))
        config.reset()

    monkeypatch.setattr(_storage_options, "registry", lambda: SimpleNamespace(storages=Kinds()))
    yield use
    monkeypatch.undo()
    config.reset()
    registry.reset()


def test_options_are_shown(configured: Callable[[str], None], capsys: pytest.CaptureFixture[str]) -> None:
    """All of them, with what they mean, and no secret."""
    configured('[storage.vault]\ntries = "3"\npassword = "c4nary"\n')
    assert main(["config", "--json"]) == 0
    said = capsys.readouterr()
    found = {one["key"]: one for one in json.loads(said.out)}
    assert "c4nary" not in said.out
    assert found["storage.vault.endpoint_url"] == {
        "key": "storage.vault.endpoint_url", "value": None, "origin": "default",
        "doc": "Where it is, which takes two lines.",
    }  # fmt: skip
    assert found["storage.vault.tries"]["value"] == 3
    assert found["storage.vault.tries"]["origin"].endswith("config.toml")
    assert found["storage.vault.password"]["value"] == "(set)"
    assert not any(key.startswith("storage.cellar") for key in found)
    assert said.err == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[storage.vault]\ncolour = 1", "storage.vault has no option 'colour'."),
        (
            "[storage.valut]\ntries = 1",
            "storage.valut: no installed plugin offers this storage.\n    Did you mean 'vault'?",
        ),
        ("[storage.cellar]\ntries = 1", "cellar:// URLs need 'cellar'."),
    ],
)
def test_options_are_checked(
    configured: Callable[[str], None], capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    configured(text)
    assert main(["config"]) == 1
    shown = capsys.readouterr()
    assert said in shown.err
    assert "security.max_pixels" in shown.out
