"""The page of management reviews: what is missing first, frozen numbers, downloads, hostile texts, forms on request."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

import pytest
import yaml
from streamlit.testing.v1 import AppTest

from aimsight.aims.people import Actor, Role
from aimsight.aims.registers import service as registers
from aimsight.aims.review import service
from aimsight.configs.load import load_project
from aimsight.dashboard import taking
from aimsight.metrics.plan import Window
from aimsight.store.database import Store
from aimsight.tests.dashboard import sample_project as sample

if TYPE_CHECKING:
    from aimsight.dashboard import ui
    from aimsight.store.registers import RecordVersion

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


def test_hostile_texts_stay_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


@pytest.fixture
def held(full: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Store, str]:
    """A project with a prepared review, whose forms are on."""
    folder = Path(shutil.copytree(full, tmp_path / "project"))
    store, name = prepared(folder, dashboard={"editing": True})
    monkeypatch.setattr("aimsight.dashboard.editing.address", lambda: "127.0.0.1")
    return folder, store, name


def on_record(store: Store, name: str) -> RecordVersion:
    """The review as it is on record."""
    with store.read() as reader:
        return registers.get(reader, service.REVIEW, name)


def pressed(app: AppTest, label: str) -> AppTest:
    """The page after the button with this label."""
    app = next(one for one in app.button if one.label == label).click().run()
    assert not app.exception, app.exception[0].message
    return app


def fill(app: AppTest, **texts: str) -> None:
    """Type into the text areas whose labels begin so (with blanks for underlines)."""
    for start, text in texts.items():
        next(one for one in app.text_area if one.label.startswith(start.replace("_", " "))).input(text)


def test_a_review_is_held_on_the_page(held: tuple[Path, Store, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Inputs, minutes, a decision that changes something, signature: all of it without the command line."""
    folder, store, name = held
    app = opened(folder, monkeypatch)
    for _ in range(len(service.frozen_pack(load_project(folder), on_record(store, name)).to_confirm)):
        app = pressed(app, "Confirm")
    assert "Every input has something to report" in said(app)

    app.selectbox(key="reviewing").select("ann@example.org")
    next(one for one in app.selectbox if one.label == "Chair").select("emma@example.org")
    next(one for one in app.date_input if one.label == "Held on").set_value(date(2026, 11, 20))
    app.multiselect[0].select("emma@example.org")
    fill(app, Others="Cho Li, External adviser\nMax <b>, Board, top management", What_was_discussed="The gap.")
    fill(app, Is_the="Suitable.", Is_it_adequate="Adequate.", Is_it_effective="Not fully.")
    app = pressed(app, "Save the minutes")
    assert [one.value for one in app.error] == []
    minutes = on_record(store, name)
    assert minutes.fields["attendees"] == [
        {"name": "Emma", "function": "top management", "top_management": True},
        {"name": "Cho Li", "function": "External adviser", "top_management": False},
        {"name": "Max <b>", "function": "Board", "top_management": True},
    ]
    assert (minutes.author, minutes.fields["held_on"], minutes.fields["adequacy"]) == (
        "ann@example.org", "2026-11-20", "Adequate.",
    )  # fmt: skip
    assert next(one for one in app.text_area if one.label.startswith("Others")).value == (
        "Cho Li, External adviser\nMax <b>, Board, top management"
    )
    assert "nothing changes" in pressed(app, "Save the minutes").error[0].value

    app = opened(folder, monkeypatch)
    fill(app, What_was_decided="Judge summers on summers.", What_is_to_be_done="Write it down.")
    next(one for one in app.text_area if one.label == "Why").input("It came back.")
    app.selectbox(key="kind 0").select("change")
    app.selectbox(key="who 0").select("ann@example.org")
    app.date_input(key="due 0").set_value(date(2027, 3, 31))
    refused = pressed(app, "Record the decision").error[0].value
    assert "says what changes" in refused
    app.selectbox(key="subject 0").select("process")
    app.text_area(key="follows 0").input("It takes longer.")
    app = pressed(app, "Record the decision")
    with store.read() as reader:
        (taken,) = service.decisions(reader, name)
        (change,) = registers.list_records(reader, ["change"])
    assert (taken.title, change.fields["subject"]) == ("Judge summers on summers", "process")
    assert taken.subject in change.links
    assert app.text_area(key="decision 1").value == ""

    assert "Missing before it can be signed" not in said(app)
    app.text_input[-1].input("Ann")
    assert "may not sign" in str(pressed(app, "Sign").error[0].value)
    app.selectbox(key="reviewing").select("emma@example.org")
    app.text_input[-1].input("Emma Sato")
    app = pressed(app, "Sign")
    assert on_record(store, name).approver == "emma@example.org"
    assert [one.label for one in app.button] == ["Freeze the pack"]  # of another review


def test_minutes_of_two_people_at_once(held: tuple[Path, Store, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever saves second is told what the first changed, loses nothing, and takes nothing back."""
    folder, store, name = held
    app = opened(folder, monkeypatch)
    with store.write() as tx:
        service.record(tx, name, {"discussion": "First."}, EMMA, expected=None)
    fill(app, Is_it_adequate="Adequate.")
    app = pressed(app, "Save the minutes")
    assert "was changed since version 1" in app.error[0].value
    assert "discussion\\: nothing → First" in app.error[0].value
    assert "adequacy" not in on_record(store, name).fields
    assert "Somebody has changed the minutes since this form began" in said(app)
    app = pressed(app, "Save the minutes")
    assert not app.error
    fields = on_record(store, name).fields
    assert (fields["discussion"], fields["adequacy"]) == ("First.", "Adequate.")
    assert next(one for one in app.text_area if one.label.startswith("What was disc")).value == "First."


def test_a_form_begins_again_with_what_is_on_record(
    held: tuple[Path, Store, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has typed nothing yet takes the newest minutes with a button."""
    folder, store, name = held
    app = opened(folder, monkeypatch)
    with store.write() as tx:
        service.record(tx, name, {"discussion": "First."}, EMMA, expected=None)
    app = pressed(app.run(), "Begin again with what is on record")
    assert next(one for one in app.text_area if one.label.startswith("What was disc")).value == "First."


def test_an_attendee_without_a_function_is_asked_for_it(
    held: tuple[Path, Store, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line with a name alone is refused, and nothing is saved."""
    folder, store, name = held
    app = opened(folder, monkeypatch)
    fill(app, Others="Cho Li")
    assert "function: is missing" in pressed(app, "Save the minutes").error[0].value.replace("\\", "")
    assert "attendees" not in on_record(store, name).fields


def test_of_an_earlier_pack_nothing_is_signed(held: tuple[Path, Store, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Forms are about the latest pack; an earlier one is shown only."""
    folder, store, name = held
    project = load_project(folder)
    service.prepare(store, project, ANN, YEAR, review=name, reason="A risk was missing.")
    app = opened(folder, monkeypatch)
    assert len(app.button) > 1
    app = app.selectbox(key=f"pack {name}").select(1).run()
    assert [one.label for one in app.button] == ["Freeze the pack"]  # of another review


def test_packs_are_frozen_on_the_page(full: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first review, a correction of its pack with a reason, and the review of the period after it."""
    folder = Path(shutil.copytree(full, tmp_path / "project"))
    path = folder / "aimsight.yaml"
    path.write_text(
        yaml.safe_dump(yaml.safe_load(path.read_text()) | {"people": PEOPLE, "dashboard": {"editing": True}})
    )
    monkeypatch.setattr("aimsight.dashboard.editing.address", lambda: "127.0.0.1")
    app = opened(folder, monkeypatch)
    assert "Which period?" in pressed(app, "Freeze the pack").error[0].value
    app.date_input(key="from 0").set_value(date(2025, 9, 1))
    app.date_input(key="until 0").set_value(date(2026, 10, 31))
    app = pressed(app, "Freeze the pack")
    assert "why is the pack" in pressed(app, "Freeze pack 2").error[0].value
    next(one for one in app.text_area if one.key and one.key.startswith("why again")).input("A risk was missing.")
    app = pressed(app, "Freeze pack 2")
    project = load_project(folder)
    with Store(folder / project.config.store).read() as reader:
        (review,) = registers.list_records(reader, [service.REVIEW])
    zone = ZoneInfo(project.config.time_zone)
    assert (review.author, review.event_at) == (ANN.id, datetime(2025, 9, 1, tzinfo=zone))
    assert review.event_until == datetime(2026, 11, 1, tzinfo=zone)  # the day after the last
    assert [one.get("reason") for one in review.fields["packs"]] == [None, "A risk was missing."]
    assert app.date_input(key="from 1").value == YEAR.end.date()


def test_who_takes_a_file_is_on_record_where_there_are_forms(
    held: tuple[Path, Store, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file's own hash, under the name of who was chosen; where the page only shows it says that nothing is kept."""
    folder, store, name = held
    project = load_project(folder)
    review = on_record(store, name)
    pack = service.frozen_pack(project, review)
    scene = SimpleNamespace(project=project, store=store.path)
    content = taking.made(cast("ui.Scene", scene), EMMA.id, review, pack, None, "json")()
    assert content == pack.content()
    with store.read() as reader:
        ((actor, payload),) = reader.tuples("SELECT actor, payload FROM events WHERE kind = 'export.made'")
    assert actor == EMMA.id
    assert json.loads(payload)["files"][0]["sha256"] == pack.sha256
    assert "is not on record" not in said(opened(folder, monkeypatch))
    monkeypatch.setattr("aimsight.dashboard.editing.address", lambda: None)
    assert "is not on record" in said(opened(folder, monkeypatch))


def test_a_phone_gets_lists_instead_of_wide_tables(full: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With many columns each row is a line with its facts beneath; the table is folded away."""
    folder = Path(shutil.copytree(full, tmp_path / "project"))
    prepared(folder)
    monkeypatch.setattr("aimsight.dashboard.ui.on_phone", lambda: True)
    app = opened(folder, monkeypatch)
    assert "Latest verdict" not in said(app)
    assert "latest verdict" in said(app)
    wide = [one for one in app.dataframe if len(one.value.columns) > 3]
    assert wide
    assert len(wide) == sum(len(one.value.columns) > 3 for expander in app.expander for one in expander.dataframe)
