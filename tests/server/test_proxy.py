"""Two replicas behind nginx: the headers, the cookie that holds a session to its replica, and the loss of one."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser
from playwright.sync_api import TimeoutError as Expired

from tests.browser.test_pages import PAGES, Visit, browser
from tests.helpers.proxy import CONFIGURATION, COOKIE, Deployment, deployed
from tests.helpers.servers import knock
from tests.server.test_config import LARGEST_UPLOAD, offer

__all__ = ["browser"]
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployed(tmp_path_factory.mktemp("deployment")) as running:
        yield running


def test_the_policy_allows_the_one_inline_script_of_the_installed_streamlit() -> None:
    spec = find_spec("streamlit")
    assert spec is not None
    assert spec.origin is not None
    html = (Path(spec.origin).parent / "static" / "index.html").read_text(encoding="utf-8")
    scripts = re.findall(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", html, re.DOTALL)
    digests = {f"'sha256-{base64.b64encode(hashlib.sha256(one.encode()).digest()).decode()}'" for one in scripts}
    assert set(re.findall(r"'sha256-[^']+'", CONFIGURATION.read_text(encoding="utf-8"))) == digests


def test_every_answer_has_the_headers(deployment: Deployment) -> None:
    for path in ["/", "/occlusion", "/_stcore/health", "/_stcore/metrics", "/favicon.png", "/media/none"]:
        _, headers, _ = deployment.ask(path)
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["X-Frame-Options"] == "DENY", path
        assert headers["Referrer-Policy"] == "no-referrer", path
        assert "camera=()" in headers["Permissions-Policy"], path
        policy = dict(one.strip().split(" ", 1) for one in headers["Content-Security-Policy"].split(";"))
        assert policy["default-src"] == policy["frame-ancestors"] == "'none'"
        assert "'unsafe-inline'" not in policy["script-src"]
        assert "'unsafe-eval'" not in policy["script-src"]
        assert headers["Server"] == "nginx"  # and not which one


@pytest.mark.parametrize("path", ["/_stcore/metrics", "/_stcore/agent/interact", "/_stcore/agent/openapi.json"])
def test_the_operators_places_are_not_for_everybody(deployment: Deployment, path: str) -> None:
    assert deployment.ask(path)[0] == 404


def test_a_foreign_page_is_refused_and_the_own_one_is_not(deployment: Deployment) -> None:
    assert knock(deployment.address, Origin=deployment.address) == 101
    assert knock(deployment.address, Host="vizcore.example.org", Origin="https://vizcore.example.org") == 101
    assert knock(deployment.address, Origin="https://elsewhere.example") == 403
    assert knock(deployment.address, Host="a.example", Origin="https://a.example.evil.example") == 403
    assert knock(deployment.address, Host="a.example", Origin="https://evil.example|a.example") == 403


def test_a_cookie_holds_the_browser_to_its_replica(deployment: Deployment) -> None:
    given = {deployment.ask("/_stcore/health")[2] for _ in range(8)}
    assert given == {f"{COOKIE}={replica}; Path=/; HttpOnly; SameSite=Lax" for replica in "ab"}
    for replica in "ab":
        for _ in range(4):
            assert deployment.ask("/_stcore/health", replica)[2] == ""
    for forged in ["c", "127.0.0.1:22", "a b", "../a", "A" * 3000]:
        status, _, cookie = deployment.ask("/_stcore/health", forged)
        assert status == 200
        assert cookie in given, forged


def test_the_cookie_travels_by_https_alone_where_the_page_did(deployment: Deployment) -> None:
    assert deployment.ask("/", **{"X-Forwarded-Proto": "https"})[2].endswith("; Secure")
    assert not deployment.ask("/", **{"X-Forwarded-Proto": "http"})[2].endswith("; Secure")


def test_uploads_are_bounded_where_they_arrive(deployment: Deployment) -> None:
    # Streamlit allows a megabyte for the form around the file.
    assert f"client_max_body_size {LARGEST_UPLOAD + 1}m;" in CONFIGURATION.read_text(encoding="utf-8")
    # 400: it has arrived, and nobody's session is none
    for megabytes, status in [(20, 400), (22, 413), (LARGEST_UPLOAD + 2, 413)]:
        assert offer(deployment.address, "nobody", megabytes) == status


@pytest.mark.parametrize("path", PAGES)
def test_every_page_keeps_to_the_policy(deployment: Deployment, browser: Browser, path: str) -> None:
    visit = Visit(browser, deployment.address, f"/{path}")
    visit.healthy()  # whatever the policy stops, the console says
    visit.page.close()


def test_a_replica_is_killed_while_it_computes(deployment: Deployment, browser: Browser, tmp_path: Path) -> None:
    visit = Visit(browser, deployment.address, "/occlusion?class=3&occlusion.stride=128&picture=photo%3Acoffee")
    answers = visit.page.locator(".strip .classes").inner_text()

    def replica() -> str:
        return next(one["value"] for one in visit.page.context.cookies() if one["name"] == COOKIE)

    stride = visit.page.locator('[data-testid="stSlider"]', has_text="Stride").get_by_role("slider")
    stopping = visit.page.get_by_role("button", name="Stop")
    for _ in range(5):  # a key is lost now and then on a page that is still being drawn
        stride.press("Home")  # a square at every pixel: some ten thousand of them
        with contextlib.suppress(Expired):
            stopping.wait_for(timeout=6_000)
            break
    else:
        pytest.fail("the map was never computed")
    lost, address = replica(), visit.page.url
    told: list[str | bytes] = []
    visit.page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: told.append(frame)))
    deployment.kill(lost)
    # The other replica has drawn the page anew when it has sent the settings; the map is still to come. The strip is of
    # no use here: what the browser remembers of the lost replica's page is not sent again.
    begun = time.monotonic()
    while not any(b"Stride" in frame for frame in told if isinstance(frame, bytes)):
        assert time.monotonic() - begun < 60, "the page was not drawn again"
        visit.page.wait_for_timeout(100)
    # Computed anew; or, where this replica knows by now how long that takes here, it asks before it begins.
    stopping.or_(visit.page.get_by_role("button", name="Start")).first.wait_for(timeout=30_000)
    assert replica() != lost
    visit.page.wait_for_url(address, timeout=30_000)
    assert "class=3" in address
    assert "stride=128" not in address
    assert visit.page.locator(".strip .classes").inner_text() == answers
    # What held the session keeps it, also when the lost replica is back.
    held = replica()
    deployment.restart(lost)
    assert deployment.ask("/_stcore/health", held)[2] == ""

    # The picture of an upload is in the memory of the replica that took it, and is lost with it: the page says so.
    picture = tmp_path / "red.png"
    Image.new("RGB", (300, 200), (200, 30, 30)).save(picture)
    visit.choose("Picture", "Your own picture")
    visit.page.locator('[data-testid="stFileUploaderDropzoneInput"]').set_input_files(picture)
    visit.page.wait_for_url("**picture=upload**", timeout=30_000)
    with visit.page.expect_websocket(timeout=30_000):
        deployment.kill(held)
    visit.page.get_by_text("is kept by no link and no reload").wait_for(timeout=30_000)
    assert visit.page.locator('[data-testid="stException"]').count() == 0
    visit.page.close()
