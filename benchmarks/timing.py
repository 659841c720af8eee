"""CPU time, wall time and the growth of this process's peak memory while one piece of work runs."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def cpu_seconds(work: Callable[[], object]) -> float:
    """Seconds of all threads of this process that a piece of work takes."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


class Measures(Protocol):
    """What can tell how long a piece of work takes."""

    def measure(self, work: Callable[[], object]) -> dict[str, float]: ...


class Meter:
    """Measures one piece of work after the other; memory counts from when the meter was made.

    On ``cuda`` the wall time waits for the device, and memory is what torch has allocated on it.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        if device == "cuda":
            import torch

            torch.cuda.reset_peak_memory_stats()
        elif _CLEAR.exists():
            _CLEAR.write_text("5")  # what loading the network needed at its worst does not count
        self._before = self._peak()

    def measure(self, work: Callable[[], object]) -> dict[str, float]:
        """Seconds of ``cpu`` (all threads of this process), seconds of ``wall``, and ``peak`` in MiB so far."""
        self._wait()
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        self._wait()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        return {"cpu": cpu, "wall": wall, "peak": self._peak() - self._before}

    def _wait(self) -> None:
        if self._device == "cuda":
            import torch

            torch.cuda.synchronize()

    def _peak(self) -> float:
        """Largest memory so far, in MiB."""
        if self._device == "cuda":
            import torch

            return torch.cuda.max_memory_allocated() / 2**20
        if _STATUS.exists():  # getrusage would count the parent's memory at the time of the fork, too
            return int(next(k for k in _STATUS.read_text().splitlines() if k.startswith("VmHWM")).split()[1]) / 1024
        largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return largest / (2**20 if sys.platform == "darwin" else 1024)
