"""Fairness: how groups fare in one window, with intervals and sizes, and how the gaps develop."""

from __future__ import annotations

import streamlit as st

from aimsight.aims import words
from aimsight.aims.verdicts import Verdict
from aimsight.configs.targets import Target
from aimsight.dashboard import data, frames, summary, ui
from aimsight.dashboard.charts.groups import groups_chart
from aimsight.dashboard.charts.series import series_chart

# The metric of each group that a comparison is of, by the first part of its name.
BEHIND = {
    "demographic_parity": ("performance.selection_rate",),
    "disparate_impact": ("performance.selection_rate",),
    "equal_opportunity": ("performance.recall",),
    "false_negative_rate": ("performance.recall",),
    "predictive_equality": ("performance.false_positive_rate",),
    "equalized_odds": ("performance.recall", "performance.false_positive_rate"),
    "predictive_parity": ("performance.precision",),
    "false_discovery_rate": ("performance.precision",),
    "accuracy": ("performance.accuracy",),
    "auc": ("performance.roc_auc",),
    "calibration": ("performance.calibration_gap",),
    "mean_error": ("performance.mean_error",),
    "mae": ("performance.mae",),
}
PLAIN = {
    "performance.selection_rate": "Selection rate: share of the group that gets a positive decision",
    "performance.recall": "Recall: share of the truly positive of the group that gets a positive decision",
    "performance.false_positive_rate": "False positive rate: share of the truly negative that gets a positive decision",
    "performance.precision": "Precision: share of the group's positive decisions that are right",
    "performance.accuracy": "Accuracy: share of the group's decisions that are right",
    "performance.roc_auc": "AUC: how well scores rank the truly positive of the group above its truly negative",
    "performance.calibration_gap": "Calibration gap: mean outcome of the group minus its mean score",
    "performance.mean_error": "Mean error: above zero the group is predicted too high, below zero too low",
    "performance.mae": "MAE: how far predictions are off in the group, on average",
}


def _render() -> None:
    scene = ui.scene()
    top = st.container()
    controls = st.container(horizontal=True)
    with controls:
        model = ui.choose_model(scene)
    states = [state for state in ui.in_force(scene, model) if state.metric.startswith("fairness.")] if model else []
    with top:
        verdict, answer = summary.headline(states)
        if states:
            answer = answer.replace("objective", "fairness objective")
            ui.header(scene, f"{model}: {words.lowered(answer)}", verdict, model)
        else:
            said = f"{model}: no objective judges how groups fare" if model else "Fairness between groups"
            ui.header(scene, said, None, model)
    if model is None:
        ui.no_model(scene)
        return
    windows = scene.ask(data.measured_windows, model) if scene.version else []
    if not windows:
        ui.no_runs(scene)
        return
    compared, valued = scene.ask(data.compared_groups, model)
    columns = sorted(set().union(*compared.values()))
    if not columns:
        ui.empty(
            "No groups are compared, because the configuration of this model names no protected columns. Name them in "
            f"models/{model}.yaml, and the next run measures the gaps between their groups:",
            "protected: [column]",
        )
        return
    columns.sort(key=lambda name: (not any(state.column == name for state in states), " & " in name, name))
    zone = scene.zone_of(model)
    shown = [row for row in windows if row["window_start"] in valued] or windows
    names = {words.period(row["window_start"], row["window_end"], zone): row for row in reversed(shown)}
    with controls:
        column = st.selectbox(
            "Groups", columns, key="groups", bind="query-params", width=260, format_func=words.printable
        )
        chosen = st.selectbox("Window", list(names), key="window", bind="query-params", width=260)
    ui.answer(states)
    measured = [metric for metric, of in compared.items() if column in of]
    judged = [state for state in states if state.column == column]
    window, series = names[chosen], ui.series_of(scene, judged)
    rows = scene.ask(data.window_measurements, window["run_id"], "fairness", "performance")
    _groups(scene, rows, column, _measures(measured, judged))
    _comparisons(window, rows, column, judged, series)
    _gaps(scene, model, column, measured, judged, series)


def _measures(metrics: list[str], judged: list[data.ObjectiveState]) -> list[str]:
    """The metrics of single groups, those behind an objective first."""
    order = [state.metric for state in sorted(judged, key=lambda one: one.verdict.rank)] + metrics
    return list(dict.fromkeys(one for metric in order for one in _behind(metric)))


def _behind(metric: str) -> tuple[str, ...]:
    short = metric.partition("(")[0].partition(".")[2]
    return next((measures for start, measures in BEHIND.items() if short.startswith(start)), ())


def _comparisons(
    window: data.Row,
    measured: list[data.Row],
    column: str,
    judged: list[data.ObjectiveState],
    series: dict[str, list[data.Row]],
) -> None:
    """Every comparison of the groups in one window, with its interval and the groups that it is between."""
    rows = [
        row
        for row in measured
        if row["metric"].startswith("fairness.") and row["column_name"] == column and not row["segment"]
    ]
    if not rows:
        return
    st.subheader("The comparisons in this window", anchor=False)
    st.caption("Intervals hold for all comparisons of a metric at once.")
    units = {row["metric"]: ui.unit(row["metric"]) for row in rows}
    verdicts = {
        state.metric: Verdict(row["verdict"])
        for state in judged
        for row in series[state.objective]
        if row["window_start"] == window["window_start"] and row["window_end"] == window["window_end"]
    }
    found = frames.gap_frame(rows, verdicts, units).to_dict("records")
    table = [{str(name): value for name, value in row.items()} for row in found]
    ui.lines(
        [
            (
                f"**{words.escape(row['Comparison'])}** {words.escape(row['Value (95 % interval)'])}",
                [row["Objective"], row["Most extreme"], f"n = {row['n']}"],
            )
            for row in table
        ],
        table,
    )
    for note in frames.pooled_notes(rows):
        st.text(f"{note}.")


def _groups(scene: ui.Scene, rows: list[data.Row], column: str, measures: list[str]) -> None:
    st.subheader("The groups in this window", anchor=False)
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
            groups_chart(frame, scene.palette, metric=measure, unit=unit, overall=overall),
            f"{words.metric_name(measure)} by group with 95 % intervals: {frames.group_words(frame)}",
        )
    if excluded:
        st.text(f"Not compared: {words.listed(excluded, 12)}.")


def _gaps(
    scene: ui.Scene,
    model: str,
    column: str,
    metrics: list[str],
    judged: list[data.ObjectiveState],
    series: dict[str, list[data.Row]],
) -> None:
    st.subheader("The gaps over time", anchor=False)
    for state in judged:
        if state.metric in metrics:
            _gap(scene, model, state.metric, series[state.objective], state)
    others = [metric for metric in metrics if all(state.metric != metric for state in judged)]
    if not others:
        return
    metric = st.selectbox(
        "Comparison without an objective", others, key="gap", bind="query-params", width=360,
        format_func=words.metric_name,
    )  # fmt: skip
    measured = scene.ask(data.measurements, model, metric)
    rows = [row for row in measured if row["column_name"] == column and not row["segment"]]
    _gap(scene, model, metric, rows, None)


def _gap(scene: ui.Scene, model: str, metric: str, rows: list[data.Row], state: data.ObjectiveState | None) -> None:
    """One comparison over time, with the target where an objective judges it."""
    unit = ui.unit(metric)
    frame = frames.series_frame(rows, scene.zone_of(model), unit)
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{words.escape(words.metric_name(metric))}**", width="content")
            if state is not None:
                st.markdown(ui.chip(state.verdict), width="content")
                target = words.target_words(state.target, state.tolerance)
                st.caption(words.escape(f"{state.objective}: {target}"), width="content")
        if frame["value"].notna().any():
            figure = series_chart(
                frame,
                scene.palette,
                metric=metric,
                unit=unit,
                titled=False,
                target=Target.parse(state.target) if state else None,
                tolerance=state.tolerance if state else 0.0,
            )
            ui.chart(figure, f"{words.metric_name(metric)} over time. {frames.history_words(frame)}")
        else:
            reason = frame["note"].iloc[-1] if len(frame) else "it was not measured"
            st.text(f"No window has a value: {reason}.")


_render()
