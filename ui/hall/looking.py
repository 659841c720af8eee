"""A look at a room without a run of the page's script, which would cost far more: a hall looks all the time."""

from __future__ import annotations

import asyncio

import streamlit as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from ui.hall import codes, rooms
from ui.hall.file import Refused
from ui.hall.rates import Rate
from ui.hall.store import Room

PATH = "/_vizcore/room"
EVERY = 2.0  # seconds from one look of a guest to the next, of a small hall
TOGETHER = 50  # looks in a second of all guests of a room; in a larger hall each looks more rarely
_MISSES = Rate(600, 60)  # of one address; a whole hall finds its room closed at once
_FOLLOW = st.components.v2.component(
    "vizcore_hall_follow",
    js="""export default function ({ data, parentElement, setTriggerValue }) {
      const look = async () => {
        try {
          const folder = location.pathname.replace(/[^/]*$/, "");
          const answer = await fetch(`${folder}${data.path}?code=${data.code}`, { cache: "no-store" });
          const turn = answer.ok ? await answer.text() : "";
          if (answer.status === 404 || (answer.ok && turn !== String(data.turn))) setTriggerValue("moved", turn || "-");
        } catch {} // without a connection; Streamlit says so
      };
      clearInterval(parentElement.looking);
      parentElement.looking = setInterval(look, 1000 * data.every);
      return () => clearInterval(parentElement.looking);
    }""",
)


async def look(request: Request) -> Response:
    """The turn of the room whose code is asked for: 404 where there is none, 429 after too many of those."""
    hall, code = rooms.store(), codes.clean(request.query_params.get("code", ""))
    address = request.client.host if request.client else ""
    if hall is None or not code:
        return Response(status_code=404)
    if not _MISSES.left(address):
        return Response(status_code=429)
    try:
        room = await asyncio.to_thread(hall.room, code)
    except Refused as refused:
        if refused.reason == "gone":
            _MISSES.take(address)
        return Response(status_code=404 if refused.reason == "gone" else 503)
    return PlainTextResponse(str(room.turn), headers={"Cache-Control": "no-store"})


def follow(room: Room, guests: int) -> None:
    """Have the browser look at the room, and run the page's script once it has gone on."""
    every = max(EVERY, guests / TOGETHER)
    data = {"path": PATH.removeprefix("/"), "code": room.code, "turn": room.turn, "every": every}
    _FOLLOW(key="hall-follow", data=data, on_moved_change=_nothing, height=1)


def _nothing() -> None:
    """The run itself is what is wanted."""
