"""A hall in real browsers: a lecturer's screen, a telephone at another replica, and what axe finds of both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.test_frame import serious
from tests.browser.test_pages import Visit, browser
from tests.helpers.proxy import COOKIE, deployed

__all__ = ["browser"]  # a fixture
pytestmark = pytest.mark.browser
PATIENCE = 60_000


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[str]:
    """nginx before two servers that share the rooms."""
    with deployed(tmp_path, {"VIZCORE_HALL": str(tmp_path / "hall.sqlite")}) as running:
        yield running.address


def replica(visit: Visit) -> str:
    """The server that answers this browser."""
    return next(one["value"] for one in visit.page.context.cookies() if one["name"] == COOKIE)


def test_a_telephone_answers_what_the_screen_asks_and_is_told_the_truth(hall: str, browser: Browser) -> None:
    screen = Visit(browser, hall, "/learn?lesson=occlusion&step=1&present=1", width=1366)
    screen.page.get_by_role("button", name="Open a room").click()
    shown = screen.page.locator(".st-key-hall-count strong").first
    shown.wait_for(timeout=PATIENCE)
    code = shown.inner_text()
    screen.wait()
    assert serious(screen) == []

    phone = Visit(browser, hall, "/learn", width=390)
    if replica(phone) == replica(screen):
        other = "b" if replica(screen) == "a" else "a"
        phone.page.context.add_cookies([{"name": COOKIE, "value": other, "url": hall}])
        phone.page.reload()
        phone.wait()
    phone.page.get_by_label("The code of a lecturer's room").fill(code.lower())  # as telephones write it
    phone.page.get_by_role("button", name="Join").click()
    phone.page.get_by_text(f"Room {code}").wait_for(timeout=PATIENCE)
    phone.wait()
    assert serious(phone) == []
    width = phone.page.evaluate("document.scrollingElement.scrollWidth")
    assert width <= 390, "nothing is to the right of a telephone's screen"
    phone.page.get_by_role("slider").last.press("End")
    phone.wait()
    phone.page.get_by_role("button", name="Send", exact=True).click()
    phone.page.get_by_text("Sent: ").wait_for(timeout=PATIENCE)
    expect(screen.page.locator(".st-key-hall-count em")).to_have_text("1", timeout=PATIENCE)

    screen.page.keyboard.press("r")
    screen.page.get_by_text("What the hall says: 1 answer").wait_for(timeout=PATIENCE)
    screen.wait()
    assert screen.page.get_by_text("The truth:").count() == 0
    assert serious(screen) == []
    phone.page.get_by_text("The answers are on the lecturer").wait_for(timeout=PATIENCE)

    screen.page.keyboard.press("r")
    screen.page.get_by_text("nearly right: 0").wait_for(timeout=PATIENCE)
    screen.wait()
    assert serious(screen) == []
    phone.page.locator('[data-testid="stAlert"]').first.wait_for(timeout=PATIENCE)
    expect(phone.page.locator("[data-testid=stMetric]")).to_have_count(2, timeout=PATIENCE)  # the guess and the truth
    phone.wait()
    assert serious(phone) == []

    phone.healthy()
    screen.page.get_by_role("button", name="Close the room").click()
    phone.page.get_by_text("There is no room with this code").wait_for(timeout=PATIENCE)
    screen.healthy()
    screen.page.close()
    phone.page.close()
