"""Forms of a management review: freeze packs, confirm inputs, keep the minutes, decide, sign; off like all forms."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import streamlit as st

from aimsight.aims import words
from aimsight.aims.people import Role
from aimsight.aims.registers.fields import day_of
from aimsight.aims.registers.types.change import SUBJECTS
from aimsight.aims.registers.types.management_decision import KINDS
from aimsight.aims.review import service
from aimsight.dashboard import editing, ui
from aimsight.metrics.plan import Window

if TYPE_CHECKING:
    from aimsight.aims.people import Actor
    from aimsight.aims.review.pack import Pack
    from aimsight.configs.schema import Person
    from aimsight.store.database import Transaction
    from aimsight.store.registers import RecordVersion

TOP = "top management"
"""What ends the line of an attendee of top management."""
TEXTS = {
    "discussion": "What was discussed",
    "suitability": "Is the management system suitable for the organisation, and why?",
    "adequacy": "Is it adequate: does it have what it needs, and why?",
    "effectiveness": "Is it effective: does it reach what was planned, and why?",
    "no_decision": "If nothing is decided: why not",
}


def forms(scene: ui.Scene, review: RecordVersion, pack: Pack) -> None:
    """The steps of a review in their order, or why there are none."""
    if editing.allowed(scene):
        st.caption(f"Reviews are confirmed, recorded and signed with aimsight review {words.escape(review.record)}.")
        return
    done = {str(one["input"]) for one in review.fields.get("confirmations", ())}
    waiting = [key for key in pack.to_confirm if key not in done]
    with st.container(border=True):
        st.subheader("Take a step", anchor=False)
        who = editing.who_acts(scene, "reviewing")
        inputs, minutes, decision, signature, again = st.tabs(
            ["Inputs", "Minutes", "Decision", "Signature", "Another pack"]
        )
        with inputs:
            if waiting:
                _confirm(scene, review, pack, waiting, who)
            else:
                st.text("Every input has something to report, or somebody confirmed that it has not.")
        with minutes:
            _minutes(scene, review, who)
        with decision:
            _decide(scene, review, who)
        with signature:
            _sign(scene, review, who)
        with again:
            _prepare_again(scene, review, pack, who)


def prepare(scene: ui.Scene, found: list[RecordVersion]) -> None:
    """Freeze the pack of a period as a new review, or how that is done without the form."""
    if editing.allowed(scene):
        ui.to_copy(ui.command(scene, "review prepare --from DAY --to DAY"))
        return
    last = max((one.event_until for one in found if one.event_until), default=None)
    who, form = editing.who_acts(scene, "preparing"), "prepare"
    turn = editing.turn_of(form)
    with st.form(f"{form} {turn}", border=False):
        left, right = st.columns(2)
        first = left.date_input("First day", last.astimezone(scene.zone).date() if last else None, key=f"from {turn}")
        final = right.date_input("Last day", None, key=f"until {turn}")
        extras = st.checkbox("Also what ISO/IEC 27001 and ISO 9001 ask for", value=True, key=f"extras {turn}")
        if st.form_submit_button("Freeze the pack"):
            if first is None or final is None or final < first:
                st.error("Which period? Its last day is not before its first.")
                return
            start, end = (datetime.combine(day, time(), scene.zone) for day in (first, final + timedelta(days=1)))
            editing.attempt(
                scene,
                who,
                lambda store, actor: service.prepare(store, scene.project, actor, Window(start, end), extras=extras),
                record=form,
            )


def _prepare_again(scene: ui.Scene, review: RecordVersion, pack: Pack, who: str) -> None:
    st.caption("A correction freezes the same period again, as things stand now; the packs before are kept.")
    form = f"again {review.record}"
    with st.form(f"{form} {editing.turn_of(form)}", border=False):
        reason = st.text_area("Why", height=80, key=f"why {form} {editing.turn_of(form)}")
        if st.form_submit_button(f"Freeze pack {pack.cover.version + 1}"):
            period = Window(review.event_at, review.event_until or review.event_at)
            extras = bool(review.fields.get("extras", True))
            editing.attempt(
                scene,
                who,
                lambda store, actor: service.prepare(
                    store, scene.project, actor, period, review=review.record, reason=reason, extras=extras
                ),
                record=review.record,
                form=form,
            )


def _confirm(scene: ui.Scene, review: RecordVersion, pack: Pack, waiting: list[str], who: str) -> None:
    st.caption("An input without anything to report needs somebody who says so.")
    began, form = editing.seen(review.record, review), f"confirm {review.record}"
    with st.form(f"{form} {editing.turn_of(form)}", border=False):
        key = st.selectbox("Input", waiting, format_func=lambda one: f"{one}: {pack.section(one).title}", key="input")
        statement = st.text_input("What is confirmed", "Nothing changed in the period.", max_chars=1000)
        if st.form_submit_button("Confirm"):
            editing.submit(
                scene,
                who,
                lambda tx, actor: service.confirm(
                    tx, scene.project, review.record, key, statement, actor, expected=began.version
                ),
                record=review.record,
                form=form,
            )


def _minutes(scene: ui.Scene, review: RecordVersion, who: str) -> None:
    """Chair, day, attendees, discussion and the three conclusions, as they are on record until they are changed.

    Saved is what differs from what the form began with, so that nobody takes back what somebody else has written.
    """
    began, form = editing.seen(review.record, review), f"minutes {review.record}"
    base = _minutes_of(st.session_state.setdefault(f"base {form}", review).fields)
    st.caption("It may be saved in parts; each saving is a version. Whoever signs may not have written one.")
    if base != _minutes_of(review.fields):
        st.caption("Somebody has changed the minutes since this form began; saving keeps what you do not change.")
        if st.button("Begin again with what is on record"):
            st.session_state.pop(f"base {form}")
            st.session_state[f"turn {form}"] = editing.turn_of(form) + 1
            st.rerun()
    with st.form(f"{form} {editing.turn_of(form)}", border=False):
        filled = _fill(scene, base, f"{review.record} {editing.turn_of(form)}")
        if st.form_submit_button("Save the minutes"):
            changes = {key: value for key, value in filled.items() if value != base[key]}

            def save(tx: Transaction, actor: Actor) -> None:
                service.record(tx, review.record, changes, actor, expected=began.version)
                st.session_state.pop(f"base {form}")

            editing.submit(scene, who, save, record=review.record, form=form)


def _minutes_of(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: fields.get(key) for key in ("chair", "held_on", "attendees", *TEXTS)}


def _fill(scene: ui.Scene, base: dict[str, Any], key: str) -> dict[str, Any]:
    """The fields of the minutes with what was filled in."""
    people = {one.id: one for one in scene.project.config.people}
    names = {one.name: one.id for one in people.values()} | {one: one for one in people}
    attendees = base["attendees"] or []
    before = {names[one["name"]]: one for one in attendees if one["name"] in names}
    others = "\n".join(_line(one) for one in attendees if one["name"] not in names)

    def called(person: str) -> str:
        return words.printable(people[person].name)

    place = list(people).index(base["chair"]) if base["chair"] in people else None
    chair = st.selectbox("Chair", list(people), index=place, format_func=called, key=f"chair {key}")
    held = st.date_input("Held on", day_of(base["held_on"]) if base["held_on"] else None, key=f"held {key}")
    present = st.multiselect("Who took part", list(people), list(before), format_func=called, key=f"present {key}")
    more = st.text_area(f"Others, one a line: name, function (, {TOP})", others, height=80, key=f"others {key}")
    said = {
        name: st.text_area(label, base[name] or "", height=80, key=f"{name} {key}") for name, label in TEXTS.items()
    }
    wanted = [before.get(one) or _attendee(people[one]) for one in present]
    wanted += [_guest(line) for line in more.splitlines() if line.strip()]
    order = {one["name"]: number for number, one in enumerate(attendees)}
    return {
        "chair": chair,
        "held_on": held.isoformat() if held else None,
        "attendees": sorted(wanted, key=lambda one: order.get(one["name"], len(order))) or None,
        **{name: text.strip() or None for name, text in said.items()},
    }


def _attendee(person: Person) -> dict[str, Any]:
    function = ", ".join(person.roles) or "no role"
    return {"name": person.name, "function": function, "top_management": Role.TOP_MANAGEMENT in person.roles}


def _guest(line: str) -> dict[str, Any]:
    """An attendee who is not among the project's people; a function that is missing is asked for when it is saved."""
    name, *rest = (part.strip() for part in line.split(","))
    top = bool(rest) and rest[-1].casefold() == TOP
    return {"name": name, "function": ", ".join(rest[:-1] if top else rest), "top_management": top}


def _line(attendee: dict[str, Any]) -> str:
    parts = [attendee["name"], attendee["function"], *([TOP] if attendee["top_management"] else [])]
    return ", ".join(parts)


def _decide(scene: ui.Scene, review: RecordVersion, who: str) -> None:
    st.caption(
        "Each decision has a first action with owner and due day. One that changes the management system also puts the "
        "change (6.3) on record, for its own approval."
    )
    form = f"decide {review.record}"
    taken = editing.turn_of(form)
    with st.form(f"{form} {taken}", border=False):
        given = service.Decision(
            kind=st.selectbox("What it is about", KINDS, key=f"kind {taken}"),
            decision=st.text_area("What was decided", height=80, key=f"decision {taken}"),
            grounds=st.text_area("Why", height=80, key=f"grounds {taken}"),
            action=st.text_area("What is to be done", height=80, key=f"action {taken}"),
            owner=_owner(scene, taken) or "",
            due=_due(taken),
            subject=st.selectbox("For a change: what changes", SUBJECTS, index=None, key=f"subject {taken}") or "",
            consequences=st.text_area("For a change: what follows from it", height=80, key=f"follows {taken}"),
        )
        if st.form_submit_button("Record the decision"):
            editing.submit(
                scene,
                who,
                lambda tx, actor: service.decide(tx, review.record, given, actor),
                record=review.record,
                form=form,
            )


def _owner(scene: ui.Scene, taken: int) -> str | None:
    people = {one.id: words.printable(one.name) for one in scene.project.config.people}
    return st.selectbox("Who does it", list(people), index=None, format_func=people.__getitem__, key=f"who {taken}")


def _due(taken: int) -> str:
    day = st.date_input("Until when", value=None, key=f"due {taken}")
    return day.isoformat() if day else ""


def _sign(scene: ui.Scene, review: RecordVersion, who: str) -> None:
    st.caption("Top management signs: name and time are bound to the hashes of pack, minutes, decisions and actions.")
    began, form = editing.seen(review.record, review), f"sign {review.record}"
    with st.form(f"{form} {editing.turn_of(form)}", border=False):
        name = st.text_input("Your name, as a signature", max_chars=200, key=f"name {review.record}")
        if st.form_submit_button("Sign"):
            editing.submit(
                scene,
                who,
                lambda tx, actor: service.sign(
                    tx, scene.project, review.record, actor, expected=began.version, name=name
                ),
                record=review.record,
                form=form,
            )
