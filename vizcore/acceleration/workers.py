"""Several batches side by side on a CPU, each by a worker of its own: cores share a batch worse than the batches.

One layer of one batch is too little work to be divided among many cores. Workers that compute a batch each on their
own share of the cores need not wait for one another after every layer. Whoever asks for a computation may use as many
threads as torch gives him; the workers take these in his place, not in addition.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

import torch

from vizcore import machine
from vizcore.jobs import worktime

A = TypeVar("A")
B = TypeVar("B")

MOST = 4  # each needs memory of its own
_SHARE = 4  # of the machine's memory a fourth may be taken by what runs side by side

_pools: dict[int, tuple[ThreadPoolExecutor, int]] = {}  # by the number of threads that they share
_lock = threading.Lock()
_here = threading.local()


def count(device: torch.device, size: int) -> int:
    """How many batches of ``size`` bytes to compute side by side: 1 on a graphics card, or where there is one thread.

    It follows from the machine alone, not from what is free at the moment: the same map, bit for bit, on every start.
    """
    most = min(MOST, torch.get_num_threads())
    if device.type != "cpu" or most == 1 or getattr(_here, "working", False):
        return 1
    total = machine.total()
    room = MOST if total is None else total // _SHARE // max(1, size)
    return max(1, min(most, room))


def side_by_side(work: Callable[[A], B], parts: Sequence[A], most: int) -> list[B]:
    """``work`` of each of the parts, in their order; at most ``most`` at a time, each on its share of the threads.

    What one of them raises is raised here once none is running any more.
    """
    threads = torch.get_num_threads()
    workers = min(most, threads, MOST, len(parts))
    if workers < 2 or getattr(_here, "working", False):
        return [work(part) for part in parts]
    pool, able = _pool(threads)
    gradients, turns = torch.is_grad_enabled(), threading.Semaphore(min(workers, able))

    spent = [0.0] * len(parts)

    def step(index: int) -> B:
        with turns, torch.set_grad_enabled(gradients):  # which torch keeps for each thread
            begun = time.thread_time()
            try:
                return work(parts[index])
            finally:
                spent[index] = time.thread_time() - begun

    jobs = [pool.submit(step, index) for index in range(len(parts))]
    try:
        return [job.result() for job in jobs]
    finally:  # after an error as well: nothing is left running for a result that nobody waits for
        for job in jobs:
            job.cancel()
        wait(jobs)
        worktime.credit(sum(spent) / min(workers, able))


def _pool(threads: int) -> tuple[ThreadPoolExecutor, int]:
    """The workers that share so many threads, and how many they are; made when first asked for, and kept."""
    with _lock:
        if threads not in _pools:
            workers = min(MOST, threads)
            there = threading.Barrier(workers + 1)
            pool = ThreadPoolExecutor(workers, "vizcore.acceleration.workers", _begin, (threads // workers,))
            for _ in range(workers):
                pool.submit(there.wait)  # nobody can take two of these, so that all of them are started now
            there.wait()
            # Told to one thread, torch lets those that are yet to be started begin with the same number.
            torch.set_num_threads(threads)
            _pools[threads] = pool, workers
        return _pools[threads]


def _begin(threads: int) -> None:
    _here.working = True
    torch.get_num_threads()  # at its first use in a thread torch sets the number, whatever was set before
    torch.set_num_threads(threads)
