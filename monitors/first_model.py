"""What the columns of a log suggest of a model, before a person has looked at it. Pure: values in, values out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aimsight.configs.problems import DECIDE
from aimsight.configs.templates import (
    PREDICTION_WORDS,
    SCORE_WORDS,
    FirstLabels,
    FirstModel,
    LogColumn,
    Role,
    guess,
    words_of,
    yaml_text,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aimsight.configs.facts import Task

MOST_CLASSES = 20
"""A whole-numbered or text column with more values than this is no set of classes."""
TIME_WORDS = frozenset({"time", "timestamp", "ts", "at", "date", "datetime", "day", "epoch", "created", "when", "unix"})
"""What makes a column of whole numbers one of times, where its values can be."""
LEAST_STEM = 4
"""Two words with so many first letters in common are of one stem: subscribe, subscribed."""
ENOUGH_ROWS = 200
"""A first window is the shortest of a day, a week and a month with so many rows."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A column as the sample shows it.

    ``values`` are its distinct values as text, sorted, at most ``MOST_CLASSES`` + 1 of them; ``unique`` says that no
    value is missing or comes twice; ``low`` and ``high`` are the range of a numeric column (``None`` without a finite
    value); ``days`` are the first and the last day of a column of times; ``formats`` are the ways of writing times that
    fit every value of a column of text or of whole numbers; ``tells_zone``: every time of it is a moment.
    """

    column: LogColumn
    unique: bool
    values: tuple[str, ...]
    low: float | None = None
    high: float | None = None
    days: tuple[str, str] | None = None
    formats: tuple[str, ...] = ()
    tells_zone: bool = False

    @property
    def is_probability(self) -> bool:
        """Whether every value lies in [0, 1]."""
        return self.low is not None and self.high is not None and self.low >= 0 and self.high <= 1

    @property
    def is_percentage(self) -> bool:
        """Whether every value lies in [0, 100], and some above 1."""
        return self.low is not None and self.high is not None and self.low >= 0 and 1 < self.high <= 100


@dataclass(frozen=True, slots=True)
class FirstSource:
    """Files as they will stand in the configuration, their columns, and how many rows the newest has a day.

    ``end`` is the day after the last window of a log that ended long ago; ``decimal_comma`` says that CSV files write
    0,25.
    """

    source: str
    columns: tuple[Seen, ...]
    table: str | None = None
    rows_a_day: float | None = None
    end: str | None = None
    decimal_comma: bool = False


def first_model(
    model: str,
    log: FirstSource,
    prediction: str | None = None,
    labels: FirstSource | None = None,
    delays: tuple[int, int] | None = None,
) -> FirstModel:
    """What names, types and the sample suggest together.

    Parameters
    ----------
    model
        Id.
    log, labels
        The log, and label files where there are any.
    prediction
        The column that follows the score, whatever its name.
    delays
        Days within which 95 of 100 labels come, and all of them.
    """
    guessed = guess(model, log.source, [seen.column for seen in log.columns])
    roles = _roles(guessed.roles, log.columns, prediction)
    time = next((seen for seen in log.columns if roles[seen.column.name] == "timestamp"), None)
    first = replace(
        guessed,
        roles=roles,
        table=log.table,
        span=time.days if time else None,
        time_formats=time.formats if time else (),
        tells_zone=time is not None and time.tells_zone,
        every=first_window(log.rows_a_day),
        end=log.end,
        decimal_comma=log.decimal_comma or (labels is not None and labels.decimal_comma),
        left_out={
            seen.column.name: f"values from {seen.low:g} to {seen.high:g}: a score is a probability; divide it by 100"
            for seen in log.columns
            if roles[seen.column.name] == "ignored" and seen.is_percentage
        },
    )
    truth: Seen | None = None
    if labels is not None:
        first_labels, truth = _labels(first, labels, delays)
        first = replace(first, labels=first_labels)
    elif not first.role("label") and (perhaps := _perhaps_label(first, log.columns)):
        first = replace(first, roles={**roles, perhaps: "label"}, label_is_sure=_is_sure(perhaps, first, log.columns))
    by_name = {seen.column.name: seen for seen in log.columns}
    shown = [by_name[name] for name in (*first.role("label"), *first.role("prediction"))]
    classes = ([truth] if truth else []) + shown
    task = _task(classes, has_score=bool(first.role("score")))
    if task == "multiclass":
        first = _with_scores(first, log.columns, sorted({value for seen in classes for value in seen.values}))
    return replace(first, task=task, positive=_positive(classes) if task == "binary" else "1")


def _roles(guessed: dict[str, Role], columns: Sequence[Seen], prediction: str | None) -> dict[str, Role]:
    """The roles by name and type, corrected by what the sample shows."""
    roles = dict(guessed)
    if prediction is not None:
        roles[prediction] = "prediction"
    for seen in columns:
        name = seen.column.name
        if roles[name] == "score" and seen.is_percentage:
            roles[name] = "ignored"
        elif (roles[name] == "score" and not seen.is_probability) or (roles[name] == "id" and not seen.unique):
            roles[name] = "feature"
        if roles[name] == "feature" and seen.formats:
            roles[name] = "ignored" if "timestamp" in roles.values() else "timestamp"
    if "id" not in roles.values():
        found = next((seen for seen in columns if _can_be_id(seen, roles[seen.column.name])), None)
        if found:
            roles[found.column.name] = "id"
    if "label" not in roles.values() and (label := _namesake(roles)):
        roles[label] = "label"
    return roles


def _can_be_id(seen: Seen, role: Role) -> bool:
    whole = "INT" in seen.column.type.upper() or seen.column.type.upper() in {"VARCHAR", "UUID"}
    return role == "feature" and whole and seen.unique


def _namesake(roles: dict[str, Role]) -> str | None:
    """The label whose name the prediction's is made of: ``pm25`` of ``pm25_forecast``."""
    predicted = next((name for name, role in roles.items() if role == "prediction"), None)
    if predicted is None:
        return None
    stem = [word for word in words_of(predicted) if word not in PREDICTION_WORDS]
    return next((name for name, role in roles.items() if role == "feature" and stem and words_of(name) == stem), None)


def _perhaps_label(first: FirstModel, columns: Sequence[Seen]) -> str | None:
    """The only column with the values of the prediction, or the one of them named like it: perhaps the truth."""
    predicted = next((seen for seen in columns if first.roles[seen.column.name] == "prediction"), None)
    if predicted is None or not 1 < len(predicted.values) <= MOST_CLASSES:
        return None
    alike = [
        seen.column.name
        for seen in columns
        if first.roles[seen.column.name] == "feature" and seen.values == predicted.values
    ]
    named = [name for name in alike if _is_namesake(name, first)]
    return next((found[0] for found in (alike, named) if len(found) == 1), None)


def _is_sure(name: str, first: FirstModel, columns: Sequence[Seen]) -> bool:
    """Whether a column that has the values of the prediction is the truth: by its name, or as they are many."""
    values = next(len(seen.values) for seen in columns if seen.column.name == name)
    return values > len(("no", "yes")) or _is_namesake(name, first)


def _is_namesake(name: str, first: FirstModel) -> bool:
    """Whether a column is named like the prediction or the score: ``subscribed`` and ``p_subscribe``."""
    stems = [
        word
        for answer in (*first.role("prediction"), *first.role("score"))
        for word in words_of(answer)
        if word not in PREDICTION_WORDS | SCORE_WORDS
    ]
    return any(_of_one_stem(word, stem) for word in words_of(name) for stem in stems)


def _of_one_stem(one: str, other: str) -> bool:
    letters = max(LEAST_STEM, min(len(one), len(other)) - 1)
    return len(one) >= LEAST_STEM and one[:letters] == other[:letters]


def _with_scores(first: FirstModel, columns: Sequence[Seen], classes: Sequence[str]) -> FirstModel:
    """The columns that hold the probabilities of the classes, where every class has one that is named like it."""
    found = {
        name: seen.column.name
        for name in classes
        for seen in columns
        if first.roles[seen.column.name] in {"score", "feature"}
        and seen.is_probability
        and [word for word in words_of(seen.column.name) if word not in SCORE_WORDS | {"class"}] == words_of(name)
    }
    scores = found if len(found) == len(classes) else {}
    roles: dict[str, Role] = dict.fromkeys(first.role("score"), "feature")
    roles |= dict.fromkeys(scores.values(), "score")
    return replace(first, scores=scores, roles={**first.roles, **roles})


def first_window(rows_a_day: float | None) -> str:
    """Length of the first windows."""
    if rows_a_day is None or rows_a_day >= ENOUGH_ROWS:
        return "1d"
    return "1w" if rows_a_day * 7 >= ENOUGH_ROWS else "1mo"


def _task(classes: Sequence[Seen], *, has_score: bool) -> Task | None:
    """From the values of label and prediction; a score column alone means binary."""
    for seen in classes:
        if seen.column.type.upper().startswith(("FLOAT", "DOUBLE", "DECIMAL", "REAL")) and len(seen.values) > 2:
            return "regression"
        if 0 < len(seen.values) <= 2:
            return "binary"
        if len(seen.values) <= MOST_CLASSES and seen.values:
            return "multiclass"
        if seen.column.kind == "numeric" and seen.values:
            return "regression"
    return "binary" if has_score else None


def _positive(classes: Sequence[Seen]) -> str:
    """The value that counts as positive: 1 of 0 and 1, true of true and false; other words are for a person."""
    for seen in classes:
        values = set(seen.values)
        if values and values <= {"0", "1", "0.0", "1.0"}:
            return "1"
        if values and values <= {"false", "true"}:
            return "true"
        if values:
            return f"{DECIDE}  # {' or '.join(yaml_text(value) for value in seen.values)}:"
    return "1"


def _labels(first: FirstModel, labels: FirstSource, delays: tuple[int, int] | None) -> tuple[FirstLabels, Seen | None]:
    """Which column of the label files joins, which is the truth, and which says when it arrived."""
    roles, joining, arrived = label_columns(first, labels)
    named = [seen for seen in labels.columns if roles[seen.column.name] == "label"]
    rest = [
        seen
        for seen in labels.columns
        if seen.column.name not in {joining, arrived}
        and seen.column.kind
        and not seen.formats
        and roles[seen.column.name] not in {"ignored", "timestamp"}
    ]
    truth = named[0] if named else rest[0] if len(rest) == 1 else None
    usual, longest = delays or (None, None)
    return (
        FirstLabels(
            labels.source, joining, truth.column.name if truth else None, arrived, labels.table, usual, longest
        ),
        truth,
    )


def label_columns(first: FirstModel, labels: FirstSource) -> tuple[dict[str, Role], str | None, str | None]:
    """The roles of the label files' columns, the one that joins, and the only one that can tell when a label came."""
    roles = guess(first.model, labels.source, [seen.column for seen in labels.columns]).roles
    shared = next((name for name in first.role("id") if name in roles), None)
    joining = shared or next((name for name, role in roles.items() if role == "id"), None)
    if joining is None:
        kinds = {column.type for column in first.columns if first.roles[column.name] == "id"}
        unique = [seen.column.name for seen in labels.columns if seen.unique and seen.column.type in kinds]
        joining = unique[0] if len(unique) == 1 else None
    times = [name for name, role in roles.items() if role == "timestamp"]
    times = times or [seen.column.name for seen in labels.columns if set(seen.formats) & set(first.time_formats)]
    return roles, joining, times[0] if len(times) == 1 else None


def words_of_time(column: LogColumn) -> bool:
    """Whether a column of numbers is named like one of times."""
    return column.kind == "numeric" and not TIME_WORDS.isdisjoint(words_of(column.name))


def epochs(low: float, high: float) -> tuple[str, ...]:
    """The unit in which a column of numbers counts since 1970, if all its values are of this century."""
    units = {"epoch_s": 1, "epoch_ms": 1e3, "epoch_us": 1e6, "epoch_ns": 1e9}
    return tuple(form for form, unit in units.items() if _CENTURY[0] * unit <= low and high <= _CENTURY[1] * unit)


def time_formats() -> tuple[str, ...]:
    """The ways of writing a time that are tried on a column of text, the year last or first."""
    days = [
        separator.join(parts)
        for separator in (".", "/", "-")
        for parts in (("%d", "%m", "%Y"), ("%m", "%d", "%Y"), ("%Y", "%m", "%d"))
    ]
    clocks = ("%H:%M:%S", "%H:%M", "%H:%M:%S.%f", "%I:%M:%S %p", "%I:%M %p")
    written = [day + between + clock for day in days for clock in clocks for between in (" ", "T")]
    iso = ("%Y-%m-%d ", "%Y-%m-%dT")
    return ("iso8601", *days, *(form for form in written if not form.startswith(iso)), *COMPACT)


_CENTURY = (946_684_800, 4_102_444_800)
"""The seconds of 2000 and of 2100."""
COMPACT = ("%Y%m%d%H%M%S", "%Y%m%d")
"""Ways of writing a time that are whole numbers too."""
