"""The pictures of the documentation, drawn by the engine: ``python docs/_tools/pictures.py``, a minute or so.

One scene, one class, the bundled network; and the bars of the README, from the table in ``benchmarks/README.md``.
With ``channels`` as its argument: channels of SqueezeNet, whose weights are downloaded unless they are there.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import vizcore  # noqa: E402
from vizcore import filters, lime, maximize, occlusion, saliency  # noqa: E402
from vizcore.pictures import figures, scenes  # noqa: E402

OUT = ROOT / "docs/pictures"
SIDE, GAP = 256, 12
LAYERS, CHANNELS, THUMB = ("features.3", "features.7", "features.12"), 8, 128  # of SqueezeNet: early, middle, late
NETWORKS = ("squeezenet1_0", "vgg16", "alexnet", "resnet18", "resnet50")


def main() -> None:
    clf = vizcore.load("mini-alexnet", device="cpu")
    picture = Image.fromarray(scenes.scene(34).picture)
    image = clf.pixels(picture)
    target = clf.classes.index("cat")

    tiles = (255 * filters.rgb(filters.kernels(clf))).round().byte().numpy()
    save("filters", figures.grid(tiles, 16, gap=1))

    ascents = []
    for lambda_ in (1e-5, 3e-4, 3e-3, 3e-2):
        *_, last = maximize.maximize(clf, target, maximize.Maximisation(lambda_=lambda_))
        ascents.append(figures.picture(last.image))
    save("maximisation", row(ascents))

    usual = maximize.defaults(clf)
    drawn = [list(maximize.maximize(clf, k, usual))[-1].image for k in range(len(clf.classes))]
    save("maximisation-classes", figures.grid(np.stack([figures.picture(one) for one in drawn]), 6, gap=2))

    plain = saliency.gradient(clf, image, target)
    *_, smooth = saliency.smoothgrad(clf, image, target, saliency.SmoothGrad())
    maps = [figures.colours(saliency.absolute_max(one).numpy(), signed=False) for one in (plain, smooth)]
    save("saliency", row([figures.picture(image), *maps]))

    heats = []
    for fill in ("grey", "black"):
        *_, drops = occlusion.occlude(clf, image, target, occlusion.Occlusion(window=24, stride=4, fill=fill))
        heats.append(over(image, drops.heat().numpy()))
    save("occlusion", row([figures.picture(image), *heats]))

    worth = []
    for samples in (40, 1000):
        *_, found = lime.explain(clf, image, target, lime.Lime(samples=samples, segments=30))
        worth.append(over(image, found.heat().numpy()))
    save("lime", row([figures.picture(image), *worth]))
    (OUT / "speed.svg").write_text(bars(ROOT / "benchmarks/README.md"), encoding="utf-8")


def channels() -> None:
    """For each of ``LAYERS`` a row of pictures, each maximising one of its channels."""
    clf = vizcore.load("squeezenet1_0", device="cpu")
    drawn = []
    for name in LAYERS:
        count = maximize.layer_of(clf, maximize.Channel(name, 0)).channels
        for channel in range(0, count, count // CHANNELS):
            unit = maximize.Channel(name, channel)
            *_, last = maximize.maximize(clf, unit, maximize.defaults(clf, unit))
            picture = Image.fromarray(figures.picture(last.image))
            drawn.append(np.asarray(picture.resize((THUMB, THUMB), Image.Resampling.LANCZOS)))
    Image.fromarray(figures.grid(np.stack(drawn), CHANNELS, gap=2)).save(OUT / "channels.jpg", quality=85)


def over(image: torch.Tensor, heat: np.ndarray) -> np.ndarray:
    """A signed map over its picture in grey, as the pages blend them."""
    grey = figures.picture(image).mean(axis=2, keepdims=True)
    limit = figures.robust_limit(heat)
    colours = figures.colours(heat, signed=True, limit=limit)
    share = 0.75 * np.clip(np.abs(heat) / limit, 0, 1)[..., None]
    return (grey * (1 - share) + colours * share).round().astype(np.uint8)


def row(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures beside each other on white, each as wide as ``SIDE``."""
    sheet = Image.new("RGB", (len(pictures) * (SIDE + GAP) - GAP, SIDE), "white")
    for at, one in enumerate(pictures):
        sheet.paste(Image.fromarray(one).resize((SIDE, SIDE), Image.Resampling.NEAREST), (at * (SIDE + GAP), 0))
    return np.asarray(sheet)


def save(name: str, array: np.ndarray) -> None:
    """Write one picture, with few colours: the pages load it over the network."""
    found = Image.fromarray(array)
    if found.width < 400:
        found = found.resize((4 * found.width, 4 * found.height), Image.Resampling.NEAREST)
    found.quantize(128).save(OUT / f"{name}.png", optimize=True)


def bars(page: Path) -> str:
    """CPU seconds of one occlusion map, ours and Captum's, as an SVG that reads on white and on black."""
    rows = {}
    for line in page.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == 11 and cells[0] == "Occlusion" and cells[1] in NETWORKS and cells[5]:
            rows[cells[1]] = (float(cells[3]), float(cells[3]) * float(cells[5].rstrip("×")), cells[5])
    parts, height = [], 34 * len(rows) + 40
    for at, name in enumerate(one for one in NETWORKS if one in rows):
        ours, theirs, times = rows[name]
        y, scale = 30 + 34 * at, 430 / max(seconds for _, seconds, _ in rows.values())
        parts.append(f'<text x="112" y="{y + 16}" text-anchor="end">{name}</text>')
        parts.append(f'<rect x="120" y="{y}" width="{theirs * scale:.1f}" height="10" fill="#8c8a85"/>')
        parts.append(f'<rect x="120" y="{y + 12}" width="{max(1.5, ours * scale):.1f}" height="10" fill="#d4581c"/>')
        label = f"{ours:.1f} s and {theirs:.1f} s: {times}"
        parts.append(f'<text x="{128 + theirs * scale:.1f}" y="{y + 16}">{label}</text>')
    style = "text{font:13px sans-serif;fill:#777}"
    title = '<text x="120" y="16">One occlusion map, CPU seconds on one thread: vizcore (orange), Captum (grey)</text>'
    box = f'viewBox="0 0 720 {height}" width="720" height="{height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {box}><style>{style}</style>{title}{"".join(parts)}</svg>\n'


if __name__ == "__main__":
    channels() if sys.argv[1:] == ["channels"] else main()
