"""A small project with a store: one model, fourteen monthly windows, every verdict, made through the real store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import numpy as np
import yaml

from aimsight.metrics.cells import CategoryCells, NumericCells
from aimsight.metrics.plan import ColumnPlan, Reference
from aimsight.metrics.statistics import CellCounts, QualityCounts, SegmentStatistics, Statistics
from aimsight.metrics.values import ALL_ROWS, Cause, Interval, Measurement, Segment, Undefined, Value
from aimsight.store import records
from aimsight.store.database import Store
from aimsight.store.evaluations import Evaluation, save_evaluations
from aimsight.store.measurements import write_measurements
from aimsight.store.references import save_reference
from aimsight.store.runs import RunRecord, claim, claim_attempt, finish, run_key
from aimsight.store.statistics import write_statistics

if TYPE_CHECKING:
    from pathlib import Path

    from aimsight.metrics.values import Result

MODEL = "credit-limit"
NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
WINDOWS = [
    (datetime(2025 + (8 + i) // 12, (8 + i) % 12 + 1, 1, tzinfo=UTC), datetime(2025 + (9 + i) // 12, (9 + i) % 12 + 1, 1, tzinfo=UTC))
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


def write_project(root: Path, names: Names = Names(), *, run: bool = True, record: bool = True, evidence: bool = True) -> Path:  # noqa: B008  # frozen
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
                        "id": one["id"],
                        "statement": one["statement"],
                        "metric": one["metric"],
                        **({"column": one["column"]} if one["metric"].startswith("drift") else {}),
                        **({"over": one["column"]} if one["metric"].startswith("fairness") else {}),
                        "target": one["target"],
                        "tolerance": one["tolerance"],
                        "rationale": "0.86 at validation, less the loss accepted in impact assessment IA-7.",
                        "owner": names.owner,
                        "due": date(2027, 3, 31),
                        "severity": one["severity"],
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


def _objectives(names: Names) -> list[dict[str, object]]:
    return [
        _objective("OBJ-01", names.statement, "performance.roc_auc", "", ">= 0.83", 0.01, "major"),
        _objective("OBJ-02", "Applicants stay as old as at release.", "drift.psi", names.age, "<= 0.1", 0.0, "minor"),
        _objective("OBJ-03", "Both groups get the same chance.", "fairness.demographic_parity_difference", names.group, "<= 0.1", 0.02, "major"),
        _objective("OBJ-04", "Outcomes are known.", "quality.label_coverage", "", ">= 0.95", 0.0, "minor"),
        _objective("OBJ-05", "Few good payers are refused.", "performance.recall", "", ">= 0.6", 0.0, "minor"),
        _objective("OBJ-06", "Precision holds.", "performance.precision", "", ">= 0.7", 0.0, "minor"),
    ]


def _objective(name: str, statement: str, metric: str, column: str, target: str, tolerance: float, severity: str) -> dict[str, object]:
    return {
        "id": name, "statement": statement, "metric": metric, "column": column, "target": target, "tolerance": tolerance,
        "severity": severity,
    }  # fmt: skip


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


def _fill(store: Store, names: Names, objectives: list[dict[str, object]], *, record: bool, evidence: bool) -> None:
    plans, counts = _columns(names, 0.0, 1, 9000)
    reference = Reference("period 2025-01-01..2025-09-01", "f" * 64, plans, (), 0, 0.0, _statistics(counts, 9000), ())
    with store.write() as tx:
        tx_record = records.ModelRecord(MODEL, "3", names.owner, "Suggest a limit.", "high", "binary", "c" * 64, NOW)
        records.register_model(tx, tx_record)
        for one in objectives:
            records.save_objective_version(tx, _version(one, names, 1, WINDOWS[0][0]))
        records.save_objective_version(tx, _version({**objectives[0], "target": ">= 0.83"}, names, 2, WINDOWS[5][0]))
        save_reference(tx, MODEL, reference)
        for place, window in enumerate(WINDOWS):
            _run(store, tx, names, objectives, place, window)
        _attempts(tx)
        if record:
            _record(tx, names, evidence=evidence)


def _version(one: dict[str, object], names: Names, version: int, since: datetime) -> records.ObjectiveVersion:
    return records.ObjectiveVersion(
        MODEL, str(one["id"]), version, str(one["statement"]), str(one["metric"]), str(one["column"]), "", str(one["target"]),
        float(str(one["tolerance"])), False, 30, "0.86 at validation, less the loss accepted in impact assessment IA-7.",
        names.owner, date(2027, 3, 31), str(one["severity"]), 2, 3, "AI policy, 4.2", ("Retrain on the last two years",), None,
        "d" * 64, since,
    )  # fmt: skip


def _key(window: tuple[datetime, datetime]) -> str:
    return run_key(MODEL, "main", *window, "c" * 64, "e" * 64)


def _run(store, tx, names, objectives, place, window) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001  # plumbing
    version = "2" if place < 8 else "3"
    run = claim(
        tx, RunRecord(_key(window), MODEL, version, "main", *window, window[1], window[1], "e" * 64, "c" * 64, "0.1.0")
    )
    shift = max(0.0, (place - 6) / 4)
    n = 1800 + 37 * place
    _, counts = _columns(names, shift, 10 + place, n)
    results = _results(place, shift, n)
    measured = [
        Measurement(str(one["metric"]), 1, results[str(one["id"])], str(one["column"]), q_value=_q(one, place))
        for one in objectives
    ]
    measured += _others(names, place, shift, n)
    write_measurements(tx, run, measured, window[1])
    write_statistics(tx, run.run_id, _statistics(counts, n))
    save_evaluations(tx, [_evaluation(run, one, results[str(one["id"])], place) for one in objectives])
    finish(tx, run.run_id, "success", "", n, window[1])


def _q(one: dict[str, object], place: int) -> float | None:
    return (0.4 if place < 8 else 0.0004) if str(one["metric"]).startswith("drift") else None


def _results(place: int, shift: float, n: int) -> dict[str, Result]:
    wave = 0.006 * np.sin(place)
    last = place == len(WINDOWS) - 1
    return {
        "OBJ-01": _value(0.862 - 0.028 * shift + wave, n, 0.012),
        "OBJ-02": _value(0.02 + 0.045 * shift + abs(wave), n, 0.02, 0.0001),
        "OBJ-03": _value(0.07 + 0.02 * shift + wave, n, 0.045),
        "OBJ-04": _value(0.98 + 0.5 * wave, n, 0.004),
        "OBJ-05": Undefined("labels cover 12 % of rows", n, Cause.AWAITING_LABELS) if last else _value(0.66 + wave, n, 0.02),
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


def _evaluation(run: RunRecord, one: dict[str, object], result: Result, place: int) -> Evaluation:
    known = isinstance(result, Value)
    value, interval, reason = (result.value, result.interval, "") if isinstance(result, Value) else (None, None, result.reason)
    name = str(one["id"])
    return Evaluation(
        run.run_id, MODEL, name, 2 if name == "OBJ-01" and place >= 5 else 1, str(one["column"]), "", run.window_start,
        run.window_end, value, interval.low if interval else None, interval.high if interval else None, result.n,
        str(one["target"]), float(str(one["tolerance"])), VERDICTS[name][place],
        "the interval lies on the right side of the target" if known else reason, run.revision, run.window_end,
    )  # fmt: skip


def _others(names: Names, place: int, shift: float, n: int) -> list[Measurement]:
    found = [
        Measurement("drift.psi", 1, _value(0.01 + 0.08 * shift, n, 0.01, 0.001), names.purpose, q_value=0.3 if place < 7 else 0.001),
        Measurement("drift.psi", 1, _value(0.004, n, 0.004, 0.6), names.group, q_value=0.7),
        Measurement("drift.psi", 1, _value(0.006, n, 0.004, 0.5), "p", q_value=0.6),
        Measurement("quality.rows", 1, Value(float(n), n)),
        Measurement("quality.missing_share", 1, _value(0.01 + 0.02 * shift, n, 0.004), names.age),
        Measurement("quality.missing_share", 1, Undefined("no rows"), names.purpose),
        Measurement("performance.accuracy", 1, _value(0.81, n, 0.02)),
    ]
    for value, level, half in ((names.woman, 0.58, 0.03), (names.man, 0.67, 0.025), ("(missing)", None, 0.0)):
        result: Result = Undefined("fewer than min_group rows: 12 < 30", 12, Cause.TOO_FEW) if level is None else _value(level, n // 2, half)
        found += [Measurement(metric, 1, result, segment=Segment(((names.group, value),))) for metric in ("performance.recall", "performance.selection_rate")]
    found.append(Measurement("performance.selection_rate", 1, _value(0.41, n, 0.02)))
    return found


def _attempts(tx) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001  # plumbing
    window = WINDOWS[6]
    for outcome, reason in (("error", "log.parquet: no such file; was it moved?"), ("missed", "no scheduler was running")):
        run = claim_attempt(tx, RunRecord(_key(window), MODEL, "2", "main", *window, window[1], window[1], "e" * 64, "c" * 64, "0.1.0"))
        finish(tx, run.run_id, outcome, reason, 0, window[1])


def _record(tx, names: Names, *, evidence: bool) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001  # plumbing
    name = "NC-2026-0001"
    records.open_nonconformity(
        tx,
        records.Nonconformity(
            name, f"{MODEL}|OBJ-01|", "objective", "evaluation", "OBJ-01", 2, MODEL, "3", "",
            f"OBJ-01 version 2: {names.statement} Target: performance.roc_auc >= 0.83, tolerance 0.01.",
            "AUC 0.797 (0.785–0.809), n = 2,200: nonconforming in 2 of the last 3 windows.", "major", "detected",
            WINDOWS[11][1], WINDOWS[10][0], WINDOWS[13][1], "aimsight", datetime(2026, 12, 4, tzinfo=UTC), names.owner, None,
            None, "9" * 64,
        ),
    )  # fmt: skip
    for place in (10, 11, 12, 13):
        window = WINDOWS[place]
        records.add_occurrence(
            tx,
            records.Occurrence(name, _key(window), *window, "1" * 64, "2" * 64, 0.8, 0.788, 0.812, ">= 0.83", window[1]),
        )
    if evidence:
        records.save_evidence_file(
            tx, records.EvidenceFile(EVIDENCE, f"{EVIDENCE}.html", name, "evidently report", NOW, 1_234_567)
        )
