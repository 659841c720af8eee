"""Taking a study along: its table, its charts for print, what it depends on, and all of it in one file."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence

import streamlit as st

from ui.frame import printed
from ui.frame.export import download
from ui.study.names import method, network
from ui.texts import t
from vizcore.study import report, rows
from vizcore.study.plan import Plan
from vizcore.study.rows import Row


def offer(found: Sequence[Row], plan: Plan | None) -> None:
    """The table at once, and figures, settings and everything together in a closed box."""
    table = f"{rows.HEADER}\n{rows.write(found)}"
    st.download_button(
        t("study.download"),
        table,
        "study.csv",
        "text/csv",
        key="study.download",
        on_click="ignore",
        icon=":material/download:",
    )
    files: dict[str, Callable[[], bytes]] = {"study.csv": table.encode}
    if plan is not None:
        settings = json.dumps({"fingerprint": plan.fingerprint, **plan.settings}, indent=1)
        files |= {"study.json": settings.encode, "study.sh": command(plan).encode}
    with st.popover(t("export.title"), icon=":material/download:"):
        figures = printed.on_page(t("study.title"), heading(found, plan))
        printed.offer(figures, "study")
        download("study.zip", lambda: printed.archive("study", figures, files), t("figure.zip"), "application/zip")
        if plan is not None:
            st.caption(t("figure.command"))
            st.code(command(plan), language="bash")


def heading(found: Sequence[Row], plan: Plan | None) -> printed.Heading:
    """The networks, the methods, how many pictures of which kinds, and the settings where they are known."""
    networks = ", ".join(dict.fromkeys(network(row.network) for row in found))
    names = ", ".join(method(one) for one in report.methods_of(found))
    kinds = ", ".join(
        t(f"options.study_kind.{one}") for one in dict.fromkeys(report.kind_of(row.picture) for row in found)
    )
    size = t("study.size", rows=len(found), pictures=len({row.picture for row in found}))
    lines = [f"{printed.told('network', networks)} · {kinds}: {size}", f"{t('study.methods')}: {names}"]
    notes: tuple[str, ...] = ()
    if plan is not None:
        lines.append(printed.settings(plan.study))
        weights = ", ".join(f"{name} {checksum[:12]}" for name, checksum in plan.networks)
        notes = (f"{weights} · {plan.pictures[0].id} … {plan.pictures[-1].id} · {plan.fingerprint[:12]}",)
    return printed.Heading(tuple(lines), notes)


def command(plan: Plan) -> str:
    """The study as a command for a shell; of one's own files the folder is to be named."""
    first, last = plan.pictures[0].id, plan.pictures[-1].id
    kind, _, begin = first.partition(":")
    seeds = {"scene": "scenes", "stamped": "stamped"}
    end = last.partition(":")[2]
    pictures = (
        f"{seeds[kind]}:{begin}-{end}" if kind in seeds and plan.pictures[0].data is None else "FOLDER_OF_PICTURES"
    )
    study = plan.study
    return (
        " \\\n  ".join(
            [
                f"python -m vizcore.study {pictures}",
                f"--methods {' '.join(plan.methods)}",
                f"--networks {shlex.join(name for name, _ in plan.networks)}",
                f"--target {study.target} --steps {study.steps} --fill {study.fill} --samples {study.samples}",
                f"--sanity {study.sanity:g} --out study/",
            ]
        )
        + "\n"
    )
