"""Names in charts are text: a network's classes and layers, and what a table from elsewhere calls its rows."""

from __future__ import annotations

from html import escape
from typing import Any


def as_text(figure: Any) -> None:
    """Let plotly draw the figure's names as they are; it would take some of HTML in them for links and colours."""
    for trace in figure.data:
        for place in ("name", "hovertext"):
            words = getattr(trace, place, None)
            if words is not None:
                setattr(trace, place, _escaped(words))
    for axis in (*figure.select_xaxes(), *figure.select_yaxes()):
        if axis.ticktext is not None:
            axis.ticktext = _escaped(axis.ticktext)


def _escaped(words: Any) -> Any:
    if isinstance(words, str):
        return escape(words, quote=False)
    # A matrix has rows of them.
    return [_escaped(one) for one in words] if isinstance(words, (list, tuple)) else words
