"""Overview: which models are fine and which are not, since when, who acts, until when; then their objectives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from aimsight.aims import words
from aimsight.aims.verdicts import Verdict
from aimsight.dashboard import data, summary, ui

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

COLUMNS = (2.5, 5.6, 3.1)
"""Widths of verdict, what it is about, and who acts."""


def _render() -> None:
    scene = ui.scene()
    states = ui.in_force(scene)
    if not states:
        ui.header(scene, "Nothing has been judged yet")
        ui.no_runs(scene)
        return
    verdict, answer = summary.headline(states)
    ui.header(scene, answer, verdict)
    open_ones = ui.open_records(scene)
    st.text(summary.who_acts(open_ones, scene.now, scene.zone))
    ui.tally(summary.counts(states))
    _models(scene, states, open_ones)
    records = {(row["model"], row["objective"]): row for row in reversed(open_ones)}
    urgent = [state for state in states if summary.needs_attention(state, records.get((state.model, state.objective)))]
    rest = [state for state in states if state not in urgent]
    watched = [state for state in urgent if _is_watched(state, records)] if len(urgent) > ui.MOST_LINES else []
    if urgent:
        st.subheader("Objectives that need attention", anchor=False)
        if len(watched) < len(urgent):
            _list(scene, [state for state in urgent if state not in watched], records)
    if watched:
        with st.expander(f"{words.plural(len(watched), 'objective')} at risk, nothing open"):
            _list(scene, watched, records)
    met = [state for state in rest if state.verdict is Verdict.CONFORMING]
    unjudged = [state for state in rest if state.verdict is not Verdict.CONFORMING]
    if unjudged:
        with st.expander(f"{words.plural(len(unjudged), 'objective')} that cannot be judged, nothing open"):
            _list(scene, unjudged, records)
    if met:
        with st.expander(f"{words.plural(len(met), 'objective')} met, nothing open"):
            _list(scene, met, records)
    st.caption(
        "A verdict rests on the whole 95 % interval of its value; the signs at the right are the last windows, the "
        "newest last."
    )


def _is_watched(state: data.ObjectiveState, records: dict[tuple[str, str], data.Row]) -> bool:
    """Whether an objective is at risk and nobody has to act on it yet."""
    return state.verdict is Verdict.AT_RISK and (state.model, state.objective) not in records


def _models(scene: ui.Scene, states: list[data.ObjectiveState], open_ones: list[data.Row]) -> None:
    """One row a model, the worst first."""
    of_model = {model: [state for state in states if state.model == model] for model in scene.project.models}
    st.subheader(words.plural(len(of_model), "model"), anchor=False)
    with st.container(border=True, gap="small"):
        for model in sorted(of_model, key=lambda one: (summary.worst(of_model[one]).rank, one)):
            _model(scene, model, of_model[model], [row for row in open_ones if row["model"] == model])


def _model(scene: ui.Scene, model: str, states: list[data.ObjectiveState], open_ones: list[data.Row]) -> None:
    config = scene.project.models[model]
    left, middle, right = _row()
    left.markdown(ui.coloured(summary.worst(states)))
    middle.page_link(
        ui.MODEL, label=f"**{words.escape(model)}**", icon=":material/show_chart:", query_params={"model": model}
    )
    middle.caption(words.escape(summary.model_line(states, scene.zone_of(model))))
    if open_ones:
        owner, what = summary.who_and_when(open_ones, scene.now, scene.zone)
        right.markdown(f"{words.escape(owner)} acts")
        right.caption(words.escape(what))
    else:
        right.caption(words.escape(f"Nothing open; {config.risk} risk, owner {scene.person(config.owner)}"))


def _row() -> tuple[DeltaGenerator, DeltaGenerator, DeltaGenerator]:
    left, middle, right = st.columns(COLUMNS, vertical_alignment="top", gap="xsmall")
    return left.container(gap="xxsmall"), middle.container(gap="xxsmall"), right.container(gap="xxsmall")


def _list(scene: ui.Scene, states: list[data.ObjectiveState], records: dict[tuple[str, str], data.Row]) -> None:
    with st.container(border=True, gap="medium"):
        for state in sorted(states, key=lambda one: (one.verdict.rank, one.model, one.objective)):
            _objective(scene, state, records.get((state.model, state.objective)))


def _objective(scene: ui.Scene, state: data.ObjectiveState, record: data.Row | None) -> None:
    zone = scene.zone_of(state.model)
    left, middle, right = _row()
    left.markdown(ui.coloured(state.verdict))
    left.caption(words.escape(summary.since_words(state, zone)))
    middle.markdown(f"**{words.escape(state.objective)}** {words.escape(state.statement)}")
    value = words.value_sentence(
        words.metric_name(state.metric), state.value, state.low, state.high, state.n, ui.unit(state.metric)
    )
    value += f", {state.reason}" if state.value is None else ""
    target = words.target_words(state.target, state.tolerance)
    middle.caption(words.escape(f"{state.model}: {value}; target {target}"))
    right.markdown(ui.strip([verdict for _, _, verdict in state.recent] or [Verdict.NOT_MEASURED]))
    if record:
        right.page_link(
            ui.NONCONFORMITIES,
            label=words.escape(record["nonconformity"]),
            icon=":material/report:",
            query_params={"record": record["nonconformity"]},
        )
        right.caption(words.escape(f"{record['owner']}, {summary.due_words(record, scene.now, scene.zone)}"))


_render()
