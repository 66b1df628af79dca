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
