"""The lecturer's side of a hall: a room that follows the step on the screen, and what the hall has answered there."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from ui.frame import course, qr, reconnect, state
from ui.hall import counted, rooms, token
from ui.hall.file import Refused
from ui.hall.store import Room, Stage, Store
from ui.learn import playing
from ui.texts import inert, t
from vizcore.lessons.lesson import Lesson, Step
from vizcore.lessons.truths import Truth

EVERY = 2.0  # seconds from one look at the number of answers to the next


class Nobody(playing.Lecture):
    """A server without a hall: the session answers for itself."""

    def offer(self) -> None:
        """There is no way in."""

    def ask(self, step: Step, truth: Truth) -> bool:
        """Nobody else is asked."""
        return False

    def tell(self, step: Step, truth: Truth) -> None:
        """Nobody else has answered."""


class Lecture(playing.Lecture):
    """What the screen of a session shows of its room; without one, the button that opens it."""

    def __init__(self, hall: Store, opener: str, lesson: Lesson, number: int, room: Room | None) -> None:
        self.hall, self.opener, self.room = hall, opener, room
        self.lesson, self.number = lesson, number

    def offer(self) -> None:
        """The button that opens a room, or closes it."""
        if self.room is None:
            icon = ":material/groups:"
            st.button(t("hall.open"), key="hall.open", on_click=self._open, icon=icon, help=t("hall.open_help"))
        else:
            st.button(t("hall.close"), key="hall.close", on_click=self._close, icon=":material/meeting_room:")

    def ask(self, step: Step, truth: Truth) -> bool:
        """The code and how many have answered; then what, with the truth one press away."""
        if self.room is None:
            return False
        now = course.course()
        if now.place not in now.counted:
            self._invite()
        else:
            self._tally(step, truth, False)
            with st.container(horizontal=True, key="hall-onwards"):
                label, icon = t("hall.show_truth"), ":material/visibility:"
                st.button(label, key="hall.truth", type="primary", on_click=_go, args=(1,), icon=icon)
                icon = ":material/undo:"
                st.button(t("hall.ask_again"), key="hall.again", on_click=_go, args=(-1,), icon=icon)
        if state.presenting():
            st.caption(t("hall.keys"))
        return True

    def tell(self, step: Step, truth: Truth) -> None:
        """The tally, with the truth marked in it."""
        if self.room is not None:
            self._tally(step, truth, True)

    def _open(self) -> None:
        now = course.course()
        try:
            rooms.opened(self.hall, self.opener, self.lesson.id, self.number)
        except Refused as refused:
            state.choices().complaints.append(rooms.sentence(refused))
            return
        now.shown = {one for one in now.shown if one[0] != self.lesson.id}
        now.counted = {one for one in now.counted if one[0] != self.lesson.id}

    def _close(self) -> None:
        assert self.room is not None
        with suppress(Refused):  # it has ended by itself
            self.hall.close(self.room.code, self.opener)

    def _invite(self) -> None:
        """The way in, for telephones and for hands, and how many have answered."""
        assert self.room is not None
        link = qr.address(course.PAGE, {"hall": self.room.code})
        with st.container(key="hall-code", horizontal=True, vertical_alignment="center"):
            if link:
                st.image(qr.code(link), alt=t("hall.qr", code=self.room.code), width="content")
            with st.container(key="hall-count", width="content"):
                st.markdown(t("hall.code", code=self.room.code))
                self._count()
                label, icon = t("hall.show_tally"), ":material/bar_chart:"
                st.button(label, key="hall.tally", type="primary", on_click=_go, args=(1,), icon=icon)
        st.caption(t("hall.way", link=inert(link.partition("://")[2].partition("?")[0] or course.PAGE)))

    def _count(self) -> None:
        room, hall = self.room, self.hall
        assert room is not None

        @st.fragment(run_every=EVERY)
        def count() -> None:
            try:
                guests, answered = hall.counts(room.code, room.lesson, room.step)
            except Refused as refused:
                st.caption(rooms.sentence(refused))
            else:
                st.markdown(t("hall.answered", answered=answered, guests=guests))

        count()

    def _tally(self, step: Step, truth: Truth, revealed: bool) -> None:
        assert self.room is not None
        try:
            answers = self.hall.answers(self.room.code, self.room.lesson, self.room.step)
        except Refused as refused:
            st.warning(rooms.sentence(refused), icon=":material/warning:")
            return
        counted.draw(step, truth, answers, revealed)


def lecture(lesson: Lesson | None, number: int) -> playing.Lecture:
    """This session's lecture; where it has a room, it follows what the screen shows."""
    now, hall = course.course(), rooms.store()
    if hall is None:
        now.lecturing = False
        return Nobody()
    opener, _ = token.keep()
    reconnect.watch()
    try:
        room = hall.opened_by(opener)
        if room is None:
            now.lecturing = False
        else:
            if not now.lecturing:
                now.lecturing = True
                _resume(room)
            if now.deal != rooms.deal(room.code):
                now.deal = rooms.deal(room.code)
                st.rerun()  # the lesson has been dealt for the session alone
            if lesson is not None:
                room = _brought(hall, opener, room, lesson, number)
    except Refused as refused:
        st.warning(rooms.sentence(refused), icon=":material/warning:")
        now.lecturing = False
        return Nobody()
    if lesson is None:
        return Nobody()
    st.html(_STYLE)
    return Lecture(hall, opener, lesson, number, room)


def _go(by: int) -> None:
    """On to the tally or the truth, or back."""
    course.move(by)


def _resume(room: Room) -> None:
    """A session that finds a room of its own, as after a reload, shows what the room shows."""
    place, now = (room.lesson, room.step), course.course()
    if room.stage != "asking":
        now.counted.add(place)
    if room.stage == "truth":
        now.shown.add(place)


def _brought(hall: Store, opener: str, room: Room, lesson: Lesson, number: int) -> Room:
    now = course.course()
    place = (lesson.id, number)
    stage: Stage = "truth" if place in now.shown else "tally" if place in now.counted else "asking"
    if (room.lesson, room.step, room.stage) == (*place, stage):
        return room
    return hall.move(room.code, opener, *place, stage)


_STYLE = """<div class="vz-style"></div><style>
.st-key-hall-code img {width: min(15rem, 40vh, 70vw) !important; border-radius: .5rem;}
.st-key-hall-count [data-testid="stMarkdownContainer"] strong {font-size: min(3.4rem, 9vh); line-height: 1;
  letter-spacing: .08em;}
.st-key-hall-count em {font-style: normal; font-weight: 600; font-size: 1.6em;}
</style>"""
