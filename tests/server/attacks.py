"""The attacks one after the other, and the table of them for docs/reliability.md.

python -m tests.server.attacks [NAME ...]
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.helpers import attacking
from tests.helpers.attacking import MEGABYTE, Attack
from tests.helpers.servers import start, stop

ATTACKS: dict[str, Attack] = {
    "large_files": attacking.large_files,
    "dear_network": attacking.dear_network,
    "tables": attacking.tables,
    "connections": attacking.connections,
    "animations": attacking.animations,
}


def main(names: list[str]) -> None:
    """Print a line for each attack, each against a server of its own."""
    print("| attack | before [s] | during: median, slowest [s] | after [s] | memory before, at most, after [MB] |")
    print("|---|---|---|---|---|", flush=True)
    for name in names or ATTACKS:
        with tempfile.TemporaryDirectory() as folder:
            process, address = start(Path(folder), environment={"VIZCORE_NETWORK": attacking.DEAR})
            try:
                asyncio.run(attacking.first_estimate(address, attacking.DEAR))
                one = asyncio.run(attacking.under(address, process.pid, ATTACKS[name]))
            finally:
                stop(process)
        memory = [size // MEGABYTE for size in (one.bytes_before, one.bytes_peak, one.bytes_after)]
        seconds = f"{one.before:.2f} | {one.usual:.2f}, {max(one.during):.2f} | {one.after:.2f}"
        print(f"| `{name}` | {seconds} | {', '.join(map(str, memory))} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
