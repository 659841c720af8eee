"""The truth beside the guess, what there is to say to it, and the ways on."""

from __future__ import annotations

import streamlit as st
from torch import Tensor

from ui.frame import course, marks, navigation
from ui.frame.course import Answered
from ui.learn import exhibits, words
from ui.texts import t
from ui.viewer import show
from ui.viewer.cards import cards
from vizcore.lessons.answers import Draw, Number, Order
from vizcore.lessons.lesson import Lesson, Step
from vizcore.lessons.truths import Map, Picture, Truth
from vizcore.pictures import figures, framing

_LOOKS = {
    "right": ("success", ":material/check_circle:"),
    "near": ("info", ":material/adjust:"),
    "wrong": ("warning", ":material/cancel:"),
}
_CARD = 170  # pixels


def verdict(step: Step, truth: Truth, answered: Answered | None) -> None:
    """How good the guess was, what the truth is, and why; without a guess the last two."""
    answer = step.question.answer
    values = {**truth.numbers, "truth": words.told(answer, truth.value)}
    if answered is not None:
        outcome = answered.score.outcome
        own = {"guess": words.told(answer, answered.guess), "points": 100 * answered.points}
        look, icon = _LOOKS[outcome]
        said = words.filled(step.said[outcome], values | own)
        getattr(st, look)(f"**{t(f'learn.{outcome}')}** {said}", icon=icon)
        _pair(step, truth, answered)
    elif not isinstance(answer, Draw):
        st.markdown(t("learn.truth_is", truth=values["truth"]))
    st.markdown(words.filled(step.why, values))


def _pair(step: Step, truth: Truth, answered: Answered) -> None:
    """Guess and truth in figures or words."""
    answer = step.question.answer
    if isinstance(answer, Draw):
        st.caption(t("learn.gain", value=answered.score.figure))
        return
    if isinstance(answer, Number):
        mine, true = st.columns(2)
        mine.metric(t("learn.your_guess"), words.told(answer, answered.guess), border=True)
        true.metric(t("learn.truth"), words.told(answer, truth.value), border=True)
        return
    st.markdown(f"{t('learn.your_guess')}: {words.told(answer, answered.guess)}")
    st.markdown(f"{t('learn.truth')}: **{words.told(answer, truth.value)}**")
    if isinstance(answer, Order):
        count = len(answer.options)
        pairs = count * (count - 1) // 2
        st.caption(t("learn.pairs", done=round(answered.score.figure * pairs), of=pairs))


def beside(step: Step, truth: Truth, answered: Answered | None) -> None:
    """What shows the truth; of a drawing the marked pixels on the picture and on the map beside each other."""
    if isinstance(step.question.answer, Draw) and answered is not None:
        _drawn(truth, answered.guess)
        exhibits.draw("after", [one for one in truth.after if not isinstance(one, Map)])
    else:
        signs = {one.pixels.data_ptr() for one in truth.after if isinstance(one, Map)}
        again = [one for one in truth.before if not (isinstance(one, Picture | Map) and one.pixels.data_ptr() in signs)]
        exhibits.draw("after", [*again, *truth.after])


def _drawn(truth: Truth, packed: str) -> None:
    canvas = next(one for one in truth.before if isinstance(one, Picture | Map))
    height, width = canvas.pixels.shape[1:]
    marked = marks.unpacked(packed, (height, width))
    assert marked is not None
    shown = next((one for one in truth.after if isinstance(one, Map)), None)
    heat, signed, unit = (truth.value, False, "") if shown is None else (shown.heat, shown.signed, shown.unit)
    assert isinstance(heat, Tensor)
    limit = figures.robust_limit(heat) if shown is None or shown.limit is None else shown.limit
    with cards("drawn", 2, _CARD, few=2):
        with st.container():
            array = framing.outlined(figures.picture(canvas.pixels), marked, show.DISPLAY)
            show.picture(array, alt=t("learn.marked"))
            st.caption(t("learn.marked"))
        with st.container():
            over = figures.overlay(canvas.pixels, heat, signed=signed, limit=limit)
            show.picture(framing.outlined(over, marked, show.DISPLAY), alt=t("learn.marked_truth"))
            show.legend(limit, signed, t(f"learn.unit_{unit}") if unit else "")
            st.caption(t("learn.marked_truth") if shown is None else exhibits.caption(shown.title, shown.values))


def onwards(lesson: Lesson, number: int, step: Step) -> None:
    """The link to the page itself, and the next step."""
    with st.container(horizontal=True, vertical_alignment="center", key="onwards"):
        label = "learn.finish" if number == len(lesson.steps) else "learn.next"
        st.button(
            t(label),
            key="learn.next",
            type="primary",
            on_click=course.go,
            args=(lesson.id, number + 1),
            icon=":material/arrow_forward:",
        )
        page = step.link.page
        frame = {"network": step.link.network, "picture": step.link.picture}
        navigation.elsewhere(page, t("learn.open", page=t(f"{page}.title")), {**frame, **step.link.settings})
