"""Many pictures through a network, in batches that fit into memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from vizcore.acceleration import interface
from vizcore.jobs import turns

B = TypeVar("B")
# Activations of a batch up to which doubling it pays: so many times the weights, and so many at all.
_FEW, _MOST = 6, 100_000_000


class Batched(Protocol):
    """What runs on a device with so many pictures at once."""

    device: torch.device
    batch_size: int


def in_batches(clf: Batched, x: Tensor, work: Callable[[Tensor], B], size: Callable[[], int], each: int) -> list[B]:
    """``work`` of parts of x (N,...) of at most ``size()`` rows, in their order; ``each`` row takes so many bytes.

    Side by side on a CPU where all of the workers get enough of it. Others may have their turn before each. When the
    device runs out of memory the classifier's batch size, on which ``size`` depends, is halved for good; what is
    finished is kept.
    """
    beside = interface.workers_for(clf.device, size() * each)
    found: list[B] = []
    if beside > 1 and 2 * len(x) >= beside * size():
        rounds = -(-len(x) // (beside * size()))
        parts = x.tensor_split(min(len(x), beside * rounds))
        for begin in range(0, len(parts), beside):
            turns.give_way()
            found += interface.side_by_side(work, parts[begin : begin + beside], beside)
        return found
    done = 0
    while done < len(x):
        turns.give_way()
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


def first_batch_size(device: torch.device, size: tuple[int, int], weights: int, kept: int | None) -> int:
    """As many pictures as eight of 224 x 224 pixels on a CPU (more only spills its caches), a few hundred on a GPU.

    Up to four times as many on a CPU where these have few activations beside the network's ``weights`` (``kept`` of one
    picture, where known): a batch reads each weight once, so that the reading is then shared by more pictures.
    It follows from the network and the device alone, and is never timed: the same settings give the same map, bit for
    bit, on every start.
    """
    pictures = 8 if device.type == "cpu" else 256
    usual = max(1, min(512, round(pictures * 224 * 224 / (size[0] * size[1]))))
    batch = usual
    while device.type == "cpu" and kept and batch < 4 * usual and batch * kept < min(_FEW * weights, _MOST):
        batch *= 2
    return batch
