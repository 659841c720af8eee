"""What ``streamlit run app.py`` does beside serving."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from tests.helpers.servers import free_port, launch, stop, wait


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the browser is opened by another command")
@pytest.mark.parametrize(("headless", "named"), [("false", ""), ("false", "hall.example"), ("true", "")])
def test_the_browser_is_opened_as_for_any_script(tmp_path: Path, headless: str, named: str) -> None:
    opened, opener = tmp_path / "opened", tmp_path / "bin" / "xdg-open"
    opener.parent.mkdir()
    opener.write_text(f'#!/bin/sh\necho "$1" >> {opened}.new && mv {opened}.new {opened}\n')
    opener.chmod(0o755)
    port, log = free_port(), tmp_path / "server.log"
    flags = ["--server.headless", headless, *(["--browser.serverAddress", named] if named else [])]
    path = f"{opener.parent}{os.pathsep}{os.environ['PATH']}"
    process = launch(log, port, *flags, environment={"PATH": path})
    try:
        wait(process, port, log)
        end = time.monotonic() + 20
        while headless == "false" and not opened.exists() and time.monotonic() < end:
            time.sleep(0.05)
    finally:
        stop(process)
    assert opened.exists() == (headless == "false")
    if headless == "false":
        assert opened.read_text() == f"http://{named or '127.0.0.1'}:{port}\n"
