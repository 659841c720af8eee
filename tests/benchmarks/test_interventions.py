"""The benchmark of interventions: its cases, the intervals over scenes, and a table with a row for each method."""

from __future__ import annotations

import pytest

from benchmarks import interventions as benchmark
from benchmarks.interventions import Case
from vizcore import methods


def made(method: str, claimed: float, scene: int) -> Case:
    true = {"object": 1.0 + scene, "background": 0.1}
    return Case("scene", "net", method, {"object": claimed, "background": 1.0 - claimed}, true)  # type: ignore[arg-type]


def test_a_method_that_claims_the_truth_has_an_interval_without_width() -> None:
    found = [Case("scene", "net", "gradient", {"object": 2.0 * k}, {"object": 1.0 * k}) for k in (1, 2, 3)]
    assert benchmark.pooled(found, resamples=50) == pytest.approx((1, 1, 1))


def test_the_table_has_every_method_and_the_mean_effects() -> None:
    found = [made(method, 0.9, scene) for method in methods.METHODS for scene in range(3)]
    lines = list(benchmark.table(found))
    assert lines[:2] == ["| scene | net |", "| --- | --- |"]
    assert [line.split(" | ")[0].strip("| ") for line in lines[2:11]] == list(methods.METHODS)
    assert "mean effects on net: object +2.000 (3), background +0.100 (3)" in lines


def test_every_method_is_asked_about_the_scenes_own_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark.methods, "METHODS", {one: methods.METHODS[one] for one in ("gradcam", "random")})
    found = list(benchmark.cases("mini-alexnet-shortcut", ["stamped:700000"], "probability", 50))
    assert [(one.kind, one.method) for one in found] == [("stamped", "gradcam"), ("stamped", "random")]
    assert found[0].true["stamp"] > 0.5
    assert set(found[0].claimed) == set(found[0].true)
