"""What every layer makes of one unchanged picture: kept, so that a covered window costs only what it can change."""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vizcore.classifier import Classifier
from vizcore.incremental import Windows
from vizcore.patches import Kept, keep
from vizcore.plan import Plan, plan_of
from vizcore.regions import spans, works

# Incremental only where it is estimated to need less than this share of the full computation.
WORTHWHILE = 0.9


@dataclass(frozen=True, eq=False)
class _Store:
    """What the layers of ``plan`` make of ``image``: values by node and padding, and the means over all places."""

    plan: Plan
    image: Tensor
    kept: dict[tuple[int, float], Kept]
    means: dict[int, Tensor]


# Of each network's last pictures, so that another window, stride, fill, class or score finds them computed.
_recent: weakref.WeakKeyDictionary[Classifier, deque[_Store]] = weakref.WeakKeyDictionary()
_recent_lock = threading.Lock()
_RECENT = 2


class Activations:
    """What every layer makes of one unchanged picture, shared by all windows and fills; computed when first needed.

    ``image`` (C,H,W) in [0,1]. Holds about as many numbers as the network has activations; those of each network's last
    two pictures are kept for the next map of the same picture. Safe to share between threads.
    """

    def __init__(self, clf: Classifier, image: Tensor) -> None:
        clf.check_image(image)
        self.clf, self.image = clf, image.detach().cpu().clone()
        self._lock = threading.Lock()
        self._store: _Store | None = None
        self._plan: Plan | None = None
        self._tried = False

    def windows(self, rows: Sequence[int], columns: Sequence[int], window: int) -> Windows | None:
        """The windows with these top and left edges, ready to be computed; None where the full passes are as good.

        That is so off the CPU, where small patches leave a GPU idle, for a network that cannot be taken apart, and
        where the regions would soon cover every layer.
        """
        if self.clf.device.type != "cpu":
            return None
        plan = self._planned()
        if plan is None:
            return None
        tables = [
            spans(plan.nodes, plan.steps, np.asarray(starts), window, axis)
            for axis, starts in enumerate((rows, columns))
        ]
        work, whole = works(plan.nodes, plan.steps, *tables)
        if work.mean() > WORTHWHILE * whole:
            return None
        with self._lock:
            self._store = self._store or self._found(plan) or self._compute(plan)
            if self._store is None:
                self._plan = None  # it does not fit this network: do not try again
                return None
            return Windows(plan, self._store.kept, self._store.means, tables, float(work.mean()))

    def paint(self, picture: Tensor) -> Kept:
        """A picture (C,H,W) in [0,1] as the network's zero-centred input, to be shown through windows."""
        return keep(self.clf.normalise(picture[None]))

    def _planned(self) -> Plan | None:
        with self._lock:
            if not self._tried:
                self._plan, self._tried = plan_of(self.clf, self.image), True
            return self._plan

    def _found(self, plan: Plan) -> _Store | None:
        with _recent_lock:
            stores = _recent.setdefault(self.clf, deque(maxlen=_RECENT))
            found = next((s for s in stores if s.plan is plan and torch.equal(s.image, self.image)), None)
            if found is not None:
                stores.remove(found)
                stores.append(found)
            return found

    def _compute(self, plan: Plan) -> _Store | None:
        """The store; None if the plan does not give the network's own answer."""
        z = self.clf.normalise(self.image[None]).contiguous(memory_format=torch.channels_last)
        kept: dict[tuple[int, float], Kept] = {}
        means: dict[int, Tensor] = {}
        values: list[Tensor | None] = []
        with torch.no_grad():
            for index, node in enumerate(plan.nodes):
                try:
                    value = node.run(values) if index else z
                except RuntimeError:
                    return None
                values.append(value)
                for (where, outside), padding in plan.kept.items():
                    if where == index:
                        kept[where, outside] = keep(value, padding, outside)
                if plan.steps[index].kind == "mean":
                    means[index] = value.clone()
                for source in node.inputs:
                    if plan.last_use[source] == index:
                        values[source] = None
            own = self.clf.logits_of_input(z)
        answer = values[-1]
        assert answer is not None
        same = answer.shape == own.shape and _close(answer.float(), own)
        if not same:
            return None
        store = _Store(plan, self.image, kept, means)
        with _recent_lock:
            _recent.setdefault(self.clf, deque(maxlen=_RECENT)).append(store)
        return store


def _close(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one, other, rtol=0, atol=1e-3 * float(other.abs().max()))
