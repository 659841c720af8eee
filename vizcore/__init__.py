"""Five ways to see why an image classifier decides, for convolutional networks in PyTorch.

``load`` gives a network by name, :class:`Classifier` makes one of any module, and ``filters``, ``maximize``,
``saliency``, ``occlusion`` and ``lime`` explain it. The engine knows nothing of the web page: no module in it imports
streamlit.
"""

from __future__ import annotations

import os
import sys
import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

from vizcore import moved

if TYPE_CHECKING:
    from vizcore.networks.catalogue import load
    from vizcore.networks.classifier import Classifier
    from vizcore.networks.preprocessing import Preprocess
    from vizcore.techniques import filters, lime, maximize, occlusion, saliency

__all__ = ["Classifier", "Preprocess", "filters", "lime", "load", "maximize", "occlusion", "saliency"]
__version__ = "0.1.0"

# Threads of a parallel region that wait for each other shall sleep, not spin: where several computations share the
# cores (more than one visitor, say), spinning made small networks four times slower. torch reads it at its import.
if "torch" in sys.modules and "OMP_WAIT_POLICY" not in os.environ and hasattr(os, "getloadavg"):
    _busy = os.getloadavg()[0]  # programs that want a core, over the last minute
    if _busy > (os.cpu_count() or 1) > 1:
        warnings.warn(
            f"torch was imported before vizcore, so that its threads spin while they wait for each other. This machine "
            f"is busy (load {_busy:.1f} on {os.cpu_count()} cores): that can make small networks many times slower. "
            "Import vizcore first, set OMP_WAIT_POLICY=passive, or call torch.set_num_threads(1).",
            RuntimeWarning,
            stacklevel=2,
        )
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

_WHERE = {
    "load": "vizcore.networks.catalogue",
    "Classifier": "vizcore.networks.classifier",
    "Preprocess": "vizcore.networks.preprocessing",
}
moved.stand()


def __getattr__(name: str) -> Any:
    """The public names, imported when first asked for: torch is not needed to read a study, say."""
    if name not in __all__:
        raise AttributeError(f"module 'vizcore' has no attribute {name!r}")
    found = (
        getattr(import_module(_WHERE[name]), name) if name in _WHERE else import_module(f"vizcore.techniques.{name}")
    )
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
