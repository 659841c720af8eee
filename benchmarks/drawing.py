"""How much pages that draw hold up what they draw: an ascent beside so many threads that do what its page does.

    python -m benchmarks.drawing

Seconds of wall time as a ratio to the ascent alone, in the same run: with Python's own five milliseconds and no pauses
between drawings, and as the app does it (:mod:`ui.running.drawing`).
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from ui.running.drawing import GIVE_WAY, Drawing
from ui.running.play import FRAMES_PER_SECOND
from vizcore.networks.catalogue import load
from vizcore.networks.classifier import Classifier
from vizcore.pictures import figures, notebook
from vizcore.techniques import maximize

USUAL = 5e-3  # seconds after which Python lets another thread run, unless told otherwise


@dataclass
class Pages:
    """Threads that draw the newest estimate, each eight times a second at most."""

    count: int
    pauses: bool
    newest: maximize.Ascent | None = None
    over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Pages:
        self._threads = [threading.Thread(target=self._page) for _ in range(self.count)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in self._threads:
            thread.join()

    def _page(self) -> None:
        drawing = Drawing()
        while not self.over.wait(1 / FRAMES_PER_SECOND):
            if not self.pauses:
                self._draw()
            elif drawing.due:
                drawing.draw(self._draw, self.count)

    def _draw(self) -> None:
        ascent = self.newest
        if ascent is not None:
            notebook.png(figures.picture(ascent.image))
            lines = {"score": ascent.scores, "penalty": ascent.penalties, "objective": ascent.objectives}
            steps = (0.0, float(ascent.of))
            figures.lines(range(len(ascent.scores)), lines, x_title="step", x_range=steps, height=320).to_json()


def seconds(clf: Classifier, steps: int, pages: Pages, interval: float) -> float:
    """Of an ascent of so many steps beside these pages."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(interval)
    try:
        with pages:
            begun = time.perf_counter()
            for ascent in maximize.maximize(clf, 0, maximize.Maximisation(steps=steps)):
                pages.newest = ascent
            return time.perf_counter() - begun
    finally:
        sys.setswitchinterval(before)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, row by row."""
    about = argparse.ArgumentParser(
        "python -m benchmarks.drawing", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    about.add_argument("--network", default="mini-alexnet")
    about.add_argument("--steps", type=int, default=100)
    about.add_argument("--pages", type=int, nargs="+", default=[1, 4, 16])
    given = about.parse_args(arguments)
    torch.set_num_threads(1)
    clf = load(given.network, "cpu")
    seconds(clf, given.steps, Pages(0, False), USUAL)
    alone = seconds(clf, given.steps, Pages(0, False), USUAL)
    print("| pages that draw | as Python does | as the app does |\n|---|---|---|")
    for count in given.pages:
        plain = seconds(clf, given.steps, Pages(count, False), USUAL)
        ours = seconds(clf, given.steps, Pages(count, True), GIVE_WAY)
        print(f"| {count} | {plain / alone:.1f} | {ours / alone:.1f} |", flush=True)


if __name__ == "__main__":
    main()
