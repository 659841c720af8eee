"""The JavaScript of a component: one text of several files, since a component loads no others."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent


def script(*names: str | Path) -> str:
    """The files one after the other: those of this folder by their names, others by their paths."""
    return "\n".join((_HERE / name).read_text(encoding="utf-8") for name in names)
