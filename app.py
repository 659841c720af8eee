"""The front door: one picture and one class, seen by all five techniques at a glance."""

import streamlit as st

from ui import frame, glance
from ui.texts import t

with frame.page("overview") as page:
    places = [column for row in (st.columns(3), st.columns(3)) for column in row]
    cards = [place.container(border=True) for place in places[: len(glance.CARDS)]]
    with places[-1].container(border=True):
        st.markdown(f"**{t('overview.next')}**\n\n{t('overview.hints')}")
        script, icon = frame.PAGES["compare"]
        st.page_link(script, label=t("overview.compare"), icon=icon)
    boxes = []
    for card, (name, _) in zip(cards, glance.CARDS, strict=True):
        with card:
            st.markdown(f"**{t(f'{name}.title')}**")
            boxes.append(glance.place(page))
            st.caption(t(f"overview.{name}", name=page.class_name))
            st.page_link(frame.PAGES[name][0], label=t("overview.open"), icon=frame.PAGES[name][1])
    for box, (_name, look) in zip(boxes, glance.CARDS, strict=True):
        glance.fill(page, box, look)
