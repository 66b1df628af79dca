"""Registers, changes and evidence on the command line: what people write, what they read, what is refused."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from aimsight.tests.monitors.cli.conftest import Answer, Call

PEOPLE = """\
people:
  - {id: ann@example.org, name: Ann, roles: [owner]}
  - {id: bob@example.org, name: Bob, roles: [approver, reviewer]}
  - {id: eve@example.org, name: Eve, roles: [auditor]}
  - {id: ops@example.org, name: Operations}
"""
SYSTEM = """\
# the system that calls customers
title: Churn
owner: ann@example.org
intended_use: Tells the service team whom to call first.
in_scope: true
scope_reason: It concerns customers.
stage: in operation
models: [churn]
documents:
  - {name: Manual, location: DMS 12}
"""


@pytest.fixture
def folder(after_run: Path) -> Path:
    """The project after its first run, with people."""
    with (after_run / "aimsight.yaml").open("a") as file:
        file.write(PEOPLE)
    (after_run / "system.yaml").write_text(SYSTEM)
    return after_run


def data(answer: Answer) -> Any:
    """What was answered in JSON."""
    assert answer.code == 0, answer.err
    return json.loads(answer.out)


def edit(folder: Path, old: str, new: str) -> None:
    """Change the model's file."""
    path = folder / "models" / "churn.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_types_are_listed_described_and_give_forms(call: Call, folder: Path) -> None:
    """The form of a type is YAML that says what each key is for; a misspelt type is told."""
    listed = data(call("-C", folder, "records", "types", "--json"))
    assert {"ai_system", "risk", "audit", "change"} <= {kind["type"] for kind in listed}
    assert "likelihood" in call("-C", folder, "records", "types", "risk").out
    form = call("-C", folder, "records", "types", "risk", "--template").out
    assert "One of: low, medium, high, very high." in form
    assert "\ntitle: " in form
    answer = call("-C", folder, "records", "types", "riks")
    assert (answer.code, "did you mean risk?" in answer.err) == (1, True)


def test_a_record_goes_from_a_file_to_approval(call: Call, folder: Path) -> None:
    """Added from a file, changed by a setting, approved by another person; its history says who and why."""
    made = call(
        "-C", folder, "records", "add", "ai-system", "--from", folder / "system.yaml", "--as", "ann@example.org"
    )
    assert made.code == 0, made.err
    assert re.fullmatch(r"AI system SYS-\d{4}-0001, version 1: draft \(ann@example.org\)\.", made.lines[0])
    name = made.lines[0].split()[2].rstrip(",")
    revised = call(
        "-C", folder, "records", "revise", "ai_system", name, "--set", "risk=limited", "--set", "suppliers=Acme, Inc.",
        "--set", "suppliers=Other", "--reason", "completed", "--as", "ann@example.org", "--expected", "1",
    )  # fmt: skip
    assert revised.code == 0, revised.err
    shown = data(call("-C", folder, "records", "show", "ai_system", name, "--json"))
    assert shown["content"]["suppliers"] == ["Acme, Inc.", "Other"]
    assert shown["documents"] == [{"location": "DMS 12", "name": "Manual"}]
    assert (shown["status"], shown["version"], shown["open"]) == ("draft", 2, [])
    late = call(
        "-C", folder, "records", "revise", "ai_system", name, "--set", "risk=high", "--reason", "x",
        "--as", "bob@example.org", "--expected", "1",
    )  # fmt: skip
    assert (late.code, "risk: nothing → limited" in late.err) == (1, True)
    assert call("-C", folder, "records", "approve", "ai_system", name, "--as", "ann@example.org").code == 1
    assert call("-C", folder, "records", "review", "ai_system", name, "--as", "bob@example.org").code == 0
    assert call("-C", folder, "records", "approve", "ai_system", name, "--as", "bob@example.org").code == 0
    steps = data(call("-C", folder, "records", "history", "ai_system", name, "--json"))
    assert [(step["step"], step["version"]) for step in steps] == [
        ("created", 1),
        ("superseded", 1),
        ("revised", 2),
        ("reviewed", 2),
        ("approved", 2),
    ]
    assert steps[2]["changed"] == ["risk", "suppliers"]
    assert "approved, v2" in " ".join(call("-C", folder, "records").out.split())
    whole = call("-C", folder, "verify")
    assert (whole.code, whole.lines[2]) == (0, "Authority     in order: 5 acts of people")


def test_mistakes_have_file_line_and_key(call: Call, folder: Path) -> None:
    """Everything wrong in a file and in settings is told at once, with the likely intention."""
    (folder / "system.yaml").write_text(
        SYSTEM.replace("stage: in operation", "stage: operation\nmodell: x") + "risk: 3\n"
    )
    answer = call(
        "-C", folder, "records", "add", "ai_system", "--from", folder / "system.yaml", "--set", "in_scope=perhaps",
        "--as", "ann@example.org",
    )  # fmt: skip
    assert (answer.code, answer.out) == (2, "")
    told = answer.err.splitlines()
    place = str(folder / "system.yaml")
    assert any(
        line.startswith(f"{place}:7: stage: must be one of") and "did you mean in operation?" in line for line in told
    )
    assert any(line.startswith(f"{place}:8: modell: unknown key") and "did you mean model?" in line for line in told)
    assert any(line.startswith(f"{place}:12: risk: must be one of") for line in told)
    assert any(line.startswith("--set: in_scope: must be true or false") for line in told)
    assert len(told) == 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["add", "ai_system", "--set", "title"], "write --set key=value"),
        (["add", "ai_system", "--from", "nowhere.yaml"], "cannot be read: no such file"),
        (["add", "risk", "--set", "model=chrun"], "title: is missing"),
        (["show", "risk", "RISK-2026-0001"], "there is none yet"),
        (["list", "--status", "aproved"], "did you mean approved?"),
        (["list", "--model", "chrun"], "did you mean churn?"),
    ],
)
def test_what_cannot_be_done_is_said(call: Call, folder: Path, arguments: list[str], words: str) -> None:
    """A setting without a value, a file that is not there, a name that does not exist."""
    who = ["--as", "ann@example.org"] if arguments[0] == "add" else []
    answer = call("-C", folder, "records", *arguments, *who)
    assert answer.code in {1, 2}
    assert words in answer.err
    assert "Traceback" not in answer.err


def test_who_acts_is_never_guessed(call: Call, folder: Path) -> None:
    """With several people somebody has to be named; an auditor may not write."""
    for who, words in (
        ((), "who acts?"),
        (("--as", "eve@example.org"), "may not add"),
        (("--as", "evi@example.org"), "did you"),
    ):
        answer = call("-C", folder, "records", "add", "ai_system", "--from", folder / "system.yaml", *who)
        assert answer.code == 1
        assert words in answer.err


def test_check_shows_an_edited_objective_with_its_consequences(call: Call, folder: Path) -> None:
    """What differs, which past verdicts would be others, and what happens next."""
    assert "Proposed change" not in call("-C", folder, "check").out
    edit(folder, '">= 0.3"', '">= 0.99"')
    answer = call("-C", folder, "check")
    assert "Proposed change: churn/CH-02: target changed" in answer.lines
    assert "  target: >= 0.3 → >= 0.99" in answer.lines
    assert "nonconforming instead of conforming" in answer.out
    assert "with `changes: approve` in aimsight.yaml a second person decides first" in answer.out
    proposals = data(call("-C", folder, "check", "--json"))["proposals"]
    assert [(one["objective"], one["kind"], one["version_in_force"]) for one in proposals] == [("CH-02", "changed", 1)]


def test_a_target_moves_only_by_approval(call: Call, folder: Path) -> None:
    """Runs judge by the old target until another person approves; what was judged before stays as it was."""
    with (folder / "aimsight.yaml").open("a") as file:
        file.write("changes: approve\n")
    edit(folder, '">= 0.3"', '">= 0.99"')
    before = data(
        call("-C", folder, "query", "SELECT objective, target, verdict FROM evaluations ORDER BY ALL", "--json")
    )
    call("-C", folder, "run", "--now", "2026-07-01")
    in_force = "SELECT version, target FROM objectives WHERE objective = 'CH-02' ORDER BY version"
    assert data(call("-C", folder, "query", in_force, "--json")) == [{"version": 1, "target": ">= 0.3"}]
    proposed = "Proposed, not in force: churn/CH-02 target >= 0.3 → >= 0.99"
    assert proposed in call("-C", folder, "objectives").out
    words = ["--purpose", "Review", "--integrity", "Kept", "--reassessment", "not needed", "--reassessment-reason", "r"]
    made = data(call("-C", folder, "changes", "propose", "churn/CH-02", *words, "--as", "ann@example.org", "--json"))
    change = made[0]["record"]
    assert made[0]["content"]["differing_verdicts"] > 0
    assert call("-C", folder, "changes", "approve", change, "--as", "ann@example.org").code == 1
    assert call("-C", folder, "changes", "approve", change, "--as", "bob@example.org").code == 0
    shown = call("-C", folder, "objectives").out
    assert proposed not in shown
    assert "churn/CH-02: its last window was judged by >= 0.3, which held then." in shown
    assert {one["objective"]: one["target"] for one in data(call("-C", folder, "objectives", "--json"))}["CH-02"] == (
        ">= 0.99"
    )
    assert [row["target"] for row in data(call("-C", folder, "query", in_force, "--json"))] == [">= 0.3", ">= 0.99"]
    after = data(
        call("-C", folder, "query", "SELECT objective, target, verdict FROM evaluations ORDER BY ALL", "--json")
    )
    assert [row for row in after if row["target"] != ">= 0.99"] == after
    assert all(row in after for row in before)
    assert "Status" in call("-C", folder, "changes", change.lower()).out
    listed = data(call("-C", folder, "changes", "--json"))
    assert (listed["proposals"], [one["status"] for one in listed["changes"]]) == ([], ["approved"])
    assert call("-C", folder, "verify").code == 0


def test_before_the_first_approval_nothing_is_judged(call: Call, project: Path) -> None:
    """A new project that approves its objectives measures and says what to do first."""
    (project / "aimsight.yaml").write_text(f"organisation: Test\nchanges: approve\n{PEOPLE}")
    assert "No objective is in force yet" in call("-C", project, "check").out
    assert call("-C", project, "run", "--now", "2026-06-01").code == 0
    counts = data(
        call("-C", project, "query", "SELECT (SELECT count(*) > 0 FROM measurements) AS measured, "
             "(SELECT count(*) FROM evaluations) AS judged", "--json")
    )  # fmt: skip
    assert counts == [{"measured": True, "judged": 0}]
    refused = call("-C", project, "changes", "propose", "churn/CH-01", "--as", "ann@example.org")
    assert refused.code == 2
    assert "--purpose TEXT" in refused.err
    given = ["--purpose", "First", "--integrity", "New"]
    said = call("-C", project, "changes", "propose", *given, "--as", "ann@example.org")
    assert "CHG-2026-0001: churn/CH-01: objective new" in said.out
    assert "Before the approval of CHG-2026-0001 and CHG-2026-0002: not on record yet: whether risks" in said.out
    assert "revise change CHG-2026-0001 --set reassessment=TEXT" in said.out
    assert "aimsight changes approve --all" in said.out
    whose = ["--reason", "Asked", "--as", "ann@example.org"]
    for name in ("CHG-2026-0001", "CHG-2026-0002"):
        completed = ["--set", "reassessment=done", "--set", "reassessment_reason=r"]
        call("-C", project, "records", "revise", "change", name, *completed, *whose)
    assert call("-C", project, "changes", "approve", "--as", "bob@example.org").code == 2
    assert "2 objectives not in force" in call("-C", project, "run", "--now", "2026-06-01").out
    said = call("-C", project, "changes", "approve", "--all", "--as", "bob@example.org")
    assert said.out.count("Approved by bob@example.org") == 2
    assert "that were run before are judged by the next `aimsight run`" in said.out
    approvals = "SELECT subject FROM events WHERE kind = 'record.approved' ORDER BY seq"
    assert [row["subject"] for row in data(call("-C", project, "query", approvals, "--json"))] == [
        "change:CHG-2026-0001",
        "change:CHG-2026-0002",
    ]
    assert "no change waits" in call("-C", project, "changes", "approve", "--all", "--as", "bob@example.org").err
    assert call("-C", project, "check").out.count("Proposed change") == 0
    call("-C", project, "run", "--now", "2026-06-01")
    judged = (
        "SELECT count(*) FILTER (WHERE objective = 'CH-01') = count(*) FILTER (WHERE objective = 'CH-02') AS same, "
    )
    judged += "count(DISTINCT window_start) > 1 AS several FROM evaluations"
    assert data(call("-C", project, "query", judged, "--json")) == [{"same": True, "several": True}]


def test_changes_are_approved_together_or_not_at_all(call: Call, folder: Path) -> None:
    """One that cannot be approved keeps the others from it, and is named."""
    with (folder / "aimsight.yaml").open("a") as file:
        file.write("changes: approve\n")
    edit(folder, '">= 0.3"', '">= 0.35"')
    whole = ["--purpose", "Review", "--integrity", "Kept", "--reassessment", "not needed", "--reassessment-reason", "r"]
    whole += ["--as", "ann@example.org"]
    call("-C", folder, "changes", "propose", *whole)
    given = [
        "--set",
        "title=Other",
        "--set",
        "owner=ann@example.org",
        "--set",
        "trigger=law",
        "--set",
        "subject=policy",
    ]
    given += ["--set", "purpose=x", "--set", "consequences=y", "--as", "ann@example.org"]
    call("-C", folder, "records", "add", "change", *given)
    answer = call("-C", folder, "changes", "approve", "CHG-2026-0001", "CHG-2026-0002", "--as", "bob@example.org")
    assert (answer.code, "CHG-2026-0002 cannot be approved yet" in answer.err) == (1, True)
    listed = data(call("-C", folder, "changes", "--json"))["changes"]
    assert [one["status"] for one in listed] == ["draft", "draft"]


def test_taking_an_objective_out_of_the_file_hides_nothing(call: Call, folder: Path) -> None:
    """Until its withdrawal is approved an objective goes on being judged and shown."""
    with (folder / "aimsight.yaml").open("a") as file:
        file.write("changes: approve\n")
    path = folder / "models" / "churn.yaml"
    text = path.read_text()
    start = text.index("  - id: CH-01")
    path.write_text(text[:start] + text[text.index("  - id: CH-02") :])
    answer = call("-C", folder, "objectives", "--json")
    assert answer.code == 3
    assert [(one["objective"], one["verdict"]) for one in json.loads(answer.out)] == [
        ("CH-01", "nonconforming"),
        ("CH-02", "conforming"),
    ]
    assert call("-C", folder, "status").code == 3
    assert "churn/CH-01: objective withdrawn" in call("-C", folder, "check").out


def test_a_rejected_change_stays_rejected(call: Call, folder: Path) -> None:
    """A rejection needs a reason, and says what to do."""
    edit(folder, '">= 0.3"', '">= 0.99"')
    words = ["--purpose", "Review", "--as", "ann@example.org", "--json"]
    change = data(call("-C", folder, "changes", "propose", *words))[0]["record"]
    assert "needs a reason" in call("-C", folder, "changes", "reject", change, "--as", "bob@example.org").err
    answer = call("-C", folder, "changes", "reject", change, "--reason", "Too strict.", "--as", "bob@example.org")
    assert (answer.code, "stays as it is in force" in answer.out) == (0, True)


def test_systems_and_what_is_due(call: Call, folder: Path) -> None:
    """A model without a system and an assessment that is missing are shown; a system with a model is watched."""
    assert "Models that belong to no system: churn." in call("-C", folder, "records", "systems").out
    call("-C", folder, "records", "add", "ai_system", "--from", folder / "system.yaml", "--as", "ann@example.org")
    found = data(call("-C", folder, "records", "systems", "--json"))
    assert (found["without_plan"], found["unassigned_models"]) == ([], [])
    assert found["systems"][0]["plan"].startswith("churn: 2 objectives")
    due = data(call("-C", folder, "records", "due", "--json"))
    assert due["reassessments"][0]["reasons"] == ["there is no approved impact assessment"]


def test_coverage_in_every_form(call: Call, folder: Path) -> None:
    """A table, JSON with what is not covered, CSV in which nothing is a formula; phases and other frameworks."""
    (folder / "system.yaml").write_text(SYSTEM.replace("title: Churn", "title: =1+1"))
    call("-C", folder, "records", "add", "ai_system", "--from", folder / "system.yaml", "--as", "ann@example.org")
    table = call("-C", folder, "audit", "coverage")
    assert table.code == 0
    assert "70 clauses and controls: " in " ".join(table.out.split())
    assert "Evidence is not conformity" in table.out
    whole = data(call("-C", folder, "audit", "coverage", "--json"))
    assert len(whole["lines"]) == 70
    assert all(line["not_covered"] for line in whole["lines"])
    measured = next(line for line in whole["lines"] if line["clause"] == "9.1")
    assert {one["what"] for one in measured["evidence"]} >= {"measurements", "verdicts on objectives"}
    rows = list(csv.DictReader(io.StringIO(call("-C", folder, "audit", "coverage", "--csv").out)))
    assert len(rows) == 70
    assert not any(value.startswith(("=", "+", "@")) for row in rows for value in row.values())
    some = data(call("-C", folder, "audit", "coverage", "--clause", "9.3", "--json"))
    assert [line["clause"] for line in some["lines"]] == ["9.3.1", "9.3.2", "9.3.3"]
    full = " ".join(call("-C", folder, "audit", "coverage", "--clause", "9.1").out.split())
    assert "Not covered aimsight shows that it was done" in full
    assert "verdicts on objectives: " in full
    phase = data(call("-C", folder, "audit", "coverage", "--phase", "stage-1", "--json"))
    assert (phase["phase"], len(phase["lines"])) == ("stage-1", 15)
    act = data(call("-C", folder, "audit", "coverage", "--framework", "eu-ai-act", "--json"))
    assert (len(act["lines"]), [one["verified"] for one in act["applies_from"]]) == (22, [False, False])
    assert "check the Official Journal" in " ".join(
        call("-C", folder, "audit", "coverage", "--framework", "eu-ai-act").out.split()
    )
    for arguments, words in (
        (["--phase", "stage1"], "did you mean stage-1?"),
        (["--framework", "ai-act"], "did you mean eu-ai-act?"),
        (["--phase", "gap", "--framework", "iso9001"], "choose one of"),
        (["--clause", "9", "--framework", "iso9001"], "choose one of"),
        (["--clause", "A.6.7"], 'no clause "A.6.7"'),
    ):
        answer = call("-C", folder, "audit", "coverage", *arguments)
        assert answer.code in {1, 2}
        assert words in answer.err


def test_a_disposal_deletes_a_file_once_it_is_approved(call: Call, folder: Path) -> None:
    """Due by its rule, proposed by one person, approved by another; then it is gone and `verify` says why."""
    import hashlib
    from datetime import UTC, datetime

    from aimsight.store.database import Store
    from aimsight.store.records import EvidenceFile, save_evidence_file

    evidence = folder / "store" / "evidence"
    evidence.mkdir(parents=True)
    (evidence / "old.txt").write_bytes(b"old")
    sha = hashlib.sha256(b"old").hexdigest()
    with Store(folder / "store" / "aimsight.duckdb").write() as tx:
        save_evidence_file(tx, EvidenceFile(sha, "old.txt", "", "report", datetime(2020, 1, 1, tzinfo=UTC), 3))

    def add(kind: str, *settings: str) -> str:
        given = [part for one in settings for part in ("--set", one)]
        made = call("-C", folder, "--json", "records", "add", kind, *given, "--as", "ann@example.org")
        assert made.code == 0, made.err
        return str(json.loads(made.out)["record"])

    rule = add(
        "retention_rule", "title=Files", "applies_to=evidence files", "period=1y", "from_event=Closing.",
        "basis=Own decision.", "disposition=Deleted.",
    )  # fmt: skip
    assert call("-C", folder, "records", "approve", "retention_rule", rule, "--as", "bob@example.org").code == 0
    assert "report old.txt" in call("-C", folder, "records", "due").out
    record = add(
        "disposal", "title=End", "what=Old report.", f"rule=retention_rule:{rule}", "method=deleted",
        "hold_checked=true", f"files={sha}",
    )  # fmt: skip
    assert call("-C", folder, "records", "approve", "disposal", record, "--as", "ann@example.org").code == 1
    assert (evidence / "old.txt").exists()
    done = call("-C", folder, "records", "approve", "disposal", record, "--as", "bob@example.org")
    assert (done.code, "old.txt" in done.err) == (0, True)
    assert not (evidence / "old.txt").exists()
    whole = call("-C", folder, "verify")
    assert whole.code == 0
    assert f"disposed of by {record}, approved by bob@example.org" in " ".join(whole.out.split())
