"""What this machine has: memory in use and to be had, and how much may be computed at once."""

from __future__ import annotations

import functools
import os
import sys
import time
from pathlib import Path

import torch

RUN_BYTES = 128 * 2**20  # what a half-done computation may hold: a large network's activations for one picture
_LOADED = time.monotonic()
_CGROUPS = (("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"))


def resident() -> int | None:
    """Bytes of memory that this process holds now; None where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return None


def memory() -> tuple[int, int] | None:
    """(available, total) bytes of memory, within the container's limit where there is one; None where nobody says."""
    try:
        lines = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
        table = {words[0].rstrip(":"): int(words[1]) * 1024 for words in lines if len(words) > 1}
        available, total = table["MemAvailable"], table["MemTotal"]
    except (OSError, ValueError, KeyError):
        return None
    for limit_file, used_file in _CGROUPS:
        try:
            limit, used = (int((Path("/sys/fs/cgroup") / name).read_text()) for name in (limit_file, used_file))
        except (OSError, ValueError):  # no such group, or "max"
            continue
        if limit < total:
            return min(available, max(0, limit - used)), limit
    return available, total


@functools.cache
def total() -> int | None:
    """All the memory in bytes that :func:`memory` tells of, as it was when first asked for: files are read for it."""
    found = memory()
    return None if found is None else found[1]


def gpu_memory() -> tuple[int, int] | None:
    """(free, total) bytes of the graphics card's memory; None without CUDA."""
    return torch.cuda.mem_get_info() if torch.cuda.is_available() else None


def uptime() -> float:
    """Seconds since this process was started, or where the system does not say, since this module was loaded."""
    try:
        ticks = int(Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19])  # field 22: starttime
        return float(Path("/proc/uptime").read_text().split()[0]) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return time.monotonic() - _LOADED


def cores() -> int:
    """Processor cores that this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def places() -> int:
    """How many computations may run at once: one on a graphics card, else as many as cores give their threads."""
    if torch.cuda.is_available() or torch.backends.mps.is_available():
        return 1
    return max(1, cores() // torch.get_num_threads())


def most_runs() -> int:
    """How many computations may be half done at once: as many as fit into a quarter of the memory that is free."""
    found = gpu_memory() or memory()
    return 16 if found is None else max(4, min(64, found[0] // 4 // RUN_BYTES))
