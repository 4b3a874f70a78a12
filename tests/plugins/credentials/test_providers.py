"""The providers keep the contract, and say what is wrong."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import keyring
import pytest
from cloud_servers import Moto
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked
from vending import Vending

from reelbase.contracts.credentials import CredentialRequest
from reelbase.errors import AccessDeniedError, ConfigError, ConnectionFailedError
from reelbase.plugin import CredentialProvider
from reelbase.testing import CredentialProviderCase, CredentialProviderTests
from reelbase.testing.servers.drive import DriveServer
from reelbase_plugins.credentials import exec as programs
from reelbase_plugins.credentials.aws import AwsProvider
from reelbase_plugins.credentials.exec import ExecProvider
from reelbase_plugins.credentials.google import DriveProvider, GoogleProvider
from reelbase_plugins.credentials.keyring import KeyringProvider
from reelbase_plugins.credentials.managed import ManagedProvider
from reelbase_plugins.credentials.static import StaticProvider

SECRET = "c4nary-of-providers"
URL = "s3://bucket/folder/a.mp4"


def ask(provider: CredentialProvider, url: str = URL) -> dict[str, Any]:
    return dict(provider.get(CredentialRequest(name="x", url=url)))


def private(path: Path, text: str) -> Path:
    path.touch(0o600)
    path.write_text(text)
    return path


class TestStatic(CredentialProviderTests):
    @pytest.fixture
    def case(self, tmp_path: Path) -> CredentialProviderCase:
        file = private(tmp_path / "lab.toml", f'username = "lab"\npassword = "{SECRET}"\n')
        return CredentialProviderCase(
            provider=StaticProvider("x", {"file": str(file)}),
            url=URL,
            fields=frozenset({"username", "password"}),
            secrets=(SECRET,),
            broken=StaticProvider("x", {"file": str(tmp_path / "nothing.toml")}),
            gone=file.unlink,
        )


class TestExec(CredentialProviderTests):
    @pytest.fixture
    def case(self, tmp_path: Path) -> CredentialProviderCase:
        told = {"Version": 1, "AccessKeyId": "AK", "SecretAccessKey": SECRET, "Expiration": _later()}
        program = tmp_path / "program.py"
        program.write_text(f"print({json.dumps(told)!r})")
        return CredentialProviderCase(
            provider=ExecProvider("x", {"command": [sys.executable, str(program)]}),
            url=URL,
            fields=frozenset({"aws_access_key_id", "aws_secret_access_key"}),
            secrets=(SECRET,),
            broken=ExecProvider("x", {"command": [sys.executable, "-c", f"raise SystemExit('{SECRET}')"]}),
            gone=program.unlink,
        )


class _Kept(KeyringBackend):
    """A keyring in memory."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise KeyringLocked(SECRET)
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password


@pytest.fixture
def kept() -> Iterator[_Kept]:
    """The keyring library asks this one."""
    before = keyring.get_keyring()
    backend = _Kept()
    keyring.set_keyring(backend)
    keyring.set_password("reelbase", "lab", SECRET)
    yield backend
    keyring.set_keyring(before)


class TestKeyring(CredentialProviderTests):
    @pytest.fixture
    def case(self, kept: _Kept) -> CredentialProviderCase:
        return CredentialProviderCase(
            provider=KeyringProvider("x", {"service": "reelbase", "username": "lab"}),
            url="https://host/a.mp4",
            fields=frozenset({"username", "password"}),
            secrets=(SECRET,),
            broken=KeyringProvider("x", {"service": "reelbase", "username": "nobody"}),
            gone=kept.kept.clear,
        )


class TestAwsProfile(CredentialProviderTests):
    @pytest.fixture
    def case(self, no_aws_account: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CredentialProviderCase:
        file = private(tmp_path / "aws", f"[corp]\naws_access_key_id = AK\naws_secret_access_key = {SECRET}\n")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
        return CredentialProviderCase(
            provider=AwsProvider("x", {"profile": "corp", "region": "eu-central-1"}),
            url=URL,
            fields=frozenset({"aws_access_key_id", "aws_secret_access_key", "aws_region"}),
            secrets=(SECRET,),
            broken=AwsProvider("x", {"profile": "nobody"}),
            gone=file.unlink,
        )


class TestAwsRole(CredentialProviderTests):
    """moto's security token service gives it."""

    @pytest.fixture
    def case(self, no_aws_account: None, moto: Moto, monkeypatch: pytest.MonkeyPatch) -> CredentialProviderCase:
        for name, value in moto.OWNER.items():
            monkeypatch.setenv(name.upper(), value)
        role = {"role_arn": "arn:aws:iam::123456789012:role/videos", "external_id": "us"}
        provider = AwsProvider("x", {**role, "sts_endpoint_url": moto.url})
        given = provider.get(CredentialRequest(name="x", url=URL))
        assert timedelta(minutes=55) < given.expires_at - datetime.now(UTC) < timedelta(minutes=65)  # type: ignore[operator]
        return CredentialProviderCase(
            provider=provider,
            url=URL,
            fields=frozenset({"aws_access_key_id", "aws_secret_access_key", "aws_session_token"}),
            secrets=(given["aws_secret_access_key"], given["aws_session_token"], "AS"),  # moto's begin so
            broken=AwsProvider("x", {"role_arn": "no role", "sts_endpoint_url": moto.url}),
        )


@pytest.mark.parametrize("kind", [GoogleProvider, DriveProvider])
class TestGoogle(CredentialProviderTests):
    """The token is that of the server, which checks the form of the request."""

    @pytest.fixture
    def case(
        self, kind: type[GoogleProvider], account: dict[str, str], drive: DriveServer, tmp_path: Path
    ) -> CredentialProviderCase:
        file = private(tmp_path / "account.json", json.dumps(account))
        wrong = private(tmp_path / "wrong.json", json.dumps({**account, "token_uri": f"{drive.url}/nothing"}))
        secret = account["private_key"].splitlines()[1]
        provider = kind("x", {"file": str(file)})
        return CredentialProviderCase(
            provider=provider,
            url="gs://bucket/a.mp4",
            fields=frozenset({"token"}),
            secrets=(ask(provider)["token"], secret),
            broken=kind("x", {"file": str(wrong)}),
            gone=file.unlink,
        )


class TestManaged(CredentialProviderTests):
    @pytest.fixture
    def case(self, tmp_path: Path) -> Iterator[CredentialProviderCase]:
        token = private(tmp_path / "token", "me-and-nobody-else\n")
        with Vending("me-and-nobody-else") as server:
            server.given["s3://bucket/folder"] = {"s3.access-key-id": "AK", "s3.secret-access-key": SECRET}
            server.given["s3://bucket"] = {"s3.access-key-id": "AK", "s3.secret-access-key": "the shorter prefix"}
            table = {"server": server.url, "token_file": str(token)}
            yield CredentialProviderCase(
                provider=ManagedProvider("x", table),
                url=URL,
                fields=frozenset({"aws_access_key_id", "aws_secret_access_key"}),
                secrets=(SECRET, "me-and-nobody-else"),
                broken=ManagedProvider("x", {**table, "key": "another"}),
                gone=server.given.clear,
            )


def _later() -> str:
    return (datetime.now(UTC) + timedelta(hours=1)).isoformat()


@pytest.mark.parametrize(
    ("mode", "why"),
    [(0o644, "other users can access it"), (0o660, "other users can access it"), (0o604, "other users can access it")],
)
def test_a_file_that_others_may_read(tmp_path: Path, mode: int, why: str) -> None:
    file = private(tmp_path / "lab.toml", f'token = "{SECRET}"')
    file.chmod(mode)
    with pytest.raises(AccessDeniedError, match=f"{why}.*\n.*chmod 600") as caught:
        ask(StaticProvider("x", {"file": str(file)}))
    assert SECRET not in str(caught.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only the super-user can give files away")
def test_a_file_of_somebody_else(tmp_path: Path) -> None:
    file = private(tmp_path / "lab.toml", f'token = "{SECRET}"')
    os.chown(file, 12345, -1)
    with pytest.raises(AccessDeniedError, match="another user"):
        ask(StaticProvider("x", {"file": str(file)}))


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name in ("pipe", "."):
        with pytest.raises(AccessDeniedError, match="is not used"):
            ask(StaticProvider("x", {"file": str(tmp_path / name)}))


@pytest.mark.parametrize("text", [f'token = "{SECRET}', f"{SECRET} = ", "\xff"])
def test_a_file_that_is_no_toml(tmp_path: Path, text: str) -> None:
    file = private(tmp_path / "lab.toml", "")
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(AccessDeniedError, match="is n") as caught:
        ask(StaticProvider("x", {"file": str(file)}))
    assert SECRET not in str(caught.value)


PROGRAMS = {
    "it fails": "raise SystemExit(3)",
    "it prints nothing": "",
    "it prints no JSON": f"print('{SECRET}')",
    "it prints a list": f"print('[\"{SECRET}\"]')",
    "another version": f'print(\'{{"Version": 2, "AccessKeyId": "x", "SecretAccessKey": "{SECRET}"}}\')',
    "no fields": "print('{\"fields\": {}}')",
    "fields that are not texts": f'print(\'{{"fields": {{"token": ["{SECRET}"]}}}}\')',
    "a time without a timezone": f'print(\'{{"fields": {{"token": "{SECRET}"}}, "expires_at": "2030-01-01"}}\')',
    "too much": f"print('{SECRET}' * 10000)",
}


@pytest.mark.parametrize("text", PROGRAMS.values(), ids=PROGRAMS)
def test_programs_that_do_not_do_it(text: str) -> None:
    with pytest.raises(AccessDeniedError) as caught:
        ask(ExecProvider("x", {"command": [sys.executable, "-c", text]}))
    assert SECRET not in str(caught.value)


def test_a_program_in_our_own_words() -> None:
    text = f'print(\'{{"fields": {{"token": "{SECRET}"}}, "expires_at": "2100-01-01T00:00:00+00:00"}}\')'
    given = ExecProvider("x", {"command": [sys.executable, "-c", text]}).get(CredentialRequest(name="x", url=URL))
    assert dict(given) == {"token": SECRET}
    assert given.expires_at == datetime(2100, 1, 1, tzinfo=UTC)


def test_a_program_gets_few_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONE_OF_MANY", SECRET)
    monkeypatch.setenv("WANTED", "yes")
    text = "import json, os; print(json.dumps({'fields': dict(os.environ)}))"
    given = ask(ExecProvider("x", {"command": [sys.executable, "-c", text], "environment": ["WANTED"]}))
    assert "ONE_OF_MANY" not in given
    assert given["WANTED"] == "yes"


def test_there_is_no_shell(tmp_path: Path) -> None:
    with pytest.raises(AccessDeniedError, match="cannot be run"):
        ask(ExecProvider("x", {"command": [f"touch {tmp_path / 'here'}; true"]}))
    assert not (tmp_path / "here").exists()


def test_a_program_that_goes_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is ended, and with it what it has started."""
    monkeypatch.setattr(programs, "MAX_SECONDS", 0.5)
    marks = tmp_path / "marks"
    child = f"import time\nwhile True: open({str(marks)!r}, 'a').write('x'); time.sleep(0.05)"
    text = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with pytest.raises(AccessDeniedError, match="took over"):
        ask(ExecProvider("x", {"command": [sys.executable, "-c", text]}))
    size = marks.stat().st_size if marks.exists() else 0
    time.sleep(0.3)
    assert (marks.stat().st_size if marks.exists() else 0) == size


@pytest.mark.parametrize(
    ("kind", "secret", "fields"),
    [
        ("http", SECRET, {"username": "lab", "password": SECRET}),
        ("token", SECRET, {"token": SECRET}),
        ("json", json.dumps({"token": SECRET}), {"token": SECRET}),
    ],
)
def test_kinds_of_a_keyring(kept: _Kept, kind: str, secret: str, fields: dict[str, str]) -> None:
    keyring.set_password("reelbase", "lab", secret)
    assert ask(KeyringProvider("x", {"service": "reelbase", "username": "lab", "kind": kind})) == fields


def test_a_keyring_that_is_locked(kept: _Kept) -> None:
    kept.locked = True
    with pytest.raises(AccessDeniedError, match="KeyringLocked") as caught:
        ask(KeyringProvider("x", {"service": "reelbase", "username": "lab"}))
    assert SECRET not in str(caught.value)


def test_a_keyring_with_something_else(kept: _Kept) -> None:
    with pytest.raises(AccessDeniedError, match="not a JSON object") as caught:
        ask(KeyringProvider("x", {"service": "reelbase", "username": "lab", "kind": "json"}))
    assert SECRET not in str(caught.value)


def test_aws_finds_none(no_aws_account: None) -> None:
    with pytest.raises(AccessDeniedError, match="finds none"):
        ask(AwsProvider("x", {}))


def test_a_server_that_says_no(tmp_path: Path) -> None:
    with Vending("another token") as server:
        table = {"server": server.url, "token_file": str(private(tmp_path / "token", SECRET))}
        with pytest.raises(AccessDeniedError, match="says 404") as caught:
            ask(ManagedProvider("x", table))
    assert SECRET not in str(caught.value)


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with Vending("x") as server:
        url = server.url
    table = {"server": url, "token_file": str(private(tmp_path / "token", SECRET))}
    with pytest.raises(ConnectionFailedError, match="does not answer") as caught:
        ask(ManagedProvider("x", table))
    assert SECRET not in str(caught.value)


def test_a_server_that_sends_elsewhere(tmp_path: Path) -> None:
    """With the token in hand, nobody follows."""
    with Vending("x") as other, Vending("x", elsewhere=other.url) as server:
        table = {"server": server.url, "token_file": str(private(tmp_path / "token", "x"))}
        with pytest.raises(AccessDeniedError, match="says 307"):
            ask(ManagedProvider("x", table))
        assert other.asked == []


def test_a_server_is_asked_for_what_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", "x")
    with Vending("x") as server:
        server.given["s3://bucket"] = {"s3.access-key-id": "AK", "other": "field"}
        provider = ManagedProvider("corp", {"server": server.url, "token_variable": "MY_TOKEN"})
        given = provider.get(CredentialRequest(name="corp", url=URL, action="write"))
        assert dict(given) == {"aws_access_key_id": "AK", "other": "field"}
        assert given.prefixes == ("s3://bucket",)
        assert server.asked == [{"name": "corp", "url": URL, "action": "write"}]


WRONG = {
    "no file": (StaticProvider, {}, "file is not set"),
    "another option": (StaticProvider, {"fiel": "x"}, "Did you mean 'file'"),
    "no command": (ExecProvider, {}, "command is not set"),
    "a command that is none": (ExecProvider, {"command": [1]}, "a list of strings"),
    "no service": (KeyringProvider, {"username": "x"}, "service is not set"),
    "no kind": (KeyringProvider, {"service": "x", "username": "x", "kind": "y"}, "Choose one of: http"),
    "no server": (ManagedProvider, {}, "server is not set"),
    "a server without TLS": (ManagedProvider, {"server": "http://host"}, "not an https URL"),
    "a server with a user": (ManagedProvider, {"server": "https://me@host"}, "not an https URL"),
    "a duration that is none": (AwsProvider, {"duration": "long"}, "a whole number"),
}


@pytest.mark.parametrize(("kind", "table", "words"), WRONG.values(), ids=WRONG)
def test_wrong_tables(kind: type[CredentialProvider], table: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        kind("lab", table)
    assert "credentials.lab" in str(caught.value)
