"""Measurements as lines of JSON in a file that is only ever added to, so that a run may be stopped and resumed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.job import Job

Row = dict[str, Any]


class Store:
    """The rows of one file. Kinds: ``session``, ``time``, ``at_once``, ``agreement`` and ``failed``.

    ``sessions`` describes this run for each technique that it measures; without it the file can only be read.
    """

    def __init__(self, path: Path, sessions: Mapping[str, Row] | None = None) -> None:
        self.path = path
        self.rows: list[Row] = []
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                try:
                    self.rows.append(json.loads(line))
                except json.JSONDecodeError:
                    continue  # the line in which a run was cut off
        self._sessions = sessions or {}

    def add(self, kind: str, job: Job, **values: Any) -> None:
        """Append a row of this run, and before the first one of a technique what it was measured on and with."""
        session = self._sessions[job.technique]
        if session["run"] not in {row["run"] for row in self.sessions()}:
            self._write({"kind": "session", **session})
        self._write({"kind": kind, "run": session["run"], "key": job.key, **values})

    def of(self, kind: str, job: Job) -> list[Row]:
        """This run's rows."""
        run = self._sessions[job.technique]["run"]
        return [row for row in self.rows if row["kind"] == kind and row["run"] == run and row["key"] == job.key]

    def sessions(self) -> list[Row]:
        return [row for row in self.rows if row["kind"] == "session"]

    def latest(self) -> Iterator[tuple[Job, Row]]:
        """Every row but sessions; where a job was measured by several runs, those of the last one."""
        last = {row["key"]: row["run"] for row in self.rows if row["kind"] == "time"}
        for row in self.rows:
            if row["kind"] != "session" and row["run"] == last.get(row["key"], row["run"]):
                yield Job.from_json(row["key"]), row

    def _write(self, row: Row) -> None:
        self.rows.append(row)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
