"""Many networks, each examined in a process that may die of it without ending the run."""

from __future__ import annotations

import contextlib
import faulthandler
import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection

import torch

from tests.fuzz.architectures import generate
from tests.fuzz.architectures.case import case_of
from tests.fuzz.architectures.compare import NETWORK, Verdict, examine
from tests.fuzz.architectures.shrink import shrink

PATIENCE = 600.0  # seconds for one network, starting and shrinking included


@dataclass(frozen=True)
class Examined:
    """What became of one network. ``shrunk`` are small networks with the same faults, each of the techniques named."""

    name: str
    verdicts: dict[str, Verdict]
    seconds: float = 0.0
    shrunk: tuple[tuple[str, str], ...] = ()

    @property
    def faults(self) -> dict[str, Verdict]:
        return {technique: verdict for technique, verdict in self.verdicts.items() if verdict.fault}


def one(number: int, shrinking: bool) -> Examined:
    """Examine the network with this number."""
    description, begun = generate.describe(number), time.perf_counter()
    try:
        case = case_of(description)
        case.plain()
    except Exception as error:
        return Examined(str(number), {NETWORK: Verdict("unclear", reason=f"it cannot be made: {error}")})
    found = Examined(str(number), examine(case), time.perf_counter() - begun)
    if not (shrinking and found.faults):
        return found
    left, shrunk = found.faults, []
    while left:  # a small network may not have all of the faults
        technique, verdict = next(iter(left.items()))
        small = shrink(description, technique, verdict)
        seen = [name for name, other in examine(case_of(small), left).items() if other.fault]
        shrunk.append((", ".join([technique, *(name for name in seen if name != technique)]), str(small)))
        left = {name: other for name, other in left.items() if name not in seen and name != technique}
    return replace(found, shrunk=tuple(shrunk))


def many(numbers: Iterable[int], shrunk: int, study: Callable[[int, bool], Examined] = one) -> Iterator[Examined]:
    """Examine the networks in another process, and shrink the first ``shrunk`` that fail."""
    context = multiprocessing.get_context("spawn")
    process, pipe = None, None
    for number in numbers:
        if process is None or pipe is None:
            pipe, there = context.Pipe()
            process = context.Process(target=_serve, args=(there, study), daemon=True)
            process.start()
            there.close()
        pipe.send((number, shrunk > 0))
        ended = "no answer in time"
        try:
            if pipe.poll(PATIENCE):
                found: Examined = pipe.recv()
                shrunk -= bool(found.shrunk)
                yield found
                continue
        except EOFError:
            process.join()
            ended = f"the process ended with {process.exitcode}"
        process.kill()
        process.join()
        process = None
        yield Examined(str(number), {NETWORK: Verdict("crashed", 1.0, ended)})


def _serve(pipe: Connection, study: Callable[[int, bool], Examined]) -> None:
    faulthandler.enable()
    torch.set_num_threads(1)
    with contextlib.suppress(EOFError):  # nobody asks any more
        while True:
            pipe.send(study(*pipe.recv()))
