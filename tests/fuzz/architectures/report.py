"""The outcome of a run as Markdown: a table of the techniques, the reasons of refusals, and every failure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from tests.fuzz.architectures.compare import NETWORK, Outcome
from tests.fuzz.architectures.run import Examined
from tests.fuzz.architectures.techniques import TECHNIQUES

COLUMNS: dict[str, tuple[Outcome, ...]] = {
    "compared": ("agrees", "wrong"),
    "wrong": ("wrong",),
    "crashed": ("crashed",),
    "refused without a reason": ("refused without a reason",),
    "refused": ("refused",),
    "ill-conditioned or unclear": ("unclear",),
}


def markdown(found: Sequence[Examined]) -> str:
    """The whole report."""
    failed = [one for one in found if one.faults]
    seconds = sum(one.seconds for one in found)
    lines = [
        f"{len(found)} networks, {len(failed)} with a fault; {seconds / max(1, len(found)):.2f} s for each.",
        "",
        *table(found),
        "",
        *reasons("Refusals", found, ("refused", "refused without a reason")),
        *reasons("Not compared", found, ("unclear",)),
    ]
    for one in failed:
        lines += [f"### Network {one.name}", ""]
        lines += [f"- {technique}: {verdict}" for technique, verdict in one.faults.items()]
        for techniques, text in one.shrunk:
            lines += ["", f"Smallest with the fault of {techniques}:", "", "```", text, "```"]
        lines += [""]
    return "\n".join(lines)


def table(found: Iterable[Examined]) -> list[str]:
    """One row for each technique, with the number of networks in each column."""
    counts: Counter[tuple[str, Outcome]] = Counter()
    for one in found:
        counts.update((technique, verdict.outcome) for technique, verdict in one.verdicts.items())
    lines = ["| " + " | ".join(["", *COLUMNS]) + " |", "|---" + "|---:" * len(COLUMNS) + "|"]
    for technique in (NETWORK, *TECHNIQUES):
        cells = [str(sum(counts[technique, outcome] for outcome in outcomes)) for outcomes in COLUMNS.values()]
        lines.append("| " + " | ".join([technique, *cells]) + " |")
    return lines


def reasons(title: str, found: Iterable[Examined], outcomes: tuple[Outcome, ...]) -> list[str]:
    """How often each reason was given, with the numbers in it left out, and a network for which it was."""
    counts: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for one in found:
        for verdict in one.verdicts.values():
            if verdict.outcome in outcomes:
                reason = re.sub(r"\d+(\.\d+)?(e[+-]?\d+)?", "#", verdict.reason)
                counts[reason] += 1
                examples.setdefault(reason, one.name)
    if not counts:
        return []
    lines = [f"- {count} times, first for {examples[reason]}: {reason}" for reason, count in counts.most_common()]
    return [f"{title}:", "", *lines, ""]
