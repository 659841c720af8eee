"""Every page in a real browser against a really started server."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Response, Route, sync_playwright
from playwright.sync_api import TimeoutError as Expired

from tests.helpers.servers import ROOT, start

pytestmark = pytest.mark.browser
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PAGES = ["", *(path.stem for path in sorted((ROOT / "pages").glob("*.py")) if path.stem != "health")]
CUT = """[...document.querySelectorAll(".katex-display")].filter((formula) => {
  const end = (part) => part.getBoundingClientRect().right;
  return [...formula.querySelectorAll(".base")].some((part) => end(part) > end(formula) + 1);
}).length"""
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
IDLE = '[data-testid="stApp"][data-test-script-state="notRunning"]'
UNFED = ".viewer button:not([aria-label], .start)"  # the start has its words in it


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A cold server: nobody has asked it for anything yet."""
    process, address = start(tmp_path)
    yield address
    process.terminate()
    process.wait(timeout=20)


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One server for all tests that do not need a cold one."""
    process, address = start(tmp_path_factory.mktemp("server"))
    yield address
    process.terminate()
    process.wait(timeout=20)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Chromium is not installed")
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


class Visit:
    """One tab, and what its console complained of."""

    def __init__(self, browser: Browser, address: str, path: str, width: int = 1440, locale: str = "en-US") -> None:
        self.page: Page = browser.new_page(viewport={"width": width, "height": 1000}, locale=locale)
        self.complaints: list[str] = []
        self.page.on("console", self._console)
        self.sent: list[str | bytes] = []  # what the page told the server
        self.page.on("websocket", lambda socket: socket.on("framesent", lambda frame: self.sent.append(frame)))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(address + path)
        self.wait()

    def _console(self, message: ConsoleMessage) -> None:
        # Under a page's address Streamlit's own client looks for its server at two places, of which one does not exist.
        place = message.location.get("url", "")
        expected = "/_stcore/" in place
        if message.type == "error" and not (expected and "Failed to load resource" in message.text):
            self.complaints.append(f"{message.text} ({place})")

    def wait(self, seconds: float = 90) -> None:
        """Until the script has been at rest for a while and every viewer has its labels.

        It also reads so shortly after an input and between two runs of the script, for longer on a busy computer.
        """
        self.page.wait_for_selector('[data-testid="stAppViewContainer"] h1', timeout=seconds * 1000)
        rest, begun = 0, time.monotonic()
        while rest < 8:
            assert time.monotonic() - begun < seconds, "the page did not come to rest"
            time.sleep(0.15)
            rest = rest + 1 if self.page.locator(IDLE).count() and not self.page.locator(UNFED).count() else 0

    def choose(self, label: str, option: str) -> None:
        """Choose ``option`` in the list called ``label``, by typing its name.

        A click would do for a human, who sees that it failed: a list that has just been scrolled takes none for a
        moment, and the browser scrolls to an option before it clicks.
        """
        field = self.page.locator('[data-testid="stSelectbox"]', has_text=label).first.locator("input")
        field.click()
        field.fill(option)
        self.page.get_by_role("option", name=option).first.wait_for()
        field.press("Enter")
        self.page.get_by_role("option").first.wait_for(state="detached")

    def healthy(self) -> None:
        assert self.page.locator('[data-testid="stException"]').count() == 0
        errors = self.page.locator('[data-testid="stAlertContentError"]').all_inner_texts()
        assert errors == []
        assert self.complaints == []

    def colours(self, selector: str) -> int:
        """How many different colours a picture or a canvas shows: one or two would be an empty one."""
        script = """element => {
          const canvas = document.createElement('canvas');
          canvas.width = canvas.height = 64;
          canvas.getContext('2d').drawImage(element, 0, 0, 64, 64);
          const data = new Uint32Array(canvas.getContext('2d').getImageData(0, 0, 64, 64).data.buffer);
          return new Set(data).size;
        }"""
        return int(self.page.locator(selector).first.evaluate(script))


@pytest.mark.parametrize("path", PAGES)
def test_opens_by_a_cold_deep_link_and_shows_a_result(server: str, browser: Browser, path: str) -> None:
    visit = Visit(browser, server, f"/{path}")
    visit.healthy()
    if path in ("study", "learn"):  # begun by hand, and about no single picture
        visit.page.close()
        return
    pictures = '.strip img, [data-testid="stImage"] img'
    visit.page.locator(pictures).first.wait_for()
    assert visit.colours(pictures) > 20
    if path == "network":  # a form
        assert visit.page.get_by_role("button", name="Check and use").count() == 1
    elif path:
        assert visit.colours("canvas.main, .player canvas") > 20  # the picture of maximisation is its own film
    else:
        assert visit.page.locator(pictures).count() == 6
    visit.page.close()


def test_a_slow_browser_asks_for_no_picture_that_has_gone(warm: str, browser: Browser) -> None:
    page = browser.new_page()
    gone: list[str] = []

    def late(route: Route) -> None:
        time.sleep(0.7)
        route.continue_()

    def note(answer: Response) -> None:
        if answer.status == 404 and "/media/" in answer.url:
            gone.append(answer.url)

    page.route("**/media/**", late)
    page.on("response", note)
    page.goto(f"{warm}/?picture=scene:8642")  # nobody has looked at it, so that estimates come one after the other
    page.wait_for_selector('[data-testid="stImage"] img')
    for _ in range(10):
        page.wait_for_selector(IDLE, timeout=60_000)
        page.wait_for_timeout(500)
    assert page.locator('[data-testid="stImage"] img').count() == 5
    assert gone == []
    page.close()


@pytest.mark.parametrize("path", PAGES)
def test_fits_a_phone(warm: str, browser: Browser, path: str) -> None:
    visit = Visit(browser, warm, f"/{path}", width=390)
    visit.healthy()
    wide = visit.page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
    assert wide <= 390
    assert visit.page.evaluate(CUT) == 0  # formulas hide what does not fit
    visit.page.close()


def test_links_lead_through_all_pages_and_keep_the_choices(warm: str, browser: Browser) -> None:
    visit = Visit(browser, warm, "/filters?picture=photo:coffee")
    for path in ["maximisation", "saliency", "occlusion", "lime"]:
        visit.page.locator(f'[data-testid="stSidebar"] a[href^="{path}?"]').click()
        visit.page.wait_for_url(f"**/{path}?*picture=photo%3Acoffee*", timeout=60_000)
        visit.wait()
        visit.healthy()
    visit.page.close()


def test_changing_a_control_stops_the_old_computation(warm: str, browser: Browser) -> None:
    visit = Visit(browser, warm, "/occlusion?occlusion.stride=128&occlusion.window=24")
    stride = visit.page.locator('[data-testid="stSlider"]', has_text="Stride").get_by_role("slider")
    stride.press("Home")  # a square at every pixel: some ten thousand of them
    visit.page.get_by_role("button", name="Stop").wait_for(timeout=30_000)
    stride.press("End")
    visit.page.get_by_text("of computing").or_(visit.page.get_by_text("already computed")).wait_for(timeout=30_000)
    visit.wait()
    visit.healthy()
    visit.page.close()


def test_stop_keeps_what_there_is_and_continue_goes_on(warm: str, browser: Browser) -> None:
    visit = Visit(browser, warm, "/occlusion?occlusion.stride=128")
    stride = visit.page.locator('[data-testid="stSlider"]', has_text="Stride").get_by_role("slider")
    stride.press("Home")
    for _ in range(5):  # a click is lost now and then on a page that is still being drawn
        visit.page.get_by_role("button", name="Stop").click(timeout=30_000)
        with contextlib.suppress(Expired):
            visit.page.get_by_role("button", name="Continue").wait_for(timeout=6_000)
            break
    else:
        pytest.fail("the computation was never stopped")
    visit.wait()
    assert visit.colours("canvas.main") > 20
    before = visit.page.locator('[data-testid="stProgress"]').first.inner_text()
    visit.page.get_by_role("button", name="Continue").click()
    visit.page.get_by_role("button", name="Stop").wait_for(timeout=30_000)
    visit.page.wait_for_function(
        "text => document.querySelector('[data-testid=stProgress]')?.innerText !== text", arg=before, timeout=30_000
    )
    visit.page.get_by_role("button", name="Stop").click()
    visit.wait()
    visit.healthy()
    visit.page.close()


def test_a_wrong_upload_gets_a_sentence_and_a_good_one_is_shown(warm: str, browser: Browser, tmp_path: Path) -> None:
    from PIL import Image

    wrong, good = tmp_path / "wrong.png", tmp_path / "good.png"
    wrong.write_text("this is no picture")
    Image.new("RGB", (300, 200), (200, 30, 30)).save(good)
    visit = Visit(browser, warm, "/saliency?saliency.copies=4")
    visit.choose("Picture", "Your own picture")
    visit.wait()
    upload = visit.page.locator('[data-testid="stFileUploaderDropzoneInput"]')
    upload.set_input_files(wrong)
    visit.page.locator('[data-testid="stSidebar"] [data-testid="stAlertContentError"]').wait_for(timeout=30_000)
    visit.wait()
    assert visit.complaints == []
    upload.set_input_files(good)
    visit.page.wait_for_url("**picture=upload**", timeout=30_000)
    visit.wait()
    visit.healthy()
    visit.page.close()
