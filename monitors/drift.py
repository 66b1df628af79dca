"""What the drift of a run's windows is measured by: seasons, windows before, samples of rows, and the correction."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from aimsight.configs.errors import AimsightError
from aimsight.metrics.engines.performance import USABLE
from aimsight.metrics.kinds.scope import DriftOptions, Fdr
from aimsight.metrics.measure import chosen
from aimsight.metrics.moving import expanding, rolling
from aimsight.metrics.samples import SAMPLE_ROWS, SamplePair
from aimsight.metrics.seasons import Seasons
from aimsight.metrics.values import Undefined
from aimsight.monitors.due import reference_period, reference_windows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from aimsight.configs.load import Project
    from aimsight.configs.schema import ModelConfig
    from aimsight.metrics.engines.duckdb import DuckDBEngine
    from aimsight.metrics.engines.sampling import Sample
    from aimsight.metrics.inputs import Counterpart
    from aimsight.metrics.plan import Reference, Window
    from aimsight.metrics.statistics import Statistics
    from aimsight.monitors.earlier import EarlierWindows
    from aimsight.monitors.inputs import Inputs

SEED = 20_240_229
"""Chooses the rows that are sampled; the same for every window, so that results can be had again."""


class WindowsDrift:
    """How the drift of one model's windows is measured, with what they share.

    Parameters
    ----------
    engine, project
        Read the rows, of files relative to the project's folder; its correction of q-values counts, unless the model
        has one of its own.
    model
        The model; its log is all files.
    as_of
        Labels that arrived later are not used.
    before
        The windows that a moving reference is made of.
    """

    def __init__(
        self, engine: DuckDBEngine, project: Project, model: ModelConfig, as_of: datetime, before: EarlierWindows | None
    ) -> None:
        self._engine, self._root, self._model, self._as_of, self._before = engine, project.root, model, as_of, before
        self._fdr: Fdr = model.drift_fdr or project.config.drift_fdr
        self._seasons: Seasons | None = None
        self._sampled: dict[tuple[str, ...], Sample] = {}

    def options(
        self, inputs: Inputs | None, reference: Reference | None, window: Window, statistics: Statistics
    ) -> DriftOptions:
        """How the drift of one window is measured."""
        return DriftOptions(
            counterpart=None if reference is None else self._counterpart(reference, window),
            samples=None if inputs is None else self._sampling(inputs, reference, window, statistics),
            fdr=self._fdr,
        )

    def _counterpart(self, reference: Reference, window: Window) -> Counterpart | None:
        declared, zone = self._model.reference, self._model.log.time_zone
        if declared is None or self._before is None:
            return self._season(reference).of(window) if self._is_seasonal(reference) else None
        before = self._before.before(window, declared.rolling)[::-1]
        if declared.rolling is not None:
            return rolling(reference, before, declared.rolling, zone)
        if declared.period is not None:  # the rows of windows that started earlier are the reference's own
            end = reference_period(self._model).end
            before = [(one, part) for one, part in before if one.start >= end]
        return expanding(reference, before, zone)

    @cached_property
    def _spans(self) -> tuple[Window, ...]:
        return reference_windows(self._model)

    def _is_seasonal(self, reference: Reference) -> bool:
        declared = self._model.reference.season if self._model.reference is not None else None
        return declared is not None and len(self._spans) == len(reference.windows)

    def _season(self, reference: Reference) -> Seasons:
        if self._seasons is None or self._seasons.reference is not reference:
            kind = self._model.reference.season if self._model.reference is not None else None
            self._seasons = Seasons(reference, self._spans, kind or "weekday", self._model.log.time_zone)
        return self._seasons

    def _sampling(
        self, inputs: Inputs, reference: Reference | None, window: Window, statistics: Statistics
    ) -> Callable[[], SamplePair | Undefined]:
        """Draws both samples when it is called; what cannot be read is a reason, not a failure of the run.

        Without a reference its side is empty.
        """
        kinds = {
            name: feature.kind
            for name, feature in self._model.features.items()
            if name in statistics.columns and (reference is None or name in reference.statistics.columns)
        }

        def draw() -> SamplePair | Undefined:
            if not kinds:
                where = "the window" if reference is None else "the reference and the window"
                return Undefined(f"no feature was counted in {where}", statistics.quality.rows)
            model = self._model if self._of_labels else self._unlabelled
            try:
                now = self._rows(inputs.reading(model, [window]), window, list(kinds))
                before = {name: values[:0] for name, values in now.columns.items()}
                if reference is not None:
                    before = dict(self._reference_rows(inputs, tuple(kinds)).columns)
            except AimsightError as error:
                return Undefined(f"rows cannot be read any more: {error}", statistics.quality.rows)
            labelled = None if now.states is None else now.states == USABLE
            return SamplePair(before, now.columns, kinds, labelled=labelled)

        return draw

    @cached_property
    def _of_labels(self) -> bool:
        """Whether a metric of the rows needs to know which of them have labels: it takes reading the labels."""
        own = self._model.metrics
        named = None if own is None else [*own, *(objective.metric for objective in self._model.objectives)]
        return any(unit.kind == "sample" and unit.needs.labels for unit in chosen(self._model, named))

    @cached_property
    def _unlabelled(self) -> ModelConfig:
        return self._model.model_copy(update={"labels": None})

    def _reference_rows(self, inputs: Inputs, columns: tuple[str, ...]) -> Sample:
        if columns not in self._sampled:
            own, span = self._unlabelled, None
            if self._model.reference is not None and self._model.reference.period is not None:
                span = reference_period(self._model)
                own = inputs.reading(self._unlabelled, [span])
            self._sampled[columns] = self._rows(own, span, columns)
        return self._sampled[columns]

    def _rows(self, model: ModelConfig, span: Window | None, columns: Sequence[str]) -> Sample:
        return self._engine.sample(
            model,
            self._root,
            span,
            columns,
            SAMPLE_ROWS,
            seed=SEED,
            with_labels=model.labels is not None,
            as_of=self._as_of,
        )
