"""A plan worked off in this process, one task after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from vizcore import classifier
from vizcore.classifier import Classifier
from vizcore.study import rows, work
from vizcore.study.plan import Plan, Task
from vizcore.study.rows import Row

Load = Callable[[str], Classifier]
Done = tuple[Task, list[Row]]


@dataclass(frozen=True, eq=False)
class Sofar:
    """A study after ``step`` of ``of`` tasks: the rows so far, in the plan's order."""

    step: int
    of: int
    rows: tuple[Row, ...]


def work_off(plan: Plan, tasks: Iterable[Task], load: Load = classifier.load) -> Iterator[Done]:
    """The rows of each task, in order. Networks are kept by ``load`` or loaded once here."""
    loaded: dict[str, Classifier] = {}
    for task in tasks:
        if task.network not in loaded:
            loaded[task.network] = load(task.network)
        clf, picture = loaded[task.network], task.picture
        yield task, work.measure(clf, picture.id, picture.content, task.network, plan.methods, plan.study)


def estimates(plan: Plan, load: Load = classifier.load) -> Iterator[Sofar]:
    """The whole study as a run without a file: after each task, all the rows so far."""
    found: tuple[Row, ...] = ()
    for step, (_, group) in enumerate(work_off(plan, plan.tasks, load), start=1):
        found += rows.rounded(group)
        yield Sofar(step, len(plan.tasks), found)
