"""What every technique's generator promises, as one check that any test may call."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import torch

from vizcore.jobs.run import Run

E = TypeVar("E")


def check_contract(
    make_generator: Callable[[], Iterator[E]],
    same: Callable[[E, E], bool],
    *,
    shared: frozenset[str] = frozenset(),
) -> list[E]:
    """``step`` rises to ``of``; pauses, other threads and meddling consumers change nothing, nor any global state.

    ``make_generator`` starts the same computation afresh on each call; ``same`` says whether two estimates agree, as
    strictly as the technique promises. Fields named in ``shared`` may be one object in all estimates (constants of the
    run, such as labels); all other tensors and arrays must be clones. Returns the estimates of an undisturbed run.
    """
    before = _global_state()
    estimates: list[E] = []
    kept: list[dict[str, Any]] = []
    for estimate in make_generator():
        assert torch.is_grad_enabled(), "the generator yielded with the caller's grad mode switched off"
        estimates.append(estimate)
        kept.append({name: _copy(value) for name, value in _arrays(estimate).items()})
    assert estimates, "the generator yielded nothing"
    _check_steps(estimates)
    for estimate, copies in zip(estimates, kept, strict=True):
        for name, value in _arrays(estimate).items():
            assert _equal(value, copies[name]), f"{name} of an earlier estimate was altered by a later step"
    last = estimates[-1]

    with torch.no_grad():  # a caller that has switched gradients off gets the same, and keeps them off
        for _again in make_generator():
            assert not torch.is_grad_enabled(), "the generator yielded with the caller's grad mode switched on"
        assert same(_again, last), "the result depends on the caller's grad mode"

    for spoiled in make_generator():  # a consumer that writes into what it was given spoils only its own copy
        if spoiled.step == spoiled.of:  # type: ignore[attr-defined]
            break
        for name, value in _arrays(spoiled).items():
            if name not in shared:
                value[...] = 0
    assert same(spoiled, last), "a consumer's writing into an estimate changed the result: yield clones"

    assert same(_on_many_threads(make_generator()), last), "pausing and resuming on other threads changed the result"

    cancelled = Run(make_generator())  # type: ignore[type-var]
    cancelled.advance()
    cancelled.cancel()
    assert cancelled.advance() is None
    assert torch.is_grad_enabled(), "cancelling a run changed the grad mode"
    assert _same_state(before, _global_state()), "a global random generator was used: keep an own seeded one"
    return estimates


def _check_steps(estimates: list[Any]) -> None:
    steps = [estimate.step for estimate in estimates]
    assert all(isinstance(step, int) for step in steps)
    assert steps[0] >= 1, "the first estimate must stand on some work"
    assert all(a < b for a, b in pairwise(steps)), f"the steps do not rise: {steps}"
    assert len({estimate.of for estimate in estimates}) == 1, "the number of steps changed on the way"
    assert steps[-1] == estimates[-1].of, f"the last step is {steps[-1]}, not {estimates[-1].of}"


def _on_many_threads(generator: Iterator[E]) -> E:
    """Take every step on a thread of its own, every other one with gradients switched off."""
    run: Run[Any] = Run(generator)
    errors: list[BaseException] = []

    def step(grad: bool) -> None:
        try:
            with torch.set_grad_enabled(grad):
                run.advance()
                assert torch.is_grad_enabled() == grad
        except BaseException as error:  # handed to the test's own thread below
            errors.append(error)

    turn = 0
    while not run.finished and not errors:
        thread = threading.Thread(target=step, args=(turn % 2 == 0,))
        thread.start()
        thread.join()
        turn += 1
    if errors:
        raise errors[0]
    assert run.latest is not None
    result: E = run.latest
    return result


def _arrays(estimate: Any) -> dict[str, Any]:
    assert is_dataclass(estimate), f"{type(estimate).__name__} is no dataclass"
    values = {f.name: getattr(estimate, f.name) for f in fields(estimate)}
    found = {name: value for name, value in values.items() if isinstance(value, (torch.Tensor, np.ndarray))}
    for name, value in found.items():
        if isinstance(value, torch.Tensor):
            assert value.device.type == "cpu", f"{name} is on {value.device}: results are on the CPU"
            assert not value.requires_grad, f"{name} drags its graph along: detach it"
    return found


def _copy(value: Any) -> Any:
    return value.clone() if isinstance(value, torch.Tensor) else value.copy()


def _equal(a: Any, b: Any) -> bool:
    return bool(np.array_equal(np.asarray(a), np.asarray(b), equal_nan=np.asarray(a).dtype.kind == "f"))


def _global_state() -> tuple[Any, ...]:
    return torch.get_rng_state(), np.random.get_state(), random.getstate()


def _same_state(a: tuple[Any, ...], b: tuple[Any, ...]) -> bool:
    return bool(torch.equal(a[0], b[0]) and np.array_equal(a[1][1], b[1][1]) and a[1][2:] == b[1][2:] and a[2] == b[2])
