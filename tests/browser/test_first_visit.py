"""The overview's first sight, in a real browser: a square that glides, is dragged, and says what the network says."""

from __future__ import annotations

import re

import pytest
import torch
from playwright.sync_api import Browser, Locator, expect

from tests.browser.test_pages import Visit, browser, warm
from ui.frame import sources
from ui.overview import first
from vizcore.jobs.run import Run
from vizcore.networks.classifier import Classifier
from vizcore.techniques.occlusion import filling
from vizcore.techniques.window_answers import window_answers

__all__ = ["browser", "warm"]
pytestmark = pytest.mark.browser
# What is on its way to the screen has come there, however busy the computer.
FRAMES = """() => new Promise((done) =>
  requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(() => done()))))"""
COMPONENT = "let one = element; while (!one.gliding) one = one.parentNode; one = one.gliding"


def opened(browser: Browser, address: str, *, still: bool = False) -> tuple[Visit, Locator]:
    visit = Visit(browser, address, "/?picture=scene%3A34")
    if still:
        visit.page.emulate_media(reduced_motion="reduce")
        visit.page.reload()
        visit.wait()
    return visit, visit.page.locator(".gliding canvas.main")


def place(square: Locator) -> tuple[int, int]:
    """The left and top edge of the square, in pixels of the picture."""
    left, top = (square.get_attribute("data-place") or "").split(",")
    return int(left), int(top)


def answer(clf: Classifier, left: int, top: int) -> float:
    """The network's own answer to scene 34 with the square there, computed from nothing."""
    image = clf.pixels(sources.picture("scene:34").picture)
    window = first.settings(clf)[0].window
    target = int(clf.all_scores(image[None])[0].argmax())
    covered = image.clone()
    covered[:, top : top + window, left : left + window] = filling(clf, image, "grey")[0, 0, 0]
    return float(clf.scores(covered[None], target)[0])


def test_the_square_glides_by_itself_until_it_is_stopped(warm: str, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(f"{warm}/?picture=scene%3A34")
    square, button = page.locator(".gliding canvas.main"), page.locator(".gliding button.play")
    expect(square).to_have_attribute("data-playing", "true", timeout=60_000)

    def moves(before: str | None) -> None:
        page.wait_for_function("([one, old]) => one.dataset.place !== old", arg=[square.element_handle(), before])

    moves(square.get_attribute("data-place"))
    page.evaluate("Object.defineProperty(document, 'hidden', { configurable: true, get: () => true })")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.evaluate(FRAMES)
    hidden = place(square)
    page.wait_for_timeout(400)
    assert place(square) == hidden  # nobody looks
    page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    moves(square.get_attribute("data-place"))
    expect(button).to_have_text(re.compile("Pause"))
    button.click()
    expect(button).to_have_text(re.compile("Play"))
    page.evaluate(FRAMES)
    stopped = place(square)
    page.wait_for_timeout(400)
    assert place(square) == stopped
    page.close()


def test_dragging_shows_the_network_s_own_answer_and_asks_nobody(
    warm: str, browser: Browser, bundled: Classifier
) -> None:
    visit, square = opened(browser, warm)
    box = square.bounding_box()
    assert box is not None
    sent = len(visit.sent)
    mouse = visit.page.mouse
    mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"])
    mouse.down()
    for across, down in ((0.5, 0.5), (0.8, 0.2), (0.55, 0.6)):
        mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"], steps=4)
        visit.page.wait_for_timeout(60)
        left, top = place(square)
        middle = first.settings(bundled)[0].window / 2
        assert abs(left + middle - across * 128) <= 2
        assert abs(top + middle - down * 128) <= 2
        shown = visit.page.locator(".gliding .answer .value").inner_text()
        assert shown == f"{100 * answer(bundled, left, top):.1f}\u00a0%"
    mouse.up()
    assert len(visit.sent) == sent
    expect(square).to_have_attribute("data-playing", "false")
    visit.healthy()
    visit.page.close()


def test_who_wants_no_motion_sees_the_whole_map_at_once(warm: str, browser: Browser, bundled: Classifier) -> None:
    visit, square = opened(browser, warm, still=True)
    expect(square).to_have_attribute("data-playing", "false")
    before = place(square)
    visit.page.wait_for_timeout(400)
    assert place(square) == before
    values = "Array.from(one.growing.total, (_, i) => one.growing.value(i))"
    shown = square.evaluate(f"element => {{ {COMPONENT}; return {values}; }}")
    image = bundled.pixels(sources.picture("scene:34").picture)
    found = Run(window_answers(bundled, image, first.settings(bundled)[1])).finish()
    target = int(found.whole.argmax())
    torch.testing.assert_close(torch.tensor(shown).view(128, 128), found.map(target).heat(), rtol=1e-3, atol=1e-4)
    assert answer(bundled, *before) == pytest.approx(float(found.answers[..., target].min()), abs=1e-3)
    visit.page.close()


def test_the_keyboard_moves_the_square_and_it_is_read_out(warm: str, browser: Browser, bundled: Classifier) -> None:
    visit, square = opened(browser, warm)
    square.focus()
    visit.page.keyboard.press("Space")
    expect(square).to_have_attribute("data-playing", "false")
    visit.page.evaluate(FRAMES)
    said = visit.page.locator(".gliding .status")
    assert said.inner_text() == ""  # what moves by itself says nothing
    left, top = place(square)
    visit.page.keyboard.press("ArrowDown")
    visit.page.keyboard.press("Shift+ArrowRight")
    expect(square).to_have_attribute("data-place", f"{min(84, left + 8)},{min(84, top + 2)}")
    expect(said).to_have_text(re.compile(r"^Square at row \d+, column \d+: cat \d+\.\d\s%"))
    shown = f"{100 * answer(bundled, *place(square)):.1f}"
    assert shown in said.inner_text()
    assert square.get_attribute("aria-label") is not None
    visit.page.close()


def test_the_invitation_leads_on(warm: str, browser: Browser) -> None:
    visit, _ = opened(browser, warm)
    visit.page.locator(".st-key-invitation a").click()
    visit.page.wait_for_url(re.compile("picture=stamped|lesson=lab"), timeout=30_000)
    visit.page.close()
