"""Names of the objects of a dataset. Every one but `ROOT` and the hints is written once and never changes."""

from __future__ import annotations

import re

from reelbase.errors import UsageError

ROOT = "reelbase.json"
BRANCHES = "refs/branches/"
TAGS = "refs/tags/"
EXPIRED = "refs/expired/"
CLOCK = "refs/clock/"
COPYING = "refs/copying.json"
DATA = ("packs/", "blobs/", "index/")
PREFIXES = ("log/", "refs/", *DATA)  # all that a dataset's own objects start with, but for the root
MAX_SEQ = 999_999_999  # the largest number of a commit
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_SUFFIX_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz "
_LONG_SUFFIX_CODES = {"webm": 60000, "jpeg": 60001}


def is_name(name: str) -> bool:
    """Whether `name` can name a branch or tag."""
    return _NAME.fullmatch(name) is not None and ".." not in name


def check_name(name: str) -> str:
    """`name`, if it can name a branch or tag.

    Raises:
        UsageError: it cannot.
    """
    if not isinstance(name, str) or not is_name(name):
        raise UsageError(
            f"{name!r} cannot name a branch or tag.", "Use a-z, 0-9, '.', '_' and '-', 64 characters at most."
        )
    return name


def commit(branch: str, seq: int) -> str:
    """The key of one commit."""
    return f"log/{branch}/{seq // 1000:06d}/{seq:09d}.rbc"


def seq_of(key: str) -> int | None:
    """The number in the key of a commit; None: it is not a commit's."""
    name = key.rpartition("/")[2]
    return int(name[:-4]) if name.endswith(".rbc") and name[:-4].isdigit() else None


def latest(branch: str) -> str:
    """The key of a branch's hint: a copy of a recent commit."""
    return f"log/{branch}/latest"


def branch(name: str, uid: str) -> str:
    """The key of one attempt to make a branch."""
    return f"{BRANCHES}{name}/{uid}.json"


def tag(name: str) -> str:
    """The key of a tag."""
    return f"{TAGS}{name}.json"


def expiry(uid: str) -> str:
    """The key of a list of versions that may go."""
    return f"{EXPIRED}{uid}.json"


def pack(uid: bytes) -> str:
    """The key of a pack of chunks."""
    return f"packs/{uid.hex()[:2]}/{uid.hex()}.pack"


def blob(uid: bytes, ext: int) -> str:
    """The key of a media sample that is an object of its own."""
    return f"blobs/{uid.hex()[:2]}/{uid.hex()}{ext_name(ext)}"


def index(uid: bytes) -> str:
    """The key of an index object."""
    return f"index/{uid.hex()[:2]}/{uid.hex()}.rbi"


def uid_of(key: str) -> bytes | None:
    """The id in the key of a pack, blob or index object; None: it has none."""
    name = key.rpartition("/")[2].partition(".")[0]
    try:
        return bytes.fromhex(name) if len(name) == 32 else None
    except ValueError:
        return None


def ext_code(suffix: str) -> int:
    """Two bytes for a file suffix such as ".mp4"; 0 for one that does not fit."""
    name = suffix.removeprefix(".").lower()
    if name in _LONG_SUFFIX_CODES:
        return _LONG_SUFFIX_CODES[name]
    if not 1 <= len(name) <= 3 or any(c not in _SUFFIX_ALPHABET[:-1] for c in name):
        return 0
    code = 0
    for c in name.ljust(3):
        code = code * 37 + _SUFFIX_ALPHABET.index(c)
    return code + 1


def ext_name(code: int) -> str:
    """The inverse of `ext_code`; ".bin" for 0."""
    for name, long in _LONG_SUFFIX_CODES.items():
        if code == long:
            return f".{name}"
    if not 1 <= code <= 37**3:
        return ".bin"
    code -= 1
    letters = (_SUFFIX_ALPHABET[digit] for digit in (code // 1369, code // 37 % 37, code % 37))
    return "." + "".join(letters).rstrip()
