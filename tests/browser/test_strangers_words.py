"""In a real browser a stranger's words are text: nothing is fetched, linked, coloured or set as a formula for them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.test_pages import Visit, browser, start
from tests.helpers import hostile
from vizcore.networks import own

__all__ = ["browser"]
pytestmark = pytest.mark.browser
NETWORK = "tests.helpers.hostile:network"
# What an element that is more than text would be, with a stranger's word in it or around it.
LIVE = """() => {
  const evil = (one) => /evil/i.test(one ?? "");
  const found = [];
  for (const one of document.querySelectorAll("a, img, iframe, object, image, use, link"))
    for (const name of ["href", "src", "xlink:href", "data"])
      if (/^(?!data:)(\\w+:|\\/\\/).*evil/i.test(one.getAttribute(name) ?? "") &&
          !one.getAttribute(name).startsWith(location.origin))
        found.push(one.outerHTML.slice(0, 200));
  const body = [...document.querySelectorAll('[data-testid="stMarkdownContainer"], [data-testid="stHeading"]')];
  for (const place of body) {
    for (const one of place.querySelectorAll("em, del, b, a, img, h1 h1, li, blockquote, .stMarkdownColoredText, \
.stMarkdownColoredBackground, .stMarkdownBadge, [data-testid=stIconMaterial], [data-testid=stMarkdownStreamlitLogo]"))
      if (evil(one.textContent) || evil(one.outerHTML)) found.push(one.outerHTML.slice(0, 200));
    for (const one of place.querySelectorAll(".katex, .katex-error"))
      if (evil(one.textContent) && !one.querySelector(".mathtt, .texttt")) found.push(one.outerHTML.slice(0, 200));
    if (evil(place.textContent) && /[\\u{1F480}\\u{1F604}]/u.test(place.textContent)) found.push(place.textContent);
  }
  for (const one of document.querySelectorAll(".js-plotly-plot a, .js-plotly-plot svg text tspan[style*=weight]"))
    if (evil(one.textContent)) found.push(one.outerHTML.slice(0, 200));
  return found;
}"""
PATHS = [
    f"/{page}?network={NETWORK}&class=1&{query}"
    for page, query in (
        ("", ""),
        ("filters", "filters.view=channels"),
        ("maximisation", "maximisation.steps=10"),
        ("occlusion", "occlusion.part=classes"),
        ("lime", "lime.part=best&lime.samples=40"),
        ("compare", "compare.methods=gradient,gradcam&compare.classes=1,2&compare.against=3"),
        ("compare", "compare.methods=gradient&compare.part=sanity"),
        ("network", ""),
    )
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, own.VARIABLE, NETWORK)
        process, address = start(tmp_path_factory.mktemp("server"))
    yield address
    process.terminate()
    process.wait(timeout=20)


def inert(visit: Visit) -> None:
    assert visit.page.evaluate(LIVE) == []
    assert "evil" in visit.page.inner_text("body")


@pytest.mark.parametrize("path", PATHS)
def test_a_networks_own_names(served: str, browser: Browser, path: str) -> None:
    visit = Visit(browser, served, path)
    inert(visit)
    visit.healthy()
    visit.page.close()


def test_a_links_values(served: str, browser: Browser) -> None:
    from urllib.parse import urlencode

    for first in range(0, len(hostile.NAMES), 3):
        one, other, third = (hostile.NAMES[(first + k) % len(hostile.NAMES)] for k in range(3))
        query = urlencode({"network": one, "picture": other, "class": third, "occlusion.window": one})
        visit = Visit(browser, served, f"/occlusion?{query}")
        assert visit.page.get_by_test_id("stAlert").count() >= 3
        inert(visit)
        visit.page.close()


def test_a_studys_table(served: str, browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "evil.csv"
    file.write_text(hostile.table(), encoding="utf-8")
    visit = Visit(browser, served, "/study?study.source=finished")
    visit.page.locator('[data-testid="stFileUploader"] input').set_input_files(str(file))
    visit.page.get_by_test_id("stExpander").first.wait_for()
    visit.wait()
    inert(visit)
    visit.page.locator('[data-testid="stExpander"] summary').last.click()
    visit.wait()
    inert(visit)
    visit.page.close()
