"""Work that others do side by side in place of the thread that waits for them."""

from __future__ import annotations

import threading

_credited = threading.local()


def credit(seconds: float) -> None:
    """Note that others have computed for the calling thread side by side, each for so many seconds of a core."""
    _credited.seconds = credited() + seconds


def credited() -> float:
    """Seconds for which others have computed side by side in place of the calling thread, since that began."""
    return float(getattr(_credited, "seconds", 0.0))
