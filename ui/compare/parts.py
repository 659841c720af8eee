"""The parts below the maps, in the order in which they are offered."""

from __future__ import annotations

from collections.abc import Callable

from ui.compare import agreement, faithfulness, sanity, stability, sweep, truth
from ui.compare.choice import Choice
from ui.compare.maps import Maps

PARTS: dict[str, Callable[[Choice, Maps], None]] = {
    "faithfulness": faithfulness.part,
    "agreement": agreement.part,
    "stability": stability.part,
    "sanity": sanity.part,
    "truth": truth.part,
    "sweep": sweep.part,
}
