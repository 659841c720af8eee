"""The compare page in a real browser: maps that zoom, blend and are read off together, and its parts on a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Locator

from tests.browser.test_pages import Visit, browser, warm  # noqa: F401 - fixtures

pytestmark = pytest.mark.browser
FEW = "compare.methods=gradient%2Cgradcam%2Cedges"


def opened(browser: Browser, warm: str, query: str, width: int = 1440) -> Visit:  # noqa: F811
    visit = Visit(browser, warm, f"/compare?{FEW}{query}", width)
    visit.page.get_by_text("3 maps").wait_for(timeout=60_000)
    return visit


def statuses(visit: Visit) -> Locator:
    return visit.page.locator(".viewer .status")


def test_one_place_is_read_off_in_all_maps_without_the_server(warm: str, browser: Browser) -> None:  # noqa: F811
    visit = opened(browser, warm, "&compare.part=agreement")
    assert visit.page.locator("canvas.main").count() == 4  # the picture and three maps
    before = len(visit.sent)
    visit.page.locator("canvas.main").nth(1).hover(position={"x": 60, "y": 40})
    read = statuses(visit).all_inner_texts()
    places = {text.split(":")[0] for text in read}
    assert len(places) == 1
    assert places.pop().startswith("x ")
    assert "RGB" in read[0]
    assert len({text.split(":")[1] for text in read[1:]}) == 3  # each its own value
    visit.page.locator("h1").hover()
    assert not any(text.startswith("x ") for text in statuses(visit).all_inner_texts())
    assert len(visit.sent) == before
    visit.healthy()
    visit.page.close()


def test_all_maps_zoom_and_blend_together(warm: str, browser: Browser) -> None:  # noqa: F811
    visit = opened(browser, warm, "&compare.part=agreement")
    pixels = "all => all.map(c => c.toDataURL())"
    canvases = visit.page.locator("canvas.main")
    whole = canvases.evaluate_all(pixels)
    visit.page.get_by_role("button", name="Zoom in").first.click()
    zoomed = canvases.evaluate_all(pixels)
    assert all(a != b for a, b in zip(whole, zoomed, strict=True))
    canvases.nth(2).dblclick()
    visit.page.locator("h1").hover()  # no cross over the maps
    assert canvases.evaluate_all(pixels) == whole
    slider = visit.page.get_by_role("slider", name="Opacity of the map").first
    slider.press("End")
    blended = canvases.evaluate_all(pixels)
    assert blended[0] == whole[0]  # the bare picture
    assert all(a != b for a, b in zip(whole[1:], blended[1:], strict=True))
    visit.healthy()
    visit.page.close()


def test_the_keyboard_leads_all_maps(warm: str, browser: Browser) -> None:  # noqa: F811
    visit = opened(browser, warm, "&compare.part=agreement")
    canvas = visit.page.locator("canvas.main").nth(2)
    canvas.focus()
    canvas.press("ArrowRight")
    assert len({text.split(":")[0] for text in statuses(visit).all_inner_texts()}) == 1
    visit.healthy()
    visit.page.close()


def test_every_part_opens_by_a_press_and_fits_a_phone(warm: str, browser: Browser) -> None:  # noqa: F811
    visit = opened(browser, warm, "&compare.randomisation.networks=1&compare.repeats.runs=2", width=390)
    for name, shown in (
        ("Agreement", "text=/Rank correlation of all pixels/"),
        ("Stability", "text=/Largest relative change|Changed pictures: largest/"),
        ("Sanity", "text=/Failed: with all weights random/"),
        ("Truth", "text=/The object is the/"),
        ("Sweep", "text=/no setting to sweep|None of the chosen methods/"),
        ("Faithfulness", "text=/9 of 10 random orders/"),
    ):
        visit.page.get_by_role("radio", name=name, exact=True).or_(
            visit.page.get_by_role("button", name=name, exact=True)
        ).first.click()
        visit.page.locator(shown).first.wait_for(timeout=60_000)
        visit.wait()
        visit.healthy()
        assert visit.page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
    visit.page.close()
