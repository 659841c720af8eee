"""Parts of a scene dragged in a real browser, with the mouse and with keys alone: the answer follows."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.test_occlusion_and_lime import PATIENCE, at
from tests.browser.test_pages import Visit, browser, warm

__all__ = ["browser", "warm"]  # fixtures
pytestmark = pytest.mark.browser
TWIN = "/interventions?network=mini-alexnet-shortcut&picture=stamped:34"
ON_THE_STAMP, ON_THE_HORSE = (0.82, 0.9), (0.4, 0.45)


def ready(visit: Visit) -> Locator:
    """The picture, once its parts can be chosen."""
    visit.page.get_by_role("button", name="Move: Stamp").wait_for(timeout=PATIENCE)
    return visit.page.locator(".mover canvas")


def test_the_answer_follows_the_stamp_and_the_address_its_place(warm: str, browser: Browser) -> None:
    visit = Visit(browser, warm, TWIN)
    place, said = ready(visit), visit.page.locator(".mover .status")
    visit.page.mouse.move(*at(place, *ON_THE_STAMP))
    visit.page.mouse.down()
    visit.page.mouse.move(*at(place, *ON_THE_HORSE), steps=8)
    expect(said).to_contain_text(re.compile(r"“horse”: \d\.\d"), timeout=PATIENCE)  # a few percent, while it is held
    assert "stamp_x" not in visit.page.url
    visit.page.mouse.up()
    visit.page.wait_for_url(re.compile(r"interventions\.stamp_x=-4\d.*interventions\.stamp_y=-4\d"), timeout=PATIENCE)
    expect(visit.page.get_by_role("button", name="Move: Stamp")).to_have_attribute("aria-pressed", "true")
    visit.wait()
    visit.page.get_by_role("button", name="Put back").click()
    expect(said).to_contain_text("Drag a part", timeout=PATIENCE)
    visit.wait()
    assert "stamp_x" not in visit.page.url
    visit.healthy()
    visit.page.close()


def test_keys_alone_move_a_part(warm: str, browser: Browser) -> None:
    visit = Visit(browser, warm, TWIN)
    place = ready(visit)
    visit.page.get_by_role("button", name="Move: Stamp").press("Enter")
    place.focus()
    for key in ("Shift+ArrowLeft", "ArrowLeft", "Shift+ArrowUp"):
        visit.page.keyboard.press(key)
    visit.page.wait_for_url(re.compile(r"interventions\.stamp_x=-12&interventions\.stamp_y=-10"), timeout=PATIENCE)
    visit.wait()
    visit.healthy()
    visit.page.close()
