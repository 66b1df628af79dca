"""A small project with a store: one model, fourteen monthly windows, every verdict, made through the real store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Literal

import numpy as np
import yaml

from aimsight.metrics.cells import CategoryCells, NumericCells
from aimsight.metrics.plan import ColumnPlan, Reference
from aimsight.metrics.statistics import CellCounts, QualityCounts, SegmentStatistics, Statistics
from aimsight.metrics.values import ALL_ROWS, Cause, Interval, Measurement, Segment, Undefined, Value
from aimsight.store import records
from aimsight.store.database import Store, Transaction
from aimsight.store.evaluations import Evaluation, save_evaluations
from aimsight.store.measurements import write_measurements
from aimsight.store.references import save_reference
from aimsight.store.runs import Outcome, RunRecord, claim, claim_attempt, finish, run_key
from aimsight.store.statistics import write_statistics

if TYPE_CHECKING:
    from pathlib import Path

    from aimsight.metrics.values import Result

Window = tuple[datetime, datetime]

MODEL = "credit-limit"
PARITY = "fairness.demographic_parity_difference"
NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
WINDOWS = [
    (
        datetime(2025 + (8 + i) // 12, (8 + i) % 12 + 1, 1, tzinfo=UTC),
        datetime(2025 + (9 + i) // 12, (9 + i) % 12 + 1, 1, tzinfo=UTC),
    )
    for i in range(14)
]
EVIDENCE = "ab" * 32


@dataclass(frozen=True)
class Names:
    """The names that come from somebody's data."""

    age: str = "age"
    purpose: str = "purpose"
    category: str = "car"
    group: str = "gender"
    woman: str = "F"
    man: str = "M"
    statement: str = "Ranking stays as good as at release."
    owner: str = "risk@example.org"
    organisation: str = "Example Bank"


HOSTILE = Names(
    age="![x](http://evil.example/?a)",
    purpose="<script>alert(1)</script>\"'; DROP TABLE run; --",
    category='=HYPERLINK("http://evil.example")',
    group=":red[gender] $\\alpha$ a.b['c']",
    woman="F & age=65+ [x](javascript:alert(1))",
    man="M\u202e\u0007",
    statement="# Ranking **stays** :material/bug_report: http://evil.example/x www.evil.example",
    owner="![o](http://evil.example/o.png)",
    organisation="Bank `x` <b>bold</b> -> http://evil.example",
)
"""Names with Markdown, HTML, formulas, addresses and control characters."""


def write_project(
    root: Path, names: Names = Names(), *, run: bool = True, record: bool = True, evidence: bool = True
) -> Path:  # frozen
    """Write the configuration and, unless told otherwise, a store with runs and a nonconformity."""
    (root / "models").mkdir(parents=True)
    (root / "aimsight.yaml").write_text(
        yaml.safe_dump({"organisation": names.organisation, "time_zone": "Europe/Vienna"}, allow_unicode=True)
    )
    objectives = _objectives(names)
    (root / "models" / f"{MODEL}.yaml").write_text(
        yaml.safe_dump(
            {
                "model": MODEL,
                "version": "3",
                "owner": names.owner,
                "intended_use": "Suggest a limit to an officer, who decides.",
                "risk": "high",
                "task": "binary",
                "log": {"source": "log.parquet", "id": "id", "timestamp": "at", "prediction": "yes", "score": "p"},
                "labels": {"source": "labels.parquet", "label": "paid", "delay": "30d"},
                "features": {names.age: "numeric", names.purpose: "category", names.group: "category"},
                "protected": [names.group],
                "reference": {"period": [date(2025, 1, 1), date(2025, 9, 1)]},
                "monitor": {"every": "1mo", "window": "1mo"},
                "objectives": [
                    {
                        "id": one.id,
                        "statement": one.statement,
                        "metric": one.metric,
                        **({"column": one.column} if one.metric.startswith("drift") else {}),
                        **({"over": one.column} if one.metric.startswith("fairness") else {}),
                        "target": one.target,
                        "tolerance": one.tolerance,
                        "rationale": "0.86 at validation, less the loss accepted in impact assessment IA-7.",
                        "owner": names.owner,
                        "due": date(2027, 3, 31),
                        "severity": one.severity,
                    }
                    for one in objectives
                ],
            },
            allow_unicode=True,
        )
    )
    if run:
        _fill(Store(root / "store" / "aimsight.duckdb"), names, objectives, record=record, evidence=evidence)
    return root


@dataclass(frozen=True)
class Goal:
    """What differs between the objectives."""

    id: str
    statement: str
    metric: str
    column: str
    target: str
    tolerance: float
    severity: Literal["minor", "major"]


def _objectives(names: Names) -> list[Goal]:
    return [
        Goal("OBJ-01", names.statement, "performance.roc_auc", "", ">= 0.83", 0.01, "major"),
        Goal("OBJ-02", "Applicants stay as old as at release.", "drift.psi", names.age, "<= 0.1", 0.0, "minor"),
        Goal("OBJ-03", "Both groups get the same.", PARITY, names.group, "<= 0.1", 0.02, "major"),
        Goal("OBJ-04", "Outcomes are known.", "quality.label_coverage", "", ">= 0.95", 0.0, "minor"),
        Goal("OBJ-05", "Few good payers are refused.", "performance.recall", "", ">= 0.6", 0.0, "minor"),
        Goal("OBJ-06", "Precision holds.", "performance.precision", "", ">= 0.7", 0.0, "minor"),
    ]


def _value(value: float, n: int, half: float, p: float | None = None) -> Value:
    return Value(value, n, Interval(value - half, value + half, "test"), 0.0, p)


def _columns(names: Names, shift: float, seed: int, n: int) -> tuple[tuple[ColumnPlan, ...], dict[str, CellCounts]]:
    random = np.random.default_rng(seed)
    age_cells, score_cells = NumericCells.spanning(18.0, 80.0), NumericCells.spanning(0.0, 1.0)
    purposes = CategoryCells((names.category, "furniture", "education", "repairs"))
    groups = CategoryCells((names.woman, names.man))
    ages = np.round(random.gamma(9.0, 4.2 + shift, n) + 14.0)
    ages[random.random(n) < 0.01 + 0.02 * shift] = np.nan
    scores = random.beta(2.0, 3.0 - 0.1 * shift, n)
    plans = (
        ColumnPlan(names.age, "feature", age_cells, 51.0, 12.0),
        ColumnPlan(names.purpose, "feature", purposes),
        ColumnPlan(names.group, "feature", groups),
        ColumnPlan("p", "score", score_cells, 0.4, 0.2),
    )
    chances = np.array([0.42, 0.3, 0.18, 0.08, 0.01, 0.01]) + shift * np.array([-0.12, 0.05, 0.05, 0.0, 0.0, 0.02])
    counts = {
        names.age: CellCounts(np.bincount(age_cells.index(ages), minlength=age_cells.size + 2)),
        names.purpose: CellCounts(random.multinomial(n, chances / chances.sum())),
        names.group: CellCounts(random.multinomial(n, [0.45, 0.54, 0.01, 0.0])),
        "p": CellCounts(np.bincount(score_cells.index(scores), minlength=score_cells.size + 2)),
    }
    return plans, counts


def _statistics(counts: dict[str, CellCounts], n: int) -> Statistics:
    return Statistics(QualityCounts(n), counts, {ALL_ROWS: SegmentStatistics(n, n)})


def _fill(store: Store, names: Names, objectives: list[Goal], *, record: bool, evidence: bool) -> None:
    plans, counts = _columns(names, 0.0, 1, 9000)
    reference = Reference("period 2025-01-01..2025-09-01", "f" * 64, plans, (), 0, 0.0, _statistics(counts, 9000), ())
    with store.write() as tx:
        tx_record = records.ModelRecord(MODEL, "3", names.owner, "Suggest a limit.", "high", "binary", "c" * 64, NOW)
        records.register_model(tx, tx_record)
        for one in objectives:
            records.save_objective_version(tx, _version(one, names, 1, WINDOWS[0][0]))
        records.save_objective_version(tx, _version(objectives[0], names, 2, WINDOWS[5][0]))
        save_reference(tx, MODEL, reference)
        for place, window in enumerate(WINDOWS):
            _run(tx, names, objectives, place, window)
        _attempts(tx)
        if record:
            _record(tx, names, evidence=evidence)


def _version(one: Goal, names: Names, version: int, since: datetime) -> records.ObjectiveVersion:
    return records.ObjectiveVersion(
        model=MODEL,
        objective=one.id,
        version=version,
        statement=one.statement,
        metric=one.metric,
        column_name=one.column,
        segment="",
        target=one.target,
        tolerance=one.tolerance,
        zero_tolerance=False,
        min_rows=30,
        rationale="0.86 at validation, less the loss accepted in impact assessment IA-7.",
        owner=names.owner,
        due=date(2027, 3, 31),
        severity=one.severity,
        opens_failures=2,
        opens_of=3,
        policy_ref="AI policy, 4.2",
        actions=("Retrain on the last two years",),
        resources=None,
        content_hash="d" * 64,
        effective_from=since,
    )


def _record_of(window: Window, version: str) -> RunRecord:
    key = run_key(MODEL, "main", *window, "c" * 64, "e" * 64)
    start, end = window
    return RunRecord(key, MODEL, version, "main", start, end, end, end, "e" * 64, "c" * 64, "0.1.0")


def _run(tx: Transaction, names: Names, objectives: list[Goal], place: int, window: Window) -> None:
    run = claim(tx, _record_of(window, "2" if place < 8 else "3"))
    assert run is not None
    shift = max(0.0, (place - 6) / 4)
    n = 1800 + 37 * place
    _, counts = _columns(names, shift, 10 + place, n)
    results = _results(place, shift, n)
    measured = [Measurement(one.metric, 1, results[one.id], one.column, q_value=_q(one, place)) for one in objectives]
    measured += _others(names, place, shift, n)
    write_measurements(tx, run, measured, window[1])
    write_statistics(tx, run.run_id, _statistics(counts, n))
    save_evaluations(tx, [_evaluation(run, one, results[one.id], place) for one in objectives])
    finish(tx, run.run_id, "success", "", n, window[1])


def _q(one: Goal, place: int) -> float | None:
    return (0.4 if place < 8 else 0.0004) if one.metric.startswith("drift") else None


def _results(place: int, shift: float, n: int) -> dict[str, Result]:
    wave = 0.006 * np.sin(place)
    last = place == len(WINDOWS) - 1
    return {
        "OBJ-01": _value(0.862 - 0.028 * shift + wave, n, 0.012),
        "OBJ-02": _value(0.02 + 0.045 * shift + abs(wave), n, 0.02, 0.0001),
        "OBJ-03": _value(0.07 + 0.02 * shift + wave, n, 0.045),
        "OBJ-04": _value(0.98 + 0.5 * wave, n, 0.004),
        "OBJ-05": Undefined("labels cover 12 % of rows", n, Cause.AWAITING_LABELS)
        if last
        else _value(0.66 + wave, n, 0.02),
        "OBJ-06": Undefined("fewer than 30 rows: 12 < 30", 12, Cause.TOO_FEW) if last else _value(0.74 + wave, n, 0.02),
    }


VERDICTS = {
    "OBJ-01": ["conforming"] * 9 + ["at risk"] + ["nonconforming"] * 4,
    "OBJ-02": ["conforming"] * 12 + ["at risk"] * 2,
    "OBJ-03": ["conforming"] * 6 + ["not measured"] + ["conforming"] * 5 + ["at risk", "conforming"],
    "OBJ-04": ["conforming"] * 14,
    "OBJ-05": ["conforming"] * 13 + ["awaiting labels"],
    "OBJ-06": ["conforming"] * 13 + ["insufficient evidence"],
}


def _evaluation(run: RunRecord, one: Goal, result: Result, place: int) -> Evaluation:
    known = isinstance(result, Value)
    value, interval, reason = (
        (result.value, result.interval, "") if isinstance(result, Value) else (None, None, result.reason)
    )
    name = one.id
    return Evaluation(
        run.run_id, MODEL, name, 2 if name == "OBJ-01" and place >= 5 else 1, one.column, "", run.window_start,
        run.window_end, value, interval.low if interval else None, interval.high if interval else None, result.n,
        one.target, one.tolerance, VERDICTS[name][place],
        "the interval lies on the right side of the target" if known else reason, run.revision, run.window_end,
    )  # fmt: skip


def _others(names: Names, place: int, shift: float, n: int) -> list[Measurement]:
    found = [
        Measurement(
            "drift.psi",
            1,
            _value(0.01 + 0.08 * shift, n, 0.01, 0.001),
            names.purpose,
            q_value=0.3 if place < 7 else 0.001,
        ),
        Measurement("drift.psi", 1, _value(0.004, n, 0.004, 0.6), names.group, q_value=0.7),
        Measurement("drift.psi", 1, _value(0.006, n, 0.004, 0.5), "p", q_value=0.6),
        Measurement("quality.rows", 1, Value(float(n), n)),
        Measurement("quality.missing_share", 1, _value(0.01 + 0.02 * shift, n, 0.004), names.age),
        Measurement("quality.missing_share", 1, Undefined("no rows"), names.purpose),
        Measurement("performance.accuracy", 1, _value(0.81, n, 0.02)),
    ]
    for value, level, half in ((names.woman, 0.58, 0.03), (names.man, 0.67, 0.025), ("(missing)", None, 0.0)):
        result: Result = (
            Undefined("12 of the 30 rows that a group needs (min_group)", 12, Cause.TOO_FEW)
            if level is None
            else _value(level, n // 2, half)
        )
        found += [
            Measurement(metric, 1, result, segment=Segment(((names.group, value),)))
            for metric in ("performance.recall", "performance.selection_rate")
        ]
    found.append(Measurement("performance.selection_rate", 1, _value(0.41, n, 0.02)))
    return found


def _attempts(tx: Transaction) -> None:
    window = WINDOWS[6]
    outcomes: tuple[tuple[Outcome, str], ...] = (
        ("error", "log.parquet: no such file; was it moved?"),
        ("abandoned", "no scheduler was running"),
    )
    for outcome, reason in outcomes:
        run = claim_attempt(tx, _record_of(window, "2"))
        finish(tx, run.run_id, outcome, reason, 0, window[1])


def _record(tx: Transaction, names: Names, *, evidence: bool) -> None:
    name = "NC-2026-0001"
    requirement = f"OBJ-01 version 2: {names.statement} Target: performance.roc_auc >= 0.83, tolerance 0.01."
    records.open_nonconformity(
        tx,
        records.Nonconformity(
            nonconformity=name,
            dedupe_key=f"{MODEL}|OBJ-01|",
            kind="objective",
            source="evaluation",
            objective="OBJ-01",
            objective_version=2,
            model=MODEL,
            model_version="3",
            segment="",
            requirement=requirement,
            statement="AUC 0.797 (0.785–0.809), n = 2,200: nonconforming in 2 of the last 3 windows.",
            severity="major",
            state="detected",
            opened_at=WINDOWS[11][1],
            occurred_from=WINDOWS[10][0],
            occurred_to=WINDOWS[13][1],
            detected_by="aimsight",
            due_at=datetime(2026, 12, 4, tzinfo=UTC),
            owner=names.owner,
            recurrence_of=None,
            closed_at=None,
            evidence_hash="9" * 64,
        ),
    )
    for place in (10, 11, 12, 13):
        window = WINDOWS[place]
        records.add_occurrence(
            tx,
            records.Occurrence(
                name,
                _record_of(window, "3").run_id,
                *window,
                "1" * 64,
                "2" * 64,
                0.8,
                0.788,
                0.812,
                ">= 0.83",
                window[1],
            ),
        )
    if evidence:
        records.save_evidence_file(
            tx, records.EvidenceFile(EVIDENCE, f"{EVIDENCE}.html", name, "evidently report", NOW, 1_234_567)
        )
