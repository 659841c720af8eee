"""Filters: which kernel answers to a patch, how its answer is added up, and where it finds its pattern."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F

from vizcore.lessons.truths import Bars, Box, Exhibit, Given, Map, Picture, Truth
from vizcore.techniques import filters
from vizcore.techniques.kernel_answer import at_place

_LETTERS = "ABCDEFGH"


def strongest(given: Given, row: int, column: int, kernels: list[int]) -> Iterator[Truth]:
    """Which of the kernels A, B, ... has the largest answer at one place of the answer map, sign included."""
    weights, answers = filters.kernels(given.clf), filters.activations(given.clf, given.image)
    named = _named(kernels, len(weights.weights))
    place = at_place(given.clf, given.image, kernels[0], row, column)  # the same patch for all of them
    rows = [(letter, float(answers[k, row, column])) for letter, k in named.items()]
    best = max(rows, key=lambda pair: pair[1])
    sheet = filters.rgb(weights)
    before = (
        Picture("place", given.image, (Box("", place.box),)),
        Picture("patch", place.patch),
        *(Picture(letter, sheet[k].permute(2, 0, 1)) for letter, k in named.items()),
    )
    numbers: dict[str, float | str] = {"answer" + letter: value for letter, value in rows} | {"best": best[0]}
    yield Truth(best[0], before, (Bars("kernel_answers", tuple(rows), "", best[0]),), numbers)


def added_up(given: Given, row: int, column: int, kernel: int) -> Iterator[Truth]:
    """The answer of one kernel at one place: sum over its pixels and colours of weight times patch, plus the bias."""
    weights = filters.kernels(given.clf)
    _named([kernel], len(weights.weights))
    place = at_place(given.clf, given.image, kernel, row, column)
    products, answer, total = place.products.sum(0), place.answer, place.total  # (C,kh,kw) -> (kh,kw)
    parts = float(products.clamp(min=0).sum()), float(products.clamp(max=0).sum())
    numbers: dict[str, float | str] = {"answer": answer, "bias": answer - total}
    numbers |= {"total": total, "plus": parts[0], "minus": parts[1]}
    before = (
        Picture("place", given.image, (Box("", place.box),)),
        Picture("patch", place.patch),
        Picture("kernel", filters.rgb(weights)[kernel].permute(2, 0, 1)),
    )
    grey = torch.full((3, *products.shape), 0.5)
    rows = (("plus", parts[0]), ("minus", parts[1]), ("bias", answer - total), ("answer", answer))
    yield Truth(answer, before, (Map("products", grey, products), Bars("sum", rows)), numbers)


def answer_map(given: Given, kernel: int) -> Iterator[Truth]:
    """Where in the picture one kernel finds its pattern: its positive answers, as large as the picture."""
    weights, answers = filters.kernels(given.clf), filters.activations(given.clf, given.image)
    _named([kernel], len(weights.weights))
    size = given.clf.preprocess.size
    heat = F.interpolate(answers[kernel][None, None], size=size, mode="bilinear", align_corners=False)[0, 0]
    shown = Map("answer_map", given.image, heat)
    picture = Picture("kernel", filters.rgb(weights)[kernel].permute(2, 0, 1))
    yield Truth(heat.clamp(min=0), (Picture("picture", given.image), picture), (shown,), {"kernel": kernel})


def whose_map(given: Given, kernels: list[int], of: int) -> Iterator[Truth]:
    """Which of the answer maps A, B, ... is that of the kernel ``of``."""
    weights, answers = filters.kernels(given.clf), filters.activations(given.clf, given.image)
    named = _named(kernels, len(weights.weights))
    if of not in kernels:
        raise ValueError(f"of is {of}; accepted: one of kernels.")
    sheet, size = filters.rgb(weights), given.clf.preprocess.size
    larger = F.interpolate(answers[None], size=size, mode="bilinear", align_corners=False)[0]
    maps = tuple(Map(letter, given.image, larger[k]) for letter, k in named.items())
    truth = next(letter for letter, k in named.items() if k == of)
    before: tuple[Exhibit, ...] = (Picture("kernel", sheet[of].permute(2, 0, 1)), *maps)
    after = tuple(
        Picture("kernel_of", sheet[k].permute(2, 0, 1), values={"sign": letter}) for letter, k in named.items()
    )
    yield Truth(truth, before, after, {"kernel": of})


def _named(wanted: list[int], count: int) -> dict[str, int]:
    if len(wanted) > 8 or not all(0 <= k < count for k in wanted):
        raise ValueError(f"kernels are {wanted!r}; accepted: up to 8 of 0 to {count - 1}.")
    return dict(zip(_LETTERS, wanted, strict=False))
