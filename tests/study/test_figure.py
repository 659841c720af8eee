"""A study's charts and its figure: every interval is drawn where its numbers are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vizcore.study import charts, figure
from vizcore.study.bootstrap import Interval
from vizcore.study.rows import HEADER, Row, write

ROWS = [
    Row(f"{kind}:{at}", network, method, insertion=height + at / 100, inside=height / 2, sanity=height)
    for kind in ("scene", "stamped")
    for network, shift in (("honest", 0.0), ("twin", -0.2))
    for method, height in (("gradient", 0.8 + shift), ("random", 0.4 + shift))
    for at in range(8)
]


def test_a_forest_holds_every_mean_and_both_arms() -> None:
    series = {"a": {0: Interval(0.5, 0.3, 0.6, 9), 2: Interval(-1.0, -2.0, -0.5, 9)}, "b": {1: Interval(0.1, 0, 1, 9)}}
    drawn = charts.forest(["one", "two", "three"], series, line=0.0)
    first, second = drawn.data
    assert list(first.x) == [0.5, -1.0]
    assert list(first.error_x.array) == pytest.approx([0.1, 0.5])
    assert list(first.error_x.arrayminus) == pytest.approx([0.2, 1.0])
    assert [round(y) for y in first.y] == [0, 2]
    assert [round(y) for y in second.y] == [1]
    assert first.y[0] != round(first.y[0])  # two networks do not hide each other
    assert first.marker.color != second.marker.color
    assert first.marker.symbol != second.marker.symbol
    assert (first.hovertext[0], list(first.customdata[0])) == ("one", [0.3, 0.6])
    assert first.hovertemplate.startswith("%{hovertext}: %{x:.3g} [")
    assert list(drawn.layout.yaxis.ticktext) == ["one", "two", "three"]
    assert drawn.layout.shapes[0].x0 == 0.0


def test_the_figure_has_a_panel_for_each_figure_there_is() -> None:
    whole = np.asarray(figure.draw(ROWS))
    only = np.asarray(figure.draw([row for row in ROWS if row.picture.startswith("stamped")]))
    assert whole.shape[0] > 1.5 * only.shape[0]
    assert whole.shape[1] > 1.5 * only.shape[1]
    for at in range(2):
        colour = np.array(list(bytes.fromhex(charts.colour(at)[1:])))
        places = np.nonzero((only == colour).all(axis=2))
        assert len(places[0]) > 200
    # In the only panel the means are 0.4 and 0.2 for the honest network, whose lines have no length.
    honest = np.array(list(bytes.fromhex(charts.colour(0)[1:])))
    rows, columns = np.nonzero((only[70:] == honest).all(axis=2))
    scale = (figure.WIDTH - figure.LEFT - 30) / 1.0
    for line, mean in enumerate((0.4, 0.2)):
        inside = np.abs(rows - (figure.HEAD + figure.LINE * (line + 0.5))) < figure.LINE / 2
        assert columns[inside].mean() - figure.GAP == pytest.approx(figure.LEFT + mean * scale, abs=1.5)


def test_the_command_draws_several_tables_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tables = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for path, kind in zip(tables, ("scene", "stamped"), strict=True):
        path.write_text(f"{HEADER}\n{write(row for row in ROWS if row.picture.startswith(kind))}")
    out = tmp_path / "figure.png"
    assert figure.main([*map(str, tables), str(out)]) == 0
    with Image.open(out) as drawn:
        assert drawn.size == figure.draw(ROWS).size
    assert figure.main([str(tmp_path / "none.csv"), str(out)]) == 2
    (tmp_path / "empty.csv").write_text(f"{HEADER}\n")
    assert figure.main([str(tmp_path / "empty.csv"), str(out)]) == 2
    assert "nothing to draw" in capsys.readouterr().err
    assert figure.main([]) == 2
