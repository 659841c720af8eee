"""The front door: one picture and one class, seen by all five techniques at a glance."""

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import Route

from ui.frame import layout, navigation
from ui.hall import looking, rooms
from ui.overview import first, printed, summaries
from ui.server import start
from ui.server.middleware import Limits
from ui.texts import t

if __name__ == "__main__":  # run for each visitor
    with layout.page("overview") as page:
        sight, invitation = first.place()
        with sight:
            window = first.Window(page)
        with invitation:
            first.invite()
        with sight:
            window.begin()
        places = [column for row in (st.columns(3), st.columns(3)) for column in row]
        cards = [place.container(border=True) for place in places[: len(summaries.CARDS)]]
        with places[-1].container(border=True):
            st.markdown(f"**{t('overview.next')}**\n\n{t('overview.hints')}")
            navigation.to("compare", t("overview.compare"))
            summaries.larger(page)
        boxes = []
        for card, (name, _) in zip(cards, summaries.CARDS, strict=True):
            with card.container(key=f"card-{name}"):
                st.markdown(f"**{t(f'{name}.title')}**")
                boxes.append(summaries.place(page))
                st.caption(summaries.meaning(page, name))
                navigation.to(name, t("overview.open"))
        filling = {name: (box, look) for box, (name, look) in zip(boxes, summaries.CARDS, strict=True)}
        for name in summaries.BY_COST:
            summaries.fill(page, *filling[name])
        corner = st.columns([1, 2])[0]
        with corner, st.container(key="more"):
            printed.offer(page)
        with sight:
            window.refine()
else:  # imported once, by the server
    rooms.prepare()
    routes = [Route(looking.PATH, looking.look)]
    app = st.App(__file__, routes=routes, middleware=[Middleware(Limits)], lifespan=start.lifespan)
