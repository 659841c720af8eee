"""Each kind of answer against what its score is by hand."""

from __future__ import annotations

import numpy as np
import pytest

from vizcore.lessons.answers import Choose, Draw, Number, Option, Order, gain

OPTIONS = tuple(Option(one) for one in "abcd")


def test_a_choice_is_right_or_wrong_or_named_as_near() -> None:
    answer = Choose(OPTIONS, near=("b",))
    assert [answer.score(one, "a").outcome for one in "abc"] == ["right", "near", "wrong"]
    assert [answer.score(one, "a").points for one in "abc"] == [1.0, 0.5, 0.0]


def test_a_number_is_scored_by_its_distance() -> None:
    answer = Number(0, 100, 1, right=5, near=20)
    found = [answer.score(guess, 50.0) for guess in (50, 55, 45, 56, 70, 71, 100)]
    assert [one.outcome for one in found] == ["right", "right", "right", "near", "near", "wrong", "wrong"]
    assert [one.points for one in found] == pytest.approx([1, 1, 1, 0.85, 0.5, 0.475, 0])
    assert found[3].figure == 6
    assert answer.stops()[:3] == [0, 1, 2]
    assert len(answer.stops()) == 101


def test_a_number_on_a_scale_of_ratios_is_scored_by_its_factor() -> None:
    answer = Number(1, 1000, 1, right=1.5, near=4, ratio=True)
    found = [answer.score(guess, 60.0) for guess in (40, 90, 100, 240, 15, 14, 1000)]
    assert [one.outcome for one in found] == ["right", "right", "near", "near", "near", "wrong", "wrong"]
    assert found[0].figure == pytest.approx(1.5)
    assert found[3].points == pytest.approx(0.5)
    stops = answer.stops()
    assert (stops[0], stops[-1]) == (1, 1000)
    assert stops == sorted(set(stops))


def test_an_order_is_scored_by_its_pairs() -> None:
    answer = Order(OPTIONS)
    assert answer.score("abcd", "abcd").figure == 1
    assert answer.score("dcba", "abcd").figure == 0
    one_swap = answer.score("abdc", "abcd")
    assert one_swap.figure == pytest.approx(5 / 6)
    assert one_swap.outcome == "near"
    assert one_swap.points == pytest.approx(2 / 3)
    assert answer.score("bacd", "abcd") == one_swap


def test_a_drawing_on_a_mask_gains_recall_minus_false_alarms() -> None:
    mask = np.zeros((10, 10))
    mask[:2] = 1  # a fifth
    marked = np.zeros((10, 10), dtype=bool)
    marked[:1] = True  # half of it
    assert gain(marked, mask) == pytest.approx(0.5)
    marked[5:9] = True  # and half of the rest
    assert gain(marked, mask) == pytest.approx(0.5 - 0.5)
    assert gain(mask > 0, mask) == pytest.approx(1)
    assert gain(mask == 0, mask) == pytest.approx(-1)
    for nothing in (np.zeros((10, 10)), np.ones((10, 10))):
        assert gain(nothing, mask) == pytest.approx(0)


def test_the_best_drawing_on_a_map_is_where_it_is_above_its_mean() -> None:
    heat = np.random.default_rng(0).gamma(0.5, size=(12, 9))
    best = gain(heat > heat.mean(), heat)
    assert best == pytest.approx(1)
    for share in (0.02, 0.3, 0.8):
        assert gain(heat > np.quantile(heat, 1 - share), heat) < best
    assert abs(np.mean([gain(np.random.default_rng(k).random(heat.shape) < 0.3, heat) for k in range(400)])) < 0.05


def test_what_speaks_against_counts_as_nothing_and_shapes_must_agree() -> None:
    heat = np.array([[1.0, -5.0], [0.0, 0.0]])
    assert gain(heat > 0, heat) == pytest.approx(1)
    assert gain(np.ones((2, 2)), np.zeros((2, 2))) == 0
    assert gain(np.eye(2), np.ones((2, 2))) == 0  # nowhere is more than anywhere else
    with pytest.raises(ValueError, match="accepted"):
        gain(np.ones((2, 3)), heat)
    assert Draw().score(heat > 0, heat).outcome == "right"
    assert Draw().score(heat <= 0, heat).outcome == "wrong"
