"""How one answer of a kernel comes about: the patch, the kernel, their product at every place, and the sum."""

from __future__ import annotations

import streamlit as st
from torch import Tensor

from ui.frame import controls, tables
from ui.frame.layout import Frame
from ui.texts import t
from ui.viewer import show
from vizcore.pictures import figures
from vizcore.techniques import filters, kernel_answer
from vizcore.techniques.kernel_answer import KernelAnswer

_PLACE = "filters.place"  # in the link; 0 is the strongest
_SIZE = 200  # pixels of a picture


def chosen(page: Frame, kernels: filters.Kernels, answers: Tensor, index: int) -> KernelAnswer | None:
    """The place that was clicked, the strongest one at first; None where the layer does not see the picture itself."""
    if kernels.layer != filters.layers(page.clf)[0][0]:
        return None
    place = controls.kept(_PLACE, answers.numel()) or int(answers.abs().argmax()) + 1
    row, column = divmod(place - 1, answers.shape[1])
    try:
        return kernel_answer.at_place(page.clf, page.image, index, row, column)
    except ValueError:
        return None


def choose(page: Frame, answers: Tensor, y: int, x: int) -> None:
    """Remember the place of the answer map (h,w) that lies at a pixel of the picture."""
    height, width = answers.shape
    row, column = y * height // page.image.shape[1], x * width // page.image.shape[2]
    controls.keep(_PLACE, row * width + column + 1)


def draw(found: KernelAnswer, kernels: filters.Kernels, index: int) -> None:
    """Patch times kernel, pixel by pixel, and the sum: colours first, numbers on demand."""
    st.markdown(f"**{t('filters.sum_title')}**")
    products = found.products.sum(0)  # (C,kh,kw) -> (kh,kw): the colours together
    pictures = {
        "patch": figures.picture(found.patch),
        "kernel": (filters.rgb(kernels)[index] * 255).round().byte().numpy(),
        "products": figures.signed_colours(products, limit=float(products.abs().max()) or 1.0),
    }
    for column, (name, picture) in zip(st.columns(3), pictures.items(), strict=True):
        with column:
            caption = t(f"filters.sum_{name}")
            show.picture(figures.enlarge(picture, _SIZE), caption, keep=f"filters-{name}")
    plus, minus = float(products.clamp(min=0).sum()), float(products.clamp(max=0).sum())
    st.markdown(t("filters.sum", plus=plus, minus=minus, bias=found.bias, found=found.answer))
    with st.expander(t("filters.sum_numbers")):
        names = [str(at + 1) for at in range(products.shape[1])]
        lines = [{name: float(value) for name, value in zip(names, row, strict=True)} for row in products]
        tables.table(lines, names, "filters-products")
        st.caption(t("filters.sum_numbers_meaning", total=found.total))
