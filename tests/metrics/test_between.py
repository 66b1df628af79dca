"""Intervals that hold between windows: the variance between them by hand, coverage by simulation, where it applies."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import stats

from aimsight.metrics.design_effect import DesignEffect
from aimsight.metrics.intervals import Z
from aimsight.metrics.kinds.between import Between, between, widened
from aimsight.metrics.measure import measure
from aimsight.metrics.values import ALL_ROWS, Interval, Measurement, Undefined, Value

if TYPE_CHECKING:
    from aimsight.tests.metrics.conftest import Counting

SHARE = (0.0, 1.0)


def known(variance: float, windows: int, rows: float = math.inf, correlation: float = 0.0) -> Between:
    """A variance between so many windows of so many rows, which are so much like the one before."""
    return Between(variance, DesignEffect(np.zeros(1), np.array([correlation]), np.ones(1), rows, windows))


def result(value: float, error: float, n: int = 100) -> Value:
    """A value with this standard error."""
    return Value(value, n, Interval(value - Z * error, value + Z * error, "normal"))


def test_the_variance_between_windows_by_hand() -> None:
    """Values 1 2 3 4 with errors of 1/2: Q = 20, freedom 3, C = 16 - 64/16 = 12; the variance is 17 / 12."""
    found = between([result(x, 0.5) for x in (1.0, 2.0, 3.0, 4.0)])
    assert found is not None
    assert found.variance == pytest.approx(17 / 12, rel=1e-12)
    assert (found.seen.windows, found.seen.rows) == (4, 100)


def test_windows_that_differ_by_chance_alone_add_nothing() -> None:
    """Values closer together than their errors: variance 0, and the very same value."""
    found = between([result(x, 0.5) for x in (1.0, 1.1, 0.9, 1.05, 0.95)])
    assert found is not None
    assert found.variance == 0
    assert widened(result(1.0, 0.5), found, (None, None)) == result(1.0, 0.5)


def test_few_windows_say_nothing() -> None:
    """Undefined windows and values without an interval do not count; fewer than four others are not enough."""
    assert between([result(1, 0.5), result(9, 0.5), result(5, 0.5), Undefined("no labels"), Value(3.0, 10)]) is None
    assert widened(result(1, 0.5), None, (None, None)) == result(1, 0.5)


def test_widening_by_hand() -> None:
    """Half-width 3 and a variance of 4 / t^2 known from 5 windows: sqrt(9 + 4), each side on its own, within bounds."""
    t = float(stats.t.isf(0.025, 4))
    found = known(4 / t**2, 5)
    wide = widened(Value(10.0, 50, Interval(7.0, 11.0, "Wilson")), found, (0.0, 11.5)).interval
    assert wide is not None
    assert wide.low == pytest.approx(10 - math.sqrt(13), rel=1e-3)
    assert wide.high == 11.5
    assert wide.method == "Wilson; between windows"


def test_a_longer_window_averages_the_variation_of_its_parts() -> None:
    """A window with the rows of four of the reference's: half of the widening; a shorter one is widened in full."""
    found = known(4.0, 9, 100)
    t = float(stats.t.isf(0.025, 8))
    for rows, more in ((400, t), (100, 2 * t), (25, 2 * t)):
        wide = widened(result(10.0, 1.0, rows), found, (None, None)).interval
        assert wide is not None
        assert wide.high - 10.0 == pytest.approx(math.hypot(Z, more), rel=1e-3)


def test_what_is_alike_averages_out_less() -> None:
    """Two windows that are alike by a half: their mean varies (1 + 0.5) / 2 times as much as one, instead of half."""
    assert known(4.0, 9, 100).of_window(200) == pytest.approx(2)
    assert known(4.0, 9, 100, 0.5).of_window(200) == pytest.approx(3)
    assert known(4.0, 9, 100, 0.5).of_window(100) == 4


@pytest.mark.parametrize("memory", [0.0, 0.5])
@pytest.mark.parametrize("ratio", [1.0, 2.0])
def test_intervals_of_longer_windows_hold(ratio: float, memory: float) -> None:
    """Months of four weeks that vary by nature, known from thirty weeks: 88 to 98 % cover, with memory too."""
    rng = np.random.default_rng(7)
    hits, repetitions = 0, 800
    for _ in range(repetitions):
        levels = [rng.normal()]
        for _ in range(33):
            levels.append(memory * levels[-1] + math.sqrt(1 - memory**2) * rng.normal())
        weeks = ratio * np.array(levels) + rng.normal(size=34)
        found = between([result(x, 1.0, 100) for x in weeks[:30]])
        month = float(weeks[30:].mean())
        wide = widened(result(month, 0.5, 400), found, (None, None)).interval
        assert wide is not None
        hits += wide.low <= 0 <= wide.high
    assert 0.88 <= hits / repetitions <= 0.98


@pytest.mark.parametrize("ratio", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("windows", [4, 8, 30])
def test_intervals_hold_between_windows(ratio: float, windows: int) -> None:
    """The mean of all windows is covered in 91 to 98 % (95 promised), where unwidened intervals fall to 60 %."""
    rng = np.random.default_rng(windows)
    hits = plain = 0
    repetitions = 800
    for _ in range(repetitions):
        values = rng.normal(0, math.hypot(1, ratio), windows + 1)
        found = between([result(x, 1.0) for x in values[1:]])
        for width, one in enumerate((result(values[0], 1.0), widened(result(values[0], 1.0), found, (None, None)))):
            assert one.interval is not None
            covered = one.interval.low <= 0 <= one.interval.high
            hits, plain = hits + covered * width, plain + covered * (1 - width)
    assert 0.91 <= hits / repetitions <= 0.98
    assert ratio < 2 or plain / repetitions < 0.7


def case(counting: Counting, metric: str | None, *, differ: float) -> list[Measurement]:
    """A binary model, 10 reference windows whose accuracy differs, and an objective about one metric (or none)."""
    rng = np.random.default_rng(3)
    objective: dict[str, Any] = {
        "id": "O",
        "statement": "s",
        "metric": metric,
        "target": ">= 0.5",
        "rationale": "r",
        "owner": "o",
        "due": "2027-01-01",
        "severity": "minor",
    }
    if metric and metric.startswith("fairness."):
        objective["over"] = "gender"
    model = counting.model(protected=["gender"], objectives=[objective] if metric else [])

    def segments(accuracy: float) -> Any:
        y = rng.integers(0, 2, 400)
        right = rng.random(400) < accuracy
        return counting.groups(rng.choice(["F", "M"], 400), "gender", y=y, predicted=np.where(right, y, 1 - y))

    plans = [counting.numeric("x", rng.normal(size=100))]
    whole = counting.reference(plans, {"x": rng.normal(size=100)})
    levels = 0.8 + differ * np.linspace(-1, 1, 10)
    windows = [counting.window(plans, {"x": rng.normal(size=400)}, segments(level)) for level in levels]
    reference = replace(whole, windows=tuple(windows))
    now = counting.window(plans, {"x": rng.normal(size=400)}, segments(0.8))
    chosen = ["performance.accuracy", "fairness.accuracy_difference"]
    return measure(counting.plan(model, plans), now, reference, selected=chosen)


def interval(measurements: list[Measurement], metric: str) -> Interval:
    """The interval of a metric over all rows."""
    (found,) = [one.result for one in measurements if one.metric == metric and one.segment == ALL_ROWS]
    assert isinstance(found, Value)
    assert found.interval is not None
    return found.interval


def test_what_an_objective_is_about_is_widened(counting: Counting) -> None:
    """Accuracy that varies by nature, and an objective about it: a wider interval that says so, nothing else."""
    name = "performance.accuracy"
    plain, judged = (interval(case(counting, metric, differ=0.1), name) for metric in (None, name))
    assert judged.low < plain.low - 0.05
    assert judged.high > plain.high + 0.05
    assert judged.method == f"{plain.method}; between windows"
    quiet = interval(case(counting, name, differ=0.0), name)
    assert quiet.high - quiet.low < (plain.high - plain.low) * 1.25


def test_gaps_between_groups_are_widened_too(counting: Counting) -> None:
    """An objective about a gap: its variation between the reference's windows is part of the interval."""
    name = "fairness.accuracy_difference"
    found = case(counting, name, differ=0.0)
    (gap,) = [one.result for one in found if one.metric == name]
    assert isinstance(gap, Value)
    assert gap.interval is not None
    assert gap.interval.low <= gap.value <= gap.interval.high
