"""Input d2 of a management review: objectives, groups, drift, data quality, runs, targets changed, metrics verified."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from aimsight.aims import words
from aimsight.aims.review import standing
from aimsight.aims.review.pack import Point, Section, Series, Table
from aimsight.aims.review.view import decimal, due_day, value_cell
from aimsight.aims.verdicts import Verdict
from aimsight.configs.canonical import decimal_text
from aimsight.configs.errors import NotFoundError
from aimsight.configs.targets import Target
from aimsight.metrics.registry import find
from aimsight.store.runs import open_slots

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aimsight.aims.review.pack import Cell
    from aimsight.aims.review.view import View

Row = dict[str, Any]
Cells = tuple["Cell", ...]

UNJUDGED = frozenset({Verdict.INSUFFICIENT.value, Verdict.AWAITING_LABELS.value, Verdict.NOT_MEASURED.value})
"""Verdicts that say nothing about the target: such a window is never counted as met."""

GROUP_MEASURES = (
    ("performance.selection_rate", "Selection rate"),
    ("performance.recall", "True positive rate"),
    ("performance.accuracy", "Accuracy"),
    ("performance.mae", "MAE"),
    ("performance.mean_error", "Mean error"),
)
"""What is told of every group of a protected column, where the task has it."""

DRIFT = "drift.psi"
MOST_COLUMNS = 5
"""Columns of a model whose drift is told: those that moved most."""
EVIDENT = 0.05


def results(view: View) -> Section:
    """(d2) Results of monitoring and measurement, every declared objective among them, also the unmeasured ones."""
    judged = view.rows(
        "SELECT model, objective, column_name, segment, metric, statement, target, tolerance, window_start, "
        "window_end, value, ci_low, ci_high, n, verdict FROM evaluations "
        "WHERE is_latest AND window_end > ? AND window_end <= ? ORDER BY model, objective, window_start, window_end",
        view.start,
        view.end,
    )
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in judged:
        groups.setdefault((row["model"], row["objective"]), []).append(row)
    runs = view.rows(
        "SELECT model, outcome, count(*) AS n FROM runs WHERE window_end > ? AND window_end <= ? GROUP BY ALL "
        "ORDER BY model, outcome",
        view.start,
        view.end,
    )
    missed = [row for row in open_slots(view.reader) if view.start < row["window_end"] <= view.end]
    latest = _latest_runs(view)
    outcomes = [(row["model"], str(row["outcome"]), int(row["n"])) for row in runs]
    outcomes += [(model, "planned, not run", n) for model, n in Counter(row["model"] for row in missed).items()]
    return Section(
        "d2",
        "9.3.2 d 2",
        "Results of monitoring and measurement",
        tuple(_said(view, groups, judged, outcomes)),
        (
            Table("objectives", "Objectives", _OBJECTIVE, tuple(_objectives(view, groups))),
            _groups(view, latest),
            Table("gaps", "Gaps between groups", _GAPS, tuple(_gaps(view, latest))),
            Table("drift", "Drift of features", _DRIFT, tuple(_drift(view))),
            Table("quality", "Data quality", _QUALITY, tuple(_quality(view))),
            Table("runs", "Runs", ("Model", "Outcome", "Runs"), tuple(sorted(outcomes))),
            _changes(view),
            _verifications(view),
            standing.models(view, groups),
        ),
        tuple(_series(view, rows) for rows in groups.values()),
    )


def _said(
    view: View,
    groups: Mapping[tuple[str, str], Sequence[Row]],
    judged: Sequence[Row],
    outcomes: Sequence[tuple[str, str, int]],
) -> Iterable[str]:
    declared = {(name, one.id) for name, model in view.models.items() for one in model.objectives}
    if not any(outcome == "success" for _, outcome, _ in outcomes):
        yield "No window of the period was measured: there is no run with a result."
    if judged:
        counts = Counter(row["verdict"] for row in judged)
        said = ", ".join(f"{counts[one.value]} {one.value}" for one in Verdict if counts[one.value])
        yield f"{words.plural(len(groups), 'objective')} judged {words.plural(len(judged), 'time')}: {said}."
        without = sum(counts[one] for one in UNJUDGED)
        yield (
            f"{words.share(without / len(judged))} of these judgements say nothing about the target (too few rows, no "
            "labels yet, not measured); they are never counted as met."
        )
    unmeasured = sorted(declared - groups.keys())
    if unmeasured:
        names = words.listed([f"{model} {objective}" for model, objective in unmeasured], most=10)
        yield f"{words.plural(len(unmeasured), 'objective')} without any judgement in the period: {names}."
    lost = sum(n for _, outcome, n in outcomes if outcome not in {"success", "skipped"})
    if lost:
        yield f"{words.plural(lost, 'run')} missed, abandoned or failed."


_OBJECTIVE = ("Model", "Objective", "Statement", "Target", "Latest value", "n", "Latest verdict", "Met", "No judgement")


def _objectives(view: View, groups: Mapping[tuple[str, str], Sequence[Row]]) -> Iterable[Cells]:
    declared = {(name, one.id): one for name, model in view.models.items() for one in model.objectives}
    for key in sorted(declared.keys() | groups.keys()):
        if key in groups:
            yield _judged(groups[key])
        else:
            one = declared[key]
            target = words.target_words(one.target, float(one.tolerance))
            not_measured = f"{Verdict.NOT_MEASURED.glyph} {Verdict.NOT_MEASURED.value}"
            yield (*key, one.statement, target, "–", None, not_measured, "–", "no window")


def _judged(rows: Sequence[Row]) -> Cells:
    last = rows[-1]
    met = sum(1 for row in rows if row["verdict"] == Verdict.CONFORMING.value)
    without = sum(1 for row in rows if row["verdict"] in UNJUDGED)
    verdict = Verdict(last["verdict"])
    return (
        last["model"],
        last["objective"],
        last["statement"] or "–",
        words.target_words(last["target"], last["tolerance"]),
        value_cell(last),
        last["n"],
        f"{verdict.glyph} {verdict.value}",
        f"{met} of {len(rows)}",
        f"{without} ({words.share(without / len(rows))})" if without else "0",
    )


def _latest_runs(view: View) -> list[str]:
    """The last run with a result of every model in the period."""
    return [
        row["run_id"]
        for row in view.rows(
            "SELECT run_id FROM run WHERE outcome = 'success' AND window_end > ? AND window_end <= ? "
            "QUALIFY row_number() OVER (PARTITION BY model ORDER BY window_end DESC, revision DESC, run_id) = 1 "
            "ORDER BY model",
            view.start,
            view.end,
        )
    ]


def _groups(view: View, latest: Sequence[str]) -> Table:
    """One line a group of a protected column, with the measures that some model's task has."""
    protected = {(name, column) for name, model in view.project.models.items() for column in model.protected}
    found = view.rows(
        "SELECT model, window_start, window_end, metric, segment_columns[1] AS column_name, "
        "segment_values[1] AS member, value, ci_low, ci_high, n FROM measurement "
        "WHERE list_contains(?, run_id) AND list_contains(?, metric) AND len(segment_columns) = 1 "
        "ORDER BY model, column_name, member, metric",
        list(latest),
        [metric for metric, _ in GROUP_MEASURES],
    )
    lines: dict[tuple[str, str, str], dict[str, Row]] = {}
    for row in found:
        if (row["model"], row["column_name"]) in protected:
            key = (row["model"], row["column_name"], row["member"])
            lines.setdefault(key, {})[row["metric"]] = row
    known = {metric for values in lines.values() for metric in values}
    measures = [(metric, name) for metric, name in GROUP_MEASURES if metric in known]
    rows = []
    for (model, column, member), values in lines.items():
        window = view.window_of(next(iter(values.values())))
        cells = (value_cell(values[metric]) if metric in values else None for metric, _ in measures)
        rows.append((model, window, column, member, max(row["n"] or 0 for row in values.values()), *cells))
    columns = ("Model", "Window", "Column", "Group", "n", *(name for _, name in measures))
    return Table("groups", "Groups, in the latest window of each model", columns, tuple(rows))


_GAPS = ("Model", "Window", "Measure", "Column", "Gap", "n", "Where", "Largest in the period")


def _gaps(view: View, latest: Sequence[str]) -> Iterable[Cells]:
    """The gaps that have an objective; of a protected column without one, those of selection and of errors."""
    wanted: set[tuple[str, str, str]] = set()
    for name, model in view.models.items():
        fair = {(one.metric, one.group) for one in model.objectives if one.metric.startswith("fairness.")}
        wanted |= {(name, metric, column) for metric, column in fair}
        usual = ("fairness.mae_difference",) if model.task == "regression" else _USUAL_GAPS
        watched = {column for _, column in fair}
        wanted |= {(name, metric, column) for column in model.protected if column not in watched for metric in usual}
    metrics = sorted({metric for _, metric, _ in wanted})
    worst = {
        (row["model"], row["metric"], row["column_name"]): row
        for row in view.rows(
            "SELECT model, metric, column_name, window_start, window_end, value FROM measurements "
            "WHERE is_latest AND list_contains(?, metric) AND segment = '' AND value IS NOT NULL "
            "AND window_end > ? AND window_end <= ? QUALIFY row_number() OVER "
            "(PARTITION BY model, metric, column_name ORDER BY abs(value) DESC, window_end DESC) = 1",
            metrics,
            view.start,
            view.end,
        )
    }
    for row in view.rows(
        "SELECT model, metric, column_name, window_start, window_end, value, undefined_reason, ci_low, ci_high, n, "
        "detail FROM measurement WHERE list_contains(?, run_id) AND list_contains(?, metric) AND segment = '' "
        "ORDER BY model, column_name, metric",
        list(latest),
        metrics,
    ):
        key = (row["model"], row["metric"], row["column_name"])
        if key in wanted:
            most = worst.get(key)
            yield (
                row["model"],
                view.window_of(row),
                words.metric_name(row["metric"]),
                row["column_name"],
                value_cell(row),
                row["n"],
                row["detail"] or row["undefined_reason"] or "–",
                f"{words.number(most['value'])} ({view.window_of(most)})" if most else "–",
            )


_USUAL_GAPS = ("fairness.demographic_parity_difference", "fairness.equal_opportunity_difference")
_DRIFT = ("Model", "Column", "PSI, latest", "PSI, largest", "In window", "Windows with evidence of a change")


def _drift(view: View) -> Iterable[Cells]:
    """The columns of each model that moved most, by the population stability index."""
    found = view.rows(
        "SELECT model, column_name, max(value) AS largest, arg_max(value, window_end) AS latest, "
        "arg_max(window_start, value) AS window_start, arg_max(window_end, value) AS window_end, "
        "count(*) FILTER (WHERE coalesce(q_value, p_value, 0) < ?) AS evident, count(*) AS windows FROM measurements "
        "WHERE is_latest AND metric = ? AND segment = '' AND value IS NOT NULL AND window_end > ? AND window_end <= ? "
        "GROUP BY model, column_name "
        "QUALIFY row_number() OVER (PARTITION BY model ORDER BY max(value) DESC, column_name) <= ? "
        "ORDER BY model, largest DESC, column_name",
        EVIDENT,
        DRIFT,
        view.start,
        view.end,
        MOST_COLUMNS,
    )
    for row in found:
        yield (
            row["model"],
            row["column_name"] or "the prediction",
            words.number(row["latest"]),
            words.number(row["largest"]),
            view.window_of(row),
            f"{row['evident']} of {row['windows']}",
        )


_QUALITY = (
    "Model",
    "Windows",
    "Rows",
    "Label coverage, latest",
    "Label coverage, lowest",
    "Missing values, worst column",
    "Outside the intended use, most",
    "Windows with a changed schema",
)


def _quality(view: View) -> Iterable[Cells]:
    found = view.rows(
        "SELECT model, count(*) FILTER (WHERE metric = 'quality.rows') AS windows, "
        "sum(value) FILTER (WHERE metric = 'quality.rows') AS rows, "
        "arg_max(value, window_end) FILTER (WHERE metric = 'quality.label_coverage') AS coverage, "
        "min(value) FILTER (WHERE metric = 'quality.label_coverage') AS lowest, "
        "max(value) FILTER (WHERE metric = 'quality.missing_share') AS missing, "
        "arg_max(column_name, value) FILTER (WHERE metric = 'quality.missing_share') AS missing_column, "
        "max(value) FILTER (WHERE metric = 'quality.outside_intended_use_share') AS outside, "
        "count(*) FILTER (WHERE metric = 'quality.schema_changes' AND value > 0) AS changes "
        "FROM measurements WHERE is_latest AND list_contains(?, metric) AND segment = '' "
        "AND window_end > ? AND window_end <= ? GROUP BY model ORDER BY model",
        [
            "quality.rows", "quality.label_coverage", "quality.missing_share", "quality.outside_intended_use_share",
            "quality.schema_changes",
        ],
        view.start,
        view.end,
    )  # fmt: skip
    for row in found:
        missing = "–" if not row["missing"] else f"{words.share(row['missing'])} ({row['missing_column']})"
        yield (
            row["model"],
            row["windows"],
            int(row["rows"] or 0),
            _share(row["coverage"]),
            _share(row["lowest"]),
            missing,
            _share(row["outside"]),
            row["changes"],
        )


def _share(value: float | None) -> str:
    return "–" if value is None else words.share(value)


def _changes(view: View) -> Table:
    rows = tuple(
        (
            one.record,
            one.title,
            one.fields["subject"],
            one.status,
            view.day(one.recorded_at),
            str(one.fields.get("differing_verdicts", "–")),
        )
        for one in (kept.now for kept in view.changed("change"))
    )
    columns = ("Id", "Change", "Subject", "Status", "Recorded", "Past verdicts that would differ")
    return Table("changes", "Changes of targets, models and the system (6.3)", columns, rows)


def _verifications(view: View) -> Table:
    rows = tuple(
        (
            one.fields["metric"],
            int(one.fields["version"]),
            one.fields["result"],
            view.day(one.event_at),
            due_day(one.due) + (" (overdue)" if one.due and one.due < view.today else ""),
        )
        for one in (kept.now for kept in view.records("metric_verification"))
    )
    columns = ("Metric", "Version", "Result", "Verified", "Due again")
    return Table("metric_verifications", "Verification of metrics", columns, rows)


def _series(view: View, rows: Sequence[Row]) -> Series:
    last = rows[-1]
    target = Target.parse(last["target"])
    metric = last["metric"] or ""
    where = f" of {last['column_name']}" if last["column_name"] else ""
    segment = f" in {last['segment']}" if last["segment"] else ""
    return Series(
        f"{last['model']}/{last['objective']}",
        f"{last['model']}, {last['objective']}: {words.metric_name(metric)}{where}{segment}",
        metric,
        _unit(metric),
        last["target"],
        words.target_words(last["target"], last["tolerance"]),
        decimal_text(last["tolerance"]),
        decimal(target.low),
        decimal(target.high),
        tuple(
            Point(
                view.window_of(row),
                view.iso(row["window_start"]),
                view.iso(row["window_end"]),
                decimal(row["value"]),
                decimal(row["ci_low"]),
                decimal(row["ci_high"]),
                row["n"],
                row["verdict"],
            )
            for row in rows
        ),
    )


def _unit(metric: str) -> str:
    """Its unit; nothing for a metric that the catalogue no longer has."""
    try:
        return find(metric).unit
    except NotFoundError:
        return ""
