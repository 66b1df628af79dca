"""`aimsight plan`, what `check` says of it, and `aimsight metrics verify`, on a small project."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from aimsight.aims.planning.record import stored_plans
from aimsight.store.database import Store

PERSON = "people: [{id: ops@example.org, name: Ada, roles: [engineer]}]\n"


def plans_of(folder: Path) -> list[Any]:
    """The plans on record."""
    with Store(folder / "store" / "aimsight.duckdb").read() as reader:
        return stored_plans(reader)


def test_a_plan_before_the_first_run_reads_the_log(project: Path, call: Any) -> None:
    """Before anything is frozen or promised: the reference is made in memory, and nothing is written."""
    said = call("-C", project, "--json", "plan")
    (model,) = json.loads(said.out)
    assert said.code == 0
    assert model["is_frozen"] is False
    assert [one["objective"] for one in model["objectives"]] == ["CH-01", "CH-02"]
    assert model["volume"]["rows"] > 0
    assert not (project / "store").exists()


def test_chunks_end_as_often_as_there_are_chunks(project: Path, call: Any) -> None:
    """A closed history of 151 days in 10 parts has 24 of them a year, though every day they are looked for."""
    path = project / "models" / "churn.yaml"
    (monitor,) = [line for line in path.read_text().splitlines() if line.startswith("monitor:")]
    chunks = "monitor: {every: 1d, window: 10 chunks, start: 2026-01-01, end: 2026-06-01}"
    path.write_text(path.read_text().replace(monitor, chunks))
    said = call("-C", project, "--json", "plan", "--rows", "200")
    (model,) = json.loads(said.out)
    assert model["volume"]["hours"] == pytest.approx(151 * 24 / 10)
    assert model["volume"]["windows_a_year"] == pytest.approx(365.25 * 10 / 151)


def test_chunks_without_a_start_are_planned_once_they_have_been_run(project: Path, call: Any) -> None:
    """With a reference in a file of its own the first window alone says when they begin: what helps is said."""
    path, history = project / "models" / "churn.yaml", project / "history.parquet"
    shutil.copy(project / "log.parquet", history)
    lines = path.read_text().splitlines()
    replaced = {
        "reference:": "reference: {source: history.parquet}",
        "monitor:": "monitor: {every: 1d, window: 5 chunks, end: 2026-06-01}",
    }
    path.write_text("\n".join(replaced.get(line.split(" ")[0], line) for line in lines))
    said = call("-C", project, "plan", "churn")
    assert said.code == 1
    assert 'it is not known how long "5 chunks" are; run it first (aimsight run churn)' in " ".join(said.err.split())
    assert call("-C", project, "run").code in {0, 3}
    (model,) = json.loads(call("-C", project, "--json", "plan").out)
    assert model["volume"]["hours"] == pytest.approx(151 * 24 / 5, rel=0.01)
    assert model["volume"]["rows"] == 300


def test_a_plan_is_kept_for_the_dashboard(after_run: Path, call: Any) -> None:
    """The plan names its volume, fits 100 columns and is on record once, however often it is asked for."""
    said = call("-C", after_run, "plan", "churn")
    assert said.code == 0
    assert "300 rows (as in the last 4 windows)" in " ".join(said.out.split())
    assert "Found as asked: CH-01" in said.out
    call("-C", after_run, "plan")
    (stored,) = plans_of(after_run)
    assert [one.objective for one in stored.plans] == ["CH-01", "CH-02"]


def test_a_plan_for_other_rows_is_not_kept(after_run: Path, call: Any) -> None:
    """What would be at another volume is no plan of this monitor."""
    said = call("-C", after_run, "--json", "plan", "--rows", "40")
    (model,) = json.loads(said.out)
    assert model["volume"]["rows"] == 40
    assert model["volume"]["known_from"] == "as asked"
    assert plans_of(after_run) == []


def test_the_table_fits_a_hundred_columns(after_run: Path, call: Any, monkeypatch: Any) -> None:
    """Numbers stand in a table that a wide terminal shows unbroken."""
    monkeypatch.setenv("COLUMNS", "100")
    said = call("-C", after_run, "plan")
    table = said.out.partition("CH-01: ")[0]
    assert "Falsely a year" in table
    assert max(map(len, table.splitlines())) <= 100


def test_check_says_which_objective_cannot_be_judged(after_run: Path, call: Any) -> None:
    """An objective that wants more rows than a window has is told before it is relied on."""
    path = after_run / "models" / "churn.yaml"
    path.write_text(path.read_text().replace('target: ">= 0.3"', 'target: ">= 0.3"\n    min_rows: 5000'))
    said = call("-C", after_run, "check")
    assert said.code == 0
    text = " ".join(said.out.split())
    assert "CH-02: at 300 rows a window most windows would give no verdict" in text
    assert "aimsight plan" in text
    data = json.loads(call("-C", after_run, "--json", "check").out)
    assert list(data["cannot_be_judged"]["churn"]) == ["CH-02"]


def test_metrics_are_verified_and_put_on_record(after_run: Path, call: Any) -> None:
    """Every metric gives its known answers; the record says by whom, and `status` when again."""
    settings = after_run / "aimsight.yaml"
    settings.write_text(settings.read_text() + PERSON)
    before = call("-C", after_run, "status")
    assert "not verified in this installation; due now" in " ".join(before.out.split())
    said = call("-C", after_run, "--json", "metrics", "verify", "--due", "2999-12-31")
    found = json.loads(said.out)
    assert said.code == 0, [one for one in found["metrics"] if not one["passed"]]
    assert (found["recorded"], found["next_due"]) == (True, "2999-12-31")
    after = " ".join(call("-C", after_run, "status").out.split())
    assert "by ops@example.org; due again on 31 Dec 2999" in after


def test_a_wrong_day_is_a_mistake_of_the_caller(after_run: Path, call: Any) -> None:
    """Exit code 2 and the form that a day has."""
    said = call("-C", after_run, "metrics", "verify", "--no-record", "--due", "soon")
    assert said.code == 2
    assert "YYYY-MM-DD" in said.err
