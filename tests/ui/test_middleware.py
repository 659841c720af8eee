"""How many pages one address, and all together, may have open."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Message, Receive, Scope, Send

from ui.server import middleware
from ui.server.middleware import Limits


class Held:
    """Connections to a server with room for so many pages, each open until it is told to end."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
        monkeypatch.setattr(middleware, "_most_open", lambda: most)
        self.ended = asyncio.Event()
        self.limits = Limits(self._page)
        self.tasks: list[asyncio.Task[None]] = []
        self.refused = 0

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.ended.wait()

    async def come(self, address: str, *headers: tuple[bytes, bytes]) -> bool:
        """Whether a page is opened for somebody from this address."""
        scope = {"type": "websocket", "path": "/_stcore/stream", "client": (address, 1), "headers": list(headers)}
        before = self.refused

        async def receive() -> Message:
            return {"type": "websocket.connect"}

        async def send(message: Message) -> None:
            assert message["type"] == "websocket.close"
            self.refused += 1

        self.tasks.append(asyncio.create_task(self.limits(scope, receive, send)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return self.refused == before

    async def leave(self) -> None:
        self.ended.set()
        await asyncio.gather(*self.tasks)
        self.tasks.clear()
        self.ended.clear()


def test_one_address_has_half_of_the_places_and_gets_them_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async def all_of_it() -> None:
        held = Held(monkeypatch, 6)
        assert [await held.come("10.0.0.1") for _ in range(5)] == [True] * 3 + [False] * 2
        assert [await held.come("10.0.0.2") for _ in range(2)] == [True] * 2
        assert [await held.come(f"10.0.1.{k}") for k in range(2)] == [True, False]  # all together
        await held.leave()
        assert not held.limits.open
        assert await held.come("10.0.0.1")
        await held.leave()

    asyncio.run(all_of_it())


def test_nobody_gets_more_by_what_it_says_of_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    async def all_of_it() -> None:
        held = Held(monkeypatch, 6)
        forged = [(b"x-forwarded-for", f"10.1.1.{k}".encode()) for k in range(5)]
        assert [await held.come("10.0.0.1", one) for one in forged] == [True] * 3 + [False] * 2
        await held.leave()

    asyncio.run(all_of_it())
