"""A lecture without a mouse: everything by keys, in an address that can be kept."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser

from tests.browser.test_frame import SMALL
from tests.browser.test_pages import Visit, browser, warm
from ui.frame import playlist

__all__ = ["browser", "warm"]
pytestmark = pytest.mark.browser
# The sizes of all words that can be seen, but for those that only a screen reader gets.
SIZES = """() => {
  const found = [];
  const walk = (node) => {
    for (const one of [...(node.shadowRoot ?? node).children]) walk(one);
    const texts = [...node.childNodes].filter((one) => one.nodeType === 3);
    const words = texts.map((one) => one.textContent.trim()).join("");
    if (!words || node.closest(".katex, style, script, template")) return;
    const box = node.getBoundingClientRect();
    const seen = node.checkVisibility({ visibilityProperty: true, opacityProperty: true });
    if (!seen || box.width <= 4 || box.height <= 4) return;
    found.push([parseFloat(getComputedStyle(node).fontSize), words.slice(0, 40)]);
  };
  walk(document.querySelector("[data-testid=stMain]"));
  return found;
}"""


def press(visit: Visit, key: str, address: str) -> None:
    """Press a key, which leads to an address like this."""
    visit.page.keyboard.press(key)
    visit.page.wait_for_url(re.compile(address), timeout=60_000)
    visit.wait()


def step(visit: Visit) -> str:
    return str(visit.page.evaluate("document.documentElement.dataset.vzStep"))


def test_a_lecture_is_given_by_keys_alone(warm: str, browser: Browser) -> None:
    visit = Visit(browser, warm, f"/occlusion?{SMALL}&present=1&picture=scene%3A34")
    page, first, closer = visit.page, visit.page.locator(".st-key-first"), visit.page.locator(".st-key-closer")
    assert not page.locator('[data-testid="stSidebar"]').is_visible()
    assert not page.locator(".st-key-settings").is_visible()
    assert step(visit) == "result"
    canvas = first.locator("canvas.main").first
    assert canvas.is_visible()
    for key, wanted in (("r", False), ("r", True)):  # hidden, and revealed
        page.keyboard.press(key)
        assert canvas.is_visible() is wanted
    page.keyboard.press("h")
    page.locator(".st-key-read").wait_for()
    page.keyboard.press("h")
    page.locator(".st-key-read").wait_for(state="hidden")
    page.keyboard.press("f")
    page.get_by_role("heading", level=1).wait_for(state="hidden")
    assert canvas.is_visible()
    page.keyboard.press("f")
    page.get_by_role("heading", level=1).wait_for()
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keys").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog", name="Keys").wait_for(state="hidden")
    press(visit, "+", r"occlusion\.window=(?!24)")
    press(visit, "]", r"class=\d")
    assert page.locator(".strip .chosen .name").inner_text() == page.locator(".strip .name").nth(1).inner_text()
    press(visit, "[", r"^(?!.*class=)")
    press(visit, "2", "picture=scene%3A44")
    page.keyboard.press("PageDown")
    closer.wait_for()
    assert not first.is_visible()
    press(visit, "PageDown", r"occlusion\.closer=classes")
    press(visit, "ArrowRight", r"occlusion\.closer=sizes")
    press(visit, "PageDown", r"/lime\?.*picture=scene%3A44.*present=1")
    assert step(visit) == "before"
    assert not first.locator("canvas.main").first.is_visible()
    assert page.locator(".st-key-result .katex-display").first.is_visible()
    page.keyboard.press("r")  # ask the hall first, then reveal
    first.locator("canvas.main").first.wait_for()
    visit.wait()
    assert step(visit) == "result"
    press(visit, "PageUp", "/lime")
    assert step(visit) == "before"
    press(visit, "PageUp", "/occlusion")
    visit.healthy()
    page.reload()
    visit.wait()
    assert not page.locator('[data-testid="stSidebar"]').is_visible()
    press(visit, "Escape", r"^(?!.*present=)")
    page.get_by_role("heading", name="Settings").wait_for(timeout=30_000)
    visit.healthy()
    page.close()


@pytest.mark.parametrize("path", ["", "saliency", "maximisation", "lime", "compare"])
def test_the_last_row_can_read_it(warm: str, browser: Browser, path: str) -> None:
    visit = Visit(browser, warm, f"/{path}?{SMALL}&compare.methods=gradient,edges&present=1", width=1920)
    visit.page.set_viewport_size({"width": 1920, "height": 1080})
    visit.page.wait_for_timeout(300)
    visit.healthy()
    sizes = visit.page.evaluate(SIZES)
    assert len(sizes) > 10
    assert [(size, words) for size, words in sizes if size < 20] == []
    for picture in visit.page.locator(".st-key-first canvas.main, .st-key-first .player canvas").all():
        box = picture.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 1080
    visit.page.close()


def test_a_prepared_lecture_leads_from_link_to_link_and_each_can_be_followed(warm: str, browser: Browser) -> None:
    visit = Visit(browser, warm, f"/filters?{SMALL}")
    page = visit.page
    page.get_by_role("button", name="Playlist").click()
    links = [
        "# two links",
        f"{warm}/occlusion?occlusion.stride=32&picture=scene:44",
        "nonsense",
        f"{warm}/lime?class=3&{SMALL}",
    ]
    page.get_by_role("textbox", name="Links, one per line").fill("\n".join(links))
    page.keyboard.press("Control+Enter")
    page.get_by_text("This is no link to a page: nonsense").wait_for(timeout=30_000)
    page.get_by_role("button", name="Copy a link to this playlist").wait_for()
    page.get_by_role("button", name="Present these links (2)").click()
    page.wait_for_url(re.compile(r"/occlusion\?.*scene%3A44.*present=1"), timeout=60_000)
    visit.wait()
    page.keyboard.press("q")
    page.get_by_role("img", name="This page on your telephone").wait_for()
    page.keyboard.press("q")
    page.get_by_role("img", name="This page on your telephone").wait_for(state="hidden")
    page.keyboard.press("PageDown")
    page.locator(".st-key-closer").wait_for()
    press(visit, "PageDown", r"occlusion\.closer=classes")
    press(visit, "PageDown", r"occlusion\.closer=sizes")
    press(visit, "PageDown", r"/lime\?.*class=3.*present=1")
    press(visit, "PageUp", r"/lime\?")
    press(visit, "PageUp", r"/occlusion\?.*scene%3A44")
    visit.healthy()
    page.close()


def test_a_link_carries_a_whole_lecture(warm: str, browser: Browser) -> None:
    links, _ = playlist.parse("/occlusion?occlusion.stride=32&picture=scene:44\n/lime?class=3&lime.samples=40")
    visit = Visit(browser, warm, f"/?playlist={playlist.packed(links)}")
    visit.page.wait_for_url(re.compile(r"/occlusion\?.*scene%3A44.*present=1"), timeout=60_000)
    visit.wait()
    visit.page.keyboard.press("PageDown")
    visit.page.locator(".st-key-closer").wait_for()
    press(visit, "PageDown", r"occlusion\.closer=classes")
    press(visit, "PageDown", r"occlusion\.closer=sizes")
    press(visit, "PageDown", r"/lime\?.*class=3.*present=1")
    visit.healthy()
    visit.page.close()
