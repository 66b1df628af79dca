"""Plans of very different objectives come true in simulations that share no code with them.

Rows are drawn by NumPy from a law whose true value is known, values and intervals are computed by textbook formulas,
and the rule is counted here. The references of the plans are the same laws, their windows all alike, so that what
windows differ by is chance alone, unless a case says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pytest
from scipy import optimize, stats

from aimsight.aims.planning.plan import plan_objective
from aimsight.aims.planning.volume import calendar_volume
from aimsight.configs.durations import Duration
from aimsight.metrics.cells import CategoryCells
from aimsight.metrics.plan import ColumnPlan, Reference
from aimsight.metrics.statistics import BinaryCounts, CellCounts, QualityCounts, SegmentStatistics, Statistics, merge
from aimsight.metrics.values import ALL_ROWS, Segment
from aimsight.tests.configurations import a_model, an_objective
from aimsight.tests.metrics.conftest import Counting

DAY = Duration(1, "d")
DAYS = 60
PATHS = 4000
Z = stats.norm.ppf(0.975)
Fails = Callable[[float, int, np.random.Generator], Any]


@dataclass(frozen=True)
class Case:
    """An objective, the days of its reference, and windows by simulation: so many of a true value, which ones fail."""

    objective: Mapping[str, Any]
    days: Callable[[], list[Statistics]]
    rows: int
    fails: Fails
    rule: tuple[int, int] = (2, 3)
    model: Mapping[str, Any] = field(default_factory=dict)
    columns: tuple[ColumnPlan, ...] = ()
    exponent: int = 0

    def plan(self) -> Any:
        """The plan of the objective."""
        model = a_model(
            **{
                "labels": {"label": "y"},
                "reference": {"period": [date(2026, 1, 1), date(2026, 3, 2)]},
                "objectives": [an_objective(**self.objective)],
                **self.model,
            }
        )
        days = self.days()
        reference = Reference("r", "f" * 64, self.columns, (), self.exponent, 0.0, merge(days), tuple(days))
        volume = calendar_volume(self.rows, "as asked", DAY, DAY)
        return plan_objective(model, model.objectives[0], reference, volume, 30)


def wilson(right: Any, rows: Any) -> tuple[Any, Any]:
    """Wilson's 95 % interval."""
    p = right / rows
    centre, half = p + Z * Z / (2 * rows), Z * np.sqrt(p * (1 - p) / rows + Z * Z / (4 * rows * rows))
    return (centre - half) / (1 + Z * Z / rows), (centre + half) / (1 + Z * Z / rows)


def newcombe_low(a: tuple[Any, Any], b: tuple[Any, Any]) -> Any:
    """Lower end of the 95 % interval of the difference of two shares, from (right, rows) of both."""
    p, q = a[0] / a[1], b[0] / b[1]
    return p - q - np.sqrt(np.square(p - wilson(*a)[0]) + np.square(wilson(*b)[1] - q))


def decided(right: int, rows: int) -> SegmentStatistics:
    """Labelled decisions, half of them positive: so many right ones of either kind alike."""
    tp, fp = right // 2, (rows - right) // 2
    return SegmentStatistics(rows, rows, binary=BinaryCounts(rows, tp + fp, tp, fp, rows - right - fp, right - tp))


def day(segments: dict[Segment, SegmentStatistics], columns: dict[str, CellCounts] | None = None) -> Statistics:
    """The statistics of a day."""
    return Statistics(QualityCounts(segments[ALL_ROWS].rows), columns or {}, segments)


# --- the cases -------------------------------------------------------------------------------------------------------


def restless_days() -> list[Statistics]:
    """Shares of right decisions from Beta(180, 20): 0.9 on average, seven times as variable as 1,200 rows."""
    shares = np.random.default_rng(11).beta(180, 20, DAYS)
    return [day({ALL_ROWS: decided(round(1200 * share), 1200)}) for share in shares]


def restless(value: float, windows: int, random: np.random.Generator) -> Any:
    """Zero tolerance: the point alone, of days that differ."""
    return random.binomial(1200, random.beta(200 * value, 200 * (1 - value), windows)) / 1200 < 0.85


def changed(value: float, windows: int, random: np.random.Generator) -> Any:
    """Accuracy against the reference's, whose 6,000 rows are drawn, too: Newcombe."""
    now = random.binomial(800, 0.9 + value, windows)
    then = random.binomial(100 * DAYS, 0.9, windows)
    return -newcombe_low((then, 100 * DAYS), (now, 800)) < -0.05


def normal_errors() -> list[Statistics]:
    """Errors like a standard normal law's, beside labels that do not matter."""
    errors = stats.norm.ppf((np.arange(500) + 0.5) / 500)
    labels = np.random.default_rng(1).permutation(100 + 10 * errors)
    part = SegmentStatistics(500, 500, errors=Counting().errors(labels + errors, labels))
    return [day({ALL_ROWS: part})] * DAYS


def biased(value: float, windows: int, random: np.random.Generator) -> Any:
    """Mean error outside of a corridor: Student's interval."""
    errors = random.normal(value, 1.0, (windows, 500))
    half = stats.t.ppf(0.975, 499) * errors.std(axis=1, ddof=1) / np.sqrt(500)
    return np.abs(errors.mean(axis=1)) - half > 0.3


def missing(value: float, windows: int, random: np.random.Generator) -> Any:
    """Share of missing rows: Wilson."""
    return wilson(random.binomial(2000, value, windows), 2000)[0] > 0.04


COLOURS = np.array([0.4, 0.3, 0.2, 0.1])


def shifted(value: float) -> Any:
    """The shares whose PSI from ``COLOURS`` has the value, by a shift along their order."""
    score = stats.norm.ppf(np.cumsum(COLOURS) - COLOURS / 2)

    def at(strength: float) -> Any:
        q = COLOURS * np.exp(strength * score)
        return q / q.sum()

    def beyond(strength: float) -> float:
        return float((at(strength) - COLOURS) @ np.log(at(strength) / COLOURS)) - value

    return at(optimize.brentq(beyond, 0.0, 5.0))


def drifted(value: float, windows: int, random: np.random.Generator) -> Any:
    """PSI of four categories, from a reference of 100 rows a day that was itself drawn; half a row added to each."""
    p = random.multinomial(100 * DAYS, COLOURS, windows) + 0.5
    q = random.multinomial(700, shifted(value), windows) + 0.5
    p, q = (x / x.sum(axis=1, keepdims=True) for x in (p, q))
    return ((q - p) * np.log(q / p)).sum(axis=1) > 0.1


def two_groups() -> list[Statistics]:
    """Women and men, half of both selected."""
    parts = {Segment((("gender", one),)): decided(250, 500) for one in "FM"}
    return [day({ALL_ROWS: decided(500, 1000), **parts})] * DAYS


def unequal(value: float, windows: int, random: np.random.Generator) -> Any:
    """Selection rates of two groups of random sizes that differ by the value, either way round: Newcombe."""
    women = random.binomial(1000, 0.5, windows)
    one = random.binomial(women, 0.5 + value / 2), women
    other = random.binomial(1000 - women, 0.5 - value / 2), 1000 - women
    return np.maximum(newcombe_low(one, other), newcombe_low(other, one)) > 0.1


def separation(auc: float) -> float:
    """Distance of two normal laws that are told apart with this AUC."""
    return float(np.sqrt(2) * stats.norm.ppf(auc))


def normal_scores() -> list[Statistics]:
    """Scores of 200 positives and 200 negatives a day, from two normal laws: AUC 0.85."""
    z = stats.norm.ppf((np.arange(200) + 0.5) / 200)
    scores = stats.norm.cdf(np.concatenate([z + separation(0.85), z]) / 3)
    labels = np.repeat([1, 0], 200)
    part = Counting().binary(labels, scores=scores)
    return [day({ALL_ROWS: part})] * DAYS


def ranks(scores: Any) -> Any:
    """The rank of each score among those of its row, from 0 on."""
    return scores.argsort(axis=1).argsort(axis=1)


def worse_ranked(value: float, windows: int, random: np.random.Generator) -> Any:
    """AUC and its variance by placements (DeLong), the interval on the logit scale."""
    ups, downs = random.normal(separation(value), 1.0, (windows, 200)), random.normal(0.0, 1.0, (windows, 200))
    together = ranks(np.concatenate([ups, downs], axis=1))
    above = (together[:, :200] - ranks(ups)) / 200
    below = 1 - (together[:, 200:] - ranks(downs)) / 200
    auc = above.mean(axis=1)
    error = np.sqrt((above.var(axis=1, ddof=1) + below.var(axis=1, ddof=1)) / 200)
    return stats.logistic.cdf(np.log(auc / (1 - auc)) + Z * error / (auc * (1 - auc))) < 0.8


def promised_scores() -> list[Statistics]:
    """One row in four has a score of 0.7 and the others one of 0.95, which come true: 0.8875 of decisions are right."""
    scores = np.repeat([0.7005, 0.9505], [100, 300])
    labels = np.concatenate([np.arange(100) < 70, np.arange(300) < 285]).astype(int)
    return [day({ALL_ROWS: Counting().binary(labels, np.ones(400, dtype=int), scores)})] * DAYS


def promised(value: float, windows: int, random: np.random.Generator) -> Any:
    """An estimate warns as soon as it lies beyond the target: by the share of unsure rows alone."""
    unsure = random.binomial(4000, (0.95 - value) / 0.25, windows) / 4000
    return 0.95 - 0.25 * unsure < 0.87


CATEGORIES = (ColumnPlan("colour", "feature", CategoryCells(("a", "b", "c", "d"))),)
SCORED = {"log": {"source": "l.parquet", "timestamp": "at", "prediction": "p", "score": "s"}}
OF_COLOURS = {"features": {"colour": "category"}}
REGRESSION = {
    "task": "regression",
    "log": {"source": "l.parquet", "timestamp": "at", "prediction": "p"},
    "positive_label": None,
}


def plain_day(*cells: int) -> list[Statistics]:
    """Days with a column of these counts."""
    rows = sum(cells)
    counted = {"colour": CellCounts(np.array(cells, dtype=np.int64))}
    return [day({ALL_ROWS: SegmentStatistics(rows, 0)}, counted)] * DAYS


CASES = {
    "accuracy of days that differ, no tolerance": Case(
        {"metric": "performance.accuracy", "target": ">= 0.85", "zero_tolerance": True},
        restless_days,
        1200,
        restless,
        rule=(1, 1),
    ),
    "change of accuracy": Case(
        {"metric": "performance.change(of=accuracy)", "target": ">= -0.03", "tolerance": 0.02},
        lambda: [day({ALL_ROWS: decided(90, 100)})] * DAYS,
        800,
        changed,
    ),
    "mean error": Case(
        {"metric": "performance.mean_error", "target": "between -0.3 and 0.3"},
        normal_errors,
        500,
        biased,
        model=REGRESSION,
        exponent=-40,
    ),
    "missing values": Case(
        {"metric": "quality.missing_share", "column": "colour", "target": "<= 0.04"},
        lambda: plain_day(40, 30, 18, 10, 2, 0),
        2000,
        missing,
        model=OF_COLOURS,
        columns=CATEGORIES,
    ),
    "PSI, no tolerance": Case(
        {"metric": "drift.psi", "column": "colour", "target": "<= 0.1", "zero_tolerance": True},
        lambda: plain_day(40, 30, 20, 10, 0, 0),
        700,
        drifted,
        rule=(1, 1),
        model=OF_COLOURS,
        columns=CATEGORIES,
    ),
    "selection of two groups": Case(
        {"metric": "fairness.demographic_parity_difference", "over": "gender", "target": "<= 0.1"},
        two_groups,
        1000,
        unequal,
        model={"protected": ["gender"]},
    ),
    "AUC": Case(
        {"metric": "performance.roc_auc", "target": ">= 0.8"},
        normal_scores,
        400,
        worse_ranked,
        model=SCORED,
    ),
    "estimated accuracy": Case(
        {"metric": "estimated.accuracy", "target": ">= 0.87", "tolerance": 0.01},
        promised_scores,
        4000,
        promised,
        rule=(1, 1),
        model=SCORED,
    ),
}


@pytest.fixture(scope="module")
def plans() -> dict[str, Any]:
    """The plans made so far."""
    return {}


def planned(plans: dict[str, Any], name: str) -> Any:
    """The plan of a case, made once."""
    if name not in plans:
        plans[name] = CASES[name].plan()
    return plans[name]


def opened(failed: Any, rule: tuple[int, int]) -> float:
    """Share of paths, windows along the last axis, in which so many of so many windows in a row failed."""
    failures, of = rule
    length = failed.shape[-1]
    hits = [failed[..., max(last - of + 1, 0) : last + 1].sum(axis=-1) >= failures for last in range(length)]
    return float(np.any(hits, axis=0).mean())


def yearly(failed: Any, rule: tuple[int, int], windows: float) -> float:
    """Records a year on one long path on which each is closed at once and starts afresh."""
    failures, of = rule
    records, since = 0, -1
    places: list[int] = np.flatnonzero(failed).tolist()
    for at, place in enumerate(places):
        recent = [one for one in places[max(at - of + 1, 0) : at + 1] if one > max(place - of, since)]
        if len(recent) >= failures:
            records, since = records + 1, place
    return records / int(failed.size) * windows


@pytest.mark.parametrize("name", CASES)
def test_what_is_found_is_found_in_simulated_windows(plans: dict[str, Any], name: str) -> None:
    """At the planned deteriorations the rule opens in about 80 and 95 % of paths, within the rule's windows and six."""
    case, plan, random = CASES[name], planned(plans, name), np.random.default_rng(2)
    for found in (plan.found[0], next(one for one in plan.found if one.windows == 6)):
        for value, probability in ((found.likely, 0.8), (found.nearly_sure, 0.95)):
            failed = case.fails(value, PATHS // 4 * found.windows, random).reshape(-1, found.windows)
            often = opened(failed, case.rule)
            if value == plan.limit:  # every deterioration is found at least so often
                assert often > probability - 0.05
            else:
                assert often == pytest.approx(probability, abs=0.05)


@pytest.mark.parametrize("name", CASES)
def test_false_records_come_as_often_as_in_simulated_windows(plans: dict[str, Any], name: str) -> None:
    """Records open as often a year exactly at the target, and while the model stays as in the reference."""
    case, plan, random = CASES[name], planned(plans, name), np.random.default_rng(3)
    target = float(plan.target.split()[-1])
    failed = case.fails(target, PATHS * 5, random)
    assert plan.false_at_target == pytest.approx(yearly(failed, case.rule, 365.25), rel=0.6, abs=0.01)
    unchanged = case.fails(plan.value, PATHS, random)
    assert plan.false_now == pytest.approx(yearly(unchanged, case.rule, 365.25), rel=0.6, abs=0.01)
