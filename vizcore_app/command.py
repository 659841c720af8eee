"""vizcore [--port PORT] [module:function ...], and vizcore study ...: the app and the study from any folder."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import vizcore  # first: torch reads at its import what this sets


def main(arguments: Sequence[str] | None = None) -> int:
    """Start the app, or with ``study`` as the first word what ``python -m vizcore.study`` does; its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["study"]:
        from vizcore.study.__main__ import main as study

        return study(given[1:], prog="vizcore study")
    before, passed = (given[: given.index("--")], given[given.index("--") + 1 :]) if "--" in given else (given, [])
    requested = _parser().parse_args(before)
    if requested.networks:
        from vizcore.networks import own

        os.environ[own.VARIABLE] = ",".join(requested.networks)
        sys.path.insert(0, os.getcwd())  # where their modules are, as with python -m
    sys.path.insert(0, str(script().parent))  # before that: ui and pages are names that a folder may have, too
    from streamlit.web import cli

    flags = ["--server.headless", "true"] if requested.headless else []
    for name in ("port", "address"):
        value = getattr(requested, name)
        flags += [] if value is None else [f"--server.{name}", str(value)]
    try:
        cli.main(["run", str(script()), *flags, *passed], prog_name="streamlit")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def script() -> Path:
    """The app's first page: in this package where it is installed, beside it in the repository."""
    here = Path(__file__).parent
    return next(path for path in (here / "app.py", here.parent / "app.py") if path.is_file())


def _network(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", text):
        raise argparse.ArgumentTypeError(f"{text!r} names no network; accepted: module:function, as my_networks:digits")
    return text


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; accepted: 1 to 65535")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vizcore",
        description="Start the app in the browser. `vizcore study --help` tells of studies from the command line.",
        epilog="What stands behind -- is given to streamlit run: vizcore -- --server.maxUploadSize 50",
    )
    parser.add_argument(
        "networks",
        nargs="*",
        type=_network,
        metavar="module:function",
        help="networks of your own: functions that return a vizcore.Classifier, of modules in this folder",
    )
    parser.add_argument("--port", type=_port, help="where the app listens; 8501 unless told")
    parser.add_argument("--address", help="the machine's address at which it listens; every one unless told")
    parser.add_argument("--headless", action="store_true", help="open no browser")
    parser.add_argument("--version", action="version", version=f"vizcore {vizcore.__version__}")
    return parser
