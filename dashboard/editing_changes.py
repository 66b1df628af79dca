"""The form of proposed objectives: approve or refuse them; off like all forms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from aimsight.aims import changes, words
from aimsight.dashboard import editing

if TYPE_CHECKING:
    from aimsight.aims.people import Actor
    from aimsight.dashboard import ui
    from aimsight.store.database import Transaction
    from aimsight.store.registers import RecordVersion

FORM = "changes"


def forms(scene: ui.Scene, waiting: list[RecordVersion]) -> None:
    """Approve or refuse what is on record, several at a time; or how that is done without the form."""
    if editing.allowed(scene):
        st.caption("Proposed with aimsight changes propose, approved by a second person with aimsight changes approve.")
        return
    if not waiting:
        st.caption("Nothing of it is on record yet: aimsight changes propose asks what a change is for.")
        return
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
