"""The chart library, loaded when the first chart is drawn, since that takes half a second."""

from __future__ import annotations

from contextlib import suppress
from types import ModuleType


def graph_objects() -> ModuleType:
    """``plotly.graph_objects``, with pandas, where there is one, loaded to its end.

    plotly looks for pandas among the loaded modules without waiting for one that another thread is still loading, and
    fails on the half of it that it finds. An import statement does wait.
    """
    with suppress(ImportError):
        import pandas  # noqa: F401
    import plotly.graph_objects

    return plotly.graph_objects
