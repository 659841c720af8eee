"""For mkdocstrings: docstrings as they are written here, made ready for Markdown.

``:class:`X` `` becomes code, and what a formula has of ``*``, ``_`` and ``<`` is kept from being read as markup.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_ROLE = re.compile(r":(?:class|func|meth|mod|data|attr|exc):`~?([^`]+)`")
_CODE = re.compile(r"(``[^`]+``|`[^`]+`)")
_MARKUP = re.compile(r"([*_<\[\]|])")


def markdown(text: str) -> str:
    """A docstring of this project as Markdown."""
    parts = _CODE.split(_ROLE.sub(r"`\1`", text))
    return "".join(part if part.startswith("`") else _MARKUP.sub(r"\\\1", part) for part in parts)


class Roles(griffe.Extension):
    """Rewrites every docstring of the package once it is loaded."""

    def on_instance(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = markdown(obj.docstring.value)
