"""Secrets in texts that other libraries write: headers, requests, replies and URLs.

Nobody can list all the ways in which a library writes a request. So three nets are held one behind another: the values
that are known to be secret, the names that mean one, and the forms that only secrets have.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from reelbase._util.url_secrets import FORMS, PARTS, WORDS, looks_random, split_name
from reelbase._util.urls import redacted_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HIDDEN: Final = "…"
#: Shorter values would be found inside ordinary words.
MIN_SECRET_CHARACTERS: Final = 4
#: Fields of credentials that anybody may see: hiding them would hide where a request went.
PUBLIC_FIELDS: Final = frozenset({
    "type", "username", "aws_region", "region", "endpoint_url", "token_uri", "auth_uri", "project_id", "client_email",
    "auth_provider_x509_cert_url", "client_x509_cert_url", "universe_domain", "quota_project_id", "account",
})  # fmt: skip
#: Names that mean a secret in a header or a reply. Fewer than in URLs: a ``key`` may be the name of an object here.
SECRET_NAMES: Final = frozenset({"authorization", "auth", "sig", "hmac", "pass", "passwd", "pwd", "otp", "assertion"})

_PRIVATE_KEY: Final = re.compile(r"-----BEGIN [A-Z ]+-----.*?(?:-----END [A-Z ]+-----|\Z)", re.DOTALL)
#: Its value may have blanks in it.
_HEADER: Final = re.compile(
    r"((?<![\w-])(?:proxy-)?(?:authorization|(?:set-)?cookie)[ \t]*:[ \t]*)(?![ \t'\"\\])[^\r\n'\"]+", re.IGNORECASE
)
#: A name, and what parts it from its value: ``name=``, ``'name': b'``, ``("name", "``, ``<name>``. It begins where no
#: other character of a name is before it; otherwise long texts would take quadratic time.
_NAME: Final = re.compile(r"(?<![\w.%-])([\w.%-]{1,128})\\*['\"]?\s*(?:[:=>]|%3[Dd]|(?<=['\"]),)\s*(?:b(?=\\*['\"]))?")
_QUOTE: Final = re.compile(r"\\*['\"]")
_VALUE: Final = re.compile(r"(?:(?:bearer|basic|token)\s+)?[^\s'\"<>,;&(){}\[\]\\]+", re.IGNORECASE)
_QUERY: Final = re.compile(r"(?<=[\w/.~%-])\?[^\s'\"<>?]*=[^\s'\"<>]*")
_LONG_TOKEN: Final = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{43,}={0,2}")


def find_secrets(fields: Any, name: str = "") -> Iterator[str]:
    """Yield the secret values in the fields of credentials, however deep, in every spelling that requests have.

    Args:
        fields: The fields, or a value of theirs.
        name: Name of the field that has this value.
    """
    if isinstance(fields, str):
        if len(fields) >= MIN_SECRET_CHARACTERS and name not in PUBLIC_FIELDS:
            yield from {fields, quote(fields), quote(fields, safe=""), repr(fields)[1:-1]}
    elif hasattr(fields, "items"):
        for key, value in fields.items():
            yield from find_secrets(value, key)
    elif isinstance(fields, (list, tuple)):
        for value in fields:
            yield from find_secrets(value, name)


def redact_secrets(text: str, known: Iterable[str] = ()) -> str:
    """Return a text with ``…`` in place of whatever is, or may be, a secret.

    Args:
        text: Any text. One without secrets is returned as it is.
        known: Values that are secret, whatever they look like.
    """
    for secret in sorted(known, key=len, reverse=True):  # one may be a part of another
        text = text.replace(secret, HIDDEN)
    text = FORMS.sub(HIDDEN, _PRIVATE_KEY.sub(HIDDEN, text))
    text = _hide_values(_HEADER.sub(rf"\1{HIDDEN}", text))
    text = _QUERY.sub(f"?{HIDDEN}", redacted_text(text))
    return _LONG_TOKEN.sub(lambda found: HIDDEN if looks_random(found[0], "") else found[0], text)


def _hide_values(text: str) -> str:
    """Hide the values of names that mean a secret. The value of any other name is searched like the rest."""
    done: list[str] = []
    at = 0
    while (name := _NAME.search(text, at)) is not None:
        start = stop = name.end()
        if _names_secret(name[1]):
            start, stop = _find_value(text, start)
        done += [text[at:start], HIDDEN if stop > start else ""]
        at = stop
    return "".join([*done, text[at:]])


def _find_value(text: str, at: int) -> tuple[int, int]:
    """Return where the value at this place begins and ends: between its quotes, or up to the next separator."""
    if (quotation := _QUOTE.match(text, at)) is not None:
        start = quotation.end()
        stop = text.find(quotation[0], start)
        return start, len(text) if stop < 0 else stop
    value = _VALUE.match(text, at)
    return at, at if value is None else value.end()


def _names_secret(name: str) -> bool:
    plain, parts = split_name(name)
    return plain in SECRET_NAMES or any(word in plain for word in WORDS) or not PARTS.isdisjoint(parts)
