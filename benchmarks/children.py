"""The parent's side of a child process."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.job import Job

ROOT = Path(__file__).parents[1]


class ChildError(RuntimeError):
    """A contender that cannot be measured; the message is the last line that it printed."""


class Child:
    """A child that has been started, but not waited for: several may start at the same time.

    ``ready`` waits until it has prepared, ``ask`` for an answer. Use it in a ``with`` block or close it.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the child
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.child", job.to_json()],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def ready(self) -> None:
        """Raises ChildError where the contender cannot be prepared."""
        self._answer()

    def ask(self, **request: Any) -> dict[str, Any]:
        """Raises ChildError where the child ended instead of answering."""
        assert self._process.stdin
        with suppress(BrokenPipeError):
            print(json.dumps(request), file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            self._log.seek(0)
            said = self._log.read().strip().splitlines()
            self.close()
            raise ChildError(said[-1] if said else f"the process ended with {code}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout, self._log):
            if stream and not stream.closed:
                with suppress(BrokenPipeError):
                    stream.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
