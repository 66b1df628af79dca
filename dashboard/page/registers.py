"""Registers and evidence: systems without a plan, what is due, every record, and the evidence for each clause."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from aimsight.aims import words
from aimsight.aims.changes import governed
from aimsight.aims.coverage import Line, Status, coverage
from aimsight.aims.registers.due import overdue_records, reassessments_due
from aimsight.aims.registers.fields import value_words
from aimsight.aims.registers.inventory import inventory
from aimsight.aims.registers.types import TYPES
from aimsight.configs.standard import load_standard
from aimsight.dashboard import ui
from aimsight.store.database import Store
from aimsight.store.registers import RecordVersion, latest_versions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from aimsight.store.database import Reader

GLYPHS = {Status.EVIDENCE: "●", Status.PART: "▲", Status.NONE: "○", Status.NOT_APPLICABLE: "–"}


def _render() -> None:
    scene = ui.scene()
    if not scene.version:
        ui.header(scene, "Registers and evidence")
        ui.no_runs(scene)
        return
    today = scene.now.date()
    records = scene.ask(all_records)
    lines = scene.ask(evidence, today)
    open_ones = sum(line.status in {Status.NONE, Status.PART} for line in lines)
    ui.header(scene, f"{open_ones} of {len(lines)} clauses and controls lack evidence or have it in part")
    if records:
        _in_full(scene, records)
    _attention(scene, today)
    st.subheader("Evidence", anchor=False)
    st.caption(
        "Evidence is not conformity: it shows what was recorded, not whether it was enough. Titles are ours, written "
        "from public pages."
    )
    table = [_evidence_row(line) for line in lines]
    ui.lines([_evidence_line(row) for row in table], table)
    st.subheader("Records", anchor=False)
    if records:
        kept = [_record_row(scene, one) for one in records]
        ui.lines([_record_line(row) for row in kept], kept)
    else:
        ui.empty("No record is kept yet. These commands show what can be kept.", ui.command(scene, "records types"))


def all_records(reader: Reader) -> list[RecordVersion]:
    """The latest version of every record."""
    return latest_versions(reader)


def evidence(reader: Reader, today: date) -> tuple[Line, ...]:
    """Every clause and control with its evidence."""
    return coverage(reader, load_standard().outline, today)


def what_waits(reader: Reader, today: date) -> tuple[list[tuple[str, str, str]], list[tuple[str, str, str]]]:
    """Assessments to be made again and records past their day: who owns them, what they are, and why."""
    assessments = [
        (one.owner, f"{one.assessment or 'Impact assessment'} of {one.model}", "; ".join(one.reasons))
        for one in reassessments_due(reader, today)
    ]
    late = [
        (one.owner or "no owner", f"{one.record} {one.title}", words.days_until_day(one.due, today))
        for one in overdue_records(reader, today)
        if one.due
    ]
    return assessments, late


def _attention(scene: ui.Scene, today: date) -> None:
    models, policy = scene.project.models, scene.project.config.changes
    with Store(scene.store).read() as reader:  # not through the cache: the answer follows the files, too
        found = inventory(reader, {name: governed(reader, model, policy) for name, model in models.items()})
    assessments, late = scene.ask(what_waits, today)
    told = [
        f"In scope without a monitoring plan: {one.record} {one.title} ({scene.person(one.owner)})"
        for one in found.without_plan
    ]
    told += [f"Model that belongs to no system: {name}" for name in found.unassigned]
    _listed("Systems", told)
    for title, waiting in (("Impact assessments due", assessments), ("Records past their day", late)):
        _listed(title, [f"{what} ({scene.person(owner)}): {why}" for owner, what, why in waiting])


def _in_full(scene: ui.Scene, records: list[RecordVersion]) -> None:
    """One record with its fields and links; the address names it (``?register=RISK-2026-0001``)."""
    known = {one.record: one for one in records}
    chosen = st.selectbox(
        "A record in full",
        list(known),
        index=None,
        key=ui.REGISTER,
        bind="query-params",
        placeholder="Choose a record",
    )
    if chosen is None:
        return
    one, kind = known[chosen], TYPES.get(known[chosen].record_type)
    with st.container(border=True):
        st.subheader(words.escape(f"{one.record} · {one.title}"), anchor=False)
        st.text(kind.doc if kind else one.record_type)
        when = words.instant(one.approved_at, scene.zone)
        ui.facts(
            {
                "Status": f"{one.status}, version {one.version}",
                "Owner": scene.person(one.owner or "–"),
                "Author": scene.person(one.author),
                "Approver": f"{scene.person(one.approver)}, {when}" if one.approver else "–",
                "Due": words.day(one.due) if one.due else "–",
                "Happened": words.instant(one.event_at, scene.zone),
                "Clauses": ", ".join(one.clauses),
            }
        )
        for field in kind.fields if kind else ():
            if field.name in one.fields:
                lines = value_words(one.fields[field.name]).split("\n")
                with st.container(gap=None):
                    st.caption(field.doc)
                    st.text("\n".join(map(words.printable, lines)))
        for document in one.kept_elsewhere:
            ui.labelled("Document kept elsewhere", f"{document['name']}: {document['location']}")
        for link in one.links:
            ui.record_link(link)


def _listed(title: str, sentences: Sequence[str]) -> None:
    if sentences:
        st.subheader(title, anchor=False)
        st.markdown("\n".join(f"- {words.escape(sentence)}" for sentence in sentences))


def _evidence_row(line: Line) -> dict[str, Any]:
    return {
        "Clause": line.clause.id,
        "Title": line.clause.title,
        "Evidence": f"{GLYPHS[line.status]} {line.status.value}",
        "Newest": words.day(line.latest) if line.latest else "–",
        "What there is": words.printable("; ".join(one.words for one in line.evidence if one.count)),
        "By": words.printable(", ".join(line.people)),
        "Missing": words.printable("; ".join(line.missing)),
        "Not covered": line.limit,
    }


def _evidence_line(row: dict[str, Any]) -> tuple[str, list[str]]:
    facts = [
        row["What there is"],
        f"newest {row['Newest']}" if row["Newest"] != "–" else "",
        f"missing: {row['Missing']}" if row["Missing"] else "",
    ]
    return f"**{words.escape(row['Clause'])}** {words.escape(row['Title'])} – {words.escape(row['Evidence'])}", facts


def _record_row(scene: ui.Scene, one: RecordVersion) -> dict[str, Any]:
    kind = TYPES.get(one.record_type)
    return {
        "Record": words.printable(one.record),
        "Type": kind.title if kind else one.record_type,
        "Title": words.printable(one.title),
        "Status": f"{one.status}, version {one.version}",
        "Owner": words.printable(scene.person(one.owner or "–")),
        "Due": words.day(one.due) if one.due else "–",
        "Approver": words.printable(scene.person(one.approver or "–")),
        "Kept until": words.day(one.retention_until) if one.retention_until else "–",
    }


def _record_line(row: dict[str, Any]) -> tuple[str, list[str]]:
    facts = [
        f"{row['Type']}, {row['Status']}",
        f"owner {row['Owner']}" if row["Owner"] != "–" else "",
        f"due {row['Due']}" if row["Due"] != "–" else "",
    ]
    return f"**{words.escape(row['Record'])}** {words.escape(row['Title'])}", facts


_render()
