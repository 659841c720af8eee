"""Decoding takes turns."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager

from vizcore.pictures import turns
from vizcore.pictures.turns import Lane


def waits(turn: AbstractContextManager[None]) -> bool:
    """Whether a thread of its own has to wait for this turn."""
    got = threading.Event()

    def take() -> None:
        with turn:
            got.set()

    threading.Thread(target=take, daemon=True).start()
    return not got.wait(0.3)


def test_as_many_bytes_as_there_is_room_for() -> None:
    lane = Lane(10)
    with lane.turn(6):
        assert not waits(lane.turn(4))
        assert waits(lane.turn(5))
    assert not waits(lane.turn(5))


def test_who_came_first_is_first_and_more_than_all_passes_alone() -> None:
    lane = Lane(10)
    with lane.turn(6):
        assert waits(lane.turn(100))
        assert waits(lane.turn(1))  # behind the large one
    assert not waits(lane.turn(10))


def test_a_small_picture_does_not_wait_for_a_large_one() -> None:
    with turns.turn(turns.SMALL + 1):
        assert waits(turns.turn(turns.SMALL + 1))
        assert not waits(turns.turn(turns.SMALL))
