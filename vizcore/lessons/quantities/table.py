"""Every quantity by its name, and with what arguments a file may ask for it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping

from vizcore.lessons.quantities import ascents, changes, forging, gate, gradients, kernels, lime_fits, trust, windows
from vizcore.lessons.quantities.parts import changed_winner, cheat, effect, least_true
from vizcore.lessons.truths import Given, Quantity, Truth

QUANTITIES: dict[str, Quantity] = {
    "effect of a part": effect,
    "winner of the changed scene": changed_winner,
    "which cheats": cheat,
    "least true method": least_true,
    "strongest kernel": kernels.strongest,
    "answer of a kernel": kernels.added_up,
    "answer map": kernels.answer_map,
    "whose answer map": kernels.whose_map,
    "whose class": ascents.whose,
    "own picture": ascents.told_as,
    "formula or additions": ascents.alone_or_with,
    "contrast by lambda": ascents.contrast,
    "probability": windows.probability,
    "top class": windows.top_class,
    "drop": windows.drop,
    "order of drops": windows.drops,
    "largest drop": windows.largest_drop,
    "fill": windows.fill,
    "winner": windows.winner,
    "occlusion map": windows.occlusion_map,
    "gradient map": gradients.gradient_map,
    "share of the gradient": gradients.share,
    "whose gradient": gradients.whose,
    "break-down of the line": gradients.break_down,
    "saturation": gradients.saturation,
    "smallest change": changes.smallest,
    "two seeds": gradients.seeds,
    "copies needed": gradients.copies,
    "gain by copies": gradients.gain,
    "noise of the map": gradients.noises,
    "order of superpixels": lime_fits.order,
    "switched off": lime_fits.switched,
    "R²": lime_fits.r2,
    "lowest R²": lime_fits.lowest_r2,
    "two seeds of LIME": lime_fits.seeds,
    "forged answer": forging.forged_answer,
    "forged map": forging.forged_map,
    "forged share": forging.forged_share,
    "order of forged maps": forging.forged_methods,
    "order by deletion": trust.by_deletion,
    "best by deletion": trust.best_by_deletion,
    "blind map": trust.blind,
    "left without weights": trust.without_weights,
    "deletion against chance": trust.against_chance,
    "superpixel blamed": gate.blamed,
    "superpixel weights": gate.lime_map,
    "stamp effect": gate.stamp_effect,
    "share recognised": gate.noticed,
    "unmasking fill": gate.unmasking,
    "misled method": gate.misled,
}
KINDS = {  # of arguments, as annotated
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "list[int]": "whole numbers in brackets",
    "list[float]": "numbers in brackets",
    "list[str]": "texts in brackets",
    "list[list[int]]": "pairs of whole numbers in brackets",
}


def arguments(name: str) -> dict[str, tuple[str, bool]]:
    """The arguments of a quantity: the kind of each (a key of :data:`KINDS`), and whether it must be given."""
    _, *others = inspect.signature(QUANTITIES[name]).parameters.values()
    return {one.name: (str(one.annotation), one.default is inspect.Parameter.empty) for one in others}


def fits(value: object, kind: str) -> bool:
    """Whether a value from a file is of an argument's kind."""
    if kind.startswith("list["):
        return isinstance(value, list) and 0 < len(value) <= 64 and all(fits(one, kind[5:-1]) for one in value)
    if kind == "float":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return type(value).__name__ == kind


def compute(name: str, given: Given, values: Mapping[str, object]) -> Iterator[Truth]:
    """The truth called so, estimate by estimate. Raises ValueError where it cannot be had."""
    return QUANTITIES[name](given, **values)
