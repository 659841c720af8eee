"""A plan worked off in this process, one task after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from vizcore.networks.classifier import Classifier
from vizcore.study import rows, work
from vizcore.study.plan import Plan, Task
from vizcore.study.rows import Row

Load = Callable[[str], Classifier]
Done = tuple[Task, list[Row]]


@dataclass(frozen=True, eq=False)
class Sofar:
    """A study after ``step`` of ``of`` maps: the rows so far, in the plan's order."""

    step: int
    of: int
    rows: tuple[Row, ...]


def work_off(plan: Plan, tasks: Iterable[Task], load: Load) -> Iterator[Done]:
    """The rows of each task, in order. ``load`` gives a network whenever a task wants it, so it had better keep it."""
    for task in tasks:
        yield task, list(_rows(plan, task, load))


def estimates(plan: Plan, load: Load) -> Iterator[Sofar]:
    """The whole study as a run without a file: after each map, all the rows so far."""
    found: list[Row] = []
    for task in plan.tasks:
        for row in _rows(plan, task, load):
            found += rows.rounded([row])
            yield Sofar(len(found), plan.rows, tuple(found))


def _rows(plan: Plan, task: Task, load: Load) -> Iterator[Row]:
    picture = task.picture
    return work.measure(load(task.network), picture.id, picture.content, task.network, plan.methods, plan.study)
