"""Forms of nonconformities: off by default, for this machine alone, and no way round roles, guards and conflicts."""

from __future__ import annotations

import shutil
from datetime import date
from functools import partial
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from aimsight.dashboard import editing
from aimsight.store.database import Store

APP = str(Path(__file__).resolve().parents[2] / "dashboard" / "app.py")
NC = "NC-2026-0001"
PEOPLE = """
people:
  - {id: risk@example.org, name: Risk, roles: [owner]}
  - {id: audit@example.org, name: Audit, roles: [auditor]}
"""


@pytest.fixture
def project(full: Path, tmp_path: Path) -> Path:
    """A copy of the project with people, whose forms are on."""
    folder = Path(shutil.copytree(full, tmp_path / "project"))
    with (folder / "aimsight.yaml").open("a") as file:
        file.write(f"{PEOPLE}dashboard: {{editing: true}}\n")
    return folder


def opened(project: Path, monkeypatch: pytest.MonkeyPatch, address: str | None = "127.0.0.1") -> AppTest:
    """The page of nonconformities as a browser would get it."""
    monkeypatch.setenv("AIMSIGHT_PROJECT", str(project))
    monkeypatch.setattr(editing, "address", lambda: address)
    app = AppTest.from_file(APP, default_timeout=30)
    app = app.switch_page("page/nonconformities.py").run()
    assert not app.exception
    return app


def state(project: Path) -> tuple[str, int]:
    """State and version of the record."""
    with Store(project / "store" / "aimsight.duckdb").read() as reader:
        rows = reader.tuples("SELECT state, version FROM nonconformities WHERE nonconformity = ?", [NC])
    return rows[0][0], rows[0][1]


def captions(app: AppTest) -> str:
    """All small print of the page."""
    return "\n".join(element.value for element in app.caption)


def test_without_the_switch_the_page_only_shows(full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No form, and a sentence that says where steps are taken."""
    app = opened(full, monkeypatch)
    assert not app.button
    assert "This page only shows" in captions(app)


@pytest.mark.parametrize("address", [None, "0.0.0.0", "192.0.2.1"])
def test_a_dashboard_that_others_reach_has_no_forms(
    project: Path, monkeypatch: pytest.MonkeyPatch, address: str | None
) -> None:
    """Whoever reaches it could act as anybody: forms are for the loopback address alone."""
    app = opened(project, monkeypatch, address)
    assert not app.button
    assert "only this machine reaches" in captions(app)


def test_a_step_is_taken_as_the_chosen_person(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is said and saves nothing; complete, it moves the record and is in its history."""
    app = opened(project, monkeypatch)
    before = state(project)
    app.button[0].click().run()
    assert not app.exception
    assert "severity" in app.error[0].value
    assert state(project) == before
    labels = {element.label: element for element in app.selectbox}
    labels["Severity"].select("major")
    labels["Owner"].select("risk@example.org")
    next(area for area in app.text_area if area.label == "Why this severity").input("=1+1 <b>legal</b>")
    app.button[0].click().run()
    assert not app.exception
    assert [element.value for element in app.error] == []
    assert state(project) == ("open", before[1] + 1)


def test_an_auditor_is_refused_on_the_page_too(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule is in the service, not in the page."""
    app = opened(project, monkeypatch)
    labels = {element.label: element for element in app.selectbox}
    labels["Who acts"].select("audit@example.org")
    labels["Severity"].select("major")
    labels["Owner"].select("risk@example.org")
    next(area for area in app.text_area if area.label == "Why this severity").input("x")
    app.button[0].click().run()
    assert "auditor" in app.error[0].value
    assert state(project)[0] == "detected"


def test_somebody_else_was_faster(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The form acts on the version that it showed; another one in between is told, and nothing is overwritten."""
    from datetime import UTC, datetime

    from aimsight.aims.lifecycle import service, transitions
    from aimsight.aims.lifecycle.dossier import Said
    from aimsight.aims.people import Actor, ConflictError, Role
    from aimsight.configs.load import load_project
    from aimsight.dashboard.theme import palette
    from aimsight.dashboard.ui import Scene

    loaded = load_project(project, environ={})
    store = Store(project / "store" / "aimsight.duckdb")
    judge = Actor("judge", frozenset({Role.REVIEWER}))
    with store.read() as reader:
        case = service.read_case(reader, NC)
    with store.write() as tx:
        service.act(
            tx, loaded, NC, judge, lambda one, who, knows: transitions.reject(one, Said(reason="No."), who, knows)
        )
    scene = Scene(loaded, store.path, (), palette("light"), loaded.models["credit-limit"].log.zone, datetime.now(UTC))
    with store.write() as tx, pytest.raises(ConflictError, match=r"Since then:\n.*judge: rejected \(No.\)"):
        editing.take(tx, scene, case, "reject", judge, {"reason": "Twice."})


def test_what_was_typed_is_still_there_after_a_conflict(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody regrades the record meanwhile: that is told, the form keeps its content, and another press saves it."""
    from aimsight.aims.lifecycle import service, transitions
    from aimsight.aims.lifecycle.dossier import Grading
    from aimsight.aims.people import Actor, Role
    from aimsight.configs.load import load_project

    app = opened(project, monkeypatch)
    grading = Grading(severity="major", criteria="More people than thought.", owner="risk@example.org")
    with Store(project / "store" / "aimsight.duckdb").write() as tx:
        service.act(
            tx,
            load_project(project, environ={}),
            NC,
            Actor("judge", frozenset({Role.REVIEWER})),
            lambda one, who, knows: transitions.regrade(one, grading, who, knows),
        )
    version = state(project)[1]
    labels = {element.label: element for element in app.selectbox}
    labels["Severity"].select("major")
    labels["Owner"].select("risk@example.org")
    next(area for area in app.text_area if area.label == "Why this severity").input("A long text.")
    app.button[0].click().run()
    assert "has changed since you read it" in app.error[0].value
    assert "More people than thought" in app.error[0].value
    assert state(project) == ("detected", version)
    assert next(area for area in app.text_area if area.label == "Why this severity").value == "A long text."
    app.button[0].click().run()
    assert not app.error
    assert state(project) == ("open", version + 1)


def test_a_record_of_no_model_is_listed_by_its_source(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A complaint about no model has neither model nor objective; its line says where it comes from."""
    from aimsight.aims.nonconformities import ManualNonconformity, open_manual
    from aimsight.aims.people import Actor, Role
    from aimsight.configs.load import load_project

    given = ManualNonconformity(
        subject="Letters", kind="complaint", source="complaint", requirement="Plain words.", statement="Unclear.",
        evidence="A mail.", severity="minor", owner="risk@example.org",
    )  # fmt: skip
    with Store(project / "store" / "aimsight.duckdb").write() as tx:
        made = open_manual(
            tx, load_project(project, environ={}), given, Actor("risk@example.org", frozenset({Role.OWNER}))
        )
    lines = "\n".join(str(element.value) for element in opened(project, monkeypatch).markdown).replace("\\", "")
    assert f"**{made.nonconformity}** complaint: detected, minor" in lines.replace("\u2060", "")


def test_a_plan_is_made_on_the_page(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The criterion is an objective of the model, chosen from a list; without one it is asked for."""
    from aimsight.aims.lifecycle import service, transitions
    from aimsight.aims.lifecycle.dossier import Cause, Containment, Grading
    from aimsight.aims.people import Actor, Role
    from aimsight.configs.load import load_project

    loaded = load_project(project, environ={})
    owner = Actor("risk@example.org", frozenset({Role.OWNER}))
    grading = Grading(severity="major", criteria="c", owner=owner.id)
    containment = Containment(none_needed="n", serious=False, serious_because="s")
    cause = Cause(method="five whys", whys=("a", "b", "c"), causes=("d",))
    with Store(project / "store" / "aimsight.duckdb").write() as tx:
        act = partial(service.act, tx, loaded, NC, owner)
        act(lambda one, who, knows: transitions.confirm(one, grading, who, knows))
        act(lambda one, who, knows: transitions.contain(one, containment, who, knows))
        service.similar(tx, loaded, NC, owner)
        act(lambda one, who, knows: transitions.analyse(one, cause, who, knows))
    app = opened(project, monkeypatch)
    next(one for one in app.selectbox if one.label == "Step").select("plan").run()
    fields = {one.label: one for one in (*app.selectbox, *app.text_area, *app.date_input)}
    fields["Why action is needed"].input("It comes again.")
    fields["The action"].input("Check units on arrival.")
    fields["Who carries it out"].select("risk@example.org")
    fields["Until when"].set_value(date(2027, 12, 31))
    app.button[0].click().run()
    assert "needs objective" in app.error[0].value
    objectives = [one.id for one in loaded.models["credit-limit"].objectives]
    chosen = next(one for one in app.selectbox if one.label == "Objective that shows its effect")
    assert chosen.options == objectives
    chosen.select(objectives[0])
    app.button[0].click().run()
    assert [one.value for one in app.error] == []
    assert state(project)[0] == "planned"
