"""What was found of a network, in sentences."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Finding:
    """One thing that was asked: its ``topic``, what was ``found``, and what is ``done`` about it ("" where nothing)."""

    topic: str
    found: str
    done: str = ""

    def __str__(self) -> str:
        return f"{self.found} {self.done}".strip()


@dataclass(frozen=True)
class Examination:
    """All that was found, in the order in which it was asked, and how many ``seconds`` it took."""

    findings: tuple[Finding, ...]
    seconds: float

    def __str__(self) -> str:
        return "\n".join(f"{finding.topic}: {finding}" for finding in self.findings)

    def of(self, topic: str) -> tuple[Finding, ...]:
        """What was found about one topic."""
        return tuple(finding for finding in self.findings if finding.topic == topic)

    def with_findings(self, added: list[Finding], seconds: float) -> Examination:
        """The same with more, found in so many more seconds."""
        return replace(self, findings=(*self.findings, *added), seconds=self.seconds + seconds)
