"""What every layer makes of one unchanged picture: kept, so that a covered window costs only what it can change."""

from __future__ import annotations

import itertools
import math
import sys
import threading
import weakref
from collections import deque
from collections.abc import Sequence

import torch
from torch import Tensor

from vizcore import machine
from vizcore.acceleration import winograd, workers
from vizcore.acceleration.convolution import Convolution
from vizcore.acceleration.incremental import Key, Windows, batch_of, needs
from vizcore.acceleration.network import Network
from vizcore.acceleration.patches import Kept, keep
from vizcore.acceleration.places import place
from vizcore.acceleration.plan import Plan, plan_of
from vizcore.acceleration.proof import switch_off
from vizcore.acceleration.regions import Ints, partial
from vizcore.acceleration.window_costs import grid
from vizcore.acceleration.window_proof import InFull, close, proven


class _Store:
    """What the layers of ``plan`` make of ``image``: values by node and padding, and the means over all places.

    Only what some batch of windows has needed so far is kept, which is about half of all; the rest is computed when it
    is asked for.
    """

    def __init__(self, plan: Plan, image: Tensor, z: Tensor) -> None:
        self.plan, self.image, self._z = plan, image, z
        self.means: dict[int, Tensor] = {}
        self._kept: dict[Key, Kept] = {}
        self._lock = threading.Lock()

    @property
    def bytes(self) -> int:
        """What is kept, in bytes."""
        return sum(one.padded.nbytes for one in self._kept.values())

    def kept(self, needed: set[Key]) -> dict[Key, Kept]:
        """A table that holds at least what is ``needed``, by node and number beyond the border."""
        with self._lock:
            missing = needed - self._kept.keys()
            if missing:
                self._compute(missing)
            return self._kept

    def answer(self, needed: set[Key]) -> Tensor:
        """The logits (1,K), from the same pass that keeps what is ``needed``."""
        with self._lock:
            return self._compute(needed, to_the_end=True)

    def _compute(self, missing: set[Key], to_the_end: bool = False) -> Tensor:
        nodes, steps, last_use = self.plan.nodes, self.plan.steps, self.plan.last_use
        values: list[Tensor | None] = []
        found: dict[Key, Kept] = {}
        last = len(nodes) if to_the_end else 1 + max(where for where, _ in missing)
        value = self._z
        with torch.no_grad():
            for index, node in enumerate(nodes[:last]):
                value = node.run(values) if index else self._z
                values.append(value)
                for where, outside in missing:
                    if where == index:
                        found[where, outside] = keep(value, self.plan.kept[where, outside], outside)
                if steps[index].kind == "mean":
                    self.means[index] = value.clone()
                for source in node.inputs:
                    if last_use[source] == index:
                        values[source] = None
        self._kept = {**self._kept, **found}  # another thread may be reading the table
        return value


# Of each network's last pictures, so that another window, stride, fill, class or score finds them computed: so many, as
# far as they take no more than so many bytes together, and the last one.
_recent: weakref.WeakKeyDictionary[Network, deque[_Store]] = weakref.WeakKeyDictionary()
_recent_lock = threading.Lock()
_RECENT, _RECENT_BYTES = 2, 64 * 2**20
# Bytes that oneDNN keeps for the many shapes of regions, and that lie idle between blocks of many sizes, as measured.
_BESIDE = 64 * 2**20


class Activations:
    """What every layer makes of one unchanged picture, shared by all windows and fills; computed when first needed.

    ``image`` (C,H,W) in [0,1]. ``most`` bytes may be taken beside the network, about; None for half of what the machine
    has free. Holds at most as many numbers as the network has activations, mostly about half; those of each network's
    last two pictures are kept for the next map of the same picture. Safe to share between threads.
    """

    def __init__(self, clf: Network, image: Tensor, most: int | None = None, *, off: bool = False) -> None:
        clf.check_image(image)
        self.most, self._off = most, off
        self.clf, self.image = clf, image.detach().cpu().clone()
        self._lock = threading.Lock()
        self._store: _Store | None = None
        self._plan: Plan | None = None
        self._tried = False

    def windows(self, rows: Sequence[int], columns: Sequence[int], window: int) -> Windows | None:
        """The windows with these top and left edges, ready to be computed; None where the full passes are as good.

        That is so off the CPU, where small patches leave a GPU idle, for a network that cannot be taken apart or is
        answered otherwise then, where they are counted to cost as much (:mod:`vizcore.acceleration.window_costs`), and
        where there is no memory for them.
        """
        able = not self._off and self.clf.passes.in_parts and self.clf.device.type == "cpu"
        if not able or self._free() < self.clf.picture_bytes:
            return None
        try:
            return self._windows(rows, columns, window)
        except (torch.OutOfMemoryError, MemoryError):
            raise
        except Exception as error:  # what a stranger's network does to the planner is no reason to fail
            switch_off("incremental occlusion", f"it raises {type(error).__name__}", self.clf)
            self._off = True
            return None

    def _windows(self, rows: Sequence[int], columns: Sequence[int], window: int) -> Windows | None:
        plan = self._planned()
        if plan is None:
            return None
        found = grid(self.clf, plan, rows, columns, window)
        if not found.pays:
            return None
        tables = found.tables
        usual = _usual(plan, tables)
        batch, beside = self._batch(plan, found.each, usual)
        if batch == 0:
            return None
        with self._lock:
            self._store = self._store or self._found(plan) or self._begun(plan, usual)
            if self._store is None:
                self._plan = None  # it does not fit this network: do not try again
                return None
            given = plan, self._store, tables, found.work
        in_full = InFull(self.clf, self.image, rows, columns, window)
        few = Windows(*given, min(2, batch), beside)
        if not proven(self.clf, plan, few, in_full, self.paint, (len(rows), len(columns))):
            return None
        return Windows(*given, batch, beside, in_full)

    @property
    def pictures(self) -> int:
        """How many pictures to ask about at once in full passes: one where memory is short."""
        return max(1, min(self.clf.at_once, self._free() // self.clf.picture_bytes))

    def _free(self) -> int:
        """Bytes that may be taken."""
        if self.most is not None:
            return self.most
        if self.clf.device.type != "cpu":
            return sys.maxsize
        found = machine.memory()
        return sys.maxsize if found is None else found[0] // 2

    def _batch(self, plan: Plan, each: float, usual: set[Key]) -> tuple[int, int]:
        """How many windows of ``each`` so many bytes to compute at once, and how many times as many side by side."""
        free = self._free() - _BESIDE - sum(4 * math.prod(plan.nodes[where].shape) for where, _ in usual)
        tiles = any(isinstance(node.op, Convolution) and node.op.fewer for node in plan.nodes)
        batch, room = batch_of(plan, each), winograd.ROOM if tiles else 0
        whole = int(batch * each) + room
        beside = max(1, min(workers.count(self.clf.device, whole), free // whole))
        return max(0, min(batch, int((free // beside - room) / each))), beside

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

    def _begun(self, plan: Plan, usual: set[Key]) -> _Store | None:
        """A new store; None if the plan does not give the network's own answer."""
        z = self.clf.normalise(self.image[None]).contiguous(memory_format=torch.channels_last)
        store = _Store(plan, self.image, z)
        try:
            answer = store.answer(usual)
        except Exception as error:
            switch_off("incremental occlusion", f"it raises {type(error).__name__}", self.clf)
            return None
        with torch.no_grad():
            own = self.clf.logits_of_input(z)
        if answer.shape != own.shape or not close(answer.float(), own, 1e-3):
            return None
        with _recent_lock:
            stores = _recent.setdefault(self.clf, deque(maxlen=_RECENT))
            stores.append(store)
            while len(stores) > 1 and sum(one.bytes for one in stores) > _RECENT_BYTES:
                stores.popleft()
        return store


def _usual(plan: Plan, tables: list[tuple[Ints, Ints]]) -> set[Key]:
    """What nearly all batches need: that of windows in the corners, at the edges and in the middle of the grid."""
    counts = [low.shape[1] for low, _ in tables]
    picked = [{0, min(1, count - 1), count // 2, max(0, count - 2), count - 1} for count in counts]
    found: set[Key] = set()
    for cell in itertools.product(*picked):
        places = place(plan.nodes, tables, [cell])
        found |= needs(plan, places, partial(plan.nodes, plan.steps, places.heights, places.widths))
    return found
