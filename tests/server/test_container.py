"""The container without a container engine: what its build would copy, started as its image would be."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from streamlit import config

from deploy import check
from tests.helpers.proxy import CONFIGURATION
from tests.helpers.servers import ROOT, free_port, stop, wait
from tests.server.test_config import run, session

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
LINES = [line for line in re.sub(r"\\\n", " ", DOCKERFILE).splitlines() if line and not line.startswith("#")]
LAST = LINES[max(i for i, line in enumerate(LINES) if line.startswith("FROM ")) :]  # the stage that becomes the image


def instructions(name: str) -> list[str]:
    return [line.removeprefix(f"{name} ") for line in LAST if line.startswith(f"{name} ")]


def environment() -> dict[str, str]:
    return dict(part.split("=", 1) for line in instructions("ENV") for part in shlex.split(line))


def context() -> list[Path]:
    """What git knows and .dockerignore lets through: it refuses everything but what its lines with ``!`` name."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    let = [Path(rule[1:]) for rule in rules if rule.startswith("!")]
    assert all((ROOT / one).exists() for one in let)
    known = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    files = [Path(line) for line in known.splitlines()]
    return [file for file in files if any(file == one or one in file.parents for one in let)]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """The folder /app of the image, below ``tmp_path``."""
    files = context()
    for line in instructions("COPY"):
        if line.startswith("--from="):
            continue
        *sources, target = line.split()
        for source in map(Path, sources):
            taken = [file for file in files if file == source or source in file.parents]
            assert taken, source
            for file in taken:
                place = tmp_path / target.lstrip("/") / (file.relative_to(source) if file != source else file.name)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / file, place)
    return tmp_path / "app"


def test_the_image_runs_unprivileged_and_looks_after_itself() -> None:
    assert instructions("USER") == ["10001:10001"]
    assert LAST.index("USER 10001:10001") < LAST.index('CMD ["streamlit", "run", "app.py"]')
    assert "deploy/check.py" in "".join(instructions("HEALTHCHECK"))
    assert not re.search(r"COPY[^\n]*--chown", DOCKERFILE)


def test_no_secret_gets_into_the_image() -> None:
    assert not [file for file in context() if "secret" in file.name or file.suffix in {".pem", ".key", ".env"}]
    assert ".streamlit/config.toml" in map(str, context())
    assert not re.search(r"(?i)(ARG|ENV)\s+\w*(TOKEN|SECRET|PASSWORD|KEY)", DOCKERFILE)


def test_streamlit_knows_the_options_that_the_image_sets() -> None:
    known = {
        "STREAMLIT_" + re.sub(r"(?=[A-Z])", "_", key).replace(".", "_").upper()
        for key in config._config_options_template
    }
    assert {name for name in environment() if name.startswith("STREAMLIT_")} <= known


def test_whatever_is_written_has_a_size() -> None:
    composition = (ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8")
    folders = re.findall(r"tmpfs: \[(.*)\]", composition)
    assert len(folders) == 2  # of the replicas, and of nginx
    assert all(re.fullmatch(r'"/tmp:[\w=,]*\bsize=\d+m[\w=,]*"', one) for one in folders)
    started = re.findall(r"--tmpfs (\S+)", (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8"))
    assert started
    assert all("size=" in one for one in started)


def process(*command: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, start_new_session=True)


def test_a_server_that_does_not_answer_is_ended_and_another_is_given_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, server = tmp_path / "unanswered", process("sleep", "600")
    try:
        for _ in range(check.MOST - 1):
            assert check.check(False, kept, server.pid) == 1
        assert check.check(True, kept, server.pid) == 0  # it came back in time
        for _ in range(check.MOST - 1):
            assert check.check(False, kept, server.pid) == 1
        assert server.poll() is None
        assert check.check(False, kept, server.pid) == 1
        assert server.wait(10) == -signal.SIGTERM  # as the first process, it has asked for this one
        assert kept.read_text() == "0"
    finally:
        server.kill()
    monkeypatch.setattr(check, "INITS", ("bash",))
    first = process("bash", "-c", "trap '' TERM; sleep 600; exit 7")
    try:
        children = Path(f"/proc/{first.pid}/task/{first.pid}/children")
        while not children.read_text():
            time.sleep(0.02)
        check.end(first.pid)
        assert first.wait(10) == 7  # its child is gone, and it ends as an init does
    finally:
        first.kill()


def test_the_check_of_a_port_where_nobody_answers_fails() -> None:
    assert not check.answers(str(free_port()))


class Outside(BaseHTTPRequestHandler):
    """Stands for the whole world beyond this machine, as a proxy that all requests have to pass."""

    asked: list[str] = []  # noqa: RUF012 - the server makes one handler for each request

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_error(502)

    do_CONNECT = do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def test_what_is_copied_starts_draws_and_calls_nobody(image: Path, tmp_path: Path) -> None:
    outside = HTTPServer(("127.0.0.1", 0), Outside)
    threading.Thread(target=outside.serve_forever, daemon=True).start()
    proxy = f"http://127.0.0.1:{outside.server_port}"
    port, log = free_port(), tmp_path / "server.log"
    variables = {**os.environ, **environment(), "PATH": os.environ["PATH"], "STREAMLIT_SERVER_PORT": str(port)}
    variables |= {"HOME": "/nonexistent", "TORCH_HOME": str(tmp_path / "weights"), "no_proxy": "127.0.0.1"}
    variables |= dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), proxy)
    command = ["-m", "streamlit", "run", "app.py"]
    with open(log, "wb") as file:
        process = subprocess.Popen([sys.executable, *command], cwd=image, stdout=file, stderr=file, env=variables)
    try:
        address = wait(process, port, log)
        with session(address) as client:
            told = run(client)
        assert b"Most probable classes" in told
        assert b"encountered an error" not in told
        python, *check = json.loads(instructions("HEALTHCHECK")[0].partition(" CMD ")[2])
        assert python == "python"
        assert subprocess.run([sys.executable, *check], env=variables, timeout=60).returncode == 0
    finally:
        stop(process)
        outside.shutdown()
    assert Outside.asked == []
    assert "Traceback" not in log.read_text()
    assert not list(image.rglob("__pycache__"))


def test_the_replicas_of_the_composition_are_those_that_nginx_knows() -> None:
    composition = (ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8")
    ports = dict(re.findall(r"(replica-\w):\n(?:    .*\n)*?      STREAMLIT_SERVER_PORT: \"(\d+)\"", composition))
    assert ports == {"replica-a": "8501", "replica-b": "8502"}
    assert set(re.findall(r"server (replica-\w:\d+)", CONFIGURATION.read_text(encoding="utf-8"))) == {
        f"{name}:{port}" for name, port in ports.items()
    }
    assert "/nginx.conf:/etc/nginx/nginx.conf:ro" in composition
