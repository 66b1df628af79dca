"""Losses of probabilities with rows of unknown label beside those seen: against rows written out, and SciPy."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from aimsight.metrics.losses import MANY, brier_losses, log_losses
from aimsight.metrics.registry import find
from aimsight.metrics.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from aimsight.metrics.losses import Losses
    from aimsight.metrics.statistics import ScoreSums, SegmentStatistics
    from aimsight.tests.metrics.conftest import Counting

    Made = Callable[[SegmentStatistics, ScoreSums], Losses]

SCORES = np.array([0.0305, 0.2005, 0.7505, 0.9005])
"""In the middle of their cells, so that cells and scores say the same."""
LABELS = np.array([0, 0, 1, 0])


def of(made: Made, s: SegmentStatistics) -> Losses:
    """The losses of a segment that has scores."""
    assert s.score_sums is not None
    return made(s, s.score_sums)


@pytest.mark.parametrize("kind", ["log", "brier"])
def test_two_rows_of_unknown_label_stand_beside_the_rows(counting: Counting, kind: str) -> None:
    """Four rows, and two more spread evenly over their scores and both labels: mean, variance and Gamma quantiles."""
    given = np.array([1 - SCORES, SCORES])  # the probability of each label
    loss = -np.log(given) if kind == "log" else np.square(1 - given)
    seen = np.choose(LABELS, loss)
    values, weights = np.concatenate([seen, loss.ravel()]), np.repeat([1.0, 2 / 8], [4, 8])
    mean = np.average(values, weights=weights)
    variance = np.average(np.square(values - mean), weights=weights)
    found = of(log_losses if kind == "log" else brier_losses, counting.binary(LABELS, scores=SCORES))
    assert found.mean == pytest.approx(seen.mean(), abs=1e-9)
    assert found.moments() == pytest.approx((mean, variance), abs=1e-6)
    shape = mean**2 / (variance / 7)
    low, high = stats.gamma.ppf([0.025, 0.975], shape, scale=mean / shape)
    around = found.interval()
    assert (around.low, around.high) == pytest.approx((low, high), abs=0.02 * mean)


def test_classes_lose_by_the_class_that_is_true(counting: Counting) -> None:
    """Three classes: an unknown row is of each alike, and no squared Brier loss is above twice the loss."""
    s = np.array([[0.7005, 0.2005, 0.0995], [0.1005, 0.3005, 0.5995]])
    counted = counting.classes([0, 2], [0, 2], 3, s)
    log, brier = of(log_losses, counted), of(brier_losses, counted)
    assert log.further[0] == pytest.approx(-np.log(s).mean(axis=0), rel=0.01)
    briers = [np.square(s - np.eye(3)[c]).sum(axis=1).mean() for c in range(3)]
    assert brier.further[0] == pytest.approx(briers, abs=0.002)
    squares = [np.square(np.square(s - np.eye(3)[c]).sum(axis=1)).mean() for c in range(3)]
    assert (brier.further[1] >= squares).all()


def test_probabilities_that_add_up_to_more_are_measured_as_they_are(counting: Counting) -> None:
    """Three independent scores, all nearly 1 and the label of none of the sure ones: the Brier score is beyond 2."""
    s = np.array([[0.0, 1.0, 1.0], [1.0, 1.0, 0.0]])
    for name, value in (("performance.brier", 3.0), ("performance.skill(of=brier)", 1 - 3 / 0.5)):
        found = find(name).compute(counting.classes([0, 2], [0, 2], 3, s))
        assert isinstance(found, Value)
        assert found.value == pytest.approx(value)
        assert found.interval is not None
        assert found.interval.low <= found.value <= found.interval.high


def test_a_model_without_an_error_may_well_have_some(counting: Counting) -> None:
    """Thirty certain and right rows: the loss is nearly 0, and its interval is not."""
    found = find("performance.log_loss").compute(counting.binary([0] * 27 + [1] * 3, scores=[0.01] * 27 + [0.99] * 3))
    assert isinstance(found, Value)
    assert found.interval is not None
    assert found.value < 0.02
    assert found.interval.low <= found.value
    assert found.interval.high > 0.1


def test_cells_say_the_same_as_scores(counting: Counting) -> None:
    """What is kept of a window gives the interval that the window itself gave."""
    rng = np.random.default_rng(3)
    y, s = rng.integers(0, 2, 50), rng.random(50)
    exact, cells = (counting.binary(y, scores=s, exact=exact) for exact in (True, False))
    for made in (log_losses, brier_losses):
        assert of(made, exact).interval() == of(made, cells).interval()


def test_among_many_rows_the_unknown_ones_are_left_out(counting: Counting) -> None:
    """Above 10,000 rows there are none."""
    s = counting.binary(LABELS, scores=SCORES)
    assert s.score_sums is not None
    many = replace(s, score_sums=replace(s.score_sums, n=MANY + 1))
    assert of(log_losses, s).rows == 2
    assert of(log_losses, many).rows == 0


def test_few_labels_of_a_class_have_no_skill(counting: Counting) -> None:
    """With four positives it is not known what a dummy loses; with five it is."""
    for positives in (4, 5):
        y = np.arange(40) < positives
        s = counting.binary(y.astype(int), scores=np.where(y, 0.6, 0.1))
        for name in ("log_loss", "brier"):
            found = find(f"performance.skill(of={name})").compute(s)
            assert isinstance(found, Value) == (positives == 5), (name, found)
