"""Health: how the server fares, for those who run it. No page leads here; docs/reliability.md does."""

import json

import streamlit as st

from ui import health
from ui.frame.errors import reported
from ui.frame.layout import ICON
from ui.texts import LANGUAGES, inert, number, t
from ui.viewer import show

if st.query_params.get("lang") in LANGUAGES:
    st.session_state["language"] = st.query_params["lang"]
st.set_page_config(page_title=f"{t('health.title')} · vizcore", page_icon=ICON, layout="wide")
show.style()
with reported("health"):
    facts = health.facts()
    st.title(t("health.title"), anchor=False)
    st.markdown(t("health.lead"))
    memory, queue, results = facts["memory"], facts["queue"], facts["results"]
    for column, name, value in zip(
        st.columns(4),
        ("memory", "queue", "results", "uptime"),
        (
            "–" if memory["process_mb"] is None else t("health.mb", size=float(memory["process_mb"])),
            f"{queue['running']} + {queue['waiting']}",
            t("health.mb", size=results["megabytes"]),
            t("health.hours", hours=facts["uptime"]["seconds"] / 3600),
        ),
        strict=True,
    ):
        column.metric(t(f"health.{name}"), value, border=True)
    for part, column in zip(facts, [*st.columns(4), *st.columns(4)], strict=True):
        with column:
            st.markdown(f"**{t(f'health.{part}')}**")
            for name, value in facts[part].items():
                label = name if part == "versions" else t(f"health.names.{name}")
                shown = ", ".join(value) if isinstance(value, list) else value
                shown = number(shown) if isinstance(shown, float) else shown
                st.markdown(f"{label}: {'–' if shown in (None, '') else inert(str(shown))}")
    st.caption(t("health.json"))
    st.code(json.dumps(facts, indent=2), language="json")
    st.button(t("health.again"), icon=":material/refresh:")
