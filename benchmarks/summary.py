"""The medians of what a file of measurements holds, brought into an order that tables can be made of."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from benchmarks.contender import Technique
from benchmarks.job import Job
from benchmarks.networks import side
from benchmarks.store import Row, Store
from benchmarks.techniques import ALL, TECHNIQUES


@dataclass
class Measured:
    """What is known of one job: its rows of time by number of threads, and how its map agrees with ours."""

    job: Job
    times: dict[int, list[Row]] = field(default_factory=lambda: defaultdict(list))
    agreement: Row | None = None
    failed: str = ""

    def median(self, what: str, threads: int) -> float | None:
        rows = self.times.get(threads)
        return median(row[what] for row in rows) if rows else None

    @property
    def cpu(self) -> float | None:
        """Median CPU seconds on one thread; on another device the median wall seconds."""
        return self.median("cpu", 1) if self.job.device == "cpu" else self.median("wall", 0)

    @property
    def network(self) -> str:
        return self.job.network if self.job.device == "cpu" else f"{self.job.network} on {self.job.device}"

    @property
    def wall(self) -> float | None:
        """Median wall seconds on two threads."""
        return self.median("wall", 2)

    @property
    def peak(self) -> float | None:
        """Growth of the process's largest memory, in MiB, on as few threads as it was measured on."""
        return self.peak_on(min(self.times)) if self.times else None

    def peak_on(self, threads: int) -> float | None:
        rows = self.times.get(threads)
        return max(row["peak"] for row in rows) if rows else None

    @property
    def at_once(self) -> int:
        rows = [row for rows in self.times.values() for row in rows]
        found: int = rows[-1]["at_once"] if rows else 0
        return found

    @property
    def random(self) -> bool:
        """Whether the weights were random ones."""
        return any(row["weights"] == "random" for rows in self.times.values() for row in rows)

    @property
    def repeats(self) -> int:
        return min((len(rows) for rows in self.times.values()), default=0)

    @property
    def disturbed(self) -> bool:
        """Whether the wall time on one thread is a tenth above the CPU time: something else was running."""
        cpu, wall = self.median("cpu", 1), self.median("wall", 1)
        return self.job.device == "cpu" and cpu is not None and wall is not None and wall > 1.1 * cpu + 0.01

    @property
    def passes(self) -> int:
        size = self.job.settings.get("size", side(self.job.network))
        return ALL[self.job.technique].passes(self.job.settings, size)


def collect(store: Store) -> list[Measured]:
    """Everything measured, in the order in which it was first met."""
    found: dict[str, Measured] = {}
    for job, row in store.latest():
        about = found.setdefault(job.key, Measured(job))
        if row["kind"] == "time":
            about.times[row["threads"]].append(row)
            about.failed = ""
        elif row["kind"] == "agreement":
            about.agreement = row
        elif row["kind"] == "failed":
            about.failed = row["reason"]
    return list(found.values())


def comparisons(measured: Sequence[Measured]) -> list[tuple[Technique, list[Measured]]]:
    """Those that are compared with ours, ours first, by technique, network and settings."""
    groups: dict[tuple[str, str, str, str], list[Measured]] = {}
    for about in measured:
        if about.job.technique in TECHNIQUES:
            settings = json.dumps(dict(about.job.settings), sort_keys=True)
            key = about.job.technique, about.job.network, about.job.device, settings
            groups.setdefault(key, []).append(about)
    found = []
    for name, technique in TECHNIQUES.items():
        order = list(technique.contenders)
        for key, group in groups.items():
            if key[0] == name and len(group) > 1:
                found.append((technique, sorted(group, key=lambda about: order.index(about.job.contender))))
    return found


def firsts(measured: Sequence[Measured]) -> dict[str, list[Measured]]:
    """The first estimates, by network."""
    found: dict[str, list[Measured]] = {}
    for about in measured:
        if about.job.technique == "first":
            found.setdefault(about.network, []).append(about)
    return found


@dataclass(frozen=True)
class Growth:
    """CPU time and peak memory of ours along one setting. ``exponent`` is the slope of log(time) over log(amount)."""

    technique: Technique
    network: str
    what: str
    amounts: list[int]
    labels: list[str]
    seconds: list[float]
    mib: list[float]

    @property
    def exponent(self) -> float:
        x, y = [math.log(v) for v in self.amounts], [math.log(v) for v in self.seconds]
        middle_x, middle_y = sum(x) / len(x), sum(y) / len(y)
        spread = sum((a - middle_x) ** 2 for a in x)
        return sum((a - middle_x) * (b - middle_y) for a, b in zip(x, y, strict=True)) / spread


_WHAT = {"stride": "windows", "samples": "samples", "copies": "copies", "size": "pixels"}


def growths(measured: Sequence[Measured]) -> list[Growth]:
    """Where ours was measured at two or more values of a setting, and at nothing else changed."""
    found = []
    ours = [a for a in measured if a.job.contender == "ours" and a.job.device == "cpu" and a.cpu]
    for name, technique in TECHNIQUES.items():
        for network in dict.fromkeys(about.job.network for about in ours):
            for setting, values in technique.growth.items():
                series = [about for about in ours if (about.job.technique, about.job.network) == (name, network)]
                by_value = {about.job.settings.get(setting): about for about in series if _along(about, setting)}
                points = [by_value[value] for value in values if value in by_value]
                if len(points) > 1:
                    found.append(_growth(technique, network, setting, points))
    return found


def _along(about: Measured, setting: str) -> bool:
    """Whether the job differs from the technique's usual settings in this one only (``size`` brings others along)."""
    usual, settings = TECHNIQUES[about.job.technique].settings, about.job.settings
    if setting == "size" or "size" in settings:
        return setting == "size" and "size" in settings
    return all(settings.get(key) == value for key, value in usual.items() if key != setting)


def _growth(technique: Technique, network: str, setting: str, points: Sequence[Measured]) -> Growth:
    values = [about.job.settings[setting] for about in points]
    amounts = [value**2 if setting == "size" else about.passes for value, about in zip(values, points, strict=True)]
    labels = [
        f"{value}²" if setting == "size" else str(about.passes) for value, about in zip(values, points, strict=True)
    ]
    times, memory = [about.cpu or 0.0 for about in points], [about.peak or 0.0 for about in points]
    return Growth(technique, network, _WHAT[setting], amounts, labels, times, memory)
