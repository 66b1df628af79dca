"""Every input of the pack, from records made by hand; what is missing is said and never counted as met."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from aimsight.aims.nonconformities import Failing, of_monitoring, record_failure
from aimsight.aims.review.service import ReviewError, frozen_pack
from aimsight.metrics.plan import Window
from aimsight.store.registers import latest_versions

if TYPE_CHECKING:
    from aimsight.aims.review.pack import Section, Table
    from aimsight.tests.aims.review.conftest import Board

JUNE = Window(datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC))


def table(section: Section, name: str) -> Table:
    """A table of a section by its name."""
    return next(one for one in section.tables if one.name == name)


def line(section: Section, name: str, key: str) -> dict[str, object]:
    """The row whose first or second cell is this, by column."""
    found = table(section, name)
    row = next(row for row in found.rows if key in row[:2])
    return dict(zip(found.columns, row, strict=True))


def test_a_first_review_reports_nothing_where_nothing_is_on_record(empty: Board) -> None:
    """Every input without content has to be confirmed; monitoring never is, for it says what was not measured."""
    _, pack = empty.prepare()
    assert pack.to_confirm == ("a", "b", "c", "d1", "d3", "e")
    assert pack.cover.previous == ""


def test_a_period_without_a_run_is_not_met(empty: Board) -> None:
    """Nothing was measured: the pack says so, and both declared objectives are not measured, none is met."""
    section = empty.section("d2")
    assert section.sentences[0].startswith("No window of the period was measured")
    assert "2 objectives without any judgement" in section.sentences[1]
    for name in ("OBJ-1", "OBJ-2"):
        row = line(section, "objectives", name)
        assert (row["Latest verdict"], row["Met"], row["Latest value"]) == ("○ not measured", "–", "–")


def test_windows_without_judgement_are_told_apart_from_met_ones(board: Board) -> None:
    """One of three windows is met; the one that waits for labels is a third without judgement."""
    section = board.section("d2")
    row = line(section, "objectives", "OBJ-1")
    assert (row["Met"], row["No judgement"]) == ("1 of 3", "1 (33.3 %)")
    assert (row["Latest verdict"], row["Latest value"]) == ("◔ awaiting labels", "–")
    assert line(section, "objectives", "OBJ-2")["Latest verdict"] == "○ not measured"
    assert "1 objective judged 3 times: 1 conforming, 1 nonconforming, 1 awaiting labels." in section.sentences
    assert any(text.startswith("33.3 % of these judgements say nothing") for text in section.sentences)
    (series,) = section.series
    assert [(one.value, one.low, one.n) for one in series.points] == [
        ("0.9", "0.85", 500),
        ("0.5", "0.45", 500),
        (None, None, 500),
    ]
    assert (series.low, series.high, series.rule) == ("0.7", None, ">= 0.7")


def test_another_period_has_no_judgement(board: Board) -> None:
    """Windows of April are no part of June's review."""
    section = board.section("d2", period=JUNE)
    assert section.series == ()
    assert line(section, "objectives", "OBJ-1")["No judgement"] == "no window"


def test_runs_that_failed_are_counted(board: Board) -> None:
    """The outcomes of runs are told by model."""
    section = board.section("d2")
    assert table(section, "runs").rows == (("credit", "success", 3),)


def test_decisions_and_actions_start_the_next_pack(board: Board) -> None:
    """An action that was open when two reviews were signed was carried over twice; done, it is counted no more."""
    first, _ = board.held()
    board.sign(first.record)
    board.clock.moment += timedelta(days=30)
    section = board.section("a")
    (decision,) = table(section, "previous_decisions").rows
    assert decision[:2] == ("DEC-2026-0001", first.record)
    assert decision[-1] == "0 of 1"
    action = line(section, "actions", "ACT-2026-0001")
    assert (action["State"], action["Carried over"]) == ("open", 1)
    board.clock.moment += timedelta(days=60)
    second, _ = board.held()
    board.sign(second.record)
    board.clock.moment += timedelta(days=1)
    again = board.section("a")
    action = line(again, "actions", "ACT-2026-0001")
    assert (action["State"], action["Carried over"]) == ("open (overdue)", 2)
    assert line(again, "actions", "ACT-2026-0002")["Carried over"] == 1
    assert board.prepare()[1].cover.previous == second.record


def test_an_action_that_is_done_stops_counting(board: Board) -> None:
    """Done between two reviews: carried into the first of them only, and listed with its evidence."""
    first, _ = board.held()
    board.sign(first.record)
    board.clock.moment += timedelta(days=1)
    with board.store.read() as reader:
        (open_one,) = latest_versions(reader, ["management_action"])
    board.revise(open_one, state="done", done="2026-05-05", evidence="Version 3 is in operation.")
    board.clock.moment += timedelta(days=1)
    second, _ = board.held()
    board.sign(second.record)
    period = Window(datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC))
    row = line(board.section("a", period=period), "actions", "ACT-2026-0001")
    assert (row["State"], row["Carried over"], row["Evidence"]) == ("done", 1, "Version 3 is in operation.")


def test_issues_and_laws_that_begin_to_apply(board: Board) -> None:
    """A law that begins to apply in the period is told however long it has been known; climate is asked about."""
    law = {
        "title": "Act",
        "kind": "external",
        "subject": "law",
        "description": "A law.",
        "effect": "New duties.",
        "state": "current",
    }
    board.clock.moment = datetime(2026, 3, 1, tzinfo=UTC)
    board.add("issue", applies_from="2026-04-15", **law)
    board.add("issue", applies_from="2026-08-02", **law)
    board.clock.moment = datetime(2026, 5, 4, tzinfo=UTC)
    section = board.section("b")
    (row,) = table(section, "issues").rows
    assert row[5] == "15 Apr 2026"
    assert section.sentences == ("Climate change: no issue on record says whether it is relevant.",)
    board.add("issue", **(law | {"subject": "climate"}))
    (said,) = board.section("b").sentences
    assert "on record" in said
    assert "no issue" not in said


def test_concerns_are_counted_by_theme(board: Board) -> None:
    """Concerns of the period are told by theme, state and channel, without their text."""
    concern = {
        "title": "A concern",
        "owner": "owner@example.org",
        "due": "2026-05-30",
        "channel": "user",
        "description": "secret text",
        "theme": "fairness",
        "confidentiality": "Kept apart.",
        "state": "received",
    }
    board.clock.moment = datetime(2026, 4, 20, tzinfo=UTC)
    board.add("concern", **concern)
    board.add("concern", **concern)
    section = board.section("c")
    assert table(section, "concerns").rows == (("fairness", 2),)
    assert section.bars[0].bars == (("fairness", 2),)
    assert "2 concerns received: 2 received. They came from: 2 user." in section.sentences
    assert "secret" not in str(section)


def test_improvements_and_findings(board: Board) -> None:
    """Open improvements are listed with the benefit that is to be measured."""
    board.clock.moment = datetime(2026, 4, 20, tzinfo=UTC)
    one = board.add(
        "improvement",
        title="Faster labels",
        owner="owner@example.org",
        due="2026-05-01",
        source="trend",
        description="Labels come late.",
        benefit="Label coverage.",
        state="proposed",
    )
    row = line(board.section("e"), "improvements", one.record)
    assert (row["State"], row["Benefit"], row["Due"]) == ("proposed", "Label coverage.", "1 May 2026")


def test_what_is_overdue_cannot_be_left_out(board: Board) -> None:
    """A risk's treatment, a record past its day: all are listed, also with the extras switched off."""
    board.add(
        "risk",
        title="Wrong limit",
        owner="owner@example.org",
        due="2026-04-30",
        description="Somebody gets too much.",
        method="Ours.",
        trigger="interval",
        likelihood="low",
        consequence="high",
        treatments=[{"option": "reduce", "description": "Check", "owner": "a@example.org", "due": "2026-05-01"}],
    )
    _, pack = board.prepare(extras=False)
    assert "extras" not in [one.key for one in pack.sections]
    section = pack.section("overdue")
    assert [row[:3] for row in table(section, "overdue").rows] == [
        ("Risk", "RISK-2026-0001", "Wrong limit"),
        ("Treatment of a risk", "RISK-2026-0001", "Check"),
    ]
    assert line(section, "overdue", "Treatment of a risk")["How late"] == "3 days overdue"


def missed(board: Board, opened: datetime, month: int = 4) -> None:
    """Monitoring was not done on the 18th of a month, and a record is opened for it or, where one is open, fed."""
    with board.store.write() as tx:
        window = (datetime(2026, month, 18, tzinfo=UTC), datetime(2026, month, 19, tzinfo=UTC))
        record_failure(
            tx,
            of_monitoring("credit", "1", "quality@example.org"),
            [Failing(f"r{month}", *window, None, None, None, None, None, "")],
            opens=True,
            statement="2 runs did not take place",
            now=opened,
            settings=board.project.config.nonconformities,
        )


@pytest.mark.parametrize("months", [[4], [2, 4]], ids=["opened by it", "fed by it"])
def test_what_is_found_late_is_told_in_the_period_that_it_is_about(board: Board, months: list[int]) -> None:
    """A window of April whose record was opened in May is no news of April, and no silence either; owners by name."""
    for month in months:
        missed(board, datetime(2026, 5, 2, tzinfo=UTC), month)
    section = board.section("d1")
    assert section.sentences[0].startswith("0 nonconformities opened")
    assert not section.is_empty
    assert line(section, "nonconformities_later", "NC-2026-0001")["Owner"] == "quality"


def test_nonconformities_have_figures_trend_and_majors_in_words(board: Board) -> None:
    """One opened on 20 April and open since, major, overdue by the cut-off."""
    missed(board, datetime(2026, 4, 20, tzinfo=UTC))
    section = board.section("d1")
    assert section.sentences[0] == "1 nonconformity opened, 0 ended in the period; 1 open at the cut-off."
    assert section.sentences[1].startswith("Major and open: NC-2026-0001 of credit (detected since 20 Apr 2026")
    figures = {str(name): value for name, value in table(section, "nonconformity_figures").rows}
    assert (figures["Open and major"], figures["Opened in the period"]) == (1, 1)
    assert figures["Failing windows without a nonconformity or a reasoned disposition"] == 1
    assert table(section, "nonconformity_trend").rows == (("Apr 2026", 1, 0, 1),)
    assert section.bars[0].bars[0] == ("up to 30 days", 1)


def test_what_comes_after_the_period_belongs_to_the_next(board: Board) -> None:
    """A record of May is no part of April's review, though it was there at the cut-off; one about April is."""
    given = {"title": "Party", "needs": ["Answers"], "requirement": "law", "state": "current"}
    board.add("interested_party", **given)
    assert table(board.section("c"), "parties").rows == ()
    board.add("interested_party", event_at="2026-04-10", **given)
    assert len(table(board.section("c"), "parties").rows) == 1


def test_limits_name_models_without_a_system(board: Board) -> None:
    """A model that no recorded system is made of, and unanchored entries, are told."""
    text = " ".join(board.section("limits").sentences)
    assert "Monitored models that belong to no recorded AI system: credit." in text
    assert "are covered by no checkpoint outside the database" in text


def test_a_correction_is_about_the_same_period(board: Board) -> None:
    """Version 2 needs a reason and the period of version 1; both packs stay readable, and differ."""
    made, first = board.prepare()
    with pytest.raises(ReviewError, match="Give a reason"):
        board.prepare(review=made.record)
    with pytest.raises(ReviewError, match="same period"):
        board.prepare(review=made.record, reason="wrong", period=JUNE)
    board.clock.moment += timedelta(hours=1)
    changed, second = board.prepare(review=made.record, reason="A risk was missing.")
    assert [one["version"] for one in changed.fields["packs"]] == [1, 2]
    assert frozen_pack(board.project, changed, 1).content() == first.content()
    assert frozen_pack(board.project, changed).content() == second.content()
    assert second.cover.version == 2
    with pytest.raises(ReviewError, match="packs 1 to 2, not 3"):
        frozen_pack(board.project, changed, 3)
