"""The parts below the maps, in the order in which they are offered."""

from __future__ import annotations

from collections.abc import Callable

from ui.compare import agree, faithful, sane, stable, sweep, true
from ui.compare.choice import Choice
from ui.compare.maps import Maps

PARTS: dict[str, Callable[[Choice, Maps], None]] = {
    "faithfulness": faithful.part,
    "agreement": agree.part,
    "stability": stable.part,
    "sanity": sane.part,
    "truth": true.part,
    "sweep": sweep.part,
}
