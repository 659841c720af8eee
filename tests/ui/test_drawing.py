"""Drawing leaves the computation its time."""

import subprocess
import sys

from ui.running.drawing import LONGEST, Drawing


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def share(seconds: float, pages: int) -> float:
    """Of a minute that one of so many pages draws, with estimates to draw all the time."""
    clock, spent = Clock(), 0.0
    drawing = Drawing(clock)

    def draw() -> None:
        nonlocal spent
        spent += seconds
        clock.now += seconds

    while clock.now < 60:
        if drawing.due:
            drawing.draw(draw, pages)
        else:
            clock.now += 0.01
    return spent / clock.now


def test_all_pages_together_draw_half_of_the_time_at_most() -> None:
    for pages in (1, 5, 30):
        assert pages * share(0.05, pages) <= 0.51
        assert share(0.05, pages) > 0


def test_what_is_drawn_at_once_is_drawn_always() -> None:
    clock = Clock()
    drawing = Drawing(clock)
    for _ in range(5):
        assert drawing.due
        drawing.draw(lambda: None, 30)


def test_an_estimate_is_drawn_within_bounds_however_slow_it_is() -> None:
    clock = Clock()
    drawing = Drawing(clock)
    drawing.draw(lambda: setattr(clock, "now", 10.0), 30)
    assert not drawing.due
    clock.now += LONGEST
    assert drawing.due


def test_the_app_lets_threads_take_turns_often() -> None:
    code = "import sys; import ui.frame.layout; print(sys.getswitchinterval())"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(found.stdout.split()[-1]) < 1e-3
