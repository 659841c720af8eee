"""python -m vizcore.study PICTURES --methods ... --networks ... --out study/ : a study from the command line."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from vizcore import methods
from vizcore import params as declared
from vizcore.networks import catalogue
from vizcore.networks.weights import WeightsError
from vizcore.study import cluster, local, plan, sources, summary
from vizcore.study.local import Done
from vizcore.study.plan import Plan, Study, Task
from vizcore.study.sources import StudyError
from vizcore.study.table import Table

STOPPED = 130  # the exit status of a program that Ctrl-C ended


def main(arguments: Sequence[str] | None = None, prog: str = "python -m vizcore.study") -> int:
    """Begin a study or carry it on; 0 when it is finished, 2 with a sentence on stderr where it cannot be."""
    requested = _parser(prog).parse_args(arguments)
    try:
        study = Study(**{name: getattr(requested, name) for name in declared.specs(Study)})
        load = cache(lambda name: catalogue.load(name, requested.device))
        what = plan.make(study, sources.find(requested.pictures), requested.networks, requested.methods, load)
        with Table(Path(requested.out), what) as table:
            remaining = table.remaining()
            print(f"{len(what.tasks) - len(remaining)} of {len(what.tasks)} done before", file=sys.stderr)
            try:
                _carry_on(table, remaining, _runner(requested.ray, what, remaining, load))
            except KeyboardInterrupt:
                print(f"\nStopped; the same command goes on from {table.count} rows.", file=sys.stderr)
                return STOPPED
            table.settle()
            print(summary.text(table.summarised([plan.BASELINE]), plan.BASELINE))
            print(f"{table.count} rows in {table.place}")
    except (StudyError, WeightsError, declared.ParameterError) as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"The study cannot be written: {error}; the same command goes on once that is mended.", file=sys.stderr)
        return 2
    return 0


def _runner(address: str | None, what: Plan, tasks: Sequence[Task], load: local.Load) -> Iterator[Done]:
    if not tasks:
        return iter(())
    return local.work_off(what, tasks, load) if address is None else cluster.work_off(what, tasks, address)


def _carry_on(table: Table, remaining: Sequence[Task], done: Iterator[Done]) -> None:
    begun, shown = time.monotonic(), sys.stderr.isatty()
    for count, (task, found) in enumerate(done, start=1):
        table.append(found)
        for sentence in sorted({row.error for row in found if row.error}):
            print(f"{task.picture.id}, {task.network}: {sentence}", file=sys.stderr)
        if shown or count % 50 == 0 or count == len(remaining):
            left = (time.monotonic() - begun) / count * (len(remaining) - count)
            start, end = ("\r", "") if shown and count < len(remaining) else ("\r" if shown else "", "\n")
            print(f"{start}{count} of {len(remaining)}, about {left:.0f} s left ", end=end, file=sys.stderr, flush=True)


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Explain many pictures by many methods, and measure each map. Run it again to carry it on.",
    )
    parser.add_argument(
        "pictures",
        nargs="+",
        metavar="PICTURES",
        help=f"a folder of pictures; scenes:N, the N scenes from seed {sources.FIRST} on; scenes:A-B; stamped:N or "
        f"stamped:A-B, horses with the date stamp",
    )
    parser.add_argument("--methods", nargs="+", default=list(methods.METHODS), metavar="METHOD", help="default: all")
    parser.add_argument("--networks", nargs="+", default=["mini-alexnet"], metavar="NETWORK")
    parser.add_argument("--out", required=True, metavar="FOLDER", help="where the table is kept")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, mps or auto; Ray's workers compute on the CPU")
    parser.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="local, or HOST:PORT of a running Ray cluster; where that asks for a token, see RAY_AUTH_MODE of Ray",
    )
    for name, spec in declared.specs(Study).items():
        default = getattr(Study(), name)
        told = f"{spec.help} Default: {default}; accepted: {spec.accepted}."
        if isinstance(spec, declared.Flag):
            parser.add_argument(f"--{name}", action="store_true", help=spec.help)
        else:
            parser.add_argument(f"--{name}", type=type(default), default=default, help=told)
    return parser


if __name__ == "__main__":
    sys.exit(main())
