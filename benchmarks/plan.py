"""What a run measures, in groups of contenders that take turns, and about how long that will take."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks import first
from benchmarks.job import Job, Settings
from benchmarks.networks import side
from benchmarks.techniques import ALL, TECHNIQUES

# CPU seconds of one forward pass of one picture on one thread of an AMD EPYC (Zen 5): only for the forecast.
_PASS = {"mini-alexnet": 0.004, "squeezenet1_0": 0.023, "alexnet": 0.02, "vgg16": 0.25, "resnet18": 0.04}
_OTHERS, _BACKWARD, _PEER, _SECOND_THREAD, _START = 0.09, 3.0, 1.6, 0.6, 4.0
FIXED_SIZE = ("mini-alexnet",)  # cannot take pictures of another size


@dataclass(frozen=True)
class Group:
    """Jobs that are compared with each other, and the numbers of threads with which."""

    label: str
    jobs: Sequence[Job]
    threads: Sequence[int]


@dataclass(frozen=True)
class Choice:
    """What the command line asks for. ``settings`` overrides the techniques' own, by name."""

    techniques: Sequence[str]
    networks: Sequence[str]
    growth: Sequence[str]
    first: Sequence[str]
    contenders: Collection[str]  # empty: all of them
    threads: Sequence[int]
    device: str
    picture: str
    settings: Settings
    positions: int | None
    at_once: int  # 0: the fastest is found

    def groups(self) -> Iterator[Group]:
        for network in self.first:
            chosen = [c for c in first.TECHNIQUE.contenders if not self.contenders or c in self.contenders]
            jobs = [self._job("first", network, c, {}) for c in chosen]
            if jobs:
                yield Group(f"first estimates, {network}", jobs, self.threads[:1])
        for name in self.techniques:
            for network in self.networks:
                settings = self.settings_of(name, network)
                chosen = [c for c in TECHNIQUES[name].contenders if not self.contenders or c in self.contenders]
                jobs = [self._job(name, network, contender, settings) for contender in chosen]
                yield Group(f"{TECHNIQUES[name].title}, {network}", jobs, self.threads)
        for network in self.growth:
            for name in self.techniques:
                for setting, values in TECHNIQUES[name].growth.items():
                    if setting == "size" and network in FIXED_SIZE:
                        continue
                    yield from self._grown(name, network, setting, values)

    def _grown(self, name: str, network: str, setting: str, values: Sequence[int]) -> Iterator[Group]:
        technique = TECHNIQUES[name]
        for value in values:
            settings = {**self.settings_of(name, network), setting: value}
            if setting == "size" and technique.scaled:
                settings |= technique.scaled(settings, value)
            label = f"{technique.title}, {network}, {setting} {value}"
            yield Group(label, [self._job(name, network, "ours", settings)], self.threads[:1])

    def settings_of(self, name: str, network: str) -> dict[str, int]:
        own = TECHNIQUES[name].settings
        chosen = {key: self.settings.get(key, value) for key, value in own.items()}
        if self.positions and "stride" in chosen:
            while TECHNIQUES[name].passes(chosen, side(network)) - 1 > self.positions:
                chosen["stride"] += 1
        return chosen

    def _job(self, technique: str, network: str, contender: str, settings: Mapping[str, int]) -> Job:
        about = ALL[technique].contenders[contender]
        at_once = self.at_once if about.batched else 0
        return Job(technique, network, contender, about.tuned, at_once, self.device, self.picture, dict(settings))


def seconds(group: Group, repeats: int, patience: float) -> float:
    """A rough forecast of the wall time that the group takes on a CPU."""
    total = 0.0
    for job in group.jobs:
        technique, contender = ALL[job.technique], ALL[job.technique].contenders[job.contender]
        size = job.settings.get("size", side(job.network))
        passes = technique.passes(job.settings, size)
        one = passes * _PASS.get(job.network, _OTHERS) * (size / side(job.network)) ** 2
        one *= _BACKWARD if technique.backward else 1.0
        one *= 1.0 if contender.tuned else _PEER
        if job.technique == "occlusion" and job.contender == "ours":
            one /= 3
        total += _START + 16 * _PASS.get(job.network, _OTHERS)
        if contender.batched and passes > 1 and not job.at_once:  # three trials in a process of their own
            total += _START + 3 * min(one, one * 17 / passes)
        for threads in group.threads:
            each = one * (1.0 if threads == 1 else _SECOND_THREAD)
            total += each * min(repeats, math.ceil(patience / max(each, 1e-9)))
    return total
