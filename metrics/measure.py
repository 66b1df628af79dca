"""Measure a window: every metric that applies, for every column, group-by and segment, each on its own.

One metric that fails never loses the others: its measurement says what went wrong.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from aimsight.metrics.estimates.trust import doubted
from aimsight.metrics.inputs import Baseline
from aimsight.metrics.kinds.changes import of_changes
from aimsight.metrics.kinds.columns import of_columns
from aimsight.metrics.kinds.distributions import of_distributions
from aimsight.metrics.kinds.estimates import of_estimates
from aimsight.metrics.kinds.frames import of_frames
from aimsight.metrics.kinds.groups import of_groups
from aimsight.metrics.kinds.rows import of_rows
from aimsight.metrics.kinds.samples import of_samples
from aimsight.metrics.kinds.scope import PLAIN_DRIFT, DriftOptions, Earlier, Scope, nothing_earlier
from aimsight.metrics.kinds.segments import of_segments
from aimsight.metrics.kinds.selection import of_selection
from aimsight.metrics.kinds.summary import of_summary, with_q_values
from aimsight.metrics.registry import METRICS, Metric, find
from aimsight.metrics.values import Measurement, Undefined, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from aimsight.configs.schema import ModelConfig
    from aimsight.metrics.estimates.trust import PastErrors
    from aimsight.metrics.frames import FramePair
    from aimsight.metrics.plan import Plan, Reference, Window
    from aimsight.metrics.statistics import Statistics

_prepared: list[Baseline] = []
"""The reference prepared last: a run measures many windows against it."""


def measure(  # noqa: PLR0913  # so many things decide what a window is measured by
    plan: Plan,
    statistics: Statistics,
    reference: Reference | None,
    *,
    selected: Collection[str] | None = None,
    min_group: int = 30,
    labels: Undefined | None = None,
    window: Window | None = None,
    past: Mapping[tuple[str, str], PastErrors] | None = None,
    earlier: Earlier = nothing_earlier,
    drift: DriftOptions = PLAIN_DRIFT,
    frames: Callable[[], FramePair | Undefined] | None = None,
) -> list[Measurement]:
    """Measure one window.

    Parameters
    ----------
    plan
        What was counted, and the model's configuration.
    statistics
        Of the window.
    reference
        What the window is compared with; without one, metrics that need it are left out.
    selected
        Metrics as ids, with arguments where they take some, or globs (``drift.*``); ``None`` for the core set and
        whatever the model's objectives name. Only what applies to the model is measured.
    min_group
        Fewest rows of a segment or group that is judged on its own.
    labels
        Why the labels do not allow a verdict (awaited, or too few); every metric that needs labels then gives exactly
        this. ``None`` when they are complete enough.
    window
        The window that the statistics are of; by default the plan's window that holds the latest event.
    past
        Errors of earlier estimates by metric and segment text, which widen the intervals of this window's.
    earlier
        Gives the statistics of earlier windows, which small groups are pooled over where a metric is told to.
    drift
        How drift is measured.
    frames
        Draws rows of window and reference for metrics of other libraries; called once, and only when there is one.

    Returns
    -------
    list of Measurement
        In the order of the catalogue, then of arguments, columns, groups and segments. Measurements of drift carry
        q-values over the columns of one metric.
    """
    scope = Scope(
        plan,
        statistics,
        _baseline(reference),
        min_group,
        labels,
        window,
        earlier=earlier,
        counterpart=drift.counterpart,
        samples=None if drift.samples is None else functools.cache(drift.samples),
        frames=None if frames is None else functools.cache(frames),
        dependent=drift.fdr == "by",
        past=past or {},
        units=chosen(plan.model, selected),
    )
    out: list[Measurement] = []
    for unit in scope.units:
        if scope.applies(unit):
            out.extend(_KINDS[unit.kind](scope, unit))
    return doubted(with_q_values([_with_its_note(one) for one in out], dependent=scope.dependent))


def _with_its_note(one: Measurement) -> Measurement:
    """The measurement with what the metric noted beside its value: the store keeps notes of measurements only."""
    if not isinstance(one.result, Value) or not one.result.detail:
        return one
    return replace(one, result=replace(one.result, detail=""), detail=one.detail or one.result.detail)


def chosen(model: ModelConfig, selected: Collection[str] | None = None) -> list[Metric]:
    """The metrics that a model's windows are measured by, in the order of the catalogue, each bound to its arguments.

    Raises
    ------
    NotFoundError
        When a name without wildcards is no metric.
    """
    named = [objective.metric for objective in model.objectives] if selected is None else selected
    globs = [text for text in named if "(" not in text and set("*?[") & set(text)]
    units = {
        unit.text: unit
        for unit in (METRICS.values() if selected is None or globs else ())
        if not any(one.required for one in unit.parameters)
        and ((selected is None and unit.core) or any(fnmatchcase(unit.id, glob) for glob in globs))
    }
    for text in named:
        if text not in globs and not (text in METRICS and any(one.required for one in METRICS[text].parameters)):
            unit = find(text)
            units[unit.text] = unit
    if len(units) == 1:  # the usual case of a plan, which measures one metric in thousands of windows
        return list(units.values())
    order = {name: place for place, name in enumerate(METRICS)}
    return sorted(units.values(), key=lambda unit: (order.get(unit.id, len(order)), unit.text))


def _baseline(reference: Reference | None) -> Baseline | None:
    if reference is None:
        return None
    if not _prepared or _prepared[0].reference is not reference:
        _prepared[:] = [Baseline(reference)]
    return _prepared[0]


_KINDS: dict[str, Callable[[Scope, Metric], Iterator[Measurement]]] = {
    "segment": of_segments,
    "errors": of_segments,
    "change": of_changes,
    "distribution": of_distributions,
    "groups": of_groups,
    "column_quality": of_columns,
    "quality": of_rows,
    "estimate": of_estimates,
    "selection": of_selection,
    "summary": of_summary,
    "sample": of_samples,
    "frame": of_frames,
}
