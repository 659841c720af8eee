"""What is kept of those who left, and how long."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from streamlit.runtime.state import SessionState

from ui.server import leaving
from ui.server.leaving import GRACE, KEPT, Visitor


@pytest.fixture(autouse=True)
def nobody() -> Iterator[None]:
    leaving._GONE.clear()
    yield
    leaving._GONE.clear()


def gone(name: str, size: int, seconds: float) -> Visitor:
    """Somebody with ``size`` bytes in the state, who left so many ``seconds`` ago."""
    state = SessionState()
    state["picture"] = name
    visitor = Visitor(name, state, {"picture": size})
    visitor.leave()
    visitor.left -= seconds
    return visitor


def keeps(visitor: Visitor) -> bool:
    return "picture" in visitor.state


def test_what_is_heavy_goes_after_the_time_of_grace() -> None:
    early, late = gone("early", KEPT + 1, GRACE - 5), gone("late", KEPT + 1, GRACE + 1)
    leaving.sweep()
    assert keeps(early)
    assert not keeps(late)
    assert list(leaving._GONE) == ["early"]


def test_of_what_is_light_the_last_to_leave_keep_theirs() -> None:
    all_of_them = [gone(str(k), KEPT // 2, GRACE + 9 - k) for k in range(4)]
    leaving.sweep()
    assert [keeps(one) for one in all_of_them] == [False, False, True, True]


def test_files_make_a_session_heavy() -> None:
    one = gone("one", 0, GRACE + 1)
    leaving.heavy("one")
    leaving.heavy("nobody")
    leaving.sweep()
    assert not keeps(one)


def test_whom_streamlit_forgets_is_forgotten_here() -> None:
    one = gone("one", 1, leaving.remembered() + 1)
    leaving.sweep()
    assert not leaving._GONE
    assert keeps(one)  # which is Streamlit's to drop
