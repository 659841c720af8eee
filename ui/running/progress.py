"""How far a computation is, in one line: its share and the seconds left, or its place in the queue."""

from __future__ import annotations

from typing import Any

from ui.running.seat import QUEUE
from ui.texts import t
from vizcore.jobs.job import Job
from vizcore.jobs.run import Run

QUICK = 1.0  # seconds: a wait that is not worth a word


def line(place: Any, job: Job[Any], unit: str) -> None:
    """How far the job is, and how long it will take beside the others; or how long until its first turn."""
    run: Run[Any] = job.run
    if run.latest is None:
        waiting(place, job)
        return
    left = run.seconds_left
    others = 0
    standing = QUEUE.standing(job)
    if standing is not None:
        left, others = standing.left, standing.of - 1
    if left is not None:
        name = "run.step_shared" if others else "run.step"
        whole = t(f"of_{unit}", n=run.latest.of)  # as it stands behind "3 of"
        place.progress(run.share, text=t(name, step=run.latest.step, whole=whole, seconds=left, others=others))


def waiting(place: Any, job: Job[Any]) -> None:
    """The place in the queue of a job without an estimate, where that takes more than a moment."""
    standing = QUEUE.standing(job)
    if job.run.latest is None and standing is not None and standing.of > 1 and standing.wait > QUICK:
        place.progress(0.0, text=t("run.waiting", place=standing.place, of=standing.of, seconds=standing.wait))
