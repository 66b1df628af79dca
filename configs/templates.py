"""The first configuration of a project and a model, written for ``aimsight init``: text with comments, no I/O.

What can be read from the log is filled in; what a person has to decide holds the value ``DECIDE``, which
``aimsight check`` names until it is replaced.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from aimsight.configs.fields import control_character
from aimsight.configs.problems import DECIDE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aimsight.configs.facts import ColumnKind, Task

Role = Literal["id", "timestamp", "prediction", "score", "label", "protected", "feature", "ignored"]

_REAL = re.compile(r"(FLOAT|REAL|DOUBLE|DECIMAL|NUMERIC)\b", re.IGNORECASE)
_INTEGER = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER|[0-9]+)?\b", re.IGNORECASE)
_TEXT = re.compile(r"(BOOL|VARCHAR|TEXT|STRING|CHAR|ENUM|UUID)", re.IGNORECASE)
_TIME = re.compile(r"(TIMESTAMP|DATETIME|DATE\b)", re.IGNORECASE)
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
PREDICTION_WORDS = frozenset(
    {
        "prediction", "predicted", "pred", "forecast", "estimate", "estimated", "decision", "decided", "yhat", "output",
    }
)  # fmt: skip
"""What makes a column's name that of a prediction."""
SCORE_WORDS = frozenset({"score", "scores", "proba", "prob", "probability", "p", "likelihood"})
"""What makes a column's name that of a probability."""
_NAMED: tuple[tuple[Role, frozenset[str]], ...] = (
    ("id", frozenset({"id", "uuid", "key"})),
    ("score", SCORE_WORDS),
    ("prediction", PREDICTION_WORDS),
    ("label", frozenset({"label", "target", "truth", "actual", "observed", "outcome", "y"})),
    (
        "protected",
        frozenset({"gender", "sex", "race", "ethnicity", "religion", "disability", "nationality", "agegroup"}),
    ),
)
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_INDEX = re.compile(r"__index_level_\d+__$")
"""The row numbers that pandas leaves in a Parquet file."""
LOOKBACK_DAYS = 30
"""The least first lookback."""
_RESERVED = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n", DECIDE.casefold()})


@dataclass(frozen=True, slots=True)
class LogColumn:
    """A column of the log as its reader reports it: name and SQL type (``DOUBLE``, ``VARCHAR``, ``TIMESTAMP`` ...)."""

    name: str
    type: str

    @property
    def kind(self) -> ColumnKind | None:
        """Kind of the feature that the column can be; ``None`` for times and nested types."""
        if self.type.endswith("]"):
            return None
        if _REAL.match(self.type) or _INTEGER.match(self.type):
            return "numeric"
        return "category" if _TEXT.match(self.type) else None


@dataclass(frozen=True, slots=True)
class FirstLabels:
    """Labels in files of their own, as the columns suggest; ``None`` where a person has to name the column.

    ``usual_days`` and ``longest_days``: within how many days of the decision 95 of 100 labels came, and all.
    """

    source: str
    id: str | None
    label: str | None
    arrived_at: str | None = None
    table: str | None = None
    usual_days: int | None = None
    longest_days: int | None = None


@dataclass(frozen=True, slots=True)
class FirstModel:
    """What is known or guessed of a model before a person has looked at it.

    Parameters
    ----------
    model
        Id of the model.
    source
        The log as it will be written into the file, relative to the project folder.
    columns
        Its columns in order.
    roles
        Column -> guessed role; columns without an entry are features.
    task
        Guessed task, ``None`` when it cannot be told.
    span
        First and last day of the log as text, when known.
    positive
        The value that counts as positive as YAML text; ``DECIDE`` with a comment where nothing suggests itself.
    labels
        Labels in files of their own.
    table
        Table of the log in a DuckDB file.
    time_formats
        The ways of writing times that fit a timestamp column of text or numbers; empty where times are times.
    tells_zone
        Whether every time tells its moment, by an offset or otherwise.
    every
        Length of the first windows.
    end
        Day after the last window of a log that ended long ago.
    label_is_sure
        Whether the column with the role of the label is more than a possibility.
    scores
        Class -> column with its probability.
    decimal_comma
        Whether its CSV files write 0,25.
    left_out
        Column -> why it has no role, where its type does not say it.
    """

    model: str
    source: str
    columns: tuple[LogColumn, ...]
    roles: dict[str, Role] = field(default_factory=dict)
    task: Task | None = None
    span: tuple[str, str] | None = None
    positive: str = "1"
    labels: FirstLabels | None = None
    table: str | None = None
    time_formats: tuple[str, ...] = ()
    tells_zone: bool = False
    every: str = "1d"
    end: str | None = None
    label_is_sure: bool = True
    scores: dict[str, str] = field(default_factory=dict)
    decimal_comma: bool = False
    left_out: dict[str, str] = field(default_factory=dict)

    def role(self, role: Role) -> list[str]:
        """The columns that have the role, in order."""
        return [column.name for column in self.columns if self.roles.get(column.name, "feature") == role]


def guess(model: str, source: str, columns: Sequence[LogColumn], span: tuple[str, str] | None = None) -> FirstModel:
    """Guess the roles of columns from their names and types.

    At most one column gets each of the roles id, timestamp, prediction, score and label: the first that fits.
    """
    roles: dict[str, Role] = {}
    for column in columns:
        role = _guess_role(column)
        if role in {"id", "timestamp", "prediction", "score", "label"} and role in roles.values():
            role = "ignored" if role == "timestamp" else "feature"
        if role == "feature" and column.kind is None:
            role = "ignored"
        if control_character(column.name) or _INDEX.match(column.name):
            role = "ignored"
        roles[column.name] = role
    zoned = any(roles[one.name] == "timestamp" and re.search(r"TZ|WITH TIME ZONE", one.type) for one in columns)
    return FirstModel(model, source, tuple(columns), roles, _guess_task(columns, roles), span, tells_zone=zoned)


def _guess_role(column: LogColumn) -> Role:
    if _is_time(column):
        return "timestamp"
    words = words_of(column.name)
    names = {*words, "".join(words)}
    for role, marks in _NAMED:
        if names & marks and _possible(role, column):
            return role
    return "feature"


def words_of(name: str) -> list[str]:
    """The words of a column's name, in lower case: ``creditScore2`` is credit, score, 2."""
    return [word.casefold() for word in _WORDS.findall(name)]


def _possible(role: Role, column: LogColumn) -> bool:
    real = _REAL.match(column.type) is not None
    if role == "score":
        return real
    return not (role in {"id", "protected"} and real) and column.kind is not None


def _guess_task(columns: Sequence[LogColumn], roles: dict[str, Role]) -> Task | None:
    if "score" in roles.values():
        return "binary"
    types = {roles[column.name]: column.type.upper() for column in columns}
    prediction = types.get("prediction", "")
    if _REAL.match(prediction):
        return "regression"
    return "binary" if prediction.startswith("BOOL") else None


def render_project(organisation: str | None = None) -> str:
    """Text of a first ``aimsight.yaml``."""
    return "\n".join(
        [
            f"organisation: {yaml_text(organisation) if organisation else DECIDE}",
            "time_zone: UTC  # of dates shown to people",
            "# store: store/aimsight.duckdb",
            "# alerts:",
            "#   - name: ops",
            "#     url: env:OPS_URL  # an Apprise URL in the environment variable OPS_URL, or file:alerts.txt",
            "#     on: [nonconformity, nonconforming]",
            "",
        ]
    )


def render_model(first: FirstModel) -> str:
    """Text of a first ``models/<model>.yaml``."""
    return "\n".join(
        [
            f"# What stands as {DECIDE} is for a person to decide; `aimsight check` names what is left.",
            f"model: {yaml_text(first.model)}",
            f'version: {DECIDE}  # in quotes, such as "1"',
            f"owner: {DECIDE}  # who answers for the model",
            f"intended_use: {DECIDE}  # what it is for, and what it never does",
            f"risk: {DECIDE}  # minimal, limited or high, from the impact assessment",
            f"task: {first.task}  # guessed" if first.task else f"task: {DECIDE}  # binary, multiclass or regression",
            *_log(first),
            *_labels(first),
            *_features(first),
            *_groups(first),
            *_reference(first),
            *_monitor(first),
            *_objective(first),
            "",
        ]
    )


def _log(first: FirstModel) -> Iterable[str]:
    yield "log:"
    yield f"  source: {yaml_text(first.source)}"
    if first.table:
        yield f"  table: {yaml_text(first.table)}"
    yield _role_line(first, "id", "# id: COLUMN  # joins labels that arrive elsewhere")
    if first.columns and not first.role("timestamp"):
        yield f"  timestamp: {DECIDE}  # no column holds times; each row needs the time of its decision"
    else:
        yield _role_line(first, "timestamp", "")
    yield "  time_zone: UTC  # where a day of the windows begins, such as Europe/Vienna"
    if first.time_formats:
        either = " or ".join(json.dumps(one) for one in first.time_formats)
        yield "  timestamp_format: " + (either if len(first.time_formats) == 1 else f"{DECIDE}  # {either}")
    if first.decimal_comma:
        yield "  decimal_comma: true"
    if first.role("timestamp") and not first.tells_zone:
        yield f"  naive_timestamps: {DECIDE}  # the time zone of the log's clock: its timestamps name none"
    scored = first.task == "binary" and bool(first.role("score"))
    yield _role_line(first, "prediction", "# prediction: COLUMN" if scored else "")
    if first.scores:
        pairs = ", ".join(f"{yaml_text(name)}: {yaml_text(column)}" for name, column in first.scores.items())
        yield f"  scores: {{{pairs}}}"
    if first.task == "binary":
        yield _role_line(first, "score", "# score: COLUMN  # probability of the positive class")
        yield f"  positive: {first.positive}  # value of label and prediction that counts as positive"


def _role_line(first: FirstModel, role: Role, absent: str) -> str:
    found = first.role(role)
    if found:
        return f"  {role}: {yaml_text(found[0])}"
    return f"  {absent}" if absent else f"  {role}: {DECIDE}  # a column of the log"


def _labels(first: FirstModel) -> list[str]:
    if first.labels:
        arrived = first.labels.arrived_at
        return [
            "labels:",
            f"  source: {yaml_text(first.labels.source)}",
            *([f"  table: {yaml_text(first.labels.table)}"] if first.labels.table else []),
            f"  id: {_chosen(first.labels.id)}  # the column that joins them with the log's id",
            f"  label: {_chosen(first.labels.label)}",
            f"  arrived_at: {yaml_text(arrived)}" if arrived else "  # arrived_at: COLUMN  # when each became known",
            (
                f"  delay: {usual}d  # how long they are waited for; 95 of 100 came within that time"
                if (usual := first.labels.usual_days)
                else "  # delay: 30d  # how long they are waited for"
            ),
        ]
    label = first.role("label")
    if label and not first.label_is_sure:
        return [
            f"labels: {{label: {DECIDE}}}  # perhaps {json.dumps(label[0])}, which has the values of the prediction"
        ]
    if label:
        return [f"labels: {{label: {yaml_text(label[0])}}}  # guessed; `delay: 30d` when they become known later"]
    return ["# labels: {source: FILES, id: COLUMN, label: COLUMN, arrived_at: COLUMN, delay: 30d}"]


def _chosen(column: str | None) -> str:
    return yaml_text(column) if column else DECIDE


def _features(first: FirstModel) -> list[str]:
    lines = ["features:  # what the model reads; remove what it does not"]
    kinds = {column.name: column.kind for column in first.columns}
    features = [name for name in first.role("feature") if kinds[name] is not None]
    lines += [f"  {yaml_text(name)}: {kinds[name]}" for name in features]
    if not features:
        lines = [f"features: {DECIDE}  # column: numeric, or column: category"]
    for column in first.columns:
        if first.roles.get(column.name) == "ignored":
            lines.append(f"  # left out: {json.dumps(column.name)} ({_why_left_out(first, column)})")
    return lines


def _why_left_out(first: FirstModel, column: LogColumn) -> str:
    if bad := control_character(column.name):
        return f"its name holds {bad}"
    if column.name in first.left_out:
        return first.left_out[column.name]
    if _INDEX.match(column.name):
        return "row numbers of pandas"
    if column.type == '"NULL"':
        return "it has never held a value"
    if column.kind or _is_time(column):
        return "another time"
    return f"{column.type} is neither a number nor a category"


def _is_time(column: LogColumn) -> bool:
    return _TIME.match(column.type) is not None and not column.type.endswith("]")


def _groups(first: FirstModel) -> list[str]:
    names = ", ".join(yaml_text(name) for name in first.role("protected"))
    note = "  # guessed from the names" if names else "  # columns whose groups are to be treated alike"
    return [f"protected: [{names}]{note}", f"segments: [{names}]"]


def _reference(first: FirstModel) -> list[str]:
    span = f"; the log: {first.span[0]} to {first.span[1]}" if first.span else ""
    return [
        "reference:",
        f"  period: [{DECIDE}, {DECIDE}]  # first day, and the day after the last, of a good time{span}",
    ]


def _monitor(first: FirstModel) -> Iterable[str]:
    lookback = ""
    if first.labels:
        least = 2 * LOOKBACK_DAYS if first.every == "1mo" else LOOKBACK_DAYS
        lookback = f", lookback: {max(first.labels.longest_days or 0, least)}d"
    end = f", end: {first.end}" if first.end else ""
    yield f"monitor: {{every: {first.every}, window: {first.every}{lookback}{end}}}  # 1h 1d 1w 1mo 1q 1y"
    if lookback:
        yield "  # lookback: so long late labels and rows have a window measured again"
    if first.end and first.span:
        yield f"  # end: the log's last row is of {first.span[1]}; take it away where more will come"
        yield "  # `start: DAY` to begin later than after the reference"
    else:
        yield "  # `end: DAY` where the history is closed; `start: DAY` to begin later than after the reference"


def _objective(first: FirstModel) -> list[str]:
    features = first.role("feature")
    labelled = bool(first.role("label") or first.labels)
    if labelled and first.task == "binary" and first.role("score"):
        metric, column = "performance.roc_auc", None
    elif labelled and first.task == "regression":
        metric, column = "performance.mae", None
    else:
        metric, column = "drift.psi", (yaml_text(features[0]) if features else DECIDE)
    form = '">= NUMBER"' if metric == "performance.roc_auc" else '"<= NUMBER"'
    return [
        "objectives:",
        "  - id: OBJ-01",
        f"    statement: {DECIDE}  # the objective in one sentence",
        f"    metric: {metric}  # `aimsight metrics` lists them all",
        *([f"    column: {column}"] if column else []),
        f"    target: {DECIDE}  # {form}, in quotes",
        f"    rationale: {DECIDE}  # why this target",
        f"    owner: {DECIDE}",
        f"    due: {DECIDE}  # YYYY-MM-DD",
        "    severity: major",
    ]


def yaml_text(text: str) -> str:
    """The text as a YAML scalar that reads back as the same text."""
    if _PLAIN.fullmatch(text) and text.casefold() not in _RESERVED:
        return text
    return json.dumps(text, ensure_ascii=False)
