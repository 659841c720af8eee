"""Several results, computed one after the other as a single run; each is kept by itself and shown once it is there."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ui.compare.choice import Choice, method_name
from ui.frame import controls, state
from ui.running import play
from ui.running.results import RESULTS
from ui.texts import t
from ui.viewer import show as shared
from vizcore.methods import METHODS
from vizcore.pictures import charts

P = TypeVar("P")
Start = Callable[[], Iterator[Any]]


@dataclass(frozen=True, eq=False)
class Several:
    """The results by name, the unfinished one's latest estimate among them; ``step`` of ``of`` are finished."""

    step: int
    of: int
    found: dict[str, Any]


def one_after_another(work: Mapping[str, tuple[Hashable, Start]]) -> Iterator[Several]:
    """Every result of ``work``, given by name as its key and its generator; what is known already costs nothing."""
    found: dict[str, Any] = {}
    for done, (name, (key, start)) in enumerate(work.items()):
        latest = RESULTS.get(key)
        if latest is None:
            for latest in start():
                found[name] = latest
                yield Several(done, len(work), dict(found))
            RESULTS.put(key, latest)
        found[name] = latest
    yield Several(len(work), len(work), found)


def show(
    slot: str,
    work: Mapping[str, tuple[Hashable, Start]],
    draw: Callable[[Several, int], None],
    *,
    unit: str,
    pace: Hashable,
) -> Several | None:
    """Compute ``work`` and draw it each time that one more result is finished; the last estimate, or None.

    ``draw`` is also told how often it has drawn in this run of the page, for the keys of charts.
    """
    count = {"finished": -1, "drawings": 0}

    def step(latest: Several) -> None:
        if latest.step > count["finished"]:
            count["finished"] = latest.step
            draw(latest, count["drawings"])
            count["drawings"] += 1

    key = (slot, tuple(key for key, _ in work.values()))
    return play.play(slot, key, lambda: one_after_another(work), step, unit=unit, cost=len(work), pace=pace)


def settings(technique: type[P], name: str) -> P:
    """The settings of one of the parts as chosen now, or their defaults where it was not opened yet."""
    held = state.choices().params.get(f"compare.{name}")
    return held if isinstance(held, technique) else technique()


def row_of(what: Choice) -> int:
    """Which row a part looks into: the only one, or the one that the user names."""
    if len(what.rows) == 1:
        return 0
    numbers = [str(k) for k in range(len(what.rows))]
    return int(controls.look("compare.row", numbers, t("compare.row"), names=lambda k: what.rows[int(k)].title))


def key(methods: Sequence[str], band: str = "") -> None:
    """Which line of a chart is which method's, and what the ``band`` is: one key for all charts beside each other."""
    entries = [(method_name(method), charts.style(list(METHODS).index(method))) for method in methods]
    shared.line_key([(name, str(style["color"]), str(style["dash"])) for name, style in entries], band)
