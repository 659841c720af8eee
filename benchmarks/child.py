"""The child process in which one contender lives: it prepares, and then measures whenever it is asked to.

``python -m benchmarks.child JOB``; requests and answers are lines of JSON on the standard streams.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from benchmarks.job import Job
from benchmarks.timing import Measures, Meter

AT_ONCE = {"cpu": (1, 8, 16, 32), "cuda": (16, 64, 256)}
_BRIEF = 15.0  # seconds


def serve(job: Job, requests: TextIO, answers: TextIO) -> None:
    """Answer requests until the stream ends.

    ``{"do": "run", "threads": n}`` measures the work once; ``{"do": "warm", "threads": n}`` runs a small trial of it;
    ``{"do": "scout"}`` finds the fastest number of pictures at once on small trials; ``{"do": "save", "path": p}``
    writes the map of the last run, if there is one.
    """
    import torch

    if not job.tuned:
        from vizcore import memory

        memory.keep = lambda: False  # this process allocates as it does by default
    from benchmarks.contender import Stage
    from benchmarks.networks import as_installed, classifier, picture
    from benchmarks.techniques import ALL
    from vizcore import memory

    torch.set_num_threads(1)
    technique = ALL[job.technique]
    clf = classifier(job.network, job.device, job.settings.get("size"))
    image = clf.pixels(picture(job.picture))
    stage = Stage(clf, image, clf.top(image)[0][0])
    if not job.tuned:
        as_installed(clf.module)
    work = technique.contenders[job.contender].prepare(stage)
    small = technique.trial(job.settings, image.shape[-1])
    memory.release()  # else what loading has freed would serve the work, and not be counted
    meter = Meter(job.device)
    found = None

    def run() -> None:
        nonlocal found
        found = work(job.settings, job.at_once)

    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in requests:
        request: dict[str, Any] = json.loads(line)
        answer: dict[str, Any] = {}
        if request.get("threads"):
            torch.set_num_threads(request["threads"])
        if request["do"] == "run":
            answer = meter.measure(run)
        elif request["do"] == "warm":
            work({**job.settings, **small}, job.at_once)
        elif request["do"] == "scout":
            answer = {"at_once": fastest(lambda n: work({**job.settings, **small}, n), meter, AT_ONCE[job.device])}
        elif request["do"] == "save":
            answer = {"saved": found is not None}
            if found is not None:
                import numpy as np

                np.save(Path(request["path"]), np.asarray(found), allow_pickle=False)
        print(json.dumps(answer), file=answers, flush=True)


def fastest(work: Callable[[int], object], meter: Measures, choices: Sequence[int]) -> int:
    """The number of pictures at once that takes the least time; of trials up to ``_BRIEF`` the better of two counts.

    The first with a new number asks the system for memory that the next ones find there, as measured runs do.
    """
    took: dict[int, float] = {}
    for number in choices:
        trial = partial(work, number)
        took[number] = meter.measure(trial)["wall"]
        if took[number] < _BRIEF:
            took[number] = min(took[number], meter.measure(trial)["wall"])
    return min(took, key=took.__getitem__)


if __name__ == "__main__":
    spoken = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not look like an answer
    serve(Job.from_json(sys.argv[1]), sys.stdin, spoken)
