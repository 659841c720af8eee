"""One step of a lesson: what there is to guess by, the question, the answer, and only then the truth."""

from __future__ import annotations

from typing import Any, Protocol

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui.frame import course, marks, state
from ui.learn import answering, examining, exhibits, revealing, words
from ui.learn.truths import truth as truth_of
from ui.texts import inert, t
from ui.viewer import show
from vizcore.lessons.answers import Choose, Draw, Number, Order
from vizcore.lessons.lesson import Lesson, Step
from vizcore.lessons.truths import Truth

# Before a hall everything of a step has to be seen at once.
_PRESENTED = '<div class="vz-style"></div><style>.st-key-lead {display: none;}</style>'


class Lecture(Protocol):
    """A hall that answers in place of the session, as far as a step has a place for it."""

    def offer(self) -> None:
        """Draw the ways into the hall and out of it."""

    def ask(self, step: Step, truth: Truth) -> bool:
        """Draw what stands in place of the control; False where nobody is to answer but the session."""

    def tell(self, step: Step, truth: Truth) -> None:
        """Draw what the hall has answered, beside the truth."""


def play(lesson: Lesson, number: int, lecture: Lecture) -> None:
    """Step ``number`` of a lesson, from 1 on."""
    step, now = lesson.steps[number - 1], course.course()
    _head(lesson, number, lecture)
    st.markdown(words.own(step.question.text))
    left, right = st.columns([1, 1] if now.lecturing and not now.revealed else [3, 2], gap="large")
    beneath, below = right.container(), right.container()
    drawing = isinstance(step.question.answer, Draw) and not now.revealed and not now.lecturing
    with left:
        truth = evidence(step, number, not drawing and not now.revealed)
    if truth is None:
        return
    if now.revealed:
        with beneath:
            lecture.tell(step, truth)
            revealing.verdict(step, truth, None if now.lecturing else now.answers.get(now.place))
        with left:
            revealing.beside(step, truth, None if now.lecturing else now.answers.get(now.place))
        with below:
            revealing.onwards(lesson, number, step)
        return
    laboratory(lesson, step, left)
    with beneath:
        if lecture.ask(step, truth):
            return
    with left if drawing else beneath:
        guess = control(step, f"learn.answer.{lesson.id}.{number}", truth)
    with beneath if drawing else below:
        _hints(step)
        _submit(step, guess, truth)


def laboratory(lesson: Lesson, step: Step, place: DeltaGenerator) -> None:
    """In ``place`` the means to examine the two networks, where a step asks about them."""
    if lesson.deal and "networks" in step.question.arguments:
        with place, st.container(key="examine"):
            examining.examine(lesson)


def evidence(step: Step, number: int, shown: bool) -> Truth | None:
    """Draw what there is to guess by, as soon as it is known; the truth, or None where that cannot be had.

    It is not ``shown`` where it is drawn upon, or where the truth stands in its place.
    """
    place = st.empty()
    drawn: list[int] = []  # how many exhibits there were, each time that they were drawn

    def before(found: Truth) -> None:
        last = found.step == found.of
        if shown and (not drawn or drawn[-1] != len(found.before)):
            drawn.append(len(found.before))
            with place.container():
                exhibits.draw(f"before-{number}-{len(drawn)}", found.before, passing=not last)

    return truth_of(step, before)


def _head(lesson: Lesson, number: int, lecture: Lecture) -> None:
    """Where in the lesson this is, and the way back to the list."""
    count = len(lesson.steps)
    if state.presenting():
        st.html(_PRESENTED)
    with st.container(horizontal=True, vertical_alignment="center", key="lesson-head"):
        st.button(t("learn.all"), key="learn.all", on_click=course.go, args=("",), icon=":material/arrow_back:")
        if number > 1:
            back = (lesson.id, number - 1)
            st.button(t("learn.back"), key="learn.back", on_click=course.go, args=back, icon=":material/undo:")
        show.title(words.own(lesson.title))
        lecture.offer()
    st.progress((number - 1) / count, text=t("learn.step", step=number, count=count))


def control(step: Step, key: str, truth: Truth) -> Any:
    """What the step is answered with; None as long as there is no answer."""
    answer = step.question.answer
    if isinstance(answer, Choose):
        return answering.choose(answer, key)
    if isinstance(answer, Number):
        return answering.guess_number(answer, key)
    if isinstance(answer, Order):
        return answering.order(answer, key)
    return answering.draw(answer, key, truth)


def _hints(step: Step) -> None:
    now = course.course()
    asked = now.hints.get(now.place, 0)
    for hint in step.hints[:asked]:
        st.info(words.own(hint), icon=":material/lightbulb:")

    def more() -> None:
        now.hints[now.place] = asked + 1

    if asked < len(step.hints):
        st.button(t("learn.hint"), key=f"learn.hint.{asked}", on_click=more, icon=":material/lightbulb:")


def _submit(step: Step, guess: Any, truth: Truth) -> None:
    now = course.course()

    def answer() -> None:
        score = step.question.answer.score(guess, truth.value)  # type: ignore[arg-type]
        kept = marks.packed(guess) if isinstance(step.question.answer, Draw) else guess
        now.answers[now.place] = course.Answered(kept, score, now.hints.get(now.place, 0))

    st.button(
        t("learn.answer"),
        key="learn.submit",
        type="secondary" if guess is None else "primary",
        disabled=guess is None,
        on_click=answer,
        icon=":material/check:",
    )
    if guess is None:
        kind = type(step.question.answer).__name__.lower()
        st.caption(t(f"learn.first_{kind}"))
    if state.presenting():
        st.caption(inert(t("learn.reveal_key")))
