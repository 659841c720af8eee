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


def code() -> str:
    """Eight digits that change with any file of vizcore."""
    digest = hashlib.sha256()
    for path in sorted((Path(__file__).parents[1] / "vizcore").rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:8]


def session(device: str) -> dict[str, Any]:
    """The description of this run, as it is stored with its measurements; ``run`` tells one state from another."""
    found: dict[str, Any] = {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "device": device,
        "versions": versions(),
        "code": code(),
    }
    if device == "cuda":
        import torch

        found["accelerator"] = torch.cuda.get_device_name()
    found["run"] = hashlib.sha256(repr(sorted(found.items())).encode()).hexdigest()[:8]
    found["date"] = datetime.now(UTC).strftime("%Y-%m-%d")
    return found


def busy() -> bool:
    """Whether other programs were using the processors during the last minute."""
    return sys.platform != "win32" and os.getloadavg()[0] > 0.5
