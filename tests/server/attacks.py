"""The attacks one after the other, and the table of them for docs/reliability.md.

python -m tests.server.attacks [NAME ...]
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.helpers import hostile
from tests.helpers.hostile import MEGABYTE, Attack
from tests.helpers.servers import start, stop

ATTACKS: dict[str, Attack] = {
    "large_files": hostile.large_files,
    "dear_network": hostile.dear_network,
    "tables": hostile.tables,
    "connections": hostile.connections,
    "animations": hostile.animations,
}


def main(names: list[str]) -> None:
    """Print a line for each attack, each against a server of its own."""
    print(
        "| attack | before [s] | during [s] | after [s] | memory before, at most, after [MB] |\n|---|---|---|---|---|"
    )
    for name in names or ATTACKS:
        with tempfile.TemporaryDirectory() as folder:
            process, address = start(Path(folder), environment={"VIZCORE_NETWORK": hostile.DEAR})
            try:
                asyncio.run(hostile.first_estimate(address, hostile.DEAR))
                one = asyncio.run(hostile.under(address, process.pid, ATTACKS[name]))
            finally:
                stop(process)
        memory = [size // MEGABYTE for size in (one.bytes_before, one.bytes_peak, one.bytes_after)]
        seconds = f"{one.before:.2f} | {max(one.during):.2f} | {one.after:.2f}"
        print(f"| `{name}` | {seconds} | {', '.join(map(str, memory))} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
