"""The result comes first: what of a page is visible without scrolling, and what is pressed to change it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.test_frame import SMALL
from tests.browser.test_pages import Visit, browser, warm
from tests.helpers.servers import start, stop

__all__ = ["browser", "warm"]
pytestmark = pytest.mark.browser
TECHNIQUES = ("filters", "maximisation", "saliency", "occlusion", "lime")
# A box shows its value in a field or in a text, and one for several values shows each as a tag.
SAID = """() => [...document.querySelectorAll('[data-testid=stSelectbox], [data-testid=stMultiSelect]')].map(box =>
  [box.innerText, ...[...box.querySelectorAll('input')].map(input => input.value)].join('\\n'))"""


def bottom(place: Locator) -> float:
    box = place.bounding_box()
    assert box is not None
    return box["y"] + box["height"]


def height(place: Locator) -> float:
    box = place.bounding_box()
    assert box is not None
    return box["height"]


@pytest.mark.parametrize("path", TECHNIQUES)
def test_result_and_settings_are_seen_without_scrolling(warm: str, browser: Browser, path: str) -> None:
    visit = Visit(browser, warm, f"/{path}?{SMALL}", width=1366)
    visit.page.set_viewport_size({"width": 1366, "height": 768})
    visit.page.wait_for_timeout(300)
    assert height(visit.page.locator(".strip")) <= 96
    result = visit.page.locator(".st-key-result")
    pictures = result.locator("canvas.main, .player canvas, [data-testid=stImage] img")
    for number in range(pictures.count()):
        if path != "filters" or number == 0:  # beside the sheet there is more of one filter than fits
            assert bottom(pictures.nth(number)) <= 768, number
    assert bottom(result.locator(".katex-display").first) < 768
    assert max(bottom(one) for one in visit.page.locator(".st-key-settings button:visible").all()) <= 768
    visit.page.close()


@pytest.mark.parametrize("path", TECHNIQUES)
def test_on_a_telephone_the_settings_are_one_press_away_and_the_result_stays(
    warm: str, browser: Browser, path: str
) -> None:
    visit = Visit(browser, warm, f"/{path}?{SMALL}", width=390)
    visit.page.set_viewport_size({"width": 390, "height": 844})
    result = visit.page.locator(".st-key-result canvas").first
    box = result.bounding_box()
    assert box is not None
    assert box["y"] < 844 / 2
    control = visit.page.locator(".st-key-bottom-sheet label:visible")
    assert control.count() == 0
    visit.page.get_by_role("button", name="Settings", exact=True).click()
    control.first.wait_for()
    for place in (control.first, result):
        box = place.bounding_box()
        assert box is not None
        assert 0 <= box["y"] < 844
    visit.page.get_by_role("button", name="Settings", exact=True).click()
    control.first.wait_for(state="hidden")
    visit.healthy()
    visit.page.close()


def test_a_class_is_chosen_by_pressing_it_and_stays_until_another_is(warm: str, browser: Browser) -> None:
    visit = Visit(browser, warm, f"/occlusion?{SMALL}&picture=scene%3A34")
    strip = visit.page.locator(".strip .classes")
    first, second = strip.get_by_role("button").first, strip.get_by_role("button").nth(1)
    assert (first.get_attribute("aria-pressed"), second.get_attribute("aria-pressed")) == ("true", "false")
    named = second.locator(".name").inner_text()
    second.click()
    visit.page.wait_for_url("**class=*", timeout=30_000)
    visit.wait()
    assert second.get_attribute("aria-pressed") == "true"
    visit.page.get_by_role("heading", name=re.compile(named)).wait_for()
    visit.page.get_by_text(f"You are asking about “{named}”").wait_for()
    assert visit.page.locator('[data-testid="stSelectbox"]', has_text="Class").locator("input").input_value() == named
    first.click()  # the most probable one, which is followed from picture to picture
    visit.page.wait_for_function("!location.search.includes('class=')", timeout=30_000)
    visit.wait()
    assert first.get_attribute("aria-pressed") == "true"
    visit.healthy()
    visit.page.close()


def test_the_picture_is_enlarged_without_asking_the_server(warm: str, browser: Browser) -> None:
    visit = Visit(browser, warm, f"/saliency?{SMALL}")
    strip, sent = visit.page.locator(".strip"), len(visit.sent)
    visit.page.locator(".strip .caption").wait_for(state="hidden")
    strip.locator("button.picture").click()
    visit.page.locator(".strip .caption", has_text="128 × 128 pixels").wait_for()
    assert height(strip.locator("img")) > 200
    strip.locator("button.picture").click()
    assert height(strip) <= 96
    assert len(visit.sent) == sent
    visit.page.close()


def test_every_box_tells_the_truth_after_a_change_of_picture(warm: str, browser: Browser) -> None:
    visit = Visit(browser, warm, f"/occlusion?{SMALL}&picture=scene%3A34")
    before = visit.page.evaluate(SAID)
    visit.choose("Picture", "Scene 44")
    visit.page.wait_for_url("**picture=scene%3A44*", timeout=30_000)
    visit.wait()
    top = visit.page.locator(".strip .chosen .name").inner_text()
    after = visit.page.evaluate(SAID)
    assert "cat" not in "\n".join(one for one in after if one.startswith("Class"))
    assert top not in "\n".join(one for one in before if one.startswith("Class"))
    assert [one for one in after if one.startswith("Class")] == [one for one in before if one.startswith("Class")]
    visit.page.close()


@pytest.mark.parametrize(
    "path", ["compare?compare.methods=edges&compare.classes=1,2&compare.against=3", "lime", "maximisation", "filters"]
)
def test_every_box_speaks_the_language_that_was_chosen_last(warm: str, browser: Browser, path: str) -> None:
    join = "&" if "?" in path else "?"
    visit = Visit(browser, warm, f"/{path}{join}{SMALL}")
    english = visit.page.evaluate(SAID)
    visit.choose("Language", "Čeština")
    visit.page.get_by_text("Jazyk").first.wait_for(timeout=30_000)
    visit.wait()
    context = browser.new_context(locale="cs-CZ")
    page = context.new_page()
    page.goto(visit.page.url)
    page.get_by_text("Jazyk").first.wait_for(timeout=60_000)
    page.wait_for_function(f"({SAID})().length === {len(english)}", timeout=60_000)
    page.wait_for_timeout(500)
    assert visit.page.evaluate(SAID) == page.evaluate(SAID) != english
    context.close()
    visit.choose("Jazyk", "English")
    visit.page.get_by_text("Language").first.wait_for(timeout=30_000)
    visit.wait()
    assert visit.page.evaluate(SAID) == english
    visit.page.close()


def test_a_picture_is_chosen_by_sight(warm: str, browser: Browser) -> None:
    visit = Visit(browser, warm, f"/occlusion?{SMALL}&picture=scene%3A34")
    grid = visit.page.get_by_role("group", name="Picture", exact=True)
    grid.get_by_role("button", name="Photograph: Cup of coffee", exact=True).click()
    visit.page.wait_for_url("**picture=photo%3Acoffee*", timeout=30_000)
    visit.wait()
    assert grid.locator("button[aria-pressed=true]").get_attribute("title") == "Photograph: Cup of coffee"
    assert len(set(grid.locator("img").evaluate_all("all => all.map(one => one.src)"))) == grid.locator("img").count()
    visit.healthy()
    visit.page.close()


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that believes that every computation will take long."""
    belief = """from ui.running import play
class Slow(dict):
    __contains__ = lambda self, pace: True
    __missing__ = lambda self, pace: 9.0
play._PACES = Slow()"""
    process, address = start(tmp_path_factory.mktemp("slow"), first=belief)
    yield address
    stop(process)


@pytest.mark.parametrize(
    ("path", "look"),
    [("saliency", ""), ("occlusion", "&occlusion.closer=classes"), ("lime", ""), ("maximisation", "")],
)
def test_what_waits_to_be_started_says_so_on_the_picture_and_beneath(
    slow: str, browser: Browser, path: str, look: str
) -> None:
    visit = Visit(browser, slow, f"/{path}?{SMALL}{look}")
    begin = visit.page.locator(".stage .start:visible")
    assert re.match(r"Start: \d+\s.* to compute, about \d+\ss", begin.inner_text())
    note = visit.page.get_by_text("Shown here once the result above is there.")
    note.wait_for()
    assert visit.page.locator(".viewer.waiting").count() == 1
    begin.click()
    note.wait_for(state="detached", timeout=60_000)
    visit.wait()
    assert begin.count() == 0
    assert visit.page.locator(".viewer.waiting").count() == 0
    visit.healthy()
    visit.page.close()


LONELY = """() => [...document.querySelectorAll('[class*=st-key-cards-]')].map(place => {
  const rows = {};
  for (const card of [...place.children].filter(one => one.getBoundingClientRect().height > 0))
    (rows[Math.round(card.getBoundingClientRect().top)] ??= []).push(card);
  const lengths = Object.entries(rows).sort(([a], [b]) => a - b).map(([_, row]) => row.length);
  return [place.className.match(/st-key-cards-\\S+/)[0], lengths];
})"""


@pytest.mark.parametrize("width", [390, 1366, 1920])
@pytest.mark.parametrize(
    "path", ["compare", "saliency?saliency.part=copies", "lime?lime.closer=samples", "occlusion?occlusion.closer=sizes"]
)
def test_no_card_is_alone_in_the_last_row(warm: str, browser: Browser, path: str, width: int) -> None:
    page, _, query = path.partition("?")
    small = "" if page == "compare" else f"&{SMALL}"
    visit = Visit(browser, warm, f"/{page}?{query}{small}", width=width)
    found = dict(visit.page.evaluate(LONELY))
    assert found
    for place, lengths in found.items():
        assert len(lengths) == 1 or lengths[-1] > 1, (place, lengths)
    visit.healthy()
    visit.page.close()


def test_zoom_goes_with_its_picture(warm: str, browser: Browser) -> None:
    visit = Visit(browser, warm, f"/occlusion?{SMALL}&picture=scene%3A34")
    stage = visit.page.locator(".st-key-result .stage").first
    visit.page.get_by_role("button", name="Zoom in").first.click()
    expect(stage).to_have_attribute("data-scale", "1.50")
    grid = visit.page.get_by_role("group", name="Picture", exact=True)
    grid.get_by_role("button", name="Photograph: Cup of coffee", exact=True).click()
    expect(stage).to_have_attribute("data-scale", "1.00", timeout=30_000)
    grid.get_by_role("button", name="Scene 34: cat", exact=True).click()
    expect(stage).to_have_attribute("data-scale", "1.50", timeout=30_000)
    visit.page.locator('[data-testid="stSidebar"] a', has_text="Saliency").click()
    expect(visit.page.locator(".st-key-result .stage").nth(1)).to_have_attribute("data-scale", "1.50", timeout=30_000)
    visit.healthy()
    visit.page.close()
