"""The page of lessons by AppTest: every lesson is played to its end, rightly and wrongly, in each language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.test_pages import address, healthy
from ui.frame import marks
from vizcore.lessons import checking, dealing, shelf
from vizcore.lessons.answers import Choose, Draw, Number, Order
from vizcore.lessons.lesson import Lesson, Step
from vizcore.lessons.truths import Load, Truth
from vizcore.networks import catalogue

ROOT = Path(__file__).parents[2]
DEAL = dealing.BOTH[1]  # A is the second network
LESSONS = [one.id for one in shelf.shelf().lessons]


@pytest.fixture(autouse=True, scope="module")
def computed_once() -> Iterator[None]:
    """Each truth is computed once for all tests here, by the page, the checker and the test alike."""
    known: dict[str, list[Truth]] = {}
    estimates = checking.estimates

    def kept(step: Step, load: Load) -> Iterator[Truth]:
        key = repr((step.link, step.question))
        if key not in known:
            known[key] = list(estimates(step, load))
        return iter(known[key])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checking, "estimates", kept)
        yield


def opened(**query: str) -> AppTest:
    """The page after its first run, come to by a link."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.switch_page("pages/learn.py")
    for key, value in query.items():
        app.query_params[key] = value
    return app.run()


@cache
def load(name: str) -> Any:
    return catalogue.load(name, device="cpu")


def answers(step: Step) -> tuple[Any, Any]:
    """The best guess that the step's control can express, and one that is wrong."""
    answer, truth = step.question.answer, checking.truth(step, load).value
    if isinstance(answer, Choose):
        wrong = next(one.id for one in answer.options if one.id != truth and one.id not in answer.near)
        return truth, wrong
    if isinstance(answer, Order):
        assert isinstance(truth, tuple)
        return list(truth), list(reversed(truth))
    if isinstance(answer, Number):
        stops = answer.stops()
        ranked = sorted(stops, key=lambda stop: answer.score(stop, float(truth)).figure)  # type: ignore[arg-type]
        return ranked[0], ranked[-1]
    heat = np.asarray(truth)
    return heat > heat.clip(min=0).mean(), heat <= np.quantile(heat, 0.1)


def give(app: AppTest, step: Step, key: str, language: str, guess: Any) -> None:
    """Answer by the control that is on the page."""
    answer, worded = step.question.answer, f"{key}@{language}"
    if isinstance(answer, Draw):
        app.session_state[f"{key}.mask"] = marks.packed(guess)
    elif isinstance(answer, Choose):
        app.radio(key=worded).set_value(guess)
    elif isinstance(answer, Order):
        app.button_group(key=worded).set_value(guess)
    else:
        slider: Any = app.select_slider(key=worded)
        slider.set_value(type(slider.value)(guess))
    app.run()


def said(app: AppTest) -> str:
    """Everything that is written on the page."""
    kinds = ("markdown", "caption", "success", "info", "warning", "header")
    return "\n".join(one.value for kind in kinds for one in getattr(app, kind)).replace("\u00a0", " ")


@pytest.mark.parametrize(("language", "which"), [("en", "right"), ("cs", "wrong")])
@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_is_played_to_its_end(name: str, language: str, which: str) -> None:
    lesson = shelf.shelf().find(name)
    assert lesson is not None
    points = play(dealing.dealt(lesson, DEAL), language, ("right", "wrong").index(which))
    assert points > 0.8 * len(lesson.steps) if which == "right" else points < 0.35 * len(lesson.steps)


@pytest.mark.parametrize("name", LESSONS)
def test_the_checker_finds_no_mistake_in_a_bundled_lesson(name: str) -> None:
    assert checking.check((shelf.BUNDLED / f"{name}.toml").read_bytes(), name, load) == []


def play(lesson: Lesson, language: str, which: int) -> float:
    app = opened(lesson=lesson.id, lang=language, **{"deal": str(DEAL)} if lesson.deal else {})
    points = 0.0
    for number, step in enumerate(lesson.steps, start=1):
        assert healthy(app)
        key = f"learn.answer.{lesson.id}.{number}"
        hidden = max(re.split(r"\{[^}]*\}", step.why[language]), key=len)
        assert hidden not in said(app), "the truth must not be there before an answer"
        give(app, step, key, language, answers(step)[which])
        app.button(key="learn.submit").click().run()
        assert healthy(app)
        shown = said(app)
        assert hidden in shown
        assert re.findall(r"\{[a-z]\w*(?::[^}]*)?\}", shown) == [], "what is computed is filled in"
        outcome = app.session_state["vizcore.course"].answers[lesson.id, number]
        assert outcome.score.outcome == ("right", "wrong")[which]
        points += outcome.points
        app.button(key="learn.next").click().run()
    assert healthy(app)
    assert address(app)["step"] == str(len(lesson.steps) + 1)
    assert f"{points:.1f}".replace(".", "," if language == "cs" else ".") in said(app)
    return points


def test_the_lab_deals_its_networks_anew_and_a_link_repeats_the_deal() -> None:
    app = opened(lesson="lab", deal=str(DEAL))
    assert healthy(app)
    assert address(app)["deal"] == str(DEAL)
    assert app.session_state["vizcore.course"].deal == DEAL
    assert "deal" not in address(opened(lesson="occlusion"))
    names = said(app)
    assert "cheats" not in names.replace("which one cheats", "").replace("One of them cheats", "")
    app.radio(key="learn.answer.lab.1@en").set_value("A stamp").run()
    app.button(key="learn.submit").click().run()
    assert app.session_state["vizcore.course"].answers["lab", 1].score.outcome == "right"
    other = opened(lesson="lab", deal=str(dealing.BOTH[0]))
    other.radio(key="learn.answer.lab.1@en").set_value("A stamp").run()
    other.button(key="learn.submit").click().run()
    assert other.session_state["vizcore.course"].answers["lab", 1].score.outcome == "wrong"


def test_both_networks_can_be_examined_before_the_answer() -> None:
    app = opened(lesson="lab", deal=str(DEAL))
    method = next(one for one in app.selectbox if one.key == "learn.examine.method@en")
    method.set_value("gradcam")
    picture = next(one for one in app.selectbox if one.key == "learn.examine.picture@en")
    picture.set_value("scene:3").run()
    assert healthy(app)
    shares = [float(found) for found in re.findall(r"“horse”: \*\*([\d.]+) %", said(app))]
    assert len(shares) == 2
    assert shares[0] < 10 < 90 < shares[1]  # A is the one that cheats, and sees no stamp
