"""Measurements computed again: from the stored statistics, by the code of today, compared with what is on record.

A digest shows that a row is what was written; this shows that what was written follows from what was counted. It reads
no log: what needs rows again, or a configuration that is no more, is said and left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aimsight.aims.changes import governed_by
from aimsight.aims.objective_texts import config_of
from aimsight.aims.words import plural
from aimsight.configs.errors import AimsightError
from aimsight.configs.hashes import config_hash
from aimsight.metrics.engines.duckdb import DuckDBEngine
from aimsight.metrics.measure import measure
from aimsight.metrics.plan import Plan, Reference, Window
from aimsight.metrics.registry import find
from aimsight.metrics.values import Measurement, Undefined, Value
from aimsight.monitors.back_test import BackTest
from aimsight.monitors.drift import WindowsDrift
from aimsight.monitors.earlier import Before
from aimsight.monitors.inputs import reference_fingerprint
from aimsight.monitors.label_state import label_state
from aimsight.store.measurements import read_measurements
from aimsight.store.records import ObjectiveVersion
from aimsight.store.references import load_reference
from aimsight.store.statistics import read_statistics

if TYPE_CHECKING:
    from aimsight.configs.load import Project
    from aimsight.configs.schema import ModelConfig
    from aimsight.metrics.statistics import Statistics
    from aimsight.store.database import Reader, Store

TOLERANCE = 1e-9
"""Relative to the value, at least absolute: sums are whole numbers, so only the last bits may differ."""
_FROM_ROWS = frozenset({"sample", "frame"})
"""Kinds of metrics that look at rows, which are not kept."""
_NO_CONFIGURATION = "the configuration it was measured under is no more"
_MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Difference:
    """One measurement that comes out differently: what is stored, what was computed, as text."""

    model: str
    run_id: str
    window: Window
    metric: str
    metric_version: int
    column: str
    segment: str
    stored: str
    computed: str

    def __str__(self) -> str:
        """A sentence."""
        where = " ".join(part for part in (self.column, self.segment) if part)
        named = f"{self.metric} (version {self.metric_version}){f' of {where}' if where else ''}"
        when = f"{self.window.start:%Y-%m-%d %H:%M}Z"
        return f"{self.model} {when}, run {self.run_id[:12]}: {named}: stored {self.stored}, computed {self.computed}"


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What came of computing again.

    Parameters
    ----------
    runs
        Runs that were computed again.
    compared
        Measurements that were compared.
    findings
        Those that differ.
    left_out
        By reason, how many runs or measurements were not computed again.
    """

    runs: int
    compared: int
    findings: tuple[Difference, ...]
    left_out: dict[str, int] = field(default_factory=dict)

    def data(self) -> dict[str, Any]:
        """As JSON shows it."""
        return {
            "runs": self.runs,
            "compared": self.compared,
            "equal": not self.findings,
            "findings": [
                {
                    "model": one.model,
                    "run": one.run_id,
                    "window_start": one.window.start,
                    "metric": one.metric,
                    "metric_version": one.metric_version,
                    "column": one.column,
                    "segment": one.segment,
                    "stored": one.stored,
                    "computed": one.computed,
                }
                for one in self.findings
            ],
            "left_out": self.left_out,
        }

    def lines(self) -> Iterator[str]:
        """As people read it."""
        said = f"{plural(len(self.findings), 'measurement')} differ" if self.findings else "no difference"
        yield f"Computed again: {plural(self.compared, 'measurement')} of {plural(self.runs, 'run')}: {said}."
        for one in self.findings[:_MOST_SHOWN]:
            yield f"- {one}"
        if len(self.findings) > _MOST_SHOWN:
            yield f"- … and {len(self.findings) - _MOST_SHOWN:,} more (--json shows all)"
        for reason, count in self.left_out.items():
            yield f"- not computed again: {count:,}: {reason}"


@dataclass(slots=True)
class _Tally:
    runs: int = 0
    compared: int = 0
    findings: list[Difference] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def recompute(project: Project, store: Store, models: Sequence[str], *, latest: int | None = None) -> Recomputed:
    """Compute the measurements of runs again.

    Parameters
    ----------
    latest
        Only the latest runs with a result of each model, by window; ``None`` for all.
    """
    tally = _Tally()
    for name in models:
        model = governed_by(store, project.models[name], project.config.changes)
        _of_model(project, store, model, latest, tally)
    return Recomputed(tally.runs, tally.compared, tuple(tally.findings), dict(sorted(tally.left_out.items())))


def _of_model(project: Project, store: Store, model: ModelConfig, latest: int | None, tally: _Tally) -> None:
    limit = "" if latest is None else f"LIMIT {int(latest)}"
    with store.read() as reader:
        runs = reader.rows(
            "SELECT * FROM run WHERE model = ? AND outcome = 'success' "
            f"ORDER BY window_end DESC, window_start DESC, revision DESC {limit}",
            [model.model],
        )
        known = {}
        for key, at in {run["config_hash"]: run["finished_at"] for run in runs}.items():
            known[key] = _configured(reader, model, key, at)
        bases = {
            key: load_reference(reader, model.model, reference_fingerprint(one))
            for key, one in known.items()
            if one is not None
        }
        past = BackTest.of(reader, model.model)
    for run in runs:
        then = known[run["config_hash"]]
        if then is None:
            tally.left_out[f"runs: {_NO_CONFIGURATION}"] += 1
            continue
        with store.read() as reader:
            statistics = read_statistics(reader, run["run_id"])
            stored = read_measurements(reader, run["run_id"])
        if statistics is None:
            tally.left_out["runs: no statistics are kept of it"] += 1
            continue
        again = _Again(project, store, then, bases[run["config_hash"]], past)
        try:
            computed = again.measurements(run, statistics, stored)
        except AimsightError as error:
            tally.left_out[f"runs: {error}"] += 1
            continue
        tally.runs += 1
        _compare(run, stored, computed, tally)


def _configured(reader: Reader, model: ModelConfig, wanted: str, at: datetime) -> ModelConfig | None:
    """The model as it was when a configuration of this hash counted; ``None`` when it cannot be had any more.

    What is measured must be as it is now; the objectives may be those of then, which the store keeps.
    """
    if config_hash(model) == wanted:
        return model
    rows = reader.rows(
        "SELECT * FROM objective_version WHERE model = ? AND effective_from <= ? "
        "QUALIFY version = max(version) OVER (PARTITION BY objective) ORDER BY objective",
        [model.model, at],
    )
    then = tuple(config_of(reader, ObjectiveVersion.from_row(row)) for row in rows)
    changed = model.model_copy(update={"objectives": then})
    return changed if config_hash(changed) == wanted else None


@dataclass(frozen=True, slots=True)
class _Again:
    """What the runs of one configuration share."""

    project: Project
    store: Store
    model: ModelConfig
    basis: Reference | None
    past: BackTest

    def measurements(
        self, run: dict[str, Any], statistics: Statistics, stored: Sequence[Measurement]
    ) -> list[Measurement]:
        """The measurements of a run, as its statistics give them now."""
        model, basis = self.model, self.basis
        window = Window(run["window_start"], run["window_end"])
        reference = basis if model.reference else None
        config = self.project.config
        engine = DuckDBEngine(memory_limit=config.memory_limit, threads=config.threads)
        before = Before(self.store, model, run["config_hash"], until=run["finished_at"])
        drift = WindowsDrift(engine, self.project, model, run["started_at"], before.reference)
        plan = Plan(
            model=model,
            root=self.project.root,
            windows=(window,),
            as_of=run["started_at"],
            columns=basis.columns if basis else (),
            classes=basis.classes if basis else (),
            error_exponent=basis.error_exponent if basis else 0,
            label_center=basis.label_center if basis else 0.0,
            exact_drift=model.drift == "exact",
            loss_tree=basis.loss_tree if basis else None,
        )
        return measure(
            plan,
            statistics,
            reference,
            selected=self._selected(),
            min_group=model.min_group or config.min_group,
            labels=_labels_then(model, statistics, window, run["started_at"], reference, stored),
            window=window,
            past=self.past.before(window),
            drift=drift.options(None, reference, window, statistics),
            earlier=before.pooled(window),
        )

    def _selected(self) -> list[str] | None:
        if self.model.metrics is None:
            return None
        return [*self.model.metrics, *(objective.metric for objective in self.model.objectives)]


def _labels_then(
    model: ModelConfig,
    statistics: Statistics,
    window: Window,
    started: datetime,
    reference: Reference | None,
    stored: Sequence[Measurement],
) -> Undefined | None:
    """Why labels did not allow a verdict when the run was made, as far as its measurements show it.

    It hangs on the moment whose knowledge counted, which may lie before the run (a backfill): what the run recorded
    says whether the labels' delay had passed.
    """
    said = {one.result.reason for one in stored if isinstance(one.result, Undefined)}
    found = [label_state(model, statistics, window, moment, reference) for moment in (started, window.end)]
    for state in found:
        if state is not None and state.reason in said:
            return state
    return None if None in found else found[0]


def _compare(
    run: dict[str, Any], stored: Sequence[Measurement], computed: Sequence[Measurement], tally: _Tally
) -> None:
    found = {_key(one): one for one in computed}
    for one in stored:
        try:
            metric = find(one.metric)
        except AimsightError:
            tally.left_out["measurements: this version of aimsight has no such metric"] += 1
            continue
        if metric.kind in _FROM_ROWS:
            tally.left_out["measurements: the metric looks at rows, which are not kept"] += 1
            continue
        if metric.version != one.metric_version:
            tally.left_out["measurements: the metric has a new version since"] += 1
            continue
        again = found.get(_key(one))
        tally.compared += 1
        if again is None or not _agree(one, again):
            tally.findings.append(
                Difference(
                    run["model"],
                    run["run_id"],
                    Window(run["window_start"], run["window_end"]),
                    one.metric,
                    one.metric_version,
                    one.column,
                    str(one.segment),
                    _text(one),
                    "nothing" if again is None else _text(again),
                )
            )


def _agree(stored: Measurement, computed: Measurement) -> bool:
    """Whether two measurements say the same.

    A value finished from the scores themselves is computed again from score cells, and may differ by what they hide.
    Intervals are compared where cells hide nothing; those of estimates hang on windows that were measured since.
    """
    before, after = stored.result, computed.result
    if isinstance(before, Undefined) or isinstance(after, Undefined):
        return isinstance(before, Undefined) and isinstance(after, Undefined)
    bound = before.error_bound + after.error_bound
    if before.n != after.n or not _near(before.value, after.value, bound):
        return False
    if bound or stored.estimated:
        return True
    return _interval(before, after)


def _interval(before: Value, after: Value) -> bool:
    if before.interval is None or after.interval is None:
        return before.interval is after.interval
    return _near(before.interval.low, after.interval.low) and _near(before.interval.high, after.interval.high)


def _near(a: float, b: float, bound: float = 0.0) -> bool:
    return abs(a - b) <= bound + TOLERANCE * max(1.0, abs(a), abs(b))


def _key(one: Measurement) -> tuple[str, str, str]:
    return one.metric, one.column, str(one.segment)


def _text(one: Measurement) -> str:
    """The value with its interval and rows, or the reason why there is none."""
    result = one.result
    if isinstance(result, Undefined):
        return f"no value ({result.reason})"
    interval = f" [{result.interval.low:.12g}, {result.interval.high:.12g}]" if result.interval else ""
    return f"{result.value:.12g}{interval} (n {result.n:,})"
