"""What the parts of a scene do: found by drawing the scene without them, or with something in their place."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from PIL import Image
from torch import Tensor

from vizcore import methods
from vizcore.evaluation import interventions
from vizcore.evaluation.arrangement import Arrangement
from vizcore.lessons.quantities.windows import top_five
from vizcore.lessons.truths import SCENE_SIZE, Bars, Exhibit, Given, Map, Picture, Truth
from vizcore.networks.classifier import Classifier
from vizcore.pictures.scene_parts import Changes, Part
from vizcore.pictures.scenes import Scene
from vizcore.study.sources import compose
from vizcore.targets import Output

LETTERS = "AB"


def effect(given: Given, part: str) -> Iterator[Truth]:
    """y(scene) - y(scene without the part), in percentage points."""
    found = _effects(given, given.clf, "probability")
    one = next((each for each in found.parts if each.part == part), None)
    if one is None:
        raise ValueError(f"part is {part!r}; accepted: one of {', '.join(found.by_part)}, which the scene has.")
    answers = given.clf.all_scores(one.without[None])[0]
    numbers: dict[str, float | str] = {"effect": 100 * one.effect, "before": 100 * found.score, "name": given.name}
    numbers |= {"after": 100 * (found.score - one.effect), "winner": given.clf.classes[int(answers.argmax())]}
    without = Picture("without", one.without, values={"part": part})
    shown = (without, top_five("answer_without", answers, given))
    yield Truth(100 * one.effect, (Picture("picture", found.image),), shown, numbers)


def changed_winner(given: Given) -> Iterator[Truth]:
    """The most probable class of the scene, changed as the link to the page of interventions says."""
    _scene(given)
    made = compose(given.link.picture, SCENE_SIZE, given.params(Arrangement).changes())
    image = given.clf.pixels(Image.fromarray(made.picture))
    answers = given.clf.all_scores(image[None])[0]
    winner = given.clf.classes[int(answers.argmax())]
    numbers: dict[str, float | str] = {"winner": winner, "p": 100 * float(answers.max()), "label": made.label}
    numbers |= (
        {"label_p": 100 * float(answers[given.clf.classes.index(made.label)])} if _knows(given, made.label) else {}
    )
    yield Truth(winner, (Picture("changed", image),), (top_five("answer_changed", answers, given),), numbers)


def cheat(given: Given, networks: list[str]) -> Iterator[Truth]:
    """Which of two networks goes by something else than the object, and by what: such as "A stamp".

    Of the networks, called A and B in their order, it is the one on whose answer the object has less effect; and the
    part is the one that has most.
    """
    if len(networks) != len(LETTERS):
        raise ValueError(f"networks has {len(networks)} names; accepted: {len(LETTERS)}, called A and B.")
    label = _scene(given)
    before: list[Exhibit] = [Picture("picture", given.image)]
    after: list[Exhibit] = []
    numbers: dict[str, float | str] = {}
    found: dict[str, dict[Part, float]] = {}
    for letter, name in zip(LETTERS, networks, strict=True):
        clf = given.load(name)
        effects = interventions.effects(clf, partial(_drawn, given), clf.classes.index(label))
        found[letter] = effects.by_part
        answers = clf.all_scores(effects.image[None])[0]
        best = answers.topk(min(5, len(answers))).indices.tolist()
        rows = tuple((clf.classes[k], 100 * float(answers[k])) for k in best)
        before.append(Bars(f"answer_{letter}", rows, "percent", label))
        values = tuple((f"{part}", 100 * value) for part, value in effects.by_part.items())
        after.append(Bars(f"effects_{letter}", values, "points"))
        numbers |= {f"{letter}_{part}": 100 * value for part, value in effects.by_part.items()}
        numbers[f"p_{letter}"] = 100 * effects.score
    cheating = min(LETTERS, key=lambda letter: found[letter]["object"])
    honest = next(letter for letter in LETTERS if letter != cheating)
    part = max(found[cheating], key=lambda one: found[cheating][one])
    numbers |= {"cheat": cheating, "honest": honest, "part": part, "network": networks[LETTERS.index(cheating)]}
    numbers |= {"effect": 100 * found[cheating][part], "object": 100 * found[cheating]["object"]}
    without = interventions.effects(given.clf, partial(_drawn, given), given.clf.classes.index(label))
    shown: list[Exhibit] = [
        Picture("without", one.without, values={"part": one.part}) for one in without.parts if one.part != "shadow"
    ]
    yield Truth(f"{cheating} {part}", tuple(before), (*shown, *after), numbers)


def least_true(given: Given, kinds: list[str]) -> Iterator[Truth]:
    """The method of ``kinds`` whose map agrees least with the parts' true effects."""
    truths: dict[Output, interventions.Effects] = {}
    rows: list[tuple[str, float]] = []
    maps: list[Exhibit] = []
    for done, method in enumerate(kinds):
        params = methods.defaults(method)
        if params.output not in truths:
            truths[params.output] = _effects(given, given.clf, params.output)
        true = truths[params.output]
        heat = _last_heat(given, method, params)
        rows.append((method, interventions.agreement(interventions.claims(heat, true.regions), true.by_part)))
        maps.append(Map("map_of", given.image, heat, values={"method": method}))
        yield Truth(None, (Picture("picture", given.image),), step=done + 1, of=len(kinds) + 1)
    rows.sort(key=lambda pair: -pair[1])
    numbers: dict[str, float | str] = {"least": rows[-1][0], "agreement": rows[-1][1], "best": rows[0][0]}
    numbers["most"] = rows[0][1]
    shown: tuple[Exhibit, ...] = (*maps, Bars("agreements", tuple(rows), "", rows[-1][0]))
    yield Truth(rows[-1][0], (Picture("picture", given.image),), shown, numbers, len(kinds) + 1, len(kinds) + 1)


def _last_heat(given: Given, method: str, params: object) -> Tensor:
    *_, found = methods.explain(given.clf, given.image, given.target, method, params)
    return found.heat


def _effects(given: Given, clf: Classifier, output: Output) -> interventions.Effects:
    _scene(given)
    return interventions.effects(clf, partial(_drawn, given), given.target, output)


def _drawn(given: Given, changes: Changes) -> Scene:
    return compose(given.link.picture, SCENE_SIZE, changes)


def _scene(given: Given) -> str:
    """The class of the scene. Raises ValueError where the picture is none, or the network does not know it."""
    if given.scene is None:
        raise ValueError(f"picture is {given.link.picture!r}; accepted: a scene, whose parts are known.")
    if not _knows(given, given.scene.label):
        raise ValueError(
            f"The network {given.link.network} does not know the class {given.scene.label!r} of the scene."
        )
    return given.scene.label


def _knows(given: Given, label: str) -> bool:
    return label in given.clf.classes
