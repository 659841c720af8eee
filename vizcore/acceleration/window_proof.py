"""Incremental occlusion is held to full passes, and full passes answer where it fails."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from vizcore.acceleration.incremental import Windows
from vizcore.acceleration.network import Network
from vizcore.acceleration.patches import Kept
from vizcore.acceleration.plan import Plan
from vizcore.acceleration.proof import switch_off

CLOSE = 3e-4  # of the largest logit
# Of each network: the plan that was proven, and whether it holds.
_proofs: weakref.WeakKeyDictionary[Network, tuple[Plan, bool]] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


class InFull:
    """Logits (n,K) of a picture (C,H,W) with windows covered, by full passes."""

    def __init__(self, clf: Network, image: Tensor, rows: Sequence[int], columns: Sequence[int], window: int) -> None:
        """``rows`` and ``columns`` are the windows' top and left edges."""
        self.clf, self.image = clf, image
        self._rows, self._columns, self._window = rows, columns, window

    def __call__(self, cells: Sequence[tuple[int, int]], paint: Kept, error: Exception | None = None) -> Tensor:
        """With the windows at ``cells`` showing ``paint``; ``error`` is what computing the regions alone came to."""
        if error is not None:
            switch_off("incremental occlusion", f"it raises {type(error).__name__}", self.clf)
        z, found = self.clf.normalise(self.image[None]), []
        for begin in range(0, len(cells), self.clf.at_once):
            some = cells[begin : begin + self.clf.at_once]
            covered = z.repeat(len(some), 1, 1, 1)  # (1,C,H,W) -> (n,C,H,W)
            for picture, (row, column) in zip(covered, some, strict=True):
                top, left = self._rows[row], self._columns[column]
                here = slice(top, top + self._window), slice(left, left + self._window)
                picture[:, here[0], here[1]] = paint.padded[here].permute(2, 0, 1)  # (h,w,C) -> (C,h,w)
            with torch.no_grad():
                found.append(self.clf.logits_of_input(covered).float())
        return torch.cat(found)


def proven(
    clf: Network,
    plan: Plan,
    windows: Windows,
    whole: InFull,
    painted: Callable[[Tensor], Kept],
    size: tuple[int, int],
) -> bool:
    """Whether a few of the grid's ``size`` windows are answered as in full; asked once for each plan of a network.

    ``windows`` come two at a time, so that what is no batch is told by joining several.
    """
    with _lock:
        known = _proofs.get(clf)
        if known is None or known[0] is not plan:
            picture = torch.rand(whole.image.shape, generator=torch.Generator().manual_seed(0))
            known = (plan, _agrees(windows, whole, painted(picture), size))
            _proofs[clf] = known
        return known[1]


def _agrees(windows: Windows, whole: InFull, paint: Kept, size: tuple[int, int]) -> bool:
    down, right = size
    cells = list(dict.fromkeys([(0, 0), (down // 2, right // 2), (down - 1, right - 1)]))
    try:
        found, alone = windows.logits(cells, paint), windows.logits(cells[-1:], paint)
        own = whole(cells, paint)
        if found.shape == own.shape and close(found, own, CLOSE) and close(alone, own[-1:], CLOSE):
            return True
        why = "its logits differ from those of full passes"
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:  # a stranger's network may do anything
        why = f"it raises {type(error).__name__}"
    switch_off("incremental occlusion", why, whole.clf)
    return False


def close(one: Tensor, other: Tensor, share: float) -> bool:
    """Whether two answers are alike up to this share of the largest number."""
    return torch.allclose(one, other, rtol=0, atol=share * float(other.abs().max()))
