"""Decoding takes turns: so many bytes of pictures at once, however many files there are.

Small pictures share one lane. A large one has the other lane to itself, so that small ones never wait for it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

SMALL = 64 * 2**20
TOGETHER = 128 * 2**20


class Lane:
    """At most ``most`` bytes at a time, first come, first served."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._taken = 0
        self._waiting: list[object] = []
        self._free = threading.Condition()

    @contextmanager
    def turn(self, size: int) -> Iterator[None]:
        """Wait until ``size`` bytes are free, and hold them as long as the block lasts; more than all count as all."""
        size, ticket = min(size, self.most), object()
        with self._free:
            self._waiting.append(ticket)
            self._free.wait_for(lambda: self._waiting[0] is ticket and self._taken + size <= self.most)
            self._waiting.pop(0)
            self._taken += size
            self._free.notify_all()
        try:
            yield
        finally:
            with self._free:
                self._taken -= size
                self._free.notify_all()


_SMALL, _LARGE = Lane(TOGETHER), Lane(1)


@contextmanager
def turn(size: int) -> Iterator[None]:
    """The turn of a picture whose decoding takes about ``size`` bytes."""
    with _SMALL.turn(size) if size <= SMALL else _LARGE.turn(1):
        yield
