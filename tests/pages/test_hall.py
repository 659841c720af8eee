"""A hall by AppTest: a lecturer's room from question to truth, guests who follow it, and what cannot be had."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.test_learn import opened, said
from tests.pages.test_pages import address, healthy
from ui.frame import course
from ui.hall import rooms
from ui.hall.rates import Rate
from ui.hall.store import Store

LESSON = {"lesson": "occlusion", "step": "2"}
QUIET = ("_MISSES", "_MISSES_THERE", "_OPENED", "_OPENED_THERE", "_ANSWERED")


@pytest.fixture
def hall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A server with a file of rooms, and nobody who has tried anything yet."""
    monkeypatch.setenv(rooms.VARIABLE, str(tmp_path / "hall.sqlite"))
    for name in QUIET:
        monkeypatch.setattr(rooms, name, Rate(getattr(rooms, name).most, 1e9))
    found = rooms.store()
    assert found is not None
    return found


def pressed(app: AppTest, key: str) -> AppTest:
    return app.button(key=key).click().run()


def drawn(app: AppTest) -> str:
    """What stands in the page's own HTML, the bars among it."""
    found: list[Any] = list(app.get("html"))
    return "".join(one.body for one in found).replace("\u00a0", " ")


def code_of(hall: Store) -> str:
    with hall.file.reading() as db:
        return str(db.execute("SELECT code FROM rooms").fetchone()[0])


def guess(app: AppTest, code: str, value: int, language: str = "en") -> AppTest:
    """A guest's number, sent."""
    slider: Any = app.select_slider(key=f"learn.hall.{code}.occlusion.2@{language}")
    slider.set_value(value)
    return pressed(app.run(), "hall.send")


def test_a_room_goes_from_the_question_by_the_tally_to_the_truth_and_on(hall: Store) -> None:
    lecturer = pressed(opened(**LESSON), "hall.open")
    assert healthy(lecturer)
    code = code_of(hall)
    assert f"**{code}**" in said(lecturer)
    assert "*0* answers · 0 guests in the room" in said(lecturer)
    assert not lecturer.select_slider  # the hall answers, not the screen

    english, czech = opened(hall=code.lower()), opened(hall=code, lang="cs")
    for guest in (english, czech):
        assert healthy(guest)
        assert address(guest)["hall"] == code
        assert "lesson" not in address(guest)
    guess(english, code, 11)
    guess(czech, code, 90, "cs")
    assert "Sent: **11 points**" in said(english)
    assert "Odesláno: **90 p. b.**" in said(czech)
    assert hall.counts(code, "occlusion", 2) == (2, 2)

    pressed(lecturer, "hall.tally")
    assert "What the hall says: 2 answers" in drawn(lecturer)
    assert "Right:" not in said(lecturer)
    czech.run()  # as its look at the room does
    assert "Odpovědi jsou na plátně" in said(czech)
    assert "Správně" not in said(czech)

    pressed(lecturer, "hall.truth")
    assert "Right: **1** · nearly right: 0 · wrong: 1" in said(lecturer)
    assert "The truth: **11.5 points**" in said(lecturer)
    assert "**Right.**" in said(english.run())
    assert "klesne o 12" in said(czech.run())

    pressed(lecturer, "learn.next")
    assert (hall.room(code).step, hall.room(code).stage) == (3, "asking")
    assert "Five squares on the picture" in said(english.run())
    assert english.button_group(key=f"learn.hall.{code}.occlusion.3@en")
    pressed(lecturer, "hall.close")
    english.run()
    assert "There is no room with this code" in said(english)
    assert address(english).get("hall") is None
    assert lecturer.button(key="hall.open")
    assert lecturer.button_group(key="learn.answer.occlusion.3@en")


def test_keys_and_a_reload_keep_the_lecturer_in_step(hall: Store) -> None:
    lecturer = pressed(opened(**LESSON, present="1"), "hall.open")
    code = code_of(hall)
    hall.answer(code, "somebody", "occlusion", 2, "40")
    for stage in ("tally", "truth"):
        assert pressed(lecturer, "present.forth")
        assert hall.room(code).stage == stage
    assert pressed(lecturer, "present.back")
    assert hall.room(code).stage == "tally"
    again = opened(**LESSON)
    again.session_state["vizcore.hall.token"] = lecturer.session_state["vizcore.hall.token"]  # which the tab has kept
    again.run()
    assert hall.room(code).stage == "tally"
    assert again.button(key="hall.truth")
    pressed(again, "hall.again")
    assert hall.room(code).stage == "asking"


def test_a_guest_moves_nothing_and_sends_a_bounded_number_of_answers(
    hall: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    pressed(opened(**LESSON), "hall.open")
    code = code_of(hall)
    guest = opened(hall=code)
    assert [one.key for one in guest.button if str(one.key).startswith("hall.")] == ["hall.leave", "hall.send"]
    room = hall.room(code)
    guess(guest, code, 30)
    assert hall.room(code) == room
    monkeypatch.setattr(rooms, "_ANSWERED", Rate(1, 1e9))
    pressed(guest, "hall.send")
    pressed(guest, "hall.send")
    assert "too often" in said(guest)
    assert hall.answers(code, "occlusion", 2) == ["30.0"]
    pressed(guest, "hall.leave")
    assert "hall" not in address(guest)


@pytest.mark.parametrize("given", ["ZZZZ", "<b>", "'; --", "CDFHCDFHCDFHCDFHCDFHCDFH", "`x`"])
def test_what_is_no_code_gets_a_sentence_and_the_lessons_stay(hall: Store, given: str) -> None:
    guest = opened(hall=given)
    assert healthy(guest)
    assert "is no code of a room" in said(guest)
    assert guest.text_input(key="hall.typed")
    assert "<b>" not in said(guest).replace("`<b>`", "")


def test_codes_cannot_be_tried_one_after_the_other(hall: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    code = hall.open("lecturer", "occlusion", 2).code
    monkeypatch.setattr(rooms, "_MISSES", Rate(2, 1e9))
    for wrong in ("CDFH", "CDFJ"):
        assert "There is no room with this code" in said(opened(hall=wrong))
    assert "too often" in said(opened(hall="CDFK"))
    assert "too often" in said(opened(hall=code))  # not even the right one tells itself apart


def test_a_code_is_typed_in_and_an_unknown_lesson_is_waited_for(hall: Store) -> None:
    code = hall.open("lecturer", "a-lesson-of-another-server", 1).code
    app = opened()
    app.text_input(key="hall.typed").set_value(f" {code.lower()} ")
    next(one for one in app.button if one.label == "Join").click().run()
    assert "has not asked anything yet" in said(app)
    assert address(app)["hall"] == code


def test_a_full_room_and_full_rooms_say_so(hall: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.hall.store.GUESTS", 0)
    code = hall.open("lecturer", "occlusion", 2).code
    guest = guess(opened(hall=code), code, 30)
    assert "The room is full." in said(guest)
    monkeypatch.setattr("ui.hall.store.ROOMS", 1)
    lecturer = pressed(opened(**LESSON), "hall.open")
    assert "as many rooms as this server has place for" in said(lecturer)
    assert healthy(lecturer)


def test_a_broken_file_takes_no_lesson_down(hall: Store) -> None:
    hall.file.path.write_bytes(b"no database at all, but a text that is long enough to be none" * 50)
    app = opened(**LESSON)
    assert healthy(app)
    assert "The file of the rooms is damaged." in said(app)
    assert app.select_slider(key="learn.answer.occlusion.2@en")
    assert "The file of the rooms is damaged." in said(opened(hall="CDFH"))


def test_without_a_file_there_is_no_hall(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(rooms.VARIABLE, raising=False)
    app = opened(**LESSON)
    assert not [one for one in app.button if str(one.key).startswith("hall.")]
    assert not opened().text_input
    assert "No rooms are offered here" in said(opened(hall="CDFH"))
    assert not course.Course().lecturing
