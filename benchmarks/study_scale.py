"""A study of very many pictures without the work: what it takes to keep, open and sum up rows that a stub makes.

    python -m benchmarks.study_scale --pictures 250000 --out FOLDER       a million rows of four methods

Prints seconds and the process's largest memory after each part: writing all rows, opening the finished study again,
summing it up with all intervals and paired differences, and reading what a page opens.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from vizcore.study import summary
from vizcore.study.plan import BASELINE, Plan, Study
from vizcore.study.rows import Row
from vizcore.study.sources import find
from vizcore.study.table import SUMMARY, Table

FIGURES = ("deletion", "insertion", "inside", "precision", "seconds")
METHODS = ("gradient", "occlusion", "edges", BASELINE)


def stub(plan: Plan) -> Iterator[list[Row]]:
    """The rows of each task: figures at random, each method with a mean of its own."""
    dice = np.random.default_rng(0)
    for task in plan.tasks:
        shared = dice.random()  # what makes a picture easy for all methods
        found = 0.5 * shared + 0.5 * dice.random((len(plan.methods), 5)) ** (1 + np.arange(len(plan.methods)))[:, None]
        yield [
            Row(
                task.picture.id,
                task.network,
                method,
                "cat",
                shared,
                **dict(zip(FIGURES, row, strict=True)),
                forward=196,
            )
            for method, row in zip(plan.methods, found.tolist(), strict=True)
        ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Make, open and sum up a study, and print what each took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=250_000)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args(arguments)
    begun = time.perf_counter()

    def told(part: str) -> None:
        nonlocal begun
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
        print(f"| {part} | {time.perf_counter() - begun:.1f} | {memory:.0f} |", flush=True)
        begun = time.perf_counter()

    print("| part | seconds | MiB at most so far |\n|---|--:|--:|")
    plan = Plan(Study(), find([f"scenes:0-{asked.pictures - 1}"]), (("mini-alexnet", "0" * 64),), METHODS)
    told(f"plan of {plan.count} tasks")
    with Table(asked.out, plan) as table:
        for found in stub(plan):
            table.append(found)
        told(f"{table.count} rows written")
    with Table(asked.out, plan) as table:
        assert not table.remaining()
        told("opened again")
        table.settle()
        told("put in order and summed up")
    if (asked.out / SUMMARY).exists():
        whole = summary.read((asked.out / SUMMARY).read_text(encoding="utf-8"))
        told(f"what a page opens, with {len(whole.sample)} rows as a sample")


if __name__ == "__main__":
    main()
