"""Many pictures through a network, in batches that fit into memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from vizcore.acceleration import interface

B = TypeVar("B")


class Batched(Protocol):
    """What runs on a device with so many pictures at once."""

    device: torch.device
    batch_size: int


def in_batches(clf: Batched, x: Tensor, work: Callable[[Tensor], B], size: Callable[[], int], each: int) -> list[B]:
    """``work`` of parts of x (N,...) of at most ``size()`` rows, in their order; ``each`` row takes so many bytes.

    Side by side on a CPU where all of the workers get enough of it. When the device runs out of memory the classifier's
    batch size, on which ``size`` depends, is halved for good; what is finished is kept.
    """
    beside = interface.workers_for(clf.device, size() * each)
    if beside > 1 and 2 * len(x) >= beside * size():
        rounds = -(-len(x) // (beside * size()))
        return interface.side_by_side(work, x.tensor_split(min(len(x), beside * rounds)), beside)
    found: list[B] = []
    done = 0
    while done < len(x):
        part = x[done : done + size()]
        try:
            found.append(work(part))
        except torch.OutOfMemoryError:
            if len(part) == 1:
                raise
            while size() > len(part) // 2:
                clf.batch_size = max(1, clf.batch_size // 2)
            torch.cuda.empty_cache()
            continue
        done += len(part)
    return found
