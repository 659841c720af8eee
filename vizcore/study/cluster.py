"""A plan worked off on Ray: tasks go to as many workers as the cluster has cores, and only the driver writes rows.

A worker that dies takes nothing with it but its current task, which is sent out again, up to ``ATTEMPTS`` times in all.
Its rows come back to the driver once or not at all, so that no row is lost or counted twice.

Ray's processes listen on all addresses of their machine, those of a local cluster too. What guards them is the token
that Ray makes for itself, or the one that ``RAY_AUTH_MODE`` and ``RAY_AUTH_TOKEN`` give to all of a cluster.
"""

from __future__ import annotations

import os
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from vizcore.networks import catalogue
from vizcore.networks.classifier import Classifier
from vizcore.study import work
from vizcore.study.local import Done
from vizcore.study.plan import Plan, Study
from vizcore.study.rows import Row
from vizcore.study.sources import StudyError

ATTEMPTS = 3
PATIENCE = 10.0  # seconds for a cluster to answer; Ray itself tries for minutes
OBJECT_STORE = 128 * 2**20  # rows are small, and a picture is at most 20 MB
Measure = Callable[[str, bytes | None, str, tuple[str, ...], Study], list[Row]]


@cache
def _network(name: str) -> Classifier:
    return catalogue.load(name, "cpu")


def measure(
    identifier: str, content: bytes | None, network: str, requested: tuple[str, ...], study: Study
) -> list[Row]:
    """The rows of one task, on a worker, which keeps the networks that it has loaded."""
    import torch

    torch.set_num_threads(1)  # Ray gives a task one core
    return list(work.measure(_network(network), identifier, lambda: content, network, requested, study))


def work_off(
    plan: Plan, tasks: Iterable[Any], address: str, *, cores: int | None = None, measure: Measure = measure
) -> Iterator[Done]:
    """The rows of each task, in the order in which they are done.

    ``address`` is ``local`` for a cluster on this machine, with ``cores`` workers (None: all cores), or that of a
    running one, ``HOST:PORT``. Raises :class:`StudyError` where Ray is missing or the cluster cannot be reached.
    """
    if find_spec("ray") is None:
        raise StudyError("Ray is not installed; to use --ray, install what requirements-ray.txt names.")
    ray = _connected(address, cores)
    try:
        yield from _worked_off(ray, plan, tasks, measure)
    finally:
        ray.shutdown()


def _connected(address: str, cores: int | None) -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    quiet: dict[str, Any] = {"log_to_driver": False, "include_dashboard": False, "logging_level": "ERROR"}
    try:
        if address == "local":
            ray.init("local", num_cpus=cores, object_store_memory=OBJECT_STORE, **quiet)
        else:
            _reach(address)
            # The engine travels along: the machines of the cluster need what it imports, not the engine itself.
            package = str(Path(work.__file__).parents[1])
            del quiet["include_dashboard"]
            ray.init(address, runtime_env={"py_modules": [package]}, **quiet)
    except (OSError, ValueError, RuntimeError) as error:
        raise StudyError(f"There is no Ray cluster at {address} that can be used ({error}).") from None
    return ray


def _reach(address: str) -> None:
    """Raise OSError or ValueError unless something listens at ``HOST:PORT``, perhaps behind ``ray://``."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not (colon and port.isascii() and port.isdigit()):
        raise ValueError("an address is local or HOST:PORT")
    socket.create_connection((host, int(port)), timeout=PATIENCE).close()


def _worked_off(ray: Any, plan: Plan, tasks: Iterable[Any], measure: Measure) -> Iterator[Done]:
    new, again = iter(tasks), deque[tuple[Any, int]]()  # taken one by one, since there may be millions
    remote = ray.remote(num_cpus=1, max_retries=0)(measure)  # the attempts are counted here
    study = ray.put(plan.study)
    running: dict[Any, tuple[Any, int]] = {}
    following = _following(new, again)
    while following or running:
        # A few tasks ahead of the workers, so that none waits and memory holds few pictures.
        most = 2 * max(1, int(ray.cluster_resources().get("CPU", 1)))
        while following and len(running) < most:
            task, attempt = following
            following = _following(new, again)
            try:
                content = task.picture.content()
            except OSError as error:
                yield task, _failed(plan, task, f"The file cannot be read: {error.strerror}.")
                continue
            handle = remote.remote(task.picture.id, content, task.network, plan.methods, study)
            running[handle] = (task, attempt)
        for handle in ray.wait(list(running), timeout=5.0)[0] if running else ():
            task, attempt = running.pop(handle)
            try:
                yield task, ray.get(handle)
            except ray.exceptions.RayTaskError as error:  # the network could not be had: no picture will fare better
                raise StudyError(f"A worker could not do its part: {error.cause}") from None
            except ray.exceptions.RayError:  # the worker or its machine is gone
                if attempt < ATTEMPTS:
                    again.append((task, attempt + 1))
                else:
                    yield task, _failed(plan, task, f"The worker died {ATTEMPTS} times over this picture.")
        following = following or _following(new, again)


def _following(new: Iterator[Any], again: deque[tuple[Any, int]]) -> tuple[Any, int] | None:
    """The next task and which attempt at it that is: first those whose worker has died."""
    if again:
        return again.popleft()
    task = next(new, None)
    return None if task is None else (task, 1)


def _failed(plan: Plan, task: Any, sentence: str) -> list[Row]:
    return [Row(task.picture.id, task.network, method, error=sentence) for method in plan.methods]
