"""The results of a management review (9.3.3) as renderings show them: conclusion, decisions, actions, signature."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from aimsight.aims import words
from aimsight.aims.registers.fields import day_of
from aimsight.aims.review.pack import Table
from aimsight.aims.review.render import Results
from aimsight.aims.review.service import decisions
from aimsight.store.registers import latest_versions

if TYPE_CHECKING:
    from aimsight.aims.review.pack import Pack
    from aimsight.store.database import Reader
    from aimsight.store.registers import RecordVersion

_CONCLUSIONS = (
    ("chair", "Chair"),
    ("held_on", "Held on"),
    ("suitability", "Suitable"),
    ("adequacy", "Adequate"),
    ("effectiveness", "Effective"),
    ("no_decision", "Why nothing was decided"),
    ("discussion", "Discussion"),
)


def results_of(reader: Reader, record: RecordVersion, pack: Pack, zone: ZoneInfo) -> Results | None:
    """What came of a review; ``None`` while nothing of it is on record."""
    fields = record.fields
    confirmed = {
        str(one["input"]): f"Nothing to report: {one['statement']} Confirmed by {one['by']}."
        for one in fields.get("confirmations", ())
    }
    facts = tuple((name, _fact(key, str(fields[key]))) for key, name in _CONCLUSIONS if fields.get(key))
    taken = decisions(reader, record.record)
    if not facts and not taken and not confirmed:
        return None
    names = {one.subject for one in taken}
    actions = [
        one
        for one in latest_versions(reader, ["management_action"])
        if one.status != "withdrawn" and str(one.fields.get("decision", "")) in names
    ]
    return Results(
        facts,
        (
            Table(
                "attendees",
                "Attendees",
                ("Name", "Function", "Top management"),
                tuple(
                    (str(one["name"]), str(one["function"]), "yes" if one["top_management"] else "no")
                    for one in fields.get("attendees", ())
                ),
            ),
            Table(
                "decisions",
                "Decisions",
                ("Id", "Kind", "Decision", "Grounds", "Status"),
                tuple(
                    (
                        one.record,
                        one.fields["kind"],
                        one.fields["decision"],
                        one.fields["grounds"],
                        one.status + (" (recorded after the signature)" if _is_later(one, record) else ""),
                    )
                    for one in taken
                ),
            ),
            Table(
                "actions",
                "Actions",
                ("Id", "Decision", "Action", "Owner", "Due", "State"),
                tuple(
                    (
                        one.record,
                        str(one.fields["decision"]).partition(":")[2],
                        one.fields["description"],
                        one.owner or "–",
                        words.day(one.due) if one.due else "–",
                        one.fields["state"],
                    )
                    for one in actions
                ),
            ),
        ),
        _signature(reader, record, pack, zone),
        confirmed,
    )


def _fact(key: str, value: str) -> str:
    return words.day(day_of(value)) if key == "held_on" else value


def _signature(reader: Reader, record: RecordVersion, pack: Pack, zone: ZoneInfo) -> str:
    """Who signed when over what, as the ledger has it; a pack that is not the signed one says so."""
    if record.approver is None or record.approved_at is None:
        return "Not signed yet."
    found = reader.tuples(
        "SELECT json_extract_string(payload, '$.reason') FROM events WHERE kind = 'record.approved' AND subject = ? "
        "ORDER BY seq DESC LIMIT 1",
        [record.subject],
    )
    said = f" ({found[0][0]})" if found and found[0][0] else ""
    text = f"Signed as {record.approver} on {words.instant(record.approved_at, zone)}{said}."
    signed = record.fields["packs"][-1]
    if signed["sha256"] != pack.sha256:
        text += f" The signature is over pack {signed['version']} and not over this one."
    return text


def _is_later(one: RecordVersion, review: RecordVersion) -> bool:
    return review.approved_at is not None and one.recorded_at > review.approved_at
