"""Measurements as Markdown: the short table of this folder's README, and the full ones."""

from __future__ import annotations

import math
from collections.abc import Sequence

from benchmarks.first import REFIT, REFIT_TARGET, TARGETS
from benchmarks.occlusion import SPARING
from benchmarks.store import Row, Store
from benchmarks.summary import Measured, collect, comparisons, firsts, growths
from benchmarks.techniques import ALL


def render(store: Store, full: bool = False) -> str:
    """The header and all tables for which there are measurements."""
    measured = collect(store)
    parts = [_header(store, measured), _full(measured) if full else _short(measured)]
    parts += [_memory(measured), _firsts(measured), _growths(measured), _notes(measured)]
    return "\n\n".join(part for part in parts if part) + "\n"


BEGIN, END = "<!-- speed table -->", "<!-- end of speed table -->"


def put_into(page: str, table: str) -> str:
    """The page with the table between its two marks in place of what stood there.

    Raises ValueError where the marks are not in the page.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"The page has no {BEGIN} followed by {END}; accepted: one that has both.")
    return f"{before}{BEGIN}\n{table}{END}{after}"


def _header(store: Store, measured: Sequence[Measured]) -> str:
    runs = {row["run"] for _, row in store.latest()}
    sessions = [row for row in store.sessions() if row["run"] in runs] or store.sessions()
    lines = []
    for machine in dict.fromkeys(f"{row['processor']}, {row['cores']} cores, {row['system']}" for row in sessions):
        rows = [row for row in sessions if machine.startswith(f"{row['processor']}, {row['cores']} ")]
        versions = ", ".join(f"{name} {number}" for name, number in rows[-1]["versions"].items() if number != "-")
        dates = " to ".join(dict.fromkeys((rows[0]["date"], rows[-1]["date"])))
        codes = ", ".join(dict.fromkeys(_code(row) for row in rows))
        on = f"{rows[-1]['accelerator']}, " if "accelerator" in rows[-1] else ""
        lines.append(f"{on}{machine}; {versions}; vizcore's code {codes}; {dates}.")
    return "\n".join(lines)


def _code(session: Row) -> str:
    """The digits, and of what they are where they are not those of all files of vizcore, as they used to be."""
    technique = f" ({ALL[session['technique']].title})" if "technique" in session else ""
    return f"{session['code']}{technique}"


def _short(measured: Sequence[Measured]) -> str:
    head = (
        "| technique | network | passes | ours, s | bare passes | Captum | Captum, tuned | others | "
        "MiB: ours; Captum | 2 threads: ours, s; Captum; MiB: ours; Captum | difference |"
    )
    lines = [head, "|---|---|--:|--:|--:|--:|--:|---|---|---|---|"]
    for technique, group in comparisons(measured):
        by = {about.job.contender: about for about in group}
        ours = by.get("ours")
        if ours is None or ours.cpu is None:
            continue
        named = ("ours", "bare", "Captum", "Captum, tuned", SPARING)
        others = ", ".join(f"{name} {_times(about, ours)}" for name, about in by.items() if name not in named)
        peer = by.get("Captum")
        memory = f"{_mib(ours)}; {_mib(peer)}"
        two = [_number(ours.wall), _times(peer, ours, "wall"), _mib(ours, 2), _mib(peer, 2)]
        wall = "; ".join(two) if ours.wall else ""
        peers = [about for name, about in by.items() if not name.startswith("ours")]
        difference = _agreement(peer) or next(filter(None, map(_agreement, peers)), "")
        cells = [technique.title, ours.network, str(ours.passes), _number(ours.cpu)]
        cells += [_times(by.get(name), ours) for name in named[1:4]]
        lines.append("| " + " | ".join([*cells, others, memory, wall, difference]) + " |")
    return "\n".join(lines) if len(lines) > 2 else ""


def _full(measured: Sequence[Measured]) -> str:
    parts: list[str] = []
    title = ""
    for technique, group in comparisons(measured):
        ours = next((about for about in group if about.job.contender == "ours"), None)
        if technique.title != title:
            title = technique.title
            parts.append(
                f"### {title}\n\n| network | settings | contender | at once | CPU s, 1 thread (GPU: wall s) | "
                "times ours | wall s, 2 threads | times ours | MiB | difference from ours | runs |\n"
                "|---|---|---|--:|--:|--:|--:|--:|--:|---|--:|"
            )
        settings = ", ".join(f"{key} {value}" for key, value in group[0].job.settings.items())
        for about in group:
            cells = [about.network, settings, about.job.contender, str(about.at_once or ""), _number(about.cpu)]
            if about.failed:
                cells[4] = about.failed
            cells += [_times(about, ours), _number(about.wall), _times(about, ours, "wall"), _mib(about)]
            remark = ALL[about.job.technique].contenders[about.job.contender].remark
            difference = _agreement(about) or "n/a" * (about.job.contender not in ("ours", "bare"))
            cells += [f"{difference}, {remark}" if remark and difference else difference, str(about.repeats or "")]
            parts[-1] += "\n| " + " | ".join(cells) + " |"
    return "\n\n".join(parts)


def _memory(measured: Sequence[Measured]) -> str:
    """What occlusion's speed costs in memory, and that without it the peer's memory gives the peer's speed."""
    lines = ["| occlusion: CPU s on one thread, MiB | ours | ours, sparing memory | Captum |", "|---|--:|--:|--:|"]
    for _, group in comparisons(measured):
        by = {about.job.contender: about for about in group}
        if SPARING in by and all(name in by and by[name].cpu for name in ("ours", SPARING, "Captum")):
            cells = [f"{_number(by[name].cpu)}, {_mib(by[name])}" for name in ("ours", SPARING, "Captum")]
            lines.append("| " + " | ".join([by["ours"].network, *cells]) + " |")
    return "\n".join(lines) if len(lines) > 2 else ""


def _firsts(measured: Sequence[Measured]) -> str:
    by_network = firsts(measured)
    if not by_network:
        return ""
    names = list(ALL["first"].contenders)
    head = "| first estimate, CPU s on one thread (GPU: wall s) |"
    for network in by_network:
        head += f" {network}: first call | later | target |"
    lines = [head, "|---|" + "--:|--:|--:|" * len(by_network)]
    for name in names:
        line = f"| {name} |"
        for network, group in by_network.items():
            about = next((about for about in group if about.job.contender == name), None)
            rows = [row for rows in about.times.values() for row in rows] if about else []
            limit = REFIT_TARGET if name == REFIT else TARGETS.get(network)
            later = Measured(about.job, {rows[1]["threads"]: rows[1:]}) if about and len(rows) > 1 else None
            what = "cpu" if about and about.job.device == "cpu" else "wall"
            cold = _number(rows[0][what]) if rows else (about.failed if about else "")
            line += f" {cold} | {_number(later.cpu) if later else ''} | {limit or ''} |"
        lines.append(line)
    return "\n".join(lines)


def _growths(measured: Sequence[Measured]) -> str:
    found = growths(measured)
    if not found:
        return ""
    lines = ["| ours grows with | network | CPU s, 1 thread | exponent | MiB |", "|---|---|---|--:|---|"]
    for growth in found:
        pairs = zip(growth.labels, growth.seconds, strict=True)
        points = ", ".join(f"{label}: {_number(seconds)}" for label, seconds in pairs)
        cells = [f"{growth.technique.title}: {growth.what}", growth.network, points, f"{growth.exponent:.2f}"]
        lines.append("| " + " | ".join([*cells, ", ".join(f"{value:.0f}" for value in growth.mib)]) + " |")
    return "\n".join(lines)


def _notes(measured: Sequence[Measured]) -> str:
    notes = []
    random = dict.fromkeys(about.job.network for about in measured if about.random)
    if random:
        notes.append(f"Random weights, of which there are none on disk: {', '.join(random)}.")
    disturbed = sum(about.disturbed for about in measured)
    if disturbed:
        notes.append(f"{disturbed} of {len(measured)} were measured while other programs used the processors.")
    failed = [
        f"{about.job.contender} ({about.job.technique}, {about.network}): {about.failed}"
        for about in measured
        if about.failed
    ]
    if failed:
        notes.append("Not measured: " + "; ".join(failed) + ".")
    return " ".join(notes)


def _number(value: float | None) -> str:
    """Three significant digits at most, and no more than a reader needs."""
    if value is None:
        return ""
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}" if value < 10 else f"{value:.1f}"


def _times(about: Measured | None, ours: Measured | None, what: str = "cpu") -> str:
    """How many times as long as ours."""
    if about is None or ours is None:
        return ""
    if about.failed:
        return "not installed" if about.failed == "not installed" else "failed"
    theirs, mine = (about.cpu, ours.cpu) if what == "cpu" else (about.wall, ours.wall)
    return f"{theirs / mine:.2f}×" if theirs and mine else ""


def _mib(about: Measured | None, threads: int | None = None) -> str:
    peak = None if about is None else about.peak if threads is None else about.peak_on(threads)
    return "" if peak is None else f"{peak:.0f}"


def _agreement(about: Measured | None) -> str:
    if about is None or about.agreement is None:
        return ""
    if "correlation" in about.agreement:
        if math.isnan(about.agreement["correlation"]):  # a score that never changes, as random weights may give
            return "no r: a map is constant"
        return f"r = {about.agreement['correlation']:.3f}"
    return f"{about.agreement['largest']:.0e} of {about.agreement['of']:.2g}"
