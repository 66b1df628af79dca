"""The page of management reviews: what is missing first, frozen numbers, downloads, hostile texts, forms on request."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from streamlit.testing.v1 import AppTest

from aimsight.aims.people import Actor, Role
from aimsight.aims.registers import service as registers
from aimsight.aims.review import service
from aimsight.configs.load import load_project
from aimsight.metrics.plan import Window
from aimsight.store.database import Store

APP = Path(__file__).resolve().parents[2] / "dashboard" / "app.py"
ANN = Actor("ann@example.org", frozenset({Role.OWNER}))
EMMA = Actor("emma@example.org", frozenset({Role.TOP_MANAGEMENT}))
PEOPLE = [
    {"id": "ann@example.org", "name": "Ann", "roles": ["owner"]},
    {"id": "emma@example.org", "name": "Emma", "roles": ["top management"]},
]
YEAR = Window(datetime(2025, 9, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))


def prepared(folder: Path, title: str = "", **settings: object) -> tuple[Store, str]:
    """A project with people and a review over all of its windows."""
    path = folder / "aimsight.yaml"
    path.write_text(
        yaml.safe_dump(yaml.safe_load(path.read_text()) | {"people": PEOPLE} | settings, allow_unicode=True)
    )
    project = load_project(folder)
    store = Store(folder / project.config.store)
    made, _ = service.prepare(store, project, ANN, YEAR, title=title)
    return store, made.record


def opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The page on a project."""
    monkeypatch.setenv("AIMSIGHT_PROJECT", str(folder))
    app = AppTest.from_file(APP, default_timeout=60).run().switch_page("page/review.py").run()
    assert not app.exception, app.exception[0].message
    return app


def said(app: AppTest) -> str:
    """Everything that the page says."""
    parts = (app.header, app.subheader, app.markdown, app.caption, app.text, app.code)
    return "\n".join(str(element.value) for part in parts for element in part)


def test_without_a_review_the_page_says_what_to_do(full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No dead end: the command is there."""
    assert "review prepare --from DAY --to DAY" in said(opened(full, monkeypatch))


def test_a_review_shows_what_is_missing_and_the_frozen_numbers(
    full: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Open points lead; every input is there; table and chart are those of the pack; there are five downloads."""
    folder = Path(shutil.copytree(full, tmp_path / "project"))
    _, name = prepared(folder)
    app = opened(folder, monkeypatch)
    words = said(app)
    assert "not signed yet" in words
    assert "Missing before it can be signed" in words
    assert "Clause 9.3.2 a" in words
    assert "Results of the review" in words
    assert app.selectbox(key="review").options == [name]
    assert len(app.get("download_button")) == 5
    assert len(app.get("vega_lite_chart") or app.get("arrow_vega_lite_chart")) == 1
    objectives = next(one.value for one in app.dataframe if "Latest verdict" in one.value.columns)
    assert len(objectives) == len(load_project(folder).models["credit-limit"].objectives)
    assert not app.button


def test_a_signed_review_leads_with_its_conclusions(
    full: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Conclusions and signature stand before the inputs."""
    folder = Path(shutil.copytree(full, tmp_path / "project"))
    store, name = prepared(folder)
    project = load_project(folder)
    with store.write() as tx:
        pack = service.frozen_pack(project, registers.get(tx, service.REVIEW, name))
        for key in pack.to_confirm:
            service.confirm(tx, project, name, key, "No change.", ANN, expected=None)
        minutes = {
            "chair": EMMA.id,
            "held_on": "2026-11-20",
            "attendees": [{"name": "Emma", "function": "Managing director", "top_management": True}],
            "discussion": "d",
            "suitability": "s",
            "adequacy": "a",
            "effectiveness": "e",
            "no_decision": "n",
        }
        service.record(tx, name, minutes, ANN, expected=None)
        service.sign(tx, project, name, EMMA, expected=None, name="Emma")
    app = opened(folder, monkeypatch)
    titles = [str(one.value) for one in app.subheader]
    assert titles[0] == "Results of the review"
    assert "Signed as emma@example.org" in said(app)
    assert "Missing before it can be signed" not in said(app)


def test_hostile_texts_stay_text(sample: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Markdown, HTML and control characters of names and titles are shown as they are."""
    folder = sample.write_project(tmp_path / "project", sample.HOSTILE)
    prepared(folder, title="<b>x</b> [x](http://evil) ![y](http://evil) :red[z]")
    app = opened(folder, monkeypatch)
    marked = "\n".join(str(e.value) for part in (app.header, app.subheader, app.markdown, app.caption) for e in part)
    for raw in ("](http", "<script", "<b>", ":red[z", "\u202e"):
        assert raw not in marked


def test_a_tampered_pack_is_told_and_not_shown(full: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page says that the content is not what was frozen."""
    folder = Path(shutil.copytree(full, tmp_path / "project"))
    prepared(folder)
    (path,) = (one for one in folder.rglob("*.json") if b'"period_start"' in one.read_bytes())
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"Example Bank", b"Another Bank"))
    assert "is not what was frozen" in said(opened(folder, monkeypatch))


def test_forms_appear_only_where_editing_is_allowed(
    full: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With dashboard.editing on this machine, an empty input is confirmed; a wrong signer is refused in words."""
    folder = Path(shutil.copytree(full, tmp_path / "project"))
    store, name = prepared(folder, dashboard={"editing": True})
    monkeypatch.setattr("aimsight.dashboard.editing.address", lambda: "127.0.0.1")
    app = opened(folder, monkeypatch)
    confirm, sign = app.button
    assert (confirm.label, sign.label) == ("Confirm", "Sign")
    app = confirm.click().run()
    with store.read() as reader:
        assert len(registers.get(reader, service.REVIEW, name).fields["confirmations"]) == 1
    app.text_input[-1].input("Ann")
    app = app.button[-1].click().run()
    assert "may not sign" in str(app.error[0].value)
