"""Drawing leaves the computation its time."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from ui.running import drawing
from ui.running.drawing import LONGEST, Drawing


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def share(seconds: float, pages: int) -> float:
    """Of a minute that one of so many pages draws, with estimates to draw all the time."""
    clock, spent = Clock(), 0.0
    pacing = Drawing(clock)

    def draw() -> None:
        nonlocal spent
        spent += seconds
        clock.now += seconds

    while clock.now < 60:
        if pacing.due:
            pacing.draw(draw, pages)
        else:
            clock.now += 0.01
    return spent / clock.now


def test_all_pages_together_draw_half_of_the_time_at_most() -> None:
    for pages in (1, 5, 30):
        assert pages * share(0.05, pages) <= 0.51
        assert share(0.05, pages) > 0


def test_what_is_drawn_at_once_is_drawn_always() -> None:
    clock = Clock()
    pacing = Drawing(clock)
    for _ in range(5):
        assert pacing.due
        pacing.draw(lambda: None, 30)


def test_an_estimate_is_drawn_within_bounds_however_slow_it_is() -> None:
    clock = Clock()
    pacing = Drawing(clock)
    pacing.draw(lambda: setattr(clock, "now", 10.0), 30)
    assert not pacing.due
    clock.now += LONGEST
    assert pacing.due


def test_the_app_lets_threads_take_turns_often() -> None:
    code = "import sys; import ui.frame.layout; print(sys.getswitchinterval())"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(found.stdout.split()[-1]) < 1e-3


def test_a_result_is_shown_before_anything_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, beats = Clock(), []

    def sleep(seconds: float) -> None:
        clock.now += seconds

    monkeypatch.setattr(drawing, "time", SimpleNamespace(monotonic=clock, sleep=sleep))
    monkeypatch.setattr(drawing, "beat", lambda: beats.append(clock.now))
    drawing.let_it_show()
    assert beats[-1] >= drawing.SHOWN  # and interrupted meanwhile by whatever the user does next
    assert len(beats) >= 2
