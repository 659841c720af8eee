"""How the server fares, for those who run it: nothing here tells anything about its visitors."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import Any

import torch

from ui.frame import network_cache
from ui.frame.export import LIBRARIES
from ui.running import seat
from ui.running.results import RESULTS
from vizcore import machine
from vizcore.networks.examination import switched_off

MEGABYTE = 2**20
# Of how many networks, since the start, a part of the acceleration did not agree with the network itself.
_PARTS = {
    "without_faster_passes": "faster passes",
    "without_channels_last": "channels-last",
    "without_incremental_occlusion": "incremental occlusion",
}


def facts() -> dict[str, dict[str, Any]]:
    """Device, memory in megabytes, queue, kept results, networks in memory, versions and uptime in seconds."""
    resident, memory, gpu = machine.resident(), machine.memory(), machine.gpu_memory()
    off = switched_off()
    held: dict[str, Any] = {"process_mb": None if resident is None else resident // MEGABYTE}
    for name, found in (("", memory), ("gpu_", gpu)):
        if found is not None:
            held |= {f"{name}available_mb": found[0] // MEGABYTE, f"{name}total_mb": found[1] // MEGABYTE}
    return {
        "device": {"name": _device(), "cores": machine.cores(), "threads": torch.get_num_threads()},
        "memory": held,
        "queue": {"places": seat.QUEUE.places, "most_begun": seat.QUEUE.most, **seat.QUEUE.counts()},
        "sessions": {"computing_or_looking": seat.taken()},
        "results": {"entries": len(RESULTS), "megabytes": round(RESULTS.megabytes, 1)},
        "networks": {
            "loaded": sorted(network_cache.LOADED.keys()),
            "kept_at_most": network_cache.KEPT,
            **{key: off.get(part, 0) for key, part in _PARTS.items()},
        },
        "versions": {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
        "uptime": {"seconds": round(machine.uptime())},
    }


def _device() -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return "mps" if torch.backends.mps.is_available() else "cpu"
