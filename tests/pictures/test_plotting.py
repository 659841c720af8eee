"""The chart library is loaded late, and by several threads at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# pandas stops half-way through its loading until the other thread has had time to look for it.
HALF_LOADED = """
import importlib.util, sys, threading
from importlib.machinery import PathFinder

half, go_on = threading.Event(), threading.Event()

class Slow:
    def find_spec(self, name, path=None, target=None):
        if name != "pandas":
            return None
        spec = PathFinder.find_spec(name, path)
        load = spec.loader.exec_module
        def slowly(module):
            half.set()
            go_on.wait()
            load(module)
        spec.loader.exec_module = slowly
        return spec

import plotly.graph_objects
from vizcore.pictures import figures

assert "pandas" not in sys.modules
sys.meta_path.insert(0, Slow())
other = threading.Thread(target=lambda: __import__("pandas"))
other.start()
half.wait()
assert not hasattr(sys.modules["pandas"], "Series")
threading.Timer(0.3, go_on.set).start()
figures.lines([0, 1], {"one": [2, 3]})
other.join()
"""


def test_a_chart_waits_for_what_another_thread_is_loading() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", HALF_LOADED], cwd=root, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
