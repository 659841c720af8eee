"""The benchmarks still run, take turns, resume, and say what they measured; how fast anything is, is not tested."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import arithmetic, machine, plan, runner
from benchmarks.__main__ import choice, parser
from benchmarks.child import fastest
from benchmarks.children import ChildError
from benchmarks.contender import Map, Stage
from benchmarks.imports import files
from benchmarks.job import Job
from benchmarks.lime import HALF
from benchmarks.networks import as_installed, classifier, picture, side, weights_of
from benchmarks.store import Row, Store
from benchmarks.summary import collect, growths
from benchmarks.table import BEGIN, END, put_into, render
from benchmarks.techniques import ALL, TECHNIQUES
from vizcore.acceleration.winograd import Winograd
from vizcore.networks import gated, own, zoo
from vizcore.networks.bundled import network
from vizcore.techniques.occlusion import Occlusion

ROOT = Path(__file__).parents[2]
SMALL = {
    "occlusion": {"window": 32, "stride": 32},
    "lime": {"samples": 300},
    "smoothgrad": {"copies": 16},
    "integrated": {"steps": 16},
    "gradcam": {},
}
SESSION = {"processor": "P", "cores": 2, "system": "S", "versions": {"torch": "1"}, "code": "c", "date": "2026-01-01"}


def sessions(run: str) -> dict[str, Row]:
    return {technique: {"run": run, "technique": technique, **SESSION} for technique in ALL}


def stage(tuned: bool) -> Stage:
    clf = classifier("mini-alexnet")
    image = clf.pixels(picture())
    if not tuned:
        as_installed(clf.module)
    return Stage(clf, image, clf.top(image)[0][0])


@pytest.fixture(scope="module")
def stages() -> dict[bool, Stage]:
    return {tuned: stage(tuned) for tuned in (True, False)}


@pytest.fixture(scope="module")
def our_maps(stages: dict[bool, Stage]) -> dict[str, Map | None]:
    return {name: TECHNIQUES[name].contenders["ours"].prepare(stages[True])(SMALL[name], 0) for name in TECHNIQUES}


@pytest.mark.parametrize(
    ("technique", "contender"), [(name, c) for name in TECHNIQUES for c in TECHNIQUES[name].contenders if c != "ours"]
)
def test_every_contender_runs_and_gives_the_map_that_is_compared(
    technique: str, contender: str, stages: dict[bool, Stage], our_maps: dict[str, Map | None]
) -> None:
    about = TECHNIQUES[technique].contenders[contender]
    if about.package and find_spec(about.package) is None:
        pytest.skip(f"{about.package} is not installed (benchmarks/requirements.txt)")
    found = about.prepare(stages[about.tuned])(SMALL[technique], 8)
    ours = our_maps[technique]
    if about.agreement == "none":
        return
    assert found is not None
    assert ours is not None
    same = about.like(ours, found.shape)
    assert same.shape == found.shape
    if about.agreement == "largest":
        # Rounding may switch a ReLU or a maximum, at which the gradient jumps.
        assert np.abs(same - found).max() < 0.01 * np.abs(same).max()
    else:
        assert np.corrcoef(same.ravel(), found.ravel())[0, 1] > 0.8


@pytest.mark.parametrize("contender", ALL["first"].contenders)
def test_every_first_estimate_runs(contender: str, stages: dict[bool, Stage]) -> None:
    ALL["first"].contenders[contender].prepare(stages[True])({}, 0)


def test_the_command_measures_and_prints_a_table(tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--parts", "techniques", "--techniques", "occlusion"]
    command += ["--contenders", "ours", "Captum", "--results", str(results), "--out", str(tmp_path / "table.md")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "| Occlusion | mini-alexnet | 17 |" in done.stdout
    assert "captum" in done.stdout
    assert (tmp_path / "table.md").read_text() == done.stdout
    measured = {about.job.contender: about for about in collect(Store(results))}
    assert measured["ours"].cpu
    assert measured["Captum"].peak
    agreement = measured["Captum"].agreement
    assert agreement
    assert agreement["largest"] < 1e-4 * agreement["of"]


class Recorder:
    """Stands for a child: answers at once, and writes down who was asked what."""

    asked: list[tuple[str, str]]
    broken: str
    seconds: float

    def __init__(self, job: Job) -> None:
        self.job = job

    def ready(self) -> None:
        pass

    def ask(self, **request: Any) -> dict[str, Any]:
        if self.job.contender == Recorder.broken:
            raise ChildError("out of memory")
        if request["do"] == "run":
            Recorder.asked.append((self.job.contender, str(request["threads"])))
            return {"cpu": Recorder.seconds, "wall": Recorder.seconds, "peak": 1.0}
        return {"saved": False}

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *details: object) -> None:
        pass


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> type[Recorder]:
    Recorder.asked, Recorder.broken, Recorder.seconds = [], "", 1.0
    monkeypatch.setattr(runner, "Child", Recorder)
    return Recorder


def jobs(*contenders: str, **settings: int) -> list[Job]:
    return [Job("occlusion", "mini-alexnet", c, at_once=8, settings=settings) for c in contenders]


def test_contenders_take_turns(tmp_path: Path, recorder: type[Recorder]) -> None:
    store = Store(tmp_path / "r.jsonl", sessions("a"))
    runner.measure(store, jobs("ours", "bare"), threads=[1, 2], repeats=2, patience=60)
    assert recorder.asked == [("ours", "1"), ("bare", "1"), ("ours", "2"), ("bare", "2")] * 2


def test_a_run_goes_on_where_it_was_stopped_and_starts_anew_with_other_code(
    tmp_path: Path, recorder: type[Recorder]
) -> None:
    path = tmp_path / "r.jsonl"
    runner.measure(Store(path, sessions("a")), jobs("ours"), [1], repeats=2, patience=60)
    with path.open("a") as file:
        file.write('{"kind": "time", "run"')  # cut off in the middle of a line
    recorder.asked.clear()
    runner.measure(Store(path, sessions("a")), jobs("ours", "bare"), [1], repeats=3, patience=60)
    assert recorder.asked == [("ours", "1"), ("bare", "1"), ("bare", "1"), ("bare", "1")]
    recorder.asked.clear()
    Recorder.seconds = 7.0
    runner.measure(Store(path, sessions("b")), jobs("ours"), [1], repeats=1, patience=60)
    assert recorder.asked == [("ours", "1")]
    newest = {about.job.contender: about.cpu for about in collect(Store(path))}
    assert newest == {"ours": 7.0, "bare": 1.0}


def test_a_technique_is_measured_anew_after_a_change_of_its_own_code_alone(
    tmp_path: Path, recorder: type[Recorder]
) -> None:
    path, lime = tmp_path / "r.jsonl", Job("lime", "mini-alexnet", "ours", settings={"samples": 50})
    runner.measure(Store(path, sessions("a")), [*jobs("ours"), lime], [1], repeats=1, patience=60)
    changed = {**sessions("a"), "lime": {**sessions("b")["lime"], "code": "d"}}
    recorder.asked.clear()
    store = Store(path, changed)
    runner.measure(store, jobs("ours"), [1], repeats=1, patience=60)
    assert recorder.asked == []
    runner.measure(store, [lime], [1], repeats=1, patience=60)
    assert recorder.asked == [("ours", "1")]
    assert "; vizcore's code c (Occlusion), d (LIME); " in render(Store(path))


def test_the_code_of_a_technique_is_what_its_module_imports() -> None:
    found = {path.relative_to(ROOT).as_posix() for path in files("benchmarks.lime")}
    assert {
        "vizcore/__init__.py",
        "vizcore/techniques/lime.py",
        "vizcore/techniques/adaline.py",
        "vizcore/networks/classifier.py",
    } <= found
    assert "vizcore/networks/zoo.py" not in found  # which only the catalogue names, for the type checker here
    assert ROOT / "vizcore/networks/zoo.py" in files("benchmarks.networks")
    assert not found & {
        "vizcore/jobs/queue.py",
        "vizcore/techniques/saliency.py",
        "vizcore/techniques/occlusion.py",
        "vizcore/study/__init__.py",
    }
    assert "vizcore/techniques/lime.py" not in {
        path.relative_to(ROOT).as_posix() for path in files("benchmarks.smoothgrad")
    }


def test_imports_are_followed_in_all_their_forms_and_without_being_run(tmp_path: Path) -> None:
    written = {
        "house/__init__.py": "from . import hall\n",
        "house/hall.py": "import json\nfrom .upper import *\nraise SystemExit\n",
        "house/upper/__init__.py": "",
        "house/upper/attic.py": "from ..cellar import COLD\ndef f():\n    import house.garden as g\n",
        "house/cellar.py": "from house import upper\nfrom house.upper import attic\n",
        "house/garden.py": "",
        "house/shed.py": "import house.garden\n",
    }
    for name, text in written.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    def of(module: str) -> set[str]:
        return {path.relative_to(tmp_path / "house").as_posix() for path in files(module, root=tmp_path)}

    around = {"__init__.py", "hall.py", "upper/__init__.py"}
    assert of("house.garden") == {"garden.py", *around}
    assert of("house.upper") == around
    assert of("house.cellar") == {"cellar.py", "upper/attic.py", "garden.py", *around}


def test_the_digits_change_with_a_file_that_is_imported_and_with_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "other"):
        (tmp_path / "vizcore").mkdir(exist_ok=True)
        (tmp_path / "vizcore" / f"{name}.py").write_text("")
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "lime.py").write_text("from vizcore import one\n")
    monkeypatch.setattr(machine, "ROOT", tmp_path)
    monkeypatch.setattr(machine, "files", lambda *modules: files(*modules, root=tmp_path))
    before = machine.code("lime")
    (tmp_path / "vizcore" / "other.py").write_text("1")
    (tmp_path / "benchmarks" / "lime.py").write_text("import vizcore.one\n")
    assert machine.code("lime") == before
    (tmp_path / "vizcore" / "one.py").write_text("1")
    assert machine.code("lime") != before


def test_measurements_of_the_days_when_all_files_counted_are_still_read(tmp_path: Path) -> None:
    path, (job,) = tmp_path / "r.jsonl", jobs("ours", window=32, stride=32)
    row = {"kind": "time", "run": "a", "key": job.key, "threads": 1, "at_once": 0, "weights": "its own", "cpu": 2.0}
    rows = [{"kind": "session", "run": "a", **SESSION}, row | {"wall": 2.0, "peak": 1.0}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [about.cpu for about in collect(Store(path))] == [2.0]
    assert "; vizcore's code c; 2026-01-01." in render(Store(path))


def test_patience_ends_the_repeats_of_a_slow_contender(tmp_path: Path, recorder: type[Recorder]) -> None:
    Recorder.seconds = 25.0
    runner.measure(Store(tmp_path / "r.jsonl", sessions("a")), jobs("ours"), [1], repeats=5, patience=60)
    assert len(recorder.asked) == 3


def test_one_that_fails_or_is_missing_is_named_and_the_others_go_on(
    tmp_path: Path, recorder: type[Recorder], monkeypatch: pytest.MonkeyPatch
) -> None:
    Recorder.broken = "bare"
    monkeypatch.setattr(runner, "find_spec", lambda name: None)
    store = Store(tmp_path / "r.jsonl", sessions("a"))
    runner.measure(store, jobs("ours", "bare", "Captum", window=32, stride=32), [1], repeats=2, patience=60)
    assert recorder.asked == [("ours", "1")] * 2
    table = render(store)
    assert "| 1.00 | failed | not installed |" in table
    assert "bare (occlusion, mini-alexnet): out of memory" in table


class Clock:
    """Stands for the meter: the given times, one after the other."""

    def __init__(self, *walls: float) -> None:
        self.walls = list(walls)

    def measure(self, work: Callable[[], object]) -> dict[str, float]:
        work()
        return {"wall": self.walls.pop(0)}


def test_the_fastest_batch_is_the_one_with_the_best_trial_and_long_trials_are_not_repeated() -> None:
    asked: list[int] = []
    clock = Clock(9.0, 4.0, 5.0, 3.0, 20.0)
    assert fastest(asked.append, clock, (1, 8, 16)) == 8
    assert asked == [1, 1, 8, 8, 16]


def written(path: Path, *rows: tuple[Job, float]) -> Store:
    store = Store(path, sessions("a"))
    for job, seconds in rows:
        about: Row = {
            "threads": 1,
            "at_once": 8,
            "weights": "random",
            "cpu": seconds,
            "wall": 2 * seconds,
            "peak": 64.0,
        }
        store.add("time", job, **about)
    return store


def test_the_table_gives_medians_ratios_and_what_was_disturbed(tmp_path: Path) -> None:
    ours, bare, captum = jobs("ours", "bare", "Captum", window=32, stride=32)
    rows = [(ours, 2.0), (ours, 100.0), (ours, 1.0), (bare, 3.0), (captum, 9.0)]
    store = written(tmp_path / "r.jsonl", *rows)
    store.add("agreement", captum, largest=4e-6, of=2.0)
    table = render(store)
    assert "| Occlusion | mini-alexnet | 17 | 2.00 | 1.50× | 4.50× |" in table
    assert "| 64; 64 |  | 4e-06 of 2 |" in table
    assert "Random weights, of which there are none on disk: mini-alexnet." in table
    assert "3 of 3 were measured while other programs used the processors." in table
    full = render(store, full=True)
    assert "| mini-alexnet | stride 32, window 32 | Captum | 8 | 9.00 | 4.50× |" in full


def test_the_memory_on_two_threads_stands_beside_the_time_on_two(tmp_path: Path) -> None:
    ours, captum = jobs("ours", "Captum", window=32, stride=32)
    store = written(tmp_path / "r.jsonl", (ours, 2.0), (captum, 9.0))
    for job, seconds, mebibytes in ((ours, 1.0, 100.0), (captum, 8.0, 70.0)):
        about = {"threads": 2, "at_once": 8, "weights": "random", "cpu": 2 * seconds, "wall": seconds}
        store.add("time", job, **about, peak=mebibytes)
    assert "| 64; 64 | 1.00; 8.00×; 100; 70 |" in render(store)


def test_the_difference_is_that_of_somebody_elses_map(tmp_path: Path) -> None:
    job = {name: Job("lime", "vgg16", name, settings={"samples": 500}) for name in ("ours", HALF, "lime", "Captum")}
    store = written(tmp_path / "r.jsonl", *((one, 2.0) for one in job.values()))
    store.add("agreement", job[HALF], correlation=0.9999)
    assert "| 64; 64 |  |  |" in render(store)
    store.add("agreement", job["lime"], correlation=0.75)
    assert "| 64; 64 |  | r = 0.750 |" in render(store)
    assert "r = 1.000, of the same samples" in render(store, full=True)
    store.add("agreement", job["lime"], correlation=float("nan"))
    assert "| 64; 64 |  | no r: a map is constant |" in render(store)


def test_the_table_replaces_what_stands_between_the_marks() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert put_into(page, "new\n") == f"before\n{BEGIN}\nnew\n{END}\nafter\n"
    with pytest.raises(ValueError, match="accepted: one that has both"):
        put_into(f"{END} {BEGIN}", "new\n")


def test_the_readme_has_a_place_for_the_table() -> None:
    assert "| Occlusion |" in (ROOT / "benchmarks/README.md").read_text().partition(BEGIN)[2].partition(END)[0]


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
def test_growth_gives_the_exponent_of_a_power_law(tmp_path: Path, exponent: float) -> None:
    rows = [(Job("lime", "vgg16", "ours", settings={"samples": n}), 0.01 * n**exponent) for n in (125, 250, 500, 1000)]
    sizes = [
        (Job("lime", "vgg16", "ours", settings={"samples": 500, "size": n}), (n * n) ** exponent) for n in (112, 224)
    ]
    found = growths(collect(written(tmp_path / "r.jsonl", *rows, *sizes)))
    assert [(growth.what, growth.labels) for growth in found] == [
        ("samples", ["125", "250", "500", "1000"]),
        ("pixels", ["112²", "224²"]),
    ]
    assert [growth.exponent for growth in found] == pytest.approx([exponent] * 2)


def test_positions_widen_the_stride_just_enough() -> None:
    given = parser().parse_args(["--positions", "169", "--networks", "squeezenet1_0"])
    settings = choice(given).settings_of("occlusion", "squeezenet1_0")
    windows = ALL["occlusion"].passes(settings, 224) - 1
    finer = ALL["occlusion"].passes({**settings, "stride": settings["stride"] - 1}, 224) - 1
    assert windows <= 169 < finer


def test_the_whole_catalogue_is_compared_with_the_bare_passes_a_line_for_each_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(own.VARIABLE, "tests.helpers.networks:grey")
    given = ["--techniques", "occlusion", "--positions", "49", "--contenders", "ours", "bare"]
    groups = list(choice(parser().parse_args([*given, "--networks", "catalogue", "vgg16"])).groups())
    names = ["tests.helpers.networks:grey", *network.NAMES, gated.NAME, *zoo.NAMES]
    assert [group.jobs[0].network for group in groups] == names
    assert all([job.contender for job in group.jobs] == ["ours", "bare"] for group in groups)
    assert (weights_of("tests.helpers.networks:grey"), side("tests.helpers.networks:grey")) == ("its own", 28)
    followed = choice(parser().parse_args(["--networks", "catalogue", "--growth", "vgg16"]))
    assert followed.growth == ["vgg16"]


def test_every_torchvision_network_takes_the_pictures_that_the_plan_counts_with() -> None:
    assert all(side(name) == zoo.preprocess_of(zoo.metadata(name)).size[0] for name in zoo.NAMES)


def test_the_fewest_positions_are_possible_with_the_largest_stride() -> None:
    settings = choice(parser().parse_args(["--positions", "9"])).settings_of("occlusion", "vgg16")
    Occlusion(window=settings["window"], stride=settings["stride"])  # which refuses what is too large


@pytest.mark.parametrize("wrong", [["--repeats", "0"], ["--positions", "8"], ["--stride", "x"], ["--networks", "none"]])
def test_what_cannot_be_measured_is_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(wrong)
    said = capsys.readouterr().err
    assert wrong[0] in said
    assert wrong[1] in said


def test_the_plan_compares_each_technique_on_each_network_and_follows_one() -> None:
    given = parser().parse_args(["--networks", "mini-alexnet", "--growth", "mini-alexnet", "--techniques", "lime"])
    groups = list(choice(given).groups())
    assert [group.label for group in groups] == [
        "first estimates, mini-alexnet",
        "LIME, mini-alexnet",
        *(f"LIME, mini-alexnet, samples {n}" for n in (125, 250, 500, 1000)),  # it takes pictures of one size only
    ]
    assert [job.contender for job in groups[1].jobs] == list(TECHNIQUES["lime"].contenders)
    assert groups[0].threads == [1]
    assert groups[1].threads == [1, 2]
    once, five = (sum(plan.seconds(group, repeats, 60.0) for group in groups) for repeats in (1, 5))
    assert 0 < once < five


def test_the_arithmetic_of_occlusion(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = arithmetic.count("mini-alexnet", Occlusion(window=32, stride=16))
    assert counts.done < counts.full
    smaller = arithmetic.count("mini-alexnet", Occlusion(window=16, stride=16))
    assert smaller.full == counts.full
    assert smaller.least < counts.least
    monkeypatch.setattr(Winograd, "pays", lambda *given: 0)
    direct = arithmetic.count("mini-alexnet", Occlusion(window=32, stride=16))
    assert direct.least == counts.least
    assert direct.least < direct.done < direct.full
