"""What a covered window does: the drops of one window or several, under several fills, and the whole map."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from vizcore.lessons.truths import Bars, Box, Given, Map, Picture, Truth
from vizcore.techniques import occlusion


def probability(given: Given) -> Iterator[Truth]:
    """p of the class, in percent."""
    value = 100 * float(given.probabilities[given.target])
    shown = (Picture("picture", given.image),)
    yield Truth(value, shown, (top_five("answer", given.probabilities, given),), {"p": value, "name": given.name})


def top_class(given: Given) -> Iterator[Truth]:
    """The most probable class."""
    best = int(given.probabilities.argmax())
    value = given.clf.classes[best]
    numbers: dict[str, float | str] = {"name": value, "p": 100 * float(given.probabilities[best])}
    shown = (Picture("picture", given.image),)
    yield Truth(value, shown, (top_five("answer", given.probabilities, given),), numbers)


def drop(given: Given, row: int, column: int) -> Iterator[Truth]:
    """y(I0) - y(I0 with the window in ``row`` and ``column`` of the grid covered): percentage points, or logits."""
    params = given.params(occlusion.Occlusion)
    box = window(given, params, row, column)
    covered = occlusion.occluded(given.clf, given.image, params, row, column)
    before, after = _scores(given, params, covered)
    answers = given.clf.all_scores(covered[None])[0]
    numbers: dict[str, float | str] = {
        "drop": before - after,
        "before": before,
        "after": after,
        "name": given.name,
        "winner": given.clf.classes[int(answers.argmax())],
    }
    yield Truth(
        before - after,
        (Picture("window", given.image, (Box("", box),), values=_size(params)),),
        (Picture("covered", covered), top_five("answer_covered", answers, given)),
        numbers,
    )


def drops(given: Given, windows: list[list[int]]) -> Iterator[Truth]:
    """The windows (row, column), called 1, 2, ..., from the one whose covering lowers the score most on."""
    params = given.params(occlusion.Occlusion)
    boxes = [Box(str(k + 1), window(given, params, *_pair(one))) for k, one in enumerate(windows)]
    found = []
    for one in windows:
        before, after = _scores(given, params, occlusion.occluded(given.clf, given.image, params, *_pair(one)))
        found.append(before - after)
    rows = sorted(((box.name, value) for box, value in zip(boxes, found, strict=True)), key=lambda pair: -pair[1])
    *_, whole = occlusion.occlude(given.clf, given.image, given.target, params)
    numbers: dict[str, float | str] = {f"drop{name}": value for name, value in rows}
    numbers |= {"name": given.name, "first": rows[0][0], "last": rows[-1][0]}
    yield Truth(
        tuple(name for name, _ in rows),
        (Picture("windows", given.image, tuple(boxes), values=_size(params)),),
        (_map(given, whole, params, tuple(boxes)), Bars("drops", tuple(rows), _unit(params))),
        numbers,
    )


def fill(given: Given, row: int, column: int, fills: list[str]) -> Iterator[Truth]:
    """The one of the ``fills`` with which covering the window lowers the score most."""
    params = given.params(occlusion.Occlusion)
    rows, pictures = [], []
    for name in fills:
        other = replace(params, fill=name)  # type: ignore[arg-type]
        covered = occlusion.occluded(given.clf, given.image, other, row, column)
        before, after = _scores(given, other, covered)
        rows.append((name, before - after))
        pictures.append(Picture("filled", covered, values={"fill": name}))
    best = max(rows, key=lambda pair: pair[1])
    least, second = min(value for _, value in rows), sorted(value for _, value in rows)[-2]
    numbers: dict[str, float | str] = {"name": given.name, "best": best[0], "most": best[1]}
    numbers |= {"least": least, "second": second}
    yield Truth(best[0], tuple(pictures), (Bars("fills", tuple(rows), _unit(params), best[0]),), numbers)


def largest_drop(given: Given) -> Iterator[Truth]:
    """The largest drop of all windows of the grid."""
    params = given.params(occlusion.Occlusion)
    for found in occlusion.occlude(given.clf, given.image, given.target, params):
        row, column = divmod(int(found.drop.argmax()), found.drop.shape[1])
        edges = tuple(int(edge) for edge in found.boxes[row, column])
        most = _scaled(params, float(found.drop.max()))
        shown = _map(given, found, params, (Box("", (edges[0], edges[1], edges[2], edges[3])),))
        numbers: dict[str, float | str] = {"name": given.name, "drop": most}
        yield Truth(most, (Picture("picture", given.image),), (shown,), numbers, found.step, found.of)


def winner(given: Given, row: int, column: int) -> Iterator[Truth]:
    """The most probable class while the window is covered."""
    *_, truth = drop(given, row, column)
    yield replace(truth, value=truth.numbers["winner"])


def occlusion_map(given: Given) -> Iterator[Truth]:
    """The whole map of drops, averaged over the windows that cover a pixel."""
    params = given.params(occlusion.Occlusion)
    for found in occlusion.occlude(given.clf, given.image, given.target, params):
        heat = found.heat()
        numbers: dict[str, float | str] = {"name": given.name, "most": _scaled(params, float(found.drop.max()))}
        if given.scene is not None:
            positive = heat.clamp(min=0)
            numbers["share"] = 100 * float(positive[given.mask()].sum() / positive.sum().clamp(min=1e-12))
        shown = (Picture("picture", given.image),)
        yield Truth(heat, shown, (_map(given, found, params),), numbers, found.step, found.of)


def window(given: Given, params: occlusion.Occlusion, row: int, column: int) -> tuple[int, int, int, int]:
    """Edges (top, left, bottom, right) of a window of the grid. Raises ValueError where the grid has none such."""
    rows, columns = occlusion.grid(given.clf, params)
    if not (0 <= row < len(rows) and 0 <= column < len(columns)):
        raise ValueError(
            f"row and column are {row} and {column}; accepted: 0 to {len(rows) - 1} and 0 to {len(columns) - 1}, "
            "the windows of the grid."
        )
    return rows[row], columns[column], rows[row] + params.window, columns[column] + params.window


def top_five(title: str, probabilities: Tensor, given: Given) -> Bars:
    """The most probable classes, and the explained one among them."""
    best = probabilities.topk(min(5, len(probabilities))).indices.tolist()
    shown = best if given.target in best else [*best, given.target]
    rows = tuple((given.clf.classes[k], 100 * float(probabilities[k])) for k in shown)
    return Bars(title, rows, "percent", given.name)


def _scores(given: Given, params: occlusion.Occlusion, covered: Tensor) -> tuple[float, float]:
    both = given.clf.scores(torch.stack([given.image, covered]), given.target, params.output)
    return _scaled(params, float(both[0])), _scaled(params, float(both[1]))


def _scaled(params: occlusion.Occlusion, score: float) -> float:
    return 100 * score if params.output == "probability" else score


def _unit(params: occlusion.Occlusion) -> str:
    return "points" if params.output == "probability" else "logit"


def _size(params: occlusion.Occlusion) -> dict[str, float | str]:
    return {"side": params.window}


def _map(given: Given, found: occlusion.OcclusionMap, params: occlusion.Occlusion, boxes: tuple[Box, ...] = ()) -> Map:
    return Map("occlusion", given.image, found.heat(), unit=params.output, boxes=boxes, values={"name": given.name})


def _pair(one: Sequence[int]) -> tuple[int, int]:
    if len(one) != 2:
        raise ValueError(f"windows has {list(one)!r}; accepted: pairs of a row and a column.")
    return one[0], one[1]
