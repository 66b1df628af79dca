"""The demo from files to verdicts: stored values against independent computations, twice the same, verifiable."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from aimsight.aims.verdicts import Verdict
from aimsight.configs.load import Project, load_project
from aimsight.metrics.registry import facts
from aimsight.monitors.run import RunSummary, run_due
from aimsight.store.database import Store
from aimsight.store.verify import verify
from aimsight.tests import demo_oracle as oracle
from aimsight.tests.verdict_oracle import assert_follows

DEMO = Path(__file__).resolve().parents[1] / "configs" / "demo"
NOW = datetime(2026, 11, 1, tzinfo=UTC)


def exactly(expected: float) -> Any:  # what approx returns has no public type
    """The same number, as far as floating point goes."""
    return pytest.approx(expected, rel=1e-9, abs=1e-9)


@dataclass(frozen=True)
class Demo:
    """The demo after its first run."""

    project: Project
    store: Store
    summaries: dict[str, RunSummary]

    def values(self, model: str, window_start: datetime) -> dict[tuple[str, str, str], float]:
        """The latest values of a window by (metric, column, segment)."""
        with self.store.read() as reader:
            rows = reader.tuples(
                "SELECT metric, column_name, segment, value FROM measurements "
                "WHERE model = ? AND window_start = ? AND is_latest AND value IS NOT NULL",
                [model, window_start],
            )
        return {(metric, column, segment): value for metric, column, segment, value in rows}

    def verdicts(self, objective: str) -> list[Verdict]:
        """The verdicts of an objective, oldest window first."""
        with self.store.read() as reader:
            rows = reader.tuples(
                "SELECT verdict FROM evaluations WHERE objective = ? AND is_latest ORDER BY window_start", [objective]
            )
        return [Verdict(row[0]) for row in rows]


def prepare(folder: Path) -> tuple[Project, Store]:
    """A copy of the demo's project, and its store."""
    shutil.copytree(DEMO, folder)
    project = load_project(folder, facts())
    checkpoints = tuple(project.root / name for name in project.config.checkpoints)
    return project, Store(project.root / project.config.store, checkpoints=checkpoints)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo, run once."""
    project, store = prepare(tmp_path_factory.mktemp("demo") / "project")
    summaries = run_due(project, store, now=NOW)
    return Demo(project, store, {summary.model: summary for summary in summaries})


def test_every_window_of_both_histories_is_run(demo: Demo) -> None:
    """17 windows of two years and 9 months, all with a result."""
    assert {name: len(summary.runs) for name, summary in demo.summaries.items()} == {"wage-band": 17, "air-time": 9}
    assert {run.outcome for summary in demo.summaries.values() for run in summary.runs} == {"success"}


def test_performance_and_fairness_of_the_wage_band_are_those_of_scikit_learn_and_fairlearn(demo: Demo) -> None:
    """Every window: performance of all rows and of each gender, and every gap over gender."""
    for start, _, rows in oracle.windows(oracle.WAGE_BAND):
        values = demo.values("wage-band", start)
        labelled = oracle.labelled(oracle.WAGE_BAND, rows)
        for name, expected in oracle.binary_performance(labelled).items():
            assert values[f"performance.{name}", "", ""] == exactly(expected), (start, name)
        for group, found in oracle.group_performance(labelled).items():
            for name, expected in found.items():
                key = (f"performance.{name}", "", f"gender={group}")
                assert values[key] == exactly(expected), (start, key)
        for name, expected in oracle.group_fairness(labelled).items():
            assert values[f"fairness.{name}", "gender", ""] == exactly(expected), (start, name)


def test_errors_of_air_time_are_those_of_scikit_learn(demo: Demo) -> None:
    """Every month: MAE, RMSE, R2 and mean error."""
    for start, _, rows in oracle.windows(oracle.AIR_TIME):
        values = demo.values("air-time", start)
        for name, expected in oracle.regression_performance(oracle.labelled(oracle.AIR_TIME, rows)).items():
            assert values[f"performance.{name}", "", ""] == exactly(expected), (start, name)


@pytest.mark.parametrize(("model", "history"), [("wage-band", "WAGE_BAND"), ("air-time", "AIR_TIME")])
def test_quality_is_what_pandas_counts(demo: Demo, model: str, history: str) -> None:
    """Missing shares of every feature, label coverage and rows of every window."""
    facts_of = getattr(oracle, history)
    for start, _, rows in oracle.windows(facts_of):
        values = demo.values(model, start)
        assert values["quality.rows", "", ""] == len(rows)
        assert values["quality.label_coverage", "", ""] == exactly(oracle.label_coverage(rows, facts_of))
        for column, expected in oracle.missing_shares(rows, facts_of).items():
            assert values["quality.missing_share", column, ""] == exactly(expected), (start, column)


@pytest.mark.parametrize(("model", "history"), [("wage-band", "WAGE_BAND"), ("air-time", "AIR_TIME")])
def test_drift_is_what_scipy_finds_within_the_stated_bound(demo: Demo, model: str, history: str) -> None:
    """Jensen-Shannon distance of categories, and Kolmogorov-Smirnov of numbers within its own error bound."""
    facts_of = getattr(oracle, history)
    reference = oracle.reference_rows(facts_of)
    with demo.store.read() as reader:
        bounds = {
            (row[0], row[1]): row[2]
            for row in reader.tuples(
                "SELECT window_start, column_name, error_bound FROM measurements "
                "WHERE model = ? AND metric = 'drift.ks'",
                [model],
            )
        }
    for start, _, rows in oracle.windows(facts_of):
        values = demo.values(model, start)
        for column in facts_of.categories:
            expected = oracle.category_jensen_shannon(reference, rows, column)
            assert values["drift.jensen_shannon_distance", column, ""] == pytest.approx(expected, abs=0.02), column
        for column in facts_of.numeric:
            expected = oracle.exact_ks(reference, rows, column)
            assert abs(values["drift.ks", column, ""] - expected) <= bounds[start, column] + 1e-12, (start, column)


def test_the_verdicts_tell_the_true_story(demo: Demo) -> None:
    """Ranking decays, education drifts away, the bias of summer comes and goes, and an improvement is quiet."""
    assert set(demo.verdicts("WB-03")) == {Verdict.CONFORMING}
    education = demo.verdicts("WB-04")
    assert set(education[:5]) == {Verdict.CONFORMING}
    assert set(education[-3:]) == {Verdict.NONCONFORMING}
    assert Verdict.INSUFFICIENT not in education
    assert Verdict.AT_RISK in demo.verdicts("WB-01")
    assert Verdict.NONCONFORMING in demo.verdicts("WB-01")
    gap = demo.verdicts("WB-05")  # its interval holds between windows, so that some waves alone do not suffice
    assert gap.count(Verdict.NONCONFORMING) >= 5
    assert Verdict.CONFORMING not in gap
    assert demo.verdicts("WB-06").count(Verdict.NONCONFORMING) == 17
    assert set(demo.verdicts("AT-01")) == {Verdict.CONFORMING}
    bias = demo.verdicts("AT-02")
    assert bias[3:6] == [Verdict.NONCONFORMING] * 3
    assert bias[-1] is Verdict.CONFORMING


def test_nonconformities_are_opened_with_their_occurrences(demo: Demo) -> None:
    """One record per failing objective, opened by the second failing window of three, fed by the later ones."""
    with demo.store.read() as reader:
        rows = {row["objective"]: row for row in reader.rows("SELECT * FROM nonconformities")}
    assert {"WB-04", "WB-05", "WB-06", "AT-02", "AT-03"} <= set(rows)
    assert rows["WB-06"]["occurrences"] == 17
    assert rows["AT-02"]["occurrences"] == 3
    assert all(row["state"] == "detected" and len(row["evidence_hash"]) == 64 for row in rows.values())


def test_a_second_run_changes_nothing(demo: Demo) -> None:
    """The same question about the same data is not asked again: no scan, no row, no ledger entry."""
    before = demo.store.path.read_bytes()
    again = run_due(demo.project, demo.store, now=NOW)
    assert [(summary.runs, summary.rows_scanned) for summary in again] == [([], 0), ([], 0)]
    assert sorted(summary.skipped for summary in again) == [9, 17]
    assert demo.store.path.read_bytes() == before


def test_the_store_verifies(demo: Demo) -> None:
    """Chain, rows and checkpoints agree, and every planned window has an outcome."""
    report = verify(demo.store, list(demo.store.checkpoints))
    assert report.intact, report.findings
    assert report.complete, report.gaps
    assert report.anchored == report.entries > 26


def tampered(demo: Demo, folder: Path, statement: str) -> Any:  # the report of verify
    """The report on a copy of the store after somebody changed it by hand."""
    path = folder / "copy.duckdb"
    shutil.copy(demo.store.path, path)
    with duckdb.connect(str(path)) as connection:
        connection.execute(statement)
    return verify(Store(path), list(demo.store.checkpoints))


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(
            "UPDATE ledger SET entry = encode(replace(decode(entry), 'kind', 'kimd')) WHERE seq = 9", id="ledger"
        ),
        pytest.param(
            "UPDATE measurement SET value = value + 1e-9 "
            "WHERE rowid = (SELECT min(rowid) FROM measurement WHERE metric = 'performance.roc_auc')",
            id="measurement",
        ),
        pytest.param("UPDATE evaluation SET verdict = 'conforming' WHERE verdict = 'nonconforming'", id="verdict"),
        pytest.param("DELETE FROM nonconformity WHERE objective = 'WB-06'", id="nonconformity"),
    ],
)
def test_tampering_is_found_and_named(demo: Demo, tmp_path: Path, statement: str) -> None:
    """A changed byte of the ledger, a value, a verdict or a record fails, and the first bad entry is named."""
    report = tampered(demo, tmp_path, statement)
    assert not report.intact
    assert report.first_bad_seq is not None


def test_every_verdict_and_nonconformity_of_the_demo_follows_from_its_measurements(demo: Demo) -> None:
    """By the written rules alone, from the stored measurements and the YAML."""
    with demo.store.read() as reader:
        for file in sorted((DEMO / "models").glob("*.yaml")):
            assert_follows(reader, yaml.safe_load(file.read_text(encoding="utf-8")), NOW)
