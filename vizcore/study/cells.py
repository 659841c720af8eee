"""Text in the cells of a table: never the beginning of a formula, whichever program opens it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# After OWASP, "CSV injection": what a spreadsheet takes for the beginning of a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cell(value: Any) -> Any:
    """The value as it may stand in a table: a text that begins a formula gets an apostrophe in front of it.

    Numbers, negative ones too, and all other values stay as they are. A text that has its apostrophe gets no second.
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def table(columns: Sequence[str], lines: Iterable[Mapping[str, Any]]) -> str:
    """Lines of values by column as CSV with a header, each text as :func:`cell` writes it; what is missing is empty."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow([cell(name) for name in columns])
    writer.writerows([cell(one.get(name, "")) for name in columns] for one in lines)
    return file.getvalue()
