"""torchvision as it is installed, imported when one of its networks is first asked for."""

from __future__ import annotations

import importlib
import importlib.util
import threading
from pathlib import Path
from types import ModuleType

import torch

from vizcore.networks.weights import WeightsError

_lock = threading.Lock()
_declared: torch.library.Library | None = None  # declarations live as long as the object that made them


def torchvision_models() -> ModuleType:
    """``torchvision.models``, imported on first use, also where torchvision was compiled for another build of torch.

    Its compiled operators serve detection only, but the import stops when they are not declared.
    """
    global _declared
    with _lock:
        if _declared is None and not hasattr(torch.ops.torchvision, "nms") and not _load_operators():
            _declared = torch.library.Library("torchvision", "FRAGMENT")
            for operator in ("nms", "qnms"):
                _declared.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        try:
            return importlib.import_module("torchvision.models")
        except (ImportError, RuntimeError, OSError) as error:
            raise WeightsError(
                "The installed torchvision does not fit the installed torch, so only the bundled network can be used; "
                f"install the pair of versions in requirements.txt. ({error})"
            ) from error


def _load_operators() -> bool:
    """Whether torchvision's compiled operators could be loaded into the installed torch."""
    package = importlib.util.find_spec("torchvision")
    for folder in (package.submodule_search_locations or []) if package else []:
        for library in sorted(Path(folder).glob("_C.*")):
            try:
                torch.ops.load_library(str(library))
            except (OSError, ImportError, RuntimeError):
                continue
            return hasattr(torch.ops.torchvision, "nms")
    return False
