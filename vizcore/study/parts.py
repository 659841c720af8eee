"""The rows of a large study on disk: Parquet files of some ten thousand rows each, read by columns.

``parts/00001.parquet`` and so on hold the columns of :class:`vizcore.study.rows.Row` and ``task``, the row's place in
the plan's tasks. A part is whole or not there. What is read of them stays in arrays: no row becomes a Python object.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vizcore.study import rows
from vizcore.study.columns import KINDS, VALUES, Columns
from vizcore.study.rows import COLUMNS, Row
from vizcore.study.sources import StudyError

FOLDER = "parts"
ROWS = 50_000  # of one part; as many wait in a text file, and a study with fewer has no parts at all
_TEXTS = ("picture", "network", "method", "target", "error")


def files(folder: Path) -> list[Path]:
    """The parts of a study, in order."""
    return sorted((folder / FOLDER).glob("*.parquet"))


def seal(folder: Path, text: str, tasks: NDArray[np.int64], number: int) -> None:
    """Make a part of rows that are written as CSV, without a header; ``tasks`` (n,) are their places in the plan."""
    from pyarrow import csv

    types = {name: _type(name) for name in COLUMNS}
    read = csv.read_csv(
        io.BytesIO(f"{rows.HEADER}\n{text}".encode()),
        convert_options=csv.ConvertOptions(column_types=types, null_values=[""], strings_can_be_null=False),
    )
    write(folder, read.append_column("task", [tasks]), number)


def write(folder: Path, table: Any, number: int) -> None:
    """Write a part so that there is all of it or none at any time."""
    from pyarrow import parquet

    (folder / FOLDER).mkdir(exist_ok=True)
    path = folder / FOLDER / f"{number:05d}.parquet"
    part = path.with_name(f"{path.name}.part")
    parquet.write_table(table, part)
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    os.replace(part, path)


def tasks(folder: Path) -> Iterator[NDArray[np.int64]]:
    """The places in the plan of each part's rows. Raises :class:`StudyError` for a part that cannot be read."""
    for path in files(folder):
        yield _read(path, ["task"])["task"].to_numpy()


def sort(folder: Path) -> None:
    """Put all rows into the order of the plan: the same study gives the same parts."""
    whole = _whole(folder, [*COLUMNS, "task"])
    order = np.argsort(whole["task"].to_numpy(), kind="stable")  # a task's rows are in the order of methods already
    if (order == np.arange(len(order))).all():
        return
    whole = whole.take(order)
    for number, start in enumerate(range(0, len(whole), ROWS), start=1):
        write(folder, whole.slice(start, ROWS), number)


def columns(folder: Path) -> Columns:
    """The columns of all parts together."""
    from pyarrow import compute

    whole = _whole(folder, [name for name in COLUMNS if name != "target"])
    picture, network, method = (
        whole[name].combine_chunks().dictionary_encode() for name in ("picture", "network", "method")
    )
    head = compute.list_element(compute.split_pattern(picture.dictionary, ":", max_splits=1), 0).to_numpy(False)
    kinds = np.full(len(head), KINDS.index("files"), np.int8)
    kinds[head == "scene"], kinds[head == "stamped"] = KINDS.index("scenes"), KINDS.index("stamped")
    codes = [one.indices.to_numpy().astype(np.int64) for one in (picture, network, method)]
    values = {name: whole[name].cast("float64").to_numpy() for name in VALUES}
    failed = compute.not_equal(whole["error"], "").to_numpy()
    names = (tuple(one.dictionary.to_pylist()) for one in (network, method))
    return Columns(codes[0], kinds[codes[0]], codes[1], codes[2], failed, values, *names)


def sample(folder: Path, most: int, methods: int) -> tuple[Row, ...]:
    """About ``most`` rows, of whole tasks that lie evenly spread over the plan."""
    places = np.concatenate(list(tasks(folder)))
    known = np.unique(places)
    step = max(1, -(-len(known) * methods // most))
    wanted = np.flatnonzero(np.isin(places, known[::step]))
    return tuple(_rows(_whole(folder, list(COLUMNS)).take(wanted)))


def _rows(table: Any) -> Iterable[Row]:
    return (Row(**one) for one in table.to_pylist())


def _whole(folder: Path, names: Sequence[str]) -> Any:
    return _arrow().concat_tables([_read(path, names) for path in files(folder)])


def _read(path: Path, names: Sequence[str]) -> Any:
    from pyarrow import ArrowException, parquet

    try:
        return parquet.read_table(path, columns=list(names))
    except (ArrowException, OSError, KeyError):
        raise StudyError(f"{path} is damaged; remove it, and the same command computes its rows again.") from None


def _type(name: str) -> Any:
    arrow = _arrow()
    return arrow.string() if name in _TEXTS else arrow.int64() if name in ("forward", "backward") else arrow.float64()


def _arrow() -> Any:
    import pyarrow  # only where a study is large: it takes a while

    return pyarrow
