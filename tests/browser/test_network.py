"""Own networks in a real browser against a really started server: named by its operator, or brought by a visitor."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Browser

from tests.browser.test_pages import Visit, browser, start
from tests.networks.test_own import saved, state_of
from vizcore.networks import own
from vizcore.networks.own import Design

__all__ = ["browser"]
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server started on a network of grey pictures, and on one without any convolution."""
    before = os.environ.get(own.VARIABLE)
    os.environ[own.VARIABLE] = "tests.helpers.networks:grey,tests.helpers.networks:attention"
    try:
        process, address = start(tmp_path_factory.mktemp("server"))
    finally:
        os.environ.pop(own.VARIABLE)
        if before is not None:
            os.environ[own.VARIABLE] = before
    yield address
    process.terminate()
    process.wait(timeout=20)


@pytest.mark.parametrize("page", ["", "filters", "saliency"])
def test_the_app_starts_on_the_operators_network(digits: str, browser: Browser, page: str) -> None:
    visit = Visit(browser, digits, f"/{page}?saliency.copies=4")
    visit.page.get_by_alt_text(re.compile(r"sees: 28\s×\s28\spixels")).wait_for()
    visit.page.wait_for_url(re.compile("tests.helpers.networks%3Agrey"), timeout=30_000)
    visit.healthy()
    visit.page.close()


def test_a_page_without_a_result_says_why(digits: str, browser: Browser) -> None:
    visit = Visit(browser, digits, "/filters?network=tests.helpers.networks:attention")
    visit.page.get_by_text("attention has no two-dimensional convolution, so it has no filters to show.").wait_for()
    visit.healthy()
    visit.page.close()


def test_a_network_is_brought_and_nobody_else_sees_it(digits: str, browser: Browser, tmp_path: Path) -> None:
    state = state_of(Design("squeezenet1_1"))
    file = tmp_path / "pets.pth"
    # Longer than what the server takes of a picture.
    file.write_bytes(saved({"state_dict": state, "optimizer": torch.zeros(6_000_000)}))
    assert file.stat().st_size > 20 * 2**20
    visit = Visit(browser, digits, "/network")
    main = visit.page.locator('[data-testid="stMain"]')
    visit.choose("Architecture", "squeezenet1_1")
    main.locator('[data-testid="stFileUploaderDropzoneInput"]').set_input_files(file)
    main.get_by_text("pets.pth").wait_for()
    main.get_by_role("textbox", name="Class names").fill("cat\ndog")
    visit.page.get_by_role("button", name="Check and use").click()
    main.get_by_text("set the number of classes to 5").wait_for(timeout=60_000)
    main.get_by_role("textbox", name="Class names").fill("cat\ndog\nhen\ncow\npig")
    visit.page.get_by_role("button", name="Check and use").click()
    visit.page.wait_for_url(re.compile("network=own%3A"), timeout=90_000)
    visit.wait()
    main.get_by_alt_text(re.compile(r"sees: 224\s×\s224\spixels")).wait_for()
    assert main.get_by_text("squeezenet1_1, 5 classes").count() == 1
    visit.healthy()
    link = visit.page.url
    visit.page.get_by_role("link", name="Saliency").click()
    visit.page.wait_for_url(re.compile("/saliency"), timeout=30_000)
    visit.page.get_by_role("heading", name="Saliency").wait_for()
    visit.wait()
    assert "network=own%3A" in visit.page.url
    visit.healthy()

    other = Visit(browser, digits, link.removeprefix(digits))
    other.page.get_by_text("is kept by no link and no reload: bring its file again").wait_for()
    assert other.page.get_by_text("pets").count() == 1, "only in the sentence about the link"
    other.healthy()
    other.page.close()
    visit.page.close()
