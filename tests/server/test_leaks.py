"""A hundred sessions come, compute, and go: the server holds what it held before."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.visitor import Visitor
from tests.helpers.servers import ROOT, free_port, wait

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="this system has no signal to ask by")
SMALL = {
    "": "",
    "saliency": "saliency.copies=4",
    "occlusion": "occlusion.stride=32",
    "lime": "lime.samples=40&lime.segments=8",
    "maximisation": "maximisation.steps=10",
    "filters": "",
}
AT_ONCE = 10


@pytest.fixture
def counted(tmp_path: Path) -> Iterator[tuple[str, Path, int]]:
    """A server that counts what it holds: its address, the folder for the counts, and its process."""
    port, log, temporary = free_port(), tmp_path / "log", tmp_path / "tmp"
    temporary.mkdir()
    command = [sys.executable, "-m", "tests.helpers.census", str(tmp_path), "--server.port", str(port)]
    command += ["--server.address", "127.0.0.1", "--server.headless", "true"]
    command += ["--server.disconnectedSessionTTL", "1"]  # seconds that a closed tab may come back; by default 120
    environment = {**os.environ, "TMPDIR": str(temporary), "OMP_NUM_THREADS": "1"}
    with open(log, "wb") as file:
        process = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT, env=environment)
    yield wait(process, port, log), tmp_path, process.pid
    process.kill()
    process.wait(timeout=20)


def census(folder: Path, process: int) -> dict[str, int]:
    os.kill(process, signal.SIGUSR1)
    for _ in range(600):
        if (folder / "census").exists():
            counts: dict[str, int] = json.loads((folder / "census").read_text())
            (folder / "census").unlink()
            return counts
        time.sleep(0.05)
    raise AssertionError("the server does not answer")


async def session(server: str, page: str, picture: int, patient: bool) -> None:
    """Open a page, wait for its result or not, and close the tab."""
    async with Visitor(server) as tab:
        await tab.open(page, f"picture=scene:{picture}&{SMALL[page]}".rstrip("&"))
        ready = await tab.watch(lambda shown: shown.finished if patient else "frame.picture@en" in shown.widgets, 120)
        assert ready is not None
        assert tab.shown.errors == []


async def hall(server: str, count: int) -> None:
    """``count`` sessions, ten at once, on all pages; later every fifth closes its tab before it has its result.

    They ask for few different things, so that the store of finished results, which is meant to be kept, stays as it is.
    """
    pages = list(SMALL)
    for begin in range(0, count, AT_ONCE):
        numbers = range(begin, min(count, begin + AT_ONCE))
        await asyncio.gather(
            *(session(server, pages[k % 6], k // 6 % 3, k < 2 * AT_ONCE or k % 5 > 0) for k in numbers)
        )


def settled(folder: Path, process: int, server: str) -> dict[str, int]:
    """The counts once the last sessions have been forgotten; Streamlit does that when somebody else comes."""
    for _ in range(30):
        time.sleep(1.1)
        asyncio.run(session(server, "filters", 0, True))
        counts = census(folder, process)
        if counts["app_sessions"] <= 2 and counts["generators"] == 0:
            return counts
    raise AssertionError(f"sessions are left: {counts}")


def test_a_hundred_sessions_leave_nothing_behind(counted: tuple[str, Path, int]) -> None:
    server, folder, process = counted
    asyncio.run(hall(server, 18))  # every page with every picture: all that is to be kept is there
    before = settled(folder, process, server)
    asyncio.run(hall(server, 100))
    after = settled(folder, process, server)
    for name in ("hooks", "files", "jobs"):
        assert after[name] == before[name], (name, before, after)
    assert after["threads"] <= before["threads"] + 2, (before, after)  # of the web server's own pool
    assert after["tensors"] <= before["tensors"] + 20, (before, after)
    assert after["tensor_bytes"] <= before["tensor_bytes"] + 2**20, (before, after)
    assert after["heap"] <= before["heap"] + 5 * 2**20, (before, after)
