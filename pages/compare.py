"""Compare: the maps of several methods, classes and networks side by side, and which of them to believe."""

import streamlit as st

from ui.compare import choice, export, maps, parts
from ui.frame import controls, formulas, layout
from ui.texts import t
from ui.viewer import show

with layout.page("compare") as page:
    (settings,) = st.columns(1)
    with settings, st.container(key="settings"):
        what = choice.choose(page)
    result = None
    if not what.methods:
        st.info(t("compare.no_methods"), icon=":material/grid_off:")
    else:
        with st.container(key="first"), st.container(key="result"):
            show.formula(formulas.compare(what.output, *choice.scores(what)))
            result = maps.show(what)
            st.caption(maps.meaning(what))
        with st.container(key="closer"):
            part = controls.closer("compare", "compare.part", list(parts.PARTS), t("compare.part"), "compare_part")
            st.markdown(t(f"compare.{part}_lead"))
            if result is None or result.step < result.of:
                st.caption(t("compare.unfinished"))
            else:
                parts.PARTS[part](what, result)
    left, right = st.columns([1, 2])
    with left, st.container(key="more"):
        export.offer(what, result)
    with right, st.container(key="code"):
        show.explain("compare")
