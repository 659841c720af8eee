"""The study page in a real browser: begun, stopped, carried on, its table saved and opened again."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser

from tests.browser.test_frame import serious
from tests.browser.test_pages import Visit, browser, warm
from vizcore.study import rows

__all__ = ["browser", "warm"]
pytestmark = pytest.mark.browser
QUERY = "study.count=30&study.steps=4&study.methods=gradient,edges,random"


def test_a_study_is_begun_stopped_carried_on_saved_and_opened(warm: str, browser: Browser, tmp_path: Path) -> None:
    visit = Visit(browser, warm, f"/study?{QUERY}")
    visit.page.get_by_role("button", name="Start").click()
    visit.page.get_by_text("of 90 maps, ").first.wait_for(timeout=60_000)
    visit.page.get_by_role("button", name="Stop").click(timeout=60_000)
    visit.page.get_by_role("button", name="Continue").wait_for(timeout=30_000)
    visit.wait()
    visit.healthy()
    before = visit.page.locator('[data-testid="stProgress"]').first.inner_text()
    assert re.search(r" of 90\smaps", before)
    visit.page.get_by_role("button", name="Continue").click()
    visit.page.get_by_text("90 rows on 30 pictures").wait_for(timeout=120_000)
    visit.wait()
    visit.healthy()
    assert visit.page.locator('[data-testid="stPlotlyChart"] .scatterlayer').count() == 3
    assert visit.page.locator('[data-testid="stDataFrame"]').get_by_text("▲ beats Random").count() >= 1
    assert serious(visit) == []
    with visit.page.expect_download() as saved:
        visit.page.get_by_role("button", name="Table (CSV)").click()
    table = tmp_path / "study.csv"
    saved.value.save_as(table)
    assert len(rows.read(table.read_text())) == 90
    point = visit.page.locator('[data-testid="stPlotlyChart"]').last.locator(".points path").nth(4)
    point.scroll_into_view_if_needed()
    place = point.bounding_box()
    assert place is not None
    visit.page.mouse.click(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    visit.page.wait_for_url("**/compare?*", timeout=60_000)
    visit.wait()
    visit.healthy()
    opened = parse_qs(urlsplit(visit.page.url).query)
    assert opened["picture"][0].startswith("scene:7000")
    assert opened["compare.methods"] == ["gradient,random,edges"]
    visit.page.close()

    again = Visit(browser, warm, "/study?study.source=finished", width=390)
    again.page.locator('[data-testid="stFileUploaderDropzoneInput"]').set_input_files(table)
    again.page.get_by_text("90 rows on 30 pictures").wait_for(timeout=60_000)
    again.wait()
    again.healthy()
    assert again.page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
    again.page.close()
