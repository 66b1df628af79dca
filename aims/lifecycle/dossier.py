"""What people recorded of a nonconformity, step by step: the parts of clause 10.2 as structured data.

A part is what a person gives (from options or a YAML file); ``by`` and ``at`` are stamped by the program and never
taken from the input. The whole is one frozen value with one canonical text, so that an event can carry it before and
after.
"""

from __future__ import annotations

import json
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from aimsight.configs.errors import InvalidTextError
from aimsight.configs.fields import Day, Finite, Identifier, Name, Prose, TargetText
from aimsight.configs.schema import Config

Severity = Literal["minor", "major"]
Branch = Literal["people", "method", "data", "model", "tools", "environment", "measurement"]
Area = Literal[
    "risks",
    "objectives",
    "statement of applicability",
    "procedures",
    "monitoring plan",
    "impact assessment",
    "competence",
    "suppliers",
]
FEWEST_WHYS = 3
FEWEST_BRANCHES = 2


class Part(Config):
    """Something that a person recorded, with who and when."""

    by: str = ""
    at: AwareDatetime | None = None


class Grading(Part):
    """That it is a nonconformity, how severe and why, and whose it is."""

    severity: Severity = Field(description="minor or major.")
    criteria: Prose = Field(description="Why this severity.")
    owner: Name = Field(description="Who answers for it: the id of a person.")
    extent: Prose | None = Field(default=None, description="How many decisions, persons or groups are affected.")


class Containment(Part):
    """What was done about the effect; apart from what removes the cause."""

    correction: Prose | None = Field(default=None, description="What was done to contain and correct the effect.")
    none_needed: Prose | None = Field(default=None, description="Why no correction is needed.")
    result: Prose | None = Field(default=None, description="What came of the correction.")
    consequences: Prose | None = Field(
        default=None, description="How consequences were dealt with: persons affected, redress, users informed."
    )
    serious: bool | None = Field(
        default=None, description="Whether it is a serious incident (EU AI Act, Art. 73, or the like)."
    )
    serious_because: Prose | None = Field(default=None, description="Why it is one, or why not.")


class Cause(Part):
    """Why it happened, and by which method that was found out."""

    method: Literal["five whys", "fishbone"] = Field(description="five whys or fishbone.")
    whys: tuple[Prose, ...] = Field(default=(), description="The answers, each asking why of the one before.")
    branches: dict[Branch, tuple[Prose, ...]] = Field(
        default_factory=dict, description="Possible causes by branch: people, method, data, model, tools, ..."
    )
    causes: tuple[Prose, ...] = Field(default=(), description="The root causes found.")
    contributing: tuple[Prose, ...] = Field(default=(), description="What contributed.")
    undetected: Prose | None = Field(default=None, description="Why it was not detected earlier.")
    attempt: int = 1

    @model_validator(mode="after")
    def _method_was_followed(self) -> Self:
        if self.method == "five whys" and len(self.whys) < FEWEST_WHYS:
            raise InvalidTextError(f"five whys needs at least {FEWEST_WHYS} answers (whys), and has {len(self.whys)}")
        filled = [branch for branch, found in self.branches.items() if found]
        if self.method == "fishbone" and len(filled) < FEWEST_BRANCHES:
            raise InvalidTextError(
                f"a fishbone looks into at least {FEWEST_BRANCHES} branches, and this has {len(filled)}"
            )
        return self


class Question(Config):
    """One question that the search asked the store: in words, as SQL with its values, and how many rows came."""

    asked: str
    sql: str
    values: tuple[str, ...]
    hits: int


class Hit(Config):
    """One place where the same kind of failure is, or may be."""

    where: str
    model: str
    metric: str
    column: str = ""
    segment: str = ""
    finding: str
    window: str = ""
    nonconformity: str = ""
    objective: str = ""


class SimilarSearch(Part):
    """The search for similar nonconformities (10.2 b): what was searched, how, and what was found."""

    searched: str
    models: tuple[str, ...]
    questions: tuple[Question, ...]
    hits: tuple[Hit, ...]
    total: int
    ledger_seq: int
    attempt: int = 1


class Evidence(Config):
    """What shows that something was done: words, and a file by its SHA-256."""

    text: Prose | None = None
    file: str | None = None


class Action(Config):
    """One action with who carries it out until when."""

    id: Identifier = Field(description="Short id such as A1.")
    description: Prose = Field(description="What is done.")
    kind: Literal["corrective", "correction"] = Field(
        default="corrective", description="corrective removes the cause, correction only the effect."
    )
    owner: Name = Field(description="Who carries it out: the id of a person.")
    due: Day = Field(description="Until when (YYYY-MM-DD).")
    resources: Prose | None = Field(default=None, description="What that takes.")
    change: Identifier | None = Field(default=None, description="The change (6.3) that it belongs to.")
    done_by: str = ""
    done_on: Day | None = None
    done_at: AwareDatetime | None = None
    evidence: tuple[Evidence, ...] = ()


class Criterion(Config):
    """How it will be seen that the actions worked; fixed before they are carried out."""

    kind: Literal["objective", "metric", "runs", "check"] = Field(
        description="objective: its own target; metric: any metric against a threshold; runs: monitoring takes place; "
        "check: a person looks (only where nothing is measured)."
    )
    objective: Identifier | None = Field(default=None, description="Objective (kind objective).")
    metric: Name | None = Field(default=None, description="Metric (kind metric).")
    column: Name | None = Field(default=None, description="Column or groups of the metric.")
    segment: Name | None = Field(default=None, description="Part of the rows.")
    threshold: TargetText | None = Field(default=None, description='Threshold (kind metric), such as ">= 0.8".')
    tolerance: Finite = Field(default=0.0, ge=0, description="Distance beyond the threshold that is at risk only.")
    zero_tolerance: bool = Field(default=False, description="Judge the value alone, without its interval.")
    windows: Annotated[int, Field(ge=1, le=366)] = Field(
        default=3, description="So many windows in a row have to conform."
    )
    at_most: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        default=None,
        description="Not shown within so many measured windows: not effective; default: three times windows.",
    )
    min_rows: Annotated[int, Field(ge=1)] = Field(default=30, description="Fewest rows of a window that counts.")
    start: Day | None = Field(default=None, description="First day that counts; default: the day the watch starts.")
    check: Prose | None = Field(
        default=None, description="What a person looks at, and what they must see (kind check)."
    )

    @model_validator(mode="after")
    def _says_what_its_kind_needs(self) -> Self:
        needs = {"objective": ("objective",), "metric": ("metric", "threshold"), "runs": (), "check": ("check",)}
        lacking = [name for name in needs[self.kind] if getattr(self, name) is None]
        if lacking:
            raise InvalidTextError(f"a criterion of kind {self.kind} needs {' and '.join(lacking)}")
        if self.at_most is not None and self.at_most < self.windows:
            raise InvalidTextError(f"{self.windows} windows cannot conform within {self.at_most}")
        return self

    @property
    def most(self) -> int:
        """After so many measured windows without success the actions count as not effective."""
        return self.at_most or 3 * self.windows


class Plan(Part):
    """That action is needed and why, the actions, and the criterion of their effect."""

    needed_because: Prose = Field(description="Why action is needed to remove the cause.")
    actions: tuple[Action, ...] = Field(min_length=1, description="The actions.")
    criterion: Criterion = Field(description="How their effect will be seen.")
    correction_only_because: Prose | None = Field(
        default=None, description="Why actions that only correct (such as retraining) remove the cause."
    )
    approved_by: str = ""
    approved_at: AwareDatetime | None = None
    attempt: int = 1

    @model_validator(mode="after")
    def _ids_differ(self) -> Self:
        ids = [action.id for action in self.actions]
        if len(set(ids)) < len(ids):
            raise InvalidTextError("two actions have the same id")
        return self


class Watch(Part):
    """The windows that count: those that begin at ``start`` or later."""

    start: AwareDatetime


class Check(Part):
    """What a person saw who looked at the effect (criterion of kind check)."""

    met: bool = Field(description="Whether the criterion was met.")
    finding: Prose = Field(description="What was seen.")
    evidence: tuple[Evidence, ...] = ()


class Conclusion(Part):
    """What a person who carried out none of the actions concludes from the verdict."""

    effective: bool = Field(description="Whether the actions were effective.")
    reason: Prose = Field(description="Why.")
    measured: str = ""


class Closure(Part):
    """What the nonconformity changes in the management system."""

    changed: tuple[Area, ...] = Field(default=(), description="What was changed: risks, objectives, procedures, ...")
    links: tuple[Name, ...] = Field(default=(), description="Records of those changes.")
    none_because: Prose | None = Field(default=None, description="Why nothing has to change.")


class Said(Part):
    """A decision with its reason."""

    reason: Prose = Field(description="Why.")


class Deviation(Part):
    """A deviation that is accepted for a time."""

    risk: Name = Field(description="The risk record that accepts it.")
    reason: Prose = Field(description="Why it is accepted.")
    until: Day = Field(description="Last day of the acceptance (YYYY-MM-DD).")
    worst: Finite | None = Field(default=None, description="Worst value accepted; default: the worst so far.")


class Incident(Part):
    """A serious incident and its clock."""

    kind: Literal["serious", "death", "widespread"] = Field(
        description="serious: report within 15 days; death: 10 days; widespread (or critical infrastructure): 2 days."
    )
    description: Prose = Field(description="What happened to whom.")
    aware_at: AwareDatetime | None = Field(default=None, description="When it became known; default: now.")
    record: Name | None = Field(default=None, description="The record of the incident.")
    due_at: AwareDatetime | None = None
    came_from: str = ""
    reported_at: AwareDatetime | None = None
    reported_to: Prose | None = Field(default=None, description="Which authority was told.")
    not_reportable: Prose | None = Field(default=None, description="Why it need not be reported.")
    settled_by: str = ""


class Attempt(Config):
    """An attempt that was not effective, kept as it was."""

    cause: Cause
    similar: SimilarSearch
    plan: Plan
    watch: Watch | None
    checks: tuple[Check, ...]
    conclusion: Conclusion


class Dossier(Config):
    """Everything recorded so far; a part is ``None`` until its step is done."""

    grading: Grading | None = None
    rejection: Said | None = None
    containment: Containment | None = None
    similar: SimilarSearch | None = None
    cause: Cause | None = None
    no_action: Said | None = None
    plan: Plan | None = None
    watch: Watch | None = None
    checks: tuple[Check, ...] = ()
    conclusion: Conclusion | None = None
    closure: Closure | None = None
    deviations: tuple[Deviation, ...] = ()
    incidents: tuple[Incident, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    reopenings: tuple[Said, ...] = ()

    @property
    def incident(self) -> Incident | None:
        """The latest incident."""
        return self.incidents[-1] if self.incidents else None

    @property
    def deviation(self) -> Deviation | None:
        """The latest accepted deviation."""
        return self.deviations[-1] if self.deviations else None

    @property
    def text(self) -> str:
        """The canonical text: JSON with sorted keys, without what was not said."""
        return json.dumps(
            self.model_dump(mode="json", exclude_defaults=True), ensure_ascii=False, sort_keys=True, allow_nan=False
        )

    @classmethod
    def of(cls, text: str | None) -> Self:
        """The dossier of a canonical text."""
        return cls.model_validate(json.loads(text), strict=False) if text else cls()


_CORRECTING = ("retrain", "re-train", "refit", "roll back", "rollback", "restart", "recalibrate", "rerun", "re-run")


def corrections(plan: Plan) -> list[Action]:
    """The actions that only correct: declared so, or by their words ("retrain the model")."""
    return [
        action
        for action in plan.actions
        if action.kind == "correction" or any(word in action.description.casefold() for word in _CORRECTING)
    ]
