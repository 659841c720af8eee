"""Really started servers for the tests that need one."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def launch(
    log: Path,
    port: int,
    *flags: str,
    root: Path = ROOT,
    environment: Mapping[str, str] | None = None,
    first: str = "",
) -> subprocess.Popen[bytes]:
    """Start the app of ``root`` on ``port`` and return at once; ``log`` gets what it prints.

    ``first`` is Python that the server's process runs before the app.
    """
    streamlit = f"{first}\nfrom streamlit.web.cli import main\nmain()"
    command = [sys.executable, *(("-c", streamlit) if first else ("-m", "streamlit"))]
    command += ["run", "app.py", "--server.port", str(port)]
    command += ["--server.address", "127.0.0.1", "--server.headless", "true", *flags]
    with open(log, "wb") as file:
        return subprocess.Popen(
            command, cwd=root, stdout=file, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})}
        )


def wait(process: subprocess.Popen[bytes], port: int, log: Path) -> str:
    """The server's address, as soon as it is healthy. Raises AssertionError where it ends, or is not within 30 s."""
    address = f"http://127.0.0.1:{port}"
    for _ in range(300):
        try:
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=1)
            return address
        except OSError:
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
    raise AssertionError("the server did not start within 30 s")


def start(
    folder: Path,
    *flags: str,
    root: Path = ROOT,
    environment: Mapping[str, str] | None = None,
    first: str = "",
) -> tuple[subprocess.Popen[bytes], str]:
    """A freshly started server on a free port, and its address; its log goes to ``folder``."""
    port, log = free_port(), folder / "server.log"
    process = launch(log, port, *flags, root=root, environment=environment, first=first)
    return process, wait(process, port, log)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the server and wait for it."""
    process.terminate()
    process.wait(timeout=20)


def knock(address: str, **headers: str) -> int:
    """The status that answers a websocket's handshake: 101 where it is taken, 403 where it is refused."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=20)
    try:
        connection.putrequest("GET", "/_stcore/stream", skip_host="Host" in headers)
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
        key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "streamlit"}
        for name, value in {**upgrade, **key, **headers}.items():
            connection.putheader(name, value)
        connection.endheaders()
        return connection.getresponse().status
    finally:
        connection.close()
