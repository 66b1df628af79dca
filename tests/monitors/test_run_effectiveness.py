"""Effectiveness through real runs: the pipeline judges the windows after the actions, and nothing else counts."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, timedelta

import pytest
import yaml

from aimsight.aims.lifecycle import service, transitions
from aimsight.aims.lifecycle.dossier import Conclusion, Deviation
from aimsight.aims.lifecycle.fold import FOLDS
from aimsight.aims.lifecycle.guards import TransitionError
from aimsight.aims.lifecycle.watching import effect
from aimsight.aims.people import actor_of
from aimsight.aims.registers import service as registers
from aimsight.monitors.overdue import look_after_nonconformities
from aimsight.store.verify import verify
from aimsight.tests.aims.lifecycle.desks import CLOSURE, GRADING, JUDGE, OWNER, PEOPLE, RISK, Desk, a_plan
from aimsight.tests.configurations import an_objective
from aimsight.tests.monitors.sandbox import Sandbox

NC = "NC-2026-0001"
PROJECT = {
    "organisation": "Example",
    "people": PEOPLE,
    "alerts": [{"name": "ops", "url": "file:alerts.jsonl", "on": ["nonconformity", "effectiveness", "overdue"]}],
}


def staffed(sandbox: Sandbox) -> None:
    """A project with people, on 6 January: an action of that day makes 7 January the first that counts."""
    sandbox.clock.moment = datetime(2026, 1, 6, 12, tzinfo=UTC)  # no action is older than its plan's approval
    sandbox.root.mkdir(parents=True, exist_ok=True)
    (sandbox.root / "aimsight.yaml").write_text(yaml.safe_dump(PROJECT))


def desk_of(sandbox: Sandbox) -> Desk:
    """What its people do with the first nonconformity."""
    return Desk(sandbox.store, sandbox.project, sandbox.clock)


def verdict(desk: Desk) -> str:
    """The pipeline's verdict."""
    with desk.store.read() as reader:
        return effect(reader, service.read_case(reader, NC)).verdict


def windows(sandbox: Sandbox) -> dict[int, str]:
    """The judged windows by day of January, counted from 0."""
    rows = sandbox.rows("SELECT window_start, verdict FROM effectiveness ORDER BY window_start")
    return {row["window_start"].day - 1: row["verdict"] for row in rows}


def alerts(sandbox: Sandbox) -> list[str]:
    """Subjects of the notices in the outbox."""
    return [row["subject"] for row in sandbox.rows("SELECT subject FROM outbox ORDER BY created_at, id")]


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A project whose model failed on its fifth and sixth day; made once and copied."""
    sandbox = Sandbox(tmp_path_factory.mktemp("failed") / "project")
    staffed(sandbox)
    sandbox.model()
    sandbox.days(0, 1, 2, 3)
    sandbox.days(4, 5, wrong=30)
    sandbox.run(6)
    return sandbox


@pytest.fixture
def office(failed: Sandbox, sandbox: Sandbox) -> Desk:
    """The people of a project whose model failed on its fifth and sixth day."""
    shutil.copytree(failed.root, sandbox.root)
    sandbox.raw.update(failed.raw)
    sandbox.clock.moment = failed.clock.moment
    return desk_of(sandbox)


def test_good_windows_after_the_action_are_effective(office: Desk, sandbox: Sandbox) -> None:
    """Two good days after the action: measured as effective, told, concluded, closed; two bad ones then recur."""
    office.walk("effectiveness_window")
    sandbox.days(6)
    sandbox.run(7)
    assert (windows(sandbox), verdict(office)) == ({6: "conforming"}, "")
    with pytest.raises(TransitionError, match="1 of 2 measured windows in a row conform so far"):
        office.act(JUDGE, transitions.conclude, Conclusion(effective=True, reason="Looks good."))
    sandbox.days(7)
    sandbox.run(8)
    assert (windows(sandbox), verdict(office)) == ({6: "conforming", 7: "conforming"}, "effective")
    assert f"{NC}: the actions are measured as effective (credit)" in alerts(sandbox)
    office.act(JUDGE, transitions.conclude, Conclusion(effective=True, reason="Two good days."))
    office.act(JUDGE, transitions.close, CLOSURE)
    sandbox.days(8, 9, wrong=30)
    assert sandbox.run(10)["credit"].opened == ["NC-2026-0002"]
    second = sandbox.nonconformities()[1]
    assert (second["recurrence_of"], second["severity"]) == (NC, "major")
    report = verify(sandbox.store, folds=FOLDS)
    assert report.intact, report.findings


def test_a_bad_window_after_the_action_is_not_effective(office: Desk, sandbox: Sandbox) -> None:
    """One nonconforming day is enough, and it is told."""
    office.walk("effectiveness_window")
    sandbox.days(6, wrong=30)
    sandbox.run(7)
    assert (windows(sandbox), verdict(office)) == ({6: "nonconforming"}, "not effective")
    assert f"{NC}: the actions are measured as not effective (credit)" in alerts(sandbox)


def test_missing_windows_extend_and_never_prove(office: Desk, sandbox: Sandbox) -> None:
    """Days without rows are no success: the watch goes on until two measured ones conform."""
    office.walk("effectiveness_window")
    sandbox.days(6)
    sandbox.days(9)
    sandbox.run(10)
    assert windows(sandbox) == {6: "conforming", 7: "not measured", 8: "not measured", 9: "conforming"}
    assert verdict(office) == "effective"


def test_only_days_without_rows_prove_nothing(office: Desk, sandbox: Sandbox) -> None:
    """However long nothing is measured, the verdict stays open."""
    office.walk("effectiveness_window")
    sandbox.run(12)
    assert set(windows(sandbox).values()) == {"not measured"}
    assert verdict(office) == ""


def test_windows_known_before_the_approval_do_not_count(office: Desk, sandbox: Sandbox) -> None:
    """Good days that were measured before the criterion was fixed could have been chosen for it."""
    sandbox.days(6, 7)
    sandbox.run(8)
    sandbox.clock.moment += timedelta(hours=1)
    office.walk("effectiveness_window")
    assert windows(sandbox) == {}
    sandbox.days(8, 9)
    sandbox.run(10)
    assert windows(sandbox) == {8: "conforming", 9: "conforming"}


def test_windows_between_approval_and_start_of_the_watch_count(office: Desk, sandbox: Sandbox) -> None:
    """Who starts the watch late loses nothing: those days are judged from what was measured."""
    office.walk("implementing")
    sandbox.days(6, 7)
    sandbox.run(8)
    office.walk("effectiveness_window")
    assert (windows(sandbox), verdict(office)) == ({6: "conforming", 7: "conforming"}, "effective")


def test_late_labels_change_the_verdict_of_a_window(office: Desk, sandbox: Sandbox) -> None:
    """The window is judged again; the ledger keeps both judgements."""
    office.walk("effectiveness_window")
    sandbox.days(6, 7)
    sandbox.run(8)
    assert verdict(office) == "effective"
    sandbox.days(7, wrong=40)
    sandbox.run(8)
    assert (windows(sandbox)[7], verdict(office)) == ("nonconforming", "not effective")
    judged = sandbox.rows("SELECT count(*) AS n FROM events WHERE kind = 'nonconformity.effect_measured'")
    assert judged == [{"n": 3}]
    assert verify(sandbox.store, folds=FOLDS).intact


def test_a_metric_as_criterion(office: Desk, sandbox: Sandbox) -> None:
    """Any metric against its own threshold, of a column and a segment where wanted."""
    criterion = {"kind": "metric", "metric": "quality.rows", "threshold": ">= 50", "windows": 1, "min_rows": 1}
    office.walk("analysed")
    office.plan(given=a_plan(criterion=criterion))
    office.walk("effectiveness_window")
    sandbox.days(6)
    sandbox.run(7)
    assert verdict(office) == "effective"


def test_monitoring_that_takes_place_again(sandbox: Sandbox) -> None:
    """A record on monitoring not done is proved by runs with rows."""
    staffed(sandbox)
    sandbox.model()
    sandbox.days(0, 1, 2, 3)
    sandbox.run(6)
    assert sandbox.nonconformities()[0]["kind"] == "monitoring not done"
    office = desk_of(sandbox)
    office.act(OWNER, transitions.confirm, GRADING.model_copy(update={"severity": "major"}))
    office.walk("analysed")
    office.plan(given=a_plan(criterion={"kind": "runs", "windows": 2}))
    office.walk("effectiveness_window")
    sandbox.days(6, 7)
    sandbox.run(8)
    assert (windows(sandbox), verdict(office)) == ({6: "conforming", 7: "conforming"}, "effective")


def test_overdue_records_are_told_once_a_level(office: Desk, sandbox: Sandbox) -> None:
    """Five days to contain a minor one; then a notice, and after a week more another, escalated."""
    for days in (4, 6, 6, 14):
        now = sandbox.clock.moment
        sandbox.clock.moment = now + timedelta(days=days)
        look_after_nonconformities(sandbox.project, sandbox.store)
        sandbox.clock.moment = now
    due = (sandbox.clock.moment + timedelta(days=5)).date()
    told = [subject for subject in alerts(sandbox) if "overdue" in subject]
    assert told == [
        f"{NC}: the step after detected is overdue since {due}",
        f"{NC}: the step after detected is overdue since {due} (escalated)",
    ]


def test_an_accepted_deviation_opens_again_in_a_run(office: Desk, sandbox: Sandbox) -> None:
    """A day worse than what was accepted opens the record again; a day as bad does not."""
    office.walk("open")
    with sandbox.store.write() as tx:
        registers.create(tx, "risk", RISK, actor_of(sandbox.project, OWNER))
    office.bear()
    office.act(JUDGE, transitions.accept, Deviation(risk="RISK-2026-0001", reason="Known.", until=date(2026, 12, 31)))
    sandbox.days(6, wrong=30)
    sandbox.run(7)
    assert sandbox.nonconformities()[0]["state"] == "accepted_until"
    sandbox.days(7, wrong=40)
    sandbox.run(8)
    assert sandbox.nonconformities()[0]["state"] == "open"


def test_every_failure_has_a_record_or_a_reason(sandbox: Sandbox) -> None:
    """A single failing day opens nothing by the rule, so it is listed until a reviewer says why it needs nothing."""
    staffed(sandbox)
    sandbox.model()
    sandbox.days(0, 1, 2, 3)
    sandbox.days(4, wrong=30)
    sandbox.days(5, 6)
    sandbox.run(7)
    (row,) = sandbox.rows("SELECT * FROM failures_without_nonconformity")
    assert (row["objective"], row["window_start"].day, row["opens_failures"], row["opens_of"]) == ("OBJ-1", 5, 2, 3)
    with sandbox.store.write() as tx:
        service.dispose(tx, actor_of(sandbox.project, JUDGE), [row], "A test batch.")
    assert sandbox.rows("SELECT * FROM failures_without_nonconformity") == []
    assert sandbox.rows("SELECT person, reason FROM dispositions") == [{"person": JUDGE, "reason": "A test batch."}]
    assert verify(sandbox.store, folds=FOLDS).intact


def test_similar_failures_are_found_in_other_models_and_segments(sandbox: Sandbox) -> None:
    """The same metric beyond the same target elsewhere is found, and the questions are kept with what they gave."""
    staffed(sandbox)
    sandbox.model(segments=["gender"])
    sandbox.model("twin", objectives=[an_objective("TWIN-1")])
    for name in ("credit", "twin"):
        sandbox.days(0, 1, 2, 3, name=name)
        sandbox.days(4, 5, wrong=30, name=name)
    sandbox.run(6)
    office = desk_of(sandbox)
    office.walk("open")
    found = office.similar().case.dossier.similar
    assert found is not None
    assert found.models == ("credit", "twin")
    assert [question.hits for question in found.questions] == [1, 1, 3]
    places = {(hit.model, hit.segment, hit.nonconformity, hit.objective) for hit in found.hits}
    assert ("twin", "", "NC-2026-0002", "TWIN-1") in places
    assert ("twin", "", "", "TWIN-1") in places
    assert {("credit", "gender=F", "", ""), ("credit", "gender=M", "", "")} <= places
    asked = found.questions[2]
    assert len(sandbox.rows(asked.sql, asked.values[0], int(asked.values[1]), *asked.values[2:])) == 3
