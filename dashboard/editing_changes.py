"""The forms of edited objectives: propose them, approve or refuse what is proposed; off like all forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from aimsight.aims import changes, words
from aimsight.aims.registers.service import RegisterError
from aimsight.aims.registers.types.change import REASSESSMENT, TRIGGERS
from aimsight.dashboard import editing

if TYPE_CHECKING:
    from aimsight.aims.changes import Proposal
    from aimsight.aims.people import Actor
    from aimsight.dashboard import ui
    from aimsight.store.database import Transaction
    from aimsight.store.registers import RecordVersion

FORM = "changes"
STATED = {
    "purpose": "What the change is for",
    "consequences": "What follows from it beside other verdicts",
    "integrity": "Why the management system stays whole meanwhile",
}


def forms(scene: ui.Scene, proposed: list[Proposal]) -> None:
    """Propose what nobody has proposed and decide on what is on record; or how that is done without the forms."""
    if editing.allowed(scene):
        st.caption("Proposed with aimsight changes propose, approved by a second person with aimsight changes approve.")
        return
    edited = [one for one in proposed if one.record is None]
    if edited:
        _propose(scene, edited)
    waiting = [one.record for one in proposed if one.record is not None]
    if waiting:
        _decide(scene, waiting)


def _propose(scene: ui.Scene, edited: list[Proposal]) -> None:
    known = {one.key: one for one in edited}
    form = "propose"
    turn = editing.turn_of(form)
    with st.expander("Propose changes"):
        who = editing.who_acts(scene, "proposing")
        with st.form(f"{form} {turn}", border=False):
            chosen = st.multiselect(
                "Edited objectives",
                list(known),
                list(known),
                format_func=lambda one: words.printable(known[one].title),
                key=f"edited {turn}",
            )
            stated: dict[str, Any] = {
                name: st.text_area(label, height=80, key=f"{name} {turn}") for name, label in STATED.items()
            }
            stated["reassessment"] = st.selectbox(
                "Are risks or impacts to be assessed again?", REASSESSMENT, index=None, key=f"again {turn}"
            )
            stated["reassessment_reason"] = st.text_area("Why, or what came of it", height=80, key=f"because {turn}")
            stated["trigger"] = st.selectbox("What asks for it", TRIGGERS, index=None, key=f"trigger {turn}") or "other"
            since = None
            if any(one.kind == "new" for one in edited):
                since = st.date_input(
                    "New objectives also judge windows that begin from this day on and were run before",
                    None,
                    key=f"since {turn}",
                )
            pressed = st.form_submit_button("Propose changes")
        stated["effective_from"] = since.isoformat() if since else None

        def propose(tx: Transaction, actor: Actor) -> None:
            now = {one.key: one for model in scene.project.models.values() for one in changes.proposals(tx, model)}
            for key in chosen:
                if key not in now:
                    raise RegisterError(f"{known[key].title}: was edited or decided meanwhile; look at it again")
                since = stated["effective_from"] if now[key].kind == "new" else None
                changes.propose(tx, now[key], stated | {"effective_from": since}, actor)

        if pressed and not (chosen and stated["purpose"].strip()):
            st.error("Which objectives, and what is the change for?")
        elif pressed:
            editing.submit(scene, who, propose, record=FORM, form=form)


def _decide(scene: ui.Scene, waiting: list[RecordVersion]) -> None:
    known = {one.record: one for one in waiting}
    began = {one.record: one.version for one in editing.seen(FORM, waiting)}
    turn = editing.turn_of(FORM)
    with st.container(border=True):
        st.subheader("Decide on changes", anchor=False)
        who = editing.who_acts(scene, "deciding")
        with st.form(f"{FORM} {turn}", border=False):
            chosen = st.multiselect(
                "Changes",
                list(known),
                format_func=lambda one: words.printable(f"{one}: {known[one].title}"),
                key=f"chosen {turn}",
            )
            reason = st.text_area("Why", height=80, key=f"why {turn}")
            with st.container(horizontal=True, gap="small"):
                approve = st.form_submit_button("Approve changes")
                refuse = st.form_submit_button("Reject changes")

        def decide(tx: Transaction, actor: Actor) -> None:
            for record in chosen:
                expected = began.get(record)
                if approve:
                    changes.approve(tx, scene.project.models, record, actor, expected=expected, reason=reason)
                else:
                    changes.reject(tx, record, actor, expected=expected, reason=reason)

        if (approve or refuse) and not chosen:
            st.error("Which changes? Choose at least one.")
        elif approve or refuse:
            editing.submit(scene, who, decide, record=FORM)
