"""No picture is alone in the last row, wherever that can be had."""

from __future__ import annotations

import pytest

from vizcore.pictures.columns import columns, lonely


@pytest.mark.parametrize(
    ("count", "fit", "expected"),
    [
        (4, 3, 4),  # not 3 + 1
        (8, 7, 8),  # not 7 + 1
        (8, 3, 4),  # two whole rows in place of 3 + 3 + 2
        (9, 5, 5),
        (6, 5, 6),
        (11, 5, 6),  # 6 + 5
        (12, 3, 3),
        (5, 2, 3),
        (6, 2, 2),
        (2, 5, 5),  # one row: the pictures keep their size
        (7, 1, 1),
    ],
)
def test_columns_leave_whole_rows_where_they_can(count: int, fit: int, expected: int) -> None:
    assert columns(count, fit) == expected


def test_a_lonely_picture_only_where_all_columns_near_leave_one() -> None:
    for fit in range(2, 9):
        for count in range(1, 60):
            found = columns(count, fit)
            assert count <= fit or max(2, fit - 1) <= found <= fit + 1
            near = range(max(2, fit - 1), fit + 2)
            assert not lonely(count, found) or all(lonely(count, one) for one in near)
    assert lonely(7, columns(7, 2))
    assert columns(4, 3, wider=3) == 2  # where the pictures may not become smaller


def test_nothing_cannot_be_laid_out() -> None:
    with pytest.raises(ValueError, match="count and fit are 0 and 3"):
        columns(0, 3)
