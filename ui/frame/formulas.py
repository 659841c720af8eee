"""The five techniques' formulas in the notation of the papers, with the values that are set now."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ui.texts import latex
from vizcore.targets import Channel, Contrast, Target, Unit
from vizcore.techniques.lime import Lime
from vizcore.techniques.maximize import Maximisation
from vizcore.techniques.occlusion import Occlusion
from vizcore.techniques.saliency import SmoothGrad
from vizcore.techniques.transformations import moves

AND = r",\allowbreak\quad "  # between parts: nothing else breaks a line between two that are underlined


def _y(output: str) -> str:
    return r"p_i" if output == "probability" else r"y_i"


def filters(height: int, width: int) -> str:
    """Each kernel as a picture."""
    return (
        rf"\mathrm{{RGB}}(u,v) = \tfrac12 + \frac{{(w_R, w_G, w_B)(u,v)}}{{2\,\max|w|}},"
        rf"\quad u,v \in {height}\times{width}"
    )


def maximisation(params: Maximisation, unit: Unit = 0) -> str:
    """The objective that is climbed, in which coordinates; what is added to the papers' formula is underlined."""
    y = "y" if isinstance(unit, Channel) else _y(params.output).replace("i", "j")
    moved = moves(params)
    mean, move = _added(r"\mathbb E_T"), _added("T")
    score = rf"{mean}\big[{y}({move} I)\big]" if moved else f"{y}(I)"
    terms = [rf"{score} - {number(params.lambda_)}\,\lVert I\rVert_2^2"]
    if params.variation > 0:
        terms.append(_added(rf"- {number(params.variation)}\,\mathrm{{TV}}(I)"))
    where = [channel(unit)] if isinstance(unit, Channel) else []
    where += [rf"I = \mathcal F^{{-1}}(f^{{-{latex(params.decay)}}} x)"] if params.coordinates == "fourier" else []
    if moved:
        within = [rf"\pm {params.jitter}\,\mathrm{{px}}"] if params.jitter else []
        within += [rf"\pm {params.turn}^\circ"] if params.turn else []
        within += [rf"\times (1 \pm {latex(params.zoom)})"] if params.zoom else []
        where.append(_added("T: " + r",\, ".join(within)))
    if params.bounded:
        where.append(_added(r"\mu + \sigma I \in [0, 1]"))
    if params.blur > 0:
        where.append(_added(rf"\Delta I * G_{{{latex(params.blur)}}}"))
    variable = "x" if params.coordinates == "fourier" else "I"
    return AND.join([rf"\arg\max_{variable}\; " + " ".join(terms), *where])


def channel(unit: Channel) -> str:
    """y of a channel: the mean of its feature map, or its central place."""
    if unit.of == "mean":
        return channel_mean("y", str(unit.channel), unit.layer)
    centre = r"\lfloor\tfrac h2\rfloor, \lfloor\tfrac w2\rfloor"
    return rf"y(I) = A_{{{unit.channel}}}({centre}){AND}{_maps(unit.layer)}"


def channel_mean(y: str, number: str, layer: str) -> str:
    """The mean of a feature map, named ``y``."""
    return rf"{y}(I) = \tfrac{{1}}{{hw}}\textstyle\sum_{{u,v}} A_{{{number}}}(u,v){AND}{_maps(layer)}"


def _maps(layer: str) -> str:
    name = re.sub(r"[^\w.]", "", layer).replace("_", r"\_")
    return rf"A = \mathtt{{{name}}}(I)"


def _added(latex: str) -> str:
    """A part that the papers' formula lacks."""
    return rf"\underline{{{latex}}}"


def interventions(output: str) -> str:
    """What the answer loses with a part of the scene."""
    y = _y(output).replace("_i", "")
    return rf"e_p = {y}(I) - {y}(I \setminus p)"


def saliency(params: SmoothGrad) -> str:
    """The average of the gradient over noisy copies."""
    y = _y(params.output)
    return (
        rf"w = \frac{{1}}{{{params.copies}}}\sum_{{k=1}}^{{{params.copies}}}"
        rf"\frac{{\partial {y}}}{{\partial I}}\bigg|_{{I_0+\varepsilon_k}},\;"
        rf"\varepsilon_k \sim \mathcal N\big(0, ({latex(params.noise)}\,(\max I_0 - \min I_0))^2\big)"
    )


def gradient(output: str) -> str:
    """The linear term of the Taylor expansion."""
    y = _y(output)
    return rf"{y}(I) \approx {y}(I_0) + w^T(I - I_0),\quad w = \frac{{\partial {y}}}{{\partial I}}\bigg|_{{I_0}}"


def occlusion(params: Occlusion) -> str:
    """The drop of the score under a square: M is 1 in the square at (r,c) and 0 elsewhere, F the fill."""
    y = _y(params.output)
    size = rf"{params.window}\times{params.window}"
    return rf"d(r,c) = {y}(I_0) - {y}\big((1 - M_{{rc}})\,I_0 + M_{{rc}}\,F\big),\quad |M_{{rc}}| = {size}"


def lime(params: Lime, superpixels: int | None) -> str:
    """The linear model and what is minimised."""
    y, count = _y(params.output), "l" if superpixels is None else str(superpixels)
    weight = "" if params.model == "adaline" else r"\pi(x_k)\,"
    return (
        rf"\min_{{w,b}} \sum_{{k=1}}^{{{params.samples}}} {weight}\big({y}(I_{{x_k}}) - w^T x_k - b\big)^2"
        rf" + {number(params.alpha)}\,\lVert w\rVert_2^2,\quad x_k \in \{{0,1\}}^{{{count}}}"
    )


def compare(output: str, target: Target, scores: Sequence[float]) -> str:
    """The score that all methods explain: of one class, or of one against another. ``scores`` holds those of all."""
    y = "p" if output == "probability" else "y"
    if not isinstance(target, Contrast):
        return rf"{y}_i(I_0) = {latex(scores[target], '.3f')}"
    one, other = scores[target.of], scores[target.against]
    first, second, contrast = (latex(value, ".3f") for value in (one, other, one - other))
    return rf"{y}_A(I_0) - {y}_B(I_0) = {first} - ({second}) = {contrast}"


def number(value: float) -> str:
    """A number in LaTeX: powers of ten where it is very small or very large."""
    return latex(value, "g" if value == 0 or 0.001 <= abs(value) < 10000 else ".2e")
