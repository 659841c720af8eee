"""Cells of tables: no text begins a formula, numbers stay numbers, and what was written is read again."""

from __future__ import annotations

import csv
import io

import pytest

from ui.compare import export
from vizcore.study import cells, rows
from vizcore.study.rows import Row

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", '=HYPERLINK("http://x")']


@pytest.mark.parametrize("text", FORMULAS)
def test_a_text_that_begins_a_formula_gets_an_apostrophe_once(text: str) -> None:
    assert cells.cell(text) == f"'{text}"
    assert cells.cell(cells.cell(text)) == f"'{text}"


@pytest.mark.parametrize("value", ["", "horse", "a=b", "1-2", -0.5, -3, None, True])
def test_everything_else_stays_as_it_is(value: object) -> None:
    assert cells.cell(value) is value


@pytest.mark.parametrize("text", FORMULAS)
def test_no_table_that_is_offered_holds_a_formula(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [{"network": text, "target": text, "method": "gradient", "score": -0.5}]
    monkeypatch.setattr(export, "records", lambda *_: lines)
    compare = export.table(None, None)  # type: ignore[arg-type]
    shown = text.strip()  # rows hold one line of printable characters
    study = rows.write([Row(shown, "n", "m", target=rows.line(text), deletion=-0.5, error=shown)])
    for table, begin in ((compare, text), (f"{rows.HEADER}\n{study}", shown)):
        _, values = csv.reader(io.StringIO(table, newline=""))
        assert not [one for one in values if one.startswith(cells.FORMULA) and one != "-0.5"]
        assert "-0.5" in values
        assert cells.cell(begin) in values


def test_rows_that_were_escaped_are_read_and_written_as_before() -> None:
    once = rows.write([Row("=a", "n", "m", target="@b")])
    again = rows.write(rows.read(f"{rows.HEADER}\n{once}"))
    assert again == once
