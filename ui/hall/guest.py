"""A guest of a hall: the question of the lecturer's step and its control, then the wait for the truth."""

from __future__ import annotations

from typing import Any

import streamlit as st

from ui.frame import course, marks, reconnect, state
from ui.frame.layout import Hall
from ui.hall import codes, looking, packing, rooms, token
from ui.hall.file import Refused
from ui.hall.store import Room, Store
from ui.learn import playing, revealing, words
from ui.texts import quoted, t
from vizcore.lessons import dealing
from vizcore.lessons.answers import Draw
from vizcore.lessons.lesson import Lesson, Step
from vizcore.lessons.shelf import Shelf
from vizcore.lessons.truths import Map, Picture, Truth

_STYLE = """<div class="vz-style"></div><style>
.st-key-lead {display: none;}
h1 {position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);}
.block-container {padding-top: 3rem;}
</style>"""


def door() -> None:
    """Where the code of a room is typed in."""
    if rooms.store() is None:
        return

    def join() -> None:
        course.course().hall = str(st.session_state.get("hall.typed", ""))[:20]

    with st.container(key="hall-door"), st.form("hall-join", border=False, enter_to_submit=True, width=400):
        given, pressed = st.columns([2, 1], vertical_alignment="bottom")
        given.text_input(t("hall.typed"), key="hall.typed", max_chars=10, autocomplete="off")
        pressed.form_submit_button(t("hall.join"), on_click=join, icon=":material/login:")


def show_room(page: Hall, shelf: Shelf) -> None:
    """The room that the session follows; a sentence and the door where there is none such."""
    now, hall = course.course(), rooms.store()
    if hall is None:
        _turned_away(page, t("hall.none"))
        return
    guest, known = token.keep()
    reconnect.watch()
    try:
        room = rooms.found(hall, now.hall)
        if known:  # else a reload would count its guest twice
            rooms.enter(hall, room, guest)
    except Refused as refused:
        _turned_away(page, _why(refused))
        door()
        return
    now.hall = room.code
    st.html(_STYLE)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(t("hall.inside", code=room.code))
        st.button(t("hall.leave"), key="hall.leave", on_click=_leave, icon=":material/logout:", type="tertiary")
    lesson, now.deal = shelf.find(room.lesson), rooms.deal(room.code)
    if lesson is None or not 1 <= room.step <= len(lesson.steps):
        st.info(t("hall.between"), icon=":material/hourglass_empty:")
    else:
        _step(hall, room, guest, dealing.dealt(lesson, now.deal))
    _follow(hall, room)


def _why(refused: Refused) -> str:
    given = course.course().hall
    if refused.reason == "gone" and not codes.clean(given):
        return t("hall.no_code", given=quoted(given))
    return rooms.sentence(refused)


def _turned_away(page: Hall, sentence: str) -> None:
    page.remarks.warning(sentence, icon=":material/meeting_room:")
    course.course().hall = ""


def _leave() -> None:
    course.course().hall = ""


def _step(hall: Store, room: Room, guest: str, lesson: Lesson) -> None:
    step, answer = lesson.steps[room.step - 1], lesson.steps[room.step - 1].question.answer
    drawing = isinstance(answer, Draw) and room.stage == "asking"
    st.markdown(words.own(step.question.text))  # above the picture: a telephone shows them one below the other
    left, place = st.columns([3, 2], gap="medium")
    with left:
        truth = playing.evidence(step, room.step, not drawing and room.stage != "truth")
    if truth is None:
        return
    own = _own(hall, room, guest, step, truth)
    if room.stage == "asking":
        playing.laboratory(lesson, step, left)
        with left if drawing else place:
            guess = playing.control(step, f"learn.hall.{room.code}.{room.lesson}.{room.step}", truth)
        with place:
            _send(hall, room, guest, step, guess, own)
        return
    with place:
        if room.stage == "tally":
            st.info(t("hall.look_up"), icon=":material/bar_chart:")
            if own is not None and words.told(answer, own):
                st.markdown(t("hall.yours", answer=words.told(answer, own)))
            return
        answered = None
        if own is not None:
            kept = marks.packed(own) if isinstance(answer, Draw) else own
            answered = course.Answered(kept, answer.score(own, truth.value))  # type: ignore[arg-type]
        revealing.verdict(step, truth, answered)
    with left:
        revealing.beside(step, truth, answered)


def _own(hall: Store, room: Room, guest: str, step: Step, truth: Truth) -> Any:
    """What the guest has answered, as far as the room knows; None where that is nothing."""
    text = hall.own_answer(room.code, guest, room.lesson, room.step)
    if text is None:
        return None
    canvas = next((one for one in truth.before if isinstance(one, Picture | Map)), None)
    size = (1, 1) if canvas is None else (canvas.pixels.shape[1], canvas.pixels.shape[2])
    return packing.unpacked(step.question.answer, text, size)


def _send(hall: Store, room: Room, guest: str, step: Step, guess: Any, own: Any) -> None:
    answer = step.question.answer

    def send() -> None:
        try:
            rooms.answered(hall, room, guest, packing.packed(answer, guess))
        except Refused as refused:
            if refused.reason != "closed":  # else the next look at the room says what is asked now
                state.choices().complaints.append(rooms.sentence(refused))

    if own is not None:
        told = words.told(answer, own)
        st.success(t("hall.sent", answer=told) if told else t("hall.sent_drawing"), icon=":material/check:")
    label = t("hall.send") if own is None else t("hall.send_again")
    icon = ":material/send:"
    st.button(label, key="hall.send", type="primary", disabled=guess is None, on_click=send, icon=icon)


def _follow(hall: Store, room: Room) -> None:
    try:
        guests, _ = hall.counts(room.code, room.lesson, room.step)
    except Refused:
        guests = 0
    looking.follow(room, guests)
