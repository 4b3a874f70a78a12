"""The guide's blocks from "Add managed credentials to your dataset" to "Use credentials", on a real S3."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from guide_files import numbers

import reelbase
from reelbase import config, registry
from reelbase.credentials import resolver
from reelbase.errors import AccessDeniedError, UsageError
from reelbase.plugin import Credentials
from reelbase_plugins.s3.storage import S3Storage

sys.path.insert(0, str(Path(__file__).parents[1] / "plugins"))
from cloud_servers import Seaweed, shared

URL = "s3://my-bucket/sample-video.mp4"


@pytest.fixture(scope="module")
def server(guide: Path) -> Seaweed:
    """With ``my-bucket``, which is the owner's alone."""
    server = shared(Seaweed)
    server.make_bucket("my-bucket")
    storage = S3Storage("s3://my-bucket", options=server.options(), credentials=Credentials(server.OWNER))
    storage.put("sample-video.mp4", (guide / "videos" / "example1.mp4").read_bytes())
    return server


@pytest.fixture
def configured(server: Seaweed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """A configuration that says where the service is, and more."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    def use(more: str = "") -> None:
        lines = [f"{name} = {json.dumps(value)}" for name, value in server.options().items()]
        (tmp_path / "config.toml").write_text("\n".join(["[storage.s3]", *lines, more]))
        monkeypatch.setenv("REELBASE_CONFIG", str(tmp_path / "config.toml"))
        for one in (config, registry, resolver):
            one.reset()

    use()
    yield use
    monkeypatch.undo()
    for one in (config, registry, resolver):
        one.reset()


@pytest.fixture
def ds(tmp_path: Path, configured: Any) -> reelbase.Dataset:
    ds = reelbase.empty(tmp_path / "ds")
    ds.create_tensor("links", htype="link[video]")
    return ds


def test_add_managed_credentials_to_your_dataset(
    ds: reelbase.Dataset, server: Seaweed, configured: Callable[[str], None], tmp_path: Path
) -> None:
    """The server is that of one's own configuration; without one, using the key says so."""
    ds.add_creds_key("MY_KEY", managed=True)
    ds.add_creds_key("S3_KEY", managed=True)
    assert ds.get_managed_creds_keys() == {"MY_KEY", "S3_KEY"}
    with pytest.raises(UsageError, match="'MY_KEY' is a managed key, and no server"):
        ds.links.append(reelbase.link(URL, creds_key="MY_KEY"))
    secret = tmp_path / "keys.toml"
    secret.touch(0o600)
    secret.write_text("\n".join(f"{name} = {json.dumps(value)}" for name, value in server.OWNER.items()))
    configured(f'[credentials.MY_KEY]\nprovider = "static"\nfile = "{secret}"\nprefixes = ["s3://my-bucket/"]\n')
    ds.links.append(reelbase.link("s3://my-bucket/sample-video.mp4", creds_key="MY_KEY"))
    assert numbers(ds.links[0, 70:72].numpy()) == [70, 71]


def test_credentials_of_your_environment(
    ds: reelbase.Dataset, server: Seaweed, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in server.OWNER.items():
        monkeypatch.setenv(name.upper(), value)
    ds.links.append(reelbase.link("s3://my-bucket/sample-video.mp4", creds_key="ENV"))
    assert numbers(ds.links[0, 70:72].numpy()) == [70, 71]


def test_temporarily_add_creds_to_your_dataset(ds: reelbase.Dataset, server: Seaweed) -> None:
    creds = {
        "aws_access_key_id": server.OWNER["aws_access_key_id"],
        "aws_secret_access_key": server.OWNER["aws_secret_access_key"],
        "aws_session_token": None,
    }

    # add creds key (Note that managed is False)
    ds.add_creds_key("TEMP_KEY")

    # populate creds with a credentials dict
    ds.populate_creds("TEMP_KEY", creds)
    ds.links.append(reelbase.link("s3://my-bucket/sample-video.mp4", creds_key="TEMP_KEY"))
    assert numbers(ds.links[0, 70:72].numpy()) == [70, 71]
    assert ds.links[0].shape == (400, 360, 640, 3)
    with pytest.raises(AccessDeniedError):
        ds.links.append(reelbase.link("s3://my-bucket/sample-video.mp4"))
