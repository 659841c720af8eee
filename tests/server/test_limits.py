"""What one address may do through nginx, and what the composition bounds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from tests.helpers.attacking import put
from tests.helpers.proxy import CONFIGURATION, Deployment, deployed
from tests.helpers.servers import ROOT, knock

COMPOSITION = (ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployed(tmp_path_factory.mktemp("limited")) as running:
        yield running


def taken(ask: Callable[[], int], most: int = 5000) -> list[int]:
    """The answers until one is 429: however slow this machine is, it asks more often than is allowed."""
    answers: list[int] = []
    while len(answers) < most and 429 not in answers[-1:]:
        answers.append(ask())
    return answers


def test_one_address_opens_as_many_pages_as_a_hall_and_no_more(deployment: Deployment) -> None:
    *answers, last = taken(lambda: knock(deployment.address, Origin=deployment.address))
    assert last == 429
    assert set(answers) == {101}
    assert len(answers) >= 400
    assert deployment.ask("/_stcore/health")[0] == 200  # who is there already is served
    assert deployment.log("nginx").stat().st_size < 100_000


def test_uploads_are_limited_by_rate(deployment: Deployment) -> None:
    *answers, last = taken(lambda: put(deployment.address, "nobody", "1", b"picture"))
    assert last == 429
    assert set(answers) == {400}  # it has arrived, and nobody's session is none
    assert len(answers) >= 200


def test_a_hall_has_room() -> None:
    text = CONFIGURATION.read_text(encoding="utf-8")
    connections, files = (int(re.findall(rf"{name} (\d+);", text)[0]) for name in ("connections", "rlimit_nofile"))
    assert files >= 2 * connections
    assert int(re.findall(r"limit_conn pages (\d+);", text)[0]) >= 300


def test_the_composition_bounds_descriptors_logs_and_temporary_files() -> None:
    assert COMPOSITION.count("nofile:") == 1
    assert len(re.findall(r"ulimits: [&*]descriptors", COMPOSITION)) == 2
    assert len(re.findall(r"logging: [&*]logging", COMPOSITION)) == 2
    assert "max-size: 10m" in COMPOSITION
    folders = re.findall(r"tmpfs: \[(.*)\]", COMPOSITION)
    assert len(folders) == 2
    assert all("size=" in folder for folder in folders)
