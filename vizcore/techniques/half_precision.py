"""Whether LIME may be computed in half precision here: what rounding changes in its scores, tried out every time."""

from __future__ import annotations

from torch import Tensor

CHECKED = 16  # sub-images that are asked about in both precisions
ROUGHEST = 0.05  # the largest share of the scores' spread that rounding may take; the map changes by no more


def rounding(short: Tensor, full: Tensor) -> float:
    """||short - full|| / ||full - mean(full)|| of the same n scores in both precisions; (n,) each; 0 if both vanish."""
    off, spread = float((short - full).double().norm()), float((full - full.mean()).double().norm())
    if spread > 0:
        return off / spread
    return 0.0 if off == 0 else float("inf")
