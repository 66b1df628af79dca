"""Drift of a whole window: what the measurements of its features say together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimsight.configs.parameters import Parameter
from aimsight.metrics.registry import ALL_TASKS, Needs, metric
from aimsight.metrics.values import Interval, Undefined, Value

if TYPE_CHECKING:
    from aimsight.metrics.inputs import FeatureDrift, FeatureDrifts
    from aimsight.metrics.values import Result

REFERENCE = Needs(reference=True)
BY = Parameter("by", "metric", "drift.psi", doc="the distance that each feature is measured by")
NAMED = 5
"""Features that a detail names."""


def _nothing(drifts: FeatureDrifts) -> Undefined | None:
    if drifts.problem is not None:
        return drifts.problem
    if drifts.measured:
        return None
    return Undefined("no feature has a drift value", drifts.rows)


def _left_out(drifts: FeatureDrifts) -> list[str]:
    return [f"not measured: {', '.join(drifts.undefined)}"] if drifts.undefined else []


def _p_value(measured: list[FeatureDrift]) -> float:
    """Evidence that any of the features changed (Simes): the smallest of p-values adjusted for being the smallest."""
    p_values = sorted(one.value.p_value or 1.0 for one in measured)
    return min(1.0, *(p * len(p_values) / rank for rank, p in enumerate(p_values, 1)))


@metric(
    id="drift.share_of_drifted_features",
    version=3,
    tasks=ALL_TASKS,
    kind="summary",
    unit="share",
    bounds=(0.0, 1.0),
    direction="lower",
    undefined_when=("no rows in the window", "no feature has a drift value"),
    source="Benjamini and Hochberg, J. Royal Statistical Society B 57 (1995); Simes, Biometrika 73 (1986)",
    needs=REFERENCE,
    parameters=(
        BY,
        Parameter("threshold", "float", 0.1, 0.0, None, "a feature has drifted when its distance is above this ..."),
        Parameter("q", "float", 0.05, 0.0, 1.0, "... and its q-value at most this"),
    ),
    core=False,
)
def share_of_drifted_features(
    drifts: FeatureDrifts,
    *,
    by: str = "drift.psi",  # noqa: ARG001  # the features were measured by it
    threshold: float = 0.1,
    q: float = 0.05,
) -> Result:
    """Share of the features that have drifted: far enough to matter, and too far for chance.

    A feature has drifted when its distance is above the threshold and its q-value (false discovery rate over the
    columns of the window) at most ``q``. 0: none has; 1: all have. The detail names them. Interval, of what the
    features' own intervals say: at least those whose whole interval is beyond the threshold, at most those whose
    interval reaches beyond it. Evidence that any feature changed: Simes.
    """
    trouble = _nothing(drifts)
    if trouble:
        return trouble
    measured = list(drifts.measured)
    sure = [one for one in measured if one.q_value <= q]
    found = [one for one in sure if one.value.value > threshold]
    low = sum(_low(one) > threshold for one in sure)
    high = sum(_high(one) > threshold for one in measured)
    k = len(measured)
    named = [f"{one.column} ({one.value.value:.3g})" for one in sorted(found, key=lambda one: -one.value.value)]
    more = [f"{len(named) - NAMED} more"] if len(named) > NAMED else []
    drifted = [f"drifted: {', '.join([*named[:NAMED], *more])}"] if named else []
    return Value(
        len(found) / k,
        drifts.rows,
        Interval(min(low, len(found)) / k, max(high, len(found)) / k, "features' intervals"),
        p_value=_p_value(measured),
        detail="; ".join([*drifted, *_left_out(drifts)]),
    )


@metric(
    id="drift.importance_weighted",
    version=3,
    tasks=ALL_TASKS,
    kind="summary",
    unit="as the distance",
    bounds=(0.0, None),
    direction="lower",
    undefined_when=(
        "no rows in the window",
        "no feature has a drift value",
        "no feature that has one has a declared importance above 0",
    ),
    source="Weighted mean; ranking by importance times drift: what a change is likely to cost the model",
    needs=REFERENCE,
    parameters=(BY,),
    core=False,
)
def importance_weighted(drifts: FeatureDrifts, *, by: str = "drift.psi") -> Result:  # noqa: ARG001  # measured by it
    """Mean drift of the features, weighted by their declared importance to the model.

    ``sum of importance * distance / sum of importance`` over the features with an ``importance`` in the configuration.
    0: none has drifted; unit and upper end are those of the distance. The detail ranks the features by importance
    times distance. Interval: the same mean of the ends of their intervals, which holds however they depend on each
    other. Evidence that any of them changed: Simes.
    """
    trouble = _nothing(drifts)
    if trouble:
        return trouble
    weighted = [(one, one.importance) for one in drifts.measured if one.importance]
    total = sum(weight for _, weight in weighted)
    if total <= 0:
        return Undefined("no feature with a drift value has a declared importance above 0", drifts.rows)
    value = sum(weight * one.value.value for one, weight in weighted) / total
    low = sum(weight * _low(one) for one, weight in weighted) / total
    high = sum(weight * _high(one) for one, weight in weighted) / total
    ranked = sorted(weighted, key=lambda item: -item[0].value.value * item[1])
    shares = [f"{one.column} ({one.value.value:.3g} x {weight:.3g})" for one, weight in ranked[:NAMED]]
    return Value(
        value,
        drifts.rows,
        Interval(min(low, value), max(high, value), "features' intervals"),
        p_value=_p_value([one for one, _ in weighted]),
        detail="; ".join([f"first {', '.join(shares)}", *_left_out(drifts)]),
    )


def _low(one: FeatureDrift) -> float:
    return one.value.interval.low if one.value.interval is not None else one.value.value


def _high(one: FeatureDrift) -> float:
    return one.value.interval.high if one.value.interval is not None else one.value.value
