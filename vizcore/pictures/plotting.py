"""The chart libraries, each loaded when its first chart is drawn, since that takes half a second."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any

# For print: text stays text, which any program can search and edit, and no name in it is taken for a formula.
_PRINT: Any = {
    "axes.linewidth": 0.6,
    "figure.dpi": 300,
    "font.family": ["DejaVu Sans", "sans-serif"],  # the first comes with the library
    "font.size": 7.5,
    "image.composite_image": False,
    "pdf.fonttype": 42,
    "savefig.dpi": "figure",
    "svg.fonttype": "none",
    "svg.hashsalt": "vizcore",  # the same figure gives the same file
    "text.parse_math": False,
    "text.usetex": False,
}
_ONE_AT_A_TIME = threading.Lock()


def graph_objects() -> ModuleType:
    """``plotly.graph_objects``, with pandas, where there is one, loaded to its end.

    plotly looks for pandas among the loaded modules without waiting for one that another thread is still loading, and
    fails on the half of it that it finds. An import statement does wait.
    """
    with suppress(ImportError):
        import pandas  # noqa: F401
    import plotly.graph_objects

    return plotly.graph_objects


@contextmanager
def printing() -> Iterator[ModuleType]:
    """``matplotlib`` with its settings for print, for one thread at a time, since they hold for the whole process."""
    with _ONE_AT_A_TIME:
        import matplotlib
        import matplotlib.figure

        with matplotlib.rc_context(_PRINT):
            yield matplotlib
