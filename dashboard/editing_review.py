"""Forms of a management review: confirm an input without anything to report, and sign; off like all forms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from aimsight.aims import words
from aimsight.aims.people import actor_of
from aimsight.aims.review import service
from aimsight.configs.errors import AimsightError
from aimsight.dashboard import editing
from aimsight.store.database import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from aimsight.aims.people import Actor
    from aimsight.aims.review.pack import Pack
    from aimsight.dashboard import ui
    from aimsight.store.database import Transaction
    from aimsight.store.registers import RecordVersion


def forms(scene: ui.Scene, review: RecordVersion, pack: Pack) -> None:
    """The two short steps of a review, or why there are none; minutes and decisions are for the command line."""
    if editing.allowed(scene):
        st.caption(f"Reviews are confirmed, recorded and signed with aimsight review {words.escape(review.record)}.")
        return
    done = {str(one["input"]) for one in review.fields.get("confirmations", ())}
    waiting = [key for key in pack.to_confirm if key not in done]
    people = {person.id: person.name for person in scene.project.config.people}
    with st.container(border=True):
        who = st.selectbox(
            "Who acts", list(people), format_func=lambda one: words.printable(people[one]), key="reviewing"
        )
        if waiting:
            _confirm(scene, review, pack, waiting, who)
        _sign(scene, review, who)


def _confirm(scene: ui.Scene, review: RecordVersion, pack: Pack, waiting: list[str], who: str) -> None:
    with st.form(f"confirm {review.record} {review.version}", border=False):
        key = st.selectbox("Input", waiting, format_func=lambda one: f"{one}: {pack.section(one).title}", key="input")
        statement = st.text_input("What is confirmed", "Nothing changed in the period.", max_chars=1000)
        if st.form_submit_button("Confirm"):
            _submit(
                scene,
                who,
                lambda tx, actor: service.confirm(
                    tx, scene.project, review.record, key, statement, actor, expected=review.version
                ),
            )


def _sign(scene: ui.Scene, review: RecordVersion, who: str) -> None:
    with st.form(f"sign {review.record} {review.version}", border=False):
        name = st.text_input("Your name, as a signature", max_chars=200)
        if st.form_submit_button("Sign"):
            _submit(
                scene,
                who,
                lambda tx, actor: service.sign(
                    tx, scene.project, review.record, actor, expected=review.version, name=name
                ),
            )


def _submit(scene: ui.Scene, who: str, step: Callable[[Transaction, Actor], RecordVersion]) -> None:
    """Take the step on the version that the person saw; what is missing is told, and nothing is saved then."""
    checkpoints = tuple(scene.project.root / one for one in scene.project.config.checkpoints)
    try:
        actor = actor_of(scene.project, who)
        with Store(scene.store, checkpoints=checkpoints).write() as tx:
            step(tx, actor)
    except AimsightError as error:
        st.error(words.escape(str(error)).replace("\n", "  \n"))
    else:
        st.rerun()
