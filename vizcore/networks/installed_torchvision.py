"""torchvision as it is installed, imported when one of its networks is first asked for."""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch

from vizcore.networks.weights import WeightsError

_lock = threading.Lock()
_declared: torch.library.Library | None = None  # declarations live as long as the object that made them
_ERRORS = (ImportError, RuntimeError, OSError)


def torchvision_models() -> ModuleType:
    """``torchvision.models``, imported on first use, also where torchvision was compiled for another build of torch.

    Its compiled operators serve detection only, but the import stops when they are not there; then they are declared.
    Raises :class:`WeightsError` where torchvision cannot be used.
    """
    with _lock:
        found = _imported()
        if isinstance(found, Exception) and not hasattr(torch.ops.torchvision, "nms"):
            found = _declaring()
    if isinstance(found, Exception):
        raise WeightsError(
            "The installed torchvision does not fit the installed torch, so only the bundled network can be used; "
            f"install the pair of versions in requirements.txt. ({found})"
        ) from found
    return found


def _imported() -> ModuleType | Exception:
    try:
        return importlib.import_module("torchvision.models")
    except _ERRORS as error:
        return error


def _declaring() -> ModuleType | Exception:
    """As :func:`_imported`, after that has failed: with the operators declared that torchvision names at its import."""
    global _declared
    for name in [one for one in sys.modules if one.partition(".")[0] == "torchvision"]:
        del sys.modules[name]  # what the failed import has left
    try:
        _declared = torch.library.Library("torchvision", "FRAGMENT")
        for operator in ("nms", "qnms"):
            _declared.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    except _ERRORS as error:
        return error
    with _without_its_libraries():
        return _imported()


@contextmanager
def _without_its_libraries() -> Iterator[None]:
    """torchvision cannot load what it has compiled: an operator that is declared twice there ends the whole process."""
    load = torch.ops.load_library

    def loaded(path: Any) -> None:
        if "torchvision" in str(path):
            raise OSError(f"{path} was compiled for another torch")
        load(path)

    torch.ops.load_library = loaded  # type: ignore[method-assign]
    try:
        yield
    finally:
        torch.ops.load_library = load  # type: ignore[method-assign]
