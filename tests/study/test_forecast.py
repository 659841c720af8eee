"""How long a study will take, told from clocks that the test holds."""

from __future__ import annotations

from collections.abc import Generator
from types import SimpleNamespace
from typing import Any

import pytest

from vizcore.networks.classifier import Classifier
from vizcore.study import forecast, plan, sources


class Clock:
    """A clock that only moves when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(forecast, "time", SimpleNamespace(perf_counter=lambda: self.now))

    def run(self, first: float, each: float, of: int) -> Generator[Any, None, None]:
        for step in range(1, of + 1):
            self.now += first if step == 1 else each
            yield SimpleNamespace(step=step, of=of)


@pytest.mark.parametrize(("first", "each", "of"), [(0.5, 0.1, 100), (0.01, 0.02, 40), (0.02, 0.4, 50)])
def test_a_run_is_carried_on_at_its_pace(monkeypatch: pytest.MonkeyPatch, first: float, each: float, of: int) -> None:
    clock = Clock(monkeypatch)
    seconds, latest = forecast.lasting(lambda: clock.run(first, each, of))
    assert seconds == pytest.approx(first + each * (of - 1))
    assert latest.step <= of
    assert clock.now <= forecast.BUDGET + max(first, each) + 1e-9  # it did not wait for the whole


def test_a_first_estimate_that_takes_long_has_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    seconds, _ = forecast.lasting(lambda: clock.run(10.0, 10.0, 5))
    assert (seconds, clock.now) == (pytest.approx(50.0), 10.0)


def test_what_is_made_only_once_is_not_counted_for_each_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, first = Clock(monkeypatch), [0.2, 0.01]
    seconds, _ = forecast.lasting(lambda: clock.run(first.pop(0), 0.0, 1))
    assert seconds == pytest.approx(0.01)


def test_every_method_of_every_network_is_tried_once(bundled: Classifier) -> None:
    what = plan.make(plan.Study(steps=4), sources.find(["scenes:3"]), ["mini-alexnet"], ["gradient", "edges"])
    found = list(forecast.forecast(what, lambda _: bundled))
    assert [one.step for one in found] == [1, 2, 3]
    assert {one.of for one in found} == {3}
    assert [one.seconds for one in found] == sorted(one.seconds for one in found)
    assert found[-1].seconds > 0


def test_broken_files_are_not_tried(bundled: Classifier) -> None:
    files = [sources.uploaded(f"{at}.png", b"no picture") for at in range(2)]
    what = plan.make(plan.Study(), files, ["mini-alexnet"], ["gradient"])
    assert [one.seconds for one in forecast.forecast(what, lambda _: bundled)] == [0.0]
