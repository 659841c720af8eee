"""Memory that is kept between passes, and given back when it is no longer needed."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import pytest

from vizcore import memory

_BEGIN = """
from vizcore import memory
import os, resource, threading, torch
torch.set_num_threads(1)
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
assert memory.keep()
torch.ones(1)
"""
_BLOCKS = """
before = resident()
blocks = [torch.ones(25 * 2**20 // 4) for _ in range(8)]
full = resident() - before
blocks.clear()
kept = resident() - before
memory.release()
print(round(full), round(kept), round(resident() - before))
"""

_THREAD = """
def work():
    for _ in range(9):
        before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
        blocks = [torch.ones(35 * 2**20 // 4) for _ in range(9)]
        blocks.clear()
        print(resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before)
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""
only_glibc = pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"), reason="only glibc can be told")


def _printed(script: str) -> list[int]:
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    command = [sys.executable, "-c", _BEGIN + script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return [int(word) for word in done.stdout.split()]


@only_glibc
def test_freed_blocks_wait_until_they_are_released() -> None:
    full, kept, left = _printed(_BLOCKS)
    assert full >= 190
    assert kept >= 150
    assert left <= 50


@only_glibc
def test_what_a_thread_has_freed_serves_it_again() -> None:
    *_, last = _printed(_THREAD)
    assert last < 100  # pages that the system had to clear; 9,000 for every block that is asked for anew


def test_other_c_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not memory.keep()
    assert not memory.release()
