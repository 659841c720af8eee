"""Batches side by side: the same answers, each from a worker with its share of the threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.conftest import random_picture
from vizcore import machine
from vizcore.acceleration import activations, workers
from vizcore.acceleration.activations import Activations
from vizcore.acceleration.workers import MOST, count, side_by_side
from vizcore.jobs.run import Run
from vizcore.networks.batches import in_batches
from vizcore.networks.classifier import Classifier
from vizcore.techniques.integrated_gradients import IntegratedGradients, integrated_gradients
from vizcore.techniques.lime import Lime, explain
from vizcore.techniques.occlusion import Occlusion, occlude
from vizcore.techniques.saliency import SmoothGrad, smoothgrad

CPU = torch.device("cpu")


@pytest.fixture(params=[2, 3, 9])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    """So many threads for torch, and one again afterwards."""
    wanted: int = request.param
    torch.set_num_threads(wanted)
    yield wanted
    torch.set_num_threads(1)


def test_parts_are_computed_at_the_same_time_and_answered_in_their_order(threads: int) -> None:
    together = threading.Barrier(2)

    def work(part: int) -> tuple[int, str]:
        together.wait(timeout=60)  # nobody gets past this alone
        return part, threading.current_thread().name

    found = side_by_side(work, list(range(6)), 2)
    assert [part for part, _ in found] == list(range(6))
    assert all(name.startswith("vizcore.acceleration.workers") for _, name in found)


def test_never_more_at_once_than_allowed(threads: int) -> None:
    lock, running, most = threading.Lock(), [0], [0]
    pause = threading.Event()

    def work(part: int) -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        pause.wait(0.01)
        with lock:
            running[0] -= 1

    side_by_side(work, list(range(12)), 2)
    assert most[0] == 2


def test_workers_share_the_threads_and_nobody_else_loses_any(threads: int) -> None:
    shares = side_by_side(lambda _: torch.get_num_threads(), list(range(8)), MOST)
    assert set(shares) == {threads // min(MOST, threads)}
    assert torch.get_num_threads() == threads
    others: list[int] = []
    newcomer = threading.Thread(target=lambda: others.append(torch.get_num_threads()))
    newcomer.start()
    newcomer.join()
    assert others == [threads]


def test_a_worker_does_not_wait_for_other_workers(threads: int) -> None:
    def work(part: int) -> tuple[int, list[str]]:
        inner = side_by_side(lambda _: threading.current_thread().name, list(range(5)), MOST)
        return count(CPU, 1), inner

    for beside, names in side_by_side(work, list(range(8)), MOST):
        assert beside == 1
        assert len(set(names)) == 1


@pytest.mark.parametrize("enabled", [True, False])
def test_gradients_are_recorded_where_the_caller_has_them_recorded(threads: int, enabled: bool) -> None:
    with torch.set_grad_enabled(enabled):
        assert side_by_side(lambda _: torch.is_grad_enabled(), [0, 1, 2], 2) == [enabled] * 3


def test_an_error_is_raised_once_nothing_is_running_any_more(threads: int) -> None:
    done: list[int] = []

    def work(part: int) -> None:
        if part == 0:
            raise ValueError("no number")
        threading.Event().wait(0.01)
        done.append(part)

    with pytest.raises(ValueError, match="no number"):
        side_by_side(work, list(range(50)), 2)
    finished = list(done)
    assert len(finished) < 49  # what had not begun is not begun
    threading.Event().wait(0.05)
    assert done == finished


def test_how_many_follows_from_threads_device_and_memory(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    monkeypatch.setattr(machine, "total", lambda: 2**30)
    assert count(CPU, 1) == min(MOST, threads)
    assert count(CPU, 2**28) == 1  # a fourth of the memory
    assert count(CPU, 2**27) == 2
    assert count(CPU, 2**40) == 1
    assert count(torch.device("cuda"), 1) == 1
    monkeypatch.setattr(machine, "total", lambda: None)
    assert count(CPU, 2**40) == min(MOST, threads)
    torch.set_num_threads(1)
    assert count(CPU, 1) == 1


def test_one_thread_computes_everything_itself() -> None:
    assert torch.get_num_threads() == 1
    here = threading.current_thread().name
    assert side_by_side(lambda _: threading.current_thread().name, [0, 1, 2], MOST) == [here] * 3


def _end(estimates: Iterator[Any]) -> Any:
    return Run(estimates).finish()


MAPS: dict[str, Callable[[Classifier, Tensor], Tensor]] = {
    "occlusion": lambda clf, x: _end(occlude(clf, x, 3, Occlusion(window=24, stride=8))).drop,
    "full passes": lambda clf, x: (
        _end(occlude(clf, x, 3, Occlusion(window=24, stride=12), Activations(clf, x, most=16 * clf.picture_bytes))).drop
    ),
    "lime": lambda clf, x: _end(explain(clf, x, 3, Lime(samples=150))).weights,
    "smoothgrad": lambda clf, x: _end(smoothgrad(clf, x, 3, SmoothGrad(copies=60, noise=0.05))).gradient,
    "integrated gradients": lambda clf, x: (
        _end(integrated_gradients(clf, x, 3, IntegratedGradients(steps=100))).gradient
    ),
}


@pytest.mark.parametrize("name", list(MAPS))
def test_maps_are_those_of_one_thread(
    bundled: Classifier, threads: int, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = Classifier(bundled.module, bundled.preprocess, bundled.classes, device="cpu")
    twin.batch_size = 6  # so that small settings fill several workers
    image, used = random_picture(twin), set()
    own = workers.side_by_side

    def watched(work: Callable[[Tensor], Tensor], parts: list[Tensor], most: int) -> list[Tensor]:
        def noted(part: Tensor) -> Tensor:
            used.add(threading.current_thread().name)
            return work(part)

        return own(noted, parts, most)

    monkeypatch.setattr("vizcore.acceleration.workers.side_by_side", watched)
    monkeypatch.setattr("vizcore.acceleration.incremental.side_by_side", watched)
    found = MAPS[name](twin, image)
    assert len({one for one in used if one.startswith("vizcore.acceleration.workers")}) > 1
    torch.set_num_threads(1)
    activations._recent.clear()
    alone = MAPS[name](twin, image)
    # Rounding depends on how many pictures go at once, and a gradient jumps where it switches a ReLU.
    assert float((found - alone).norm()) < 5e-3 * float(alone.norm())


def test_too_few_pictures_for_all_are_left_to_all_threads_of_one(bundled: Classifier, threads: int) -> None:
    twin = Classifier(bundled.module, bundled.preprocess, bundled.classes, device="cpu")
    twin.batch_size = 8
    beside, here = min(MOST, threads), threading.current_thread().name

    def answers(pictures: int) -> list[tuple[int, str]]:
        x = torch.zeros(pictures, 1)
        return in_batches(twin, x, lambda part: (len(part), threading.current_thread().name), lambda: 8, 1)

    few = answers(4 * beside - 1)
    assert {name for _, name in few} == {here}
    many = answers(4 * beside)
    assert [size for size, _ in many] == [4] * beside
    assert here not in {name for _, name in many}
    more = answers(8 * beside + 1)
    assert len(more) == 2 * beside
    assert sum(size for size, _ in more) == 8 * beside + 1
    assert max(size for size, _ in more) <= 8


def test_what_workers_compute_counts_as_the_work_of_the_run_that_waits_for_them(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = threading.local()
    monkeypatch.setattr(workers, "time", SimpleNamespace(thread_time=lambda: getattr(clock, "now", 0.0)))

    def work(_: int) -> None:
        clock.now = getattr(clock, "now", 0.0) + 3.0

    def estimates() -> Iterator[SimpleNamespace]:
        for step in (1, 2):
            side_by_side(work, range(4), 2)  # two at a time, twice: six seconds
            yield SimpleNamespace(step=step, of=2)

    run: Run[SimpleNamespace] = Run(estimates())
    run.advance()
    assert run.worked == pytest.approx(6.0, abs=0.5)
    run.advance()
    assert run.pace == pytest.approx(6.0, abs=0.5)
