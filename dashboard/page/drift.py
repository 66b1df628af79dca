"""Drift: how far each column of a window is from the reference, on what evidence, and how it looks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import streamlit as st

from aimsight.aims import words
from aimsight.dashboard import data, frames, summary, ui
from aimsight.dashboard.charts.distribution import distribution_chart
from aimsight.dashboard.charts.drift import drift_chart
from aimsight.dashboard.charts.spec import MOST_GLYPHS
from aimsight.metrics.cells import NumericCells
from aimsight.store.references import load_reference
from aimsight.store.statistics import read_statistics

if TYPE_CHECKING:
    from datetime import datetime

    import pandas as pd

    from aimsight.metrics.cells import Cells
    from aimsight.store.database import Reader

# Distances that the strip draws in full ink: well beyond what is customarily read as a shift that calls for action.
FULL_INK = {"drift.psi": 0.3, "drift.jensen_shannon_distance": 0.3, "drift.ks": 0.3, "drift.wasserstein_normed": 0.5}


def _render() -> None:
    scene = ui.scene()
    top = st.container()  # filled when the answer is known
    controls = st.container(horizontal=True)
    with controls:
        model = ui.choose_model(scene)
    metrics = scene.ask(data.measured_metrics, model, "drift") if scene.version and model else []
    if model is None or not metrics:
        with top:
            ui.header(scene, "Drift against the reference", model=model)
    if model is None:
        ui.no_model(scene)
        return
    if not metrics:
        windows = scene.ask(data.measured_windows, model) if scene.version else []
        if windows:
            ui.empty(
                "No drift was measured: drift needs a reference (a period or a file) in the model's configuration."
            )
        else:
            ui.no_runs(scene)
        return
    states = [state for state in ui.in_force(scene, model) if state.metric.startswith("drift.")]
    judged = [state.metric for state in sorted(states, key=lambda one: one.verdict.rank) if state.metric in metrics]
    first = next((one for one in (*judged, "drift.psi") if one in metrics), metrics[0])
    metric = controls.selectbox(
        "Distance", metrics, index=metrics.index(first), key="distance", width=260,
        format_func=words.metric_name, bind="query-params",
    )  # fmt: skip
    rows = [row for row in scene.ask(data.measurements, model, metric) if not row["segment"]]
    if not rows:
        with top:
            ui.header(scene, f"{model}: {words.metric_name(metric)} has not been measured yet", model=model)
        ui.empty("This distance has not been measured in any window yet.", ui.command(scene, "run"))
        return
    last = max((row["window_start"] for row in rows if row["value"] is not None), default=rows[-1]["window_start"])
    latest = {row["column_name"]: row for row in rows if row["window_start"] == last}
    order = frames.drift_order({row["column_name"] for row in rows}, latest)
    answer, which = summary.drift_answer(list(latest.values()), scene.zone_of(model))
    with top:
        ui.header(scene, f"{model}: {answer}", model=model)
    st.text(which)
    if after := sorted({(row["window_start"], row["window_end"]) for row in rows if row["window_start"] > last}):
        why = next(row["undefined_reason"] for row in reversed(rows) if row["undefined_reason"])
        amount = words.plural(len(after), "later window has", "later windows have")
        st.text(words.printable(f"{amount} no value: {why}."))
    ui.answer(states)
    _strip(scene, model, metric, rows, order)
    _distribution(scene, model, metric, [row for row in rows if row["window_start"] <= last], order)


def _strip(scene: ui.Scene, model: str, metric: str, rows: list[data.Row], order: list[str]) -> None:
    zone = scene.zone_of(model)
    verdicts: dict[tuple[str, datetime], str] = {}
    states = [state for state in ui.in_force(scene, model) if state.metric == metric]
    series = ui.series_of(scene, states)
    for state in states:
        for row in series[state.objective]:
            verdicts[state.column, row["window_start"]] = row["verdict"]
    frame = frames.drift_frame(rows, zone, verdicts, order)
    st.subheader("All columns, window by window", anchor=False)
    ui.chart(
        drift_chart(frame, scene.palette, metric=metric, most=FULL_INK.get(metric, 0.3)),
        f"{words.metric_name(metric)} of every column in every window. {frames.drift_words(frame)}",
    )
    signs = "" if frame["start"].nunique() > MOST_GLYPHS else " Signs in a row are verdicts of its objective."
    st.caption(
        "The stronger the fill, the farther the window is from the reference. A hollow cell is within chance (q of "
        f"{frames.EVIDENT:g} or more: p adjusted for the number of columns).{signs}"
    )


def _distribution(scene: ui.Scene, model: str, metric: str, rows: list[data.Row], order: list[str]) -> None:
    zone = scene.zone_of(model)
    st.subheader("One column in one window", anchor=False)
    windows = sorted({(row["window_start"], row["window_end"]) for row in rows}, reverse=True)
    names = {words.period(*window, zone): window for window in windows}
    with st.container(horizontal=True):
        column = st.selectbox(
            "Column", order, key="column", bind="query-params", width=260, format_func=words.printable
        )
        chosen = st.selectbox("Window", list(names), key="window", bind="query-params", width=260)
    window = names[chosen]
    row = next((one for one in rows if one["column_name"] == column and one["window_start"] == window[0]), None)
    if row is None:
        ui.empty("This column was not measured in this window; choose another one.")
        return
    if row["value"] is None:
        st.text(words.printable(f"{words.metric_name(metric)} has no value: {row['undefined_reason']}."))
    else:
        value = words.value_sentence(words.metric_name(metric), row["value"], row["ci_low"], row["ci_high"], row["n"])
        bound = (
            f"; binned, at most {words.number(row['error_bound'], 4)} from the exact distance"
            if row["error_bound"]
            else ""
        )
        st.markdown(f"**{words.escape(value)}** {words.escape(f'({frames.evidence_words(row)}{bound}).')}")
    if row["detail"]:  # which part of a seasonal reference, or which windows of a moving one
        st.text(words.printable(f"{row['detail'][0].upper()}{row['detail'][1:]}."))
    answer = scene.ask(_sides, model, row["run_id"], row["reference"], column)
    if answer is None:
        ui.empty("The counts of this window or of its reference are no longer kept, so no distribution can be drawn.")
        return
    frame, numeric = answer
    ui.chart(
        distribution_chart(frame, scene.palette, column=words.printable(column), numeric=numeric),
        f"Distribution of {words.printable(column)} in {chosen} over the reference; its numbers are in the table below",
    )
    before = f", {words.reference_words(row['reference'])}" if row["reference"] else ""
    st.caption(
        f"Wide grey bars: the reference as it was frozen{words.escape(before)}{_apart(row)}. "
        f"Narrow bars: {words.escape(chosen)}. "
        "Missing values and values that the reference does not know are bars of their own at the end."
    )
    with st.expander("The numbers of this chart"):
        table = frame[["label", "window_share", "reference_share", "window_count", "reference_count"]]
        st.dataframe(
            table,
            hide_index=True,
            column_config={
                "label": "Values",
                "window_share": st.column_config.NumberColumn("Window", format="%.2f %%"),
                "reference_share": st.column_config.NumberColumn("Reference", format="%.2f %%"),
                "window_count": st.column_config.NumberColumn("Rows in the window", format="localized"),
                "reference_count": st.column_config.NumberColumn("Rows in the reference", format="localized"),
            },
        )


def _apart(row: data.Row) -> str:
    """That a value was compared with a part of the reference or with other windows, where it was."""
    apart = re.search("compared with (?!the (whole )?reference:)", row["detail"] or "")
    return ", which is not what the value was compared with" if apart else ""


def _sides(reader: Reader, model: str, run_id: str, name: str, column: str) -> tuple[pd.DataFrame, bool] | None:
    """The distribution of a column in a run's window and in its reference, and whether it is numeric."""
    fingerprint = data.reference_fingerprint(reader, model, name)
    reference = load_reference(reader, model, fingerprint) if fingerprint else None
    statistics = read_statistics(reader, run_id)
    if reference is None or statistics is None or column not in statistics.columns:
        return None
    cells: Cells | None = next((one.cells for one in reference.columns if one.name == column), None)
    if cells is None or column not in reference.statistics.columns:
        return None
    before, now = reference.statistics.columns[column].counts, statistics.columns[column].counts
    return frames.distribution_frame(cells, before, now), isinstance(cells, NumericCells)


_render()
