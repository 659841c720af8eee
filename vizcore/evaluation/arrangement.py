"""What is done with each part of a scene, as the settings of a page: sliders, link and export come from here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vizcore.params import check, choice, number
from vizcore.pictures.scene_parts import AS_IT_IS, Change, Changes, Part
from vizcore.pictures.scenes import CLASSES

KEEP, REMOVE, OTHER = "keep", "remove", "other"
DIRECTIONS = {"right": 0, "down": 90, "left": 180, "up": 270}  # degrees
DATE = 1984  # on a stamp that stands in another's place, or where there was none


def _object(label: str, help: str) -> Any:
    return choice(KEEP, (KEEP, REMOVE, *CLASSES), label=label, help=help)


def _shift(label: str, way: str) -> Any:
    return number(0, -100, 100, 1, label=label, help=f"How far the part is moved {way}.", unit="%")


@dataclass(frozen=True)
class Arrangement:
    """Each part is kept, removed, or another one stands in its place; it is moved by percent of the picture's side.

    Positive is to the right and downwards. ``ground`` chooses the background that stands in for the scene's own.
    """

    object: str = _object("Object", "The labelled object; it takes its shadow along.")
    distractor: str = _object("Second object", "Where the scene has none, one is added.")
    shadow: str = choice(
        KEEP, (KEEP, REMOVE, *DIRECTIONS), label="Shadow", help="The object's shadow, and where it falls."
    )
    stamp: str = choice(
        KEEP, (KEEP, REMOVE, OTHER), label="Stamp", help="The date stamp; where the scene has none, one is added."
    )
    background: str = choice(
        KEEP, (KEEP, REMOVE, OTHER), label="Background", help="Removed, it is a plain surface of its mean colour."
    )
    ground: int = number(5, 0, 999, 1, label="Other background", help="Seed of the background in its place.")
    object_x: int = _shift("Object, across", "to the right")
    object_y: int = _shift("Object, down", "downwards")
    distractor_x: int = _shift("Second object, across", "to the right")
    distractor_y: int = _shift("Second object, down", "downwards")
    shadow_x: int = _shift("Shadow, across", "to the right")
    shadow_y: int = _shift("Shadow, down", "downwards")
    stamp_x: int = _shift("Stamp, across", "to the right")
    stamp_y: int = _shift("Stamp, down", "downwards")
    background_x: int = _shift("Background, across", "to the right")
    background_y: int = _shift("Background, down", "downwards")

    def __post_init__(self) -> None:
        check(self)

    def shift(self, part: Part) -> tuple[int, int]:
        """How far the part is moved, in percent of the picture's side: to the right, downwards."""
        return getattr(self, f"{part}_x"), getattr(self, f"{part}_y")

    def changes(self) -> Changes:
        """The same as what the scene is drawn with."""
        return Changes(
            object=self._change("object", self.object),
            distractor=self._change("distractor", self.distractor),
            shadow=self._change("shadow", DIRECTIONS.get(self.shadow)),
            stamp=self._change("stamp", DATE if self.stamp == OTHER else None),
            background=self._change("background", self.ground if self.background == OTHER else None),
        )

    def _change(self, part: Part, instead: str | int | None) -> Change:
        x, y = self.shift(part)
        instead = None if instead in (KEEP, REMOVE) else instead
        found = Change(getattr(self, part) == REMOVE, (x / 100, y / 100), instead)
        return AS_IT_IS if found == AS_IT_IS else found
