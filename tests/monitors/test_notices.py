"""What notices say, to whom they go and how they are put together."""

from __future__ import annotations

from datetime import UTC, date, datetime

from aimsight.aims.lifecycle.case import Case
from aimsight.aims.lifecycle.deadlines import Overdue
from aimsight.aims.lifecycle.effect import Effect
from aimsight.aims.verdicts import Verdict
from aimsight.configs.schema import AlertRoute
from aimsight.metrics.plan import Window
from aimsight.metrics.values import Interval, Value
from aimsight.monitors import notices
from aimsight.store.records import DossierRow, Nonconformity

AUGUST = Window(datetime(2015, 8, 1, tzinfo=UTC), datetime(2015, 9, 1, tzinfo=UTC))


def finding(verdict: Verdict, objective: str = "AT-02", where: str = "") -> notices.Finding:
    """One judged objective."""
    return notices.Finding(
        objective=objective,
        statement="Predictions are neither too long nor too short on average",
        metric="performance.mean_error",
        where=where,
        result=Value(2.415, 8558, Interval(2.207, 2.623, "test")),
        target="between -1.5 and 1.5",
        verdict=verdict,
        reason="the whole interval lies beyond the target and its tolerance",
    )


def test_a_new_nonconformity_says_what_it_means_and_what_to_do() -> None:
    """The whole text, word by word."""
    notice = notices.opened(
        finding(Verdict.NONCONFORMING),
        nonconformity="NC-2026-0002",
        model="air-time",
        severity="major",
        window=AUGUST,
        zone="UTC",
        owner="flight-planning@example.org",
        due=date(2026, 12, 1),
        recurrence_of="NC-2026-0001",
    )
    assert notice.occasion == "nonconformity"
    assert notice.subject == "NC-2026-0002 opened (major): air-time does not meet AT-02"
    assert notice.body == (
        "What happened: AT-02 was nonconforming in Aug 2015: Mean error 2.415 (2.207–2.623), n = 8,558; "
        "target from −1.5 to 1.5. Nonconformity NC-2026-0002 (major) was opened for model air-time.\n"
        "What it means: The whole interval lies beyond the target and its tolerance. The objective is: Predictions are "
        "neither too long nor too short on average. It happened before: NC-2026-0001 was closed on the same "
        "objective.\n"
        "What to do next: flight-planning@example.org looks at the record, contains the effect and names the cause by "
        "2026-12-01. Show it with: aimsight nc show NC-2026-0002"
    )


def test_the_verdicts_of_a_run_are_one_notice_a_kind_most_urgent_first() -> None:
    """Two nonconforming objectives share a notice; conforming ones have their own, for who wants it."""
    found = notices.judged(
        [
            finding(Verdict.CONFORMING, "AT-01"),
            finding(Verdict.NONCONFORMING, "AT-02"),
            finding(Verdict.NONCONFORMING, "AT-03", "airline"),
        ],
        model="air-time",
        window=AUGUST,
        zone="UTC",
    )
    assert [notice.occasion for notice in found] == ["nonconforming", "conforming"]
    assert found[0].subject == "air-time, Aug 2015: 2 objectives nonconforming (AT-02, AT-03/airline)"
    assert "AT-03 was nonconforming for airline in Aug 2015" in found[0].body
    assert [line.partition(":")[0] for line in found[0].body.splitlines() if not line.startswith("-")] == [
        "What happened",
        "What it means",
        "What to do next",
    ]


def test_every_verdict_can_be_told() -> None:
    """Each of the six has its own occasion, meaning and next step."""
    for verdict in Verdict:
        (notice,) = notices.judged([finding(verdict)], model="air-time", window=AUGUST, zone="UTC")
        assert notice.occasion == verdict.value
        assert "What it means: " in notice.body


def test_a_run_without_result_never_sounds_like_good_news() -> None:
    """A failed run says why, and that nothing counts as conforming."""
    notice = notices.not_run("error", "no such file: log.parquet", model="air-time", window=AUGUST, zone="UTC")
    assert notice.subject == "air-time: run of Aug 2015 ended in an error"
    assert "No such file: log.parquet." in notice.body
    assert "never counts as conforming" in notice.body


def test_the_key_tells_notices_apart_and_the_same_notice_is_the_same() -> None:
    """Another verdict, window or set of objectives is another notice; the same facts are the same one."""
    (first,) = notices.judged([finding(Verdict.AT_RISK)], model="m", window=AUGUST, zone="UTC")
    (again,) = notices.judged([finding(Verdict.AT_RISK)], model="m", window=AUGUST, zone="UTC")
    (other,) = notices.judged([finding(Verdict.AT_RISK, "AT-01")], model="m", window=AUGUST, zone="UTC")
    assert first.key == again.key
    assert first.key != other.key


def test_routes_get_what_they_asked_for() -> None:
    """A route receives the occasions in its ``on`` list and no others."""
    both = notices.judged(
        [finding(Verdict.CONFORMING), finding(Verdict.NONCONFORMING)], model="m", window=AUGUST, zone="UTC"
    )
    routes = [
        AlertRoute(name="ops", url="file:ops.jsonl"),
        AlertRoute(name="all", url="file:all.jsonl", on=("nonconforming", "conforming")),
    ]
    found = [(route, notice.occasion) for route, notice in notices.addressed(both, routes)]
    assert found == [("ops", "nonconforming"), ("all", "nonconforming"), ("all", "conforming")]


def test_names_from_data_cannot_forge_lines_or_heads() -> None:
    """A segment value with line breaks stays within its line, so that no mail header or notice can be forged."""
    (notice,) = notices.judged(
        [finding(Verdict.NONCONFORMING, where="g=x\r\nBcc: a@b.example")], model="m", window=AUGUST, zone="UTC"
    )
    assert len(notice.subject.splitlines()) == 1
    assert not any(line.startswith("Bcc") for line in notice.body.splitlines())


def test_one_notice_stays_as_it_is_and_many_become_one_message() -> None:
    """A list of all subjects first, then the texts, and no more than a readable number of them."""
    assert notices.grouped([("One", "Text")]) == ("[aimsight] One", "Text")
    subject, body = notices.grouped([(f"S{i}", f"B{i}") for i in range(25)])
    assert subject == "[aimsight] 25 notices: S0 ..."
    assert body.startswith("- S0\n- S1\n")
    assert "B19" in body
    assert "B20" not in body
    assert "5 more notices" in body


def test_a_measured_effect_says_who_concludes() -> None:
    """The verdict, the reason, and the command of the person who concludes; the same verdict has the same key."""
    notice = notices.effect_judged(case(), Effect("not effective", "window 1 is nonconforming"))
    assert notice.occasion == "effectiveness"
    assert notice.subject == "NC-2026-0002: the actions are measured as not effective (air-time)"
    assert "Window 1 is nonconforming." in notice.body
    assert "aimsight nc conclude NC-2026-0002 --not-effective --reason WHY" in notice.body
    assert notice.key == "nonconformity/NC-2026-0002/effect/1/not effective"


def test_an_overdue_record_is_escalated_the_second_time() -> None:
    """First to whom it belongs, then to top management too; each level has its own key."""
    due = datetime(2026, 12, 1, tzinfo=UTC)
    first, second = (
        notices.overdue(Overdue("NC-1", "action A1", "dev@example.org", due, level), model="m", state="implementing")
        for level in (1, 2)
    )
    assert first.subject == "NC-1: action A1 is overdue since 2026-12-01"
    assert second.subject == "NC-1: action A1 is overdue since 2026-12-01 (escalated)"
    assert "top management and dev@example.org" in second.body
    assert first.key != second.key


def test_a_reopened_deviation_says_why() -> None:
    """Why it is open again, and what its owner does."""
    notice = notices.reopened("NC-1", "the value 0.4 is worse than the accepted 0.5", "air-time")
    assert notice.occasion == "nonconformity"
    assert notice.subject == "NC-1 is open again (air-time)"
    assert "The value 0.4 is worse than the accepted 0.5." in notice.body


def case() -> Case:
    """A nonconformity of a model, with nothing recorded yet."""
    at = datetime(2026, 11, 24, tzinfo=UTC)
    record = Nonconformity(
        nonconformity="NC-2026-0002",
        dedupe_key="k",
        kind="performance",
        source="monitoring",
        objective="AT-02",
        objective_version=1,
        model="air-time",
        model_version="3",
        segment="",
        requirement="r",
        statement="s",
        severity="major",
        state="effectiveness_window",
        opened_at=at,
        occurred_from=at,
        occurred_to=at,
        detected_by="aimsight",
        due_at=None,
        owner="flight-planning@example.org",
        recurrence_of=None,
        closed_at=None,
        evidence_hash="0" * 64,
    )
    return Case.of(record, DossierRow("NC-2026-0002", 1, at, at, 1, "{}"))
