"""On what, with what and of what code something was measured."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.imports import ROOT, files
from benchmarks.techniques import ALL

PACKAGES = ("torch", "torchvision", "numpy", "captum", "lime", "saliency", "torchcam", "grad-cam")


def processor() -> str:
    """The processor's model name."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Installed versions, "-" for what is missing."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "-"
    return found


def code(technique: str) -> str:
    """Eight digits that change with any file of vizcore that the technique's module imports, however indirectly.

    The module itself and the rest of the benchmarks do not count: they say how it is measured, not what.
    """
    modules = {contender.prepare.__module__ for contender in ALL[technique].contenders.values()}
    digest = hashlib.sha256()
    for path in sorted(files(*modules)):
        name = path.relative_to(ROOT).as_posix()
        if name.startswith("vizcore/"):
            digest.update(f"{name}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:8]


def sessions(device: str) -> dict[str, dict[str, Any]]:
    """The description of this run for each technique, as it is stored with the technique's measurements.

    ``run`` tells one state of machine, versions and code from another.
    """
    here = _machine(device)
    found = {}
    for technique in ALL:
        about = {**here, "technique": technique, "code": code(technique)}
        run = hashlib.sha256(repr(sorted(about.items())).encode()).hexdigest()[:8]
        today = datetime.now(UTC).strftime("%Y-%m-%d")
        found[technique] = {**about, "run": run, "date": today}
    return found


def _machine(device: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "device": device,
        "versions": versions(),
    }
    if device == "cuda":
        import torch

        found["accelerator"] = torch.cuda.get_device_name()
    return found


def busy() -> bool:
    """Whether other programs were using the processors during the last minute."""
    return sys.platform != "win32" and os.getloadavg()[0] > 0.5
