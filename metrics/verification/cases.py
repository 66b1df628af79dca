"""The logs with known answers, measured as a run measures: the engine counts, the metrics compute."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any

import numpy as np

from aimsight.metrics.plan import Plan, Window

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from numpy.typing import NDArray

    from aimsight.metrics.samples import SamplePair
    from aimsight.metrics.schema import Schema
    from aimsight.metrics.values import Measurement

REFERENCE = Window(datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 2, 2, tzinfo=UTC))
WINDOW = Window(datetime(2026, 2, 2, tzinfo=UTC), datetime(2026, 2, 9, tzinfo=UTC))
AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
MIN_GROUP = 20
MEMORY, THREADS = "200MB", 1


@dataclass(frozen=True, slots=True)
class Case:
    """One log: its file, its task, and what its configuration says beyond the common part."""

    name: str
    task: str
    log: dict[str, Any]
    more: dict[str, Any]


CASES = {
    case.name: case
    for case in (
        Case("binary", "binary", {"prediction": "yes", "score": "p"}, {"drift": "exact"}),
        Case(
            "multiclass", "multiclass", {"prediction": "kind", "scores": {"a": "p_a", "b": "p_b", "c": "p_c"}}, {}
        ),
        Case("regression", "regression", {"prediction": "guess", "interval": ["low", "high"]}, {}),
        *(
            Case(name, "regression", {"prediction": "guess"}, {"features": {"region": "category"}, "protected": []})
            for name in ("losses", "ratios")
        ),
    )
}  # fmt: skip
"""Drift distances come from all values in the first case and from cells in the others."""


def measured(name: str, metrics: Collection[str]) -> list[Measurement]:
    """What these metrics give in the window of a case."""
    from aimsight.configs.schema import ModelConfig
    from aimsight.metrics.engines.duckdb import DuckDBEngine
    from aimsight.metrics.kinds.scope import DriftOptions
    from aimsight.metrics.measure import measure

    case = CASES[name]
    with as_file(files(__package__) / f"{name}.csv") as path:
        model = ModelConfig.model_validate(_configuration(case, path))
        engine = DuckDBEngine(memory_limit=MEMORY, threads=THREADS)
        own = tuple(_days(REFERENCE))
        reference = engine.make_reference(model, path.parent, own, REFERENCE, AS_OF, name)
        plan = Plan(
            model=model,
            root=path.parent,
            windows=(WINDOW,),
            as_of=AS_OF,
            columns=reference.columns,
            classes=reference.classes,
            error_exponent=reference.error_exponent,
            label_center=reference.label_center,
            exact_drift=model.drift == "exact",
            loss_tree=reference.loss_tree,
        )
        statistics = replace(engine.profile(plan)[WINDOW], schema=_schema(path, changed=True))
        reference = replace(reference, statistics=replace(reference.statistics, schema=_schema(path, changed=False)))
        return measure(
            plan,
            statistics,
            reference,
            selected=list(metrics),
            min_group=MIN_GROUP,
            window=WINDOW,
            drift=DriftOptions(samples=lambda: _samples(path)),
        )


def _configuration(case: Case, path: Path) -> dict[str, Any]:
    return {
        "model": case.name,
        "version": "1",
        "owner": "aimsight",
        "intended_use": "Verification of metrics.",
        "risk": "minimal",
        "task": case.task,
        "log": {"source": path.name, "id": "id", "timestamp": "at", **case.log},
        "labels": {"label": "y", "arrived_at": "known_at"},
        "features": {
            "age": {"kind": "numeric", "range": [18, 75], "importance": 3.0},
            "income": {"kind": "numeric", "importance": 1.0},
            "region": {"kind": "category", "values": ["north", "south", "east"], "importance": 1.0},
        },
        "protected": ["gender"],
        "reference": {"period": [date(2026, 1, 5), date(2026, 2, 2)]},
        "monitor": {"every": "1w", "window": "1w"},
        **case.more,
    }


def _schema(path: Path, *, changed: bool) -> Schema:
    """The columns of the file; changed: with another one, and one that is called otherwise."""
    from aimsight.metrics.schema import Schema

    with path.open(encoding="utf-8", newline="") as file:
        names = next(csv.reader(file))
    renamed = [*("area" if name == "region" else name for name in names), "channel"] if changed else names
    return Schema.of([(name, "VARCHAR") for name in renamed], guessed=True)


def _days(period: Window) -> list[Window]:
    day = (period.end - period.start) / 28
    return [Window(period.start + i * day, period.start + (i + 1) * day) for i in range(28)]


def _samples(path: Path) -> SamplePair:
    """All rows of reference and window, by feature: what a sample of so few rows is."""
    from aimsight.metrics.samples import SamplePair

    with path.open(encoding="utf-8", newline="") as file:
        first: dict[str, dict[str, str]] = {}
        for row in csv.DictReader(file):
            first.setdefault(row["id"], row)
    rows = list(first.values())
    early = [row for row in rows if datetime.fromisoformat(row["at"]) < REFERENCE.end]
    late = [row for row in rows if datetime.fromisoformat(row["at"]) >= REFERENCE.end]
    kinds = {"age": "numeric", "income": "numeric", "region": "category"}
    labelled = np.array([row["y"] != "" for row in late])
    return SamplePair(_columns(early, kinds), _columns(late, kinds), kinds, labelled=labelled)


def _columns(rows: list[dict[str, str]], kinds: dict[str, str]) -> dict[str, NDArray[Any]]:
    return {
        name: np.array([float(row[name] or "nan") for row in rows])
        if kind == "numeric"
        else np.array([row[name] or None for row in rows], dtype=object)
        for name, kind in kinds.items()
    }
