"""Measure speed and memory on the synthetic log, every job in a process of its own, and print the ratios.

    python benchmarks/run.py                     # every section, 1M and 10M rows: about ten minutes
    python benchmarks/run.py log --rows 1000000  # some of: log, catalogue, shapes, fairness
    python benchmarks/run.py --without-evidently
    python benchmarks/run.py shapes fairness --long

``plain scan`` is DuckDB's count, min, max and sum of every column: about the least that reading a log can cost.
``profile`` is one pass of the engine over 30 daily windows with the reference at hand. ``whole run`` is ``aimsight
backfill`` of all 30 windows (hash of the log, pass, all metrics with intervals, evaluation, commit) once the reference
is frozen; ``second run`` is the same command again, which reads nothing. ``drift`` is the same command for a model of
which only features and prediction are declared, over the whole month as one window: what evidently's DataDriftPreset
compares. Evidently compares the log with the reference as its users do.

``catalogue`` runs the smallest log with more metrics than the core set: all that are measured from statistics, every
one there is (``metrics: ["*"]``), and the pass that keeps the distinct values of numbers for exact distances of drift.
``shapes`` shows how the pass grows with columns, windows, groups and disorder (``shapes.py``), ``fairness`` the
fairness metrics beside fairlearn's bootstrap (``fairness.py``); ``--long`` runs all of their cases.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent))
from make_log import DAYS, NUMERIC, START, TEXT, ensure  # beside this script

if TYPE_CHECKING:
    from collections.abc import Callable

    from aimsight.configs.schema import ModelConfig
    from aimsight.metrics.plan import Plan

OUTPUT = Path(__file__).parent / "output"
SECTIONS = ("log", "catalogue", "shapes", "fairness")
EVIDENTLY_ROWS = 1_000_000
COLUMNS = (*NUMERIC, *TEXT, "group", "score", "prediction", "label", "timestamp")
MODEL: dict[str, Any] = {
    "model": "bench",
    "version": "1",
    "owner": "bench@example.org",
    "intended_use": "Synthetic decisions, to measure speed and memory.",
    "risk": "limited",
    "task": "binary",
    "log": {"timestamp": "timestamp", "prediction": "prediction", "score": "score"},
    "labels": {"label": "label"},
    "features": dict.fromkeys(NUMERIC, "numeric") | dict.fromkeys(TEXT, "category"),
    "protected": ["group"],
    "monitor": {"every": "1d", "window": "1d", "start": START.date()},
    "objectives": [
        {
            "id": "OBJ-01",
            "statement": "Decisions rank people well.",
            "metric": "performance.roc_auc",
            "target": ">= 0.7",
            "rationale": "Made up for the benchmark.",
            "owner": "bench@example.org",
            "due": START.date(),
            "severity": "minor",
        }
    ],
}


@dataclass(frozen=True)
class Measured:
    """One job: seconds on the clock and of the processor, and the peak of resident memory in MB."""

    wall: float
    cpu: float
    peak: float


def measure(command: list[str]) -> Measured:
    """Run a command as a child, to its end, and measure it as a whole process.

    Raises
    ------
    RuntimeError
        If it fails.
    """
    start = time.perf_counter()
    # bytecode is kept, as on any ordinary machine: the first child of all pays for it, and it is not measured
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    output = process.stdout.read() if process.stdout is not None else ""
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    # 3 is the command line's way to say that an objective was missed
    if os.waitstatus_to_exitcode(status) not in {0, 3}:
        raise RuntimeError(f"{' '.join(command)} failed:\n{output}")
    return Measured(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def model(folder: Path, reference: Path, log: Path) -> ModelConfig:
    """The configuration of the synthetic model."""
    from aimsight.configs.schema import ModelConfig

    data = MODEL | {
        "log": MODEL["log"] | {"source": str(log.relative_to(folder))},
        "reference": {"source": str(reference.relative_to(folder))},
    }
    return ModelConfig.model_validate(data)


def plan(folder: Path, reference: Path, log: Path) -> Plan:
    """The plan over thirty days; its reference is made once and kept beside the files."""
    from aimsight.metrics.engines.duckdb import DuckDBEngine
    from aimsight.metrics.plan import Plan, Window
    from aimsight.store.database import Store
    from aimsight.store.references import load_reference, save_reference

    config = model(folder, reference, log)
    end = START + timedelta(days=DAYS)
    store = Store(folder / f"{reference.stem}.duckdb")
    with store.write() as tx:
        frozen = load_reference(tx, config.model, "bench")
    if frozen is None:
        frozen = DuckDBEngine().make_reference(config, folder, None, None, end, "bench")
        with store.write() as tx:
            save_reference(tx, config.model, frozen)
    days = tuple(Window(START + timedelta(days=i), START + timedelta(days=i + 1)) for i in range(DAYS))
    return Plan(config, folder, days, end, frozen.columns)


def job_prepare(folder: Path, reference: Path, log: Path) -> None:
    """Write the files and the reference that the other jobs find; not measured."""
    plan(folder, reference, log)


def job_plain(folder: Path, reference: Path, log: Path) -> None:
    """Count, min, max and sum of every column, with the engine's own settings."""
    del reference
    from aimsight.metrics.engines.connection import connect, run

    del folder
    summed = {*NUMERIC, "score", "prediction", "label"}
    wanted = [
        f'count("{name}"), min("{name}"), max("{name}")' + (f', sum("{name}")' if name in summed else "")
        for name in COLUMNS
    ]
    with connect([log], memory_limit="200MB", threads=2) as connection:
        run(connection, f"SELECT {', '.join(wanted)} FROM read_parquet('{log}')")


def job_profile(folder: Path, reference: Path, log: Path) -> None:
    """One pass of the engine."""
    from aimsight.metrics.engines.duckdb import DuckDBEngine

    rows = sum(part.quality.rows for part in DuckDBEngine().profile(plan(folder, reference, log)).values())
    if rows == 0:
        raise RuntimeError("the profile saw no rows")


def job_exact(folder: Path, reference: Path, log: Path) -> None:
    """The same pass when distances of drift are to be exact."""
    from aimsight.metrics.engines.duckdb import DuckDBEngine

    exact = replace(plan(folder, reference, log), exact_drift=True)
    if not all(part.values for part in DuckDBEngine().profile(exact).values()):
        raise RuntimeError("the profile kept no values")


def job_evidently_drift(folder: Path, reference: Path, log: Path) -> None:
    """Evidently's DataDriftPreset on the features."""
    del folder
    import pandas as pd
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    columns = [*NUMERIC, *TEXT]
    definition = DataDefinition(numerical_columns=list(NUMERIC), categorical_columns=list(TEXT))
    old, new = (
        Dataset.from_pandas(pd.read_parquet(path, columns=columns), data_definition=definition)
        for path in (reference, log)
    )
    Report([DataDriftPreset()]).run(new, old).dict()


def job_evidently_classification(folder: Path, reference: Path, log: Path) -> None:
    """Evidently's ClassificationPreset on labels, predictions and scores."""
    del folder
    import pandas as pd
    from evidently import BinaryClassification, DataDefinition, Dataset, Report
    from evidently.presets import ClassificationPreset

    columns = ["label", "prediction", "score"]
    definition = DataDefinition(
        classification=[
            BinaryClassification(target="label", prediction_labels="prediction", prediction_probas="score")
        ],
        categorical_columns=["label", "prediction"],
        numerical_columns=["score"],
    )
    old, new = (
        Dataset.from_pandas(pd.read_parquet(path, columns=columns), data_definition=definition)
        for path in (reference, log)
    )
    Report([ClassificationPreset()]).run(new, old).dict()


JOBS: dict[str, Callable[[Path, Path, Path], None]] = {
    "prepare": job_prepare,
    "plain scan": job_plain,
    "profile": job_profile,
    "exact profile": job_exact,
    "evidently drift": job_evidently_drift,
    "evidently classification": job_evidently_classification,
}


DRIFT_ONLY: dict[str, Any] = {
    "log": {"timestamp": "timestamp", "prediction": "prediction"},
    "labels": None,
    "protected": [],
    "monitor": {"every": "1mo", "window": "1mo", "start": START.date()},
    "objectives": [],
}
"""What differs in the model of the ``drift`` job."""


def write_project(project: Path, reference: Path, log: Path, changes: dict[str, Any]) -> None:
    """A fresh project folder with the model and these changes of it."""
    shutil.rmtree(project, ignore_errors=True)
    (project / "models").mkdir(parents=True)
    (project / "aimsight.yaml").write_text("organisation: Benchmark\n", encoding="utf-8")
    data = {key: value for key, value in (MODEL | changes).items() if value is not None}
    data |= {"log": data["log"] | {"source": str(log)}, "reference": {"source": str(reference)}}
    # JSON is YAML; dates go in unquoted, as people write them
    text = json.dumps(data, indent=2, default=lambda day: f"<{day}>").replace('"<', "").replace('>"', "")
    (project / "models" / "bench.yaml").write_text(text, encoding="utf-8")


CATALOGUE: dict[str, dict[str, Any]] = {
    "core set, 30 windows": {},
    "statistics, 30 windows": {"metrics": ["performance.*", "fairness.*", "quality.*", "estimated.*", "drift.[!dr]*"]},
    "catalogue, 1 window": {"metrics": ["*"], "monitor": {"every": "1mo", "window": "1mo", "start": START.date()}},
}
"""What differs in the models of the ``catalogue`` section."""


def catalogue(rows: int) -> None:
    """Run the log with more metrics than the core set, beside its plain scan."""
    measure([sys.executable, __file__, "--job", "prepare", "--rows", str(rows)])
    reference, log = ensure(OUTPUT, rows)
    jobs = ("plain scan", "profile", "exact profile")
    found = {name: measure([sys.executable, __file__, "--job", name, "--rows", str(rows)]) for name in jobs}
    for name, changes in CATALOGUE.items():
        found[name], _ = run_once(OUTPUT / f"project-catalogue-{log.stem}", reference, log, changes)
    show(f"{rows:,} rows, more metrics", found)


def run_once(project: Path, reference: Path, log: Path, changes: dict[str, Any]) -> tuple[Measured, Measured]:
    """The run of a model with these changes over the whole log, and the one before it, which froze the reference."""
    write_project(project, reference, log, changes)
    command = over(project)
    before = START - timedelta(days=2 * DAYS)
    freeze = measure([*command, "--from", str(before.date()), "--to", str(START.date())])
    log.touch()  # as a new file, to be hashed in the run that is measured
    return measure([*command, *EVERYTHING]), freeze


def over(project: Path) -> list[str]:
    """The command that runs windows of a project."""
    return [str(Path(sys.executable).with_name("aimsight")), "-C", str(project), "backfill", "bench"]


EVERYTHING = ["--from", str(START.date()), "--to", str((START + timedelta(days=DAYS)).date())]


def whole_runs(folder: Path, reference: Path, log: Path) -> dict[str, Measured]:
    """Freeze the reference by a run of another window, then run everything through the command line, and again."""
    found: dict[str, Measured] = {}
    for name, changes in (("whole run", {}), ("drift", DRIFT_ONLY)):
        project = folder / f"project-{name.replace(' ', '-')}-{log.stem}"
        found[name], freeze = run_once(project, reference, log, changes)
        if name == "whole run":
            found |= {"second run": measure([*over(project), *EVERYTHING]), "freeze the reference": freeze}
    return found


def compare(rows: int, *, evidently: bool) -> None:
    """Run every job for one size and print the table."""
    # this process stays small: a child's peak is at least its parent's size
    measure([sys.executable, __file__, "--job", "prepare", "--rows", str(rows)])
    reference, log = ensure(OUTPUT, rows)
    names = ["plain scan", "profile"]
    if evidently and rows <= EVIDENTLY_ROWS:
        names += ["evidently drift", "evidently classification"]
    found: dict[str, Measured] = {}
    for name in names:
        found[name] = measure([sys.executable, __file__, "--job", name, "--rows", str(rows)])
        if name == "profile":
            found |= whole_runs(OUTPUT, reference, log)
    show(f"{rows:,} rows x {len(COLUMNS)} columns, {log.stat().st_size / 1e6:.0f} MB", found)
    for theirs, our in (("evidently drift", "drift"), ("evidently classification", "whole run")):
        if theirs in found:
            ours, other = found[our], found[theirs]
            print(
                f"{theirs} / {our}: {other.wall / ours.wall:.0f}x the time, {other.cpu / ours.cpu:.0f}x the CPU, "
                f"{other.peak / ours.peak:.1f}x the memory"
            )


def show(title: str, found: dict[str, Measured]) -> None:
    """Print jobs with their ratios to the plain scan."""
    print(f"\n{title}, {os.cpu_count()} processors")
    print(f"{'':26}{'wall s':>9}{'CPU s':>9}{'peak MB':>9}{'x plain':>9}{'CPU x':>9}")
    plain = found["plain scan"]
    for name, job in found.items():
        ratios = f"{job.wall / plain.wall:9.2f}{job.cpu / plain.cpu:9.2f}"
        print(f"{name:26}{job.wall:9.2f}{job.cpu:9.2f}{job.peak:9.0f}{ratios}", flush=True)


def beside(script: str, *arguments: str) -> None:
    """Run another script of this folder; it prints its own table."""
    print(f"\n{script}", flush=True)
    subprocess.run([sys.executable, str(Path(__file__).with_name(script)), *arguments], check=True)


def main() -> None:
    """Read the options; ``--job`` is how this script calls itself."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", help=f"some of: {', '.join(SECTIONS)}; default: all")
    parser.add_argument("--rows", type=int, nargs="*", default=[1_000_000, 10_000_000], help="sizes of the log")
    parser.add_argument("--without-evidently", action="store_true", help="leave out its minutes")
    parser.add_argument("--job", choices=list(JOBS), help=argparse.SUPPRESS)
    parser.add_argument("--long", action="store_true", help="every case of shapes and fairness (half an hour)")
    options = parser.parse_args()
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    if options.job:
        for rows in options.rows:
            JOBS[options.job](OUTPUT, *ensure(OUTPUT, rows))
        return
    sections = options.sections or SECTIONS
    if "log" in sections:
        for rows in options.rows:
            compare(rows, evidently=not options.without_evidently)
    if "catalogue" in sections:
        catalogue(min(options.rows))
    if "shapes" in sections:
        beside("shapes.py", *([] if options.long else ["--few"]))
    if "fairness" in sections:
        beside("fairness.py", *([] if options.long else ["--groups", "5", "50", "200", "--fairlearn-groups", "5"]))


if __name__ == "__main__":
    main()
