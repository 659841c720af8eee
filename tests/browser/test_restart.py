"""The server is killed in the middle of a computation and started again: browsers come back by themselves."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.test_pages import Visit, browser
from tests.helpers.servers import free_port, launch, stop, wait

pytestmark = pytest.mark.browser
__all__ = ["browser"]  # the fixture


def test_killed_and_restarted_the_page_goes_on_as_its_address_says(browser: Browser, tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    server = launch(log, port)
    visit = Visit(browser, wait(server, port, log), "/occlusion?picture=scene:77&class=3&occlusion.stride=32")
    stride = visit.page.locator('[data-testid="stSlider"]', has_text="Stride").get_by_role("slider")
    stride.press("Home")  # a square at every pixel: some ten thousand of them
    visit.page.get_by_role("button", name="Stop").wait_for(timeout=60_000)
    visit.page.wait_for_url("**occlusion.stride=1**", timeout=60_000)
    address = visit.page.url
    server.kill()  # it can say nothing to anybody
    server.wait(timeout=20)
    frozen = visit.page.locator('[data-testid="stProgress"]').first.inner_text()
    server = launch(log, port)
    try:
        wait(server, port, log)
        visit.page.wait_for_function(  # whatever moves now, the new server computes
            "text => ![text, undefined].includes(document.querySelector('[data-testid=stProgress]')?.innerText)",
            arg=frozen,
            timeout=120_000,
        )
        assert visit.page.url == address
        assert stride.input_value() == "1"
    finally:
        visit.page.close()
        stop(server)
