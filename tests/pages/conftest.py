"""Pages that run without a browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ui.running import drawing


@pytest.fixture(autouse=True, scope="module")
def nobody_looks() -> Iterator[None]:
    """No browser is to be given time to show what comes first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drawing, "SHOWN", 0.0)
        yield
