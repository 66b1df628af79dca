"""The page of registers shows systems without a plan, what is due, the records, and evidence by clause."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from aimsight.aims.people import Actor, Role
from aimsight.aims.registers import service
from aimsight.store.database import Store

APP = Path(__file__).resolve().parents[2] / "dashboard" / "app.py"
OWNER = Actor("ann@example.org", frozenset({Role.OWNER}))


def test_records_and_evidence_are_shown(full: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that nobody watches leads; hostile titles stay text; all 70 clauses and controls are listed."""
    project = Path(shutil.copytree(full, tmp_path / "project"))
    given = {"owner": "ann@example.org", "intended_use": "u", "in_scope": True, "stage": "in operation"}
    with Store(project / "store" / "aimsight.duckdb").write() as tx:
        made = service.create(tx, "ai_system", {"title": "<b>Bought</b> [x](http://evil)", **given}, OWNER)
    monkeypatch.setenv("AIMSIGHT_PROJECT", str(project))
    app = AppTest.from_file(APP, default_timeout=60).run().switch_page("page/registers.py").run()
    assert not app.exception
    said = "\n".join(str(element.value) for part in (app.header, app.subheader, app.markdown) for element in part)
    assert "of 70 clauses and controls lack evidence or have it in part" in said
    assert made.record.replace("-", "\\-") in said
    assert "[x](" not in said
    assert "there is no approved impact assessment" in said
    tables = [element.value for element in app.dataframe]
    assert [len(table) for table in tables] == [70, 1]
    assert list(tables[1]["Status"]) == ["draft, version 1"]


def test_a_record_is_shown_in_full_with_its_links(full: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its fields with what they say, hostile texts as text, and links that lead to what it is about."""
    project = Path(shutil.copytree(full, tmp_path / "project"))
    risk = {
        "title": "Units", "owner": "ann@example.org", "due": "2027-01-01", "method": "m", "trigger": "first",
        "likelihood": "low", "consequence": "high", "description": "One line.\n[x](http://evil) <b>two</b>",
        "links": ["nonconformity:NC-2026-0001", "model:credit-limit"],
    }  # fmt: skip
    with Store(project / "store" / "aimsight.duckdb").write() as tx:
        made = service.create(tx, "risk", risk, OWNER)
    monkeypatch.setenv("AIMSIGHT_PROJECT", str(project))
    app = AppTest.from_file(APP, default_timeout=60).run().switch_page("page/registers.py").run()
    app = app.selectbox(key="register").select(made.record).run()
    assert not app.exception
    assert "One line.\n[x](http://evil) <b>two</b>" in [element.value for element in app.text]
    assert any("what may happen" in str(element.value).casefold() for element in app.caption)
    assert not any("](http" in str(element.value) for part in (app.markdown, app.caption) for element in part)
    links = [element.proto for element in app.get("page_link")]
    assert [(one.page, one.query_string) for one in links] == [
        ("nonconformities", "record=NC-2026-0001"),
        ("model", "model=credit-limit"),
    ]
