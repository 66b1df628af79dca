"""What the pages ask the store: each question one short read, answered with plain values.

Every function takes a reader of ``aimsight.store.database`` and leaves nothing open. Nothing here writes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from aimsight.aims.nonconformities import is_open as is_open_state
from aimsight.aims.verdicts import Verdict
from aimsight.store.verify import VERIFIED

if TYPE_CHECKING:
    from aimsight.store.database import Reader

RECENT = 12
"""Windows in the strip beside an objective."""

JUDGED = (Verdict.CONFORMING, Verdict.AT_RISK, Verdict.NONCONFORMING)
"""The verdicts that rest on a value; the others say why there is none."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class BackTest:
    """Windows in which labels showed what had been estimated: mean error, and how many intervals held the value."""

    windows: int
    bias: float | None
    covered: int


@dataclass(frozen=True, slots=True)
class ObjectiveState:
    """An objective's version in force, its latest judgement, and how long that has lasted.

    ``since`` is the first window of the unbroken series of windows with the latest verdict. ``recent`` holds the last
    windows, oldest first; ``before`` is the last verdict that rested on a value, where the latest does not. An
    objective without any evaluation is not measured.
    """

    model: str
    objective: str
    version: int
    statement: str
    metric: str
    column: str
    segment: str
    target: str
    tolerance: float
    zero_tolerance: bool
    min_rows: int
    rationale: str
    owner: str
    due: date
    severity: str
    opens: tuple[int, int]
    policy_ref: str | None
    actions: tuple[str, ...]
    resources: str | None
    effective_from: datetime
    verdict: Verdict = Verdict.NOT_MEASURED
    reason: str = "no run has evaluated it yet"
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    window: tuple[datetime, datetime] | None = None
    since: tuple[datetime, datetime] | None = None
    recent: tuple[tuple[datetime, datetime, Verdict], ...] = ()
    before: Verdict | None = None


@dataclass(frozen=True, slots=True)
class StoreState:
    """Where the store and its ledger stand; the last three as the last verification found them.

    ``data_until`` has the end of the newest measured window of each model.
    """

    entries: int
    recorded_at: datetime | None
    data_until: dict[str, datetime]
    verified_at: datetime | None
    is_intact: bool
    is_complete: bool
    is_authorised: bool | None = None

    def newest(self, model: str | None = None) -> tuple[str, datetime | None]:
        """The model whose data reach farthest (or the one that is named), and until when."""
        name = model or max(self.data_until, key=self.data_until.__getitem__, default="")
        return name, self.data_until.get(name)


@dataclass(frozen=True, slots=True)
class Standing:
    """What nearly every page asks: the objectives in their latest versions, nonconformities, and the store's state."""

    objectives: list[ObjectiveState]
    nonconformities: list[Row]
    store: StoreState


def standing(reader: Reader) -> Standing:
    """What nearly every page asks, in one read."""
    return Standing(objectives(reader), nonconformities(reader), store_state(reader))


def store_state(reader: Reader) -> StoreState:
    """Entries, times, until when there are data, and the last recorded verification."""
    row = reader.rows("SELECT count(*) AS entries, max(recorded_at) AS recorded_at FROM events")[0]
    newest = reader.tuples("SELECT model, max(window_end) FROM runs WHERE outcome = 'success' GROUP BY model")
    verified = reader.rows(
        "SELECT recorded_at, payload FROM events WHERE kind = ? ORDER BY seq DESC LIMIT 1", [VERIFIED]
    )
    found = json.loads(verified[0]["payload"] or "{}") if verified else {}
    return StoreState(
        entries=row["entries"],
        recorded_at=row["recorded_at"],
        data_until=dict(newest),
        verified_at=verified[0]["recorded_at"] if verified else None,
        is_intact=bool(found.get("intact", False)),
        is_complete=bool(found.get("complete", False)),
        is_authorised=found.get("authorised"),
    )


def objective_versions(reader: Reader) -> list[Row]:
    """Every version of every objective, latest first."""
    return reader.rows("SELECT * FROM objectives ORDER BY model, objective, version DESC")


def objectives(reader: Reader) -> list[ObjectiveState]:
    """The objectives in their latest versions with their latest judgement, by model and id."""
    versions = reader.rows(
        "SELECT * FROM objectives QUALIFY version = max(version) OVER (PARTITION BY model, objective) "
        "ORDER BY model, objective"
    )
    judged: dict[tuple[str, str], list[Row]] = {}
    for row in reader.rows(_JUDGED, [RECENT]):
        judged.setdefault((row["model"], row["objective"]), []).append(row)
    return [_state(row, judged.get((row["model"], row["objective"]), [])) for row in versions]


_JUDGED = f"""
WITH judged AS (
    SELECT
        model, objective, window_start, window_end, verdict, reason, value, ci_low, ci_high, n,
        verdict IS DISTINCT FROM lag(verdict) OVER history AS begins,
        row_number() OVER (PARTITION BY model, objective ORDER BY window_start DESC) AS back
    FROM evaluations WHERE is_latest
    WINDOW history AS (PARTITION BY model, objective ORDER BY window_start)
)
SELECT * EXCLUDE (begins, back) FROM judged
WINDOW objective AS (PARTITION BY model, objective)
QUALIFY
    back <= ?
    OR back = min(back) FILTER (WHERE begins) OVER objective
    OR back = min(back) FILTER (WHERE verdict IN ({", ".join(f"'{verdict}'" for verdict in JUDGED)})) OVER objective
ORDER BY model, objective, window_start
"""
"""Of each objective's windows the last ones, where the latest verdict begins, and the last one with a value: a year of
days has hundreds, of which a page says no more."""


def _state(row: Row, judged: list[Row]) -> ObjectiveState:
    state: dict[str, Any] = {
        "model": row["model"],
        "objective": row["objective"],
        "version": row["version"],
        "statement": row["statement"],
        "metric": row["metric"],
        "column": row["column_name"],
        "segment": row["segment"],
        "target": row["target"],
        "tolerance": row["tolerance"],
        "zero_tolerance": row["zero_tolerance"],
        "min_rows": row["min_rows"],
        "rationale": row["rationale"],
        "owner": row["owner"],
        "due": row["due"],
        "severity": row["severity"],
        "opens": (row["opens_failures"], row["opens_of"]),
        "policy_ref": row["policy_ref"],
        "actions": tuple(row["actions"] or ()),
        "resources": row["resources"],
        "effective_from": row["effective_from"],
    }
    if judged:
        last = judged[-1]
        verdict = Verdict(last["verdict"])
        first = last
        for earlier in reversed(judged):
            if earlier["verdict"] != verdict:
                break
            first = earlier
        earlier_ones = (Verdict(row["verdict"]) for row in reversed(judged) if row["verdict"] in JUDGED)
        state |= {
            "verdict": verdict,
            "reason": last["reason"],
            "value": last["value"],
            "low": last["ci_low"],
            "high": last["ci_high"],
            "n": last["n"],
            "window": (last["window_start"], last["window_end"]),
            "since": (first["window_start"], first["window_end"]),
            "before": None if verdict in JUDGED else next(earlier_ones, None),
            "recent": tuple((x["window_start"], x["window_end"], Verdict(x["verdict"])) for x in judged[-RECENT:]),
        }
    return ObjectiveState(**state)


def evaluations(reader: Reader, model: str, objectives: tuple[str, ...]) -> dict[str, list[Row]]:
    """By objective: every window's latest judgement, oldest first, with the measurement's own remarks."""
    rows = reader.rows(
        "SELECT e.objective, e.window_start, e.window_end, e.value, e.ci_low, e.ci_high, e.n, e.verdict, e.reason, "
        "e.revision, e.run_id, e.objective_version, e.target, m.estimated, m.detail, m.model_version "
        "FROM evaluations e LEFT JOIN (SELECT * FROM measurement WHERE model = ?) m ON m.run_id = e.run_id "
        "AND m.metric = e.metric AND m.column_name = e.column_name AND m.segment = e.segment "
        "WHERE e.model = ? AND e.objective IN (SELECT unnest(?::VARCHAR[])) AND e.is_latest ORDER BY e.window_start",
        [model, model, list(objectives)],
    )
    found: dict[str, list[Row]] = {one: [] for one in objectives}
    for row in rows:
        found[row["objective"]].append(row)
    return found


def back_test(reader: Reader, model: str, metric: str, segment: str) -> BackTest:
    """How far an estimate was off in the windows whose labels have come."""
    (found,) = reader.rows(
        "SELECT count(error) AS windows, avg(error) AS bias, count(*) FILTER (WHERE covered) AS covered "
        "FROM estimates WHERE model = ? AND metric = ? AND segment = ?",
        [model, metric, segment],
    )
    return BackTest(**found)


def nonconformities(reader: Reader) -> list[Row]:
    """Every nonconformity, open ones first, then by the day they are due."""
    rows = reader.rows("SELECT * FROM nonconformities ORDER BY due_at NULLS LAST, nonconformity")
    return sorted(rows, key=lambda row: not is_open_state(row["state"]))


def is_open(row: Row) -> bool:
    """Whether somebody still has to act on a nonconformity."""
    return is_open_state(row["state"])


def occurrences(reader: Reader, nonconformity: str) -> list[Row]:
    """The windows attached to a nonconformity, latest first."""
    return reader.rows(
        "SELECT window_start, window_end, value, ci_low, ci_high, target, attached_at, measurement_hash, "
        "evaluation_hash, run_id FROM occurrence WHERE nonconformity = ? ORDER BY window_start DESC",
        [nonconformity],
    )


def evidence_files(reader: Reader, nonconformity: str) -> list[Row]:
    """Evidence files of a nonconformity, latest first."""
    return reader.rows(
        "SELECT sha256, path, kind, created_at, bytes FROM evidence_file WHERE nonconformity = ? "
        "ORDER BY created_at DESC",
        [nonconformity],
    )


def measured_windows(reader: Reader, model: str) -> list[Row]:
    """Windows with a successful run, their latest run each, oldest first."""
    return reader.rows(
        "SELECT window_start, window_end, run_id, revision, rows_scanned, finished_at FROM runs "
        "WHERE model = ? AND outcome = 'success' "
        "QUALIFY row_number() OVER (PARTITION BY window_start, window_end "
        "ORDER BY revision DESC, finished_at DESC) = 1 ORDER BY window_start",
        [model],
    )


def measured_metrics(reader: Reader, model: str, family: str) -> list[str]:
    """Ids of the metrics of one family that were measured for a model."""
    rows = reader.rows(
        "SELECT DISTINCT metric FROM measurements WHERE model = ? AND starts_with(metric, ?) AND is_latest "
        "ORDER BY metric",
        [model, family + "."],
    )
    return [row["metric"] for row in rows]


def measurements(reader: Reader, model: str, metric: str) -> list[Row]:
    """The latest measurements of one metric over all columns, segments and windows, oldest first."""
    return reader.rows(
        "SELECT column_name, segment, segment_columns, segment_values, window_start, window_end, value, "
        "undefined_reason, n, ci_low, ci_high, p_value, q_value, estimated, revision, run_id, detail, reference, "
        "error_bound FROM measurements WHERE model = ? AND metric = ? AND is_latest "
        "ORDER BY window_start, column_name, segment",
        [model, metric],
    )


def compared_groups(reader: Reader, model: str) -> tuple[dict[str, set[str]], set[datetime]]:
    """For each metric of fairness the columns whose groups it compares, and the windows in which one has a value."""
    rows = reader.rows(
        "SELECT DISTINCT metric, column_name, CASE WHEN value IS NOT NULL THEN window_start END AS valued "
        "FROM measurements WHERE model = ? AND starts_with(metric, 'fairness.') AND is_latest ORDER BY metric",
        [model],
    )
    columns: dict[str, set[str]] = {}
    for row in rows:
        columns.setdefault(row["metric"], set()).add(row["column_name"])
    return columns, {row["valued"] for row in rows if row["valued"] is not None}


def window_measurements(reader: Reader, run_id: str, *families: str) -> list[Row]:
    """All measurements of some families of one run."""
    return reader.rows(
        "SELECT metric, column_name, segment, segment_columns, segment_values, value, undefined_reason, n, "
        "ci_low, ci_high, p_value, q_value, detail, error_bound FROM measurements "
        "WHERE run_id = ? AND split_part(metric, '.', 1) IN (SELECT unnest(?::VARCHAR[])) "
        "ORDER BY metric, column_name, segment",
        [run_id, list(families)],
    )


def runs(reader: Reader, limit: int = 500) -> list[Row]:
    """The last runs, latest first."""
    return reader.rows(
        "SELECT run_id, model, monitor, window_start, window_end, planned_at, started_at, finished_at, outcome, "
        "reason, rows_scanned, code_version, revision FROM runs ORDER BY finished_at DESC, window_end DESC LIMIT ?",
        [limit],
    )


def run_outcomes(reader: Reader) -> list[Row]:
    """Runs by model and outcome, and when each model was last measured."""
    return reader.rows(
        "SELECT model, outcome, count(*) AS runs, max(finished_at) AS last_at, "
        "max(window_end) FILTER (WHERE outcome = 'success') AS data_until FROM runs "
        "GROUP BY ALL ORDER BY model, outcome"
    )


def reference_fingerprint(reader: Reader, model: str, name: str) -> str | None:
    """Fingerprint of the model's reference of that name, the latest frozen one when several have it."""
    rows = reader.rows(
        "SELECT fingerprint FROM reference WHERE model = ? ORDER BY name = ? DESC, frozen_at DESC LIMIT 1",
        [model, name],
    )
    return rows[0]["fingerprint"] if rows else None
