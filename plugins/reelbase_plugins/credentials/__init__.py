"""Where credentials come from: files, keyrings, programs, Amazon's and Google's libraries, a server."""

from __future__ import annotations

from reelbase.plugin import CredentialSpec, hookimpl

_HERE = "reelbase_plugins.credentials"
_GOOGLE = ("google.auth", "requests")


@hookimpl
def reelbase_credential_providers() -> list[CredentialSpec]:
    """``static``, ``keyring``, ``exec``, ``aws``, ``google``, ``gdrive``, ``managed``."""
    return [
        CredentialSpec(name="static", target=f"{_HERE}.static:StaticProvider"),
        CredentialSpec(
            name="keyring",
            target=f"{_HERE}.keyring:KeyringProvider",
            requires=("keyring",),
            install="reelbase[keyring]",
        ),
        CredentialSpec(name="exec", target=f"{_HERE}.exec:ExecProvider"),
        CredentialSpec(name="aws", target=f"{_HERE}.aws:AwsProvider", requires=("botocore",), install="reelbase[s3]"),
        CredentialSpec(
            name="google", target=f"{_HERE}.google:GoogleProvider", requires=_GOOGLE, install="reelbase[gcs]"
        ),
        CredentialSpec(
            name="gdrive", target=f"{_HERE}.google:DriveProvider", requires=_GOOGLE, install="reelbase[gdrive]"
        ),
        CredentialSpec(
            name="managed", target=f"{_HERE}.managed:ManagedProvider", requires=("urllib3",), install="reelbase[http]"
        ),
    ]
