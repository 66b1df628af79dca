"""Operations: do the runs happen, how fresh are the data, what is wrong with them, and where does the store stand."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import streamlit as st

from aimsight.aims import words
from aimsight.aims.verification import state, state_words
from aimsight.dashboard import data, summary, ui

OUTCOMES = ("success", "error", "abandoned", "skipped")


def _render() -> None:
    scene = ui.scene()
    if not scene.version:
        ui.header(scene, "Operations")
        ui.no_runs(scene)
        return
    ui.header(scene, _answer(scene))
    _outcomes(scene)
    _troubles(scene)
    _quality(scene)
    _metrics(scene)
    _store(scene)


def _answer(scene: ui.Scene) -> str:
    state, latest = scene.ask(data.standing).store, scene.ask(data.runs)
    if state.verified_at and not state.is_intact:
        return "The store was found broken"
    failed = sum(row["outcome"] != "success" for row in latest)
    if not latest:
        return "No run yet"
    if failed:
        return f"{failed} of the last {words.plural(len(latest), 'run')} did not succeed"
    return "The last run succeeded" if len(latest) == 1 else f"The last {len(latest)} runs all succeeded"


def _outcomes(scene: ui.Scene) -> None:
    st.subheader("Runs", anchor=False)
    rows = scene.ask(data.run_outcomes)
    if not rows:
        ui.no_runs(scene)
        return
    table = []
    for model in sorted({row["model"] for row in rows}):
        own = [row for row in rows if row["model"] == model]
        amounts = {row["outcome"]: row["runs"] for row in own}
        until = max((row["data_until"] for row in own if row["data_until"]), default=None)
        table.append(
            {
                "Model": words.printable(model),
                **{outcome.capitalize(): amounts.get(outcome, 0) for outcome in OUTCOMES},
                "Last run": words.instant(max(row["last_at"] for row in own), scene.zone),
                "Data until": words.until(until, scene.zone_of(model)),
            }
        )
    ui.lines(
        [
            (
                f"**{words.escape(row['Model'])}** "
                + ", ".join(
                    f"{kind} {words.count(row[kind.capitalize()])}" for kind in OUTCOMES if row[kind.capitalize()]
                ),
                [f"last run {row['Last run']}", f"data until {row['Data until']}"],
            )
            for row in table
        ],
        table,
    )


def _troubles(scene: ui.Scene) -> None:
    rows = [row for row in scene.ask(data.runs) if row["outcome"] != "success"]
    if not rows:
        return
    st.caption("Runs that did not succeed, latest first; what went wrong in the same way stands together")
    alike = groupby(rows, key=lambda row: (row["model"], row["outcome"], row["reason"]))
    table = [_trouble(scene, list(group)) for _, group in alike]
    ui.lines(
        [
            (
                f"**{words.escape(row['Model'])}** {words.escape(row['Window'])}: {row['Outcome']}",
                [row["Reason"], f"finished {row['Finished']}", f"run {row['Run']}"],
            )
            for row in table
        ],
        table,
    )


def _trouble(scene: ui.Scene, alike: list[data.Row]) -> dict[str, Any]:
    """Runs of one model that ended one after the other in the same way, as one row; the latest is the first."""
    row, zone = alike[0], scene.zone_of(alike[0]["model"])
    start, end = min(one["window_start"] for one in alike), max(one["window_end"] for one in alike)
    window = words.period(start, end, zone)
    return {
        "Model": words.printable(row["model"]),
        "Window": window if len(alike) == 1 else f"{window} ({len(alike)} windows)",
        "Outcome": row["outcome"],
        "Reason": words.printable(row["reason"]),
        "Finished": words.instant(row["finished_at"], scene.zone),
        "Run": row["run_id"][:12],
    }


def _quality(scene: ui.Scene) -> None:
    st.subheader("Quality of the data", anchor=False)
    controls = st.container(horizontal=True)
    with controls:
        model = ui.choose_model(scene)
    if model is None:
        ui.no_model(scene)
        return
    windows = scene.ask(data.measured_windows, model)
    if not windows:
        ui.no_runs(scene)
        return
    zone = scene.zone_of(model)
    names = {words.period(row["window_start"], row["window_end"], zone): row for row in reversed(windows)}
    chosen = controls.selectbox("Window", list(names), key="window", bind="query-params", width=260)
    rows = scene.ask(data.window_measurements, names[chosen]["run_id"], "quality")
    whole = [row for row in rows if not row["column_name"]]
    if whole:
        ui.facts({words.metric_name(row["metric"]): summary.quality_text(row) for row in whole})
    columns = sorted({row["column_name"] for row in rows if row["column_name"]})
    metrics = sorted({row["metric"] for row in rows if row["column_name"]})
    values = {(row["column_name"], row["metric"]): row for row in rows}
    if columns:
        table = [
            {
                "Column": words.printable(column),
                **{
                    words.metric_name(metric): summary.quality_text(values[column, metric])
                    if (column, metric) in values
                    else ""
                    for metric in metrics
                },
            }
            for column in columns
        ]
        ui.lines(
            [
                (
                    f"**{words.escape(row['Column'])}**",
                    [f"{words.lowered(name)} {said}" for name, said in row.items() if said and name != "Column"],
                )
                for row in table
            ],
            table,
        )
    elif not whole:
        ui.empty("No quality metric was measured in this window.")


def _metrics(scene: ui.Scene) -> None:
    """Whether the measuring equipment is verified."""
    st.subheader("Verification of the metrics", anchor=False)
    found = scene.ask(state)
    today = scene.now.date()
    said = words.printable(state_words(found, scene.zone, today))
    st.text(f"{said[:1].upper()}{said[1:]}. Each metric is computed on data with known answers, as instruments are.")
    if found.is_overdue(today):
        ui.to_copy(ui.command(scene, "metrics verify"))


def _store(scene: ui.Scene) -> None:
    st.subheader("Store and ledger", anchor=False)
    state = scene.ask(data.standing).store
    st.text(
        f"{words.plural(state.entries, 'ledger entry', 'ledger entries')}, the last of "
        f"{words.instant(state.recorded_at, scene.zone)}. The store takes {scene.store.stat().st_size / 1e6:.1f} MB at "
        f"{words.printable(str(scene.store))}."
    )
    if state.verified_at:
        authority = {True: ", authority in order", False: ", with acts that were NOT ALLOWED", None: ""}
        found = f"{'intact' if state.is_intact else 'BROKEN'}, {'complete' if state.is_complete else 'with gaps'}"
        found += authority[state.is_authorised]
        st.text(f"Verified {words.instant(state.verified_at, scene.zone)}: {found}. To look again:")
    else:
        st.text(
            "No verification is on record. aimsight serve verifies once a day and puts that on record. This looks at "
            "once: it recomputes every hash, compares the store with its checkpoints, and writes nothing."
        )
    ui.to_copy(ui.command(scene, "verify"))


_render()
