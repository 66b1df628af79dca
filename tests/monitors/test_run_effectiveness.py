"""Effectiveness through real runs: the pipeline judges the windows after the actions, and nothing else counts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from aimsight.aims.lifecycle import service, transitions
from aimsight.aims.lifecycle.dossier import (
    Cause,
    Closure,
    Conclusion,
    Containment,
    Deviation,
    Evidence,
    Grading,
    Plan,
    Said,
)
from aimsight.aims.lifecycle.fold import FOLDS
from aimsight.aims.lifecycle.guards import TransitionError
from aimsight.aims.lifecycle.watching import effect
from aimsight.aims.people import actor_of
from aimsight.aims.registers import service as registers
from aimsight.monitors.overdue import look_after_nonconformities
from aimsight.store.verify import verify
from aimsight.tests.configurations import an_objective

if TYPE_CHECKING:
    from aimsight.store.database import Reader

Sandbox = Any
NC = "NC-2026-0001"
OWNER, DOER, JUDGE = "owner@example.org", "doer@example.org", "judge@example.org"
PROJECT = f"""organisation: Example
people:
  - {{id: {OWNER}, name: Owner, roles: [owner]}}
  - {{id: {DOER}, name: Doer, roles: [engineer, action owner]}}
  - {{id: {JUDGE}, name: Judge, roles: [reviewer, approver]}}
alerts:
  - {{name: ops, url: "file:alerts.jsonl", on: [nonconformity, effectiveness, overdue]}}
"""
RISK = {
    "title": "Units may change",
    "owner": OWNER,
    "due": date(2026, 12, 31),
    "description": "A supplier changes units.",
    "method": "Two levels each.",
    "trigger": "first",
    "likelihood": "low",
    "consequence": "high",
    "assessors": [OWNER],
    "treatments": [{"option": "reduce", "description": "Check units.", "owner": OWNER, "due": date(2026, 12, 31)}],
    "residual_likelihood": "low",
    "residual_consequence": "low",
    "accepted_by": JUDGE,
}
TWO_WINDOWS = {"kind": "objective", "objective": "OBJ-1", "windows": 2}


class Office:
    """What the people of a sandbox do with its first nonconformity."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        sandbox.clock.moment = datetime(2026, 1, 6, 12, tzinfo=UTC)  # no action is older than its plan's approval
        sandbox.root.mkdir(parents=True, exist_ok=True)
        (sandbox.root / "aimsight.yaml").write_text(PROJECT)

    def act(self, who: str, do: Any, *given: Any, **more: Any) -> Any:
        """One step."""
        project = self.sandbox.project
        with self.sandbox.store.write() as tx:
            return service.act(
                tx,
                project,
                NC,
                actor_of(project, who),
                lambda case, one, knows: do(case, *given, one, knows, **more),
            )

    def until_approved(self, criterion: dict[str, Any] = TWO_WINDOWS) -> None:
        """Confirmed (with the severity that the rules gave), contained, analysed, planned, approved."""
        project = self.sandbox.project
        severity = self.sandbox.nonconformities()[0]["severity"]
        self.act(OWNER, transitions.confirm, Grading(severity=severity, criteria="By the rules.", owner=OWNER))
        contained = Containment(correction="People decide.", serious=False, serious_because="No harm.")
        self.act(OWNER, transitions.contain, contained)
        with self.sandbox.store.write() as tx:
            service.similar(tx, project, NC, actor_of(project, OWNER))
        cause = Cause(method="five whys", whys=("a", "b", "c"), causes=("No unit check.",))
        self.act(OWNER, transitions.analyse, cause)
        action = {"id": "A1", "description": "Check units.", "owner": DOER, "due": date(2026, 6, 1)}
        plan = Plan.model_validate({"needed_because": "Again.", "actions": (action,), "criterion": criterion})
        with self.sandbox.store.write() as tx:
            service.plan(tx, project, NC, actor_of(project, OWNER), plan)
        self.act(JUDGE, transitions.approve, Said(reason="Good."))

    def until_watched(self, criterion: dict[str, Any] = TWO_WINDOWS) -> None:
        """Approved, carried out on the sixth day (6 January), watched."""
        self.until_approved(criterion)
        self.implement_and_start()

    def implement_and_start(self) -> None:
        """Carried out on 6 January, so that 7 January is the first day that counts."""
        project = self.sandbox.project
        self.act(DOER, transitions.implement, "A1", (Evidence(text="Merged."),), on=date(2026, 1, 6))
        with self.sandbox.store.write() as tx:
            service.start(tx, project, NC, actor_of(project, OWNER))

    def verdict(self) -> str:
        """The pipeline's verdict."""

        def ask(reader: Reader) -> str:
            return effect(reader, service.read_case(reader, NC)).verdict

        with self.sandbox.store.read() as reader:
            return ask(reader)

    def windows(self) -> dict[int, str]:
        """The judged windows by day of January, counted from 0."""
        rows = self.sandbox.rows("SELECT window_start, verdict FROM effectiveness ORDER BY window_start")
        return {row["window_start"].day - 1: row["verdict"] for row in rows}

    def alerts(self) -> list[str]:
        """Subjects of the notices in the outbox."""
        return [row["subject"] for row in self.sandbox.rows("SELECT subject FROM outbox ORDER BY created_at, id")]


@pytest.fixture
def office(sandbox: Sandbox) -> Office:
    """A project whose model failed on its fifth and sixth day, and its people."""
    office = Office(sandbox)
    sandbox.model()
    sandbox.days(0, 1, 2, 3)
    sandbox.days(4, 5, wrong=30)
    sandbox.run(6)
    return office


def test_good_windows_after_the_action_are_effective(office: Office, sandbox: Sandbox) -> None:
    """Two good days after the action: measured as effective, told, concluded, closed; two bad ones then recur."""
    office.until_watched()
    sandbox.days(6)
    sandbox.run(7)
    assert (office.windows(), office.verdict()) == ({6: "conforming"}, "")
    with pytest.raises(TransitionError, match="1 of 2 measured windows in a row conform so far"):
        office.act(JUDGE, transitions.conclude, Conclusion(effective=True, reason="Looks good."))
    sandbox.days(7)
    sandbox.run(8)
    assert (office.windows(), office.verdict()) == ({6: "conforming", 7: "conforming"}, "effective")
    assert f"{NC}: the actions are measured as effective (credit)" in office.alerts()
    office.act(JUDGE, transitions.conclude, Conclusion(effective=True, reason="Two good days."))
    office.act(JUDGE, transitions.close, Closure(none_because="The procedures hold."))
    sandbox.days(8, 9, wrong=30)
    assert sandbox.run(10)["credit"].opened == ["NC-2026-0002"]
    second = sandbox.nonconformities()[1]
    assert (second["recurrence_of"], second["severity"]) == (NC, "major")
    report = verify(sandbox.store, folds=FOLDS)
    assert report.intact, report.findings


def test_a_bad_window_after_the_action_is_not_effective(office: Office, sandbox: Sandbox) -> None:
    """One nonconforming day is enough, and it is told."""
    office.until_watched()
    sandbox.days(6, wrong=30)
    sandbox.run(7)
    assert (office.windows(), office.verdict()) == ({6: "nonconforming"}, "not effective")
    assert f"{NC}: the actions are measured as not effective (credit)" in office.alerts()


def test_missing_windows_extend_and_never_prove(office: Office, sandbox: Sandbox) -> None:
    """Days without rows are no success: the watch goes on until two measured ones conform."""
    office.until_watched()
    sandbox.days(6)
    sandbox.days(9)
    sandbox.run(10)
    assert office.windows() == {6: "conforming", 7: "not measured", 8: "not measured", 9: "conforming"}
    assert office.verdict() == "effective"


def test_only_days_without_rows_prove_nothing(office: Office, sandbox: Sandbox) -> None:
    """However long nothing is measured, the verdict stays open."""
    office.until_watched()
    sandbox.run(12)
    assert set(office.windows().values()) == {"not measured"}
    assert office.verdict() == ""


def test_windows_known_before_the_approval_do_not_count(office: Office, sandbox: Sandbox) -> None:
    """Good days that were measured before the criterion was fixed could have been chosen for it."""
    sandbox.days(6, 7)
    sandbox.run(8)
    sandbox.clock.moment += timedelta(hours=1)
    office.until_watched()
    assert office.windows() == {}
    sandbox.days(8, 9)
    sandbox.run(10)
    assert office.windows() == {8: "conforming", 9: "conforming"}


def test_windows_between_approval_and_start_of_the_watch_count(office: Office, sandbox: Sandbox) -> None:
    """Who starts the watch late loses nothing: those days are judged from what was measured."""
    office.until_approved()
    sandbox.days(6, 7)
    sandbox.run(8)
    office.implement_and_start()
    assert (office.windows(), office.verdict()) == ({6: "conforming", 7: "conforming"}, "effective")


def test_late_labels_change_the_verdict_of_a_window(office: Office, sandbox: Sandbox) -> None:
    """The window is judged again; the ledger keeps both judgements."""
    office.until_watched()
    sandbox.days(6, 7)
    sandbox.run(8)
    assert office.verdict() == "effective"
    sandbox.days(7, wrong=40)
    sandbox.run(8)
    assert (office.windows()[7], office.verdict()) == ("nonconforming", "not effective")
    judged = sandbox.rows("SELECT count(*) AS n FROM events WHERE kind = 'nonconformity.effect_measured'")
    assert judged == [{"n": 3}]
    assert verify(sandbox.store, folds=FOLDS).intact


def test_a_metric_as_criterion(office: Office, sandbox: Sandbox) -> None:
    """Any metric against its own threshold, of a column and a segment where wanted."""
    office.until_watched(
        {"kind": "metric", "metric": "quality.rows", "threshold": ">= 50", "windows": 1, "min_rows": 1}
    )
    sandbox.days(6)
    sandbox.run(7)
    assert office.verdict() == "effective"


def test_monitoring_that_takes_place_again(sandbox: Sandbox) -> None:
    """A record on monitoring not done is proved by runs with rows."""
    office = Office(sandbox)
    sandbox.model()
    sandbox.days(0, 1, 2, 3)
    sandbox.run(6)
    assert sandbox.nonconformities()[0]["kind"] == "monitoring not done"
    office.until_watched({"kind": "runs", "windows": 2})
    sandbox.days(6, 7)
    sandbox.run(8)
    assert (office.windows(), office.verdict()) == ({6: "conforming", 7: "conforming"}, "effective")


def test_overdue_records_are_told_once_a_level(office: Office, sandbox: Sandbox) -> None:
    """Five days to contain a minor one; then a notice, and after a week more another, escalated."""
    for days in (4, 6, 6, 14):
        now = sandbox.clock.moment
        sandbox.clock.moment = now + timedelta(days=days)
        look_after_nonconformities(sandbox.project, sandbox.store)
        sandbox.clock.moment = now
    due = (sandbox.clock.moment + timedelta(days=5)).date()
    told = [subject for subject in office.alerts() if "overdue" in subject]
    assert told == [
        f"{NC}: the step after detected is overdue since {due}",
        f"{NC}: the step after detected is overdue since {due} (escalated)",
    ]


def test_an_accepted_deviation_opens_again_in_a_run(office: Office, sandbox: Sandbox) -> None:
    """A day worse than what was accepted opens the record again; a day as bad does not."""
    office.act(OWNER, transitions.confirm, Grading(severity="minor", criteria="Small.", owner=OWNER))
    with sandbox.store.write() as tx:
        registers.create(tx, "risk", RISK, actor_of(sandbox.project, OWNER))
        registers.approve(tx, "risk", "RISK-2026-0001", actor_of(sandbox.project, JUDGE), expected=None)
    office.act(JUDGE, transitions.accept, Deviation(risk="RISK-2026-0001", reason="Known.", until=date(2026, 12, 31)))
    sandbox.days(6, wrong=30)
    sandbox.run(7)
    assert sandbox.nonconformities()[0]["state"] == "accepted_until"
    sandbox.days(7, wrong=40)
    sandbox.run(8)
    assert sandbox.nonconformities()[0]["state"] == "open"


def test_every_failure_has_a_record_or_a_reason(sandbox: Sandbox) -> None:
    """A single failing day opens nothing by the rule, so it is listed until a reviewer says why it needs nothing."""
    office = Office(sandbox)
    sandbox.model()
    sandbox.days(0, 1, 2, 3)
    sandbox.days(4, wrong=30)
    sandbox.days(5, 6)
    sandbox.run(7)
    (row,) = sandbox.rows("SELECT * FROM failures_without_nonconformity")
    assert (row["objective"], row["window_start"].day, row["opens_failures"], row["opens_of"]) == ("OBJ-1", 5, 2, 3)
    with office.sandbox.store.write() as tx:
        service.dispose(tx, actor_of(sandbox.project, JUDGE), [row], "A test batch.")
    assert sandbox.rows("SELECT * FROM failures_without_nonconformity") == []
    assert sandbox.rows("SELECT person, reason FROM dispositions") == [{"person": JUDGE, "reason": "A test batch."}]
    assert verify(sandbox.store, folds=FOLDS).intact


def test_similar_failures_are_found_in_other_models_and_segments(sandbox: Sandbox) -> None:
    """The same metric beyond the same target elsewhere is found, and the questions are kept with what they gave."""
    office = Office(sandbox)
    sandbox.model(segments=["gender"])
    sandbox.model("twin", objectives=[an_objective("TWIN-1")])
    for name in ("credit", "twin"):
        sandbox.days(0, 1, 2, 3, name=name)
        sandbox.days(4, 5, wrong=30, name=name)
    sandbox.run(6)
    project = sandbox.project
    office.act(OWNER, transitions.confirm, Grading(severity="minor", criteria="Small.", owner=OWNER))
    with sandbox.store.write() as tx:
        found = service.similar(tx, project, NC, actor_of(project, OWNER)).case.dossier.similar
    assert found is not None
    assert found.models == ("credit", "twin")
    assert [question.hits for question in found.questions] == [1, 1, 3]
    places = {(hit.model, hit.segment, hit.nonconformity, hit.objective) for hit in found.hits}
    assert ("twin", "", "NC-2026-0002", "TWIN-1") in places
    assert ("twin", "", "", "TWIN-1") in places
    assert {("credit", "gender=F", "", ""), ("credit", "gender=M", "", "")} <= places
    asked = found.questions[2]
    assert len(sandbox.rows(asked.sql, asked.values[0], int(asked.values[1]), *asked.values[2:])) == 3
