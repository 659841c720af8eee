"""Occlusion and LIME by hand in a real browser: click, brush and switch, with the mouse and with keys alone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.test_pages import Visit, browser, warm

__all__ = ["browser", "warm"]  # fixtures
pytestmark = pytest.mark.browser
OCCLUSION = "/occlusion?occlusion.stride=32&occlusion.closer="
LIME = "/lime?lime.samples=40&lime.segments=8&lime.closer=switch"
PATIENCE = 30_000


def canvas(visit: Visit, label: str) -> Locator:
    """The viewer whose label begins so, in sight."""
    found = visit.page.locator(f'canvas.main[aria-label^="{label}"]')
    found.wait_for(timeout=PATIENCE)
    found.scroll_into_view_if_needed()
    return found


def at(place: Locator, x: float, y: float) -> tuple[float, float]:
    """A point of the canvas, given as shares of its width and height, on the screen."""
    box = place.bounding_box()
    assert box is not None
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def drag(visit: Visit, place: Locator, start: tuple[float, float], end: tuple[float, float]) -> None:
    """As fast as a hand can: the pointer is seen at the two ends only."""
    visit.page.mouse.move(*at(place, *start))
    visit.page.mouse.down()
    visit.page.mouse.move(*at(place, *end))
    visit.page.mouse.up()


def covered(visit: Visit, more_than: float) -> float:
    """The share of the picture that is covered, in percent, once it is more than so much."""
    caption = visit.page.get_by_text(re.compile(r"\d+\s% of the picture is covered"))
    caption.wait_for(timeout=PATIENCE)
    visit.page.wait_for_function(
        """limit => [...document.querySelectorAll('[data-testid=stImageCaption]')].some(element => {
          const found = /(\\d+)\\s% of the picture is covered/.exec(element.innerText);
          return found && Number(found[1]) > limit;
        })""",
        arg=more_than,
        timeout=PATIENCE,
    )
    visit.wait()
    found = re.search(r"(\d+)\s%", caption.inner_text())
    assert found is not None
    return float(found[1])


def test_a_clicked_place_of_the_map_is_shown_covered(warm: str, browser: Browser) -> None:
    visit = Visit(browser, warm, OCCLUSION + "classes")
    said = visit.page.get_by_text(re.compile(r"Square at row\s\d+, column\s\d+"))
    place = canvas(visit, "Drop in the score")
    visit.page.mouse.click(*at(place, 0.05, 0.05))
    expect(said).to_contain_text("row\u00a00, column\u00a00", timeout=PATIENCE)
    visit.page.mouse.click(*at(place, 0.95, 0.05))
    expect(said).not_to_contain_text("column\u00a00", timeout=PATIENCE)
    visit.wait()
    visit.healthy()
    visit.page.close()


def test_what_is_brushed_is_covered_without_gaps_and_adds_up(warm: str, browser: Browser) -> None:
    visit = Visit(browser, warm, OCCLUSION + "brush")
    place = canvas(visit, "Drag over")
    drag(visit, place, (0.2, 0.3), (0.8, 0.3))
    first = covered(visit, 0)
    assert first > 5, "the two ends alone are less than three percent"
    drag(visit, place, (0.2, 0.7), (0.8, 0.7))
    second = covered(visit, first)
    assert second == pytest.approx(2 * first, abs=1.5)
    visit.page.get_by_role("button", name="Invert").click()
    assert covered(visit, second) == pytest.approx(100 - second, abs=1)
    visit.page.get_by_role("button", name="Clear").click()
    visit.page.get_by_text("see here how the network answers").wait_for(timeout=PATIENCE)
    visit.wait()
    drag(visit, place, (0.2, 0.3), (0.8, 0.3))
    assert covered(visit, 0) == first, "what was cleared must not come back with the next stroke"
    visit.healthy()
    visit.page.close()


def test_a_stroke_is_not_undone_by_the_answer_to_the_one_before(warm: str, browser: Browser) -> None:
    visit = Visit(browser, warm, OCCLUSION + "brush")
    place = canvas(visit, "Drag over")
    for row in (0.15, 0.4, 0.65, 0.9):  # without waiting for any answer
        drag(visit, place, (0.2, row), (0.8, row))
    assert covered(visit, 30) > 30
    visit.healthy()
    visit.page.close()


def test_a_picture_can_be_covered_by_keys_alone(warm: str, browser: Browser) -> None:
    visit = Visit(browser, warm, OCCLUSION + "brush")
    place = canvas(visit, "Drag over")
    place.focus()
    for key in ("ArrowRight", "Shift+ArrowDown", "Enter"):
        visit.page.keyboard.press(key)
    first = covered(visit, 0)
    for key in ("Shift+ArrowLeft", "Shift+ArrowLeft", "Enter"):
        visit.page.keyboard.press(key)
    assert covered(visit, first) > first
    assert place.evaluate("element => element.getRootNode().activeElement === element"), "the focus stays"
    visit.healthy()
    visit.page.close()


def test_superpixels_are_switched_by_clicks_and_by_keys(warm: str, browser: Browser) -> None:
    visit = Visit(browser, warm, LIME)
    place = canvas(visit, "Superpixels")

    def off(count: int) -> None:
        visit.page.get_by_text(re.compile(rf"^{count} of \d+\ssuperpixels (is|are) off")).wait_for(timeout=PATIENCE)
        visit.wait()

    off(0)
    numbers = visit.page.locator('[data-testid="stMetricValue"]')
    whole = numbers.all_inner_texts()
    visit.page.mouse.click(*at(place, 0.5, 0.5))
    off(1)
    assert numbers.all_inner_texts() != whole
    visit.page.mouse.click(*at(place, 0.05, 0.05))
    off(2)
    visit.page.mouse.click(*at(place, 0.5, 0.5))
    off(1)
    place.focus()
    for key in ("ArrowRight", "Enter"):
        visit.page.keyboard.press(key)
    off(2)
    visit.page.get_by_role("button", name="All on").click()
    off(0)
    assert numbers.all_inner_texts() == whole
    visit.healthy()
    visit.page.close()


def test_a_superpixel_its_bar_and_its_curve_light_up_together(warm: str, browser: Browser) -> None:
    visit = Visit(browser, warm, "/lime?lime.samples=40&lime.segments=8", width=1366)
    page = visit.page
    said, bars = page.locator(".viewer .status").first, page.locator(".part-bars")
    page.locator("canvas.main").first.hover()
    lit = bars.locator(".lit")
    expect(lit).to_have_count(1)
    expect(bars.locator(".status")).to_contain_text(said.inner_text())  # and the standard error
    bars.locator(".bars").focus()
    page.keyboard.press("Home")
    expect(bars.locator(".bars > div").first).to_have_class("lit")
    expect(bars.get_by_role("slider")).to_have_attribute("aria-valuetext", re.compile(re.escape(said.inner_text())))
    expect(said).to_have_text(bars.locator(".status").inner_text().split(" ±")[0])
    assert said.inner_text().startswith("superpixel w")
    curves = page.locator(".js-plotly-plot:has(.legend)").last
    faded = "plot => [...plot.querySelectorAll('.scatterlayer > .trace')].filter(one => one.style.opacity).length"
    assert curves.evaluate(faded) == curves.locator(".legend .traces").count() - 1  # the largest weight has a curve
    curves.locator(".legend .traces").nth(1).hover(force=True)
    number = (curves.locator(".legend .traces").nth(1).text_content() or "").translate(
        str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
    )
    expect(said).to_contain_text(number)
    page.mouse.move(2, 2)
    expect(lit).to_have_count(0)
    visit.healthy()
    page.close()
