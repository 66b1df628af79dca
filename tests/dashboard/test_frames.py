"""Frames: counts merged to bars, groups ordered by gap, evidence in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimsight.dashboard import frames
from aimsight.metrics.cells import CategoryCells, NumericCells

WORLD = ZoneInfo("UTC")


def counted(cells: NumericCells, values: list[float]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Count values in cells, as an engine does."""
    return np.bincount(cells.index(np.array(values, dtype=float)), minlength=cells.size + 2)


def test_a_series_in_words() -> None:
    """Range of the values, then the last stretches of one verdict; without a value it says so."""
    frame = pd.DataFrame(
        {
            "value": [0.871, 0.85, float("nan"), 0.805],
            "verdict": ["conforming", "at risk", "at risk", "nonconforming"],
            "when": ["1986–1987", "1988–1989", "1990–1991", "1992–1993"],
        }
    )
    assert frames.history_words(frame) == (
        "Values from 0.805 to 0.871. Verdicts: conforming 1986–1987; at risk, 2 windows from 1988–1989; "
        "nonconforming 1992–1993."
    )
    assert frames.history_words(frame.assign(verdict="")) == "Values from 0.805 to 0.871."
    assert frames.history_words(frame.iloc[2:3]) == "No window has a value."
    many = pd.concat([frame] * 4, ignore_index=True)
    assert "Last verdicts: conforming 1986–1987; at risk, 2" in frames.history_words(many)


def test_integers_fall_into_the_bar_that_bears_their_name() -> None:
    """Ages 20 to 49 in bars of one year: each bar holds exactly the rows of its age, although cells are finer."""
    cells = NumericCells.spanning(20.0, 49.0)
    ages = [float(age) for age in range(20, 50) for _ in range(age)]
    frame = frames.distribution_frame(cells, counted(cells, ages), counted(cells, [20.0, 49.0, float("nan")]))
    bars = frame[~frame["extra"]].set_index("label")
    for age in range(20, 49):
        assert bars.loc[str(age), "reference_count"] == age
    assert frame["window_count"].sum() == 3


def test_what_lies_outside_and_what_is_missing_are_bars_of_their_own() -> None:
    """Open ends, missing and non-finite values stand apart from the core, below at the left, the others at the end."""
    cells = NumericCells.spanning(0.0, 100.0)
    window = [-5000.0, 50.0, 7000.0, 8000.0, float("nan"), float("nan"), float("nan"), float("inf")]
    frame = frames.distribution_frame(cells, counted(cells, [10.0, 60.0]), counted(cells, window))
    extra = frame[frame["extra"]]
    assert dict(zip(extra["label"], extra["window_count"], strict=True)) == {
        "below 0": 1,
        "above 100": 2,
        "missing": 3,
        "non-finite": 1,
    }
    core = frame[~frame["extra"]]
    assert extra["left"].iloc[0] < core["left"].min()
    assert (extra["left"].iloc[1:] > core["right"].max()).all()
    assert frame["window_share"].sum() == pytest.approx(100)


@given(
    values=st.lists(st.floats(-1e9, 1e9) | st.just(float("nan")) | st.just(float("inf")), max_size=60),
    ends=st.tuples(st.floats(-1e6, 1e6), st.floats(0, 1e6)),
)
def test_no_row_is_lost_in_the_bars(values: list[float], ends: tuple[float, float]) -> None:
    """However the cells lie, the bars hold every row of both sides, and there are about thirty at most."""
    cells = NumericCells.spanning(ends[0], ends[0] + ends[1])
    counts = counted(cells, values)
    frame = frames.distribution_frame(cells, counts, counts[::-1].copy())
    assert frame["reference_count"].sum() == len(values)
    assert frame["window_count"].sum() == len(values)
    assert len(frame) <= frames.MOST_BARS + 6
    assert not frame.drop(columns=["label"]).isna().any().any()


def test_categories_beyond_the_largest_become_one_bar() -> None:
    """Twenty bars at most for known categories; missing and unseen follow, even when empty."""
    cells = CategoryCells(tuple(f"c{place:02d}" for place in range(25)))
    counts = np.arange(27, dtype=np.int64)[::-1].copy()
    frame = frames.distribution_frame(cells, counts, counts)
    assert len(frame) == 22
    assert frame["label"].iloc[19] == "6 smaller categories"
    assert frame["reference_count"].iloc[19] == counts[19:25].sum()
    assert list(frame["label"].iloc[20:]) == ["(missing)", "(not in the reference)"]
    assert frame["reference_count"].sum() == counts.sum()


def test_an_empty_window_has_shares_of_nothing() -> None:
    """No rows is no division by zero."""
    cells = CategoryCells(("a",))
    frame = frames.distribution_frame(cells, np.array([3, 1, 0]), np.zeros(3, dtype=np.int64))
    assert frame["window_share"].tolist() == [0.0, 0.0, 0.0]
    assert frame["reference_share"].tolist() == [75.0, 25.0, 0.0]
    assert frame["window_text"].iloc[0] == "– (0 rows)"


def group(value: str, number: float | None, n: int = 100) -> dict[str, Any]:
    """Give a measurement of one group."""
    return {
        "segment_columns": ["gender", "age"],
        "segment_values": ["F", value],
        "value": number,
        "undefined_reason": None if number is not None else "12 of the 30 rows that a group needs (min_group)",
        "n": n,
        "ci_low": None if number is None else number - 0.1,
        "ci_high": None if number is None else number + 0.1,
    }


def test_groups_are_ordered_by_their_gap_and_the_others_named() -> None:
    """The largest distance from all rows comes first, whatever its sign; groups without a value are given in words."""
    frame, excluded = frames.group_frame([group("a", 0.52), group("b", 0.2), group("c", 0.7), group("d", None)], 0.5)
    assert frame["name"].tolist() == ["F, b", "F, c", "F, a"]
    assert frame["gap_text"].tolist() == ["−0.300", "+0.200", "+0.020"]
    assert excluded == ["F, d (12 of the 30 rows that a group needs (min_group))"]
    assert frames.group_by(group("a", 1.0)) == "gender & age"


def test_groups_without_an_overall_value_have_no_gap() -> None:
    """When all rows together have no value the groups still show."""
    frame, _ = frames.group_frame([group("a", 0.5)], None)
    assert frame["gap_text"].tolist() == ["–"]


@pytest.mark.parametrize(
    ("value", "p", "q", "said", "evident"),
    [
        (0.1, 0.01, 0.2, "q = 0.200: within chance", False),
        (0.1, 0.01, 0.0002, "q < 0.001: a change", True),
        (0.1, 0.01, None, "p = 0.010: a change", True),
        (0.1, None, None, "not tested", True),
        (None, None, None, "none: no value", False),
    ],
)
def test_evidence_in_words(value: float | None, p: float | None, q: float | None, said: str, evident: bool) -> None:
    """The q-value speaks where there is one, else the p-value."""
    row = {"value": value, "p_value": p, "q_value": q}
    assert frames.evidence_words(row) == said
    assert frames.is_evident(row) is evident


def test_a_series_keeps_gaps_and_says_why() -> None:
    """A window without a value stays in the frame with its reason; awaiting labels is provisional."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [
        {
            "window_start": start + timedelta(days=place),
            "window_end": start + timedelta(days=place + 1),
            "value": value,
            "ci_low": value,
            "ci_high": value,
            "n": 10,
            "verdict": verdict,
            "reason": "because",
            "revision": 2,
            "run_id": "abcdef0123456789",
            "estimated": False,
        }
        for place, (value, verdict) in enumerate([(0.5, "conforming"), (None, "awaiting labels")])
    ]
    frame = frames.series_frame(rows, WORLD)
    assert frame["value"].isna().tolist() == [False, True]
    assert frame["provisional"].tolist() == [False, True]
    assert frame["value_text"].tolist() == ["0.500 (0.500–0.500)", "no value"]
    assert frame["run"].tolist() == ["abcdef012345"] * 2


def test_times_are_those_of_the_models_zone() -> None:
    """Midnight in Vienna is drawn as midnight, in winter and in summer."""
    vienna = ZoneInfo("Europe/Vienna")
    for month in (1, 7):
        moment = datetime(2026, month, 1, tzinfo=vienna).astimezone(UTC)
        assert frames.wall(moment, vienna) == pd.Timestamp(2026, month, 1, tz="UTC")


def test_events_at_one_moment_share_a_label() -> None:
    """Two events of one window would be drawn over each other."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    frame = frames.event_frame([(moment, "model 2", "First window"), (moment, "NC-1", "Opened")], WORLD)
    assert frame["label"].tolist() == ["model 2, NC-1"]
    assert frame["note"].tolist() == ["First window; Opened"]


def test_columns_that_differ_beyond_chance_come_first() -> None:
    """A small change that is shown stands above a larger one that may be chance; what was not measured stands last."""
    latest = {
        name: {"column_name": name, "value": value, "q_value": q, "p_value": q}
        for name, value, q in (("a", 0.1, 0.01), ("b", 0.3, 0.4), ("c", 0.2, 0.001), ("d", None, None))
    }
    assert frames.drift_order({"a", "b", "c", "d", "gone"}, latest) == ["c", "a", "b", "d", "gone"]
