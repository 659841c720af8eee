"""What the page says of a picture that is no scene: nobody has what is behind its objects."""

from __future__ import annotations

import streamlit as st

from ui.frame import navigation, sources
from ui.frame.layout import Frame
from ui.texts import t


def tell(page: Frame) -> None:
    """Why nothing can be changed in this picture, and a way to one where it can."""
    st.info(t("interventions.no_scene"), icon=":material/landscape:")
    for identifier in (f"stamped:{sources.STAMPED[0]}", f"scene:{sources.SCENES[1]}"):
        navigation.to(page.page, t("interventions.open", name=sources.label(identifier)), {"picture": identifier})
