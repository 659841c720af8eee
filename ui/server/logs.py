"""A log that repeats itself is cut: the disk of the server is not a visitor's to fill."""

from __future__ import annotations

import logging
import threading
import time

AT_ONCE = 5  # of one message
MINUTE = 60.0


class Repeated(logging.Filter):
    """Lets the first few of a message pass in each minute, and says of the first in the next how many were left out."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._begun = 0.0
        self._seen: dict[tuple[str, str, int], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written."""
        key = (record.name, record.pathname, record.lineno)  # where it is said: what it says may be a visitor's
        with self._lock:
            if time.monotonic() - self._begun > MINUTE:
                self._begun, old, self._seen = time.monotonic(), self._seen, {}
                left = old.get(key, 0) - AT_ONCE
                if left > 0:
                    record.msg = f"{record.msg} (and {left} more in the minute before)"
            self._seen[key] = count = self._seen.get(key, 0) + 1
        return count <= AT_ONCE


def cut() -> None:
    """Cut the repetitions of all that is logged from now on."""
    loggers = [
        logging.root,
        *(one for one in logging.root.manager.loggerDict.values() if isinstance(one, logging.Logger)),
    ]
    handlers = {id(handler): handler for one in loggers for handler in one.handlers}
    if logging.lastResort is not None:
        handlers[id(logging.lastResort)] = logging.lastResort
    repeated = Repeated()
    for handler in handlers.values():
        handler.addFilter(repeated)
