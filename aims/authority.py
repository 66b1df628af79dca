"""Authority: whether everybody who acted was allowed to, told from the ledger alone.

The walk keeps what the rules need (who the people were, who wrote a record, who did the work of a nonconformity) and
holds every act of a person against it. What the service functions refuse beforehand shows here afterwards, also where
somebody went past them: with another program, another version, or straight into the database before it was chained.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aimsight.aims.lifecycle.states import STEPS, Step
from aimsight.aims.lifecycle.transitions import APPROVE_MAJOR, APPROVE_MINOR
from aimsight.aims.people import CHANGES_RECORDS, Role
from aimsight.aims.people_on_record import RECORDED
from aimsight.store.findings import Authority, Event, Finding
from aimsight.store.records import PROGRAM

PROGRAMS = frozenset({PROGRAM, "aimsight serve"})
"""Actors that are no people."""
DECLARED = "roles are declared in aimsight.yaml and acts by --as: nothing here proves that a person is who they say"
_CHANGERS = frozenset(CHANGES_RECORDS)
_APPROVERS = frozenset({Role.APPROVER, Role.TOP_MANAGEMENT})
_JUDGES = _APPROVERS | {Role.REVIEWER}
_TOP = frozenset({Role.TOP_MANAGEMENT})
_BY_EVENT: dict[str, Step] = {f"nonconformity.{step.event}": step for step in STEPS.values()}
_REOPENED = f"nonconformity.{STEPS['reopen'].event}"
_PEOPLE_ONLY = frozenset(
    {*_BY_EVENT, "record.approved", "record.reviewed", "record.withdrawn", "failure.disposed"} - {_REOPENED}
)
"""What the program never does by itself."""


@dataclass(frozen=True, slots=True)
class _People:
    roles: Mapping[str, frozenset[str]]
    single_person: str | None
    changes: str


@dataclass(slots=True)
class _Register:
    """What is known of a register record: who wrote it since its last approval; status and author by version."""

    authors: set[str] = field(default_factory=set)
    versions: dict[int, tuple[str, str]] = field(default_factory=dict)


@dataclass(slots=True)
class _Case:
    """What is known of a nonconformity before the next step."""

    owner: str = ""
    detected_by: str = ""
    severity: str = ""
    dossier: str = "{}"
    coming: str | None = None
    did: set[str] = field(default_factory=set)
    """Who noted actions as done since the plan."""


class Authorities:
    """The walk; give it to ``verify``, or let it see the events in their order."""

    def __init__(self) -> None:
        self._people: _People | None = None
        self._registers: dict[str, _Register] = {}
        self._cases: dict[str, _Case] = {}
        self._approved_by: dict[str, str] = {}
        self._findings: list[Finding] = []
        self._alone: list[str] = []
        self._acts = self._unjudged = 0
        self._marked = False
        self._keeps: dict[str, Callable[[Event], None]] = {
            "people": self._see_people,
            "record": self._see_register,
            "nonconformity": self._see_case,
            "objective": self._see_objective,
            "failure": self._see_failure,
        }

    def see(self, event: Event) -> None:
        """Take up one event."""
        kind, actor = event.kind, event.actor
        keeps = self._keeps.get(kind.partition(".")[0])
        if actor in PROGRAMS:
            if keeps is None:
                return
            if kind in _PEOPLE_ONLY:
                self._wrong(event, "only a person does this, and it was not one")
        else:
            self._acts += kind != "nonconformity.dossier"  # which goes with a step
            self._known(event)
        self._marked = False
        if keeps is not None:
            keeps(event)
        if actor not in PROGRAMS and not self._marked and event.payload.get("single_person") is True:
            self._by_one(event, "what needs two people was done by one")

    def verdict(self) -> Authority:
        """What came of it."""
        limits = [DECLARED] if self._acts else []
        if self._unjudged:
            limits.append(
                f"acts of people before it was on record who they are, so that their roles cannot be told: "
                f"{self._unjudged:,}"
            )
        if self._alone:
            limits.append(f"acts by one person that need two, allowed by single_person: {len(self._alone):,}")
        return Authority(tuple(self._findings), tuple(self._alone), self._acts, self._unjudged, tuple(limits))

    def _known(self, event: Event) -> None:
        """The actor is known, and is no mere auditor."""
        if self._people is None:
            self._unjudged += 1
        elif event.actor not in self._people.roles:
            self._wrong(event, "nobody of that id was among the people then")
        else:
            self._role(event, _CHANGERS)

    def _role(self, event: Event, roles: Iterable[Role]) -> None:
        """The actor has one of the roles; told once an event, and only where roles are known."""
        if self._people is None or event.actor in PROGRAMS:
            return
        has = self._people.roles.get(event.actor)
        if has is None or has & {role.value for role in roles}:
            return
        last = self._findings[-1] if self._findings else None
        if last is None or last.seq != event.seq:
            held = ", ".join(sorted(has)) or "no role"
            self._wrong(event, f"had {held} then, and this takes {' or '.join(sorted(role.value for role in roles))}")

    def _second(self, event: Event, others: Iterable[str], because: str) -> None:
        """Somebody else does this than those whose work it judges."""
        if event.actor in set(others):
            self._by_one(event, because)

    def _by_one(self, event: Event, because: str) -> None:
        self._marked = True
        allowed = event.payload.get("single_person") is True if self._people is None else self._people.single_person
        if allowed:
            self._alone.append(f"{_where(event)}: {event.actor} alone; {because}")
        else:
            self._wrong(event, f"{because}, and no single-person mode was declared")

    def _wrong(self, event: Event, what: str) -> None:
        self._findings.append(Finding(event.seq, f"{_where(event)}: {event.actor}: {what}"))

    def _see_people(self, event: Event) -> None:
        if event.kind != RECORDED:
            return
        if event.actor not in PROGRAMS:
            self._wrong(event, "the people are put on record by the program alone")
        said = event.payload
        roles = {name: frozenset(roles) for name, roles in said["people"].items()}
        self._people = _People(roles, said.get("single_person"), said.get("changes", ""))

    def _see_register(self, event: Event) -> None:
        row = event.payload["row"]
        known = self._registers.setdefault(event.subject, _Register())
        before, author = known.versions.get(row["version"], ("", row["author"]))
        match event.kind:
            case "record.created" | "record.revised":
                known.authors.add(row["author"])
                if row["author"] != event.actor:
                    self._wrong(event, f"the record names another author, {row['author']}")
            case "record.reviewed":
                self._role(event, _JUDGES)
                self._second(event, [author], "they wrote it")
            case "record.approved":
                self._role(event, _TOP if row["record_type"] == "management_review" else _APPROVERS)
                self._second(event, known.authors or {author}, "they wrote it")
                if row["approver"] != event.actor:
                    self._wrong(event, f"the record names another approver, {row['approver']}")
                known.authors.clear()
                self._approved_by[event.subject] = event.actor
            case "record.withdrawn" if before == "approved":
                self._role(event, _APPROVERS)
                self._second(event, [author], "they wrote it")
        known.versions[row["version"]] = (row["status"], author)

    def _see_case(self, event: Event) -> None:
        kind = event.kind
        if kind in {"nonconformity.occurrence", "nonconformity.effect_measured"} or "row" not in event.payload:
            return
        case = self._cases.setdefault(event.subject, _Case())
        row = event.payload["row"]
        if kind == "nonconformity.dossier":
            case.coming = row["content"]
            return
        step = _BY_EVENT.get(kind)
        if step is not None and event.actor not in PROGRAMS:
            lowered = case.severity == "major" and row["severity"] == "minor"
            self._step(event, step, case, lowered=lowered)
        if step is not None and step.name == "implement":
            case.did.add(event.actor)
        elif step is not None and step.name == "plan":
            case.did.clear()
        case.owner, case.severity, case.detected_by = row["owner"], row["severity"], row["detected_by"]
        case.dossier, case.coming = case.coming or case.dossier, None

    def _step(self, event: Event, step: Step, case: _Case, *, lowered: bool) -> None:
        """One step of a nonconformity, held against what was on record before it."""
        roles = step.roles or _CHANGERS
        if step.name in {"approve", "close"}:
            roles = APPROVE_MAJOR if case.severity == "major" else APPROVE_MINOR
        self._role(event, roles)
        judges = _OTHERS.get(step.name)
        if judges is not None:
            others, because = judges
            self._second(event, others(case, json.loads(case.dossier)), because)
        elif step.name == "regrade" and lowered:
            self._second(event, [case.owner], "they own it, and lowered its severity")

    def _see_objective(self, event: Event) -> None:
        if event.kind != "objective.version":
            return
        change = event.payload.get("change")
        if change is not None:
            self._role(event, _APPROVERS)
            if self._approved_by.get(change) != event.actor:
                self._wrong(event, f"{change}, with which it came into force, was not approved by them")
        elif self._people is not None and self._people.changes == "approve":
            self._wrong(event, "it came into force without an approved change, which the project demanded then")

    def _see_failure(self, event: Event) -> None:
        self._role(event, _JUDGES)


def _where(event: Event) -> str:
    return f"ledger entry {event.seq} ({event.kind} of {event.subject})"


def _doers(case: _Case, dossier: Mapping[str, Any]) -> set[str]:
    """Whoever has to do with the actions of the plan."""
    plan = dossier.get("plan") or {}
    named = {action.get(key) for action in plan.get("actions", ()) for key in ("owner", "done_by")}
    return {name for name in named | case.did if name}


def _planners(case: _Case, dossier: Mapping[str, Any]) -> set[str]:
    del case
    plan = dossier.get("plan") or {}
    named = {plan.get("by"), *(action.get("owner") for action in plan.get("actions", ()))}
    return {name for name in named if name}


def _correctors(case: _Case, dossier: Mapping[str, Any]) -> set[str]:
    named = {case.owner, *((dossier.get(part) or {}).get("by") for part in ("containment", "cause"))}
    return {name for name in named if name}


_Others = Callable[[_Case, Mapping[str, Any]], Iterable[str]]
_OTHERS: dict[str, tuple[_Others, str]] = {
    "reject": (lambda case, _: {case.owner, case.detected_by}, "it is their own record"),
    "accept": (lambda case, _: {case.owner}, "they own it"),
    "approve": (_planners, "they made the plan or carry it out"),
    "check": (_doers, "they carried out an action"),
    "conclude": (_doers, "they carried out an action"),
    "close": (lambda case, dossier: {case.owner, *_doers(case, dossier)}, "they own it or carried out an action"),
    "correction-only": (_correctors, "they own it, corrected it or analysed it"),
}
"""By step: whose work it judges, and why they are those people."""
