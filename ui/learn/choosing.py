"""The list of lessons, and which of them is open."""

from __future__ import annotations

import streamlit as st

from ui.frame import course
from ui.frame.layout import Hall
from ui.learn import words
from ui.texts import inert, quoted, t
from ui.texts.sentences import translated
from ui.viewer.cards import cards as laid_out
from vizcore.lessons import dealing
from vizcore.lessons.lesson import Lesson
from vizcore.lessons.shelf import Broken, Shelf

_CARD = 300  # pixels


def chosen(page: Hall, shelf: Shelf) -> tuple[Lesson | None, int]:
    """The lesson that is open and its step, at its end one more than there are; a link to none gets a sentence."""
    now = course.course()
    lesson = shelf.find(now.lesson)
    if lesson is None:
        if now.lesson:
            page.remarks.warning(t("learn.no_lesson", given=quoted(now.lesson)), icon=":material/link_off:")
        course.go("")
        return None, 1
    now.of, now.dealt = len(lesson.steps), bool(lesson.deal)
    now.step = min(max(now.step, 1), now.of + 1)
    return dealing.dealt(lesson, now.deal), now.step


def cards(shelf: Shelf) -> None:
    """A card for each lesson; and the files that are none."""
    with laid_out("lessons", len(shelf.lessons), _CARD):
        for lesson in shelf.lessons:
            with st.container(border=True, key=f"lesson-{lesson.id}"):
                _card(lesson)
    for one in shelf.broken:
        _broken(one)


def _card(lesson: Lesson) -> None:
    now = course.course()
    done = sum((lesson.id, step) in now.answers for step in range(1, len(lesson.steps) + 1))
    st.markdown(f"**{inert(words.own(lesson.title))}**\n\n{words.own(lesson.about)}")
    st.caption(t("learn.length", minutes=lesson.minutes, steps=len(lesson.steps)))
    with st.container(horizontal=True, vertical_alignment="center"):
        label = "learn.begin" if not done else "learn.look_back" if done == len(lesson.steps) else "learn.go_on"
        first = next((k for k in range(1, len(lesson.steps) + 1) if (lesson.id, k) not in now.answers), None)
        step = first or len(lesson.steps) + 1
        st.button(
            t(label),
            key=f"begin.{lesson.id}",
            on_click=course.go,
            args=(lesson.id, step),
            icon=":material/play_arrow:",
            help=words.own(lesson.title),
        )
        if done:
            st.caption(t("learn.answered", done=done, count=len(lesson.steps)))


def _broken(one: Broken) -> None:
    first = one.mistakes[0]
    said = inert(translated(first.sentence))
    text = t("learn.left_out", file=quoted(one.file), line=first.line, why=said, count=len(one.mistakes))
    st.warning(text, icon=":material/report:")
