"""How many bytes of files visitors may bring: each of them, and all together, counted before any of it is taken in."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

MEGABYTE = 2**20
VARIABLE = "VIZCORE_UPLOAD_MEGABYTES"
SMALL = 20 * MEGABYTE  # a picture or a table; only the page for networks takes more
SESSION = 256 * MEGABYTE  # of one session, beside one network
FILES = 100  # of one session
ALL = 1024  # megabytes of all sessions together
FORM = MEGABYTE  # around the file, as Streamlit allows


class Full(Exception):
    """A file that is not taken: ``status`` of HTTP, and why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Quota:
    """What is held and on its way; a quarter of the room for all is for small files alone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._largest: dict[str, int] = {}
        self._coming: Counter[str] = Counter()
        self._files: Counter[str] = Counter()

    def grant(self, session: str, largest: int) -> None:
        """Let a session bring files of up to ``largest`` bytes from now on, as the page that it looks at needs."""
        with self._lock:
            self._largest[session] = max(largest, SMALL)

    def forget(self, alive: Callable[[str], bool]) -> None:
        """Drop what was granted to sessions that are not ``alive``."""
        with self._lock:
            for session in [one for one in self._largest if not alive(one)]:
                del self._largest[session]

    @contextmanager
    def taking(self, session: str, length: int, held: Mapping[str, tuple[int, int]]) -> Iterator[None]:
        """Reserve ``length`` bytes while they arrive; ``held`` are the files and bytes that each session has here.

        Raises :class:`Full` where there is no room for them.
        """
        with self._lock:
            self._check(session, length, held)
            self._coming[session] += length
            self._files[session] += 1
        try:
            yield
        finally:
            with self._lock:
                self._coming[session] -= length
                self._files[session] -= 1
                if not self._files[session]:
                    del self._coming[session], self._files[session]

    def _check(self, session: str, length: int, held: Mapping[str, tuple[int, int]]) -> None:
        largest = self._largest.get(session, SMALL)
        if length > largest + FORM:
            raise Full(413, f"The file is larger than the {largest // MEGABYTE} MB that are taken here.")
        files, size = held.get(session, (0, 0))
        most = SESSION + (largest if largest > SMALL else 0)
        if files + self._files[session] >= FILES or size + self._coming[session] + length > most:
            raise Full(413, "You have uploaded as much as one visitor may; remove a file first.")
        used = sum(one for _, one in held.values()) + sum(self._coming.values())
        room = most_of_all()
        if used + length > (room if length <= SMALL + FORM else room * 3 // 4):
            raise Full(503, "There is no more room for files here; try again later.")


def most_of_all() -> int:
    """Bytes of all sessions' files together: 1 GB, or what ``VIZCORE_UPLOAD_MEGABYTES`` says."""
    said = os.environ.get(VARIABLE, "")
    return (int(said) if said.isascii() and said.isdigit() and 0 < len(said) < 7 else ALL) * MEGABYTE


QUOTA = Quota()
