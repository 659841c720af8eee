"""A study on a Ray cluster of this machine: workers that die cost no row and double none."""

from __future__ import annotations

import importlib.util
import os
import signal
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from vizcore.networks.catalogue import load
from vizcore.study import cluster, local
from vizcore.study.plan import Plan, Study, make
from vizcore.study.rows import Row
from vizcore.study.sources import Picture, StudyError, find
from vizcore.study.table import Table

METHODS = ("gradient", "random")


def timeless(found: Any) -> list[Row]:
    return [replace(row, seconds=None) for row in found]


def dies_with(flag: str, victim: str, hopeless: str) -> cluster.Measure:
    """As cluster.measure, but the worker is killed where it meets ``victim`` first, and wherever it meets another."""

    def measure(identifier: str, content: bytes | None, network: str, asked: Any, study: Study) -> list[Row]:
        if identifier == hopeless:
            os.kill(os.getpid(), signal.SIGKILL)
        if identifier == victim:
            try:
                os.close(os.open(flag, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                pass
            else:
                os.kill(os.getpid(), signal.SIGKILL)
        return cluster.measure(identifier, content, network, asked, study)

    return measure


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_with_workers_killed_midway_the_table_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    keep = cache(lambda name: load(name, "cpu"))
    pictures = (*find(["scenes:6"]), Picture("hopeless.png", data=b"x"), Picture("broken.png", data=b"no picture"))
    asked = make(Study(steps=4), pictures, ["mini-alexnet"], METHODS, keep)
    flag = tmp_path / "killed"
    measure = dies_with(str(flag), "scene:700003", "hopeless.png")
    with Table(tmp_path / "study", asked) as table:
        table.append(next(local.work_off(asked, asked.tasks, keep))[1])  # begun elsewhere, carried on here
        for _, found in cluster.work_off(asked, table.remaining(), "local", cores=2, measure=measure):
            table.append(found)
        assert not table.remaining()
        table.settle()
        on_ray = list(table.rows)
    assert flag.exists()
    *_, alone = local.estimates(asked, keep)
    lost = [row for row in on_ray if row.picture == "hopeless.png"]
    assert [row.error for row in lost] == [f"The worker died {cluster.ATTEMPTS} times over this picture."] * 2
    assert timeless(row for row in on_ray if row not in lost) == timeless(
        row for row in alone.rows if row.picture != "hopeless.png"
    )
    assert all("text file" in row.error for row in on_ray if row.picture == "broken.png")


def test_without_ray_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(cluster, "find_spec", lambda name: None)
    asked = Plan(Study(), (), (), METHODS)
    with pytest.raises(StudyError, match=r"requirements-ray\.txt"):
        next(cluster.work_off(asked, (), "local"))


def test_a_cluster_that_is_not_there_gets_a_sentence() -> None:
    with pytest.raises(StudyError, match="no Ray cluster at"):
        next(cluster.work_off(Plan(Study(), (), (), METHODS), (), "127.0.0.1:1"))
