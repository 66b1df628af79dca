"""What a person declares: a project and its models, as frozen and strict pydantic models.

A field's description is its documentation: it appears in editors (JSON Schema) and in ``docs``. Checks that need
more than one field or the metric catalogue are in ``aimsight.configs.checks``.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from aimsight.configs.durations import Duration
from aimsight.configs.errors import InvalidTextError
from aimsight.configs.facts import ColumnKind, Task
from aimsight.configs.fields import (
    AlertUrl,
    AnchorTarget,
    Category,
    Day,
    DurationField,
    FilterText,
    Finite,
    Groups,
    Identifier,
    Intersection,
    Moment,
    Name,
    Prose,
    PublicKey,
    Slug,
    Source,
    TargetText,
    TimeFormat,
    TimeZone,
    WindowField,
    as_feature,
)

Occasion = Literal[
    "nonconformity",
    "nonconforming",
    "at risk",
    "conforming",
    "insufficient evidence",
    "awaiting labels",
    "not measured",
    "error",
    "missed",
    "abandoned",
    "overdue",
    "effectiveness",
]
RoleName = Literal[
    "engineer",
    "owner",
    "action owner",
    "reviewer",
    "approver",
    "top management",
    "auditor",
]


class Config(BaseModel):
    """Base of everything declared: frozen, strict, no unknown keys; lists are tuples."""

    # built when it is first used: a command uses few of all that can be declared
    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", use_attribute_docstrings=False, defer_build=True
    )

    @model_validator(mode="before")
    @classmethod
    def _lists_are_tuples(cls, data: object) -> object:
        return {key: _frozen(value) for key, value in data.items()} if isinstance(data, dict) else data


def _frozen(value: object) -> object:
    return tuple(_frozen(item) for item in value) if isinstance(value, list | tuple) else value


class Person(Config):
    """Somebody with a role in the management system."""

    id: Name = Field(description="How records name this person, for example an address.")
    name: Name = Field(description="Name for people.")
    roles: tuple[RoleName, ...] = Field(
        default=(),
        description="Roles in the management system: engineer, owner, action owner, reviewer, approver, top "
        "management, auditor (an auditor reads and verifies everything and changes nothing).",
    )


class AlertRoute(Config):
    """Where notices go, and for which occasions."""

    name: Slug = Field(description="Short name; AIMSIGHT_ALERT_<NAME>_URL overrides the url.")
    url: AlertUrl = Field(
        repr=False,  # it may hold a secret
        description="Where to: an Apprise URL, file:PATH, or env:NAME to take a secret from the environment.",
    )
    on: tuple[Occasion, ...] = Field(
        default=("nonconformity", "nonconforming"),
        min_length=1,
        description="Occasions: nonconformity (a record was opened), overdue (a record or an action is), "
        "effectiveness (the windows after an action are judged), a verdict, or the outcome of a run.",
    )


class Days(Config):
    """A number of days for each severity."""

    major: int = Field(ge=1, le=3650, description="Days for a major nonconformity.")
    minor: int = Field(ge=1, le=3650, description="Days for a minor one.")


class NonconformityConfig(Config):
    """Deadlines of nonconformities, counted from their opening, and what else their life cycle needs."""

    containment: Days = Field(default=Days(major=1, minor=5), description="Until the effect is contained.")
    cause: Days = Field(
        default=Days(major=10, minor=20), description="Until the cause is found and actions are planned."
    )
    action: Days = Field(default=Days(major=30, minor=90), description="Until the actions are carried out.")
    conclusion: int = Field(
        default=14,
        ge=1,
        le=3650,
        description="Days from the pipeline's verdict on the effect to a person's conclusion.",
    )
    watch: int = Field(
        default=180, ge=1, le=3650, description="Days after the closing in which the same failure is a recurrence."
    )
    largest_file: int = Field(default=20, ge=1, le=1000, description="Most megabytes of an attached file.")


class DashboardConfig(Config):
    """What the dashboard may do."""

    editing: bool = Field(
        default=False,
        description="Forms that change records. Whoever reaches the dashboard then acts as the person they choose, so "
        "switch it on only where the dashboard is reachable from this machine alone.",
    )


class AnchorConfig(Config):
    """Somebody else who is given the ledger's head, so that later changes before it can be seen."""

    name: Slug = Field(description="Short name.")
    to: AnchorTarget = Field(
        description="Where to: git:FOLDER (a commit in that work tree), alert:ROUTE (one of `alerts`) or "
        "tsa:https://... (an RFC 3161 time stamp, kept as evidence)."
    )
    every: DurationField = Field(default=Duration(1, "d"), description="At most so often.")
    certificate: Name | None = Field(
        default=None,
        description="tsa: PEM file with the certificate that the authority's own leads to; with it `aimsight verify` "
        "checks who signed the time stamps.",
    )

    @model_validator(mode="after")
    def _certificate_of_an_authority(self) -> Self:
        if self.certificate is not None and not self.to.startswith("tsa:"):
            raise InvalidTextError("certificate belongs to a time stamp authority", f"to: {self.to}")
        return self


class SigningConfig(Config):
    """Who signs the checkpoints, and whose signatures count."""

    key: Name | None = Field(
        default=None,
        description="PEM file with the Ed25519 private key that signs checkpoints; keep it outside the project. "
        "`aimsight keys new FILE` makes one.",
    )
    trusted: tuple[PublicKey, ...] = Field(
        default=(), description="Public keys whose signatures `aimsight verify` accepts, such as ed25519:AbC..."
    )


class ProjectConfig(Config):
    """``aimsight.yaml``: what holds for all models of the folder."""

    organisation: Prose = Field(description="Organisation whose management system this is.")
    store: Name = Field(
        default="store/aimsight.duckdb", description="The store's file, relative to the project folder."
    )
    time_zone: TimeZone = Field(default="UTC", description="Time zone of dates shown to people.")
    people: tuple[Person, ...] = Field(default=(), description="People and their roles.")
    single_person: Prose | None = Field(
        default=None,
        description="Why one person may do what needs two here (a small firm). Such acts are then allowed, marked in "
        "their records, and printed as a limitation.",
    )
    nonconformities: NonconformityConfig = Field(
        default=NonconformityConfig(), description="Deadlines of nonconformities."
    )
    dashboard: DashboardConfig = Field(default=DashboardConfig(), description="Whether the dashboard changes records.")
    changes: Literal["record", "approve"] = Field(
        default="record",
        description="What an edited objective does. approve: nothing, until a second person approves the change "
        "(`aimsight changes`); record: it holds from the next run on, which records the change as one that nobody has "
        "approved yet.",
    )
    alerts: tuple[AlertRoute, ...] = Field(default=(), description="Where notices go.")
    checkpoints: tuple[Name, ...] = Field(
        default=("store/checkpoints.jsonl",),
        description="Files outside the store that the ledger's head is appended to after every run.",
    )
    anchors: tuple[AnchorConfig, ...] = Field(
        default=(), description="Who else is given the ledger's head, and how often."
    )
    signing: SigningConfig = Field(default=SigningConfig(), description="Signatures of the checkpoints.")
    evidence: Name = Field(default="store/evidence", description="Folder of evidence files, named by their hash.")
    memory_limit: Annotated[str, Field(pattern=r"^[1-9][0-9]*(\.[0-9]+)?(MB|GB|MiB|GiB)$")] = Field(
        default="200MB", description="Most memory that DuckDB takes to read a source, such as 200MB or 2GB."
    )
    threads: int = Field(default=2, ge=1, le=256, description="Threads that read a source.")
    min_group: int = Field(default=30, ge=1, description="Fewest rows of a group that is judged on its own.")
    drift_fdr: Literal["bh", "by"] = Field(
        default="bh",
        description="How q-values of drift are adjusted over columns: Benjamini-Hochberg (bh), or Benjamini-Yekutieli "
        "(by), which holds whatever the columns' dependence and finds less.",
    )


class LogConfig(Config):
    """Where the inference log lies and what its columns mean."""

    source: Source = Field(
        description="Parquet, CSV or JSON file, glob, or .duckdb file (or a list of files and globs)."
    )
    table: Name | None = Field(default=None, description="Table to read when the source is a .duckdb file.")
    id: Name | None = Field(default=None, description="Column that identifies a decision; labels join by it.")
    timestamp: Name = Field(description="Column with the time of the decision.")
    time_zone: TimeZone = Field(default="UTC", description="Calendar of the windows: where a day begins.")
    naive_timestamps: TimeZone | None = Field(
        default=None, description="Zone in which timestamps without an offset are read; without it they are refused."
    )
    timestamp_format: TimeFormat | None = Field(
        default=None,
        description="How times are written where they are text or numbers: such as %d.%m.%Y %H:%M, or iso8601, or "
        "epoch_s, epoch_ms, epoch_us, epoch_ns (since 1970); default: 2026-11-24 15:00:00.",
    )
    decimal_comma: bool = Field(
        default=False, description="Whether CSV files, those of the labels too, write 0,25 and not 0.25."
    )
    prediction: Name | None = Field(default=None, description="Column with the model's decision.")
    score: Name | None = Field(
        default=None, description="Column with the probability of the positive class (task binary)."
    )
    scores: dict[Name, Name] | None = Field(
        default=None, description="Class -> column with its probability (task multiclass)."
    )
    interval: tuple[Name, Name] | None = Field(
        default=None,
        description="Columns with the lower and the upper end of the prediction interval (task regression).",
    )
    positive: str | int | bool = Field(
        default=1, description="Value of label and prediction that counts as positive (task binary)."
    )

    @property
    def sources(self) -> tuple[str, ...]:
        """The files and globs, one or more."""
        return (self.source,) if isinstance(self.source, str) else self.source

    @property
    def zone(self) -> ZoneInfo:
        """The calendar of the windows."""
        return ZoneInfo(self.time_zone)


class LabelsConfig(Config):
    """Where the truth comes from, and when."""

    source: Source | None = Field(
        default=None, description="Where labels lie; without it, in the inference log itself."
    )
    table: Name | None = Field(default=None, description="Table to read when the source is a .duckdb file.")
    id: Name | None = Field(default=None, description="Column that identifies the decision; default: as in the log.")
    label: Name = Field(description="Column with the truth.")
    arrived_at: Name | None = Field(default=None, description="Column with the time at which the label became known.")
    delay: DurationField | None = Field(
        default=None, description="How long after the window's end labels are waited for, such as 30d."
    )
    min_coverage: Finite = Field(
        default=0.8,
        ge=0,
        le=1,
        description="Share of labelled rows from which a window is judged before the delay ends.",
    )

    @property
    def sources(self) -> tuple[str, ...]:
        """The files and globs; none when the labels lie in the log."""
        if self.source is None:
            return ()
        return (self.source,) if isinstance(self.source, str) else self.source


class FeatureConfig(Config):
    """A column that the model reads: its kind and the values that were agreed."""

    kind: ColumnKind = Field(description="numeric or category.")
    range: tuple[Finite, Finite] | None = Field(
        default=None, description="Least and greatest valid value, both included (kind numeric)."
    )
    values: tuple[Category, ...] | None = Field(default=None, min_length=1, description="Valid values (kind category).")
    importance: Finite | None = Field(
        default=None,
        ge=0,
        description="How much the model relies on it, in any unit that all features share: weighs its drift.",
    )

    @model_validator(mode="after")
    def _fits_kind(self) -> Self:
        if self.kind == "category" and self.range is not None:
            raise InvalidTextError("range belongs to kind numeric; a category has values")
        if self.kind == "numeric" and self.values is not None:
            raise InvalidTextError("values belong to kind category; a numeric column has a range")
        if self.range is not None and self.range[0] > self.range[1]:
            raise InvalidTextError("the range ends before it begins", f"[{self.range[1]:g}, {self.range[0]:g}]")
        return self


class ReferenceConfig(Config):
    """What windows are compared with; frozen and hashed when first used."""

    period: tuple[Moment, Moment] | None = Field(
        default=None,
        description="[first day, day after the last]: half-open, midnight (or local time) of the log's time zone.",
    )
    source: Source | None = Field(default=None, description="Files whose rows are the reference, instead of a period.")
    labels_source: Source | None = Field(default=None, description="Files with the labels of those rows.")
    windows: DurationField | None = Field(
        default=None,
        description="Windows within the reference that show its natural variation; default: monitor.window, or the "
        "longest shorter unit of which the reference holds at least 8.",
    )
    season: Literal["weekday", "month"] | None = Field(
        default=None,
        description="Drift is measured from those windows of the reference that start on the same weekday, or in the "
        "same month.",
    )
    rolling: int | None = Field(
        default=None,
        ge=3,
        le=1000,
        description="Drift is measured from so many windows right before the one that is measured; while there are "
        "fewer, from the reference.",
    )
    expanding: bool = Field(
        default=False,
        description="Drift is measured from the reference and every window since that is before the one measured.",
    )

    @property
    def moves(self) -> bool:
        """Whether drift is measured from the windows before the one that is measured."""
        return self.expanding or self.rolling is not None

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.period is None) == (self.source is None):
            raise InvalidTextError("a reference has either a period of the log or a source of its own")
        if self.labels_source is not None and self.source is None:
            raise InvalidTextError("labels_source belongs to a reference with its own source")
        if self.season is not None and self.period is None:
            raise InvalidTextError("season needs a reference period: files of their own have no windows")
        if sum((self.season is not None, self.rolling is not None, self.expanding)) > 1:
            raise InvalidTextError("of season, rolling and expanding only one can be: each says what drift is from")
        return self

    @property
    def sources(self) -> tuple[str, ...]:
        """The files and globs; none when the reference is a period of the log."""
        if self.source is None:
            return ()
        return (self.source,) if isinstance(self.source, str) else self.source


class MonitorConfig(Config):
    """How often the model is looked at, and through which windows."""

    name: Slug = Field(default="main", description="Name of the monitor; part of the identity of its runs.")
    every: DurationField = Field(description="How often a window ends, or is looked for: 1h, 1d, 1w, 1mo, 1q, 1y.")
    window: WindowField = Field(
        description='Length of a window: as `every`, or "1000 rows", or "12 chunks" of a history that has an `end`.'
    )
    lookback: DurationField | None = Field(
        default=None,
        description="How far back windows are measured again for late rows and labels: from the present or, where the "
        "history has an `end` that is past, from there.",
    )
    start: Day | None = Field(default=None, description="First day of the first window; default: after the reference.")
    end: Day | None = Field(
        default=None, description="Day after the last window: of a model that was retired, or a history that is closed."
    )

    @model_validator(mode="after")
    def _begins_first(self) -> Self:
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise InvalidTextError("monitoring ends before it starts")
        return self

    @property
    def calendar(self) -> Duration:
        """The calendar length that stands for a window: its own, or how often windows of rows are looked for."""
        return self.window if isinstance(self.window, Duration) else self.every


class OpensRule(Config):
    """When failures open a nonconformity."""

    failures: int = Field(default=2, ge=1, le=100, description="So many nonconforming windows ...")
    of: int = Field(default=3, ge=1, le=100, description="... out of so many consecutive ones.")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.failures > self.of:
            raise InvalidTextError(f"{self.failures} of {self.of} windows cannot fail", f"of: {self.failures}")
        return self


class ObjectiveConfig(Config):
    """An AI objective (clause 6.2): what is promised of a metric, by whom, until when, and why."""

    id: Identifier = Field(description="Stable id, such as OBJ-01.")
    statement: Prose = Field(description="The objective in one sentence.")
    metric: Name = Field(description="Id of the metric that measures it; `aimsight metrics` lists them.")
    column: Name | None = Field(default=None, description="Column that a drift or quality metric looks at.")
    over: Groups | None = Field(
        default=None, description="Groups that a fairness metric compares: a column, or a list."
    )
    segment: Name | None = Field(default=None, description="Part of the rows that the objective holds for: gender=F.")
    target: TargetText = Field(description='">= 0.83", "<= 0.1" or "between -1.5 and 1.5".')
    tolerance: Finite = Field(default=0.0, ge=0, description="Distance beyond the target that is still at risk only.")
    zero_tolerance: bool = Field(default=False, description="One nonconforming window opens a nonconformity.")
    min_rows: int = Field(default=30, ge=1, description="Fewest rows that a verdict rests on.")
    rationale: Prose = Field(description="Why this target: validation result, impact assessment, law.")
    owner: Name = Field(description="Who answers for it.")
    due: Day = Field(description="Day by which it is to be reached (YYYY-MM-DD).")
    severity: Literal["minor", "major"] = Field(description="Severity of a nonconformity that it opens.")
    opens: OpensRule = Field(default=OpensRule(), description="When failures open a nonconformity.")
    policy_ref: Prose | None = Field(default=None, description="Paragraph of the AI policy it serves.")
    actions: tuple[Prose, ...] = Field(default=(), description="What will be done to reach it.")
    resources: Prose | None = Field(default=None, description="What that takes.")
    level: Literal["organisation", "function", "system"] = Field(
        default="system", description="Where in the organisation it is set."
    )
    baseline: Finite | None = Field(default=None, description="Value of the metric when the target was set.")
    baseline_date: Day | None = Field(default=None, description="Day of that value (YYYY-MM-DD).")
    review: Day | None = Field(default=None, description="Day by which the objective itself is looked at again.")
    requirements: tuple[Prose, ...] = Field(
        default=(), description="Requirements that it serves: laws, contracts, standards, clauses, controls."
    )
    tags: tuple[Name, ...] = Field(
        default=(), description="Quality characteristics and frameworks: fairness, robustness, EU AI Act."
    )
    communicated: tuple[Prose, ...] = Field(default=(), description="To whom it was made known, and when.")

    @model_validator(mode="after")
    def _baseline_has_a_day(self) -> Self:
        if (self.baseline is None) != (self.baseline_date is None):
            raise InvalidTextError("baseline and baseline_date belong together: the value, and the day it was measured")
        return self

    @property
    def group(self) -> str:
        """The groups compared, as measurements name them: ``gender & age_group``; ``''`` without."""
        if self.over is None:
            return ""
        return self.over if isinstance(self.over, str) else " & ".join(self.over)


Feature = Annotated[
    FeatureConfig,
    BeforeValidator(as_feature),
]


class ModelConfig(Config):
    """``models/*.yaml``: one model, its inference log, its reference and its objectives."""

    model: Slug = Field(description="Id of the model.")
    version: Name = Field(description='Version of the model, in quotes: "2".')
    owner: Name = Field(description="Who answers for the model.")
    intended_use: Prose = Field(description="What the model is for, and what it never does.")
    risk: Literal["minimal", "limited", "high"] = Field(description="Risk level from the impact assessment.")
    task: Task = Field(description="binary, multiclass or regression.")
    log: LogConfig = Field(description="The inference log.")
    labels: LabelsConfig | None = Field(default=None, description="The truth, when it becomes known.")
    features: dict[Name, Feature] = Field(
        min_length=1,
        description="Columns that the model reads: `age: numeric` or `age: {kind: numeric, range: [18, 99]}`.",
    )
    protected: tuple[Name, ...] = Field(default=(), description="Columns whose groups fairness metrics compare.")
    segments: tuple[Intersection, ...] = Field(
        default=(), description="Columns (or lists of columns) whose values are measured on their own."
    )
    filters: dict[Identifier, FilterText] = Field(
        default={},
        description="Named parts of the rows that are measured on their own: "
        "`seniors: age >= 60 and region in (north, south)`; an objective names one as its segment.",
    )
    reference: ReferenceConfig | None = Field(default=None, description="What windows are compared with.")
    monitor: MonitorConfig = Field(description="How often and through which windows.")
    metrics: tuple[Name, ...] | None = Field(
        default=None, description="Only these metrics, as ids or globs (performance.*); default: all that apply."
    )
    drift: Literal["binned", "exact"] = Field(
        default="binned", description="Drift distances from cells (with a stated error bound) or from all values."
    )
    drift_fdr: Literal["bh", "by"] | None = Field(
        default=None, description="How q-values are adjusted over columns; default: the project's."
    )
    min_group: int | None = Field(
        default=None, ge=1, description="Fewest rows of a group that is judged on its own; default: the project's."
    )
    objectives: tuple[ObjectiveConfig, ...] = Field(default=(), description="What is promised of this model.")


__all__ = [
    "AlertRoute",
    "Config",
    "DashboardConfig",
    "Days",
    "Duration",
    "FeatureConfig",
    "LabelsConfig",
    "LogConfig",
    "ModelConfig",
    "MonitorConfig",
    "NonconformityConfig",
    "ObjectiveConfig",
    "OpensRule",
    "Person",
    "ProjectConfig",
    "ReferenceConfig",
    "RoleName",
]
