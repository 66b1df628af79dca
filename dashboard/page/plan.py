"""Plan: what each objective can show at its volume - false alarms, the change it finds, the window that it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from aimsight.aims import words
from aimsight.aims.changes import shown
from aimsight.aims.planning.record import stored_plans
from aimsight.aims.planning.sentences import found_words, limit_words, rate_words
from aimsight.aims.planning.standing import COARSE, ENOUGH, NOT_JUDGED, NOT_PLANNED
from aimsight.aims.verdicts import Verdict
from aimsight.configs.hashes import config_hash
from aimsight.dashboard import ui
from aimsight.store.database import Store

if TYPE_CHECKING:
    from aimsight.aims.planning.plan import ObjectivePlan
    from aimsight.aims.planning.record import StoredPlan

CHIPS = {
    NOT_JUDGED: Verdict.INSUFFICIENT,
    COARSE: Verdict.AT_RISK,
    NOT_PLANNED: Verdict.NOT_MEASURED,
    ENOUGH: Verdict.CONFORMING,
}
"""The colour of each standing, those that need a look first."""


def _render() -> None:
    scene = ui.scene()
    if not scene.version:
        ui.header(scene, "Plan")
        ui.no_runs(scene)
        return
    plans = [one for one in scene.ask(stored_plans) if one.model in scene.project.models]
    ui.header(scene, _headline(plans))
    if not plans:
        ui.empty(
            "No plan is on record yet. A plan says, for each objective, how often it would alarm falsely, which "
            "deterioration it finds, and which window it needs.",
            ui.command(scene, "plan"),
        )
        return
    st.caption(
        "Windows are drawn from the reference, measured, judged and counted as real ones are. A limit is target and "
        "tolerance; a found value is the smallest deterioration that opens a record with this probability."
    )
    for one in plans:
        _model(scene, one)


def _headline(plans: list[StoredPlan]) -> str:
    objectives = [plan for one in plans for plan in one.plans]
    if not objectives:
        return "Plan"
    weak = sum(plan.standing != ENOUGH for plan in objectives)
    if not weak:
        return "Every objective finds what is asked of it"
    return f"{weak} of {words.plural(len(objectives), 'objective')} cannot show all that is asked of them"


def _model(scene: ui.Scene, stored: StoredPlan) -> None:
    st.subheader(words.escape(stored.model), anchor=False)
    about = stored.plans[0] if stored.plans else None
    computed = f"Computed {words.instant(stored.computed_at, scene.zone)}"
    if about is not None:
        volume = f"rows {about.known_from}, {words.number(about.windows_a_year, 1)} windows a year"
        computed += f"; {volume}" + (", overlapping" if about.overlap > 1 else "")
    st.caption(words.escape(f"{computed}."))
    model = shown(Store(scene.store), scene.project.models[stored.model], scene.project.config.changes)
    if config_hash(model) != stored.config_hash:
        ui.empty("The configuration has changed since. To plan it again:", ui.command(scene, f"plan {stored.model}"))
    for plan in sorted(stored.plans, key=lambda one: list(CHIPS).index(one.standing)):
        _objective(plan)


def _objective(plan: ObjectivePlan) -> None:
    with st.container(border=True):
        name = f"{words.metric_name(plan.metric)} {plan.where}".strip()
        st.markdown(
            f"**{words.escape(plan.objective)}** {words.escape(name)} {ui.chip(CHIPS[plan.standing], plan.standing)}"
        )
        st.text(words.printable(plan.sentence))
        if plan.value is None:
            return
        places = words.decimals(plan.limit, plan.asked)
        unit = words.suffix(ui.unit(plan.metric))
        now = "target not met" if plan.false_now is None else rate_words(plan.false_now)
        most = "–" if plan.false_at_target is None else rate_words(plan.false_at_target)
        st.caption(
            words.escape(
                f"In the reference {words.number(plan.value, places)}{unit}; limit {limit_words(plan)}{unit}. "
                f"{'Warnings' if plan.warns else 'False records'} a year: {now} as things are, {most} exactly at the "
                "target."
            )
        )
        with st.expander("What is found within how many windows"):
            st.dataframe(
                [
                    {
                        "Windows": one.windows,
                        "With 80 %": found_words(one.likely, places),
                        "With 95 %": found_words(one.nearly_sure, places),
                    }
                    for one in sorted(plan.found, key=lambda one: one.windows)
                ],
                hide_index=True,
                height="content",
            )


_render()
