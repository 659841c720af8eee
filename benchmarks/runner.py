"""Contenders take turns, A B C A B C ..., so that a busy moment does not hit one alone; each in its own process."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from benchmarks.children import Child, ChildError
from benchmarks.contender import Contender
from benchmarks.job import Job
from benchmarks.networks import weights_of
from benchmarks.store import Store
from benchmarks.techniques import ALL


def contender_of(job: Job) -> Contender:
    return ALL[job.technique].contenders[job.contender]


def measure(store: Store, jobs: Sequence[Job], threads: Sequence[int], repeats: int, patience: float) -> None:
    """Let the contenders of one comparison take turns until each has ``repeats`` measurements in the store.

    ``threads`` holds the numbers of threads to measure with (0: as many as torch likes). A contender is not asked
    again once its measurements with one number of threads have taken ``patience`` seconds together. Those that fail or
    whose package is missing are noted and left out.
    """
    due = [job for job in jobs if any(_wanted(store, job, n, repeats, patience) for n in threads)]
    with ExitStack() as stack:
        children = _started(store, due, threads, stack)
        for _ in range(repeats):
            for number in threads:
                for child in list(children):
                    if not _wanted(store, child.job, number, repeats, patience):
                        continue
                    try:
                        answer = child.ask(do="run", threads=number)
                    except ChildError as error:
                        _fail(store, child.job, error)
                        children.remove(child)
                        continue
                    how = {"threads": number, "at_once": child.job.at_once, "weights": weights_of(child.job.network)}
                    store.add("time", child.job, **how, **answer)
                    say(f"  {child.job.contender}, threads {number or 'all'}: {answer['wall']:.3g} s")
            _compare(store, children)


def _started(store: Store, jobs: Sequence[Job], threads: Sequence[int], stack: ExitStack) -> list[Child]:
    """The children that could be prepared, and warmed up with a small trial."""
    starting: list[Child] = []
    for job in jobs:
        package = contender_of(job).package
        if package and find_spec(package) is None:
            if not store.of("failed", job):
                store.add("failed", job, reason="not installed")
            continue
        try:
            at_once = _at_once(store, job)
        except ChildError as error:
            _fail(store, job, error)
            continue
        starting.append(stack.enter_context(Child(replace(job, at_once=at_once))))
    children = []
    for child in starting:
        try:
            child.ready()
            if child.job.technique != "first":  # there the very first call counts
                for number in threads:
                    child.ask(do="warm", threads=number)
            children.append(child)
        except ChildError as error:
            _fail(store, child.job, error)
    return children


def _wanted(store: Store, job: Job, threads: int, repeats: int, patience: float) -> bool:
    took = [row["wall"] for row in store.of("time", job) if row["threads"] == threads]
    return len(took) < repeats and sum(took) < patience


def _at_once(store: Store, job: Job) -> int:
    """The fastest number of pictures at once, found in a process of its own, whose memory does not count."""
    if job.at_once or not contender_of(job).batched:
        return job.at_once
    if not (known := store.of("at_once", job)):
        if ALL[job.technique].passes(job.settings, 224) == 1:
            store.add("at_once", job, at_once=1)
        else:
            with Child(job) as scout:
                scout.ready()
                store.add("at_once", job, **scout.ask(do="scout"))
        known = store.of("at_once", job)
    found: int = known[-1]["at_once"]
    return found


def _compare(store: Store, children: Sequence[Child]) -> None:
    """Note how far each contender's map is from ours, once."""
    ours = next((child for child in children if child.job.contender == "ours"), None)
    others = [
        child
        for child in children
        if contender_of(child.job).agreement != "none" and not store.of("agreement", child.job)
    ]
    if ours is None or not others:
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "map.npy"
        if not ours.ask(do="save", path=str(path))["saved"]:
            return
        mine = np.load(path, allow_pickle=False)
        for child in others:
            if not child.ask(do="save", path=str(path))["saved"]:
                continue
            theirs, about = np.load(path, allow_pickle=False), contender_of(child.job)
            same = about.like(mine, theirs.shape)
            if about.agreement == "largest":
                values = {"largest": float(np.abs(same - theirs).max()), "of": float(np.abs(same).max())}
            else:
                values = {"correlation": float(np.corrcoef(same.ravel(), theirs.ravel())[0, 1])}
            store.add("agreement", child.job, **values)


def _fail(store: Store, job: Job, error: ChildError) -> None:
    store.add("failed", job, reason=str(error))
    say(f"  {job.contender} cannot be measured: {error}")


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
