"""Quality against what was expected: schema, volume, intended use, constants and delays, by hand and by simulation."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from scipy import stats

from aimsight.metrics.inputs import ColumnCounts, RowFacts
from aimsight.metrics.measure import measure
from aimsight.metrics.plan import Window
from aimsight.metrics.registry import METRICS, find
from aimsight.metrics.schema import Schema, kind_of
from aimsight.metrics.statistics import DELAY_CELLS, LabelDelays, Latest, QualityCounts, SegmentStatistics, Statistics
from aimsight.metrics.values import Result, Undefined, Value
from aimsight.metrics.volume import Expected, expected_rows

if TYPE_CHECKING:
    from aimsight.tests.metrics.conftest import Counting

UTC_ZONE = ZoneInfo("UTC")
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
DAY = timedelta(days=1)
FACTS = RowFacts(QualityCounts(80, outside_envelope=4), SegmentStatistics(80, 60), MONDAY, MONDAY)


def value_of(result: Result) -> Value:
    """A result that must be a value."""
    assert isinstance(result, Value), result
    return result


def days(rows: list[int], start: datetime = MONDAY) -> list[Statistics]:
    """Daily windows with so many rows each; the last event of each is an hour before its end."""
    return [
        Statistics(QualityCounts(n), latest=Latest(start + (at + 1) * DAY - DAY / 24) if n else None)
        for at, n in enumerate(rows)
    ]


@pytest.mark.parametrize(
    ("sql_type", "kind"),
    [
        ("BIGINT", "number"),
        ("DOUBLE", "number"),
        ("DECIMAL(18,3)", "number"),
        ("VARCHAR", "text"),
        ("BOOLEAN", "boolean"),
        ("TIMESTAMP WITH TIME ZONE", "time"),
        ("DATE", "time"),
        ("VARCHAR[]", "nested"),
        ("STRUCT(a BIGINT)", "nested"),
        ("BLOB", "bytes"),
    ],
)
def test_kinds_of_types(sql_type: str, kind: str) -> None:
    """What counts as a change of type is a change of kind."""
    assert kind_of(sql_type) == kind


def test_schema_changes_by_hand() -> None:
    """Column a vanished, b became text, d appeared; c went from whole numbers to floats, which is no change."""
    before = Schema.of([("a", "BIGINT"), ("b", "DOUBLE"), ("c", "INTEGER")])
    now = Schema.of([("b", "VARCHAR"), ("c", "DOUBLE"), ("d", "DATE")])
    found = value_of(METRICS["quality.schema_changes"].compute(replace(FACTS, schema=now, reference_schema=before)))
    assert found.value == 3
    assert found.detail == "a vanished; b changed from number to text; d appeared"
    same = METRICS["quality.schema_changes"].compute(replace(FACTS, schema=now, reference_schema=now))
    assert value_of(same).value == 0


def test_types_of_text_files_are_no_evidence() -> None:
    """A CSV column whose values happen to be whole numbers, empty or dates has not changed."""
    before, now = Schema.of([("a", "BIGINT")], guessed=True), Schema.of([("a", "VARCHAR")])
    assert now.changes(before) == []
    assert Schema.of([("b", "BIGINT")], guessed=True).changes(before) == ["a vanished", "b appeared"]


def test_merged_schemas_keep_every_column_and_kind() -> None:
    """Two days, one with a number and one with text in a: both are said, whatever the order."""
    first, second = Schema.of([("a", "BIGINT")]), Schema.of([("a", "VARCHAR"), ("b", "DATE")])
    assert first + second == second + first == Schema({"a": "number or text", "b": "time"})
    assert (first + second) + first == first + (second + first)


def test_an_unknown_schema_is_undefined() -> None:
    """Nobody looked at the columns: no change is not 0 changes."""
    result = METRICS["quality.schema_changes"].compute(replace(FACTS, schema=Schema({"a": "number"})))
    assert result == Undefined("the columns of the reference's source are not known", 80)


def test_expected_rows_by_hand() -> None:
    """Ten days of 90 or 110 rows: 100 expected; variance 111.1, so the error is sqrt(1.111 / 100 (1 + 1/10))."""
    parts = days([90, 110] * 5)
    found = expected_rows(parts, Window(MONDAY + 20 * DAY, MONDAY + 21 * DAY), UTC_ZONE)
    assert found is not None
    assert found.rows == pytest.approx(100)
    error = (np.var([90, 110] * 5, ddof=1) / 100 / 100 * 1.1) ** 0.5
    assert found.spread == pytest.approx(stats.t.ppf(0.975, 9) * error)
    assert found.basis == "10 windows of the reference"


def test_a_longer_window_has_more_rows() -> None:
    """A week against days of the reference: seven times as many, and relatively less variation."""
    parts = days([90, 110] * 5)
    day = expected_rows(parts, Window(MONDAY, MONDAY + DAY), UTC_ZONE)
    week = expected_rows(parts, Window(MONDAY, MONDAY + 7 * DAY), UTC_ZONE)
    assert day is not None
    assert week is not None
    assert week.rows == pytest.approx(700)
    assert week.spread < day.spread


def test_sundays_are_compared_with_sundays() -> None:
    """Four weeks with 100 rows on weekdays and 10 on Sundays: a Sunday is expected to have 10."""
    parts = days(([100] * 6 + [10]) * 4)
    sunday = expected_rows(parts, Window(MONDAY + 34 * DAY, MONDAY + 35 * DAY), UTC_ZONE)
    assert sunday is not None
    assert sunday.rows == pytest.approx(10)
    assert sunday.basis == "4 Sundays of the reference"
    tuesday = expected_rows(parts, Window(MONDAY + 29 * DAY, MONDAY + 30 * DAY), UTC_ZONE)
    assert tuesday is not None
    assert tuesday.rows == pytest.approx(100)


@pytest.mark.parametrize("rows", [[100, 100, 100], [0, 0, 0, 0, 0], []])
def test_too_small_a_reference_expects_nothing(rows: list[int]) -> None:
    """Fewer than four windows, or no rows at all."""
    assert expected_rows(days(rows), Window(MONDAY, MONDAY + DAY), UTC_ZONE) is None


def test_volume_ratio_by_hand() -> None:
    """80 rows where 100 are expected: 0.8; the prediction interval includes 1, the window is an ordinary one."""
    found = value_of(METRICS["quality.volume_ratio"].compute(replace(FACTS, expected=Expected(100.0, 0.3, "a test"))))
    assert found.value == pytest.approx(0.8)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((0.8 * np.exp(-0.3), 0.8 * np.exp(0.3)))
    assert found.detail == "80 rows, 100 expected (74 to 135) by a test"
    assert isinstance(METRICS["quality.volume_ratio"].compute(FACTS), Undefined)


@pytest.mark.parametrize("windows", [4, 8, 30])
@pytest.mark.parametrize("dispersion", [1, 20])
def test_ordinary_windows_are_within_their_prediction(windows: int, dispersion: int) -> None:
    """Overdispersed counts (negative binomial) around 400 rows: 95 % of new windows include a ratio of 1."""
    rng = np.random.default_rng(windows * dispersion)
    inside, repetitions = 0, 800
    for _ in range(repetitions):
        level = rng.gamma(400 / max(dispersion - 1, 1e-9), dispersion - 1, windows + 1) if dispersion > 1 else 400
        rows = rng.poisson(level, windows + 1)
        expected = expected_rows(days([int(n) for n in rows[1:]]), Window(MONDAY, MONDAY + DAY), UTC_ZONE)
        assert expected is not None
        inside += expected.low <= rows[0] <= expected.high
    assert inside / repetitions >= 0.93
    if windows == 30:
        assert inside / repetitions <= 0.98


def test_use_outside_the_envelope_by_hand() -> None:
    """4 of 80 decisions outside: 5 %; without a declared envelope there is nothing to be outside of."""
    assert value_of(METRICS["quality.outside_intended_use_share"].compute(FACTS)).value == 0.05
    undeclared = replace(FACTS, quality=QualityCounts(80))
    assert isinstance(METRICS["quality.outside_intended_use_share"].compute(undeclared), Undefined)


def test_constant_columns_by_hand(counting: Counting) -> None:
    """Column x froze; k was constant before; z varies; e is empty: one constant column, named."""
    data = {"x": [3.0] * 5, "k": ["a"] * 5, "z": [1.0, 2.0, 3.0, 4.0, 5.0], "e": [np.nan] * 5}
    before = {"x": [1.0, 2.0, 3.0], "k": ["a", "a", "a"], "z": [1.0, 2.0, 3.0], "e": [np.nan] * 3}
    plans = [
        counting.category(name, ("a", "b")) if name == "k" else counting.numeric(name, before[name]) for name in data
    ]
    facts = replace(
        FACTS,
        features={plan.name: plan.cells for plan in plans},
        counted={plan.name: counting.column(plan, data[plan.name]) for plan in plans},
        counted_before={plan.name: counting.column(plan, before[plan.name]) for plan in plans},
    )
    found = value_of(METRICS["quality.constant_columns"].compute(facts))
    assert (found.value, found.detail) == (1, "x is constant")
    assert value_of(METRICS["quality.constant_columns"].compute(replace(facts, counted_before={}))).value == 2


def test_the_most_frequent_share_by_hand(counting: Counting) -> None:
    """Values a a a b and one missing: 3 of 4; a numeric column: 2 of 3 equal numbers, infinity apart."""
    plan = counting.category("k", ("a", "b"))
    column = ColumnCounts(plan.cells, counting.column(plan, ["a", "a", "a", "b", None]))
    assert value_of(METRICS["quality.most_frequent_share"].compute(column)).value == 0.75
    plan = counting.numeric("x", [0.0, 10.0])
    column = ColumnCounts(plan.cells, counting.column(plan, [5.0, 5.0, 9.0, np.inf]))
    assert value_of(METRICS["quality.most_frequent_share"].compute(column)).value == 0.5


def delayed(seconds: Any, rows: int = 80) -> RowFacts:
    """Facts with labels that took so long."""
    cells = np.bincount(DELAY_CELLS.index(np.asarray(seconds, dtype=float)), minlength=DELAY_CELLS.size)
    return replace(FACTS, quality=QualityCounts(rows, label_delays=LabelDelays(cells)))


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9, 1.0])
def test_label_delays_agree_with_numpy(quantile: float) -> None:
    """Delays of minutes to weeks: within the error bound of NumPy's inverted distribution, at most 1/64 off."""
    seconds = np.random.default_rng(4).lognormal(11, 1, 1001)
    expected = np.quantile(seconds, quantile, method="inverted_cdf") / 3600
    argument = "" if quantile == 0.5 else f"(quantile={quantile:g})"
    found = value_of(find(f"quality.label_delay{argument}").compute(delayed(seconds, 1001)))
    assert abs(found.value - expected) <= found.error_bound + 1e-12
    assert found.error_bound <= expected / 64
    assert found.n == 1001
    assert found.interval is not None
    assert found.interval.low <= found.value <= found.interval.high


def test_label_delays_say_what_is_missing() -> None:
    """Three of 80 rows are labelled: the detail says so; without any the delay is unknown."""
    found = value_of(METRICS["quality.label_delay"].compute(delayed([60, 120, 180])))
    assert found.value == pytest.approx(120.5 / 3600, rel=0.01)
    assert found.detail == "labels for 3 of 80 rows"
    assert METRICS["quality.label_delay"].compute(delayed([])) == Undefined(
        "it is not known when any label arrived", 80
    )


def test_the_interval_of_a_median_delay_covers_it() -> None:
    """Exponential delays, 60 labels: the interval holds the true median in at least 93 % of draws."""
    rng, hits = np.random.default_rng(5), 0
    for _ in range(600):
        found = value_of(METRICS["quality.label_delay"].compute(delayed(rng.exponential(36000, 60)))).interval
        assert found is not None
        hits += found.low <= 10 * np.log(2) <= found.high
    assert 0.93 <= hits / 600 <= 0.99


def test_a_window_is_measured_against_its_reference(counting: Counting) -> None:
    """Through ``measure``: volume by the reference's windows, schema by both sources, the envelope where declared."""
    features = {"x": {"kind": "numeric", "range": [0, 1]}}
    plans = [counting.numeric("x", [0.0, 1.0])]
    reference = counting.reference(plans, {"x": np.linspace(0, 1, 50)})
    whole = replace(reference.statistics, schema=Schema({"x": "number", "y": "text"}))
    reference = replace(reference, statistics=whole, windows=tuple(days([50] * 8)))
    window = counting.window(plans, {"x": np.linspace(0, 2, 25)})
    window = replace(window, quality=replace(window.quality, outside_envelope=12), schema=Schema({"x": "number"}))
    span = Window(MONDAY + 70 * DAY, MONDAY + 71 * DAY)
    plan = counting.plan(counting.model(features=features), plans)
    found = {m.metric: m for m in measure(plan, window, reference, selected=["quality.*"], window=span)}
    assert value_of(found["quality.volume_ratio"].result).value == pytest.approx(0.5)
    assert found["quality.volume_ratio"].detail.startswith("25 rows, 50 expected")
    assert found["quality.volume_ratio"].reference == reference.name
    assert value_of(found["quality.schema_changes"].result).value == 1
    assert found["quality.schema_changes"].detail == "y vanished"
    assert value_of(found["quality.outside_intended_use_share"].result).value == pytest.approx(12 / 25)
    assert value_of(found["quality.constant_columns"].result).value == 0
    plain = measure(counting.plan(columns=plans), window, reference, selected=["quality.outside*"], window=span)
    assert plain == []
