"""What each objective of a model can show at its volume, in numbers and in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from aimsight.aims.estimates import is_estimated
from aimsight.aims.evaluation import ZERO_TOLERANCE_RULE, OpeningRule
from aimsight.aims.objectives import version_of
from aimsight.aims.planning.effect import effect_of
from aimsight.aims.planning.judging import Judging
from aimsight.aims.planning.population import population
from aimsight.aims.planning.power import GLANCE, HORIZONS, LIKELY, NEARLY_SURE, Power
from aimsight.aims.planning.sentences import sentence
from aimsight.aims.planning.standing import COARSE, ENOUGH, NOT_JUDGED, NOT_PLANNED
from aimsight.aims.planning.unplanned import UnplannableError
from aimsight.aims.verdicts import Verdict
from aimsight.aims.words import duration, plural
from aimsight.configs.hashes import objective_hash
from aimsight.metrics.cells import NumericCells
from aimsight.metrics.design_effect import INDEPENDENT
from aimsight.metrics.plan import Plan
from aimsight.metrics.registry import find

if TYPE_CHECKING:
    from aimsight.aims.planning.judging import Judged
    from aimsight.aims.planning.power import Seen
    from aimsight.aims.planning.volume import Volume
    from aimsight.configs.schema import ModelConfig, ObjectiveConfig
    from aimsight.metrics.plan import Reference
    from aimsight.metrics.registry import Metric
    from aimsight.store.records import ObjectiveVersion

HALF = 0.5
SILENT = frozenset({Verdict.INSUFFICIENT, Verdict.NOT_MEASURED})
AN_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Found:
    """The smallest deterioration found within so many windows, as the metric's value; ``None``: none is."""

    windows: int
    likely: float | None
    nearly_sure: float | None


@dataclass(frozen=True, slots=True)
class ObjectivePlan:
    """What one objective can show.

    Parameters
    ----------
    rows
        Rows of a window that the metric is computed from in it (of its segment; with labels where it needs them).
    value
        The metric in the reference; ``None`` when it has no value there.
    limit
        Target and tolerance: the value from which windows are nonconforming, given rows enough.
    effect
        How many times as much as by chance windows of this size vary.
    warns
        Whether the metric is an estimate: it opens no record, and what is counted are windows at risk.
    false_now, false_at_target
        Nonconformities (of an estimate: warnings) a year that nothing has caused: while the model stays as in the
        reference (``None``: the reference itself does not meet the target), and at most, while it lies exactly at its
        target.
    opens_as_is
        Probability that a record opens within the rule's windows while the model stays as in the reference, which does
        not meet the target; ``None`` where it does.
    found
        The smallest deteriorations found with 80 % and 95 % probability, by number of windows; the rule's own first.
    asked
        The value that the owner asked to find: one tolerance beyond the limit or, without a tolerance, as far beyond
        the target as the target is from the reference.
    times, window, rows_needed
        How many times as long a window has to be to find it, the usual length that is long enough, and its rows;
        ``None`` where none is.
    """

    objective: str
    metric: str
    where: str
    target: str
    tolerance: float
    opens: tuple[int, int]
    known_from: str
    windows_a_year: float
    overlap: int
    standing: str
    sentence: str = ""
    rows: int = 0
    value: float | None = None
    limit: float | None = None
    effect: float | None = None
    warns: bool = False
    opens_as_is: float | None = None
    false_now: float | None = None
    false_at_target: float | None = None
    found: tuple[Found, ...] = ()
    asked: float | None = None
    times: float | None = None
    window: str | None = None
    rows_needed: int | None = None


Progress = Callable[[str, int, int], None]


def plan_model(
    model: ModelConfig, reference: Reference, volume: Volume, min_group: int, progress: Progress | None = None
) -> list[ObjectivePlan]:
    """Plan every objective of a model, in the order of its configuration."""
    out = []
    for place, objective in enumerate(model.objectives):
        if progress is not None:
            progress(f"{model.model}: objectives", place, len(model.objectives))
        out.append(plan_objective(model, objective, reference, volume, min_group))
    if progress is not None:
        progress(f"{model.model}: objectives", len(model.objectives), len(model.objectives))
    return out


def plan_objective(
    model: ModelConfig, objective: ObjectiveConfig, reference: Reference, volume: Volume, min_group: int
) -> ObjectivePlan:
    """Plan one objective; the same inputs always give the same answer."""
    version = version_of(model.model, objective, 1, objective_hash(objective), AN_EPOCH)
    try:
        power = power_of(model, version, reference, volume, min_group)
    except UnplannableError as error:
        return _not_planned(version, volume, str(error))
    return _assessed(power, version, volume)


def power_of(
    model: ModelConfig,
    objective: ObjectiveVersion,
    reference: Reference,
    volume: Volume,
    min_group: int,
    *,
    quick: bool = False,
) -> Power:
    """The judgement of an objective's windows, ready to be asked; quick: without draws for the design effect.

    Raises
    ------
    UnplannableError
        When its windows cannot be drawn from what the reference keeps.
    """
    unit = find(objective.metric)
    base = population(reference, unit, objective.column_name, objective.segment)
    judging = Judging(
        objective,
        unit,
        _counting(model, reference, unit, objective),
        reference,
        min_group,
        _tested(reference, unit),
    )
    rows = max(round(volume.rows * base.rows / reference.statistics.quality.rows), 1)
    seed = int(objective.content_hash[:12], 16)
    distance = unit.kind == "distribution"
    missing = distance and "missing" in unit.id
    rule = OpeningRule(*_rule(objective))
    effect = INDEPENDENT if quick and not distance else effect_of(judging, base, seed, missing=missing)
    relative = distance or unit.kind == "change"
    return Power(judging, base, rows, effect, rule, seed, distance, missing, relative, volume.overlap)


def cannot_be_judged(
    model: ModelConfig, objective: ObjectiveConfig, reference: Reference, volume: Volume, min_group: int
) -> str:
    """Why most windows like the reference's get no verdict; ``''`` when they do. From a few windows: quick."""
    version = version_of(model.model, objective, 1, objective_hash(objective), AN_EPOCH)
    try:
        power = power_of(model, version, reference, volume, min_group, quick=True)
    except UnplannableError:
        return ""
    silent: list[str] = []
    told = 0
    for one in power.glance():
        if one.verdict in SILENT:
            silent.append(one.reason)
        else:
            told += 1
        if max(len(silent), told) > HALF * GLANCE:  # the others would not change it
            break
    if told > len(silent):
        return ""
    return f"at {plural(power.rows, 'row')} a window most windows would give no verdict: {silent[0]}"


def _counting(model: ModelConfig, reference: Reference, unit: Metric, objective: ObjectiveVersion) -> Plan:
    """What is counted: of the model no more than this objective is about, since it is measured thousands of times."""
    column = objective.column_name
    of_column = unit.kind in {"distribution", "column_quality"}
    about: dict[str, object] = {
        "objectives": tuple(one for one in model.objectives if one.id == objective.objective),
        "features": {name: one for name, one in model.features.items() if not of_column or name == column},
    }
    if unit.kind == "groups":
        about["protected"] = tuple(name for name in model.protected if name == column)
        about["segments"] = tuple(entry for entry in model.segments if " & ".join(entry) == column)
    return Plan(
        model=model.model_copy(update=about),
        root=Path(),
        windows=(),
        as_of=AN_EPOCH,
        columns=tuple(one for one in reference.columns if not of_column or one.name == column),
        classes=reference.classes,
        error_exponent=reference.error_exponent,
        label_center=reference.label_center,
    )


def _tested(reference: Reference, unit: Metric) -> int:
    """Columns that share the false discovery rate of a distance."""
    if unit.kind != "distribution":
        return 1
    kinds = ("numeric" if isinstance(one.cells, NumericCells) else "category" for one in reference.columns)
    return max(sum(kind in unit.needs.column_kinds for kind in kinds), 1)


def _assessed(power: Power, objective: ObjectiveVersion, volume: Volume) -> ObjectivePlan:
    if power.value is None:
        return _not_planned(objective, volume, f"in the reference it has no value: {power.expected.reason}")
    if power.path is None:
        return _not_planned(objective, volume, "no change of what the reference holds moves the metric")
    now, target = power.as_is, power.at(power.target)
    asked = power.limit + power.sign * _asked(power, objective)
    horizons = [power.rule.of, *(n for n in HORIZONS if n != power.rule.of)]
    found = tuple(Found(n, power.found(LIKELY, n), power.found(NEARLY_SURE, n)) for n in horizons)
    blocked = _blocked(now, power.expected)
    likely = found[0].likely
    reaches = likely is not None and ((likely - asked) * power.sign <= 0 or power.at(power.limit) is None)
    enough = reaches and not blocked
    times = 1.0 if enough else power.longer(asked)
    window = volume.length_of(times) if times is not None else None
    plan = replace(
        _start(objective, volume, ENOUGH if enough else NOT_JUDGED if blocked or likely is None else COARSE),
        rows=power.rows if power.judging.unit.kind == "quality" else power.expected.n or power.rows,
        value=power.value,
        limit=power.limit,
        effect=float(power.inflation(power.rows).mean()),
        opens_as_is=None if power.met else power.opening(now, power.rule.of),
        false_now=power.openings(now, volume.windows_a_year) if power.met else None,
        false_at_target=power.openings(target, volume.windows_a_year) if target is not None else None,
        found=found,
        asked=asked,
        times=times,
        window=duration(window) if window is not None else None,
        rows_needed=None if times is None else round(power.rows * times),
    )
    return replace(plan, sentence=sentence(plan, blocked, relative=power.relative))


def _not_planned(objective: ObjectiveVersion, volume: Volume, why: str) -> ObjectivePlan:
    plan = _start(objective, volume, NOT_PLANNED)
    return replace(plan, sentence=sentence(plan, why))


def _start(objective: ObjectiveVersion, volume: Volume, standing: str) -> ObjectivePlan:
    return ObjectivePlan(
        objective=objective.objective,
        metric=objective.metric,
        where=" & ".join(part for part in (objective.column_name, objective.segment) if part),
        target=objective.target,
        tolerance=objective.tolerance,
        opens=_rule(objective),
        warns=is_estimated(objective.metric),
        known_from=volume.known_from,
        windows_a_year=volume.windows_a_year,
        overlap=volume.overlap,
        standing=standing,
    )


def _rule(objective: ObjectiveVersion) -> tuple[int, int]:
    """So many of so many windows have to fail; of an estimate, to be at risk: each such window is a warning."""
    if objective.zero_tolerance or is_estimated(objective.metric):
        return ZERO_TOLERANCE_RULE.failures, ZERO_TOLERANCE_RULE.of
    return objective.opens_failures, objective.opens_of


def _blocked(seen: Seen, typical: Judged) -> str:
    """Why most windows get no verdict although there are rows, if so: told by the most typical one where it is one."""
    if sum(seen.verdicts.get(one, 0.0) for one in SILENT) <= HALF:
        return ""
    return typical.reason if typical.verdict in SILENT else seen.reason


def _asked(power: Power, objective: ObjectiveVersion) -> float:
    if objective.tolerance > 0 and not objective.zero_tolerance:
        return objective.tolerance
    return abs(power.target - (power.value or 0.0)) or abs(power.target) / 4 or 1.0
