"""Many pictures through a network, in batches that fit into memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from vizcore.acceleration import interface
from vizcore.jobs import turns

B = TypeVar("B")
# Activations of a batch up to which doubling it pays: so many times the weights, and so many at all.
_FEW, _MOST = 6, 100_000_000
WORK = 72_000_000_000  # operations in one batch: half a second on two cores


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


def first_batch_size(device: torch.device, size: tuple[int, int], weights: int, kept: int | None, work: int) -> int:
    """As many pictures as eight of 224 x 224 pixels on a CPU (more only spills its caches), a few hundred on a GPU.

    Up to four times as many on a CPU where these have few activations beside the network's ``weights`` (``kept`` of one
    picture, where known): a batch reads each weight once, so that the reading is then shared by more pictures.
    A pass of the batch has a bounded amount of ``work`` (multiplications and additions of one picture), so that others
    get their turn in between. It follows from the network and the device alone, and is never timed: the same settings
    give the same map, bit for bit, on every start.
    """
    pictures = 8 if device.type == "cpu" else 256
    usual = max(1, min(512, round(pictures * 224 * 224 / (size[0] * size[1]))))
    batch = usual
    while device.type == "cpu" and kept and batch < 4 * usual and batch * kept < min(_FEW * weights, _MOST):
        batch *= 2
    if device.type == "cpu" and work:
        batch = max(1, min(batch, WORK // work))
    return batch


def work_of(network: Callable[[Tensor], object], shape: tuple[int, ...], device: torch.device) -> int:
    """Multiplications and additions for one input of this shape, as torch counts them; 0 where they are not known."""
    if device.type != "cpu":
        return 0
    try:
        with torch.no_grad(), _Counting() as counting:
            network(torch.zeros(1, *shape))
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except Exception:  # a stranger's network may not stand being watched
        return 0
    return counting.operations


class _Counting(TorchDispatchMode):
    """As torch's own counter, which hooks every module of the process while it counts, also those of other threads."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = 0

    def __torch_dispatch__(
        self, function: Any, types: Any, given: tuple[Any, ...] = (), named: dict[str, Any] | None = None
    ) -> Any:
        answer = function(*given, **(named or {}))
        count = flop_registry.get(function._overloadpacket)
        if count is not None:
            self.operations += int(count(*given, **(named or {}), out_val=answer))
        return answer
