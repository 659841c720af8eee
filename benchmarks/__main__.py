"""One command that measures every technique beside its peers and prints a table in Markdown.

    python -m benchmarks                                    everything, for hours: it says beforehand how long
    python -m benchmarks --quick                            a few minutes
    python -m benchmarks --techniques occlusion --networks squeezenet1_0
    python -m benchmarks --table benchmarks/results.jsonl   only the table of what has been measured

Every measurement is appended to a file of JSON lines (``--results``); the same command again measures what is missing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks import machine, networks
from benchmarks.first import TARGETS
from benchmarks.plan import Choice, seconds
from benchmarks.runner import measure, say
from benchmarks.store import Store
from benchmarks.table import put_into, render
from benchmarks.techniques import TECHNIQUES
from vizcore.networks import catalogue

_QUICK = {"window": 32, "stride": 32, "samples": 50, "copies": 8, "steps": 8}
_PARTS = ("first", "techniques", "growth")
_ALL = "catalogue"  # in place of every network by name


def parser() -> argparse.ArgumentParser:
    about = argparse.ArgumentParser(
        "python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = about.add_argument
    add("--parts", nargs="+", choices=_PARTS, default=list(_PARTS), help="which kinds of measurement")
    add("--techniques", nargs="+", choices=list(TECHNIQUES), default=list(TECHNIQUES))
    names = catalogue.names()
    what = f"to compare on; {_ALL!r} stands for all that there are: {', '.join(names)}"
    add("--networks", nargs="+", choices=[*names, _ALL], metavar="NETWORK", default=[], help=what)
    what = "to follow on; squeezenet1_0 unless given, and none on the whole catalogue"
    add("--growth", nargs="+", choices=names, metavar="NETWORK", help=what)
    add("--contenders", nargs="+", default=[], help="only these, such as ours bare Captum 'Captum, tuned' lime")
    add("--repeats", type=at_least(1), default=5, help="measurements of which the median is given")
    add("--patience", type=float, default=60.0, help="seconds after which a contender is not repeated any more")
    add("--threads", type=at_least(1), nargs="+", default=[1, 2], help="1 for CPU time, 2 for wall time")
    add("--device", choices=["cpu", "cuda"], default="cpu")
    add("--picture", default="", help="a picture file; scikit-image's cat unless given")
    add("--results", type=Path, default=Path("benchmarks/results.jsonl"), help="file of measurements, added to")
    add("--out", type=Path, help="write the table to this file, too")
    add("--into", type=Path, metavar="FILE", help="put the table between the marks in it, such as benchmarks/README.md")
    add("--table", type=Path, metavar="FILE", help="measure nothing; print the table of this file of measurements")
    add("--full", action="store_true", help="a table with a line for each contender")
    add("--quick", action="store_true", help="small settings on the bundled network, once")
    add("--positions", type=at_least(9), help="occlusion: a stride so large that there are at most so many windows")
    add("--at-once", type=int, default=0, help="pictures at once, in place of each contender's fastest number")
    for setting in _QUICK:
        add(f"--{setting}", type=at_least(1), help="in place of the technique's own")
    return about


def at_least(lowest: int) -> Callable[[str], int]:
    """The type of an argument that is a whole number not below ``lowest``."""

    def whole(text: str) -> int:
        if not text.isdecimal() or int(text) < lowest:
            raise argparse.ArgumentTypeError(f"is {text!r}; accepted: a whole number from {lowest}")
        return int(text)

    return whole


def choice(given: argparse.Namespace) -> Choice:
    """The plan that the command line asks for."""
    if given.quick:
        given.networks = given.networks or ["mini-alexnet"]
        given.growth, given.repeats, given.threads = [], 1, [1]
    growth = given.growth or (["squeezenet1_0"] if given.growth is None and _ALL not in given.networks else [])
    given.networks = list(dict.fromkeys(_named(given.networks))) or list(networks.DEFAULT)
    settings = dict(_QUICK) if given.quick else {}
    settings |= {key: getattr(given, key) for key in _QUICK if getattr(given, key) is not None}
    compared = "techniques" in given.parts
    return Choice(
        techniques=given.techniques,
        networks=given.networks if compared else [],
        growth=growth if "growth" in given.parts else [],
        first=[name for name in TARGETS if name in given.networks] if "first" in given.parts else [],
        contenders=given.contenders,
        threads=given.threads if given.device == "cpu" else [0],
        device=given.device,
        picture=str(Path(given.picture).resolve()) if given.picture else "",
        settings=settings,
        positions=given.positions,
        at_once=given.at_once or (8 if given.quick else 0),
    )


def _named(given: Sequence[str]) -> Iterator[str]:
    for name in given:
        yield from catalogue.names() if name == _ALL else [name]


def run(given: argparse.Namespace) -> Store:
    """Measure what is missing."""
    store, groups = Store(given.results, machine.sessions(given.device)), list(choice(given).groups())
    if machine.busy():
        say("Other programs are using the processors: the ratios of one run still hold, the seconds do not.")
    if given.device == "cpu":
        whole = sum(seconds(group, given.repeats, given.patience) for group in groups)
        say(f"{len(groups)} comparisons, about {whole / 60:.0f} minutes if nothing of it is in {given.results} yet.")
    for number, group in enumerate(groups, 1):
        say(f"{number}/{len(groups)} {group.label}")
        measure(store, group.jobs, group.threads, given.repeats, given.patience)
    return store


def main() -> None:
    given = parser().parse_args()
    if given.table and not given.table.exists():
        sys.exit(f"--table is {given.table}; accepted: a file of measurements that exists.")
    try:
        store = Store(given.table) if given.table else run(given)
    except KeyboardInterrupt:
        say("Stopped; the same command goes on from here.")
        store = Store(given.results)
    text = render(store, given.full)
    print(text, end="")
    if given.out:
        given.out.write_text(text, encoding="utf-8")
    if given.into:
        given.into.write_text(put_into(given.into.read_text(encoding="utf-8"), text), encoding="utf-8")


if __name__ == "__main__":
    main()
