"""Cards beside each other: how many, at which width."""

from __future__ import annotations

import re

import pytest

from ui.viewer.cards import layout, rules


@pytest.mark.parametrize(
    ("count", "fit", "least", "few", "expected"),
    [
        (4, 3, 100, None, (4, False)),  # four seeds beside the settings
        (4, 3, 168, None, (2, False)),  # the same, where they may not become smaller
        (9, 2, 150, 3, (2, True)),  # the picture and eight maps on a telephone: the picture has a row to itself
        (3, 5, 150, 3, (3, False)),  # few maps become larger
        (2, 5, 150, 3, (3, False)),
        (2, 5, 100, None, (5, False)),  # few pictures keep their size
        (1, 1, 100, None, (1, False)),
    ],
)
def test_columns_for_a_width(count: int, fit: int, least: int, few: int | None, expected: tuple[int, bool]) -> None:
    assert layout(count, fit, fit * 168 + (fit - 1) * 16, least, few) == expected


def test_each_width_has_its_rule_and_wider_ones_come_later() -> None:
    found = rules("seeds", 4, 168, 100)
    widths = [16 * float(one) for one in re.findall(r"@container \(min-width: ([\d.]+)rem\)", found)]
    assert widths == sorted(widths)
    assert widths[:2] == [2 * 168 + 16, 3 * 168 + 32]
    assert len(re.findall("@container", rules("maps", 9, 160, 150, most=5))) == 4
    columns = [int(one) for one in re.findall(r"repeat\((\d+),", found)]
    assert columns[:4] == [1, 2, 4, 4]
    assert "1 / -1" not in found
    assert "1 / -1" in rules("maps", 9, 160, 150)
