"""How often somebody may try something: so many times at once, and again as time passes."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

_KNOWN = 10_000  # of whom the count is kept; who was counted longest ago is forgotten first


class Rate:
    """``most`` times at once, and as many more in each ``seconds``, for each key by itself."""

    def __init__(self, most: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.most, self._each, self._clock = most, most / seconds, clock
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # how many are left, and when that was

    def left(self, key: str) -> bool:
        """Whether ``key`` may try once more."""
        with self._lock:
            return self._now(key) >= 1

    def take(self, key: str) -> bool:
        """Count one try of ``key``; False, and not counted, where it has none left."""
        with self._lock:
            left = self._now(key)
            if left < 1:
                return False
            self._left[key] = left - 1, self._clock()
            self._left.move_to_end(key)
            while len(self._left) > _KNOWN:
                self._left.popitem(last=False)
            return True

    def _now(self, key: str) -> float:
        left, at = self._left.get(key, (float(self.most), self._clock()))
        return min(float(self.most), left + (self._clock() - at) * self._each)
