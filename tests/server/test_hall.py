"""Thirty guests at two really started servers that share the file of rooms: every answer is counted once, and told."""

from __future__ import annotations

from benchmarks import hall
from vizcore.lessons import checking, shelf
from vizcore.networks.catalogue import load


def test_thirty_guests_of_two_servers_are_counted_and_told_the_truth() -> None:
    guests = 30
    report = hall.run(guests, seconds=3, servers=2)
    assert report.errors == []
    lesson = shelf.shelf().find("occlusion")
    assert lesson is not None
    step = lesson.steps[0]
    true = checking.truth(step, lambda name: load(name, device="cpu")).value
    outcomes = [step.question.answer.score(hall.guess(k), true).outcome for k in range(guests)]  # type: ignore[arg-type]
    said = {outcome: outcomes.count(outcome) for outcome in ("right", "near", "wrong")}
    assert len(set(outcomes)) == 3
    expected = f"Right: **{said['right']}** · nearly right: {said['near']} · wrong: {said['wrong']}"
    assert report.tally.replace("\u00a0", " ") == expected
    begins = {"right": "**Right", "near": "**Nearly", "wrong": "**Not"}
    assert [
        one for one, outcome in zip(report.told, outcomes, strict=True) if not one.startswith(begins[outcome])
    ] == []
    assert [len(came) for came in report.seconds.values()] == [guests, guests]
