"""Where the regions of one batch of windows lie in every layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vizcore.acceleration.graph import Node
from vizcore.acceleration.regions import Ints


@dataclass(frozen=True)
class Places:
    """Where the regions of a batch lie: corners (nodes,n) and, the same for all n windows, sizes (nodes,)."""

    tops: Ints
    lefts: Ints
    heights: Ints
    widths: Ints

    def of(self, node: int) -> tuple[Ints, Ints, int, int]:
        """Top edges (n,), left edges (n,), height and width of the regions of one node."""
        return self.tops[node], self.lefts[node], int(self.heights[node]), int(self.widths[node])

    def same(self, one: int, other: int) -> bool:
        """Whether the regions of two nodes coincide."""
        if self.heights[one] != self.heights[other] or self.widths[one] != self.widths[other]:
            return False
        return all((corners[one] == corners[other]).all() for corners in (self.tops, self.lefts))


def place(nodes: Sequence[Node], tables: Sequence[tuple[Ints, Ints]], cells: Sequence[tuple[int, int]]) -> Places:
    """Regions of one size for all cells of the grid, the largest that any needs, moved so that they lie inside."""
    corners, sizes = [], []
    for axis, picked in enumerate(np.asarray(cells).T):
        low, high = (table[:, picked] for table in tables[axis])  # (nodes,g) -> (nodes,n)
        lengths = np.array([node.shape[2 + axis] if len(node.shape) == 4 else 1 for node in nodes])
        sizes.append((high - low).max(1))
        corners.append(np.minimum(low, (lengths - sizes[axis])[:, None]))
    return Places(corners[0], corners[1], sizes[0], sizes[1])
