"""Fairness: how groups fare in one window, with intervals and sizes, and how the gaps develop."""

from __future__ import annotations

import streamlit as st

from aimsight.aims import words
from aimsight.configs.targets import Target
from aimsight.dashboard import charts, data, frames, ui

# The metric of each group that a gap compares.
BEHIND = {
    "fairness.demographic_parity_difference": ("performance.selection_rate",),
    "fairness.demographic_parity_ratio": ("performance.selection_rate",),
    "fairness.equal_opportunity_difference": ("performance.recall",),
    "fairness.equal_opportunity_ratio": ("performance.recall",),
    "fairness.equalized_odds_difference": ("performance.recall", "performance.false_positive_rate"),
    "fairness.calibration_gap": ("performance.calibration_gap",),
}
PLAIN = {
    "performance.selection_rate": "Selection rate: share of the group that gets a positive decision",
    "performance.recall": "Recall: share of the truly positive of the group that gets a positive decision",
    "performance.false_positive_rate": "False positive rate: share of the truly negative that gets a positive decision",
    "performance.calibration_gap": "Calibration gap: mean outcome of the group minus its mean score",
}


def _render() -> None:
    scene = ui.scene()
    ui.header(scene, "Fairness between groups")
    controls = st.container(horizontal=True)
    with controls:
        model = ui.choose_model(scene)
    if model is None:
        ui.no_model(scene)
        return
    windows = scene.ask(data.measured_windows, model) if scene.version else []
    if not windows:
        ui.no_runs(scene)
        return
    metrics = scene.ask(data.measured_metrics, model, "fairness")
    gaps = {metric: scene.ask(data.measurements, model, metric) for metric in metrics}
    columns = sorted({row["column_name"] for rows in gaps.values() for row in rows})
    if not columns:
        ui.empty(
            "No groups are compared, because the configuration of this model names no protected columns. Name them in "
            f"models/{model}.yaml, and the next run measures the gaps between their groups:",
            "protected: [column]",
        )
        return
    states = [state for state in ui.in_force(scene, model) if state.metric in gaps]
    columns.sort(key=lambda name: (not any(state.column == name for state in states), " & " in name, name))
    zone = scene.zone_of(model)
    names = {words.period(row["window_start"], row["window_end"], zone): row for row in reversed(windows)}
    with controls:
        column = st.selectbox(
            "Groups", columns, key="groups", bind="query-params", width=260, format_func=words.printable
        )
        chosen = st.selectbox("Window", list(names), key="window", bind="query-params", width=260)
    ui.answer(states)
    measured = [metric for metric in metrics if any(row["column_name"] == column for row in gaps[metric])]
    judged = [state for state in states if state.column == column]
    _groups(scene, names[chosen], column, _measures(measured, judged))
    _gaps(scene, model, column, measured, gaps, judged)


def _measures(metrics: list[str], judged: list[data.ObjectiveState]) -> list[str]:
    """The metrics of single groups, those behind an objective first."""
    order = [state.metric for state in sorted(judged, key=lambda one: one.verdict.rank)] + metrics
    return list(dict.fromkeys(one for metric in order for one in BEHIND.get(metric, ())))


def _groups(scene: ui.Scene, window: data.Row, column: str, measures: list[str]) -> None:
    st.subheader("The groups in this window", anchor=False)
    rows = scene.ask(data.window_measurements, window["run_id"], "performance")
    there = [metric for metric in measures if any(row["metric"] == metric and row["segment"] for row in rows)]
    if not there:
        ui.empty("No metric was measured per group in this window.")
        return
    measure = st.segmented_control(
        "Measure", there, default=there[0], key="measure", required=True, format_func=words.metric_name,
        label_visibility="collapsed", bind="query-params",
    )  # fmt: skip
    measure = measure or there[0]
    groups = [row for row in rows if row["metric"] == measure and frames.group_by(row) == column]
    overall = next((row["value"] for row in rows if row["metric"] == measure and not row["segment"]), None)
    unit = ui.unit(measure)
    frame, excluded = frames.group_frame(groups, overall, unit)
    st.caption(words.escape(PLAIN.get(measure, words.metric_name(measure)) + ". Largest distance from all rows first."))
    if frame.empty:
        ui.empty("No group has enough rows to be judged on its own.")
    else:
        ui.chart(
            charts.groups(frame, scene.palette, metric=measure, unit=unit, overall=overall),
            f"{words.metric_name(measure)} by group with 95 % intervals",
        )
    if excluded:
        st.text(f"Not compared: {words.listed(excluded, 12)}.")


def _gaps(
    scene: ui.Scene,
    model: str,
    column: str,
    metrics: list[str],
    gaps: dict[str, list[data.Row]],
    judged: list[data.ObjectiveState],
) -> None:
    st.subheader("The gaps over time", anchor=False)
    zone = scene.zone_of(model)
    for metric in sorted(metrics, key=lambda name: (not any(state.metric == name for state in judged), name)):
        state = next((one for one in judged if one.metric == metric), None)
        unit = ui.unit(metric)
        if state is not None:
            rows = scene.ask(data.evaluations, model, state.objective)
        else:
            rows = [row for row in gaps[metric] if row["column_name"] == column and not row["segment"]]
        frame = frames.series_frame(rows, zone, unit)
        with st.container(border=True):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{words.escape(words.metric_name(metric))}**", width="content")
                if state is not None:
                    st.markdown(ui.chip(state.verdict), width="content")
                    target = words.target_words(state.target, state.tolerance)
                    st.caption(words.escape(f"{state.objective}: {target}"), width="content")
            if frame["value"].notna().any():
                figure = charts.series(
                    frame, scene.palette, metric=metric, unit=unit, titled=False,
                    target=Target.parse(state.target) if state else None,
                    tolerance=state.tolerance if state else 0.0,
                )  # fmt: skip
                ui.chart(figure, f"{words.metric_name(metric)} over time")
            else:
                reason = frame["note"].iloc[-1] if len(frame) else "it was not measured"
                st.text(f"No window has a value: {reason}.")


_render()
