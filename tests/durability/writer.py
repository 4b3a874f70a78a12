"""A process that appends to a dataset and says, after each append, what is now durable.

Run as ``python writer.py PATH NAME COUNT``; it says ``ready`` and starts at the first line on stdin. Row k of writer
NAME is ``[name, k]`` and a text that spells the same. Each acknowledged row is one line on stdout, written after the
append has returned.
"""

from __future__ import annotations

import sys

import reelbase


def main(path: str, name: str, count: str) -> None:
    ds = reelbase.load(path)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for k in range(int(count)):
        ds.append({"id": [int(name), k], "text": f"{name}-{k}" * (1 + k % 50)})
        sys.stdout.write(f"{name} {k}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
