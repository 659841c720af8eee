"""The hall's rooms in their file: who may do what, how much of it, at the same time, and what goes wrong."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ui.hall import codes, store
from ui.hall.file import Refused
from ui.hall.rates import Rate
from ui.hall.store import Store

ROOT = Path(__file__).parents[2]


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def refused(reason: str) -> pytest.RaisesExc[Refused]:
    return pytest.RaisesExc(Refused, match=f"^{reason}$")


@pytest.fixture
def hall(tmp_path: Path) -> Store:
    return Store(tmp_path / "hall.sqlite")


def test_a_room_goes_from_question_to_tally_to_truth_and_on(hall: Store) -> None:
    room = hall.open("lecturer", "lime", 2)
    assert (room.lesson, room.step, room.stage) == ("lime", 2, "asking")
    assert hall.enter(room.code, "guest") == room
    hall.answer(room.code, "guest", "lime", 2, '"cat"')
    hall.answer(room.code, "guest", "lime", 2, '"dog"')  # the last one counts
    hall.answer(room.code, "other", "lime", 2, '"cat"')
    assert hall.answers(room.code, "lime", 2) == ['"cat"', '"dog"']
    assert hall.counts(room.code, "lime", 2) == (2, 2)
    assert hall.own_answer(room.code, "guest", "lime", 2) == '"dog"'
    shown = hall.move(room.code, "lecturer", "lime", 2, "tally")
    assert (shown.stage, shown.turn) == ("tally", room.turn + 1)
    with refused("closed"):
        hall.answer(room.code, "late", "lime", 2, '"dog"')
    moved = hall.move(room.code, "lecturer", "lime", 3)
    assert (moved.step, moved.stage) == (3, "asking")
    with refused("closed"):
        hall.answer(room.code, "guest", "lime", 2, '"cat"')
    assert hall.own_answer(room.code, "guest", "lime", 3) is None
    assert hall.answers(room.code, "lime", 2) == ['"cat"', '"dog"']


def test_only_its_opener_moves_a_room(hall: Store) -> None:
    room = hall.open("lecturer", "lime", 2)
    hall.enter(room.code, "guest")
    for attempt in (
        lambda: hall.move(room.code, "guest", "lime", 3),
        lambda: hall.move(room.code, "guest", "lime", 2, "truth"),
        lambda: hall.close(room.code, ""),
    ):
        with refused("foreign"):
            attempt()
    assert hall.room(room.code) == room
    assert hall.opened_by("lecturer") == room
    assert hall.opened_by("guest") is None
    hall.close(room.code, "lecturer")
    with refused("gone"):
        hall.room(room.code)


def test_the_file_names_nobody_and_what_is_deleted_is_gone(hall: Store) -> None:
    room = hall.open("the-opener", "lime", 2)
    hall.answer(room.code, "the-guest", "lime", 2, '"the-answer"')
    hall.file.close()
    stored = hall.file.path.read_bytes()
    assert b"the-answer" in stored
    assert b"the-opener" not in stored
    assert b"the-guest" not in stored
    hall.close(room.code, "the-opener")
    hall.file.close()
    assert b"the-answer" not in hall.file.path.read_bytes()


def test_a_room_ends_after_a_day_with_all_that_was_in_it(tmp_path: Path) -> None:
    clock = Clock()
    hall = Store(tmp_path / "hall.sqlite", clock=clock)
    room = hall.open("lecturer", "lime", 2)
    hall.answer(room.code, "guest", "lime", 2, "1")
    clock.now += store.DAY - 1
    assert hall.room(room.code) == room
    clock.now += 2
    for attempt in (
        lambda: hall.room(room.code),
        lambda: hall.enter(room.code, "guest"),
        lambda: hall.answer(room.code, "guest", "lime", 2, "1"),
        lambda: hall.move(room.code, "lecturer", "lime", 3),
    ):
        with refused("gone"):
            attempt()
    hall.open("lecturer", "lime", 2)  # sweeps
    with hall.file.reading() as db:
        assert db.execute("SELECT count(*) FROM answers").fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM guests").fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM rooms").fetchone() == (1,)


def test_rooms_guests_answers_and_their_length_are_bounded(hall: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "ROOMS", 4)
    monkeypatch.setattr(store, "GUESTS", 2)
    room = hall.open("lecturer", "lime", 2)
    for _ in range(store.OWN - 1):
        hall.open("lecturer", "lime", 2)
    with refused("rooms"):
        hall.open("lecturer", "lime", 2)
    hall.open("another", "lime", 2)
    with refused("rooms"):
        hall.open("a third", "lime", 2)
    for guest in ("one", "two", "two"):
        hall.enter(room.code, guest)
    with refused("crowded"):
        hall.enter(room.code, "three")
    with refused("crowded"):
        hall.answer(room.code, "three", "lime", 2, "1")
    left = [hall.answer(room.code, "one", "lime", 2, str(k)) for k in range(store.TIMES)]
    assert left == list(range(store.TIMES))[::-1]
    with refused("often"):
        hall.answer(room.code, "one", "lime", 2, "1")
    with refused("large"):
        hall.answer(room.code, "two", "lime", 2, "1" * (store.LONGEST + 1))
    with refused("large"):
        hall.move(room.code, "lecturer", "1" * (store.LONGEST + 1), 2)


def test_a_full_file_says_so_and_what_is_in_it_stays(tmp_path: Path) -> None:
    hall = Store(tmp_path / "hall.sqlite", megabytes=1)
    room = hall.open("lecturer", "lime", 2)

    with refused("full"):
        for step in range(2, 9):
            hall.move(room.code, "lecturer", "lime", step)
            for guest in range(200):
                hall.answer(room.code, f"{guest}", "lime", step, "1" * store.LONGEST)
    assert hall.room(room.code).code == room.code
    assert hall.counts(room.code, "lime", 2) == (200, 200)
    hall.file.close()
    assert hall.file.path.stat().st_size <= 2**20
    hall.close(room.code, "lecturer")  # makes room
    hall.open("lecturer", "lime", 2)


def test_what_is_no_such_file_is_told_apart_and_the_file_can_be_mended(tmp_path: Path) -> None:
    path = tmp_path / "hall.sqlite"
    path.write_bytes(b"This is no database, but a text of some length. " * 100)
    hall = Store(path)
    with refused("damaged"):
        hall.open("lecturer", "lime", 2)
    path.unlink()
    room = hall.open("lecturer", "lime", 2)
    assert Store(path).room(room.code) == room
    with hall.file.writing() as db:
        db.execute("PRAGMA query_only=ON")
    with refused("readonly"):
        hall.enter(room.code, "guest")
    assert hall.enter(room.code, "guest") == room  # opened anew
    with refused("unusable"):
        Store(tmp_path).room(room.code)
    with refused("unusable"):
        Store(tmp_path / "missing" / "hall.sqlite").room(room.code)


def test_somebody_elses_database_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE theirs (x)")
    other.close()
    before = path.read_bytes()
    with refused("other"):
        Store(path).open("lecturer", "lime", 2)
    assert path.read_bytes() == before


def test_what_another_server_holds_too_long_is_busy(hall: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    room = hall.open("lecturer", "lime", 2)
    with hall.file.writing() as db:
        db.execute("SELECT 1")
    hall.file.close()
    monkeypatch.setattr("ui.hall.file.PATIENCE", 0.05)
    other = sqlite3.connect(hall.file.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with refused("busy"):
        hall.enter(room.code, "guest")
    assert hall.room(room.code) == room  # reading goes on
    other.execute("ROLLBACK")
    other.close()
    assert hall.enter(room.code, "guest") == room


ANSWERING = """
import sys
from ui.hall.file import Refused
from ui.hall.store import Store
hall, code, name = Store(sys.argv[1]), sys.argv[2], sys.argv[3]
print("ready", flush=True); sys.stdin.readline()
for guest in range(60):
    try:
        hall.answer(code, f"{name} {guest}", "lime", 2, f'"{name}"')
        hall.answer(code, "the same for all", "lime", 2, f'"{name}"')
    except Refused as error:
        assert error.reason in ("crowded", "often"), error.reason
"""


def test_several_servers_count_every_answer_once(hall: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("a", "b", "c", "d")
    room = hall.open("lecturer", "lime", 2)
    hall.file.close()
    command = [sys.executable, "-c", ANSWERING, str(hall.file.path), room.code]
    servers = [
        subprocess.Popen([*command, name], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for name in names
    ]
    for server in servers:
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
    for server in servers:
        server.communicate("go\n", timeout=60)
        assert server.returncode == 0
    given = hall.answers(room.code, "lime", 2)
    assert len(given) == hall.counts(room.code, "lime", 2)[0] == len(names) * 60 + 1
    assert all(given.count(f'"{name}"') >= 60 for name in names)


def test_several_servers_make_the_file_at_the_same_time(tmp_path: Path) -> None:
    path = tmp_path / "hall.sqlite"
    opened: list[str] = []

    def begin(opener: int) -> None:  # not by the thread's number, which is given anew once a thread has ended
        opened.append(Store(path).open(f"{opener}", "lime", 2).code)

    threads = [threading.Thread(target=begin, args=(opener,)) for opener in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(opened)) == 12


def test_codes_are_easily_read_and_say_nothing() -> None:
    drawn = [codes.draw() for _ in range(2000)]
    assert all(codes.clean(code) == code for code in drawn)
    assert len(set(drawn)) > 1900
    assert not set("".join(drawn)) & set("AEIOUYBGQSWZ0123456789")
    assert codes.clean(" cd-fh ") == "CDFH"
    for none in ("", "CDF", "CDFHJ", "CDFO", "CD\nF;", "ĆDFH", "'; DROP TABLE rooms --"):
        assert codes.clean(none) == "", none


def test_a_rate_gives_back_as_time_passes() -> None:
    clock = Clock()
    rate = Rate(3, 60.0, clock)
    assert [rate.take("me") for _ in range(4)] == [True, True, True, False]
    assert rate.take("you")
    clock.now += 20
    assert rate.left("me")
    assert [rate.take("me") for _ in range(2)] == [True, False]
