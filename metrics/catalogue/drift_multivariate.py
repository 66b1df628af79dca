"""Drift of all features at once, which no column shows alone: on samples of rows, when asked for (docs/adr/0010)."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from aimsight.configs.parameters import Parameter
from aimsight.metrics.intervals import Z, auc_interval
from aimsight.metrics.multivariate import FOLDS, reconstruction, separation, two_sided
from aimsight.metrics.registry import ALL_TASKS, Needs, metric
from aimsight.metrics.values import Cause, Interval, Undefined, Value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aimsight.metrics.samples import SamplePair
    from aimsight.metrics.values import Result

FEWEST = 100
"""Rows of either side below which nothing is fitted."""
NAMED = 5
"""Columns that a detail names."""
REFERENCE = Needs(reference=True)
TOO_FEW = f"fewer than {FEWEST} rows in the sample of the reference or the window"


def _too_few(pair: SamplePair) -> Undefined | None:
    n, m = pair.sizes
    if m == 0:
        return Undefined("no rows in the window")
    if min(n, m) >= FEWEST:
        return None
    return Undefined(f"fewer than {FEWEST} rows: {n} of the reference, {m} of the window", m, Cause.TOO_FEW)


@metric(
    id="drift.domain_classifier_auc",
    version=3,
    tasks=ALL_TASKS,
    kind="sample",
    unit="share",
    bounds=(0.0, 1.0),
    direction="lower",
    undefined_when=(TOO_FEW, "rows cannot be read any more"),
    source="Lopez-Paz and Oquab, Revisiting classifier two-sample tests (2017); DeLong et al. (1988)",
    needs=REFERENCE,
    core=False,
)
def domain_classifier_auc(pair: SamplePair) -> Result:
    """ROC AUC of a classifier that tells the window's rows from the reference's by all features together.

    Gradient-boosted trees, five folds, each row scored by a fit that has not seen it; the mean AUC of the folds. 0.5:
    the rows cannot be told apart; 1: every row can. The detail names the columns that it rests on: by how much the AUC
    falls when their values are shuffled. Interval: DeLong. Evidence: rank-sum variance of equal distributions. Both are
    widened by the largest design effect of the columns.
    """
    trouble = _too_few(pair)
    if trouble:
        return trouble
    found = separation(pair, list(pair.kinds))
    n, m = pair.sizes
    around = auc_interval(found.auc, found.variance * pair.inflation, m, n)
    # rows that rank against what was learnt are no evidence; the tail is doubled, as natural variation has two sides
    p_value = two_sided(max(found.auc - 0.5, 0.0) / math.sqrt(found.chance * pair.inflation))
    interval = replace(around.holding(found.auc), method=f"{around.method}, {FOLDS} folds")
    detail = ""
    if p_value <= 0.05:
        named = [f"{name} ({loss:.2g})" for name, loss in found.drivers[:NAMED] if loss > 0]
        detail = f"told apart by {', '.join(named)}" if named else ""
    return Value(found.auc, m, interval, p_value=p_value, detail=detail)


@metric(
    id="drift.reconstruction_error_change",
    version=3,
    tasks=ALL_TASKS,
    kind="sample",
    unit="share of the reference's error",
    bounds=(-1.0, None),
    direction="zero",
    undefined_when=(TOO_FEW, "rows cannot be read any more", "the components hold all variance of the reference"),
    source="Jackson and Mudholkar, Control procedures for residuals of principal components, Technometrics 21 (1979)",
    needs=REFERENCE,
    parameters=(
        Parameter("variance", "float", 0.65, 0.05, 0.99, "share of the reference's variance that the components hold"),
    ),
    core=False,
)
def reconstruction_error_change(pair: SamplePair, *, variance: float = 0.65) -> Result:
    """Relative change of the mean distance of rows from the principal components of the reference.

    ``mean error of the window / mean error of the reference - 1``. The components that hold the wanted share of the
    variance are fitted on half of the reference's sample, and errors are measured on the other half and the window.
    Numbers are standardised and cut off at 5 deviations, categories are indicators, and so are missing values. 0:
    columns go together as before; above 0: they do less; below 0: they do more. The detail names the columns whose
    error rose most. Interval and evidence: variance over rows on the log scale, widened by the columns' largest design
    effect.
    """
    trouble = _too_few(pair)
    if trouble:
        return trouble
    found = reconstruction(pair, list(pair.kinds), variance)
    m = pair.sizes[1]
    if found is None or found.window <= 0:
        return Undefined("the components hold all variance of the reference: no error is left to compare", m)
    ratio = found.window / found.reference
    relative = found.errors[0] / found.reference**2 + found.errors[1] / found.window**2
    error = math.sqrt(relative * pair.inflation)
    interval = Interval(ratio * math.exp(-Z * error) - 1, ratio * math.exp(Z * error) - 1, "delta on the log scale")
    p_value = two_sided(math.log(ratio) / error) if error > 0 else float(ratio == 1) or 1e-300
    detail = f"{found.components} components"
    named = _rising(found.drivers) if p_value <= 0.05 else ""
    return Value(ratio - 1, m, interval, p_value=p_value, detail=f"{detail}; most in {named}" if named else detail)


def _rising(drivers: Iterable[tuple[str, float]]) -> str:
    return ", ".join(f"{name} ({rise:+.2g})" for name, rise in list(drivers)[:NAMED] if rise > 0)
