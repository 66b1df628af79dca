"""Questions to the store, asked of the sample project through the real store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from aimsight.aims import words
from aimsight.aims.verdicts import Verdict
from aimsight.dashboard import data, summary
from aimsight.store import ledger, records
from aimsight.store.database import Store
from aimsight.store.verify import VERIFIED
from aimsight.tests.dashboard import sample_project as sample

ZONE = ZoneInfo("UTC")


@pytest.fixture
def store(full: Path) -> Store:
    """Give the store of the sample project."""
    return Store(full / "store" / "aimsight.duckdb")


def test_objectives_carry_their_latest_verdict_and_its_beginning(store: Store) -> None:
    """The newest window decides, the unbroken series before it says since when, and the last windows are listed."""
    with store.read() as reader:
        states = {state.objective: state for state in data.objectives(reader)}
    first = states["OBJ-01"]
    assert first.verdict is Verdict.NONCONFORMING
    assert first.since == sample.WINDOWS[10]
    assert first.window == sample.WINDOWS[13]
    assert first.version == 2
    assert len(first.recent) == data.RECENT
    assert [verdict.value for _, _, verdict in first.recent] == sample.VERDICTS["OBJ-01"][-data.RECENT :]
    assert states["OBJ-04"].since == sample.WINDOWS[0]
    assert {state.verdict for state in states.values()} == set(Verdict) - {Verdict.NOT_MEASURED}


def test_an_objective_without_evaluation_is_not_measured(tmp_path: Path) -> None:
    """Nothing judged yet never counts as conforming."""
    store = Store(tmp_path / "store.duckdb")
    goal = sample.Goal("OBJ-9", "Later.", "performance.recall", "", ">= 0.5", 0.0, "minor")
    with store.write() as tx:
        records.save_objective_version(tx, sample._version(goal, sample.Names(), 1, sample.NOW))
    with store.read() as reader:
        (state,) = data.objectives(reader)
    assert state.verdict is Verdict.NOT_MEASURED
    assert summary.since_words(state, ZONE) == "never judged"


def test_evaluations_come_once_a_window_with_model_version(store: Store) -> None:
    """One row a window, oldest first, joined with the measurement it judged."""
    with store.read() as reader:
        rows = data.evaluations(reader, sample.MODEL, ("OBJ-02",))["OBJ-02"]
    assert [row["window_start"] for row in rows] == [start for start, _ in sample.WINDOWS]
    assert [row["model_version"] for row in rows] == ["2"] * 8 + ["3"] * 6


def test_open_records_come_first(store: Store) -> None:
    """A record in state detected is open; its windows and files are found by its id."""
    with store.read() as reader:
        (row,) = data.nonconformities(reader)
        assert data.is_open(row)
        assert len(data.occurrences(reader, row["nonconformity"])) == 4
        assert len(data.evidence_files(reader, row["nonconformity"])) == 1
    assert not data.is_open({"state": "closed"})


def test_the_store_is_verified_when_the_ledger_says_so(tmp_path: Path) -> None:
    """Before: not verified. After an event of that kind: when, and what it found."""
    project = sample.write_project(tmp_path / "project")
    store = Store(project / "store" / "aimsight.duckdb")
    with store.read() as reader:
        assert data.store_state(reader).verified_at is None
    with store.write() as tx:
        ledger.append(tx, "aimsight", VERIFIED, "store", {"intact": True, "complete": False})
    with store.read() as reader:
        state = data.store_state(reader)
    assert state.verified_at is not None
    assert (state.is_intact, state.is_complete) == (True, False)


def test_the_headline_counts_what_is_wrong(store: Store) -> None:
    """Nonconforming leads; without it at risk, then conforming, then what cannot be judged."""
    with store.read() as reader:
        states = data.objectives(reader)
    assert summary.headline(states) == (Verdict.NONCONFORMING, "1 of 6 objectives not met; 2 cannot be judged")
    rest = [state for state in states if state.verdict is not Verdict.NONCONFORMING]
    assert summary.headline(rest) == (
        Verdict.AT_RISK,
        "No objective is missed beyond doubt; 1 of 5 at risk; 2 cannot be judged",
    )
    met = [state for state in states if state.verdict is Verdict.CONFORMING]
    assert summary.headline(met) == (Verdict.CONFORMING, "Both objectives met")
    waiting = [state for state in states if state.verdict is Verdict.AWAITING_LABELS]
    assert summary.headline(met + waiting)[1] == "2 of 3 objectives met; the others cannot be judged"
    assert summary.headline(waiting)[1] == "No objective can be judged"
    assert summary.headline([])[1] == "No objective has been set yet"


def test_a_model_is_one_line(store: Store) -> None:
    """What leads and since when, what is at risk beside it, and what cannot be judged."""
    with store.read() as reader:
        states = data.objectives(reader)
    said = "1 of 6 objectives not met (OBJ-01) since Jul 2026; 1 at risk; 2 cannot be judged"
    assert summary.model_line(states, ZONE) == said
    met = [state for state in states if state.objective == "OBJ-04"]
    assert summary.model_line(met, ZONE) == "The one objective is met since Sep 2025"
    assert summary.model_line([], ZONE) == "No objective is set, so nothing is judged"


def test_a_window_without_rows_does_not_hide_what_was_found_before(store: Store) -> None:
    """An objective that is not measured now says how it was judged last."""
    with store.read() as reader:
        states = data.objectives(reader)
    waiting = next(state for state in states if state.verdict is Verdict.AWAITING_LABELS)
    assert waiting.before is Verdict.CONFORMING
    assert summary.since_words(waiting, ZONE).endswith("(before: conforming)")
    assert all(state.before is None for state in states if state.verdict in data.JUDGED)


@pytest.mark.parametrize(
    ("first", "after", "said"),
    [
        (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC), "on 1 Nov 2026"),
        (datetime(2026, 11, 2, tzinfo=UTC), datetime(2026, 11, 9, tzinfo=UTC), "on 2–8 Nov 2026"),
        (datetime(2026, 11, 1, 9, tzinfo=UTC), datetime(2026, 11, 1, 10, tzinfo=UTC), "on 1 Nov 2026, 09:00–10:00"),
        (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC), "in Nov 2026"),
        (datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC), "in 2026"),
    ],
)
def test_a_new_verdict_is_said_with_its_window(store: Store, first: datetime, after: datetime, said: str) -> None:
    """On a day, in a month."""
    with store.read() as reader:
        state = data.objectives(reader)[0]
    assert summary.since_words(replace(state, since=(first, after), window=(first, after)), ZONE) == said


def test_the_record_due_first_says_who_acts() -> None:
    """The earliest date leads, the others are counted; a record without a date comes last."""
    first, second = (
        {"owner": f"{name}@example.org", "nonconformity": name, "due_at": due}
        for name, due in (("NC-1", None), ("NC-2", sample.NOW))
    )
    owner, what = summary.who_and_when([first, second], sample.NOW, ZONE)
    assert (owner, what) == ("NC-2@example.org", "due 20 Nov 2026 (today); 2 open")
    assert summary.who_and_when([first], sample.NOW, ZONE) == ("NC-1@example.org", "no due date; 1 open")


def test_who_acts_and_until_when(store: Store) -> None:
    """The next due day, or what is overdue, or that nothing is open."""
    with store.read() as reader:
        rows = data.nonconformities(reader)
    said = summary.who_acts(rows, sample.NOW, ZONE)
    assert said == "1 nonconformity is open, owned by risk@example.org. The next is due 4 Dec 2026 (in 14 days)."
    later = sample.NOW.replace(year=2027)
    assert summary.who_acts(rows, later, ZONE).endswith("1 is overdue, the oldest since 4 Dec 2026.")
    assert summary.who_acts([], sample.NOW, ZONE) == "No nonconformity is open."


def test_drift_has_an_answer_and_names_the_columns() -> None:
    """The columns that moved beyond chance, farthest first; none is an answer too."""
    start, end = sample.WINDOWS[13]
    rows = [
        {"column_name": name, "value": value, "q_value": q, "p_value": q, "window_start": start, "window_end": end}
        for name, value, q in (("a", 0.1, 0.01), ("b", 0.3, 0.001), ("c", 0.2, 0.4), ("d", None, None))
    ]
    assert summary.drift_answer(rows, ZONE) == (
        "2 of 4 columns differ from the reference",
        "Oct 2026, beyond chance: b and a, the farthest first.",
    )
    assert summary.drift_answer(rows[2:], ZONE) == (
        "none of 2 columns differs from the reference",
        "Oct 2026: what differs may be chance.",
    )


@pytest.mark.parametrize(
    ("metric", "value", "said"),
    [
        ("quality.missing_share", 0.012, "1.2 %"),
        ("quality.label_coverage", 1.0, "100 %"),
        ("quality.freshness_hours", 5.25, "5.2 h"),
        ("quality.rows", 12345.0, "12,345"),
        ("quality.missing_share", None, "– (no rows)"),
    ],
)
def test_data_quality_in_words(metric: str, value: float | None, said: str) -> None:
    """Shares as percent, hours as hours, counts as counts, and why there is none."""
    assert summary.quality_text({"metric": metric, "value": value, "undefined_reason": "no rows"}) == said


def test_words_of_an_empty_strip() -> None:
    """A number that is none is a dash."""
    assert words.instant(None, ZONE) == "–"


def test_an_estimate_says_what_it_is_worth(store: Store) -> None:
    """What it cannot see always, how far it was off where labels have come; nothing is known of one never scored."""
    with store.read() as reader:
        assert data.back_test(reader, "wage-band", "estimated.accuracy", "") == data.BackTest(0, None, 0)
    assert summary.estimate_words(data.BackTest(0, None, 0)).endswith("No label has tested it yet.")
    said = summary.estimate_words(data.BackTest(3, -0.0123, 2))
    assert "a change of what they mean cannot be seen" in said
    assert said.endswith(
        "Where labels came (3 windows) it was off by −0.012 on average, and 2 of 3 intervals held the value."
    )
