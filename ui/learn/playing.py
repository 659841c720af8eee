"""One step of a lesson: what there is to guess by, the question, the answer, and only then the truth."""

from __future__ import annotations

from typing import Any

import streamlit as st

from ui.frame import course, marks, state
from ui.learn import answering, examining, exhibits, revealing, words
from ui.learn.truths import truth as truth_of
from ui.texts import inert, t
from ui.viewer import show
from vizcore.lessons.answers import Choose, Draw, Number, Order
from vizcore.lessons.lesson import Lesson, Step
from vizcore.lessons.truths import Truth


def play(lesson: Lesson, number: int) -> None:
    """Step ``number`` of a lesson, from 1 on."""
    step, now = lesson.steps[number - 1], course.course()
    _head(lesson, number)
    st.markdown(words.own(step.question.text))
    left, right = st.columns([3, 2], gap="large")
    control, below = right.container(), right.container()
    drawing = isinstance(step.question.answer, Draw) and not now.revealed
    with left:
        evidence, status = st.empty(), st.container()

    drawn: list[int] = []  # how many exhibits there were, each time that they were drawn

    def before(found: Truth) -> None:
        last = found.step == found.of
        if not drawing and not now.revealed and (not drawn or drawn[-1] != len(found.before)):
            drawn.append(len(found.before))
            with evidence.container():
                exhibits.draw(f"before-{number}-{len(drawn)}", found.before, passing=not last)

    with status:
        truth = truth_of(step, before)
    if truth is None:
        return
    if now.revealed:
        with control:
            revealing.verdict(step, truth, now.answers.get(now.place))
        with evidence.container():
            revealing.beside(step, truth, now.answers.get(now.place))
        with below:
            revealing.onwards(lesson, number, step)
        return
    if lesson.deal and "networks" in step.question.arguments:
        with left, st.container(key="examine"):
            examining.examine(lesson)
    with left if drawing else control:
        guess = _control(step, _key(lesson, number), truth)
    with control if drawing else below:
        _hints(step)
        _submit(step, guess, truth)


def _head(lesson: Lesson, number: int) -> None:
    """Where in the lesson this is, and the way back to the list."""
    count = len(lesson.steps)
    with st.container(horizontal=True, vertical_alignment="center", key="lesson-head"):
        st.button(t("learn.all"), key="learn.all", on_click=course.go, args=("",), icon=":material/arrow_back:")
        if number > 1:
            back = (lesson.id, number - 1)
            st.button(t("learn.back"), key="learn.back", on_click=course.go, args=back, icon=":material/undo:")
        show.title(words.own(lesson.title))
    st.progress((number - 1) / count, text=t("learn.step", step=number, count=count))


def _key(lesson: Lesson, number: int) -> str:
    return f"learn.answer.{lesson.id}.{number}"


def _control(step: Step, key: str, truth: Truth) -> Any:
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
