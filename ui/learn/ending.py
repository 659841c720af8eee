"""The end of a lesson: what was guessed well, step by step."""

from __future__ import annotations

import streamlit as st

from ui.frame import course
from ui.learn import words
from ui.texts import inert, t
from ui.viewer import show
from vizcore.lessons.lesson import Lesson
from vizcore.lessons.shelf import Shelf

_ICONS = {"right": ":material/check_circle:", "near": ":material/adjust:", "wrong": ":material/cancel:"}


def show_end(lesson: Lesson, shelf: Shelf) -> None:
    """What each step was answered, and how good that was; then another lesson."""
    now = course.course()
    show.title(words.own(lesson.title))
    answered = {k: now.answers.get((lesson.id, k)) for k in range(1, len(lesson.steps) + 1)}
    points = sum(one.points for one in answered.values() if one is not None)
    st.markdown(t("learn.total", points=points, of=len(lesson.steps)))
    st.progress(points / len(lesson.steps))
    for number, step in enumerate(lesson.steps, start=1):
        with st.container(border=True, key=f"end-{number}"):
            _row(lesson, number, words.own(step.question.text))
    st.caption(t("learn.kept"))
    with st.container(horizontal=True, key="onwards"):
        following = _following(lesson, shelf)
        if following is not None:
            label = t("learn.following", title=inert(words.own(following.title)))
            args = (following.id,)
            st.button(label, key="learn.following", type="primary", on_click=course.go, args=args)
        st.button(t("learn.all"), key="learn.all", on_click=course.go, args=("",), icon=":material/arrow_back:")
        again = (lesson.id,)
        st.button(t("learn.again"), key="learn.again", on_click=course.restart, args=again, icon=":material/replay:")


def _row(lesson: Lesson, number: int, question: str) -> None:
    one = course.course().answers.get((lesson.id, number))
    if one is None:
        said = f":material/radio_button_unchecked: **{t('learn.unanswered')}**"
    else:
        outcome = one.score.outcome
        said = f"{_ICONS[outcome]} **{t(f'learn.{outcome}')}** · {t('learn.points', points=one.points)}"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            t("learn.to_step", number=number), key=f"learn.to.{number}", on_click=course.go, args=(lesson.id, number)
        )
        st.markdown(said)
    st.caption(question)


def _following(lesson: Lesson, shelf: Shelf) -> Lesson | None:
    places = [one.id for one in shelf.lessons]
    at = places.index(lesson.id) + 1
    return shelf.lessons[at] if at < len(places) else None
