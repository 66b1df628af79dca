"""Overview: is anything wrong, how sure are we, since when, who acts, until when."""

from __future__ import annotations

import streamlit as st

from aimsight.aims.verdicts import Verdict
from aimsight.dashboard import data, summary, ui, words


def _render() -> None:
    scene = ui.scene()
    states = ui.in_force(scene)
    if not scene.version:
        ui.header(scene, "Nothing measured yet")
        ui.no_runs(scene)
        return
    verdict, answer = summary.headline(states)
    ui.header(scene, f"{verdict.glyph} {answer}")
    records = [row for row in scene.ask(data.nonconformities) if data.is_open(row)]
    st.text(summary.who_acts(records, scene.now, scene.zone))
    with st.container(horizontal=True, gap="small"):
        for kind, amount in summary.counts(states).items():
            st.badge(
                f"{kind.glyph} {amount} {kind.value}",
                color=ui.COLOUR_NAMES[kind],  # type: ignore[arg-type]  # one of Streamlit's names
                help=ui.MEANINGS[kind],
            )
    for model in scene.project.models:
        _model(scene, model, [state for state in states if state.model == model], records)


def _model(scene: ui.Scene, model: str, states: list[data.ObjectiveState], records: list[data.Row]) -> None:
    config = scene.project.models[model]
    with st.container(border=True):
        worst = summary.worst(states)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.page_link(
                ui.MODEL, label=f"**{words.escape(model)}**", query_params={"model": model}, icon=":material/arrow_forward:",
                icon_position="right",
            )
            st.markdown(ui.chip(worst), width="content")
            st.caption(
                words.escape(f"version {config.version} · {config.risk} risk · {config.owner}"), width="content"
            )
        if not states:
            st.text("This model has no objective yet; a monitor without objectives judges nothing.")
        for state in sorted(states, key=lambda one: (one.verdict.rank, one.objective)):
            _objective(scene, state, records)


def _objective(scene: ui.Scene, state: data.ObjectiveState, records: list[data.Row]) -> None:
    zone = scene.zone_of(state.model)
    left, middle, right = st.columns([2.1, 6, 2.4], vertical_alignment="top", gap="small")
    left, middle, right = (column.container(gap="xxsmall") for column in (left, middle, right))
    left.markdown(ui.chip(state.verdict))
    left.caption(words.escape(summary.since_words(state, zone)))
    middle.markdown(f"**{words.escape(state.objective)}** {words.escape(state.statement)}")
    sentence = words.value_sentence(words.metric_name(state.metric), state.value, state.low, state.high, state.n)
    about = f"{sentence}; target {words.target_words(state.target, state.tolerance)}"
    record = next((row for row in records if (row["model"], row["objective"]) == (state.model, state.objective)), None)
    middle.caption(words.escape(about))
    right.markdown(ui.strip([verdict for _, _, verdict in state.recent]) or ui.strip([Verdict.NOT_MEASURED]))
    if record:
        due = f" due {words.day(record['due_at'].astimezone(scene.zone))}" if record["due_at"] else ""
        right.caption(words.escape(f"{record['nonconformity']},{due}"))


_render()
