"""`aimsight review`: from a frozen pack to the signature, by the commands that people type."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from aimsight.tests.monitors.cli.conftest import Answer, Call

PEOPLE = """\
people:
  - {id: ann@example.org, name: Ann, roles: [owner, reviewer]}
  - {id: emma@example.org, name: Emma, roles: [top management]}
  - {id: eve@example.org, name: Eve, roles: [auditor]}
"""
MINUTES = """\
chair: emma@example.org
held_on: 2026-06-05
attendees:
  - {name: Emma, function: Managing director, top_management: true}
discussion: The ranking got worse in March.
suitability: Suitable.
adequacy: Adequate.
effectiveness: Not effective in March.
"""
ANN = ("--as", "ann@example.org")
DECISION = (
    "--decision", "Retrain the model. With newer data.", "--grounds", "The ranking got worse.", "--action",
    "Train version 2", "--owner", "ann@example.org", "--due", "2099-09-30", "--as", "ann@example.org",
)  # fmt: skip


@pytest.fixture
def folder(after_run: Path) -> Path:
    """The project after its first run, with people and minutes."""
    with (after_run / "aimsight.yaml").open("a") as file:
        file.write(PEOPLE)
    (after_run / "minutes.yaml").write_text(MINUTES)
    return after_run


def data(answer: Answer) -> Any:
    """What was answered in JSON."""
    assert answer.code == 0, answer.err
    return json.loads(answer.out)


def prepare(call: Call, folder: Path, *more: str) -> Any:
    """Prepare the pack of the first half of 2026."""
    given = more or ("--from", "2026-01-01", "--to", "2026-07-01")
    return data(call("-C", folder, "review", "prepare", *given, "--as", "ann@example.org", "--json"))


def test_a_review_from_pack_to_signature(call: Call, folder: Path) -> None:
    """Prepare, confirm, record, decide, sign: every step says what is missing; the next pack starts with it."""
    assert "No review was prepared yet" in call("-C", folder, "review").out
    made = prepare(call, folder)
    name = made["record"]
    assert {"a", "c", "d3", "e"} <= set(made["to_confirm"])
    early = call("-C", folder, "review", "sign", name, "--name", "Emma", "--as", "emma@example.org")
    assert early.code == 1
    assert "no decision is on record" in early.err
    for key in made["to_confirm"]:
        assert call("-C", folder, "review", "confirm", name.lower(), key, "--as", "ann@example.org").code == 0
    minutes = ("--from", folder / "minutes.yaml", "--as", "ann@example.org", "--json")
    recorded = data(call("-C", folder, "review", "record", name, *minutes))
    assert recorded["missing"] == ["no decision is on record, and no reason why nothing was decided"]
    change = ("--kind", "change", "--subject", "model", "--consequences", "Another release.")
    decided = data(call("-C", folder, "review", "decide", name, *DECISION, *change, "--json"))
    assert decided["decision"]["title"] == "Retrain the model"
    assert decided["change"]["status"] == "draft"
    assert call("-C", folder, "review", "sign", name, "--name", "Ann", "--as", "ann@example.org").code == 1
    signed = call("-C", folder, "review", "sign", name, "--name", "Emma", "--as", "emma@example.org")
    assert signed.code == 0, signed.err
    assert made["pack_sha256"] in "".join(signed.out.split())
    assert "signed by emma@example.org" in call("-C", folder, "review", "list").out
    second = prepare(call, folder, "--from", "2026-07-01", "--to", "2027-01-01")
    assert "a" not in second["to_confirm"]
    shown = call("-C", folder, "review", "show", second["record"]).out
    assert "1 action open, 0 of them overdue." in shown
    assert "Missing before it can be signed" in shown
    assert call("-C", folder, "verify").code == 0


def test_exports_hold_pack_and_results(call: Call, folder: Path, tmp_path: Path) -> None:
    """The suffix chooses the form; the JSON is the frozen content; the same call gives the same bytes."""
    made = prepare(call, folder)
    for suffix in ("html", "docx", "json", "csv.zip"):
        one, two = tmp_path / f"one.{suffix}", tmp_path / f"two.{suffix}"
        for path in (one, two):
            answer = call("-C", folder, "review", "export", made["record"], "--into", path, *ANN)
            assert answer.code == 0, answer.err
        assert one.read_bytes() == two.read_bytes()
    frozen = next(path for path in folder.rglob(f"{made['pack_sha256']}.json"))
    assert (tmp_path / "one.json").read_bytes() == frozen.read_bytes()
    assert "Churn" in (tmp_path / "one.html").read_text() or "churn" in (tmp_path / "one.html").read_text()
    wrong = call("-C", folder, "review", "export", made["record"], "--into", tmp_path / "pack.odt", *ANN)
    assert wrong.code == 2
    assert "html, pdf, docx" in " ".join(wrong.err.split())
    lost = tmp_path / "no" / "pack.html"
    nowhere = call("-C", folder, "review", "export", made["record"], "--into", lost, *ANN)
    assert nowhere.code == 1
    assert "cannot be written" in nowhere.err
    unnamed = call("-C", folder, "review", "export", made["record"], "--into", tmp_path / "pack.html")
    assert (unnamed.code, "who acts?" in unnamed.err) == (1, True)
    asked = "SELECT actor, payload FROM events WHERE kind = 'export.made'"
    taken = json.loads(call("-C", folder, "--json", "query", asked).out)
    assert len(taken) == 8
    payload = json.loads(taken[0]["payload"])
    assert (taken[0]["actor"], payload["what"]) == ("ann@example.org", "review pack")
    assert payload["about"] == f"{made['record']}, pack 1"
    assert payload["files"][0]["sha256"] == hashlib.sha256((tmp_path / "one.html").read_bytes()).hexdigest()


def test_a_correction_keeps_the_first_pack(call: Call, folder: Path, tmp_path: Path) -> None:
    """--again takes the period of the review, wants a reason, and both packs can be exported."""
    made = prepare(call, folder)
    name = made["record"]
    without = call("-C", folder, "review", "prepare", "--again", name, "--as", "ann@example.org")
    assert without.code == 1
    assert "Give a reason" in without.err
    second = prepare(call, folder, "--again", name.lower(), "--reason", "A risk was missing.")
    assert second["pack"] == 2
    assert second["pack_sha256"] != made["pack_sha256"]
    answer = call("-C", folder, "review", "export", name, "--pack", "1", "--into", tmp_path / "first.json", *ANN)
    assert answer.code == 0, answer.err
    assert json.loads((tmp_path / "first.json").read_text())["cover"]["version"] == 1


def test_what_cannot_be_is_refused(call: Call, folder: Path) -> None:
    """A period that ends before it starts, none at all, an unknown review or input, an auditor who writes."""
    backwards = call(
        "-C", folder, "review", "prepare", "--from", "2026-07-01", "--to", "2026-01-01", "--as", "ann@example.org"
    )
    assert backwards.code == 2
    assert "does not lie before" in " ".join(backwards.err.split())
    assert call("-C", folder, "review", "prepare", "--as", "ann@example.org").code == 2
    name = prepare(call, folder)["record"]
    near = call("-C", folder, "review", "show", f"{name[:-1]}2")
    assert (near.code, name in near.err) == (1, True)
    assert call("-C", folder, "review", "confirm", name, "d2", "--as", "ann@example.org").code == 1
    assert call("-C", folder, "review", "confirm", name, "a", "--as", "eve@example.org").code == 1


def test_a_period_without_a_run(call: Call, folder: Path) -> None:
    """Years ago nothing was measured: the pack says so and counts nothing as met."""
    made = prepare(call, folder, "--from", "2020-01-01", "--to", "2021-01-01")
    shown = " ".join(call("-C", folder, "review", "show", made["record"]).out.split())
    assert "No window of the period was measured" in shown
    assert "2 objectives without any judgement in the period" in shown
    assert "d2" not in made["to_confirm"]
