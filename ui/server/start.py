"""What is done once, when the server starts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from streamlit import cli_util, config
from streamlit.starlette import App
from streamlit.web.server import server_util

from ui.server import logs


@asynccontextmanager
async def lifespan(_: App) -> AsyncIterator[dict[str, Any] | None]:
    """Cut the log, and open the browser, as ``streamlit run`` does for a script that is no server of its own."""
    logs.cut()
    if not config.get_option("server.headless"):
        named = [name for name in ("browser.serverAddress", "server.address") if config.is_manually_set(name)]
        host = config.get_option(named[0]) if named else "localhost"
        url = server_util.get_url(server_util.get_display_address(host))
        asyncio.get_running_loop().call_soon(cli_util.open_browser, url)
    yield None
