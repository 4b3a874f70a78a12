"""Keys of the objects that make up a dataset.

Objects are written once and never change. Only the root object, which is overwritten when a dataset is deleted, and
the hints (`latest`) are exceptions.
"""

from __future__ import annotations

import re

from reelbase.contracts.htype import brief
from reelbase.errors import UsageError

ROOT = "reelbase.json"
BRANCHES = "refs/branches/"
TAGS = "refs/tags/"
EXPIRED = "refs/expired/"
CLOCK = "refs/clock/"
ASIDE = "refs/aside/"
COPYING = "refs/copying.json"
DATA = ("packs/", "blobs/", "index/")
PREFIXES = ("log/", "refs/", *DATA)  # every object of a dataset starts with one of these, except the root
MAX_SEQ = 999_999_999  # keys have nine digits, so that they sort by number
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_SUFFIX_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz "
# Three letters or digits fit into two bytes. These longer suffixes have codes above all of those.
_LONG_SUFFIX_CODES = {"webm": 60000, "jpeg": 60001}


def is_name(name: str) -> bool:
    """Return True if `name` can be the name of a branch or tag."""
    return _NAME.fullmatch(name) is not None and ".." not in name


def check_name(name: str) -> str:
    """Return `name` if it can be the name of a branch or tag.

    Raises:
        UsageError: it cannot.
    """
    if not isinstance(name, str) or not is_name(name):
        raise UsageError(
            f"{brief(name)} cannot name a branch or tag.", "Use a-z, 0-9, '.', '_' and '-', 64 characters at most."
        )
    return name


def commit(branch: str, seq: int) -> str:
    """Return the key of a commit."""
    # A folder has at most 1,000 commits.
    return f"log/{branch}/{seq // 1000:06d}/{seq:09d}.rbc"


def seq_of(key: str) -> int | None:
    """Return the number in the key of a commit, or None if it is not the key of a commit."""
    name = key.rpartition("/")[2]
    return int(name[:-4]) if name.endswith(".rbc") and name[:-4].isdigit() else None


def latest(branch: str) -> str:
    """Return the key of a branch's hint, which is a copy of a recent commit."""
    return f"log/{branch}/latest"


def branch(name: str, uid: str) -> str:
    """Return the key of the mark that a branch is being created.

    Args:
        name: Name of the branch.
        uid: Unique for each attempt, because several writers may try at the same time.
    """
    return f"{BRANCHES}{name}/{uid}.json"


def tag(name: str) -> str:
    """Return the key of a tag."""
    return f"{TAGS}{name}.json"


def expiry(uid: str) -> str:
    """Return the key of a list of versions that have expired."""
    return f"{EXPIRED}{uid}.json"


def pack(uid: bytes) -> str:
    """Return the key of a pack, which holds chunks and small media."""
    return f"packs/{uid.hex()[:2]}/{uid.hex()}.pack"


def blob(uid: bytes, ext: int) -> str:
    """Return the key of a media sample that is an object of its own.

    Args:
        uid: Id of the object.
        ext: Code of its suffix, see `ext_code`. With its suffix, the object can be opened by any player.
    """
    return f"blobs/{uid.hex()[:2]}/{uid.hex()}{ext_name(ext)}"


def index(uid: bytes) -> str:
    """Return the key of an index object."""
    return f"index/{uid.hex()[:2]}/{uid.hex()}.rbi"


def uid_of(key: str) -> bytes | None:
    """Return the id in the key of a pack, blob or index object, or None for any other key."""
    name = key.rpartition("/")[2].partition(".")[0]
    try:
        return bytes.fromhex(name) if len(name) == 32 else None
    except ValueError:
        return None


def ext_code(suffix: str) -> int:
    """Return the two-byte code of a suffix such as ".mp4", or 0 if it has none."""
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
    """Return the suffix that `ext_code` encoded; ".bin" for 0."""
    for name, long in _LONG_SUFFIX_CODES.items():
        if code == long:
            return f".{name}"
    if not 1 <= code <= 37**3:
        return ".bin"
    code -= 1
    letters = (_SUFFIX_ALPHABET[digit] for digit in (code // 1369, code // 37 % 37, code % 37))
    return "." + "".join(letters).rstrip()
