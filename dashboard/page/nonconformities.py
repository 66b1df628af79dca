"""Nonconformities: what is open, who acts until when, and the evidence of each record."""

from __future__ import annotations

import os
from pathlib import PurePosixPath
from typing import Any

import streamlit as st

from aimsight.aims import words
from aimsight.aims.lifecycle import guards, service
from aimsight.aims.lifecycle.case import Case, Context
from aimsight.aims.lifecycle.named import Known, known
from aimsight.aims.lifecycle.states import PATH, State, steps_from
from aimsight.aims.lifecycle.story import criterion_words, story
from aimsight.aims.verdicts import Verdict
from aimsight.dashboard import data, editing, summary, ui
from aimsight.store.database import Store
from aimsight.store.records import EffectivenessWindow, effectiveness_windows

ALL = "all"
FEW = 6
"""So many records need no filters."""
MOST_WINDOWS = 6
"""So many of the attached windows are lines; the table has all."""


def _render() -> None:
    scene = ui.scene()
    rows = ui.records(scene)
    still_open = [row for row in rows if data.is_open(row)]
    ui.header(
        scene,
        f"{words.plural(len(still_open), 'nonconformity', 'nonconformities')} open" if rows else "Nonconformities",
    )
    if not rows:
        if scene.version:
            ui.empty(
                "No nonconformity has been recorded. One opens by itself when an objective fails by its rule: by "
                "default in two of three consecutive windows, or at once where the objective tolerates no failure."
            )
        else:
            ui.no_runs(scene)
        return
    if still_open:
        owned = summary.owned_until(ui.open_records(scene), scene.now, scene.zone)
        st.text(f"{owned[0].upper()}{owned[1:]}")
    shown = _filtered(rows) if len(rows) > FEW else rows
    if not shown:
        ui.empty("No record passes these filters; set one of them back to all.")
        return
    _table(scene, shown)
    names = [row["nonconformity"] for row in shown]
    chosen = st.selectbox("Record", names, key="record", bind="query-params", width=320)
    _detail(scene, next(row for row in shown if row["nonconformity"] == chosen))


def _filtered(rows: list[data.Row]) -> list[data.Row]:
    with st.container(horizontal=True):
        for field, label in (("state", "State"), ("severity", "Severity"), ("model", "Model"), ("owner", "Owner")):
            values = sorted({row[field] for row in rows})
            if len(values) > 1:
                shown = _state_words if field == "state" else words.printable
                chosen = st.selectbox(label, [ALL, *values], width=180, format_func=shown)
                rows = [row for row in rows if chosen in {ALL, row[field]}]
    return rows


def _state_words(state: str) -> str:
    return state if state == ALL else State(state).words


def _table(scene: ui.Scene, rows: list[data.Row]) -> None:
    table = [
        {
            "Record": row["nonconformity"],
            "Due": _due(scene, row),
            "State": State(row["state"]).words,
            "Severity": row["severity"],
            "Model": words.printable(row["model"] or "–"),
            "Source": words.printable(row["source"]),
            "Objective": words.printable(row["objective"] or row["kind"]),
            "Failing since": words.day(row["occurred_from"].astimezone(scene.zone_of(row["model"]))),
            "Windows": row["occurrences"],
            "Owner": words.printable(scene.person(row["owner"])),
        }
        for row in rows
    ]
    ui.lines([_line(row) for row in table], table)


def _line(row: dict[str, Any]) -> tuple[str, list[str]]:
    about = " ".join(row[name] for name in ("Model", "Objective") if row[name] != "–") or row["Source"]
    facts = [
        f"due {row['Due']}" if row["Due"] != "–" else "no due date",
        f"failing since {row['Failing since']}, {words.plural(row['Windows'], 'window')}" if row["Windows"] else "",
        row["Owner"],
    ]
    stands = f"{about}: {row['State']}, {row['Severity']}"
    return f"**{words.escape(row['Record'])}** {words.escape(stands)}", facts


def _due(scene: ui.Scene, row: data.Row) -> str:
    if row["due_at"] is None:
        return "–"
    day = words.day(row["due_at"].astimezone(scene.zone))
    return f"{day} ({words.days_until(row['due_at'], scene.now)})" if data.is_open(row) else day


def _detail(scene: ui.Scene, row: data.Row) -> None:
    with st.container(border=True):
        with Store(scene.store).read() as reader:
            case = service.read_case(reader, row["nonconformity"])
            knows = service.context_of(reader, scene.project, case, scene.now)
            windows = effectiveness_windows(reader, case.name, case.attempt)
            steps = service.history(reader, case.name)
            named = known(reader, case.dossier)
        title = f"{row['nonconformity']} · {case.state.words}, {row['severity']}"
        st.subheader(words.escape(title), anchor=False)
        due = words.day(row["due_at"].astimezone(scene.zone)) if row["due_at"] else None
        next_step = words.what_happens_next(row["state"], due, scene.person(row["owner"]))
        st.markdown(f"**What happens next.** {words.escape(next_step)}")
        _stepper(case)
        _missing(case, knows)
        _found(scene, row, due)
        _recorded(scene, case, named)
        _effect(scene, case, knows, windows)
        _windows(scene, row)
        _evidence(scene, row)
        _history(scene, steps)
    editing.forms(scene, case)


def _found(scene: ui.Scene, row: data.Row, due: str | None) -> None:
    """What was not met, what was found when and by whom, and whether it happened before."""
    left, right = st.columns(2)
    with left:
        ui.labelled("Requirement not met", row["requirement"])
        ui.labelled("Statement", row["statement"])
    with right:
        ui.labelled(
            "Found",
            f"Opened {words.instant(row['opened_at'], scene.zone)} by {row['detected_by']}{_about(row)}; owner "
            f"{scene.person(row['owner'])}; {'due ' + due if due else 'no due date'}.",
        )
        ui.labelled(
            "Before",
            f"It follows {row['recurrence_of']}, which had been closed."
            if row["recurrence_of"]
            else "The first record of this objective, model and segment.",
        )
        if row["objective"]:
            st.page_link(
                ui.MODEL,
                label="The objective over time",
                icon=":material/show_chart:",
                query_params={"model": row["model"]},
            )


def _windows(scene: ui.Scene, row: data.Row) -> None:
    """The windows that failed, the latest as lines, all in the table."""
    st.caption("Windows attached")
    found = scene.ask(data.occurrences, row["nonconformity"])
    if not found:
        st.text("No window is attached.")
        return
    table = [_window(scene, row, one) for one in found]
    ui.lines([_window_line(one) for one in table[:MOST_WINDOWS]], table)
    if len(table) > MOST_WINDOWS:
        st.caption(f"The latest {MOST_WINDOWS} of {len(table)}; the table has all.")


def _window(scene: ui.Scene, row: data.Row, one: data.Row) -> dict[str, Any]:
    has_value = one["value"] is not None
    return {
        "Window": words.period(one["window_start"], one["window_end"], scene.zone_of(row["model"])),
        "Value (95 % interval)": words.value_text(one["value"], one["ci_low"], one["ci_high"]) if has_value else "–",
        "Target": words.target_words(one["target"]) if one["target"] else "–",
        "Attached": words.instant(one["attached_at"], scene.zone),
        "Evaluation (SHA-256)": one["evaluation_hash"] or "–",
        "Measurement (SHA-256)": one["measurement_hash"] or "–",
    }


def _window_line(row: dict[str, Any]) -> tuple[str, list[str]]:
    value = "no value" if row["Value (95 % interval)"] == "–" else row["Value (95 % interval)"]
    return f"**{words.escape(row['Window'])}** {words.escape(value)}", []


def _about(row: data.Row) -> str:
    return f" for version {row['model_version']} of {row['model']}" if row["model"] else f" ({row['source']})"


def _stepper(case: Case) -> None:
    """The way to the closing, with where the record stands; a state beside the way stands alone."""
    at = PATH.index(case.state) if case.state in PATH else -1
    with st.container(horizontal=True, gap="small"):
        if at < 0:
            st.badge(case.state.words, icon=":material/fork_right:", color="blue")
        for place, state in enumerate(PATH):
            if place < at or case.state is State.CLOSED:
                st.badge(state.words, icon=":material/check:", color="gray")
            elif place == at:
                st.badge(state.words, icon=":material/radio_button_checked:", color="blue")
            else:
                st.badge(state.words, icon=":material/radio_button_unchecked:", color="gray")
    if case.attempt > 1:
        st.caption(f"Attempt {case.attempt}: the actions of the attempt before were not effective.")


def _missing(case: Case, knows: Context) -> None:
    target, missing = guards.next_state(case), guards.missing_next(case, knows)
    if target is not None and missing:
        lines = "\n".join(f"- {words.escape(one)}" for one in missing)
        st.markdown(f"**Missing for the next state, {words.escape(target.words)}**\n\n{lines}")
    if steps := steps_from(case.state):
        st.caption(words.escape(f"Possible now: {', '.join(step.name for step in steps)}"))


def _recorded(scene: ui.Scene, case: Case, found: list[Known]) -> None:
    """What people recorded, the latest part open, and the records that they named."""
    sections = story(case, scene.zone)
    for place, (title, said) in enumerate(sections):
        with st.expander(words.escape(title), expanded=place == len(sections) - 1):
            for name, text in said.items():
                ui.labelled(name, text)
    if found:
        st.caption("Records named")
        for one in found:
            ui.record_link(f"{one.kind}:{one.record}", f"{one.what[0].upper()}{one.what[1:]}: {one.words}")


def _effect(scene: ui.Scene, case: Case, knows: Context, windows: list[EffectivenessWindow]) -> None:
    """The windows after the actions, as the pipeline judged them by the criterion that was fixed before."""
    plan = case.dossier.plan
    if plan is None or case.dossier.watch is None:
        return
    zone = scene.zone_of(case.record.model)
    st.caption("Windows after the actions")
    st.markdown(f"**Measured: {words.escape(knows.measured or 'undecided')}.** {words.escape(knows.missing)}")
    st.text(words.printable(f"Criterion, fixed before: {criterion_words(plan.criterion)}"))
    if windows:
        table: list[dict[str, Any]] = [
            {
                "Window": words.period(one.window_start, one.window_end, zone),
                "Verdict": f"{Verdict(one.verdict).glyph} {one.verdict}",
                "Value (95 % interval)": (
                    words.value_text(one.value, one.ci_low, one.ci_high) if one.value is not None else "–"
                ),
                "Rows": one.n,
                "Target": words.printable(one.target),
                "Why": words.printable(one.reason),
            }
            for one in windows
        ]
        ui.lines(
            [
                (
                    f"{ui.chip(Verdict(one.verdict))} **{words.escape(row['Window'])}**",
                    [f"{row['Value (95 % interval)']}, n = {words.count(one.n)}; target {row['Target']}", row["Why"]],
                )
                for one, row in zip(windows, table, strict=True)
            ],
            table,
        )


def _history(scene: ui.Scene, steps: list[data.Row]) -> None:
    with st.expander(f"History ({words.plural(len(steps), 'step')})"):
        ui.lines([_step_line(scene, one) for one in steps])


def _step_line(scene: ui.Scene, one: data.Row) -> tuple[str, list[str]]:
    step = one["kind"].partition(".")[2].replace("_", " ")
    facts = [
        f"{words.instant(one['recorded_at'], scene.zone)} by {words.printable(one['actor'])}",
        f"now {_state_words(one['after'])}" if one["after"] else "",
        words.printable(one["reason"] or ""),
        "one person did what needs two" if one["single_person"] else "",
    ]
    return f"**{words.escape(step)}**", facts


def _evidence(scene: ui.Scene, row: data.Row) -> None:
    st.caption("Evidence")
    st.text(f"Frozen when the record was opened, as SHA-256 {row['evidence_hash']}.")
    files = scene.ask(data.evidence_files, row["nonconformity"])
    origin = os.environ.get(ui.EVIDENCE_URL, "").rstrip("/")
    for one in files:
        size = f"{one['bytes'] / 1e6:.1f} MB"
        label = f"{one['kind']}, {size}, {words.instant(one['created_at'], scene.zone)}"
        if origin:
            st.link_button(words.escape(f"Open {label}"), f"{origin}/{one['sha256']}", icon=":material/open_in_new:")
        else:
            path = PurePosixPath(scene.project.config.evidence) / one["path"]
            st.text(words.printable(f"{label}: {path}"))
        st.caption(f"SHA-256 {one['sha256']}")
    if not files:
        st.text("No report has been made for this record yet. It compares the failing window with the reference:")
        ui.to_copy(ui.command(scene, f"evidence {row['nonconformity']}"))


_render()
