"""nginx with the project's own configuration before two replicas, for the tests of a deployment."""

from __future__ import annotations

import os
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.message import Message
from pathlib import Path

import pytest

from tests.helpers.servers import ROOT, free_port, launch, stop, wait

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin")
CONFIGURATION = ROOT / "deploy" / "nginx.conf"
COOKIE = "vizcore_replica"


def configuration(folder: Path, listen: int, ports: dict[str, int]) -> str:
    """deploy/nginx.conf with other ports, both replicas on this machine, and its files in ``folder``."""
    text = CONFIGURATION.read_text(encoding="utf-8")
    for old, new in {
        "8080": str(listen),
        "8501": str(ports["a"]),
        "8502": str(ports["b"]),
        "replica-a:": "127.0.0.1:",
        "replica-b:": "127.0.0.1:",
        "/tmp/": f"{folder}/",
        "worker_processes auto": "worker_processes 2",
    }.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


class Deployment:
    """Two replicas, ``a`` and ``b``, and nginx before them, all on ports of their own."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        assert NGINX is not None
        self.folder, self.environment = folder, environment
        listen, self.ports = free_port(), {name: free_port() for name in "ab"}
        self.address = f"http://127.0.0.1:{listen}"
        self.replicas = {name: self._launch(name) for name in self.ports}
        for name in self.ports:
            self.wait(name)
        file = folder / "nginx.conf"
        file.write_text(configuration(folder, listen, self.ports), encoding="utf-8")
        command = [NGINX, "-p", str(folder), "-c", str(file), "-g", "daemon off;"]
        with open(self.log("nginx"), "wb") as log:
            self.nginx = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        wait(self.nginx, listen, self.log("nginx"))

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def _launch(self, name: str) -> subprocess.Popen[bytes]:
        return launch(self.log(name), self.ports[name], environment=self.environment)

    def wait(self, name: str) -> None:
        """Until replica ``name`` answers."""
        wait(self.replicas[name], self.ports[name], self.log(name))

    def kill(self, name: str) -> None:
        """End replica ``name`` at once, as a power cut would."""
        self.replicas[name].kill()
        self.replicas[name].wait(timeout=20)

    def restart(self, name: str) -> None:
        """Start a killed replica again, in its old place."""
        self.replicas[name] = self._launch(name)
        self.wait(name)

    def ask(self, path: str, replica: str = "", **headers: str) -> tuple[int, Message, str]:
        """Status, headers, and the cookie that the answer sets for a browser that has ``replica``'s ("": none)."""
        if replica:
            headers["Cookie"] = f"{COOKIE}={replica}"
        request = urllib.request.Request(self.address + path, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                status, found = answer.status, answer.headers
        except urllib.error.HTTPError as error:
            status, found = error.code, error.headers
        cookies = [one for one in found.get_all("Set-Cookie", []) if one.startswith(f"{COOKIE}=")]
        return status, found, "".join(cookies)

    def close(self) -> None:
        self.nginx.terminate()
        self.nginx.wait(timeout=20)
        for process in self.replicas.values():
            if process.poll() is None:
                stop(process)


@contextmanager
def deployed(folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[Deployment]:
    """A deployment for the tests of a module; they are skipped without nginx, and fail so where nothing may skip."""
    if NGINX is None:
        if os.environ.get("CI") == "true":
            pytest.fail("nginx is not installed")
        pytest.skip("nginx is not installed")
    running = Deployment(folder, environment)
    try:
        yield running
    finally:
        running.close()
