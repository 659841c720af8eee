"""Python's syntax trees, also where several threads ask for them."""

from __future__ import annotations

import ast
import threading
from typing import Any

# Python 3.11 counts the depth of all threads' trees together, and raises SystemError where two are made at once.
_ONE_AT_A_TIME = threading.Lock()


def parsed(code: str, mode: str = "exec") -> Any:
    """The tree of ``code``, as :func:`ast.parse` gives it. Raises SyntaxError and ValueError as that does."""
    with _ONE_AT_A_TIME:
        return ast.parse(code, mode=mode)
