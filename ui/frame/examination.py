"""What was found of a network when it was taken: in a line where it matters, and whole."""

from __future__ import annotations

import streamlit as st

from ui.texts import inert, quoted, t
from ui.texts.sentences import translated
from vizcore.networks.classifier import Classifier
from vizcore.networks.findings import Finding


def remarks(clf: Classifier) -> str:
    """The findings that something is done about, as sentences; "" where the network is as most are."""
    return " ".join(_told(finding) for finding in clf.examination.findings if finding.done)


def details(clf: Classifier) -> None:
    """All that was asked of the network, and what came of it."""
    with st.expander(t("examination.title", network=quoted(clf.title)), expanded=True):
        for topic in dict.fromkeys(finding.topic for finding in clf.examination.findings):
            told = " ".join(_told(finding) for finding in clf.examination.of(topic))
            st.markdown(f"**{t(f'examination.{topic}')}:** {told}")
        st.caption(t("examination.seconds", seconds=clf.examination.seconds))


def _told(finding: Finding) -> str:
    return " ".join(inert(translated(part)) for part in (finding.found, finding.done) if part)
