"""The order in which windows are computed, so that those of one batch are alike."""

from __future__ import annotations

from collections.abc import Sequence


def alike(
    cells: Sequence[tuple[int, int]], height: Sequence[float], width: Sequence[float], batch: int
) -> list[tuple[int, int]]:
    """The cells ordered so that each run of ``batch`` of them is alike both in height (gh,) and in width (gw,).

    They are halved again and again along the axis on which they differ more, always between two runs.
    """
    if len(cells) <= batch:
        return list(cells)
    heights, widths = [height[r] for r, _ in cells], [width[c] for _, c in cells]
    if max(heights) * min(widths) >= max(widths) * min(heights):
        ordered = sorted(cells, key=lambda cell: (height[cell[0]], width[cell[1]], cell))
    else:
        ordered = sorted(cells, key=lambda cell: (width[cell[1]], height[cell[0]], cell))
    half = -(-len(cells) // batch) // 2 * batch  # the first half is whole runs, so that later runs keep their places
    return alike(ordered[:half], height, width, batch) + alike(ordered[half:], height, width, batch)
