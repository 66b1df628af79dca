"""Who may do what, judged from the ledger's entries alone: steps of nonconformities, roles, and second persons.

This file needs nothing but Python's standard library (3.8 or newer): it is a part of the program that auditors are
given with a bundle, and `aimsight verify` judges by the same rules. What the service functions refuse beforehand shows
here afterwards, also where somebody went past them: with another program, another version, or straight into the
database before it was chained.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from aimsight.store.findings import Event

ANYBODY = frozenset({"engineer", "owner", "action owner", "reviewer", "approver", "top management"})
APPROVERS = frozenset({"approver", "top management"})
JUDGES = APPROVERS | {"reviewer"}
PROGRAMS = frozenset({"aimsight", "aimsight serve"})
"""Actors that are no people."""
_RUNNING = (
    "detected open contained analysed planned implementing implemented effectiveness_window closing "
    "escalated_incident accepted_until"
)
STEPS: dict[str, tuple[str, str, frozenset[str]]] = {
    "confirmed": ("detected", "open", ANYBODY),
    "contained": ("open", "contained", ANYBODY),
    "similar_searched": ("open contained analysed", "", ANYBODY),
    "analysed": ("contained analysed", "analysed", ANYBODY),
    "planned": ("analysed planned", "planned", ANYBODY),
    "approved": ("planned", "implementing", APPROVERS),
    "action_done": ("implementing", "", ANYBODY),
    "watch_started": ("implemented", "effectiveness_window", ANYBODY),
    "effect_checked": ("effectiveness_window", "", JUDGES),
    "concluded": ("effectiveness_window", "", JUDGES),
    "closed": ("closing", "closed", JUDGES),
    "closed_correction_only": ("analysed", "closed_correction_only", APPROVERS),
    "rejected": ("detected", "rejected", JUDGES),
    "accepted": ("open contained analysed planned", "accepted_until", APPROVERS),
    "reopened": ("accepted_until", "open", ANYBODY),
    "escalated": ("open contained analysed", "escalated_incident", ANYBODY),
    "resumed": ("escalated_incident", "", ANYBODY),
    "regraded": (_RUNNING, "", JUDGES),
    "reassigned": (_RUNNING, "", ANYBODY),
}
"""By event of a nonconformity: states in which it may happen, the state after it where that is fixed, and who may."""
BY_SEVERITY = frozenset({"approved", "closed"})
"""Steps that take an approver for a major nonconformity, and for a minor one a reviewer at least."""
_PEOPLE_ONLY = frozenset(f"nonconformity.{step}" for step in STEPS if step != "reopened") | {
    "record.approved",
    "record.reviewed",
    "record.withdrawn",
    "failure.disposed",
}
"""What the program never does by itself."""


class LifeCycle:
    """Nonconformities went from step to step as their life cycle allows."""

    def __init__(self) -> None:
        """None is known yet."""
        self.states: dict[str, tuple[str, int]] = {}
        self.wrong: list[tuple[int, str]] = []

    def see(self, event: Event) -> None:
        """Take up one entry."""
        family, _, step = event.kind.partition(".")
        if family != "nonconformity":
            return
        name, payload = event.subject, event.payload
        if step == "detected":
            self.states[name] = payload["row"]["state"], 1
        if step not in STEPS:
            return
        state, version = self.states[name]
        sources, target, _ = STEPS[step]
        before, after = payload["before"]["state"], payload["after"]
        if before != state or state not in sources.split() or target not in {"", after["state"]}:
            problem = (
                f"it was {state} and not {before}" if before != state else f"it was {state}, which does not allow it"
            )
            self.wrong.append((event.seq, f"{_where(event)}: {problem}"))
        elif after["version"] != version + 1:
            problem = f"it went from version {version} to {after['version']}"
            self.wrong.append((event.seq, f"{_where(event)}: {problem}"))
        self.states[name] = after["state"], after["version"]


class Authority:
    """Everybody who acted was known, had a role that may, and did not judge their own work."""

    def __init__(self) -> None:
        """Nobody is known yet."""
        self.people: Mapping[str, Any] | None = None
        self.records: dict[str, dict[str, Any]] = {}
        self.cases: dict[str, dict[str, Any]] = {}
        self.approved_by: dict[str, str] = {}
        self.wrong: list[tuple[int, str]] = []
        self.alone: list[str] = []
        self.changed: list[str] = []
        self.acts = self.unjudged = 0
        self._marked = False

    def see(self, event: Event) -> None:
        """Take up one entry."""
        kind, actor = event.kind, event.actor
        family, _, step = kind.partition(".")
        self._marked = False
        if actor not in PROGRAMS:
            self._known(event)
        elif kind in _PEOPLE_ONLY:
            self._wrong(event, "only a person does this, and it was not one")
        if kind == "people.recorded":
            self._see_people(event)
        elif family == "record":
            self._see_record(event, step)
        elif family == "nonconformity" and "row" in event.payload:
            self._see_case(event, step)
        elif kind == "objective.version":
            self._see_objective(event)
        elif family == "failure":
            self._role(event, JUDGES)
        if actor not in PROGRAMS and not self._marked and event.payload.get("single_person") is True:
            self._by_one(event, "what needs two people was done by one")

    def _known(self, event: Event) -> None:
        """The actor is known, and no mere auditor, unless they only took something out."""
        self.acts += event.kind != "nonconformity.dossier"  # which goes with a step
        if self.people is None:
            self.unjudged += 1
        elif event.actor not in self.people["people"]:
            self._wrong(event, "nobody of that id was among the people then")
        elif event.kind != "export.made":
            self._role(event, ANYBODY)

    def _see_people(self, event: Event) -> None:
        """Who the people are from now on; what changed is told, because whoever writes the file can take a role."""
        if event.actor not in PROGRAMS:
            self._wrong(event, "the people are put on record by the program alone")
        before, self.people = self.people, event.payload
        if before is None:
            return
        was, now = before["people"], self.people["people"]
        for name in sorted(set(was) | set(now)):
            if set(was.get(name, ())) != set(now.get(name, ())):
                told = [", ".join(sorted(roles[name])) if roles.get(name) else "nothing" for roles in (was, now)]
                self.changed.append(f"ledger entry {event.seq}: {name} was {told[0]} and is now {told[1]}")
        for key, named in (("single_person", "single-person mode"), ("changes", "the policy on changes")):
            if before.get(key) != self.people.get(key):
                told = [str(said.get(key) or "none") for said in (before, self.people)]
                self.changed.append(f"ledger entry {event.seq}: {named} was {told[0]} and is now {told[1]}")

    def _see_record(self, event: Event, step: str) -> None:
        row, actor = event.payload["row"], event.actor
        known = self.records.setdefault(event.subject, {"authors": set(), "versions": {}})
        before, author = known["versions"].get(row["version"], ("", row["author"]))
        if step in {"created", "revised"}:
            known["authors"].add(row["author"])
            if row["author"] != actor:
                self._wrong(event, f"the record names another author, {row['author']}")
        elif step == "reviewed":
            self._role(event, JUDGES)
            self._second(event, {author}, "they wrote it")
        elif step == "approved":
            self._role(event, {"top management"} if row["record_type"] == "management_review" else APPROVERS)
            self._second(event, known["authors"] or {author}, "they wrote it")
            if row["approver"] != actor:
                self._wrong(event, f"the record names another approver, {row['approver']}")
            known["authors"] = set()
            self.approved_by[event.subject] = actor
        elif step == "withdrawn" and before == "approved":
            self._role(event, APPROVERS)
            self._second(event, {author}, "they wrote it")
        known["versions"][row["version"]] = (row["status"], author)

    def _see_case(self, event: Event, step: str) -> None:
        row = event.payload["row"]
        case = self.cases.setdefault(event.subject, {"dossier": {}, "coming": None, "did": set(), "row": {}})
        if step == "dossier":
            case["coming"] = json.loads(row["content"])
        if step in {"dossier", "occurrence", "effect_measured"}:
            return
        before = case["row"]
        if step in STEPS and event.actor not in PROGRAMS:
            lowers = before.get("severity") == "major" and row["severity"] == "minor"
            self._see_step(event, step, case, lowers=lowers)
        if step == "action_done":
            case["did"].add(event.actor)
        elif step == "planned":
            case["did"] = set()
        case["row"], case["dossier"], case["coming"] = row, case["coming"] or case["dossier"], None

    def _see_step(self, event: Event, step: str, case: dict[str, Any], *, lowers: bool) -> None:
        row, dossier = case["row"], case["dossier"]
        roles = STEPS[step][2]
        if step in BY_SEVERITY:
            roles = APPROVERS if row.get("severity") == "major" else JUDGES
        self._role(event, JUDGES if step == "confirmed" and lowers else roles)
        plan = dossier.get("plan") or {}
        actions, owner = plan.get("actions", ()), {row.get("owner")}
        doers = case["did"] | {action.get(name) for action in actions for name in ("owner", "done_by")}
        parts = [dossier.get(name) or {} for name in ("containment", "cause")]
        judged: dict[str, tuple[set[str | None], str]] = {
            "rejected": (owner | {row.get("detected_by")}, "it is their own record"),
            "accepted": (owner, "they own it"),
            "approved": (
                {plan.get("by"), *(one.get("owner") for one in actions)},
                "they made the plan or carry it out",
            ),
            "effect_checked": (doers, "they carried out an action"),
            "concluded": (doers, "they carried out an action"),
            "closed": (owner | doers, "they own it or carried out an action"),
            "closed_correction_only": (
                owner | {part.get("by") for part in parts},
                "they own it, corrected it or analysed it",
            ),
            "regraded": (owner if lowers else set(), "they own it, and lowered its severity"),
        }
        self._second(event, *judged.get(step, (set(), "")))

    def _see_objective(self, event: Event) -> None:
        change = event.payload.get("change")
        if change is not None:
            self._role(event, APPROVERS)
            if self.approved_by.get(change) != event.actor:
                self._wrong(event, f"{change}, with which it came into force, was not approved by them")
        elif self.people is not None and self.people.get("changes") == "approve":
            self._wrong(event, "it came into force without an approved change, which the project demanded then")

    def _role(self, event: Event, roles: Collection[str]) -> None:
        """The actor has one of the roles; told once an entry, and only where roles are known."""
        if self.people is None or event.actor not in self.people["people"]:
            return
        has = set(self.people["people"][event.actor])
        if not has & set(roles) and event.seq not in {seq for seq, _ in self.wrong[-1:]}:
            held = ", ".join(sorted(has)) or "no role"
            self._wrong(event, f"had {held} then, and this takes {' or '.join(sorted(roles))}")

    def _second(self, event: Event, others: set[Any], because: str) -> None:
        """Somebody else does this than those whose work it judges."""
        if event.actor in others:
            self._by_one(event, because)

    def _by_one(self, event: Event, because: str) -> None:
        self._marked = True
        declared = event.payload.get("single_person") is True
        if self.people is not None:
            declared = bool(self.people.get("single_person"))
        if declared:
            self.alone.append(f"{_where(event)}: {event.actor} alone; {because}")
        else:
            self._wrong(event, f"{because}, and no single-person mode was declared")

    def _wrong(self, event: Event, what: str) -> None:
        self.wrong.append((event.seq, f"{_where(event)}: {event.actor}: {what}"))


def _where(event: Event) -> str:
    return f"ledger entry {event.seq} ({event.kind} of {event.subject})"
