"""Evidence files: made on demand, frozen by their hash, recorded, and found out when somebody changes them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from aimsight.configs.errors import AimsightError, NotFoundError
from aimsight.monitors.evidence import KIND, report_for_nonconformity, report_for_window
from aimsight.store.verify import verify
from aimsight.tests.monitors.sandbox import Sandbox, binary_rows

if TYPE_CHECKING:
    from pathlib import Path


def failing(sandbox: Sandbox) -> Sandbox:
    """A project with one nonconformity, NC-2026-0001."""
    sandbox.model(metrics=["performance.accuracy", "quality.rows"])
    sandbox.days(0, 1, 2, 3)
    sandbox.days(4, 5, wrong=30)
    sandbox.run(6)
    return sandbox


def folder(sandbox: Sandbox) -> Path:
    """Where evidence lies."""
    return sandbox.root / "store" / "evidence"


def test_a_report_is_made_when_asked_for_frozen_and_recorded(sandbox: Sandbox) -> None:
    """A run makes none; asked for, its name is its hash, the ledger knows it, and a changed byte is found."""
    failing(sandbox)
    assert not folder(sandbox).exists()
    first = report_for_nonconformity(sandbox.project, sandbox.store, "NC-2026-0001", actor="auditor@example.org")
    content = first.path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    assert (first.path.name, first.path.parent, first.left_out) == (f"{digest}.html", folder(sandbox), {})
    assert content.lstrip()[:5].lower() in (b"<html", b"<!doc")
    (row,) = sandbox.rows("SELECT * FROM evidence_file")
    assert (row["sha256"], row["nonconformity"], row["kind"], row["bytes"]) == (
        digest,
        "NC-2026-0001",
        KIND,
        len(content),
    )
    (event,) = sandbox.rows("SELECT actor, subject FROM events WHERE kind = 'evidence.frozen'")
    assert event == {"actor": "auditor@example.org", "subject": "NC-2026-0001"}
    sandbox.check()

    second = report_for_nonconformity(sandbox.project, sandbox.store, "NC-2026-0001")
    names = {row["path"] for row in sandbox.rows("SELECT path FROM evidence_file")}
    assert names == {first.path.name, second.path.name} == {path.name for path in folder(sandbox).iterdir()}
    assert verify(sandbox.store, list(sandbox.store.checkpoints), evidence=folder(sandbox)).intact

    first.path.write_bytes(content + b" ")
    report = verify(sandbox.store, list(sandbox.store.checkpoints), evidence=folder(sandbox))
    assert [str(finding) for finding in report.findings] == [
        f"evidence file {first.path.name}: its content has changed"
    ]


def test_the_same_report_is_recorded_once(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal bytes are one file and one record for each subject; half a file of a crash is written anew."""
    from aimsight.metrics import evidently

    failing(sandbox)
    html = b"<html>the same</html>"
    monkeypatch.setattr(evidently, "drift_report", lambda *_: evidently.Report(html, {"x": "no values"}))
    folder(sandbox).mkdir()
    path = folder(sandbox) / f"{hashlib.sha256(html).hexdigest()}.html"
    path.write_bytes(html[:5])
    for _ in range(2):
        made = report_for_nonconformity(sandbox.project, sandbox.store, "NC-2026-0001")
        assert (made.path, made.left_out, path.read_bytes()) == (path, {"x": "no values"}, html)
    report_for_window(sandbox.project, sandbox.store, "credit", sandbox.window(4))
    rows = sandbox.rows("SELECT nonconformity FROM evidence_file ORDER BY nonconformity")
    assert [row["nonconformity"] for row in rows] == ["", "NC-2026-0001"]
    sandbox.check()


def test_other_files_of_the_log_do_not_stop_a_report(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A damaged day elsewhere is not needed; a column that the window lacks is left out and named."""
    from aimsight.metrics import evidently

    failing(sandbox)
    sandbox.path(4).write_bytes(b"")
    rows = [{key: cell for key, cell in row.items() if key not in {"x", "y"}} for row in binary_rows(5)]
    sandbox.write(sandbox.path(5), rows)
    seen: dict[str, object] = {}

    def fake(reference: object, window: object, numeric: list[str], category: list[str]) -> evidently.Report:
        seen.update(reference=reference, window=window, numeric=numeric, category=category)
        return evidently.Report(b"<html></html>", {})

    monkeypatch.setattr(evidently, "drift_report", fake)
    made = report_for_nonconformity(sandbox.project, sandbox.store, "NC-2026-0001")
    assert made.left_out == {"x": "no such column in the window"}
    assert (seen["numeric"], seen["category"]) == (["p"], ["colour", "gender", "yes"])
    assert (len(seen["reference"]), len(seen["window"])) == (240, 60)  # type: ignore[arg-type]  # data frames


def test_what_cannot_be_reported_on_is_said(sandbox: Sandbox) -> None:
    """An unknown record or model, an empty window, a model without a reference."""
    failing(sandbox)
    project, store = sandbox.project, sandbox.store
    with pytest.raises(NotFoundError, match='no nonconformity "NC-2026-0002"; did you mean NC-2026-0001'):
        report_for_nonconformity(project, store, "NC-2026-0002")
    with pytest.raises(NotFoundError, match='no model "kredit"; did you mean credit'):
        report_for_window(project, store, "kredit", sandbox.window(4))
    with pytest.raises(AimsightError, match="no rows between 2026-01-21"):
        report_for_window(project, store, "credit", sandbox.window(20))
    sandbox.model(reference=None)
    with pytest.raises(AimsightError, match="credit has no reference to compare with"):
        report_for_window(sandbox.project, store, "credit", sandbox.window(4))
    assert not folder(sandbox).exists()
