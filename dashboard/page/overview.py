"""Overview: is anything wrong, how sure are we, since when, who acts, until when."""

from __future__ import annotations

import streamlit as st

from aimsight.aims import words
from aimsight.aims.verdicts import Verdict
from aimsight.dashboard import data, summary, ui


def _render() -> None:
    scene = ui.scene()
    states = ui.in_force(scene)
    if not states:
        ui.header(scene, "Nothing has been judged yet")
        ui.no_runs(scene)
        return
    verdict, answer = summary.headline(states)
    ui.header(scene, answer, verdict)
    records = {
        (row["model"], row["objective"]): row for row in reversed(scene.ask(data.nonconformities)) if data.is_open(row)
    }
    st.text(summary.who_acts(list(records.values()), scene.now, scene.zone))
    ui.tally(summary.counts(states))
    urgent = [state for state in states if summary.needs_attention(state, records.get((state.model, state.objective)))]
    met = [state for state in states if state not in urgent]
    _list(scene, urgent, records)
    if met:
        with st.expander(f"{words.plural(len(met), 'objective')} met, nothing open"):
            _list(scene, met, records)
    st.caption(
        "A verdict rests on the whole 95 % interval of its value; the signs at the right are the last windows, the "
        "newest last."
    )
    st.subheader("Models", anchor=False)
    with st.container(border=True, gap="medium"):
        for model in scene.project.models:
            _model(scene, model, [state for state in states if state.model == model])


def _model(scene: ui.Scene, model: str, states: list[data.ObjectiveState]) -> None:
    config = scene.project.models[model]
    with st.container(gap="xxsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            st.page_link(
                ui.MODEL,
                label=f"**{words.escape(model)}**",
                query_params={"model": model},
                icon=":material/show_chart:",
            )
            for kind, amount in summary.counts(states).items():
                if amount:
                    st.markdown(ui.chip(kind, f"{amount} {kind.value}"), width="content")
            if not states:
                st.markdown(ui.chip(Verdict.NOT_MEASURED, "no objective is set: nothing is judged"), width="content")
        st.caption(words.escape(f"Version {config.version}, {config.risk} risk, {config.owner}"))


def _list(scene: ui.Scene, states: list[data.ObjectiveState], records: dict[tuple[str, str], data.Row]) -> None:
    if not states:
        return
    with st.container(border=True, gap="medium"):
        for state in sorted(states, key=lambda one: (one.verdict.rank, one.model, one.objective)):
            _objective(scene, state, records.get((state.model, state.objective)))


def _objective(scene: ui.Scene, state: data.ObjectiveState, record: data.Row | None) -> None:
    zone = scene.zone_of(state.model)
    columns = st.columns([2.5, 5.8, 2.9], vertical_alignment="top", gap="xsmall")
    left, middle, right = (column.container(gap="xxsmall") for column in columns)
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
        due = f", due {words.day(record['due_at'].astimezone(scene.zone))}" if record["due_at"] else " open"
        right.caption(words.escape(f"{record['nonconformity']}{due}"))


_render()
