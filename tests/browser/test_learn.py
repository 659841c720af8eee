"""Every lesson in a real browser, from its first step to its end: in English the right way, in Czech the wrong one."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, expect
from scipy import ndimage

from tests.browser.test_occlusion_and_lime import at
from tests.browser.test_pages import Visit, browser, warm
from tests.pages.test_learn import DEAL, answers
from ui import texts
from vizcore.lessons import dealing, shelf
from vizcore.lessons.answers import Choose, Draw, Number, Order
from vizcore.lessons.lesson import Step

__all__ = ["browser", "warm"]  # fixtures
pytestmark = pytest.mark.browser
PATIENCE = 60_000
SAID = re.compile("Your order: |Vaše pořadí: ")
LOADED = "[...document.images].every(one => one.complete)"
PRESSES = 14  # of the brush
LESSONS = {one.id: one for one in shelf.shelf().lessons}
TRUTHS: dict[Any, tuple[Any, Any]] = {}  # each computed once, for both languages


def places(guess: NDArray[np.bool_], brush: int) -> list[tuple[int, int]]:
    """Where to press so that the brush marks as much as it can of what is guessed, (row, column) of pixels."""
    left, found = guess.astype(float), []
    rows, columns = np.indices(guess.shape)
    for _ in range(PRESSES):
        covered = ndimage.uniform_filter(left, round(1.8 * brush), mode="constant")
        row, column = divmod(int(covered.argmax()), guess.shape[1])
        found.append((row, column))
        left[(rows - row) ** 2 + (columns - column) ** 2 <= brush**2] = 0
    return found


def give(visit: Visit, step: Step, guess: Any) -> None:
    """Answer by the control that is on the page, by mouse or by keys."""
    page, answer = visit.page, step.question.answer
    if isinstance(answer, Choose):
        ids = [one.id for one in answer.options]
        page.locator('[data-testid="stRadio"] label:has(input)').nth(ids.index(guess)).click()
    elif isinstance(answer, Order):
        ids = [one.id for one in answer.options]
        pills, said = page.locator('[data-testid="stButtonGroup"] button[aria-pressed]'), page.get_by_text(SAID)
        for place, one in enumerate(guess, start=1):
            pills.nth(ids.index(one)).click()
            expect(said).to_have_text(re.compile(r"[^>]*( > [^>]*)" + f"{{{place - 1}}}"), timeout=PATIENCE)
    elif isinstance(answer, Draw):
        canvas = page.locator("canvas.main")
        canvas.wait_for(timeout=PATIENCE)
        canvas.scroll_into_view_if_needed()
        for row, column in places(guess, answer.brush):
            page.mouse.click(*at(canvas, (column + 0.5) / guess.shape[1], (row + 0.5) / guess.shape[0]))
    else:
        slider = page.locator('[data-testid="stSlider"]').get_by_role("slider")
        shown = [texts.number(float(one), ".4g") for one in answer.stops()]
        wanted = answer.stops().index(guess)

        def stands() -> int:
            return shown.index(slider.get_attribute("aria-valuetext") or "")

        slider.press("End" if wanted > len(shown) // 2 else "Home")
        while abs(wanted - stands()) > len(shown) // 8:  # a page is a tenth of the way
            slider.press("PageUp" if stands() < wanted else "PageDown")
        while stands() != wanted:
            slider.press("ArrowRight" if stands() < wanted else "ArrowLeft")
    if isinstance(answer, Number | Draw):
        page.wait_for_timeout(600)  # a slider tells of its keys, and the brush of its strokes, a moment after the last
        visit.wait()


@pytest.mark.parametrize(("language", "which"), [("en", 0), ("cs", 1)])
@pytest.mark.parametrize("name", list(LESSONS))
def test_a_lesson_is_played_to_its_end(
    warm: str, browser: Browser, name: str, language: str, which: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "language", lambda: language)
    lesson = dealing.dealt(LESSONS[name], DEAL)
    visit = Visit(browser, warm, f"/learn?lesson={name}&lang={language}" + f"&deal={DEAL}" * bool(lesson.deal))
    page = visit.page
    count = len(lesson.steps)
    for number, step in enumerate(lesson.steps, start=1):
        key = (name, number)
        if key not in TRUTHS:
            TRUTHS[key] = answers(step)
        page.get_by_text(texts.t("learn.step", step=number, count=count)).wait_for(timeout=PATIENCE)
        submit = page.get_by_role("button", name=texts.t("learn.answer"), exact=True)
        submit.wait_for(timeout=PATIENCE)
        give(visit, step, TRUTHS[key][which])
        expect(submit).to_be_enabled(timeout=PATIENCE)
        submit.click()
        alert = page.locator('[data-testid="stAlert"]').first
        good = ("right", "near") if isinstance(step.question.answer, Draw) else ("right",)
        outcomes = good if which == 0 else ("wrong",)
        alert.wait_for(timeout=PATIENCE)
        said = alert.inner_text().replace("\u00a0", " ")
        assert any(texts.t(f"learn.{one}").replace("\u00a0", " ") in said for one in outcomes), (number, said)
        label = texts.t("learn.finish" if number == count else "learn.next")
        onwards = page.get_by_role("button", name=label, exact=True)
        onwards.wait_for(timeout=PATIENCE)  # it is drawn last
        page.wait_for_function(LOADED)  # a picture that is left before it has come is a complaint of the browser
        onwards.click()
    page.get_by_text(texts.t("learn.kept")).wait_for(timeout=PATIENCE)
    visit.healthy()
    page.close()


def test_before_a_hall_the_truth_is_revealed_by_a_key_and_the_arrows_go_on(warm: str, browser: Browser) -> None:
    visit = Visit(browser, warm, "/learn?lesson=occlusion&step=1&present=1")
    page = visit.page
    truth = page.get_by_text("The truth:")
    assert truth.count() == 0
    page.keyboard.press("r")
    truth.wait_for(timeout=PATIENCE)
    visit.wait()
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**step=2**", timeout=PATIENCE)
    visit.wait()
    assert truth.count() == 0
    page.keyboard.press("ArrowLeft")
    page.wait_for_url("**step=1**", timeout=PATIENCE)
    visit.wait()
    truth.wait_for(timeout=PATIENCE)
    visit.healthy()
    page.close()
