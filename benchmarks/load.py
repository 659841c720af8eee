"""A lecture hall against a really started server: many sessions at random over all pages, sliders and uploads.

    python -m benchmarks.load --sessions 30 --seconds 300

Each visitor is a websocket client that speaks the browser's protocol. It opens links to pages with pictures of its own,
moves sliders (some before the answer is there), uploads files, closes its tab and comes back, and thinks in between.
Reported are the times to the first estimate and to the result, errors, the server's memory, and whether each visitor
got the result of its own picture and settings: everything that arrived is compared afterwards, value by value, with
what the engine computes for it directly.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.student import PAGES, Answer, Hall, Student, wrong
from vizcore import machine

ROOT = Path(__file__).parents[1]
_FAULT = re.compile(r"\berror\b|Traceback|^ +File .*(ui|vizcore|pages)/|^[\w.]*(Error|Exception)\b")


@dataclass(frozen=True)
class Report:
    """What came out: the answers, those that were another's, errors, and the server's memory in bytes."""

    answers: list[Answer]
    mixed_up: list[str]
    errors: list[str]
    compared: int
    left: int
    memory: dict[str, int]

    @property
    def table(self) -> str:
        """The times by page and the sums, in Markdown."""
        lines = ["| page | answers | first estimate [s] | 95th | result [s] | 95th |", "|---|---|---|---|---|---|"]
        for page in (*PAGES, None):
            own = [one for one in self.answers if one.whole is not None and page in (one.page, None)]
            if own:
                first = _times([one.first - one.sent for one in own if one.first is not None])
                whole = _times([one.whole - one.sent for one in own if one.whole is not None])
                name = "**all**" if page is None else page or "overview"
                lines.append(f"| {name} | {len(own)} | {first} | {whole} |")
        maps = [one.maps - one.sent for one in self.answers if one.maps is not None]
        if maps:
            lines.append(f"| compare, all maps | {len(maps)} | | | {_times(maps)} |")
        kinds = Counter(one.kind for one in self.answers)
        lines += [
            "",
            f"- requests: {', '.join(f'{count} by {kind}' for kind, count in sorted(kinds.items()))}; "
            f"{self.left} more were left before their answer came",
            f"- results compared by value: {self.compared}; somebody else's or wrong: {len(self.mixed_up)}",
            f"- errors: {len(self.errors)}",
            "- memory of the server: " + ", ".join(f"{key} {size / 2**20:.0f} MB" for key, size in self.memory.items()),
        ]
        return "\n".join(lines)


def _times(seconds: list[float]) -> str:
    middle, slow = np.percentile(seconds, [50, 95])
    return f"{middle:.2f} | {slow:.2f}"


@contextmanager
def server(log: Path, environment: Mapping[str, str] | None = None) -> Iterator[tuple[str, int]]:
    """The app on a free port of this machine, with more in its ``environment``: its address and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    command += ["--server.address", "127.0.0.1", "--server.headless", "true"]
    with open(log, "wb") as file:
        more = {**os.environ, **(environment or {})}
        process = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT, env=more)
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{address}/_stcore/health", timeout=1).close()
                break
            except OSError:
                if process.poll() is not None:
                    raise RuntimeError(f"The server ended: {log.read_text()}") from None
                time.sleep(0.1)
        yield address, process.pid
    finally:
        process.terminate()
        process.wait(timeout=20)


def memory(process: int) -> dict[str, int]:
    """Bytes that a process holds now and held at most, where the system says so."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return {}
    table = dict(line.split(":", 1) for line in lines)
    return {name: int(table[key].split()[0]) * 1024 for name, key in (("now", "VmRSS"), ("peak", "VmHWM"))}


def run(sessions: int, seconds: float, seed: int = 0, think: float = 3.0) -> Report:
    """Start a server, let ``sessions`` visitors at it for ``seconds``, and compare what they got."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "server.log"
        hall = Hall()
        with server(log) as (address, process):
            before = memory(process).get("now", 0)

            async def fill() -> None:
                end = time.monotonic() + seconds
                students = [Student(address, 1000 * seed + k, think, hall) for k in range(sessions)]
                await asyncio.gather(*(student.visit(end) for student in students))

            asyncio.run(fill())
            after = memory(process)
        logged = [line for line in log.read_text().splitlines() if _FAULT.search(line)]
    mixed_up, compared = [], 0
    for answer in hall.answers:
        if answer.whole is not None:
            compared += 1
            mixed_up += [f"{answer.page or 'overview'} ({answer.kind}): {what}" for what in wrong(answer)]
    errors = [f"{one.page or 'overview'} ({one.kind}): {text}" for one in hall.answers for text in one.errors]
    kept = {"before": before, "peak": after["peak"], "after": after["now"]} if after else {}
    return Report(hall.answers, mixed_up, errors + hall.lost + logged, compared, hall.left, kept)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; 1 where anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--think", type=float, default=3.0, help="mean seconds between an answer and the next request")
    options = parser.parse_args(arguments)
    report = run(options.sessions, options.seconds, options.seed, options.think)
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine()
    print(f"{options.sessions} sessions for {options.seconds:g} s, {options.think:g} s of thought, seed {options.seed}")
    print(f"on {machine.cores()} cores, {device}, torch {torch.__version__}")
    print(f"\n{report.table}")
    for text, count in Counter([*report.mixed_up, *report.errors]).most_common(20):
        print(f"  {count} x {text}", file=sys.stderr)
    return 1 if report.mixed_up or report.errors else 0


if __name__ == "__main__":
    sys.exit(main())
