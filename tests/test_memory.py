"""Memory that is kept between passes, and given back when it is no longer needed."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import pytest

from vizcore import memory

_SCRIPT = """
from vizcore import memory
import os, torch
torch.set_num_threads(1)
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
assert memory.keep()
torch.ones(1)
before = resident()
blocks = [torch.ones(25 * 2**20 // 4) for _ in range(8)]
full = resident() - before
blocks.clear()
kept = resident() - before
memory.release()
print(round(full), round(kept), round(resident() - before))
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"), reason="only glibc can be told")
def test_freed_blocks_wait_until_they_are_released() -> None:
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    done = subprocess.run([sys.executable, "-c", _SCRIPT], env=environment, capture_output=True, text=True, check=True)
    full, kept, left = map(int, done.stdout.split())
    assert full >= 190
    assert kept >= 150
    assert left <= 50


def test_other_c_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not memory.keep()
    assert not memory.release()
