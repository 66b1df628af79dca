"""The page on what objectives can show reads what `aimsight plan` put on record, and says when that was."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from aimsight.aims.planning.plan import Found, ObjectivePlan
from aimsight.aims.planning.record import save_plans
from aimsight.aims.planning.standing import COARSE, ENOUGH, NOT_JUDGED
from aimsight.store.database import Store

APP = Path(__file__).resolve().parents[2] / "dashboard" / "app.py"


def plan(objective: str, standing: str, sentence: str) -> ObjectivePlan:
    """A plan with plain numbers."""
    return ObjectivePlan(
        objective=objective, metric="performance.roc_auc", where="", target=">= 0.83", tolerance=0.01, opens=(2, 3),
        known_from="as in the last 12 windows", windows_a_year=12.0, overlap=1, standing=standing, sentence=sentence,
        rows=900, value=0.86, limit=0.82, effect=1.4, false_now=0.001, false_at_target=0.42,
        found=(Found(3, 0.791, 0.783), Found(1, None, None), Found(6, 0.8, 0.79)), asked=0.81, times=3.0,
        window="1 quarter", rows_needed=2700,
    )  # fmt: skip


def opened(project: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the page says."""
    monkeypatch.setenv("AIMSIGHT_PROJECT", str(project))
    app = AppTest.from_file(APP, default_timeout=30).run().switch_page("page/plan.py").run()
    assert not app.exception
    parts = (app.header, app.subheader, app.markdown, app.caption, app.text, app.code)
    lines = [str(element.value).replace("\\", "") for part in parts for element in part]
    return "\n".join([*lines, *(element.value.to_string() for element in app.dataframe)])


def test_a_project_without_a_plan_names_the_command(full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty page says what a plan is for and how to get one."""
    said = opened(full, monkeypatch)
    assert "No plan is on record yet" in said
    assert f"aimsight -C {full} plan" in said


def test_the_plan_is_shown_with_its_numbers(full: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Standing, sentence, false alarms and found values; those that need a look first; a changed configuration told."""
    project = Path(shutil.copytree(full, tmp_path / "project"))
    with Store(project / "store" / "aimsight.duckdb").write() as tx:
        plans = [plan("OBJ-01", COARSE, "It finds 0.791."), plan("OBJ-02", NOT_JUDGED, "It cannot be judged.")]
        plans.append(replace(plan("OBJ-03", ENOUGH, "It warns."), warns=True))
        save_plans(tx, "credit-limit", plans, config_hash="an older one", reference="r")
    said = opened(project, monkeypatch)
    assert "2 of 3 objectives cannot show all that is asked of them" in said
    assert said.index("OBJ-02") < said.index("OBJ-01")
    for text in ("It cannot be judged.", "≥ 0.820", "<0.01", "0.42", "0.791", "0.783", "Computed", "Warnings a year"):
        assert text in said
    assert "The configuration has changed since" in said
