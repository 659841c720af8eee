"""One hostile visitor against a really started server: everybody else is served, and the memory comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.helpers import attacking
from tests.helpers.attacking import MEGABYTE, under
from tests.helpers.servers import start, stop

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
