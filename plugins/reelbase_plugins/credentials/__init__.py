"""Credential providers: files, keyrings, programs, the libraries of Amazon and Google, and servers."""

from __future__ import annotations

from reelbase.plugin import CredentialSpec, hookimpl

_PACKAGE = "reelbase_plugins.credentials"
_GOOGLE_MODULES = ("google.auth", "requests")


@hookimpl
def reelbase_credential_providers() -> list[CredentialSpec]:
    """Return the providers ``static``, ``keyring``, ``exec``, ``aws``, ``google``, ``gdrive`` and ``managed``."""
    return [
        CredentialSpec(name="static", target=f"{_PACKAGE}.static:StaticProvider"),
        CredentialSpec(
            name="keyring",
            target=f"{_PACKAGE}.keyring:KeyringProvider",
            requires=("keyring",),
            install="reelbase[keyring]",
        ),
        CredentialSpec(name="exec", target=f"{_PACKAGE}.exec:ExecProvider"),
        CredentialSpec(
            name="aws", target=f"{_PACKAGE}.aws:AwsProvider", requires=("botocore",), install="reelbase[s3]"
        ),
        CredentialSpec(
            name="google", target=f"{_PACKAGE}.google:GoogleProvider", requires=_GOOGLE_MODULES, install="reelbase[gcs]"
        ),
        CredentialSpec(
            name="gdrive",
            target=f"{_PACKAGE}.google:DriveProvider",
            requires=_GOOGLE_MODULES,
            install="reelbase[gdrive]",
        ),
        CredentialSpec(
            name="managed",
            target=f"{_PACKAGE}.managed:ManagedProvider",
            requires=("urllib3",),
            install="reelbase[http]",
        ),
    ]
