"""How many bytes visitors may bring, counted before they arrive."""

from __future__ import annotations

import pytest

from ui.server import quota
from ui.server.quota import FILES, FORM, MEGABYTE, SESSION, SMALL, Full, Quota


def status(one: Quota, length: int, held: dict[str, tuple[int, int]] | None = None, session: str = "me") -> int:
    try:
        with one.taking(session, length, held or {}):
            return 204
    except Full as full:
        return full.status


def test_only_who_looks_at_the_page_for_networks_brings_large_files() -> None:
    one = Quota()
    assert status(one, SMALL + FORM) == 204
    assert status(one, SMALL + FORM + 1) == 413
    one.grant("me", 400 * MEGABYTE)
    assert status(one, 400 * MEGABYTE) == 204
    assert status(one, 400 * MEGABYTE, session="you") == 413
    one.forget(lambda session: session == "you")
    assert status(one, 400 * MEGABYTE) == 413


def test_a_session_is_bounded_in_bytes_and_files_with_what_is_on_its_way() -> None:
    one = Quota()
    one.grant("me", 300 * MEGABYTE)
    assert status(one, 300 * MEGABYTE, {"me": (1, 256 * MEGABYTE)}) == 204
    assert status(one, 300 * MEGABYTE, {"me": (1, 257 * MEGABYTE)}) == 413
    with one.taking("me", 290 * MEGABYTE, {}):
        assert status(one, 290 * MEGABYTE) == 413
    assert status(one, 290 * MEGABYTE) == 204
    assert status(Quota(), MEGABYTE, {"me": (1, SESSION)}) == 413
    assert status(Quota(), 1, {"me": (FILES, 0)}) == 413


def test_all_are_bounded_together_and_large_files_leave_room_for_small_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(quota.VARIABLE, "400")
    one = Quota()
    one.grant("me", 200 * MEGABYTE)
    assert status(one, 100 * MEGABYTE, {"you": (9, 200 * MEGABYTE)}) == 204
    assert status(one, 101 * MEGABYTE, {"you": (9, 200 * MEGABYTE)}) == 503
    assert status(one, 20 * MEGABYTE, {"you": (9, 380 * MEGABYTE)}) == 204
    assert status(one, 21 * MEGABYTE, {"you": (9, 380 * MEGABYTE)}) == 503


@pytest.mark.parametrize(
    ("said", "megabytes"), [("", 1024), ("64", 64), ("a lot", 1024), ("-1", 1024), ("9" * 9, 1024)]
)
def test_the_operator_says_how_much(monkeypatch: pytest.MonkeyPatch, said: str, megabytes: int) -> None:
    monkeypatch.setenv(quota.VARIABLE, said)
    assert quota.most_of_all() == megabytes * MEGABYTE
