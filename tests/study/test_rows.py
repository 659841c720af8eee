"""What a page reads of a large table."""

from __future__ import annotations

from vizcore.study import rows
from vizcore.study.rows import Row


def test_of_a_large_table_the_first_rows_are_read() -> None:
    found = tuple(Row(f"scene:{k}", f"net{k}", "gradient") for k in range(50))
    text = f"{rows.HEADER}\n{rows.write(found)}"
    assert rows.read(text, 20) == found[:20]
    assert rows.read(text, 50) == found
    assert rows.shortened(found, 3, 9) == found[:3]
    assert rows.shortened(found, 99, 1) == found
    assert rows.shortened([Row("a", "n", "x"), Row("a", "n", "y")], 1, 1) == (Row("a", "n", "x"),)
