"""The measure of recognition: which classes it asks about, what it counts, and that it runs."""

from __future__ import annotations

import pytest
import torch
from PIL import Image

from benchmarks import recognition
from benchmarks.recognition import CHOSEN, Drawn


@pytest.mark.parametrize("wanted", [1, 10, 20, 50])
def test_the_classes_are_spread_and_leave_out_those_on_which_settings_were_chosen(wanted: int) -> None:
    found = recognition.spread(1000, wanted)
    assert len(found) == len(set(found)) == wanted
    assert not set(found) & set(CHOSEN)
    assert max(found) - min(found) >= 1000 * (wanted - 1) // wanted - wanted
    assert recognition.spread(12, 50) == list(range(12))


def test_the_row_counts_ranks() -> None:
    picture = torch.zeros(3, 4, 4)
    drawn = [Drawn(k, picture, rank, 1.0 + k) for k, rank in enumerate([0, 0, 4, 5, 900])]
    assert recognition.table("one", "other", 1e-3, drawn) == "| one | other | 5 | 0.001 | 2 | 3 | 5 | 3.0 |"


def test_what_the_bundled_network_draws_is_shown_to_its_twin(tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    sheet = tmp_path / "sheet.png"
    recognition.main(["--network", "mini-alexnet", "--classes", "2", "--sheet", str(sheet)])
    *_, row = capsys.readouterr().out.splitlines()
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[:3] == ["mini-alexnet", "mini-alexnet-shortcut", "2"]
    assert cells[4:6] == ["2", "2"]  # both are recognised
    with Image.open(tmp_path / "sheet-mini-alexnet.png") as picture:
        assert picture.size == (1120, 128)  # a line of text under each
