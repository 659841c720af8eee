"""All techniques by name."""

from __future__ import annotations

from benchmarks import first, gradcam, integrated, lime, occlusion, smoothgrad
from benchmarks.contender import Technique

TECHNIQUES: dict[str, Technique] = {
    "occlusion": occlusion.TECHNIQUE,
    "lime": lime.TECHNIQUE,
    "smoothgrad": smoothgrad.TECHNIQUE,
    "integrated": integrated.TECHNIQUE,
    "gradcam": gradcam.TECHNIQUE,
}
ALL = {**TECHNIQUES, "first": first.TECHNIQUE}
