"""Every page through Streamlit's own test harness: full, empty, hostile and broken projects."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from aimsight.configs.errors import StoreBusyError
from aimsight.store.database import Store
from aimsight.tests.dashboard import sample_project as sample

APP = Path(__file__).resolve().parents[2] / "dashboard" / "app.py"
PAGES = ("overview", "model", "drift", "fairness", "nonconformities", "objectives", "review", "plan", "operations")


def opened(project: Path, page: str, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """Run one page of the app on a project; an exception box fails the test."""
    monkeypatch.setenv("AIMSIGHT_PROJECT", str(project))
    app = AppTest.from_file(APP, default_timeout=30).run()
    if page != "overview":
        app = app.switch_page(f"page/{page}.py").run()
    assert not app.exception, app.exception[0].message
    return app


def said(app: AppTest) -> str:
    """Everything a page says in words, one element a line."""
    parts = (app.header, app.subheader, app.markdown, app.caption, app.text, app.code)
    return "\n".join(str(element.value) for part in parts for element in part)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_shows_a_full_project(page: str, full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page runs without an exception and says when its data are from and whether the store was verified."""
    app = opened(full, page, monkeypatch)
    assert "data until 31 Oct 2026" in said(app)
    assert "no verification of the store on record" in said(app)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_of_a_project_without_runs_says_what_to_do(
    page: str, unrun: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty page is no dead end: it says that nothing was measured and names the command."""
    words = said(opened(unrun, page, monkeypatch))
    assert "Nothing has been measured yet." in words
    assert f"aimsight -C {unrun} run" in words
    assert not (unrun / "store").exists(), "looking at a project must not create its store"


@pytest.mark.parametrize("page", PAGES)
def test_hostile_names_stay_text(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names with Markdown, HTML, formulas and control characters run through every page; none is left unescaped."""
    project = sample.write_project(tmp_path / "project", sample.HOSTILE)
    app = opened(project, page, monkeypatch)
    parts = (app.header, app.subheader, app.markdown, app.caption)
    written = "\n".join(str(element.value) for part in parts for element in part)
    rendered = re.sub(r"\\[!-/:-@\[-`{-~]", "", written)  # an escaped sign is text
    for live in ("![", "](http", "<script", "<b>", ":material/bug", "$\\alpha", "\u202e", "\u0007"):
        assert live not in rendered


def test_the_overview_answers_first_what_is_wrong(full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The headline counts what is not met, and the sentence beneath says who acts and until when."""
    app = opened(full, "overview", monkeypatch)
    assert app.header[0].value.endswith("1 of 6 objectives not met\\; 2 cannot be judged")
    words = said(app)
    assert "1 nonconformity is open, owned by risk@example.org." in words
    for label in (
        "■ 1 nonconforming",
        "▲ 1 at risk",
        "◇ 1 insufficient evidence",
        "◔ 1 awaiting labels",
        "● 2 conforming",
    ):
        assert label in words
    assert "since Jul 2026" in words


def test_an_objective_shows_value_interval_and_n(full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number never stands without its interval and its n; the statement of the objective is its heading."""
    app = opened(full, "model", monkeypatch)
    words = said(app).replace("\\", "")
    assert "AUC 0.816 (0.804–\u20600.828), n\u00a0=\u00a02,281" in words  # each on one line
    assert "OBJ-01 Ranking stays as good as at release." in words
    assert len(app.get("vega_lite_chart")) == 6


def test_the_address_chooses_record_and_model(full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link with ?record= leads to that record."""
    monkeypatch.setenv("AIMSIGHT_PROJECT", str(full))
    app = AppTest.from_file(APP, default_timeout=30)
    app.query_params["record"] = "NC-2026-0001"
    app = app.switch_page("page/nonconformities.py").run()
    assert not app.exception
    assert any("NC" in element.value and "2026" in element.value for element in app.subheader)


def test_a_record_links_its_report_on_an_origin_of_its_own(full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where evidence is served, the report opens there by its hash; elsewhere the page gives its path."""
    monkeypatch.delenv("AIMSIGHT_EVIDENCE_URL", raising=False)
    words = said(opened(full, "nonconformities", monkeypatch))
    assert f"store/evidence/{sample.EVIDENCE}.html" in words
    monkeypatch.setenv("AIMSIGHT_EVIDENCE_URL", "http://127.0.0.1:9/")
    links = opened(full, "nonconformities", monkeypatch).get("link_button")
    assert [link.proto.url for link in links] == [f"http://127.0.0.1:9/{sample.EVIDENCE}"]


def test_a_record_without_a_report_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an evidence file the page says how to make one, and what happens next."""
    project = sample.write_project(tmp_path / "project", evidence=False)
    words = said(opened(project, "nonconformities", monkeypatch))
    assert f"aimsight -C {project} evidence NC-2026-0001" in words
    assert "What happens next" in words
    assert "confirms or rejects it by 4 Dec 2026" in words


def test_records_and_runs_are_lines_that_wrap(full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A phone shows records, attached windows and runs as text; the tables with every column are folded away."""
    app = opened(full, "nonconformities", monkeypatch)
    words = said(app).replace("\\", "")
    assert "**NC-2026-0001** " in words
    assert "risk@example.org" in words
    assert "failing since " in words
    assert "row as a table" in " ".join(element.label for element in app.expander)
    assert all(element.label.endswith("as a table") for element in app.expander if element.dataframe)
    app = opened(full, "operations", monkeypatch)
    words = said(app).replace("\\", "")
    assert "last run " in words
    assert "missing share " in words
    assert len(app.dataframe) == sum(len(element.dataframe) for element in app.expander)


def test_no_record_is_an_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store without nonconformities explains when one would open."""
    project = sample.write_project(tmp_path / "project", record=False)
    assert "No nonconformity has been recorded." in said(opened(project, "nonconformities", monkeypatch))


def test_runs_that_did_not_succeed_are_listed_with_their_reason(full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error and a missed run are there, with why."""
    app = opened(full, "operations", monkeypatch)
    table = app.dataframe[1].value
    assert set(table["Outcome"]) == {"error", "abandoned"}
    assert "log.parquet: no such file; was it moved?" in set(table["Reason"])


def test_the_fairness_page_names_excluded_groups(full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A group too small to judge is named with its reason, never dropped silently."""
    words = said(opened(full, "fairness", monkeypatch))
    assert "Not compared: (missing) (12 of the 30 rows that a group needs (min_group))." in words


def test_the_fairness_page_lists_every_comparison(full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each comparison of the window has a row with its value and the verdict of the objective on it."""
    app = opened(full, "fairness", monkeypatch)
    table = app.dataframe[0].value
    assert "Demographic parity difference" in set(table["Comparison"])
    assert all(table["Value (95 % interval)"])
    assert any(table["Objective"])


def test_a_broken_configuration_is_said_in_words(unrun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every problem of the configuration is on the page; there is no exception box and no traceback."""
    (tmp_path / "aimsight.yaml").write_text("organisation: X\nstroe: y\n", encoding="utf-8")
    (tmp_path / "models").mkdir()
    words = said(opened(tmp_path, "overview", monkeypatch))
    assert "The dashboard cannot show this project" in words
    assert "stroe" in words


def test_a_busy_store_is_said_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another process holds the store the page says so."""
    project = sample.write_project(tmp_path / "project")

    def busy(self: Store, timeout: float = 0.0) -> None:
        raise StoreBusyError("the store is in use by process 4711")

    monkeypatch.setattr(Store, "read", busy)
    assert "the store is in use by process 4711" in said(opened(project, "overview", monkeypatch))


def test_an_edited_configuration_is_seen_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The configuration is kept between two looks, but not when a file of it has changed."""
    project = sample.write_project(tmp_path / "project")
    app = opened(project, "overview", monkeypatch)
    file = project / "aimsight.yaml"
    before = file.read_text()
    file.write_text(before.replace("Example Bank", "Another Bank & Sons"))
    assert "Another Bank" in said(app.run())
    file.write_text(f"{before}\nunknown: 1\n")
    assert "unknown key" in said(app.run())
    file.write_text(before)
    assert "Example Bank" in said(app.run())
