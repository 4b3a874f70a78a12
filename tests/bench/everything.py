"""All benchmarks of reading and writing with one command: what they need is built, ``docs/benchmarks`` written."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parent.parent
DECORD2: Final = "decord2==3.4.0"


@dataclass(frozen=True)
class Page:
    """What one program prints, as a page.

    Attributes:
        name: Name of the file.
        title: Of the page.
        about: A sentence or two above the tables.
        command: Program and options.
        videos: Whether it takes files of the user's own.
    """

    name: str
    title: str
    about: str
    command: tuple[str, ...]
    videos: bool = False


_READING: Final = (
    "Below 1 ours is faster; bold: it is slower, or (in the first table) slower than the target. The "
    "spread is that of the middle half of the repetitions. A reader in parentheses returned wrong frames "
    "and does not count as fastest."
)
CORES: Final = len(os.sched_getaffinity(0))
PAGES: Final = (
    Page(
        "reading-all-cores",
        "Reading, with all processors",
        f"Wall time, every library with all processors of the machine. {_READING}",
        ("reading.py", "--threads", str(max(2, CORES))),
        videos=True,
    ),
    Page(
        "reading-one-thread",
        "Reading, with one thread",
        f"Processor time, every library with one thread on one processor. {_READING}",
        ("reading.py", "--threads", "1"),
        videos=True,
    ),
    Page(
        "growth",
        "How cost grows",
        "Processor time of one thread, except in the last plot.",
        ("growth.py", "--plots", "."),
    ),
    Page("writing", "Writing", "Wall time; medians are those of the ratios.", ("ingest.py",), videos=True),
    Page(
        "where",
        "Where the time goes",
        "One thread, reelbase only. Decoding takes nearly all of the time if frames are far from a key frame, "
        "so the only gain left there is to decode less. In sequential reads of clips, a fifth is copies and "
        "Python: swscale's pictures are copied into rows, because PyAV does not let it write there, and a "
        "clip that continues the previous one still fetches the packets of the whole group before it. Those "
        "two would be next, then decoders kept between calls for single frames of VP9 and AV1.",
        ("where.py",),
    ),
    Page(
        "memory",
        "Memory",
        "Resident set of a process that does nothing else. Metadata of rows is cached, up to 128 MB: opening "
        "one video after another fills this cache and then takes no more.",
        ("memory.py",),
    ),
)


def environment(folder: Path) -> tuple[Path, dict[str, str]]:
    """The Python of an environment with ours and all peers, and the variables that it needs."""
    python = folder / "bin" / "python"
    decord2 = folder / "decord2"
    if not python.exists():
        venv.create(folder, with_pip=True)
    install = [str(python), "-m", "pip", "install", "--quiet"]
    subprocess.run([*install, "-e", f"{ROOT}[av]", "-r", str(HERE / "requirements.txt")], check=True)
    if not decord2.exists():
        subprocess.run([*install, "--no-deps", "--target", str(decord2), DECORD2], check=True)
    return python, {**os.environ, "DECORD2": str(decord2)}


def written(page: Page, python: Path, variables: dict[str, str], options: argparse.Namespace) -> None:
    """Run a program, and write its page."""
    program, *arguments = page.command
    command = [str(python), str(HERE / program), *arguments, "--clips", str(options.clips)]
    if program not in {"where.py", "memory.py"}:
        command += ["--repeat", str(options.repeat)]
    if page.videos:
        command += map(str, options.files)
    print(page.title, file=sys.stderr, flush=True)
    done = subprocess.run(command, env=variables, cwd=options.out, check=True, stdout=subprocess.PIPE, text=True)
    (options.out / f"{page.name}.md").write_text(f"# {page.title}\n\n{page.about}\n\n{done.stdout.strip()}\n")


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    scratch = Path(tempfile.gettempdir(), "reelbase-bench")
    parser.add_argument("files", nargs="*", type=Path, help="videos to read; by default the generated ones")
    parser.add_argument("--environment", type=Path, default=scratch / "environment", help="made if it is not there")
    parser.add_argument("--clips", type=Path, default=scratch, help="where generated videos are kept")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "benchmarks", help="folder for the pages")
    parser.add_argument("--only", nargs="+", choices=[page.name for page in PAGES], help="pages to write; else all")
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    options.clips, options.out = options.clips.resolve(), options.out.resolve()
    options.files = [path.resolve() for path in options.files]
    for folder in (options.clips, options.out):
        folder.mkdir(parents=True, exist_ok=True)
    python, variables = environment(options.environment.resolve())
    for page in PAGES:
        if not options.only or page.name in options.only:
            written(page, python, variables, options)


if __name__ == "__main__":
    main()
