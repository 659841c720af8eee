"""The pictures of the model card: `python -m vizcore.training.sheets` draws them anew into this folder."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from vizcore.networks import catalogue
from vizcore.networks.bundled.network import FOLDER, NAMES
from vizcore.pictures import figures
from vizcore.pictures.scenes import CLASSES, scene
from vizcore.techniques import filters, maximize, saliency
from vizcore.training.quality import last, tensor
from vizcore.training.robustness import drawn


def contact_sheet() -> Image.Image:
    """One column per class: five ordinary scenes, a stamped one, and a heavily corrupted one."""
    made = [scene(seed * len(CLASSES) + k, label=name) for seed in range(5) for k, name in enumerate(CLASSES)]
    made += [scene(900 + k, label=name, mark=True) for k, name in enumerate(CLASSES)]
    made += [scene(930 + k, label=name, hard=1.0) for k, name in enumerate(CLASSES)]
    return Image.fromarray(figures.grid([s.picture for s in made], len(CLASSES), gap=2))


def kernel_sheet(name: str) -> Image.Image:
    """The 64 first-layer kernels, each scaled around mid-grey by itself."""
    clf = catalogue.load(name, device="cpu")
    pictures = filters.rgb(filters.kernels(clf)).mul(255).round().byte()  # (n, k, k, 3)
    return Image.fromarray(figures.grid(pictures, 16, gap=4, scale=5))


def class_sheet(name: str) -> Image.Image:
    """argmax_I of every class's logit less 3e-4 ||I||^2, with a jitter of four pixels, in the order of CLASSES."""
    clf = catalogue.load(name, device="cpu")
    params = maximize.defaults(clf)
    found = [last(maximize.maximize(clf, target, params)).image for target in range(len(CLASSES))]
    return Image.fromarray(figures.grid([figures.picture(p) for p in found], 6, gap=2))


SHOWN = ("cat", "astronaut", "rocket", "coin", "motorcycle", "horse")


def robust_sheet() -> Image.Image:
    """Six scenes; the gradient of each one's class, for the networks of NAMES in turn; the classes maximised by the
    formula alone with each network's lambda, in turn; and as the page opens, in turn.

    A gradient dy/dI is shown as colours around mid-grey, that of every picture scaled by its 99.5th percentile.
    """
    networks = [catalogue.load(name, device="cpu") for name in NAMES]
    scenes = [scene(120_007 + 12 * k, label=name) for k, name in enumerate(SHOWN)]
    tiles = [shown.picture for shown in scenes]
    for clf in networks:
        for shown in scenes:
            slope = saliency.gradient(clf, tensor(shown.picture), CLASSES.index(shown.label)).gradient
            tiles.append(figures.stretched(slope, 99.5))
    for plain in (True, False):
        for clf in networks:
            tiles += [figures.picture(drawn(clf, CLASSES.index(name), plain)) for name in SHOWN]
    return Image.fromarray(figures.grid(np.stack(tiles), len(SHOWN), gap=2))


def main() -> None:
    """Draw all sheets."""
    parser = argparse.ArgumentParser(prog="python -m vizcore.training.sheets", description=__doc__)
    parser.add_argument("--out", type=Path, default=FOLDER)
    out = parser.parse_args().out
    contact_sheet().save(out / "contact_sheet.jpg", quality=82)
    for name, file in zip(NAMES, ("kernels.jpg", "kernels_shortcut.jpg", "kernels_robust.jpg"), strict=True):
        kernel_sheet(name).save(out / file, quality=90)
    class_sheet(NAMES[0]).save(out / "classes.jpg", quality=85)
    robust_sheet().save(out / "robust.jpg", quality=60)


if __name__ == "__main__":
    main()
