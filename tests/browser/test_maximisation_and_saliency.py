"""Input maximisation and saliency in a real browser: playing the frames, the strip, the parts below the maps."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.browser.test_pages import Visit, browser, warm  # noqa: F401 - fixtures

pytestmark = pytest.mark.browser
PLAYER = ".player canvas"
CAPTION = ".player .caption"
COUNT = """() => {
  window.sent = 0;
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (...message) {
    window.sent += 1;
    return send.apply(this, message);
  };
}"""


def test_frames_are_moved_through_and_played_without_the_server(warm: str, browser: Browser) -> None:  # noqa: F811
    visit = Visit(browser, warm, "/maximisation?maximisation.steps=60")
    visit.page.locator(CAPTION).get_by_text("Step 60 of 60").wait_for(timeout=30_000)
    assert visit.colours(PLAYER) > 20
    visit.page.evaluate(COUNT)
    frame = visit.page.get_by_role("slider", name="Frame")
    frame.press("Home")
    assert visit.page.locator(CAPTION).inner_text().startswith("Step 1 of 60")
    frame.press("ArrowRight")
    assert not visit.page.locator(CAPTION).inner_text().startswith("Step 1 of 60")
    visit.page.get_by_role("button", name="Play", exact=True).click()
    visit.page.get_by_role("button", name="Pause").wait_for(timeout=10_000)
    visit.page.locator(CAPTION).get_by_text("Step 60 of 60").wait_for(timeout=30_000)
    visit.page.get_by_role("button", name="Play", exact=True).wait_for(timeout=10_000)  # stopped by itself at the end
    before = visit.page.locator(PLAYER).evaluate("canvas => canvas.toDataURL()")
    visit.page.get_by_text("Contrast stretched").click()
    assert "not the picture that was optimised" in visit.page.locator(CAPTION).inner_text()
    assert visit.page.locator(PLAYER).evaluate("canvas => canvas.toDataURL()") != before
    frame.press("Home")  # the frames on the way are shown as they are
    assert visit.page.locator(CAPTION).inner_text().startswith("Step 1 of 60")
    frame.press("End")
    assert visit.page.locator(PLAYER).evaluate("canvas => canvas.toDataURL()") == before
    assert visit.page.evaluate("window.sent") == 0
    visit.healthy()
    visit.page.close()


def test_the_film_follows_a_new_ascent(warm: str, browser: Browser) -> None:  # noqa: F811
    visit = Visit(browser, warm, "/maximisation?maximisation.steps=50")
    visit.page.locator(CAPTION).get_by_text("Step 50 of 50").wait_for(timeout=30_000)
    before = visit.page.locator(CAPTION).inner_text()
    visit.page.locator('[data-testid="stSlider"]', has_text="Seed").get_by_role("slider").press("ArrowRight")
    visit.wait()
    assert visit.page.locator(CAPTION).inner_text().startswith("Step 50 of 50")
    assert visit.page.locator(CAPTION).inner_text() != before
    visit.healthy()
    visit.page.close()


def test_the_strip_shows_every_lambda_and_hands_one_over(warm: str, browser: Browser) -> None:  # noqa: F811
    visit = Visit(browser, warm, "/maximisation?maximisation.steps=20")
    visit.page.get_by_text("Several λ", exact=True).click()
    visit.wait()
    visit.page.wait_for_url("**maximisation.part=lambdas**", timeout=30_000)
    buttons = visit.page.get_by_role("button", name="λ = ")
    assert buttons.count() == 6
    visit.page.get_by_role("button", name="λ = 10⁻³").click()
    visit.page.wait_for_url("**maximisation.lambda_=0.001**", timeout=30_000)
    visit.wait()
    visit.healthy()
    visit.page.close()


def test_each_part_of_saliency_opens_by_a_press_and_fits_a_phone(warm: str, browser: Browser) -> None:  # noqa: F811
    visit = Visit(browser, warm, "/saliency?saliency.copies=4", width=390)
    for name, shown in (
        ("Taylor check", "text=/stays within 10\\s%/"),
        ("Noisy copies", "text=/Copy 4: /"),
        ("Other methods", "text=/pixels add up/"),
    ):
        visit.page.get_by_text(name, exact=True).click()
        visit.page.locator(shown).wait_for(timeout=30_000)
        visit.wait()
        visit.healthy()
        assert visit.page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
    assert visit.page.locator("canvas.main").count() == 4
    visit.page.close()
