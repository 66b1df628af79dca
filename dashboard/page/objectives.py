"""The register of AI objectives (clause 6.2): what is promised, why, by whom, until when, and every earlier version."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from aimsight.aims import changes, words
from aimsight.dashboard import data, editing_changes, summary, ui
from aimsight.store.database import Store

if TYPE_CHECKING:
    from datetime import date

    from aimsight.aims.changes import Proposal
    from aimsight.aims.consequences import Consequences


def _render() -> None:
    scene = ui.scene()
    states = ui.in_force(scene)
    declared = sum(len(config.objectives) for config in scene.project.models.values())
    proposed = _proposed(scene)
    if states or proposed:
        verdict, answer = summary.headline(states) if states else (None, "No objective is in force yet")
        ui.header(scene, answer, verdict)
        if states:
            st.text(_next_due(scene, states))
        _show_proposed(scene, proposed)
    else:
        ui.header(scene, "Register of objectives")
        if scene.version and not declared:
            ui.empty("No model of this project has an objective. Add `objectives:` to its file under models/.")
        else:
            ui.no_runs(scene)
        return
    models = sorted({state.model for state in states})
    if len(models) > 1:
        chosen = st.selectbox("Model", ["all", *models], width=320)
        states = [state for state in states if chosen in {"all", state.model}]
    versions = scene.ask(data.objective_versions)
    for model in models:
        own = [state for state in states if state.model == model]
        if own:
            st.subheader(words.escape(model), anchor=False)
        for state in own:
            _objective(scene, state, versions)


def _proposed(scene: ui.Scene) -> list[tuple[Proposal, Consequences]]:
    """What the files say and nobody has approved; asked anew each time, because it follows the files."""
    if not scene.version or scene.project.config.changes != "approve":
        return []
    with Store(scene.store).read() as reader:
        found = [one for model in scene.project.models.values() for one in changes.proposals(reader, model)]
        return [(one, changes.consequences(reader, one)) for one in found]


def _show_proposed(scene: ui.Scene, proposed: list[tuple[Proposal, Consequences]]) -> None:
    if not proposed:
        return
    st.subheader("Proposed, not in force", anchor=False)
    st.caption("Windows are judged by what is in force until a second person approves.")
    ui.lines([_proposal_line(one, effects) for one, effects in proposed])
    editing_changes.forms(scene, [one for one, _ in proposed])


def _proposal_line(one: Proposal, effects: Consequences) -> tuple[str, list[str]]:
    record = f"{one.record.record}, {one.record.status}" if one.record else "not on record yet"
    differs = "; ".join(f"{key}: {old or '–'} → {new or '–'}" for key, old, new in one.differences)
    after = one.after
    said = differs if one.kind == "changed" else f"target {after.target}; {after.statement}" if after else ""
    return f"**{words.escape(one.title)}** ({words.escape(record)})", [
        words.printable(said),
        effects.sentence if one.kind != "withdrawn" else "It is judged until its withdrawal is approved.",
    ]


def _next_due(scene: ui.Scene, states: list[data.ObjectiveState]) -> str:
    amount = words.plural(len(states), "objective is", "objectives are")
    due = min(state.due for state in states)
    return f"{amount} in force; the next is to be reached by {words.day(due)} ({_days(scene, due)})."


def _days(scene: ui.Scene, due: date) -> str:
    return words.days_until_day(due, scene.now.date())


def _objective(scene: ui.Scene, state: data.ObjectiveState, versions: list[data.Row]) -> None:
    with st.container(border=True):
        title = f"**{words.escape(state.objective)}** {words.escape(state.statement)}"
        st.markdown(f"{title} {ui.chip(state.verdict)}")
        rule = (
            "the first nonconforming window"
            if state.zero_tolerance
            else f"{state.opens[0]} nonconforming of {state.opens[1]} consecutive windows"
        )
        ui.facts(
            {
                "Indicator": _indicator(state),
                "Target": words.target_words(state.target, state.tolerance),
                "Severity": state.severity,
                "Owner": scene.person(state.owner),
                "Due": f"{words.day(state.due)} ({_days(scene, state.due)})",
            }
        )
        st.caption(words.escape(f"Rationale: {state.rationale}"))
        since = words.day(state.effective_from.astimezone(scene.zone))
        with st.expander(f"Version {state.version} since {since}: plan, rule and earlier versions"):
            st.text(f"A record opens at {rule}; a verdict needs at least {words.plural(state.min_rows, 'row')}.")
            st.text(f"Policy: {words.printable(state.policy_ref or 'no reference given')}")
            st.text(f"Actions: {words.printable('; '.join(state.actions) or 'none planned yet')}")
            st.text(f"Resources: {words.printable(state.resources or 'none named')}")
            own = [row for row in versions if (row["model"], row["objective"]) == (state.model, state.objective)]
            if len(own) > 1:
                _versions(scene, own)


def _versions(scene: ui.Scene, own: list[data.Row]) -> None:
    st.dataframe(
        [
            {
                "Version": row["version"],
                "In force from": words.instant(row["effective_from"], scene.zone),
                "Target": words.target_words(row["target"], row["tolerance"]),
                "Rationale": words.printable(row["rationale"]),
                "Owner": words.printable(scene.person(row["owner"])),
            }
            for row in own
        ],
        hide_index=True,
        height="content" if len(own) <= 8 else 320,
    )


def _indicator(state: data.ObjectiveState) -> str:
    parts = [words.metric_name(state.metric)]
    if state.column:
        parts.append(f"{'between groups of' if state.metric.startswith('fairness') else 'of'} {state.column}")
    if state.segment:
        parts.append(f"where {state.segment}")
    return " ".join(parts)


_render()
