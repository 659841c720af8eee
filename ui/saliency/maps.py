"""The saliency page's two maps, the plain gradient's and SmoothGrad's: their view, and the scales of their colours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from ui.frame.layout import Frame
from ui.texts import t
from ui.viewer.viewer import Event, viewer
from vizcore.pictures import figures, pooling
from vizcore.techniques import saliency

VIEWS: dict[str, Callable[[saliency.SaliencyMap], Tensor]] = {
    "absolute": saliency.absolute_max,
    "signed": saliency.signed,
    "times_input": saliency.times_input,
}
SCALES = ("own", "common")


@dataclass(frozen=True)
class Settings:
    """The technique's parameters, and the view of its maps and their scale, which recolour only."""

    params: saliency.SmoothGrad
    view: str
    scale: str = SCALES[0]


@dataclass(frozen=True, eq=False)
class Both:
    """The two maps that the page shows, the plain gradient's and SmoothGrad's latest, and the view of them."""

    plain: saliency.SaliencyMap
    smooth: saliency.SaliencyMap
    view: str

    @property
    def step(self) -> int:
        """Copies that SmoothGrad has averaged, of ``of``."""
        return self.smooth.step

    @property
    def of(self) -> int:
        return self.smooth.of

    def drawn(self, one: saliency.SaliencyMap) -> Tensor:
        """A map (H,W) as it is exported: one number for each pixel."""
        return VIEWS[self.view](one)


def pool(page: Frame, view: str) -> int:
    """The side of the blocks in which a view is shown: single pixels' signs are specks on a large picture."""
    return 1 if view == "absolute" else pooling.block(*page.image.shape[1:])


def unit(view: str, output: str) -> str:
    """The unit of a view's values."""
    return t(f"viewer.unit_{output}") if view == "times_input" else t(f"saliency.unit_{output}")


def limit(page: Frame, view: str, one: saliency.SaliencyMap) -> float:
    """Where the colour scale of a map ends that has one of its own."""
    return figures.robust_limit(pooling.means(VIEWS[view](one), pool(page, view)))


def scales(page: Frame, chosen: Settings, both: Both) -> str:
    """How far the scales of the two maps are apart, each its own or both the larger one."""
    plain, smooth = (limit(page, both.view, one) for one in (both.plain, both.smooth))
    name = "scales.saliency" if chosen.scale == "own" else "scales.saliency_common"
    text = t(name, plain=plain, smooth=smooth, most=max(plain, smooth), times=max(plain, smooth) / min(plain, smooth))
    return f"{text} {t('scales.lower')}" if smooth < plain else text


class Pair:
    """Draws the two maps over the picture: the pictures alone at first, then each map as it comes."""

    def __init__(self, page: Frame, chosen: Settings) -> None:
        self.page, self.chosen = page, chosen
        self.plain: saliency.SaliencyMap | None = None
        self._end: float | None = None  # of the gradient's scale, as it was drawn last

    def wait(self, name: str, start: str = "") -> Event:
        """The place of one map until there is a result, with a button ``start`` where it waits for one."""
        return self._draw(name, None, None, start)

    def gradient(self, result: saliency.SaliencyMap, end: float | None = None) -> None:
        """The plain gradient, on its own scale unless ``end`` is given."""
        self.plain = result
        self._end = limit(self.page, self.chosen.view, result) if end is None else end
        self._draw("gradient", result, self._end)

    def smoothgrad(self, result: saliency.SaliencyMap) -> None:
        """An estimate of SmoothGrad, after the gradient; where the scale is common, the larger one is both maps'."""
        end = limit(self.page, self.chosen.view, result)
        if self.chosen.scale == "common" and self.plain is not None:
            end = max(end, limit(self.page, self.chosen.view, self.plain))
            if end != self._end:
                self.gradient(self.plain, end)
        self._draw("smoothgrad", result, end)

    def _draw(self, name: str, result: saliency.SaliencyMap | None, end: float | None, start: str = "") -> Event:
        page, view, output = self.page, self.chosen.view, self.chosen.params.output
        return viewer(
            f"saliency-{name}",
            page.image,
            t("saliency.map", method=t(f"saliency.{name}"), name=page.class_name),
            heat=None if result is None else VIEWS[view](result),
            signed=view != "absolute",
            limit=end,
            unit=unit(view, output),
            meaning=t(f"saliency.meaning_{view}"),
            opacity=1.0 if view == "absolute" else 0.5,
            waiting=result is None,
            start=start,
            pool=pool(page, view),
        )
