"""Whether actions worked: what the windows say together, and how one window is judged."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimsight.aims.lifecycle.dossier import Check, Criterion
from aimsight.aims.lifecycle.effect import EFFECTIVE, NOT_EFFECTIVE, effect_of
from aimsight.aims.lifecycle.watching import Seen, Watched, judge_window
from aimsight.aims.verdicts import Verdict
from aimsight.metrics.values import Interval, Measurement, Undefined, Value
from aimsight.store.records import EffectivenessWindow
from aimsight.tests.aims.lifecycle.desks import JUDGE, SAID, a_plan

C, R, N, E, L, M = (
    "conforming",
    "at risk",
    "nonconforming",
    "insufficient evidence",
    "awaiting labels",
    "not measured",
)
NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)


def windows(*verdicts: str) -> list[EffectivenessWindow]:
    """Windows with these verdicts, one a day."""
    return [
        EffectivenessWindow(
            "NC-1", 1, NOW + timedelta(days=day), NOW + timedelta(days=day + 1), f"r{day}", "m", "t", None, None, None,
            9, verdict, "because", None, NOW,
        )
        for day, verdict in enumerate(verdicts)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("verdicts", "said", "why"),
    [
        ((), "", "0 of 3 measured windows in a row conform so far"),
        ((C, C), "", "2 of 3"),
        ((C, C, C), EFFECTIVE, "3 measured windows in a row conform"),
        ((C, C, C, N), EFFECTIVE, "3 measured windows"),
        ((C, N, C, C, C), NOT_EFFECTIVE, "window 2 after the actions is nonconforming: because"),
        ((C, C, R, C, C), "", "2 of 3"),
        ((C, C, R, C, C, C), EFFECTIVE, "3 measured windows"),
        ((R,) * 9, NOT_EFFECTIVE, "9 windows were measured and never 3 in a row conformed"),
        ((C, M, E, L, C), "", "2 of 3 measured windows in a row conform so far; 3 windows without a measured value"),
        ((C, M, C, L, C), EFFECTIVE, "2 windows without a measured value extended the watch"),
        ((M,) * 50, "", "0 of 3"),
    ],
)
def test_what_windows_say_together(verdicts: tuple[str, ...], said: str, why: str) -> None:
    """Three in a row conform; one nonconforming ends it; what was not measured only extends it."""
    found = effect_of(Criterion(kind="runs", windows=3), windows(*verdicts), ())
    assert found.verdict == said
    assert why in found.reason


@given(st.lists(st.sampled_from([E, L, M]), max_size=60))
def test_missing_data_never_decide(verdicts: list[str]) -> None:
    """However many windows without a measured value there are, they are neither effective nor the opposite."""
    assert effect_of(Criterion(kind="runs", windows=1), windows(*verdicts), ()).verdict == ""


@given(st.lists(st.sampled_from([C, R, N, E, L, M]), max_size=30), st.integers(1, 4))
def test_effective_rests_on_so_many_conforming_windows(verdicts: list[str], wanted: int) -> None:
    """Effective needs the wanted number of conforming windows with no nonconforming one before them."""
    found = effect_of(Criterion(kind="runs", windows=wanted), windows(*verdicts), ())
    if found.verdict == EFFECTIVE:
        before = verdicts[: verdicts.index(N)] if N in verdicts else verdicts
        assert before.count(C) >= wanted


def test_a_check_by_a_person_follows_the_last_one() -> None:
    """Not met, then met: what was seen last counts; without a check there is no verdict."""
    criterion = Criterion(kind="check", check="Sample ten records.")
    seen = [Check(met=False, finding="Two lack it.", by="judge"), Check(met=True, finding="All have it.", by="judge")]
    assert effect_of(criterion, (), ()).verdict == ""
    assert effect_of(criterion, (), seen[:1]).verdict == NOT_EFFECTIVE
    assert effect_of(criterion, (), seen).verdict == EFFECTIVE


def measurement(value: float | None, **changes: Any) -> Measurement:
    """Accuracy of 100 rows, with an interval of 0.02 to each side."""
    result = (
        Undefined("no labels") if value is None else Value(value, 100, Interval(value - 0.02, value + 0.02, "by hand"))
    )
    return replace(Measurement("performance.accuracy", 1, result), **changes)


@pytest.mark.parametrize(
    ("measurements", "problem", "verdict", "reason"),
    [
        ([measurement(0.8)], "", C, "the value meets the target"),
        ([measurement(0.69)], "", R, "beyond the target"),
        ([measurement(0.6)], "", N, "the whole interval"),
        ([measurement(None)], "", M, "no labels"),
        ([measurement(0.8, estimated=True)], "", M, "only an estimate is there"),
        ([measurement(0.8, estimated=True), measurement(0.6)], "", N, "the whole interval"),
        ([measurement(0.8, column="x")], "", M, "was not measured"),
        ([measurement(0.8)], "the file is gone", M, "the file is gone"),
        ([], "", M, "was not measured"),
    ],
)
def test_how_a_window_is_judged(
    desk: Any, measurements: list[Measurement], problem: str, verdict: str, reason: str
) -> None:
    """By the criterion of the plan alone; an estimate, an error or another column is no value."""
    one = watched(desk)
    seen = Seen("r", NOW, NOW + timedelta(days=1), 100, measurements, problem)
    row = judge_window(one, seen, {"performance.accuracy": (0.0, 1.0)}, NOW)
    assert row.verdict == verdict
    assert reason in row.reason
    assert (row.value is None) == (verdict == M)


def watched(desk: Any, **criterion: Any) -> Watched:
    """A case whose criterion is accuracy of at least 0.7, on 30 rows."""
    desk.walk("effectiveness_window")
    one = Watched.of(desk.case())
    assert one is not None
    return replace(one, criterion=Criterion.model_validate(criterion)) if criterion else one


@pytest.mark.parametrize(
    ("rows", "problem", "verdict"), [(5, "", Verdict.CONFORMING), (0, "", N), (0, "the disk is full", N)]
)
def test_runs_as_a_criterion(desk: Any, rows: int, problem: str, verdict: str) -> None:
    """Where monitoring was not done, a window with rows conforms and one without fails."""
    one = watched(desk, kind="runs", windows=2)
    assert judge_window(one, Seen("r", NOW, NOW, rows, [], problem), {}, NOW).verdict == verdict


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"kind": "metric"}, "needs metric and threshold"),
        ({"kind": "objective"}, "needs objective"),
        ({"kind": "check"}, "needs check"),
        ({"kind": "runs", "windows": 5, "at_most": 3}, "5 windows cannot conform within 3"),
    ],
)
def test_criteria_that_say_nothing_are_refused(content: dict[str, Any], said: str) -> None:
    """A criterion has to say what is looked at, and to be possible."""
    with pytest.raises(ValueError, match=said):
        Criterion.model_validate(content)


def test_a_criterion_may_begin_later_than_the_actions(desk: Any) -> None:
    """The watch begins on the criterion's day when that is after the last action."""
    desk.walk("analysed")
    made = a_plan(criterion={"kind": "objective", "objective": "OBJ-1", "start": date(2026, 6, 1)})
    desk.plan(given=made)
    from aimsight.aims.lifecycle import transitions

    desk.act(JUDGE, transitions.approve, SAID)
    desk.implement()
    desk.start()
    assert desk.case().dossier.watch.start == datetime(2026, 6, 1, tzinfo=UTC)
