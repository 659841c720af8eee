"""One hostile visitor against a really started server: everybody else is served, and the memory comes back."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from benchmarks.visitor import Visitor
from tests.helpers import attacking
from tests.helpers.attacking import MEGABYTE, under
from tests.helpers.servers import ROOT, free_port, start, stop, wait
from ui.server import middleware

Server = tuple[str, int]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    process, address = start(tmp_path_factory.mktemp("attacked"), environment={"VIZCORE_NETWORK": attacking.DEAR})
    yield address, process.pid
    stop(process)


def test_one_sessions_uploads_are_bounded_and_go_with_it(server: Server) -> None:
    outcome = asyncio.run(under(*server, attacking.large_files))
    assert set(outcome.said) <= {"413", "0"}  # 0: the connection was closed before everything was sent
    assert outcome.bytes_peak - outcome.bytes_before < 1300 * MEGABYTE  # six took 2.3 GB, and more on their way
    outcome.check()


def test_few_pictures_are_decoded_at_once(server: Server) -> None:
    outcome = asyncio.run(under(*server, attacking.animations))
    assert outcome.said == []
    assert outcome.bytes_peak - outcome.bytes_before < 700 * MEGABYTE  # eight at once took 2.2 GB
    outcome.check()


def test_a_large_network_takes_its_turns(server: Server) -> None:
    asyncio.run(attacking.first_estimate(server[0], attacking.DEAR))  # loaded once, and kept for everybody
    outcome = asyncio.run(under(*server, attacking.dear_network))
    outcome.check()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the system does not say which descriptors are open")
def test_a_page_takes_as_many_descriptors_as_are_counted_for_it(server: Server) -> None:
    async def opened() -> int:
        before = len(os.listdir(f"/proc/{server[1]}/fd"))
        async with AsyncExitStack() as held:
            for _ in range(10):
                tab = await held.enter_async_context(Visitor(server[0]))
                await tab.open("health", "")
                assert await tab.watch(lambda shown: shown.finished, 60)
            return len(os.listdir(f"/proc/{server[1]}/fd")) - before

    assert asyncio.run(opened()) <= 10 * middleware.DESCRIPTORS + 5


def test_without_nginx_the_descriptors_are_not_used_up(tmp_path: Path) -> None:
    few = (
        "import resource as r, os, sys; r.setrlimit(r.RLIMIT_NOFILE, (1024, 1024)); os.execv(sys.argv[1], sys.argv[1:])"
    )
    port, log = free_port(), tmp_path / "server.log"
    flags = ["--server.port", str(port), "--server.address", "127.0.0.1", "--server.headless", "true"]
    command = [sys.executable, "-c", few, sys.executable, "-m", "streamlit", "run", "app.py", *flags]
    with open(log, "wb") as file:
        process = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=file)
    try:
        outcome = asyncio.run(under(wait(process, port, log), process.pid, attacking.connections))
    finally:
        stop(process)
    assert int(outcome.said[0]) == 1024 * 2 // 3 // middleware.DESCRIPTORS // 2
    assert log.stat().st_size < 100_000
    outcome.check()


def test_a_table_of_many_names_and_rows_is_shown_in_part(server: Server) -> None:
    outcome = asyncio.run(under(*server, attacking.tables))
    assert outcome.said == []
    outcome.check()
