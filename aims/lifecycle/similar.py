"""The search for similar nonconformities (10.2 b), which the program runs itself over models, segments and features.

Each question is one statement over the public views of the store; the statement, its values and what it found are kept,
so that anybody can ask again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aimsight.aims.lifecycle.dossier import Hit, Question, SimilarSearch
from aimsight.aims.words import count, metric_name, number, target_words
from aimsight.configs.targets import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aimsight.store.database import Reader
    from aimsight.store.records import Nonconformity, ObjectiveVersion

MOST_HITS = 100
"""So many hits are kept one by one; the rest is counted."""

_RECORDS = (
    "SELECT nonconformity, model, segment, state, severity, statement, objective FROM nonconformities "
    "WHERE nonconformity <> ? AND kind = ? AND state <> 'rejected' ORDER BY opened_at DESC, nonconformity"
)
_JUDGED = (
    "SELECT model, objective, metric, column_name, segment, window_start, window_end, verdict, value, target "
    "FROM evaluations WHERE is_latest AND metric = ? AND NOT (model = ? AND objective = ?) "
    "QUALIFY row_number() OVER (PARTITION BY model, objective, column_name, segment "
    "ORDER BY window_end DESC, window_start DESC) = 1 AND verdict IN ('nonconforming', 'at risk') "
    "ORDER BY model, objective, column_name, segment"
)
_MEASURED = (
    "SELECT model, metric, column_name, segment, window_start, window_end, value, n FROM measurements "
    "WHERE is_latest AND NOT estimated AND metric = ? AND value IS NOT NULL AND n >= ? "
    "AND NOT (model = ? AND column_name = ? AND segment = ?) "
    "QUALIFY row_number() OVER (PARTITION BY model, column_name, segment "
    "ORDER BY window_end DESC, window_start DESC) = 1 ORDER BY model, column_name, segment"
)
_SILENT = (
    "SELECT model, monitor, window_start, window_end, outcome, reason, rows_scanned FROM runs "
    "WHERE model <> ? QUALIFY row_number() OVER (PARTITION BY model, monitor "
    "ORDER BY window_end DESC, finished_at DESC) = 1 AND (outcome NOT IN ('success', 'skipped') OR rows_scanned = 0) "
    "ORDER BY model"
)


def search_similar(
    reader: Reader, record: Nonconformity, objective: ObjectiveVersion | None, models: Sequence[str], seq: int
) -> SimilarSearch:
    """Ask the store where the same failure is, or may be.

    Parameters
    ----------
    objective
        The objective that failed, or ``None``: then there is no metric to look for elsewhere.
    models
        Ids of the models that are searched: all of the project.
    seq
        The ledger's last entry at the time of the search, which fixes what could be found.
    """
    found: list[tuple[Question, list[Hit]]] = [
        _ask(reader, "Other nonconformities of this kind", _RECORDS, [record.nonconformity, record.kind], _of_record)
    ]
    if objective is not None and record.kind != "monitoring not done":
        found.append(
            _ask(
                reader,
                f"Other objectives on {metric_name(objective.metric)} that fail or are at risk in their latest window",
                _JUDGED,
                [objective.metric, record.model, objective.objective],
                _of_verdict,
            )
        )
        target = Target.parse(objective.target)
        found.append(
            _ask(
                reader,
                f"{metric_name(objective.metric)} in other models, columns and segments beyond the target "
                f"({target_words(objective.target)})",
                _MEASURED,
                [objective.metric, objective.min_rows, record.model, objective.column_name, objective.segment],
                lambda row: _beyond(row, target),
            )
        )
    if record.kind == "monitoring not done":
        found.append(_ask(reader, "Other models whose latest run gave no result", _SILENT, [record.model], _of_run))
    hits = [hit for _, every in found for hit in every]
    return SimilarSearch(
        searched="models, objectives, segments and columns of this project; records of nonconformities",
        models=tuple(sorted(models)),
        questions=tuple(question for question, _ in found),
        hits=tuple(hits[:MOST_HITS]),
        total=len(hits),
        ledger_seq=seq,
    )


def _ask(
    reader: Reader,
    asked: str,
    sql: str,
    values: list[object],
    hit: Callable[[dict[str, Any]], Hit | None],
) -> tuple[Question, list[Hit]]:
    hits = [one for row in reader.rows(sql, values) if (one := hit(row)) is not None]
    return Question(asked=asked, sql=sql, values=tuple(map(str, values)), hits=len(hits)), hits


def _of_record(row: dict[str, Any]) -> Hit:
    return Hit(
        where=_where(row["model"], "", row["segment"]),
        model=row["model"],
        metric="",
        segment=row["segment"],
        finding=f"{row['severity']}, {row['state']}: {row['statement']}",
        nonconformity=row["nonconformity"],
        objective=row["objective"] or "",
    )


def _of_verdict(row: dict[str, Any]) -> Hit:
    finding = f"{row['verdict']}: {number(row['value'])}, target {target_words(row['target'])}"
    return _measured(row, finding, row["objective"])


def _beyond(row: dict[str, Any], target: Target) -> Hit | None:
    if target.beyond(row["value"]) <= 0:
        return None
    return _measured(row, f"{number(row['value'])} lies beyond the target ({target.words}), n = {count(row['n'])}")


def _measured(row: dict[str, Any], finding: str, objective: str = "") -> Hit:
    return Hit(
        where=_where(row["model"], row["column_name"], row["segment"]),
        model=row["model"],
        metric=row["metric"],
        column=row["column_name"],
        segment=row["segment"],
        finding=finding,
        window=_window(row),
        objective=objective,
    )


def _of_run(row: dict[str, Any]) -> Hit:
    why = row["reason"] or ("no rows" if not row["rows_scanned"] else row["outcome"])
    return Hit(where=row["model"], model=row["model"], metric="", finding=f"no result: {why}", window=_window(row))


def _where(model: str, column: str, segment: str) -> str:
    return " · ".join(part for part in (model, column, segment) if part)


def _window(row: dict[str, Any]) -> str:
    return f"{row['window_start'].isoformat()}/{row['window_end'].isoformat()}"
