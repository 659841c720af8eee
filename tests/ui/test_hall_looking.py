"""A look at a room from outside a page: one number, and no way to try codes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from starlette.requests import Request

from ui.hall import looking, rooms
from ui.hall.rates import Rate


def looked(code: str, address: str = "192.0.2.1") -> tuple[int, bytes]:
    query = f"code={code}".encode()
    scope = {"type": "http", "method": "GET", "query_string": query, "headers": [], "client": (address, 1)}
    answer = asyncio.run(looking.look(Request(scope)))
    return answer.status_code, bytes(answer.body)


def test_a_look_tells_the_turn_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(rooms.VARIABLE, str(tmp_path / "hall.sqlite"))
    hall = rooms.store()
    assert hall is not None
    room = hall.open("lecturer", "lime", 1)
    assert looked(room.code) == (200, b"0")
    hall.move(room.code, "lecturer", "lime", 2)
    assert looked(room.code.lower()) == (200, b"1")
    assert looked("<b>")[0] == 404
    hall.file.close()
    hall.file.path.write_bytes(b"damaged" * 1000)
    assert looked(room.code)[0] == 503


def test_codes_cannot_be_tried_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(rooms.VARIABLE, str(tmp_path / "hall.sqlite"))
    monkeypatch.setattr(looking, "_MISSES", Rate(2, 1e9))
    hall = rooms.store()
    assert hall is not None
    code = hall.open("lecturer", "lime", 1).code
    others = [one for one in ("CDFH", "CDFJ", "CDFK") if one != code]
    assert [looked(one)[0] for one in others[:2]] == [404, 404]
    assert [looked(one)[0] for one in (others[-1], code)] == [429, 429]
    assert looked(code, "192.0.2.2")[0] == 200


def test_without_a_file_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(rooms.VARIABLE, raising=False)
    assert looked("CDFH")[0] == 404
