"""`aimsight nc`: the life cycle by commands, with errors that say what is missing, and who may."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PEOPLE = """organisation: Test
people:
  - {id: ops@example.org, name: Ops, roles: [owner]}
  - {id: dev@example.org, name: Dev, roles: [engineer, action owner]}
  - {id: judge@example.org, name: Judge, roles: [reviewer, approver]}
  - {id: auditor@example.org, name: Auditor, roles: [auditor]}
"""
NC = "NC-2026-0001"
CONFIRM = ["confirm", NC, "--severity", "major", "--criteria", "x", "--owner", "ops@example.org"]
FISHBONE = """method: fishbone
branches:
  data: [The supplier changed units.]
  method: [Nobody checks units.]
causes: [No check of units on arrival.]
undetected: The range check was too wide.
"""
PLAN = """needed_because: It comes again with the next delivery.
actions:
  - {id: A1, description: Check units on arrival., owner: dev@example.org, due: 2026-12-31}
  - {id: A2, description: Retrain on clean data., kind: correction, owner: dev@example.org, due: 2026-12-31}
criterion: {kind: objective, objective: CH-01, windows: 1}
"""


@pytest.fixture
def nc(call: Callable[..., Any], after_run: Path) -> Callable[..., Any]:
    """Call ``aimsight nc`` in a project with people; ``who`` acts."""
    (after_run / "aimsight.yaml").write_text(PEOPLE)

    def one(*arguments: object, who: str = "") -> Any:
        acting = ["--as", f"{who}@example.org"] if who else []
        return call("-C", after_run, "nc", *map(str, arguments), *acting)

    return one


@pytest.fixture
def name(nc: Callable[..., Any]) -> str:
    """The nonconformity that the run has opened."""
    record: str = json.loads(nc("--json").out)[0]["nonconformity"]
    return record


def test_the_whole_way_by_commands(nc: Callable[..., Any], name: str, after_run: Path) -> None:
    """Every step from detected to the watched windows; each answer says where it stands and what is missing."""
    done = nc(
        "confirm", name, "--severity", "major", "--criteria", "Legal limit.", "--owner", "ops@example.org", who="ops"
    )
    assert done.code == 0
    assert done.lines[0].startswith(f"{name} is open now (it was detected), version 2, due ")
    contained = nc(
        "contain", name, "--correction", "People decide.", "--not-serious", "--serious-because", "No harm.", who="ops"
    )
    assert "is contained now" in contained.out
    assert nc("similar", name, who="ops").code == 0
    (after_run / "cause.yaml").write_text(FISHBONE)
    assert "is analysed now" in nc("analyse", name, "--from", after_run / "cause.yaml", who="ops").out
    (after_run / "plan.yaml").write_text(PLAN)
    planned = nc("plan", name, "--from", after_run / "plan.yaml", who="ops")
    assert "is planned now" in planned.out
    assert "A2 corrects the effect" in " ".join(planned.out.split())
    assert "is implementing now" in nc("approve", name, "--reason", "Right.", who="judge").out
    assert "is still implementing" in nc("implement", name, "A1", "--evidence", "Change 12.", who="dev").out
    (after_run / "store" / "evidence").mkdir(parents=True)
    (after_run / "store" / "evidence" / "run.txt").write_text("trained")
    attached = json.loads(nc("attach", name, "run.txt", "--kind", "log", "--json", who="dev").out)
    last = nc("implement", name, "A2", "--attached", attached["sha256"][:12], "--on", "2026-06-01", who="dev")
    assert "is implemented now" in last.out
    assert "is effectiveness window now" in nc("start", name, who="ops").out
    assert "0 of 1 measured windows in a row conform so far" in " ".join(nc("effectiveness", name).out.split())
    told = json.loads(nc("show", name, "--json").out)
    assert told["dossier"]["plan"]["approved_by"] == "judge@example.org"
    assert told["dossier"]["cause"]["branches"]["data"] == ["The supplier changed units."]
    assert [one.partition(" (")[0] for one in told["missing"]] == [
        "a verdict from measured windows that says effective",
        "the conclusion of a person who carried out none of the actions",
    ]
    steps = [row["after"] for row in json.loads(nc("history", name, "--json").out)]
    assert steps[0] == "detected"
    assert steps[-1] == "effectiveness_window"
    assert "Action A2" in nc("show", name).out


@pytest.mark.parametrize(
    ("arguments", "who", "code", "said"),
    [
        (["close", NC, "--nothing-because", "x"], "judge", 1, "a severity with its criteria, and an owner"),
        ([*CONFIRM, "--severity", "huge"], "ops", 2, "must be one of minor, major"),
        (["confirm", NC, "--criteria", "x"], "ops", 2, "nc confirm: --severity: is missing"),
        (["analyse", NC, "--method", "fishbone", "--cause", "x"], "ops", 2, "nc analyse: a fishbone looks into"),
        (["plan", NC], "ops", 2, "nc plan: --objective or --check: is missing"),
        (CONFIRM, "auditor", 1, "is auditor and may not confirm"),
        (CONFIRM, "nobody", 1, 'nobody has the id "nobody@example.org"'),
        (CONFIRM, "", 1, "who acts?"),
        (["reject", NC, "--reason", "No."], "ops", 1, "that takes approver, reviewer or top management"),
        (["contain", "NC-2026-9999", "--correction", "x"], "ops", 1, 'no nonconformity "NC-2026-9999"; did you mean'),
        (["analyse", NC, "--from", "gone.yaml"], "ops", 2, "gone.yaml: cannot be read"),
        (["list", "--state", "closd"], "", 1, "did you mean closed?"),
        ([*CONFIRM, "--expected", "7"], "ops", 1, "you saw version 7, it is version 1"),
        (["dispose", "churn", "CH-02", "--reason", "x"], "judge", 1, "no failing window of CH-02"),
        (["implement", NC, "A1", "--on", "yesterday"], "dev", 2, '"yesterday" is not a date'),
        (["escalate", NC, "--kind", "death", "--description", "x", "--aware-at", "1 Jan"], "ops", 2, "is not a time"),
    ],
)  # fmt: skip
def test_what_is_refused_says_why(
    nc: Callable[..., Any], name: str, arguments: list[str], who: str, code: int, said: str
) -> None:
    """A sentence that names the cure, no traceback, nothing on stdout, and nothing changed."""
    given = [name if argument == NC else argument for argument in arguments]
    before = nc("show", name, "--json").out
    answer = nc(*given, who=who)
    assert answer.code == code
    assert said in " ".join(answer.err.split())
    assert answer.out == ""
    assert nc("show", name, "--json").out == before


def test_a_person_opens_one_by_hand(nc: Callable[..., Any], after_run: Path) -> None:
    """An audit finding in the same record; the same subject cannot be opened twice."""
    (after_run / "finding.yaml").write_text(
        "subject: Training records\nkind: process\nsource: audit\nrequirement: Clause 7.2\n"
        "statement: Two engineers have no record.\nevidence: Sample of five, numbers 2 and 4.\n"
        "severity: minor\nowner: ops@example.org\n"
    )
    opened = nc("open", "--from", after_run / "finding.yaml", "--json", who="ops")
    record = json.loads(opened.out)
    assert (record["state"], record["severity"]) == ("detected", "minor")
    shown = nc("show", record["nonconformity"]).out
    assert "Sample of five, numbers 2 and 4." in shown
    assert "Clause 7.2" in shown
    again = nc("open", "--from", after_run / "finding.yaml", who="ops")
    assert again.code == 1
    assert f"{record['nonconformity']} is open on the same subject" in again.err
    listed = [row["nonconformity"] for row in json.loads(nc("list", "--json").out)]
    assert record["nonconformity"] in listed


def test_what_nothing_measures_is_checked_by_a_person(nc: Callable[..., Any], after_run: Path) -> None:
    """The criterion of a finding without a model is what a person must see; an accepted one names a risk on record."""
    (after_run / "cause.yaml").write_text(FISHBONE)
    given = [
        "--subject",
        "Records",
        "--kind",
        "process",
        "--source",
        "audit",
        "--requirement",
        "7.2",
        "--statement",
        "x",
    ]
    given += ["--evidence", "y", "--severity", "minor", "--owner", "ops@example.org", "--json"]
    name = json.loads(nc("open", *given, who="ops").out)["nonconformity"]
    nc("confirm", name, "--severity", "minor", "--criteria", "x", "--owner", "ops@example.org", who="ops")
    refused = nc("accept", name, "--risk", "RISK-2026-0001", "--reason", "x", "--until", "2100-01-01", who="judge")
    assert (refused.code, 'there is no risk "RISK-2026-0001"' in refused.err) == (1, True)
    nc("contain", name, "--none-needed", "x", "--not-serious", "--serious-because", "x", who="ops")
    nc("similar", name, who="ops")
    nc("analyse", name, "--from", after_run / "cause.yaml", who="ops")
    action = ["--needed-because", "x", "--action", "Name an owner", "--owner", "dev@example.org", "--due", "2100-01-01"]
    assert nc("plan", name, *action, "--check", "Five of five are complete", who="ops").code == 0
    assert "a person checks: Five of five are complete" in " ".join(nc("show", name).out.split())


def test_the_variable_says_who_acts(nc: Callable[..., Any], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """AIMSIGHT_ACTOR stands for --as; it is no misspelt setting."""
    monkeypatch.setenv("AIMSIGHT_ACTOR", "judge@example.org")
    assert nc("reject", name, "--reason", "A test batch.").code == 0
    assert json.loads(nc("show", name, "--json").out)["dossier"]["rejection"]["by"] == "judge@example.org"


def test_what_people_wrote_is_shown_as_text(nc: Callable[..., Any], name: str) -> None:
    """Markup and control characters of a record neither colour a terminal nor move its cursor."""
    nc("confirm", name, "--severity", "major", "--criteria", "[red]=1+1[/red]", "--owner", "ops@example.org", who="ops")
    assert "[red]=1+1[/red]" in nc("show", name).out
    refused = nc("contain", name, "--correction", "a\x1b[2Jb", who="ops")
    assert refused.code == 2
    assert "U+001B" in refused.err


def test_help_answers_for_every_command(nc: Callable[..., Any]) -> None:
    """Each command explains itself."""
    listed = nc("--help")
    commands = [line.split()[0] for line in listed.out.partition("Commands:")[2].splitlines() if line.startswith("  ")]
    assert {"list", "confirm", "similar", "plan", "effectiveness", "close", "dispose"} <= set(commands)
    assert nc("plan", "--help").code == 0
