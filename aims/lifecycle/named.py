"""Register records that the handling of a nonconformity names: whether they exist, and what they are.

A name is an id such as ``RISK-2026-0001``, or ``kind:id`` as in links between records.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aimsight.aims.lifecycle.guards import refuse
from aimsight.aims.registers.links import check_links
from aimsight.configs.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aimsight.aims.lifecycle.dossier import Deviation, Dossier
    from aimsight.aims.lifecycle.transitions import Outcome
    from aimsight.store.database import Reader

ANY = ""
"""The kind of a name that may be of a record of any type."""


@dataclass(frozen=True, slots=True)
class Name:
    """A record that is named as something: its kind (``risk``, ``change``, ``incident``, or any), and the text."""

    what: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Known:
    """A record that is named: what it is named as, its kind and id, its title and where it stands."""

    what: str
    kind: str
    record: str
    title: str
    status: str

    @property
    def words(self) -> str:
        """``RISK-2026-0001 Units may change (approved)``."""
        status = f" ({self.status})" if self.status else ""
        return f"{self.record} {self.title}".strip() + status


def refuse_unknown(reader: Reader, outcome: Outcome) -> None:
    """Refuse a step that names a record that is not there, or accepts a deviation without a risk in force.

    Raises
    ------
    TransitionError
        With each such name, and the one that is close.
    """
    before = set(names(outcome.before.dossier))
    missing = [_missing(reader, one) for one in names(outcome.case.dossier) if one not in before]
    if not any(missing) and outcome.step.name == "accept":
        missing = [_not_borne(reader, outcome.case.dossier.deviations[-1])]
    refuse(outcome.before, outcome.step, [one for one in missing if one])


def names(dossier: Dossier) -> Iterator[Name]:
    """Every record that a dossier names, in the order of the life cycle."""
    for incident in dossier.incidents:
        if incident.record:
            yield Name("incident", "incident", incident.record)
    for deviation in dossier.deviations:
        yield Name("risk", "risk", deviation.risk)
    for action in dossier.plan.actions if dossier.plan is not None else ():
        if action.change:
            yield Name(f"change of action {action.id}", "change", action.change)
    for link in dossier.closure.links if dossier.closure is not None else ():
        yield Name("change of the management system", ANY, link)


def known(reader: Reader, dossier: Dossier) -> list[Known]:
    """What the named records are; a name without a record (from before names were checked) has no title."""
    found = []
    for one in names(dossier):
        kind, record = _split(one)
        rows = reader.tuples(
            "SELECT record_type, title, status FROM record_version WHERE record = ? AND (? = '' OR record_type = ?) "
            "ORDER BY version DESC, record_type LIMIT 1",
            [record, kind, kind],
        )
        found.append(Known(one.what, rows[0][0] if rows else kind, record, *(rows[0][1:] if rows else ("", ""))))
    return found


def _missing(reader: Reader, one: Name) -> str:
    """What is wrong with a name; ``""`` when the record is there."""
    kind, record = _split(one)
    if kind and one.kind in {ANY, kind}:
        problem = next(iter(check_links(reader, [("", f"{kind}:{record}")])), None)
        said, near = (problem.problem, problem.suggestion.rpartition(":")[2]) if problem else ("", "")
    elif kind:
        said, near = f'"{one.text}" is no {one.kind}', ""
    else:
        ids = {row[0] for row in reader.tuples("SELECT record FROM record_version")}
        ids |= {row[0] for row in reader.tuples("SELECT nonconformity FROM nonconformity")}
        said = "" if record in ids else f'there is no record "{record}"'
        alike = sorted(one for one in ids if one.partition("-")[0] == record.partition("-")[0].upper())
        near = did_you_mean(record, alike) if said else ""
    if not said:
        return ""
    cure = f"did you mean {near}?" if near else f"put it on record with aimsight records add {one.kind or 'TYPE'}"
    return f"the {one.what} by the id of a record: {said}; {cure}"


def is_borne(reader: Reader, deviation: Deviation) -> bool:
    """Whether an approved risk still says what remains, and who accepts it."""
    return bool(_approved(reader, deviation))


def _not_borne(reader: Reader, deviation: Deviation) -> str:
    """Why the risk does not carry the acceptance; ``""`` when it does.

    Only an approved risk says what remains and who accepts it, and it says so until it is assessed again.
    """
    risk, found = _risk(deviation), _approved(reader, deviation)
    if not found:
        return f"the approval of {risk}, which says who accepts what remains (aimsight records approve risk {risk})"
    ((due,),) = found
    if due is not None and due < deviation.until:
        return f"an end of the acceptance by {due}, when {risk} is due to be assessed again (--until)"
    return ""


def _approved(reader: Reader, deviation: Deviation) -> list[tuple[Any, ...]]:
    """The day on which the risk is due to be assessed again, where it is approved."""
    approved = "SELECT due FROM record_version WHERE record_type = 'risk' AND record = ? AND status = 'approved'"
    return reader.tuples(approved, [_risk(deviation)])


def _risk(deviation: Deviation) -> str:
    return deviation.risk.rpartition(":")[2].strip()


def _split(one: Name) -> tuple[str, str]:
    """Kind and id of a name; without a kind of its own, that which is asked for."""
    kind, colon, record = one.text.partition(":")
    return (kind.strip(), record.strip()) if colon else (one.kind, one.text.strip())
