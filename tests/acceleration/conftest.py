"""What the tests of acceleration have in common."""

import pytest

from vizcore.acceleration import window_costs


@pytest.fixture
def as_if_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but arithmetic costs anything, as on large networks: small ones are computed incrementally, too."""
    for price in ("CALL", "WEIGHT", "PIECE", "NODE", "PIXEL"):
        monkeypatch.setattr(window_costs, price, 0)
    monkeypatch.setattr(window_costs, "WORTHWHILE", 1.05)  # the unchanged picture, too, beside a few windows
