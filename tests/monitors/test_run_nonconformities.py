"""What runs open: the rule of two in three, zero tolerance, recurrence, and monitoring that was not done."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from aimsight.store.records import nonconformity, save_nonconformity
from aimsight.tests.configurations import an_objective
from aimsight.tests.monitors.sandbox import Sandbox, binary_rows


def close(sandbox: Sandbox, name: str, state: str = "closed") -> None:
    """A person closes a nonconformity."""
    with sandbox.store.write() as tx:
        record = replace(nonconformity(tx, name), state=state, closed_at=sandbox.clock.now())
        save_nonconformity(tx, record, kind="nonconformity.closed", actor="auditor@example.org")


def test_one_failing_window_opens_nothing_the_second_of_three_does(sandbox: Sandbox) -> None:
    """A record is opened by the second failure, holds both, and is fed by the third; a good day feeds nothing."""
    sandbox.model()
    for day, wrong in enumerate([6, 6, 6, 6, 30, 6, 30, 30]):
        sandbox.day(day, binary_rows(day, wrong=wrong))
    assert sandbox.run(5)["credit"].opened == []
    assert sandbox.run(6)["credit"].opened == []
    summary = sandbox.run(7)["credit"]
    assert (summary.opened, summary.occurrences) == (["NC-2026-0001"], 2)
    (record,) = sandbox.nonconformities()
    assert (record["occurred_from"], record["occurred_to"]) == (sandbox.window(4).start, sandbox.window(6).end)
    assert (record["kind"], record["severity"], record["state"]) == ("performance", "minor", "detected")
    assert (record["objective"], record["objective_version"], record["recurrence_of"]) == ("OBJ-1", 1, None)
    assert "Decisions stay right. Accuracy: at least 0.7" in record["requirement"]
    assert (sandbox.run(8)["credit"].opened, sandbox.run(8)["credit"].occurrences) == ([], 0)
    (record,) = sandbox.nonconformities()
    assert record["occurrences"] == 3
    sandbox.check()


def test_occurrences_are_bound_to_what_was_measured_and_judged(sandbox: Sandbox) -> None:
    """Each has the hashes of its rows, and the record that of all it was opened with."""
    sandbox.model()
    sandbox.days(0, 1, 2, 3)
    sandbox.days(4, 5, wrong=30)
    sandbox.run(6)
    found = sandbox.rows("SELECT * FROM occurrence ORDER BY window_start")
    assert [(row["value"], row["target"]) for row in found] == [(0.5, ">= 0.7")] * 2
    frozen = [[row["run_id"], row["measurement_hash"], row["evaluation_hash"]] for row in found]
    expected = hashlib.sha256(json.dumps({"evidence": frozen}, separators=(",", ":")).encode()).hexdigest()
    assert sandbox.nonconformities()[0]["evidence_hash"] == expected


def test_zero_tolerance_opens_at_once(sandbox: Sandbox) -> None:
    """The value alone counts: 0.68 with an interval that reaches over the target is nonconforming."""
    sandbox.model(objectives=[an_objective(zero_tolerance=True, severity="major")])
    sandbox.days(0, 1, 2, 3)
    sandbox.days(4, wrong=19)
    assert sandbox.run(5)["credit"].opened == ["NC-2026-0001"]
    assert sandbox.verdicts() == {4: "nonconforming"}
    due = sandbox.nonconformities()[0]
    assert due["due_at"] - due["opened_at"] == timedelta(days=1)


def test_at_risk_opens_nothing(sandbox: Sandbox) -> None:
    """Beyond the target, but not surely: at risk, and no record however often."""
    sandbox.model()
    sandbox.days(0, 1, 2, 3)
    sandbox.days(4, 5, 6, wrong=19)
    assert sandbox.run(7)["credit"].opened == []
    assert set(sandbox.verdicts().values()) == {"at risk"}


@pytest.mark.parametrize("state", ["closed", "closed_correction_only"])
def test_after_closing_the_same_failure_opens_a_graver_record(sandbox: Sandbox, state: str) -> None:
    """It points back, and is one step graver: what was done did not help."""
    sandbox.model()
    sandbox.days(0, 1, 2, 3)
    sandbox.days(4, 5, wrong=30)
    sandbox.run(6)
    close(sandbox, "NC-2026-0001", state)
    sandbox.days(6, 7, 8)
    assert sandbox.run(9)["credit"].opened == []
    sandbox.days(9, 10, wrong=30)
    assert sandbox.run(11)["credit"].opened == ["NC-2026-0002"]
    first, second = sandbox.nonconformities()
    assert (first["severity"], first["state"], first["occurrences"]) == ("minor", state, 2)
    assert (second["severity"], second["recurrence_of"], second["occurrences"]) == ("major", "NC-2026-0001", 2)
    sandbox.check()


def test_an_old_window_judged_again_after_the_closing_is_no_recurrence(sandbox: Sandbox) -> None:
    """A late label of a day that was dealt with opens nothing: that failure is in the closed record."""
    sandbox.model()
    sandbox.days(0, 1, 2, 3)
    sandbox.days(4, 5, wrong=30)
    sandbox.run(6)
    close(sandbox, "NC-2026-0001")
    sandbox.days(5, wrong=29)
    assert sandbox.run(6)["credit"].opened == []
    assert sandbox.outcomes()[5] == ["success", "success"]
    assert len(sandbox.nonconformities()) == 1


def test_a_window_judged_again_is_one_occurrence(sandbox: Sandbox) -> None:
    """Late labels of a failing day do not make it fail twice."""
    sandbox.model()
    sandbox.days(0, 1, 2, 3)
    sandbox.days(4, 5, wrong=30)
    sandbox.run(6)
    sandbox.days(5, wrong=31)
    assert sandbox.run(6)["credit"].occurrences == 0
    assert sandbox.nonconformities()[0]["occurrences"] == 2


def test_a_better_result_closes_nothing(sandbox: Sandbox) -> None:
    """Conforming days after the failure leave the record open: a person closes it."""
    sandbox.model()
    sandbox.days(0, 1, 2, 3)
    sandbox.days(4, 5, wrong=30)
    sandbox.days(6, 7, 8, 9)
    sandbox.run(10)
    assert [(row["state"], row["occurrences"]) for row in sandbox.nonconformities()] == [("detected", 2)]


def test_empty_days_open_one_record_for_the_model(sandbox: Sandbox) -> None:
    """Two days without a row: monitoring was not done, once for all objectives; more days are occurrences of it."""
    sandbox.model(objectives=[an_objective("OBJ-1"), an_objective("OBJ-2", target=">= 0.5")])
    sandbox.days(0, 1, 2, 3, 4)
    sandbox.run(6)
    assert sandbox.verdicts() == {4: "conforming", 5: "not measured"}
    assert sandbox.nonconformities() == []
    assert sandbox.run(7)["credit"].opened == ["NC-2026-0001"]
    sandbox.run(8)
    (record,) = sandbox.nonconformities()
    assert (record["kind"], record["objective"], record["severity"]) == ("monitoring not done", None, "major")
    assert (record["occurrences"], record["owner"]) == (3, "owner@example.org")
    assert record["statement"] == "No measurement of credit on 7 Jan 2026: no rows"
    sandbox.check()


def test_a_log_that_falls_silent_is_told(sandbox: Sandbox) -> None:
    """The route that every project has by default hears of it: a feed that died is what nobody else would notice."""
    sandbox.model()
    sandbox.days(0, 1, 2, 3, 4)
    assert sandbox.project.models
    (sandbox.root / "aimsight.yaml").write_text(
        "organisation: Example\nalerts: [{name: ops, url: 'file:alerts.txt'}]\n"
    )
    sandbox.run(7)
    (told,) = (sandbox.root / "alerts.txt").read_text().splitlines()
    assert "NC-2026-0001 opened (major): monitoring of credit was not done" in told
    assert "No measurement of credit on 7 Jan 2026: no rows." in told


def test_missing_data_close_nothing(sandbox: Sandbox) -> None:
    """A record on accuracy stays open through days without rows; these open their own."""
    sandbox.model()
    sandbox.days(0, 1, 2, 3)
    sandbox.days(4, 5, wrong=30)
    sandbox.run(9)
    found = sandbox.nonconformities()
    assert [(row["kind"], row["state"], row["occurrences"]) for row in found] == [
        ("performance", "detected", 2),
        ("monitoring not done", "detected", 3),
    ]


def test_an_objective_without_a_value_is_a_record_of_its_own(sandbox: Sandbox) -> None:
    """Rows are there, but the metric of one objective cannot be measured: that objective is not monitored."""
    drift = an_objective("OBJ-2", metric="drift.psi", column="x", target="<= 0.2")
    sandbox.model(objectives=[an_objective(), drift])
    sandbox.days(0, 1, 2, 3)
    for day in (4, 5):
        sandbox.day(day, [{key: cell for key, cell in row.items() if key != "x"} for row in binary_rows(day)])
    sandbox.run(6)
    assert sandbox.verdicts("OBJ-1") == {4: "conforming", 5: "conforming"}
    assert sandbox.verdicts("OBJ-2") == {4: "not measured", 5: "not measured"}
    (record,) = sandbox.nonconformities()
    assert (record["kind"], record["objective"], record["occurrences"]) == ("monitoring not done", "OBJ-2", 2)


def test_too_few_rows_are_no_failure(sandbox: Sandbox) -> None:
    """Fewer rows than the objective asks for are insufficient evidence: neither conforming nor a failure."""
    sandbox.model()
    sandbox.days(0, 1, 2, 3)
    sandbox.days(4, 5, 6, n=29, wrong=29)
    sandbox.run(7)
    assert set(sandbox.verdicts().values()) == {"insufficient evidence"}
    assert sandbox.nonconformities() == []
    reason = sandbox.rows("SELECT DISTINCT reason FROM evaluations")
    assert reason == [{"reason": "29 rows, below the objective's minimum of 30"}]
