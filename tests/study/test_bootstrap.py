"""The bootstrap's intervals against closed forms, against scipy's, and by how often they hold the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from vizcore.study import bootstrap, columns, report, summary
from vizcore.study.bootstrap import Interval, interval, paired
from vizcore.study.rows import Row


def test_of_many_normal_values_it_is_the_normal_interval() -> None:
    x = np.random.default_rng(0).normal(3.0, 2.0, 4000)
    found = interval(x, resamples=8000)
    half = 1.96 * x.std(ddof=1) / math.sqrt(len(x))
    assert found.mean == pytest.approx(x.mean())
    assert found.low == pytest.approx(x.mean() - half, abs=0.05 * half)
    assert found.high == pytest.approx(x.mean() + half, abs=0.05 * half)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("draw", ["exponential", "standard_normal", "random"])
def test_it_is_the_bca_interval_of_scipy(draw: str, seed: int) -> None:
    x = getattr(np.random.default_rng(seed), draw)(size=40)
    found = interval(x, resamples=20_000, seed=seed)
    other = stats.bootstrap((x,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(seed + 9))
    width = found.high - found.low
    assert found.low == pytest.approx(other.confidence_interval.low, abs=0.03 * width)
    assert found.high == pytest.approx(other.confidence_interval.high, abs=0.03 * width)


def test_skewed_values_have_a_longer_upper_arm() -> None:
    found = interval(np.random.default_rng(1).exponential(size=50))
    assert found.high - found.mean > 1.1 * (found.mean - found.low)


def test_it_holds_the_true_mean_about_as_often_as_it_says() -> None:
    dice = np.random.default_rng(2)
    held = 0
    for trial in range(300):
        found = interval(dice.random(40), level=0.9, resamples=400, seed=trial)
        held += found.low <= 0.5 <= found.high
    assert 0.84 <= held / 300 <= 0.95


def test_the_same_seed_gives_the_same_interval() -> None:
    x = np.random.default_rng(3).random(60)
    assert interval(x, seed=4) == interval(x, seed=4)
    assert interval(x, seed=4) != interval(x, seed=5)
    whole = bootstrap._resampled(x, 100, 0)
    assert len(set(whole)) > 50
    assert whole.min() >= x.min()
    assert whole.max() <= x.max()


def test_few_or_equal_values() -> None:
    alone = interval([2.0])
    assert (alone.mean, alone.count) == (2.0, 1)
    assert math.isnan(alone.low)
    assert math.isnan(interval([]).mean)
    assert interval([0.7] * 30) == Interval(0.7, 0.7, 0.7, 30) or interval([0.7] * 30).low == pytest.approx(0.7)
    with pytest.raises(ValueError, match="finite"):
        interval([1.0, float("nan")])
    with pytest.raises(ValueError, match="level"):
        interval([1.0, 2.0], level=1.0)


def test_pairs_tell_apart_what_two_intervals_cannot() -> None:
    dice = np.random.default_rng(4)
    hard = dice.normal(0, 1, 100)  # what both methods share on a picture
    a, b = hard + 0.1 + dice.normal(0, 0.05, 100), hard + dice.normal(0, 0.05, 100)
    assert not interval(a).apart(interval(b))
    difference = paired(a.tolist(), b.tolist())
    assert difference.low > 0
    assert difference.mean == pytest.approx(0.1, abs=0.03)


def test_a_pair_needs_both() -> None:
    found = paired([1.0, None, 3.0, 5.0], [0.0, 9.0, None, 1.0])
    assert (found.count, found.mean) == (2, 2.5)
    with pytest.raises(ValueError, match="equally many"):
        paired([1.0], [])


def table(**columns: list[float | None]) -> list[Row]:
    return [
        Row(f"scene:{at}", "mini-alexnet", method, deletion=value)
        for method, values in columns.items()
        for at, value in enumerate(values)
    ]


def test_the_report_pairs_by_picture_and_not_by_place() -> None:
    rows = table(a=[1.0, 2.0, 3.0, 4.0], random=[2.0, 3.0, 4.0, 5.5])
    found = report.differences(rows, "deletion", "random")
    assert found == report.differences(rows[::-1], "deletion", "random")
    assert found["a"].mean == pytest.approx(-1.125)
    assert report.verdict("deletion", found["a"]) == "better"
    assert report.verdict("insertion", found["a"]) == "worse"
    assert report.verdict("on_stamp", found["a"]) == report.verdict("sanity", found["a"]) == "open"
    assert [name for name in ("deletion", "pointing", "sanity", "on_stamp", "seconds") if report.ranks(name)] == [
        "deletion",
        "pointing",
    ]
    assert report.verdict("deletion", Interval(0.1, -0.2, 0.4, 9)) == "open"
    assert report.verdict("deletion", interval([1.0])) == "open"
    assert report.differences(rows, "deletion", "lime") == {}


def test_networks_and_kinds_of_picture_are_never_mixed() -> None:
    rows = [Row(picture, network, "a") for picture in ("scene:1", "stamped:1", "cat.png") for network in ("m", "n")]
    found = report.groups(rows)
    assert {(group.network, group.kind) for group in found} == {
        (network, kind) for network in ("m", "n") for kind in ("scenes", "stamped", "files")
    }
    assert all(len(own) == 1 for own in found.values())


def test_the_text_says_who_beats_whom() -> None:
    rows = table(a=[0.1, 0.2, 0.15, 0.1], b=[0.5, 0.7, 0.4, 0.65], random=[0.5, 0.6, 0.5, 0.6])
    text = summary.text(summary.summarise(columns.of_rows(rows), against=["random"]), "random")
    assert "beats random" in next(line for line in text.splitlines() if line.strip().startswith("a "))
    assert "not told from random" in next(line for line in text.splitlines() if line.strip().startswith("b "))
    order = [line.split()[0] for line in text.splitlines() if line.startswith("    ")]
    assert order == ["a", "random", "b"]
