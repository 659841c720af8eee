"""What Python is told once for the whole server, after everything is imported."""

from __future__ import annotations

import gc

from ui.running import drawing


def prepare() -> None:
    """Leave what is imported out of every later collection of garbage, and let threads take turns often."""
    # Streamlit collects all garbage after every run, and walking through torch's modules costs a quarter of a second.
    gc.collect()
    gc.freeze()
    drawing.give_way()
