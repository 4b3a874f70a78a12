"""Secrets in URLs: which parameters are signatures, tokens, keys or sessions.

A dataset keeps no secrets, so a link with one is refused. A rule cannot always distinguish a secret from an identifier;
this one goes by names that the field uses, by forms that nothing else has, and by values too long and too random to
be anything but a key, a signature or a hash. docs/guide/links.md lists it for users.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from typing import Final
from urllib.parse import unquote

#: Names that mean a secret when they are the whole name; lower case, letters and digits only.
NAMES: Final = frozenset({
    # signatures, and what comes beside one: a URL that expires is signed
    "sig", "sign", "signed", "hmac", "mac", "md5", "hash", "policy", "expires", "expire", "expiry", "expiration", "exp",
    "validto", "validuntil", "se", "st", "acl", "hdntl",
    # keys, passwords and tokens
    "key", "keys", "auth", "authorization", "authz", "sas", "pass", "passwd", "pwd", "pw", "otp", "pin", "code",
    "nonce", "tkn", "cred", "creds", "sso", "assertion",
    # sessions
    "sid", "ssid", "sess", "sessid", "phpsessid", "jsessionid", "csrf", "xsrf",
})  # fmt: skip
#: Words that mean a secret wherever they are in a name.
WORDS: Final = (
    "signature", "hmac", "token", "secret", "password", "passphrase", "passcode", "credential", "accessid", "accesskey",
    "apikey", "authkey", "keypairid", "privatekey", "secretkey", "sharekey", "functionkey", "subscriptionkey",
    "authuser", "authcode", "accesscode", "verificationcode", "session", "bearer", "ticket", "cookie", "jwt", "oauth",
    "saml", "hdnts", "hdnea",
)  # fmt: skip
#: Words that mean a secret when they are a part of a name of their own: ``connect.sid``, ``x-sig``.
PARTS: Final = frozenset({"sig", "sid", "pwd", "passwd", "auth", "otp", "sas"})
#: Beginnings of names that only signed URLs have.
BEGINNINGS: Final = ("xamz", "xgoog", "xoss", "xcos", "xobs", "xbce", "xmsz")
#: Of the words, those that name a secret in a path, where ``session=3/`` is an ordinary folder.
PATH_WORDS: Final = ("hmac", "hdnts", "hdnea", "signature", "accesstoken", "password", "secretkey", "apikey")
#: Names of values that may be long and random, and are public.
PUBLIC: Final = re.compile(
    r"(?:resourcekey|.*(?:version|versionid|generation|etag|rev|revision|commit|cid|sha\d*|digest))"
)
#: What only secrets look like: JSON web tokens, keys of AWS, Google, GitHub, GitLab, Slack, Hugging Face, OpenAI.
FORMS: Final = re.compile(
    r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bya29\.[\w-]{16,}|\bAIza[\w-]{30,}"
    r"|\bgh[oprsu]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}|\bxox[abeprs]-[\w-]{10,}|\bhf_\w{24,}|\bsk-[\w-]{20,}"
    r"|-----BEGIN|\b(?:bearer|basic)[ +]+[\w+/=.~-]{8,}",
    re.IGNORECASE,
)
#: 256 bits, as SHA-256 and HMAC-SHA-256 have: longer than identifiers are.
MIN_HEX_DIGITS: Final = 64
MIN_BASE64_CHARACTERS: Final = 43
#: Share of neighbours of one kind (two small letters, two capitals, two digits). In random base64 it is 0.36, with a
#: standard deviation of 0.07 for 43 characters; in words, dates and numbers it is above 0.6.
MAX_SHARE_OF_LIKE_NEIGHBOURS: Final = 0.55
#: Share of characters that are neither letters nor digits: 0.03 in random base64, more in names of several words.
MAX_SHARE_OF_SEPARATORS: Final = 0.11
_MAX_DEPTH: Final = 3
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*([^?#]*)(\?[^#]*)?(#.*)?", re.DOTALL)
_PATH_PARAMETERS: Final = re.compile(r"(;[^/;=]*=)[^/;]*")
_SIGNED_SEGMENT: Final = re.compile(rf"(/(?=[^/]*(?:{'|'.join(PATH_WORDS)})=)[^/=]*=)[^/]*", re.IGNORECASE)
_ON_THE_WEB: Final = ("http://", "https://")


def find_secret(url: str) -> str | None:
    """Return where a URL has a secret, such as "its query: 'sig'", never the secret; None if it has none."""
    parts = _URL.fullmatch(url)
    if parts is None:
        return None
    path, query, fragment = parts[1], (parts[2] or "?")[1:], (parts[3] or "#")[1:]
    for place, text in (("query", query), ("fragment", fragment)):
        if (found := _in_parameters(text)) is not None:
            return f"its {place}: {found}"
    if FORMS.search(unquote(path)):
        return "its path"
    if url.lower().startswith(_ON_THE_WEB) and (found := _in_path(path)) is not None:
        return f"its path: {found}"
    return None


def redact_path(path: str) -> str:
    """Return the path of a URL with ``…`` in place of session ids, signatures and tokens."""
    return FORMS.sub("…", _SIGNED_SEGMENT.sub(r"\1…", _PATH_PARAMETERS.sub(r"\1…", path)))


def _in_parameters(text: str, depth: int = 0) -> str | None:
    for parameter in re.split("[&;]", text):
        name, equals, value = parameter.partition("=")
        plain, words = split_name(name)
        if _means_secret(plain) or not PARTS.isdisjoint(words):
            return repr(_unquote(name)[:40])
        if _is_secret(_unquote(value if equals else name), plain if equals else "", depth):
            return repr(_unquote(name)[:40]) if equals else "a value without a name"
    return None


def _in_path(path: str) -> str | None:
    for segment in path.split("/"):
        first, *parameters = segment.split(";")
        if (found := _in_parameters("&".join(parameters))) is not None:
            return found
        for piece in re.split("[~&,]", first):
            name = _plain(piece.partition("=")[0])
            if "=" in piece and any(word in name for word in PATH_WORDS):
                return repr(_unquote(piece.partition("=")[0])[:40])
    return None


def split_name(name: str) -> tuple[str, list[str]]:
    """Return a name as names are compared, and the parts that it was written in."""
    return _plain(name), re.split(r"[\W_]+", _unquote(name).lower())


def _plain(name: str) -> str:
    """A name as names are compared: letters and digits, in lower case and in their plainest form."""
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", _unquote(name)).lower())


def _unquote(text: str) -> str:
    """Decoded as often as it is encoded: ``%2574oken`` is ``token`` to a server that decodes twice."""
    for _ in range(_MAX_DEPTH):
        decoded = unquote(text)
        if decoded == text:
            break
        text = decoded
    return text


def _means_secret(name: str) -> bool:
    if name == "resourcekey":  # of links that Drive shares; it is useless without the link and the right to read it
        return False
    return name in NAMES or name.startswith(BEGINNINGS) or any(word in name for word in WORDS)


def _is_secret(value: str, name: str, depth: int) -> bool:
    if FORMS.search(value) or looks_random(value, name):
        return True
    if depth >= _MAX_DEPTH:
        return False
    # A URL in a URL, as proxies take it; and parameters in a value, as Akamai writes them: exp=1~acl=/*~hmac=….
    inner = value.partition("?")[2] if "://" in value else value.replace("~", "&").replace("!", "&")
    return "=" in inner.strip("=") and _in_parameters(inner, depth + 1) is not None


def looks_random(value: str, name: str) -> bool:
    """Return whether a value is too long and too random to be anything but a key, a signature or a hash.

    Args:
        value: The value.
        name: Its name, as `split_name` writes it: some mean a value that is random and public.
    """
    if PUBLIC.fullmatch(name):
        return False
    if re.fullmatch(rf"[0-9A-Fa-f]{{{MIN_HEX_DIGITS},}}", value):
        return True
    if not re.fullmatch(rf"[A-Za-z0-9+/_-]{{{MIN_BASE64_CHARACTERS},}}={{0,2}}", value):
        return False
    kinds = [_kind(character) for character in value]
    like = sum(first == second for first, second in pairwise(kinds))
    if like > MAX_SHARE_OF_LIKE_NEIGHBOURS * len(kinds) or kinds.count("-") > MAX_SHARE_OF_SEPARATORS * len(kinds):
        return False
    return {"a", "A", "0"} <= set(kinds)


def _kind(character: str) -> str:
    if character.isdigit():
        return "0"
    return "-" if not character.isalpha() else "a" if character.islower() else "A"
