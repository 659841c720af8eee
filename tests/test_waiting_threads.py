"""Whoever imports torch before vizcore is told where that costs: threads that wait then spin."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import os, sys, types
os.getloadavg = lambda: ({load}, 0.0, 0.0)
os.cpu_count = lambda: {cores}
if {torch}:
    sys.modules["torch"] = types.ModuleType("torch")
import vizcore
print(os.environ["OMP_WAIT_POLICY"])
"""


@pytest.mark.parametrize(
    ("load", "cores", "torch", "policy", "warned"),
    [
        (5.0, 2, True, None, True),
        (1.0, 2, True, None, False),  # nobody else wants the cores
        (5.0, 1, True, None, False),  # one thread waits for nobody
        (5.0, 2, False, None, False),  # in time
        (5.0, 2, True, "passive", False),
        (5.0, 2, True, "active", False),  # as somebody wanted it
    ],
)
def test_a_late_import_on_a_busy_machine_is_told(
    load: float, cores: int, torch: bool, policy: str | None, warned: bool
) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    environment |= {} if policy is None else {"OMP_WAIT_POLICY": policy}
    code = CODE.format(load=load, cores=cores, torch=torch)
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == (policy or "passive")
    assert ("torch was imported before vizcore" in done.stderr) == warned
    assert done.stderr.count("RuntimeWarning") == int(warned)
