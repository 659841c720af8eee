"""``python -m vizcore.lessons check FILE...`` prints ``FILE:LINE: sentence`` for each mistake, and exits 1 then."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from vizcore.lessons import reading
from vizcore.lessons.checking import check


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the files, or those of the folders, that are named."""
    parser = argparse.ArgumentParser(prog="python -m vizcore.lessons")
    commands = parser.add_subparsers(dest="command", required=True)
    checks = commands.add_parser("check", help="read the lessons and compute their truths")
    checks.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a lesson's TOML file, or a folder of them")
    wrong = 0
    for named in parser.parse_args(arguments).files:
        for path in sorted(named.glob("*.toml")) if named.is_dir() else [named]:
            try:
                with path.open("rb") as file:
                    data = file.read(reading.LARGEST + 1)
            except OSError as error:
                print(f"{path}:1: The file cannot be read: {error.strerror}.")
                wrong += 1
                continue
            mistakes = check(data, path.stem)
            for mistake in mistakes:
                print(f"{path}:{mistake.line}: {mistake.sentence}")
            wrong += len(mistakes)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
