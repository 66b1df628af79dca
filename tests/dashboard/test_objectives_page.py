"""The page of objectives shows what is in force; what the files say otherwise is a proposal, decided on there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from streamlit.testing.v1 import AppTest

from aimsight.aims import changes
from aimsight.aims.people import Actor, Role
from aimsight.configs.load import load_project
from aimsight.dashboard import editing
from aimsight.store.database import Store

APP = Path(__file__).resolve().parents[2] / "dashboard" / "app.py"
ANN = Actor("ann@example.org", frozenset({Role.OWNER}))
SETTINGS = """
changes: approve
dashboard: {editing: true}
people:
  - {id: ann@example.org, name: Ann, roles: [owner]}
  - {id: bob@example.org, name: Bob, roles: [approver]}
  - {id: risk@example.org, name: Risk}
"""
STATED = {"owner": ANN.id, "purpose": "p", "integrity": "i", "reassessment": "not needed", "reassessment_reason": "r"}


@pytest.fixture
def project(full: Path, tmp_path: Path) -> Path:
    """A copy of the project whose changes need approval; what it declares is in force."""
    folder = Path(shutil.copytree(full, tmp_path / "project"))
    with (folder / "aimsight.yaml").open("a") as file:
        file.write(SETTINGS)
    with store(folder).write() as tx:
        changes.register(tx, load_project(folder).models["credit-limit"], "aimsight", tx.clock.now(), "record")
    return folder


def store(folder: Path) -> Store:
    """The project's store."""
    return Store(folder / "store" / "aimsight.duckdb")


def in_force(folder: Path) -> dict[str, str]:
    """Objective -> target by which runs judge."""
    with store(folder).read() as reader:
        return {name: one.target for name, one in changes.in_force_now(reader, "credit-limit").items()}


def edited(folder: Path, old: str, new: str) -> None:
    """The model's file with other words."""
    path = folder / "models" / "credit-limit.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The page on a project."""
    monkeypatch.setenv("AIMSIGHT_PROJECT", str(folder))
    monkeypatch.setattr(editing, "address", lambda: "127.0.0.1")
    app = AppTest.from_file(APP, default_timeout=60).run().switch_page("page/objectives.py").run()
    assert not app.exception, app.exception[0].message
    return app


def said(app: AppTest) -> str:
    """Everything that the page says."""
    parts = (app.header, app.subheader, app.markdown, app.caption, app.text)
    return "\n".join(str(element.value).replace("\\", "") for part in parts for element in part)


def test_an_edited_target_is_shown_as_proposed_and_approved_there(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The target in force stays until another person has approved; the proposal says what it would have changed."""
    assert "Proposed, not in force" not in said(opened(project, monkeypatch))
    edited(project, "'>= 0.83'", "'>= 0.86'")
    app = opened(project, monkeypatch)
    assert "Proposed, not in force" in said(app)
    assert "0.83 →" in said(app)
    assert "would have been" in said(app)
    assert "not on record yet" in said(app)
    assert "what is the change for?" in app.button[0].click().run().error[0].value
    app.text_area(key="purpose 0").input("A better model came.")
    app.text_area(key="integrity 0").input("The version in force judges meanwhile.")
    app.selectbox(key="again 0").select("not needed")
    refused = app.button[0].click().run().error[0].value
    assert "reassessment\\_reason" in refused
    app.text_area(key="because 0").input("Nobody is judged otherwise.")
    app.selectbox(key="trigger 0").select("release")
    app = app.button[0].click().run()
    assert not app.error
    with store(project).read() as reader:
        (one,) = changes.proposals(reader, load_project(project).models["credit-limit"])
    assert one.record is not None
    assert (one.record.author, one.record.fields["trigger"]) == (ANN.id, "release")
    name, record = one.objective, one.record.record
    assert in_force(project)[name] == ">= 0.83"
    approve, _ = app.button
    assert "Which changes?" in approve.click().run().error[0].value
    app.multiselect[0].select(record)
    assert "may not approve" in app.button[0].click().run().error[0].value
    app.selectbox(key="deciding").select("bob@example.org")
    app = app.button[0].click().run()
    assert not app.error
    assert in_force(project)[name] == ">= 0.86"
    assert "Proposed, not in force" not in said(app)


def test_an_objective_taken_out_of_its_file_is_shown_until_that_is_approved(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing disappears by editing a file; a refusal keeps the objective."""
    path = project / "models" / "credit-limit.yaml"
    declared = yaml.safe_load(path.read_text())
    gone = declared["objectives"].pop(0)["id"]
    path.write_text(yaml.safe_dump(declared))
    app = opened(project, monkeypatch)
    assert f"**{gone}**" in said(app)
    assert f"{gone}: objective withdrawn" in said(app)
    with store(project).write() as tx:
        (one,) = changes.proposals(tx, load_project(project).models["credit-limit"])
        record = changes.propose(tx, one, STATED | {"consequences": "None."}, ANN).record
    app = opened(project, monkeypatch)
    app.selectbox(key="deciding").select("bob@example.org")
    app.multiselect[0].select(record)
    app.text_area[0].input("It is still needed.")
    app = app.button[1].click().run()
    assert not app.error
    assert gone in in_force(project)
    with store(project).read() as reader:
        assert record not in {one.record for one in changes.pending(reader)}


def test_while_nothing_is_in_force_the_pages_say_what_to_do(
    full: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Measured and not judged is not the same as not measured: the overview names the approval that is missing."""
    folder = Path(shutil.copytree(full, tmp_path / "project"))
    with (folder / "aimsight.yaml").open("a") as file:
        file.write(SETTINGS)
    edited(folder, "model: credit-limit", "model: credit-line")
    monkeypatch.setenv("AIMSIGHT_PROJECT", str(folder))
    app = AppTest.from_file(APP, default_timeout=60).run()
    assert not app.exception
    assert "No objective is in force yet, so nothing is judged" in said(app)
    assert "changes propose --purpose WHY" in app.code[0].value
