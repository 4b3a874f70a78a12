"""Each hook, called through a plugin installed for the purpose. One test a hook, named after it."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

import numpy as np

from reelbase.plugin import CredentialRequest, Htype
from reelbase.viewing.data_source import DatasetViewerSource

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from reelbase.registry import Registry

    Install = Callable[..., str]
    Build = Callable[..., Registry]


def test_reelbase_storages(install: Install, build: Build) -> None:
    install(
        "upper-store",
        """
        from reelbase.builtin.memory_storage import MemoryStorage

        @hookimpl
        def reelbase_storages():
            yield StorageSpec(name="upper", target="{module}:Upper", schemes=("up", "upper"))

        class Upper(MemoryStorage):
            def get(self, key, start=0, stop=None, *, if_match=None):
                return super().get(key, start, stop, if_match=if_match).upper()
        """,
    )
    storage, key = build().locate("upper://hooks/file")
    storage.put(key, b"text")
    assert storage.get(key) == b"TEXT"
    storage.delete(key)


def test_reelbase_codecs(install: Install, build: Build) -> None:
    install(
        "flat",
        """
        import numpy as np

        @hookimpl
        def reelbase_codecs():
            yield CodecSpec(name="flat", target="{module}:Flat", magic=(((0, b"FLAT"),),), kind="image")

        class Flat(Codec):
            def ingest(self, blob, spool, *, filename, check="sample", stream=None):
                return Ingested(info=MediaInfo(shape=(1, 1, 3), codec=self.name))

            def decode(self, blob, plan, *, out=None, size=None):
                return np.frombuffer(blob.read(4), np.uint8).reshape(1, 1, 3)
        """,
    )
    from reelbase.io.blob import Blob

    codec = build().sniff(b"FLAT\1\2\3", "a.flat", kinds={"image"})
    assert codec.name == "flat"
    assert codec.decode(Blob.of(b"FLAT\1\2\3"), None).tolist() == [[[1, 2, 3]]]


def test_reelbase_htypes(install: Install, build: Build) -> None:
    module = install(
        "degrees",
        """
        @hookimpl
        def reelbase_htypes():
            return [HtypeSpec(name="degrees", target="{module}:Degrees")]

        class Degrees(Htype):
            name = "degrees"

            def check(self, value):
                return as_array(value) % 360
        """,
    )
    found = build().htypes.load("degrees")
    assert issubclass(found, Htype)
    assert found.__module__ == module
    stored = found().check(np.array([370, -10]))
    assert isinstance(stored, np.ndarray)
    assert stored.tolist() == [10, 350]


def test_reelbase_credential_providers(install: Install, build: Build) -> None:
    install(
        "secretive",
        """
        @hookimpl
        def reelbase_credential_providers():
            yield CredentialSpec(name="whisper", target="{module}:Whisper")

        class Whisper(CredentialProvider):
            def get(self, request):
                return Credentials({"token": f"for {request.url} of {self.options['place']}"})
        """,
    )
    provider = build().credentials.load("whisper")("lab", {"place": "here"})
    assert dict(provider.get(CredentialRequest(name="lab", url="s3://a"))) == {"token": "for s3://a of here"}


def test_reelbase_viewers(install: Install, build: Build) -> None:
    install(
        "wall",
        """
        @hookimpl
        def reelbase_viewers():
            yield ViewerSpec(name="wall", target="{module}:Wall", environment="browser")

        class Hung(Shown):
            def close(self):
                pass

        class Wall(Viewer):
            def show(self, source, *, open_browser):
                hung = Hung()
                hung.url = f"wall:{source.overview().title}"
                return hung
        """,
    )
    viewers = build().viewers
    assert viewers.spec("wall").environment == "browser"
    source = DatasetViewerSource("birds", [])
    with viewers.load("wall")().show(source, open_browser=True) as shown:
        assert shown.url == "wall:birds"


def test_reelbase_commands(install: Install, build: Build, capsys: pytest.CaptureFixture[str]) -> None:
    install(
        "greeter",
        """
        @hookimpl
        def reelbase_commands():
            yield CommandSpec(name="greet", target="{module}:greet", help="Say hello.")

        def greet(parser):
            parser.add_argument("whom")
            parser.set_defaults(run=lambda arguments: print(f"Hello, {arguments.whom}!"))
        """,
    )
    commands = build().commands
    assert commands.spec("greet").help == "Say hello."
    parser = argparse.ArgumentParser()
    commands.load("greet")(parser)
    arguments = parser.parse_args(["world"])
    arguments.run(arguments)
    assert capsys.readouterr().out == "Hello, world!\n"


def test_reelbase_normalize_url(install: Install, build: Build) -> None:
    install(
        "share",
        """
        import re

        @hookimpl
        def reelbase_normalize_url(url):
            found = re.fullmatch("https://share[.]example/v/([a-z]+)", url)
            return f"mem://shared/{found[1]}.mp4" if found else None
        """,
    )
    registry = build()
    storage, key = registry.locate("https://share.example/v/abc")
    assert (storage.root, key) == ("mem://shared", "abc.mp4")
    assert registry.normalize("https://elsewhere.example/v/abc") == "https://elsewhere.example/v/abc"


def test_a_hook_may_leave_out_arguments(install: Install, build: Build) -> None:
    """So that arguments can be added later and old plugins go on working."""
    module = install("shy", "@hookimpl\ndef reelbase_normalize_url():\n    return None")
    registry = build()
    assert registry.normalize("s3://a") == "s3://a"
    assert module in sys.modules
    assert registry.failures() == []
