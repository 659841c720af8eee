"""Where a step of a computation may be halted for others: between two batches, however many it has.

What computes in batches calls :func:`give_way` before each of them. On a thread of the queue that may take a while, or
end the computation; anywhere else it does nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_here = threading.local()


class Abandoned(BaseException):
    """Raised in a computation that nobody waits for any more; no technique's own handling of errors catches it."""


def give_way() -> None:
    """Let others have the place of this thread where its turn is over. Raises :class:`Abandoned`."""
    call: Callable[[], None] | None = getattr(_here, "call", None)
    if call is not None:
        call()


def halted() -> float:
    """Seconds for which the calling thread has been kept waiting in :func:`give_way`."""
    return float(getattr(_here, "halted", 0.0))


def note(seconds: float) -> None:
    """Add to what :func:`halted` says."""
    _here.halted = halted() + seconds


@contextmanager
def giving_way(call: Callable[[], None]) -> Iterator[None]:
    """Have ``call`` called by :func:`give_way` on this thread as long as the block lasts."""
    before = getattr(_here, "call", None)
    _here.call = call
    try:
        yield
    finally:
        _here.call = before
