"""Give a thousand inputs to a function in a process of its own, and notice when it crashes, hangs or eats memory.

    python -m tests.fuzz.pictures --count 20000

Input k is made from the seed and k alone, so that a failure is repeated by its number (``--first k --count 1``).
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from vizcore import memory

HANG = 2.0  # seconds of computing
LOST = 60.0  # seconds on the clock after which a process is given up
START = 300.0  # seconds that it may take to import everything
SPIKE = 500 * 2**20  # bytes

Make = Callable[[int], Any]  # number -> input
Try = Callable[[Any], str]  # input -> what became of it; any exception is a failure


@dataclass
class Report:
    """What became of the inputs: how many of each kind, the worst of each measure, and every failure by its number."""

    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[int, str]] = field(default_factory=list)
    slowest: tuple[float, int] = (0.0, -1)
    largest: tuple[int, int] = (0, -1)

    def __str__(self) -> str:
        count = sum(self.outcomes.values())
        kinds = ", ".join(f"{number} {kind}" for kind, number in self.outcomes.most_common())
        lines = [
            f"{count} inputs: {kinds}",
            f"slowest: {self.slowest[0]:.2f} s of computing (number {self.slowest[1]})",
            f"most memory: {self.largest[0] / 2**20:.0f} MB more than before (number {self.largest[1]})",
            f"failures: {len(self.failures)}",
        ]
        return "\n".join([*lines, *(f"  number {number}: {text}" for number, text in self.failures[:50])])


def watch(make: Make, attempt: Try, first: int, count: int, tell: Callable[[str], None] = lambda _: None) -> Report:
    """Try the inputs ``first`` to ``first + count - 1`` and report; a process that died or hangs is replaced."""
    report = Report()
    context = multiprocessing.get_context("spawn")
    number, end = first, first + count
    while number < end:
        here, there = context.Pipe()
        process = context.Process(target=_serve, args=(make, attempt, there, number, end), daemon=True)
        process.start()
        there.close()
        patience = START
        while number < end:
            try:
                if not here.poll(patience):
                    report.outcomes["hung"] += 1
                    report.failures.append((number, f"no answer within {LOST:g} s"))
                    number += 1
                    break
                answer: tuple[str, float, int, bool] | None = here.recv()
            except EOFError:
                process.join()
                report.outcomes["crashed"] += 1
                report.failures.append((number, f"the process ended with {process.exitcode}"))
                number += 1
                break
            patience = LOST
            if answer is None:  # ready
                continue
            outcome, seconds, memory, failed = answer
            report.outcomes["failed" if failed else outcome] += 1
            report.slowest = max(report.slowest, (seconds, number))
            report.largest = max(report.largest, (memory, number))
            if failed:
                report.failures.append((number, outcome))
            if seconds > HANG:
                report.failures.append((number, f"it took {seconds:.1f} s of computing"))
            if memory > SPIKE:
                report.failures.append((number, f"it took {memory / 2**20:.0f} MB"))
            number += 1
            if (number - first) % 1000 == 0:
                tell(f"{number - first} of {count}, {len(report.failures)} failures")
        process.kill()
        process.join()
        here.close()
    return report


def sentence(error: Exception, longest: int) -> str:
    """The outcome of an input that is refused, as long as that is said in one sentence."""
    if not 10 < len(str(error)) < longest:
        raise RuntimeError(f"not a sentence: {str(error)[:500]}")
    return "refused"


def _serve(make: Make, attempt: Try, pipe: Connection, first: int, end: int) -> None:
    faulthandler.enable()
    pipe.send(None)
    for number in range(first, end):
        given = make(number)
        memory.release()
        base = _peak(reset=True)
        begun = time.process_time()
        try:
            outcome, failed = attempt(given), False
        except Exception as error:
            outcome, failed = f"{type(error).__name__}: {error}"[:300], True
        pipe.send((outcome, time.process_time() - begun, max(0, _peak() - base), failed))


def _peak(reset: bool = False) -> int:
    """The most memory in bytes that this process has had in use, since the last reset where the system can tell."""
    status = Path("/proc/self/status")
    if not status.exists():
        import resource  # which Windows does not have

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if reset:
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def main(make: Make, attempt: Try, count: int) -> None:
    """The command: print the report, and end with 1 where something failed."""
    parser = argparse.ArgumentParser(description="Try damaged inputs from a seed.")
    parser.add_argument("--count", type=int, default=count)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    options = parser.parse_args()
    report = watch(make, attempt, options.first, options.count, lambda line: print(line, file=sys.stderr, flush=True))
    print(report)
    sys.exit(1 if report.failures else 0)
