"""What the commands read from the store, over its public views."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from aimsight.aims.nonconformities import is_open
from aimsight.aims.verdicts import Verdict
from aimsight.configs.errors import NotFoundError
from aimsight.configs.schema import ModelConfig, ObjectiveConfig
from aimsight.metrics.plan import Window
from aimsight.store.database import Store

_CHAIN = "model, objective, column_name, segment"
"""What verdicts of one objective have in common."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an objective stands: its latest evaluation and the verdicts that led there, oldest first.

    One that is declared and that nobody has approved yet is not in force.
    """

    model: str
    objective: str
    where: str
    statement: str
    metric: str
    target: str
    window: Window | None
    value: float | None
    ci_low: float | None
    ci_high: float | None
    n: int
    verdict: Verdict
    reason: str
    history: tuple[Verdict, ...]
    in_force: bool = True


def standings(store: Store, models: Iterable[ModelConfig]) -> list[Standing]:
    """Every objective of the models with its latest verdict, in the order of the configuration.

    An objective that was never evaluated is *not measured*; one that the configuration no longer has is left out.
    """
    rows = _rows(
        store,
        f"WITH latest AS (FROM evaluations WHERE is_latest), last AS (SELECT {_CHAIN}, "
        "statement, metric, target, window_start, window_end, value, ci_low, ci_high, n, verdict, reason FROM latest "
        f"QUALIFY row_number() OVER (PARTITION BY {_CHAIN} ORDER BY window_end DESC, window_start DESC) = 1) "
        "FROM last JOIN (SELECT "
        f"{_CHAIN}, list(verdict ORDER BY window_end, window_start) AS history FROM latest GROUP BY {_CHAIN}) "
        f"USING ({_CHAIN}) ORDER BY {_CHAIN}",
    )
    kept: dict[tuple[str, str], list[Standing]] = defaultdict(list)
    for row in rows:
        kept[row["model"], row["objective"]].append(_standing(row))
    return [
        standing
        for model in models
        for objective in model.objectives
        for standing in kept.get((model.model, objective.id)) or [_never_measured(model.model, objective)]
    ]


def nonconformities(store: Store, models: Collection[str]) -> list[dict[str, Any]]:
    """The nonconformities of the models and of no model, open ones first, then by number."""
    rows = _rows(store, "SELECT * FROM nonconformities ORDER BY nonconformity")
    mine = [row for row in rows if row["model"] in models or not row["model"]]
    return sorted(mine, key=lambda row: not is_open(row["state"]))


def occurrences(store: Store, nonconformity: str) -> list[dict[str, Any]]:
    """The failing windows of one nonconformity, oldest first."""
    return _rows(
        store,
        "SELECT run_id, window_start, window_end, value, ci_low, ci_high, target FROM occurrence "
        "WHERE nonconformity = ? ORDER BY window_start, run_id",
        nonconformity,
    )


def evidence_files(store: Store, nonconformity: str) -> list[dict[str, Any]]:
    """The evidence files of one nonconformity."""
    return _rows(
        store,
        "SELECT kind, path, sha256, bytes, created_at FROM evidence_file WHERE nonconformity = ? ORDER BY created_at",
        nonconformity,
    )


def last_runs(store: Store) -> dict[str, dict[str, Any]]:
    """The last run of the latest window of each model."""
    rows = _rows(
        store,
        "SELECT model, window_start, window_end, outcome, reason, finished_at, rows_scanned FROM runs "
        "QUALIFY row_number() OVER (PARTITION BY model ORDER BY window_end DESC, revision DESC) = 1",
    )
    return {row["model"]: row for row in rows}


def undelivered(store: Store) -> int:
    """Notices that have not reached their route: waiting, or given up."""
    rows = _rows(store, "SELECT count(*) AS notices FROM outbox WHERE state <> 'delivered'")
    return int(rows[0]["notices"]) if rows else 0


def _rows(store: Store, sql: str, *params: object) -> list[dict[str, Any]]:
    if not store.path.exists():
        return []
    with store.read() as reader:
        return reader.rows(sql, params)


def _standing(last: dict[str, Any]) -> Standing:
    return Standing(
        model=last["model"],
        objective=last["objective"],
        where=" ".join(part for part in (last["column_name"], last["segment"]) if part),
        statement=last["statement"] or "",
        metric=last["metric"] or "",
        target=last["target"],
        window=Window(last["window_start"], last["window_end"]),
        value=last["value"],
        ci_low=last["ci_low"],
        ci_high=last["ci_high"],
        n=last["n"] or 0,
        verdict=Verdict(last["verdict"]),
        reason=last["reason"] or "",
        history=tuple(map(Verdict, last["history"])),
    )


def _never_measured(model: str, objective: ObjectiveConfig) -> Standing:
    return Standing(
        model=model,
        objective=objective.id,
        where=" ".join(part for part in (objective.column or objective.group, objective.segment or "") if part),
        statement=objective.statement,
        metric=objective.metric,
        target=objective.target,
        window=None,
        value=None,
        ci_low=None,
        ci_high=None,
        n=0,
        verdict=Verdict.NOT_MEASURED,
        reason="no run has measured it yet",
        history=(),
    )


def known_nonconformity(store: Store, name: str, models: Collection[str]) -> dict[str, Any]:
    """One nonconformity by its id.

    Raises
    ------
    NotFoundError
        There is none of that id.
    """
    every = nonconformities(store, models)
    for row in every:
        if row["nonconformity"] == name:
            return row
    raise NotFoundError.named("nonconformity", name, [row["nonconformity"] for row in every])
