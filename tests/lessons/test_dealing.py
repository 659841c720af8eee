"""Two networks under letters: both orders occur, and what is computed follows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from vizcore.lessons import checking, dealing, reading
from vizcore.lessons.lesson import Lesson

LAB = Path(checking.__file__).parent / "bundled" / "lab.toml"
BOTH = ("mini-alexnet", "mini-alexnet-shortcut")


def lab() -> Lesson:
    return reading.read(LAB.read_bytes(), "lab")


def test_about_half_of_the_deals_turn_the_order_around() -> None:
    turned = [dealing.turned(deal) for deal in range(1000)]
    assert 450 < sum(turned) < 550
    assert [dealing.turned(deal) for deal in dealing.BOTH] == [False, True]
    assert dealing.order(BOTH, dealing.BOTH[0]) == dict(zip("AB", BOTH, strict=True))
    assert dealing.order(BOTH, dealing.BOTH[1]) == dict(zip("BA", BOTH, strict=True))


@pytest.mark.parametrize(("deal", "letter"), [(dealing.BOTH[0], "B"), (dealing.BOTH[1], "A")])
def test_the_truth_of_the_lab_follows_the_deal(deal: int, letter: str) -> None:
    first = dealing.dealt(lab(), deal).steps[0]
    found = checking.truth(first, checking.loaded)  # type: ignore[arg-type]
    assert found.value == f"{letter} stamp"
    assert found.numbers["cheat"] == letter
    assert float(found.numbers["effect"]) > 50 > 5 > abs(float(found.numbers["object"]))
    assert checking.unfit(first.question.answer, found) == ""


def test_a_lesson_without_letters_is_left_as_it_is() -> None:
    lesson = reading.read((LAB.parent / "occlusion.toml").read_bytes(), "occlusion")
    assert dealing.dealt(lesson, 5) is lesson


@pytest.mark.parametrize("deal", ['["mini-alexnet"]', '["mini-alexnet", "mini-alexnet"]', '"AB"', '["a", "b"]', "3"])
def test_a_deal_that_is_none_is_named_by_its_line(deal: str) -> None:
    text = LAB.read_text().replace('deal = ["mini-alexnet", "mini-alexnet-shortcut"]', f"deal = {deal}")
    with pytest.raises(reading.LessonError, match="deal is") as caught:
        reading.read(text.encode(), "lab")
    assert [one.line for one in caught.value.mistakes] == [8]
