"""The requirement files, read without any package: a venv that is still empty can run this.

``python -m tests.project.supply lowest FILE...`` prints the lower end of every range, for ``pip install -c``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

_RANGE = re.compile(r"(?P<name>[\w.-]+)(?:>=(?P<low>[\w.]+)(?:,<(?P<high>[\w.]+))?|==(?P<pin>[\w.]+))")
_PIN = re.compile(r"(?P<name>[\w.-]+)==(?P<version>[\w.]+)(?: ; (?P<marker>.+))?")


def _lines(path: Path) -> list[str]:
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def ranges(path: Path) -> dict[str, str]:
    """The requirements of one file as name -> specifier; ``-r`` lines are left out.

    Raises ValueError for a line that is neither ``name>=a``, ``name>=a,<b`` nor ``name==a``: no end could be tested.
    """
    found = {}
    for line in _lines(path):
        if line.startswith("-r "):
            continue
        match = _RANGE.fullmatch(line)
        if not match:
            raise ValueError(f"{path.name} has {line!r}; accepted: name>=a,<b, name>=a or name==a.")
        found[match["name"].lower()] = line[len(match["name"]) :]
    return found


def lowest(paths: Iterable[Path]) -> list[str]:
    """``name==version`` for the lower end of every range in the files."""
    lines = [f"{name}{spec}" for path in paths for name, spec in ranges(path).items()]
    matches = [match for line in lines if (match := _RANGE.fullmatch(line))]
    return [f"{match['name']}=={match['low'] or match['pin']}" for match in matches]


def pins(path: Path) -> list[tuple[str, str, str]]:
    """The lines of a lock file as (name, version, marker); the marker is empty where the line has none."""
    found = []
    for line in _lines(path):
        match = _PIN.fullmatch(line)
        if not match:
            raise ValueError(f"{path.name} has {line!r}; accepted: name==version, with ' ; marker' or without.")
        found.append((match["name"].lower(), match["version"], match["marker"] or ""))
    return found


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] != "lowest":
        sys.exit(__doc__)
    print("\n".join(lowest(Path(name) for name in sys.argv[2:])))
