"""Metrics of a window's drift as a whole: from the measurements of its features."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimsight.metrics.evidence import q_values
from aimsight.metrics.inputs import FeatureDrift, FeatureDrifts
from aimsight.metrics.kinds.distributions import drift_baseline, of_distributions
from aimsight.metrics.kinds.scope import NO_ROWS, compute
from aimsight.metrics.registry import find
from aimsight.metrics.values import Measurement, Undefined, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aimsight.metrics.kinds.scope import Scope
    from aimsight.metrics.registry import Metric
    from aimsight.metrics.values import Result


def of_summary(scope: Scope, unit: Metric) -> Iterator[Measurement]:
    """One measurement of the whole window."""
    baseline, note = drift_baseline(scope)
    if baseline is None:
        return
    result: Result = Undefined(NO_ROWS) if scope.empty else compute(unit, drifts(scope, find(_by(unit))))
    details = [result.detail if isinstance(result, Value) else "", note]
    yield Measurement(
        unit.text,
        unit.version,
        result,
        reference=baseline.reference.name,
        detail="; ".join(detail for detail in details if detail),
    )


def _by(unit: Metric) -> str:
    """The metric that the features are measured by."""
    given = dict(unit.arguments).get("by")
    return str(given if given is not None else next(one.default for one in unit.parameters if one.name == "by"))


def drifts(scope: Scope, by: Metric) -> FeatureDrifts:
    """The features' measurements by a distance; q-values are over all columns, as in the measurements themselves."""
    rows = scope.statistics.quality.rows
    if by.kind != "distribution" or by.direction != "lower":
        return FeatureDrifts((), (), rows, Undefined(f"{by.text} is no distance of drift", rows))
    found = list(of_distributions(scope, by))
    values = [(one.column, one.result) for one in found if isinstance(one.result, Value)]
    adjusted = q_values([value.p_value or 1.0 for _, value in values], dependent=scope.dependent)
    features = scope.plan.model.features
    measured = tuple(
        FeatureDrift(name, value, q, features[name].importance)
        for (name, value), q in zip(values, adjusted, strict=True)
        if name in features
    )
    undefined = tuple(one.column for one in found if isinstance(one.result, Undefined) and one.column in features)
    return FeatureDrifts(measured, undefined, rows)


def with_q_values(measurements: list[Measurement], *, dependent: bool) -> list[Measurement]:
    """The same measurements, the p-values of one metric adjusted over its columns."""
    out = list(measurements)
    tests: dict[str, list[tuple[int, float]]] = {}
    for place, one in enumerate(measurements):
        if isinstance(one.result, Value) and one.result.p_value is not None:
            tests.setdefault(one.metric, []).append((place, one.result.p_value))
    for found in tests.values():
        adjusted = q_values([p for _, p in found], dependent=dependent)
        for (place, _), q in zip(found, adjusted, strict=True):
            one = measurements[place]
            out[place] = Measurement(
                one.metric,
                one.metric_version,
                one.result,
                one.column,
                one.segment,
                one.reference,
                one.estimated,
                q,
                one.detail,
            )
    return out
