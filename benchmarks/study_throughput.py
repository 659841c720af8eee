"""How much of a study's computing is the passes that it needs, and what a second worker brings.

    python -m benchmarks.study_throughput --pictures 40
    python -m benchmarks.study_throughput --pictures 200 --workers

The first table: CPU seconds per picture on one thread, beside those of as many forward and backward passes of the
untouched module in its fastest batch. Counted are the passes of the method, of its curves and of the random map that
every study has; reading the picture, fitting, and measuring the map are the rest. Above 1, passes were saved. The
second, with ``--workers``: seconds of wall time of the same study on Ray with one worker and with two, once they
have started. The pictures are scenes in files: of a scene by its number a study also draws what each
part truly does, which takes some 50 ms of its own.
"""

from __future__ import annotations

import argparse
import copy
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from PIL import Image

from vizcore.networks import catalogue
from vizcore.networks.classifier import Classifier
from vizcore.pictures.scenes import scene
from vizcore.study import cluster, local
from vizcore.study.plan import BASELINE, Study, make
from vizcore.study.sources import find

METHODS = ("gradient", "occlusion", "ridge")
BATCHES = (1, 8, 16, 32)
ROUNDS = 5


def bare(clf: Classifier) -> tuple[float, float]:
    """CPU seconds of one picture's forward pass, and of its backward pass, of the module as it is."""
    module = copy.deepcopy(clf.module)

    def seconds(count: int, gradient: bool) -> float:
        inputs = torch.rand(count, *clf.input_shape, requires_grad=gradient)
        begun = time.process_time()
        with torch.set_grad_enabled(gradient):
            answers = module(inputs)
            if gradient:
                torch.autograd.grad(answers[:, 0].sum(), inputs)
        return (time.process_time() - begun) / count

    def fastest(gradient: bool) -> float:
        return min(seconds(count, gradient) for _ in range(ROUNDS) for count in BATCHES)

    forward = fastest(False)
    return forward, fastest(True) - forward


def throughput(clf: Classifier, method: str, folder: Path, pictures: int) -> tuple[float, float]:
    """CPU seconds of a study per picture, and of the bare passes that it needs."""
    study = Study(sanity=0)
    plan = make(study, find([str(folder)])[:pictures], [clf.name], [method], lambda _: clf)
    next(local.work_off(plan, plan.tasks, lambda _: clf))  # what is made once
    forward, backward, begun = 0, 0, time.process_time()
    for _, rows in local.work_off(plan, plan.tasks, lambda _: clf):
        for row in rows:
            assert not row.error, row.error
            forward += (row.forward or 0) + 2 * (study.steps + 1)
            backward += row.backward or 0
        forward += 2  # the class, and its probability
    ours = time.process_time() - begun
    once = bare(clf)
    return ours / pictures, (forward * once[0] + backward * once[1]) / pictures


def workers(folder: Path, pictures: int, cores: int, method: str = "occlusion") -> float:
    """Seconds of wall time of so many pictures on Ray, with so many workers that have started."""

    starting = 4 * cores
    plan = make(Study(sanity=0), find([str(folder)])[: starting + pictures], ["mini-alexnet"], [method], catalogue.load)
    done = cluster.work_off(plan, plan.tasks, "local", cores=cores)
    for _ in range(starting):
        next(done)
    begun = time.perf_counter()
    count = sum(1 for _ in done)
    return (time.perf_counter() - begun) / count * pictures


def lines(folder: Path, pictures: int, both: bool) -> Iterator[str]:
    """Both tables, line by line."""
    torch.set_num_threads(1)
    clf = catalogue.load("mini-alexnet", "cpu")
    yield f"| method, with curves and the {BASELINE} map | study [CPU s a picture] | bare passes | bare / study |"
    yield "|---|--:|--:|--:|"
    for method in METHODS:
        ours, plain = throughput(clf, method, folder, pictures)
        yield f"| {method} | {ours:.3f} | {plain:.3f} | {plain / ours:.2f} |"
    if both:
        one, two = workers(folder, pictures, 1), workers(folder, pictures, 2)
        yield f"\nOn Ray, {pictures} pictures by occlusion: {one:.1f} s with one worker, {two:.1f} s with two,"
        yield f"{one / two:.2f} times as fast."


def main(arguments: Sequence[str] | None = None, say: Callable[[str], object] = print) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=40)
    parser.add_argument("--workers", action="store_true", help="on one worker and on two, by Ray")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(asked.pictures):
            Image.fromarray(scene(seed, size=256).picture).save(Path(folder) / f"{seed:04d}.png")
        for line in lines(Path(folder), asked.pictures, asked.workers):
            say(line)


if __name__ == "__main__":
    main()
