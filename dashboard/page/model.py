"""One model: its facts, then each objective with its series, target, verdicts and what happened meanwhile."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import streamlit as st

from aimsight.aims import words
from aimsight.aims.estimates import is_estimated
from aimsight.configs.targets import Target
from aimsight.dashboard import data, frames, summary, ui
from aimsight.dashboard.charts.series import series_chart

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from aimsight.configs.schema import ModelConfig


def _render() -> None:
    scene = ui.scene()
    top = st.container()
    model = ui.choose_model(scene)
    if model is None:
        with top:
            ui.header(scene, "Objectives over time")
        ui.no_model(scene)
        return
    states = ui.in_force(scene, model)
    verdict, answer = summary.headline(states)
    with top:
        if states or not scene.project.models[model].objectives:
            ui.header(scene, f"{model}: {words.lowered(answer)}", verdict, model)
        else:
            ui.header(scene, f"{model}: nothing has been judged yet", model=model)
    records = ui.records(scene, model)
    open_ones = ui.open_records(scene, model)
    if states:
        st.text(summary.who_acts(open_ones, scene.now, scene.zone))
        ui.tally(summary.counts(states))
    _facts(scene, scene.project.models[model])
    if not scene.project.models[model].objectives and not states:
        ui.empty(f"Nothing is judged without an objective. Add `objectives:` to models/{model}.yaml.")
        return
    if not scene.version or not any(state.window for state in states):
        ui.no_runs(scene)
        return
    series = ui.series_of(scene, states)
    for state in sorted(states, key=lambda one: (one.verdict.rank, one.objective)):
        _objective(scene, state, series[state.objective], records, open_ones)
    ui.tally()
    st.caption(
        "Each point stands at the start of its window. Bands and bars are 95 % intervals. The solid level line is the "
        "target, the dotted one beside it the end of its tolerance, the shaded side the wrong one. Hollow points may "
        "still change when labels arrive; dashed lines are estimates."
    )


def _facts(scene: ui.Scene, config: ModelConfig) -> None:
    st.text(words.printable(config.intended_use))
    reference = config.reference
    if reference is None:
        compared = "none declared"
    elif reference.period:
        compared = words.span(*reference.period)
    else:
        compared = words.listed(list(reference.sources))
    labels = config.labels
    ui.facts(
        {
            "Risk": config.risk,
            "Version": config.version,
            "Task": config.task,
            "Window": words.window_length(config.monitor.window),
            "Reference": compared,
            "Labels": "none"
            if labels is None
            else f"awaited for {words.duration(labels.delay)}"
            if labels.delay
            else "no delay declared",
            "Owner": scene.person(config.owner),
        }
    )


def _objective(
    scene: ui.Scene,
    state: data.ObjectiveState,
    rows: list[data.Row],
    records: list[data.Row],
    open_ones: list[data.Row],
) -> None:
    zone = scene.zone_of(state.model)
    with st.container(border=True):
        st.subheader(words.escape(f"{state.objective} {state.statement}"), anchor=False)
        unit = ui.unit(state.metric)
        value = words.value_sentence(words.metric_name(state.metric), state.value, state.low, state.high, state.n, unit)
        about = state.column and f" of {state.column}"
        when = f" for {words.period(*state.window, zone)}" if state.window else ""
        target = words.target_words(state.target, state.tolerance)
        with st.container(gap="xsmall"):
            st.markdown(f"**{words.escape(value)}**{words.escape(f'{about}{when}. Target: {target}.')}")
            since = words.escape(f"{summary.since_words(state, zone)}: {state.reason}.")
            st.markdown(f"{ui.chip(state.verdict)} :gray[{since}]")
            for row in open_ones:
                if row["objective"] == state.objective:
                    _acts(scene, row)
            if is_estimated(state.metric):
                found = scene.ask(data.back_test, state.model, state.metric, state.segment)
                st.caption(words.escape(summary.estimate_words(found)))
        frame = frames.series_frame(rows, zone, unit)
        if frame["value"].notna().any():
            figure = series_chart(
                frame,
                scene.palette,
                metric=state.metric,
                unit=unit,
                target=Target.parse(state.target),
                tolerance=state.tolerance,
                events=frames.event_frame(_marks(scene, state, rows, records), zone),
            )
            name = words.metric_name(state.metric)
            ui.chart(figure, f"{name} over time; {value}; target {target}. {frames.history_words(frame)}")
        else:
            ui.empty(f"No window has a value yet: {state.reason}.")
        owner = scene.person(state.owner)
        st.caption(
            words.escape(f"Owner {owner}, to be reached by {words.day(state.due)}. Rationale: {state.rationale}")
        )


def _acts(scene: ui.Scene, row: data.Row) -> None:
    """Who acts on an open nonconformity, and until when."""
    st.text(words.printable(f"{row['owner']} acts, {summary.due_words(row, scene.now, scene.zone)}:"))
    st.page_link(
        ui.NONCONFORMITIES,
        label=words.escape(row["nonconformity"]),  # no longer, because the label of a link is cut where it does not fit
        icon=":material/report:",
        query_params={"record": row["nonconformity"]},
    )


def _marks(
    scene: ui.Scene, state: data.ObjectiveState, rows: list[data.Row], records: list[data.Row]
) -> list[tuple[datetime, str, str]]:
    """What happened to the objective, the model and the records, at the window where it first shows."""
    zone: ZoneInfo = scene.zone_of(state.model)
    marks: list[tuple[datetime, str, str]] = []
    for before, after in pairwise(rows):
        if before["objective_version"] != after["objective_version"]:
            version = after["objective_version"]
            marks.append(
                (
                    after["window_start"],
                    f"objective v{version}",
                    f"Version {version} of the objective: {after['target']}",
                )
            )
        if before["model_version"] and after["model_version"] and before["model_version"] != after["model_version"]:
            version = after["model_version"]
            marks.append((after["window_start"], f"model {version}", f"First window of model version {version}"))
    for row in records:
        if row["objective"] == state.objective:
            opened = words.day(row["opened_at"].astimezone(zone))
            marks.append((_first_seen(row, rows), row["nonconformity"], f"{row['nonconformity']} opened {opened}"))
    return marks


def _first_seen(record: data.Row, rows: list[data.Row]) -> datetime:
    """The window in which a record's failures began: event time, which is what the chart's axis shows."""
    moment: datetime = record["occurred_from"]
    return next((row["window_start"] for row in rows if row["window_start"] >= moment), moment)


_render()
