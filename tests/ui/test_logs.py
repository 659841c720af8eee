"""A log that repeats itself is cut."""

from __future__ import annotations

import logging

import pytest

from ui.server import logs


def record(line: int) -> logging.LogRecord:
    return logging.LogRecord("asyncio", logging.ERROR, "selector_events.py", line, "no room", None, None)


def test_repetitions_are_left_out_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    one = logs.Repeated()
    assert [one.filter(record(7)) for _ in range(9)] == [True] * logs.AT_ONCE + [False] * (9 - logs.AT_ONCE)
    assert one.filter(record(8))
    now += logs.MINUTE + 1
    again = record(7)
    assert one.filter(again)
    assert again.getMessage() == "no room (and 4 more in the minute before)"
