"""What all pages share, in a real browser: links, languages, the keyboard, the presentation, accessibility."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.browser.test_pages import PAGES, Visit, browser, server, start, warm

__all__ = ["browser", "server", "warm"]
pytestmark = pytest.mark.browser
SMALL = "maximisation.steps=10&saliency.copies=4&occlusion.stride=32&lime.samples=40&lime.segments=8"


def serious(visit: Visit) -> list[str]:
    """What axe-core finds of faults that shut people out."""
    found = Axe().run(visit.page).response["violations"]
    return [
        f"{fault['id']}: {node['html'][:150]}"
        for fault in found
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]


@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_no_serious_fault(warm: str, browser: Browser, path: str) -> None:
    visit = Visit(browser, warm, f"/{path}?{SMALL}")
    assert serious(visit) == []
    visit.page.emulate_media(color_scheme="dark")
    visit.page.reload()
    visit.wait()
    assert serious(visit) == []
    visit.page.close()


def test_a_copied_link_restores_everything_on_a_cold_server(warm: str, browser: Browser, tmp_path: Path) -> None:
    visit = Visit(browser, warm, f"/occlusion?{SMALL}&picture=scene:31&class=2&occlusion.window=40&occlusion.fill=blur")
    visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit.page.get_by_role("button", name="Copy link").click()
    visit.page.get_by_text("Copied").first.wait_for()
    link = visit.page.evaluate("navigator.clipboard.readText()")
    shown = visit.page.locator('[data-testid="stSlider"]', has_text="Window").inner_text()
    visit.page.close()
    process, address = start(tmp_path)
    try:
        again = Visit(browser, address, link.removeprefix(warm))
        assert again.page.url.removeprefix(address) == link.removeprefix(warm)
        assert again.page.locator('[data-testid="stSlider"]', has_text="Window").inner_text() == shown
        assert "40" in shown
        again.healthy()
        again.page.close()
    finally:
        process.terminate()
        process.wait(timeout=20)


def test_the_browsers_language_is_spoken_at_first_and_links_do_not_depend_on_it(warm: str, browser: Browser) -> None:
    visit = Visit(browser, warm, "/lime?lime.samples=40&lime.segments=8", locale="cs-CZ")
    page = visit.page
    page.get_by_role("heading", name="Nastavení").wait_for(timeout=60_000)
    page.wait_for_url("**network=mini-alexnet**", timeout=60_000)
    czech = page.url.replace("&lime.", "&lang=en&lime.", 1)
    assert "lang" not in page.url
    visit.choose("Jazyk", "English")
    page.get_by_role("heading", name="Settings").wait_for(timeout=60_000)
    page.wait_for_url(czech, timeout=30_000)  # which was chosen; the rest means the same
    page.reload()
    page.get_by_role("heading", name="Settings").wait_for(timeout=60_000)
    page.close()


def back(visit: Visit, wanted: str) -> None:
    """One step back, which leads to an address with ``wanted``."""
    before = visit.page.evaluate("history.length")
    visit.page.go_back()
    visit.page.wait_for_url(re.compile(wanted), timeout=30_000)
    visit.wait()
    assert re.search(wanted, visit.page.url)
    assert visit.page.evaluate("history.length") == before


def test_back_restores_what_was_chosen_before_step_by_step(warm: str, browser: Browser) -> None:
    visit = Visit(browser, warm, "/saliency?network=mini-alexnet&saliency.copies=4&picture=scene%3A34")
    field = visit.page.locator('[data-testid="stSelectbox"]', has_text="Class").first.locator("input")
    first, start = field.input_value(), visit.page.evaluate("history.length")
    names = []
    for index, name in (("2", "astronaut"), ("5", "helmet"), ("7", "motorcycle")):
        visit.choose("Class", name)
        visit.page.wait_for_url(f"**class={index}*", timeout=30_000)
        visit.wait()
        names.append(field.input_value())
    assert visit.page.evaluate("history.length") == start + 3
    for index, name in (("5", names[1]), ("2", names[0])):
        back(visit, f"/saliency.*class={index}")
        assert field.input_value() == name
    visit.page.go_back()
    visit.page.wait_for_function("!location.search.includes('class=')", timeout=30_000)
    visit.wait()
    assert field.input_value() == first
    visit.page.go_forward()
    visit.page.wait_for_url("**class=2*", timeout=30_000)
    visit.wait()
    assert field.input_value() == names[0]
    visit.choose("Class", "motorcycle")  # and a choice after it is a choice
    visit.page.wait_for_url("**class=7*", timeout=30_000)
    visit.wait()
    assert field.input_value() == names[2]
    visit.healthy()
    visit.page.close()


def test_back_after_a_link_leads_to_the_page_before_with_its_choices(warm: str, browser: Browser) -> None:
    visit = Visit(browser, warm, f"/saliency?{SMALL}&picture=scene%3A34&class=3")
    slider = visit.page.locator('[data-testid="stSlider"]', has_text="Copies")
    shown = slider.inner_text()
    slider.get_by_role("slider").press("ArrowRight")
    visit.page.wait_for_url(re.compile("copies=(?!4)"), timeout=30_000)
    visit.wait()
    assert slider.inner_text() != shown
    back(visit, "/saliency.*copies=4")
    assert slider.inner_text() == shown
    visit.page.locator('[data-testid="stSidebar"] a[href^="occlusion?"]').click()
    visit.page.wait_for_url("**/occlusion?*class=3*", timeout=30_000)
    visit.wait()
    visit.choose("Class", "motorcycle")
    visit.page.wait_for_url("**/occlusion?*class=7*", timeout=30_000)
    visit.wait()
    back(visit, "/occlusion.*class=3")
    back(visit, "/saliency.*class=3")
    visit.page.get_by_role("heading", name="Saliency").wait_for()
    assert slider.inner_text() == shown
    visit.page.go_forward()
    visit.page.wait_for_url("**/occlusion?*class=3*", timeout=30_000)
    visit.wait()
    visit.page.go_forward()
    visit.page.wait_for_url("**/occlusion?*class=7*", timeout=30_000)
    visit.wait()
    visit.healthy()
    visit.page.close()


def test_opacity_threshold_and_zoom_ask_the_server_for_nothing(warm: str, browser: Browser) -> None:
    visit = Visit(browser, warm, f"/saliency?{SMALL}")
    viewer = visit.page.locator(".viewer").first
    before = viewer.locator("canvas.main").evaluate("canvas => canvas.toDataURL()")
    sent = len(visit.sent)
    assert sent > 0
    for name in ("opacity", "threshold"):
        viewer.locator(f"input.{name}").fill("0.2")
        after = viewer.locator("canvas.main").evaluate("canvas => canvas.toDataURL()")
        assert after != before, name
        before = after
    viewer.locator("button.closer").click()
    assert viewer.locator("canvas.main").evaluate("canvas => canvas.toDataURL()") != before
    other = visit.page.locator(".viewer").nth(1)
    assert other.locator("input.opacity").input_value() == "0.2"
    visit.page.wait_for_timeout(500)
    assert len(visit.sent) == sent
    visit.page.close()


def test_the_viewer_reads_values_out_by_keyboard(warm: str, browser: Browser) -> None:
    visit = Visit(browser, warm, f"/saliency?{SMALL}")
    viewer = visit.page.locator(".viewer").first
    viewer.locator("canvas.main").focus()
    visit.page.keyboard.press("ArrowRight")
    first = viewer.locator(".status").inner_text()
    assert re.match(r"x 65, y 64: \+\d", first)
    visit.page.keyboard.press("ArrowDown")
    assert viewer.locator(".status").inner_text().startswith("x 65, y 65")
    visit.page.close()


@pytest.mark.parametrize(
    ("path", "told"), [("lime", r"superpixel w\d+: [+−]?0\.\d+"), ("filters", r"filter \d+$")], ids=["lime", "filters"]
)
def test_the_viewer_reads_out_parts_by_their_number(warm: str, browser: Browser, path: str, told: str) -> None:
    visit = Visit(browser, warm, f"/{path}?{SMALL}")
    viewer = visit.page.locator(".st-key-result .viewer").first
    viewer.locator("canvas.main").focus()
    for key in ["ArrowRight"] * 8 + ["ArrowDown"] * 8:  # away from the gap in the middle
        visit.page.keyboard.press(key)
    assert re.match(told, viewer.locator(".status").inner_text())
    visit.page.close()


def test_a_click_on_a_kernel_shows_it(warm: str, browser: Browser) -> None:
    visit = Visit(browser, warm, "/filters")
    canvas = visit.page.locator("canvas.main").first
    box = canvas.bounding_box()
    assert box is not None
    canvas.click(position={"x": box["width"] * 0.99, "y": box["height"] * 0.01})
    visit.page.get_by_text("Filter 7 ·").wait_for(timeout=30_000)
    visit.wait()
    assert "filters.chosen=7" in visit.page.url
    visit.healthy()
    visit.page.close()


def test_exports_are_offered(warm: str, browser: Browser, tmp_path: Path) -> None:
    import numpy as np

    visit = Visit(browser, warm, f"/occlusion?{SMALL}")
    with visit.page.expect_download() as picture:
        visit.page.locator(".viewer button.save").first.click()
    assert picture.value.suggested_filename == "occlusion.png"
    visit.page.get_by_role("button", name="Export").click()
    with visit.page.expect_download() as archive:
        visit.page.get_by_role("button", name="Raw arrays").click()
    archive.value.save_as(tmp_path / "occlusion.npz")
    assert set(np.load(tmp_path / "occlusion.npz")) == {"heat", "drop", "top_class", "rows", "columns", "settings"}
    visit.page.close()


@pytest.mark.parametrize("language", ["en", "cs"])
def test_no_picture_has_a_name_that_is_cut_in_its_box(warm: str, browser: Browser, language: str) -> None:
    visit = Visit(browser, warm, f"/filters?lang={language}&picture=scene:44")
    box = visit.page.locator('[data-testid="stSidebar"] [data-testid="stSelectbox"]').nth(1).locator("input")
    box.click()
    names = visit.page.get_by_role("option").all_inner_texts()
    assert len(names) > 5
    cut = box.evaluate(
        """(input, names) => {
          const style = getComputedStyle(input), context = document.createElement("canvas").getContext("2d");
          context.font = style.font;
          const room = input.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
          return names.filter((name) => context.measureText(name).width > room);
        }""",
        names,
    )
    assert cut == []
    visit.page.close()
