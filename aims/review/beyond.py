"""What a pack shows beside the inputs of the clause: what is overdue, what other standards ask for, and its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimsight.aims import words
from aimsight.aims.nonconformities import is_open
from aimsight.aims.registers.due import overdue_records, reassessments_due
from aimsight.aims.registers.fields import day_of
from aimsight.aims.registers.inventory import inventory
from aimsight.aims.registers.types import TYPES
from aimsight.aims.review.nonconforming import is_overdue
from aimsight.aims.review.pack import Section, Table
from aimsight.aims.review.view import due_day

if TYPE_CHECKING:
    from datetime import date

    from aimsight.aims.review.pack import Cell
    from aimsight.aims.review.view import View
    from aimsight.store.registers import RecordVersion


def overdue(view: View) -> Section:
    """Everything on record that is past its day, of whatever kind: nobody can leave it out of a review."""
    rows: list[tuple[Cell, ...]] = []
    found = view.rows("SELECT * FROM nonconformities ORDER BY due_at, nonconformity")
    for row in found:
        if is_overdue(view, row):
            due = row["due_at"].astimezone(view.zone).date()
            rows.append(
                ("Nonconformity", row["nonconformity"], row["statement"], view.person(row["owner"]), *_late(view, due))
            )
    running = [row["nonconformity"] for row in found if is_open(row["state"])]
    actions = view.rows(
        "SELECT * FROM nonconformity_actions WHERE list_contains(?, nonconformity) AND done_at IS NULL AND due < ? "
        "ORDER BY due, nonconformity, action",
        running,
        view.today,
    )
    rows += [
        (
            "Corrective action",
            one["nonconformity"],
            one["description"],
            view.person(one["owner"]),
            *_late(view, one["due"]),
        )
        for one in actions
    ]
    for record in overdue_records(view.reader, view.today):
        title = TYPES[record.record_type].title if record.record_type in TYPES else record.record_type
        if record.due is not None:
            rows.append((title, record.record, record.title, view.person(record.owner), *_late(view, record.due)))
    for kept in view.standing("risk"):
        for one in kept.now.fields.get("treatments", ()):
            day = day_of(one["due"])
            if not one.get("done") and day < view.today:
                rows.append(
                    (
                        "Treatment of a risk",
                        kept.now.record,
                        one["description"],
                        view.person(one["owner"]),
                        *_late(view, day),
                    )
                )
    said = (
        f"{words.plural(len(rows), 'item')} past their day at the cut-off."
        if rows
        else "Nothing on record is past its day at the cut-off."
    )
    columns = ("Kind", "Id", "What", "Owner", "Due", "How late")
    return Section(
        "overdue", "", "Overdue items", (said,), (Table("overdue", "Overdue", columns, tuple(rows)),), input=False
    )


def _late(view: View, due: date) -> tuple[str, str]:
    return words.day(due), words.days_until_day(due, view.today)


def extras(view: View) -> Section:
    """What ISO/IEC 27001 and ISO 9001 ask for beside these inputs, and what is due of assessments and incidents."""
    risks = tuple(
        (
            one.now.record,
            one.now.title,
            f"{one.now.fields['likelihood']} / {one.now.fields['consequence']}",
            f"{one.now.fields.get('residual_likelihood', '–')} / {one.now.fields.get('residual_consequence', '–')}",
            _treated(one.now),
            due_day(one.now.due),
        )
        for one in view.records("risk")
    )
    incidents = tuple(
        (one.record, one.title, one.fields["kind"], "yes" if one.fields["reportable"] else "no", one.fields["state"])
        for one in (kept.now for kept in view.changed("incident"))
    )
    due = tuple(
        (one.model, one.assessment or "–", "; ".join(one.reasons), view.person(one.owner))
        for one in reassessments_due(view.reader, view.today)
    )
    suppliers = tuple(
        (
            one.now.record,
            one.now.title,
            "; ".join(one.now.fields["delivers"]),
            one.now.fields.get("assessment", "not assessed"),
            due_day(one.now.due),
        )
        for one in view.records("supplier")
        if one.now.fields["state"] == "current"
    )
    return Section(
        "extras",
        "",
        "Risks, incidents, suppliers and assessments",
        (
            (
                "Asked for by ISO/IEC 27001 (9.3.2 d to g) and ISO 9001 (9.3.2), not by ISO/IEC 42001. Whether "
                "objectives are met, and what interested parties say, is among the inputs above."
            ),
        ),
        (
            Table(
                "risks",
                "Risks and their treatment",
                ("Id", "Risk", "Likelihood / consequence", "With treatment", "Treatments done", "Due"),
                risks,
            ),
            Table("incidents", "Incidents", ("Id", "Incident", "Kind", "Reportable", "State"), incidents),
            Table("assessments_due", "Impact assessments due", ("Model", "Assessment", "Reasons", "Owner"), due),
            Table(
                "suppliers",
                "External providers",
                ("Id", "Supplier", "Delivers", "Assessment", "Due again"),
                suppliers,
            ),
        ),
        input=False,
    )


def _treated(risk: RecordVersion) -> str:
    treatments = risk.fields.get("treatments", ())
    return f"{sum(1 for one in treatments if one.get('done'))} of {len(treatments)}"


def limits(view: View, *, entries: int, anchored: int) -> Section:
    """What the pack does not show: entries that nobody vouches for, and systems that nobody watches."""
    systems = inventory(view.reader, view.models)
    said = [
        (
            "The pack shows what was recorded. Whether the management system is suitable, adequate and effective is "
            "for top management to conclude."
        ),
        (
            "What happened is told of the period; how records stand is told as of the cut-off, "
            f"{words.instant(view.cut_off, view.zone)}."
        ),
        "Measured is what the inference logs and labels say; concept drift shows only where labels arrive.",
        "Requirements are told in words of our own, written from public pages; the standard itself decides.",
    ]
    if anchored < entries:
        said.append(
            f"Ledger entries {anchored + 1:,} to {entries:,} are covered by no checkpoint outside the database: a "
            "change of them would not be seen."
        )
    if view.project.config.single_person:
        said.append(
            "One person may do here what needs two (single_person in aimsight.yaml): "
            f"{view.project.config.single_person}"
        )
    if systems.unassigned:
        said.append(f"Monitored models that belong to no recorded AI system: {words.listed(list(systems.unassigned))}.")
    without = [name for name, model in view.models.items() if not model.objectives]
    if without:
        said.append(f"Models without an objective in force: {words.listed(without)}.")
    rows = tuple((one.record, one.title, view.person(one.owner)) for one in systems.without_plan)
    return Section(
        "limits",
        "",
        "Limits of this pack",
        tuple(said),
        (Table("without_plan", "Systems in scope without a monitoring plan", ("Id", "System", "Owner"), rows),),
        input=False,
    )
