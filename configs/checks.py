"""Checks of one model file that need more than one key: columns, roles, labels, reference, monitor.

Each check is one function from a draft to its findings; ``CHECKS`` lists them all. What needs the metric catalogue is
in ``aimsight.configs.objective_checks``.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING
from unicodedata import normalize
from zoneinfo import ZoneInfo

from aimsight.configs.draft import Draft, twin_key
from aimsight.configs.durations import Duration
from aimsight.configs.errors import InvalidTextError
from aimsight.configs.problems import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aimsight.configs.positions import Path


def twins(draft: Draft) -> Iterator[Finding]:
    """Columns whose names differ only in case or Unicode form: readers of tables take them for one column."""
    scopes = [draft.log_columns]
    if draft.has("labels", "source"):
        scopes.append(draft.label_columns)
    for uses in scopes:
        first: dict[str, str] = {}
        reported: set[str] = set()
        for use in uses:
            known = first.setdefault(twin_key(use.name), use.name)
            if known != use.name and use.name not in reported:
                reported.add(use.name)
                same_letters = normalize("NFC", known) == normalize("NFC", use.name)
                how = "Unicode form" if same_letters else "case"
                yield Finding(use.path, f'"{use.name}" and "{known}" differ only in {how}', known)


def roles(draft: Draft) -> Iterator[Finding]:
    """One column, one role; a feature that is a role of the log would let the model read its own answer."""
    taken: dict[str, str] = {}
    for use in draft.log_columns:
        if use.role in {"feature", "protected", "segment"}:
            continue
        other = taken.setdefault(use.name, use.role)
        if other != use.role:
            yield Finding(use.path, f"the column {use.name} is already the {other}")
    label = draft.text("labels", "label")
    for name in draft.features:
        path: Path = ("features", name)
        role = taken.get(name)
        if name == label:
            yield Finding(path, f"{name} is the label: a feature that knows the truth is a leak; remove it")
        elif role is not None and role not in {"timestamp", "arrival time"}:
            yield Finding(path, f"{name} is the {role} of the log and no feature; remove it")
    identity = draft.text("log", "id")
    for use in draft.log_columns:
        if use.role in {"protected", "segment"} and use.name == identity:
            yield Finding(use.path, f"{use.name} is the id of the log: every row would be a group of its own")


def repetitions(draft: Draft) -> Iterator[Finding]:
    """Nothing is listed twice."""
    seen: set[str] = set()
    for path, name in draft.protected:
        if name in seen:
            yield Finding(path, f"{name} is listed twice")
        seen.add(name)
    groups: dict[frozenset[str], str] = {}
    for path, columns in draft.segments:
        if len(set(columns)) < len(columns):
            yield Finding(path, "names a column twice")
            continue
        shown = f"[{', '.join(columns)}]"
        earlier = groups.setdefault(frozenset(columns), shown)
        if earlier is not shown:
            yield Finding(path, f"{shown} is listed already, as {earlier}")


def task_roles(draft: Draft) -> Iterator[Finding]:
    """Each task has its own columns in the log."""
    log = draft.at("log")
    if draft.task is None or not isinstance(log, dict):
        return
    if draft.task == "binary":
        if log.get("scores") is not None:
            yield Finding(("log", "scores"), "belongs to task multiclass; a binary model has one score", "score")
        elif "prediction" not in log and "score" not in log:
            yield Finding(("log",), "a binary model logs a prediction, a score, or both")
    else:
        if log.get("score") is not None:
            other = "a multiclass model has scores, one column a class" if draft.task == "multiclass" else "it has none"
            near = "scores" if draft.task == "multiclass" else ""
            yield Finding(("log", "score"), f"belongs to task binary; {other}", near)
        if "positive" in log:
            yield Finding(("log", "positive"), "belongs to task binary; remove it")
    if draft.task == "regression" and log.get("scores") is not None:
        yield Finding(("log", "scores"), "belongs to task multiclass; remove it")
    if draft.task != "regression" and log.get("interval") is not None:
        yield Finding(("log", "interval"), "belongs to task regression; remove it")
    if draft.task == "regression" and "prediction" not in log:
        yield Finding(("log",), "a regression model logs a prediction", "prediction: COLUMN")
    if draft.task == "multiclass" and "prediction" not in log and "scores" not in log:
        yield Finding(("log",), "a multiclass model logs a prediction, scores, or both")
    if draft.task == "multiclass" and isinstance(log.get("scores"), dict) and len(log["scores"]) < 2:
        yield Finding(("log", "scores"), "a multiclass model has at least two classes")


def tables(draft: Draft) -> Iterator[Finding]:
    """A DuckDB file needs a table, other files have none."""
    for section in ("log", "labels"):
        sources = [name for _, name in draft.texts(section, "source")]
        databases = [name for name in sources if name.endswith((".duckdb", ".ddb"))]
        if databases and not draft.has(section, "table"):
            yield Finding((section, "source"), f"{databases[0]} holds tables: say which one", "table: NAME")
        if sources and not databases and draft.has(section, "table"):
            yield Finding((section, "table"), "only .duckdb files hold tables; remove it")
        if databases and len(sources) > 1:
            yield Finding((section, "source"), "a .duckdb file stands alone, not in a list")


def labels(draft: Draft) -> Iterator[Finding]:
    """Labels that lie elsewhere are joined by id."""
    if not draft.has("labels"):
        return
    if draft.has("labels", "source") and isinstance(draft.at("log"), dict) and not draft.has("log", "id"):
        yield Finding(
            ("log",), "labels in a source of their own are joined by id, and the log names no id", "id: COLUMN"
        )
    if not draft.has("labels", "source"):
        for key in ("table", "id"):
            if draft.has("labels", key):
                yield Finding(("labels", key), "belongs to labels with a source of their own; remove it")


def reference(draft: Draft) -> Iterator[Finding]:
    """The reference is a period that does not end before it begins, with windows that fit into it."""
    if draft.has("reference", "labels_source") and not draft.has("labels"):
        yield Finding(("reference", "labels_source"), "needs labels: say which column is the label")
    begin, end = (_instant(draft, draft.at("reference", "period", position)) for position in (0, 1))
    if begin is None or end is None:
        return
    if begin >= end:
        first, last = (draft.text("reference", "period", position) for position in (0, 1))
        near = f"[{last}, {first}]" if begin > end else ""
        yield Finding(("reference", "period"), "the period ends before it begins (its end is not part of it)", near)
        return
    windows = _duration(draft, "reference", "windows")
    if windows is not None and windows.typical_hours > (end - begin).total_seconds() / 3600:
        yield Finding(("reference", "windows"), f"windows of {windows} do not fit into the period")


def monitor(draft: Draft) -> Iterator[Finding]:
    """A lookback covers at least one window; chunks are cut from a closed history."""
    window, lookback = (_duration(draft, "monitor", key) for key in ("window", "lookback"))
    if window is not None and lookback is not None and lookback.typical_hours < window.typical_hours:
        yield Finding(("monitor", "lookback"), f"is shorter than one window ({window})", str(window))
    if (draft.text("monitor", "window") or "").endswith(" chunks") and not draft.has("monitor", "end"):
        yield Finding(("monitor", "window"), "chunks are cut from a history that is closed: add `end`, or write rows")


def categories(draft: Draft) -> Iterator[Finding]:
    """The values of a category are listed once each."""
    for name in draft.features:
        values = draft.category_values(name) or []
        double = sorted({value for value in values if values.count(value) > 1})
        if double:
            yield Finding(("features", name, "values"), f"{double[0]} is listed twice")


def _duration(draft: Draft, *path: str) -> Duration | None:
    text = draft.text(*path)
    try:
        return Duration.parse(text) if text else None
    except InvalidTextError:
        return None


def _instant(draft: Draft, value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    zone = _zone(draft)
    try:
        moment = datetime.fromisoformat(value) if len(value) > 10 else None
        if moment is None:
            return datetime.combine(date.fromisoformat(value), time(), zone).astimezone(UTC)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None  # reported where its own key is checked


def _zone(draft: Draft) -> ZoneInfo:
    """The zone of the windows, or UTC for a wrong one: hours do not matter to what is wrong with a period of days."""
    try:
        return ZoneInfo(draft.text("log", "time_zone") or "UTC")
    except (ValueError, OSError, LookupError):
        return ZoneInfo("UTC")


CHECKS: tuple[Callable[[Draft], Iterator[Finding]], ...] = (
    twins,
    roles,
    repetitions,
    task_roles,
    tables,
    labels,
    reference,
    monitor,
    categories,
)
