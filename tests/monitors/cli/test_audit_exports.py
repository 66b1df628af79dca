"""OSCAL, operational records and xAPI: valid by their own models and schemas, the same bytes again, nothing lost."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import uuid
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema  # type: ignore[import-untyped]  # ships no types
import pytest

from aimsight.configs.jsonschema import envelope_schema
from aimsight.monitors.cli.app import run

if TYPE_CHECKING:
    from aimsight.tests.monitors.cli.conftest import Call

PEOPLE = """\
people:
  - {id: ops@example.org, name: Ola Nyman, roles: [owner, engineer, action owner]}
  - {id: quality@example.org, name: Chi Vo, roles: [reviewer, approver]}
"""
ASSESSMENT = """\
title: Assessment of the churn model
owner: ops@example.org
due: 2027-01-31
model: churn
method: Own method, version 2.
trigger: first
result: Nobody is harmed by a call.
assessed_version: "1"
assessors: [quality@example.org]
"""
RISK = """\
title: Late answers
owner: ops@example.org
due: 2100-01-31
description: Customers wait.
method: Matrix, version 1.
trigger: first
likelihood: low
consequence: low
assessors: [ops@example.org]
treatments:
  - {option: accept, description: Customers are told., owner: ops@example.org, due: 2100-01-31}
residual_likelihood: low
residual_consequence: low
accepted_by: ops@example.org
"""


@pytest.fixture(autouse=True)
def somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exports are taken by a person."""
    monkeypatch.setenv("AIMSIGHT_ACTOR", "ops@example.org")


@pytest.fixture(scope="module")
def handled(template_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a nonconformity that is acted on, one rejected, one accepted, an assessment and a file."""
    folder = tmp_path_factory.mktemp("handled")
    made = Path(shutil.copytree(template_run, folder / "project"))
    (made / "aimsight.yaml").write_text(f"organisation: Test\n{PEOPLE}")

    def do(*arguments: str | Path, who: str = "ops@example.org") -> None:
        with pytest.raises(SystemExit) as left:
            run(["-C", str(made), *map(str, arguments), "--as", who])
        assert left.value.code in {None, 0}

    name = "NC-2026-0001"
    graded = ("--severity", "minor", "--criteria", "Only the order of calls.", "--owner", "ops@example.org")
    do("nc", "confirm", name, *graded, who="quality@example.org")
    do("nc", "contain", name, "--none-needed", "Calls go on.", "--not-serious", "--serious-because", "Only calls.")
    do("nc", "similar", name)
    whys = [part for why in ("One.", "Two.", "Three.") for part in ("--why", why)]
    do("nc", "analyse", name, "--method", "five whys", *whys, "--cause", "A unit changed.")
    do("nc", "plan", name, "--needed-because", "It stays.", "--action", "Check units on arrival",
       "--owner", "ops@example.org", "--due", "2026-12-31", "--objective", "CH-01")  # fmt: skip
    do("nc", "approve", name, "--reason", "It removes the cause.", who="quality@example.org")
    do("nc", "implement", name, "A1", "--evidence", "The check runs.")
    found = ("--subject", "Left out", "--kind", "process", "--source", "audit", "--requirement", "Procedure 4.")
    do("nc", "open", *found, "--statement", "A step\nwas left out.", "--evidence", "Two of ten.",
       "--severity", "minor", "--owner", "ops@example.org")  # fmt: skip
    do("nc", "reject", "NC-2026-0002", "--reason", "The sample was of another unit.", who="quality@example.org")
    late = ("--subject", "Late", "--kind", "process", "--source", "person", "--requirement", "Procedure 5.")
    do(
        "nc",
        "open",
        *late,
        "--statement",
        "Late.",
        "--evidence",
        "Seen.",
        "--severity",
        "minor",
        "--owner",
        "ops@example.org",
    )
    do("nc", "confirm", "NC-2026-0003", *graded)
    form = folder / "risk.yaml"
    form.write_text(RISK)
    do("records", "add", "risk", "--from", form)
    do("records", "approve", "risk", "RISK-2026-0001", who="quality@example.org")
    because = ("--risk", "RISK-2026-0001", "--reason", "Until the new tool.", "--until", "2100-01-01")
    do("nc", "accept", "NC-2026-0003", *because, who="quality@example.org")
    form = folder / "assessment.yaml"
    form.write_text(ASSESSMENT)
    do("records", "add", "impact_assessment", "--from", form)
    report = made / "store" / "evidence" / "units.txt"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text("Units of ten deliveries.\n")
    do("nc", "attach", name, report)
    return made


def lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_oscal_is_valid_and_says_what_is_open(handled: Path, tmp_path: Path, call: Call) -> None:
    """Trestle reads both documents; the plan holds the open nonconformity with its deadline and its action."""
    assert call("-C", handled, "audit", "oscal", "--into", tmp_path / "oscal").code == 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library's own imports warn
        from trestle.oscal.assessment_results import AssessmentResults
        from trestle.oscal.poam import PlanOfActionAndMilestones

        results = AssessmentResults.oscal_read(tmp_path / "oscal" / "assessment-results.json")
        plan = PlanOfActionAndMilestones.oscal_read(tmp_path / "oscal" / "poam.json")
    assert results is not None
    assert plan is not None
    document = json.loads((tmp_path / "oscal" / "poam.json").read_text())["plan-of-action-and-milestones"]
    assert document["metadata"]["oscal-version"].startswith("1.1.")
    (item, other), (risk, accepted) = document["poam-items"], document["risks"]
    assert (other["title"], accepted["status"]) == ("NC-2026-0003: process", "deviation-approved")
    assert "remediations" not in accepted
    assert item["title"] == "NC-2026-0001: churn"
    assert item["related-risks"] == [{"risk-uuid": risk["uuid"]}]
    assert risk["status"] == "remediating"
    assert risk["deadline"].startswith("20")
    (answer,) = risk["remediations"]
    assert (answer["lifecycle"], answer["description"]) == ("completed", "Check units on arrival")
    assert answer["tasks"][0]["timing"] == {"on-date": {"date": "2026-12-31T00:00:00Z"}}


def test_oscal_findings_follow_from_verdicts_and_missing_evidence(handled: Path, tmp_path: Path, call: Call) -> None:
    """Latest verdicts are observations; a rejected record is settled, an open one and a bare clause are not."""
    call("-C", handled, "audit", "oscal", "--into", tmp_path / "oscal")
    document = json.loads((tmp_path / "oscal" / "assessment-results.json").read_text())["assessment-results"]
    (result,) = document["results"]
    seen = {one["title"] for one in result["observations"]}
    assert {"churn/CH-01: nonconforming", "churn/CH-02: conforming", "NC-2026-0001", "NC-2026-0002"} <= seen
    states = {one["target"]["target-id"]: one["target"]["status"]["state"] for one in result["findings"]}
    assert states["nonconformity-NC-2026-0001"] == "not-satisfied"
    assert states["nonconformity-NC-2026-0002"] == "satisfied"
    assert states["iso42001-9.2.1"] == "not-satisfied"
    known = {one["uuid"] for one in result["observations"]}
    related = {one["observation-uuid"] for find in result["findings"] for one in find.get("related-observations", ())}
    assert related <= known
    every = re.findall(r'"(?:observation-)?uuid": "([^"]+)"', json.dumps(document))
    assert {uuid.UUID(one).version for one in every} == {5}


def test_oscal_without_anything_open_has_no_plan(project: Path, tmp_path: Path, call: Call) -> None:
    """OSCAL knows no empty plan: none is written, and one that lay there is taken away."""
    call("-C", project, "run", "--now", "2026-03-01")
    (tmp_path / "oscal").mkdir()
    (tmp_path / "oscal" / "poam.json").write_text("{}")
    answer = call("-C", project, "audit", "oscal", "--into", tmp_path / "oscal")
    assert "No nonconformity is open" in answer.out
    assert [path.name for path in (tmp_path / "oscal").iterdir()] == ["assessment-results.json"]


def test_the_same_store_gives_the_same_bytes(handled: Path, tmp_path: Path, call: Call) -> None:
    """Every export is a pure function of the store, to which it adds that it was made."""
    for name in ("a", "b"):
        call("-C", handled, "audit", "oscal", "--into", tmp_path / name)
        call("-C", handled, "audit", "records", "--into", tmp_path / name / "records.jsonl")
        call("-C", handled, "audit", "records", "--xapi", "--into", tmp_path / name / "xapi.jsonl")
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == ["assessment-results.json", "poam.json", "records.jsonl", "xapi.jsonl"]
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_what_left_the_house_is_on_record(handled: Path, tmp_path: Path, call: Call) -> None:
    """Who took what, with the hash of every file, in the ledger; the next export that is no repetition tells it."""
    known = len(exports(handled, call))
    call("-C", handled, "audit", "oscal", "--into", tmp_path / "oscal")
    call("-C", handled, "audit", "records", "--into", tmp_path / "records.jsonl", "--as", "quality@example.org")
    call("-C", handled, "audit", "bundle", "--into", tmp_path / "bundle", "--record", "NC-2026-0001")
    oscal, records, bundle = exports(handled, call)[known:]
    assert [one["actor"] for one in (oscal, records, bundle)] == [
        "ops@example.org",
        "quality@example.org",
        "ops@example.org",
    ]
    assert [file["name"] for file in oscal["files"]] == ["assessment-results.json", "poam.json"]
    for said, path in (
        (oscal["files"][1], tmp_path / "oscal" / "poam.json"),
        (records["files"][0], tmp_path / "records.jsonl"),
        (bundle["files"][0], tmp_path / "bundle" / "manifest.json"),
    ):
        content = path.read_bytes()
        assert (said["sha256"], said["bytes"]) == (hashlib.sha256(content).hexdigest(), len(content))
    assert (bundle["what"], bundle["about"]) == ("audit bundle", "about NC-2026-0001")
    assert json.loads(call("-C", handled, "--json", "verify").out)["authorised"]


def test_nobody_takes_anything_out_unnamed(handled: Path, tmp_path: Path, call: Call) -> None:
    """Without a person nothing is written, and neither is it where the ledger cannot be."""
    answer = call("-C", handled, "audit", "records", "--into", tmp_path / "records.jsonl", "--as", "x@example.org")
    assert (answer.code, "nobody has the id" in answer.err) == (1, True)
    assert list(tmp_path.iterdir()) == []


def test_without_a_store_there_is_nothing_to_take(project: Path, tmp_path: Path, call: Call) -> None:
    """No store is made on the way."""
    (project / "aimsight.yaml").write_text(f"organisation: Test\n{PEOPLE}")
    for arguments in (("oscal",), ("records",), ("bundle",)):
        answer = call("-C", project, "audit", *arguments, "--into", tmp_path / "out")
        assert answer.code == 1
    assert not (project / "store").exists()


def exports(project: Path, call: Call) -> list[dict[str, Any]]:
    """The exports that the ledger tells, each with who took it."""
    sql = "SELECT actor, payload FROM events WHERE kind = 'export.made' ORDER BY seq"
    found = json.loads(call("-C", project, "--json", "query", sql).out)
    rows = found["rows"] if isinstance(found, dict) else found
    return [{"actor": row["actor"], **json.loads(row["payload"])} for row in rows]


def test_every_record_is_valid_and_no_verdict_is_lost(handled: Path, tmp_path: Path, call: Call) -> None:
    """All records fit the published schema; each stored verdict, step and assessment is there once."""
    path = tmp_path / "records.jsonl"
    assert call("-C", handled, "audit", "records", "--into", path).code == 0
    records = lines(path)
    validator = jsonschema.Draft202012Validator(envelope_schema())
    assert [error.message for one in records for error in validator.iter_errors(one)] == []
    assert len({one["id"] for one in records}) == len(records)
    verdicts = json.loads(call("-C", handled, "--json", "query", "SELECT * FROM evaluations").out)
    stored = verdicts["rows"] if isinstance(verdicts, dict) else verdicts
    told = [one for one in records if one["event"] == "evaluation.made"]
    assert len(told) == len(stored) == 8  # four months of two objectives
    failed = [one["content"]["window_start"][:10] for one in told if one["content"]["verdict"] == "nonconforming"]
    assert set(failed) <= {"2026-03-01", "2026-04-01", "2026-05-01"}
    assert failed
    name = "NC-2026-0001"
    mine = [one for one in records if one["subject"]["id"] == name and one["kind"] == "monitoring_event"]
    steps = [one["content"]["step"] for one in mine]
    assert steps[:6] == ["detected", "confirmed", "contained", "similar_searched", "analysed", "planned"]
    kinds = {one["event"]: one for one in records}
    assert kinds["nonconformity.rejected"]["kind"] == "human_override"
    assert kinds["nonconformity.rejected"]["content"]["reason"] == "The sample was of another unit."
    assert kinds["nonconformity.rejected"]["actor"] == {"type": "person", "id": "quality@example.org"}
    assert kinds["nonconformity.accepted"]["kind"] == "human_override"
    lowered = [one for one in records if one["content"].get("by") == "graded_lower"]
    assert [(one["subject"]["id"], one["kind"]) for one in lowered] == [(name, "human_override")]
    assert kinds["record.created"]["kind"] == "impact_assessment"
    assert kinds["record.created"]["content"]["fields"]["result"] == "Nobody is harmed by a call."
    assert kinds["evidence.frozen"]["kind"] == "export"


def test_the_schema_refuses_what_is_no_record(handled: Path, tmp_path: Path, call: Call) -> None:
    """Another kind than its content, an unknown key, a program that overrides, no content, no entry: all refused."""
    call("-C", handled, "audit", "records", "--into", tmp_path / "records.jsonl")
    good = {one["event"]: one for one in lines(tmp_path / "records.jsonl")}
    validator = jsonschema.Draft202012Validator(envelope_schema())
    changes: list[tuple[str, dict[str, Any]]] = [
        ("evaluation.made", {"kind": "export"}),
        ("evaluation.made", {"note": "x"}),
        ("nonconformity.rejected", {"actor": {"type": "software", "id": "x"}}),
        ("record.created", {"content": {}}),
        ("nonconformity.detected", {"ledger": {"name": "x", "entry": 0, "sha256": ""}}),
    ]
    for event, change in changes:
        assert validator.is_valid(good[event])
        assert not validator.is_valid(good[event] | change), change


def test_xapi_statements_have_what_xapi_asks_for(handled: Path, tmp_path: Path, call: Call) -> None:
    """Actor, verb, object, result, context and timestamp; IRIs, no nulls outside of extensions, one a record."""
    call("-C", handled, "audit", "records", "--into", tmp_path / "records.jsonl")
    call("-C", handled, "audit", "records", "--xapi", "--into", tmp_path / "xapi.jsonl")
    records, statements = lines(tmp_path / "records.jsonl"), lines(tmp_path / "xapi.jsonl")
    assert [f"urn:uuid:{one['id']}" for one in statements] == [one["id"] for one in records]
    for record, one in zip(records, statements, strict=True):
        assert set(one) == {"id", "actor", "verb", "object", "result", "context", "timestamp", "version"}
        iris = [one["verb"]["id"], one["object"]["id"], one["object"]["definition"]["type"]]
        iris += [*one["result"]["extensions"], *one["context"]["extensions"], one["actor"]["account"]["homePage"]]
        assert all(re.fullmatch(r"https://[!-~]+", iri) for iri in iris)
        assert one["timestamp"] == record["occurred_at"]
        verdict = record["content"].get("verdict")
        assert one["result"].get("success") == {"conforming": True, "at risk": True, "nonconforming": False}.get(
            verdict
        )
        plain = {key: value for key, value in one["result"].items() if key != "extensions"}
        assert None not in plain.values()
        (content,) = one["result"]["extensions"].values()
        assert content == record["content"]


def test_the_schema_is_published(call: Call) -> None:
    """`aimsight schema envelope` prints a valid schema whose every property is explained or obvious by its type."""
    schema = json.loads(call("schema", "envelope").out)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema == envelope_schema()
    assert set(schema["properties"]["kind"]["enum"]) == {
        "decision", "impact_assessment", "monitoring_event", "human_override", "export"
    }  # fmt: skip


def test_a_place_that_cannot_be_written_is_told(after_run: Path, tmp_path: Path, call: Call) -> None:
    """A folder where a file is meant, and the other way round, end in a sentence."""
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for arguments in (
        ("oscal", "--into", tmp_path / "file"),
        ("records", "--into", tmp_path / "folder"),
    ):
        answer = call("-C", after_run, "audit", *arguments)
        assert answer.code == 1
        assert "cannot be written" in answer.err


def test_a_failing_window_without_a_record_is_an_override_by_the_person_who_says_why(
    project: Path, tmp_path: Path, call: Call
) -> None:
    """One failing window opens nothing; a reviewer disposes of it, and the record says who set what aside and why."""
    (project / "aimsight.yaml").write_text(f"organisation: Test\n{PEOPLE}")
    call("-C", project, "run", "--now", "2026-04-02")
    answer = call("-C", project, "nc", "dispose", "churn", "CH-01",
                  "--reason", "A holiday.", "--as", "quality@example.org")  # fmt: skip
    assert answer.code == 0, answer.err
    call("-C", project, "audit", "records", "--into", tmp_path / "records.jsonl")
    (one,) = (one for one in lines(tmp_path / "records.jsonl") if one["kind"] == "human_override")
    assert jsonschema.Draft202012Validator(envelope_schema()).is_valid(one)
    assert one["content"]["reason"] == "A holiday."
    assert one["actor"]["id"] == "quality@example.org"
    assert one["subject"] == {"type": "objective", "id": "churn/CH-01"}
