"""Where modules are now that once lay elsewhere: an old path is answered by an error that names the new one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

_ROOMS = {
    "acceleration": "activations convolution folding graph half incremental layout passes patches plan product regions "
    "tracing winograd workers",
    "evaluation": "agreement baselines faithfulness sanity stability truth",
    "jobs": "queue run",
    "networks": "architectures batches classifier download layers own weights zoo",
    "pictures": "charts colours cutouts figures plotting scenes",
    "techniques": "adaline fill filters gradcam lime maximize occlusion saliency subimages superpixels taylor windows",
}
MOVED = {f"vizcore.{name}": f"vizcore.{room}.{name}" for room, names in _ROOMS.items() for name in names.split()} | {
    "vizcore.bundled": "vizcore.networks.bundled",
    "vizcore.integrated": "vizcore.techniques.integrated_gradients",
    "vizcore.preprocess": "vizcore.networks.preprocessing",
    "vizcore.randomise": "vizcore.evaluation.randomisation",
}


class Signpost:
    """A finder that is asked last, when no module of that name was found."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """None, but for a module that was moved: ImportError, which says where it is now."""
        if name in MOVED:
            raise ImportError(f"{name} is now {MOVED[name]}: change the import to that.", name=name)
        return None


def stand() -> None:
    """Put the signpost up, once."""
    if Signpost not in sys.meta_path:
        sys.meta_path.append(Signpost)
