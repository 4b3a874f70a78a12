"""Options of storages: what users write, from files, arguments and the environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from reelbase.errors import ConfigError
from reelbase_plugins._remote.options import parse_options


@dataclass(frozen=True)
class Options:
    endpoint_url: str | None = None
    region: str = "here"
    anonymous: bool = False
    tries: int = 6
    timeout: float = 30.0


def test_values_and_what_they_are_spelled_as() -> None:
    typed = {"endpoint_url": "http://a", "anonymous": True, "tries": 3, "timeout": 2.5}
    spelled = {"endpoint_url": "http://a", "anonymous": "true", "tries": "3", "timeout": "2.5"}
    assert (
        parse_options(Options, typed, "storage.s3")
        == parse_options(Options, spelled, "storage.s3")
        == Options(endpoint_url="http://a", anonymous=True, tries=3, timeout=2.5)
    )
    assert parse_options(Options, {}, "storage.s3") == Options()


@pytest.mark.parametrize(
    ("option", "value", "wanted"),
    [
        ("anonymous", "maybe", "true or false"), ("anonymous", 3, "true or false"), ("tries", 0, "whole number"),
        ("tries", True, "whole number"), ("tries", 2.5, "whole number"), ("timeout", -1, "above 0"),
        ("timeout", "inf", "above 0"), ("region", 3, "a string"), ("endpoint_url", " ", "a string"),
    ],
)  # fmt: skip
def test_wrong_values(option: str, value: Any, wanted: str) -> None:
    with pytest.raises(ConfigError, match=wanted) as caught:
        parse_options(Options, {option: value}, "storage.s3")
    assert f"storage.s3.{option} is {value!r}" in str(caught.value)


def test_unknown_options() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'endpoint_url'"):
        parse_options(Options, {"endpoint": "http://a"}, "storage.s3")
    with pytest.raises(ConfigError, match="There are: anonymous, endpoint_url"):
        parse_options(Options, {"zzz": 1}, "storage.s3")
