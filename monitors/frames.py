"""Rows of a window and of the reference for metrics of other libraries, drawn when such a metric is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimsight.configs.errors import AimsightError
from aimsight.configs.filters import columns, parse
from aimsight.configs.parameters import parse as parse_metric
from aimsight.metrics.frames import FRAME_ROWS, Frame, FramePair
from aimsight.metrics.sources import resolve
from aimsight.metrics.values import Undefined
from aimsight.monitors.due import reference_period

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from aimsight.configs.schema import ModelConfig
    from aimsight.metrics.engines.duckdb import DuckDBEngine
    from aimsight.metrics.plan import Window
    from aimsight.monitors.inputs import Inputs

SEED = 20_240_311
"""Chooses the rows; the same for every window, so that results can be had again."""
FAMILY = "evidently."


class WindowFrames:
    """Draws the rows of one model's windows; those of the reference once.

    Parameters
    ----------
    engine, root
        Read the rows, of files relative to this folder.
    model
        The model; its log is all files.
    as_of
        Labels that arrived later are not used.
    """

    def __init__(self, engine: DuckDBEngine, root: Path, model: ModelConfig, as_of: datetime) -> None:
        self._engine, self._root, self._model, self._as_of = engine, root, model, as_of
        self._metrics = [*(model.metrics or ()), *(objective.metric for objective in model.objectives)]
        self._reference: Frame | None = None

    def drawing(self, inputs: Inputs | None, window: Window, rows: int) -> Callable[[], FramePair | Undefined] | None:
        """Draws both sides when it is called; what cannot be read is a reason, not a failure of the run."""
        if inputs is None:
            return None

        def draw() -> FramePair | Undefined:
            try:
                return FramePair(self._rows(inputs.reading(self._model, [window]), window), self._of_reference(inputs))
            except AimsightError as error:
                return Undefined(f"rows cannot be read: {error}", rows)

        return draw

    def _of_reference(self, inputs: Inputs) -> Frame | None:
        declared = self._model.reference
        if declared is None:
            return None
        if self._reference is None:
            span = None if declared.period is None else reference_period(self._model)
            own = self._model if span is None else inputs.reading(self._model, [span])
            self._reference = self._rows(own, span)
        return self._reference

    def _rows(self, model: ModelConfig, span: Window | None) -> Frame:
        own = model.reference.labels_source if model.reference is not None else None
        labelled = model.labels is not None and (span is not None or model.labels.source is None or own is not None)
        sample = self._engine.sample(
            model,
            self._root,
            span,
            self._columns(model, span),
            FRAME_ROWS,
            seed=SEED,
            with_labels=labelled,
            as_of=self._as_of,
        )
        return Frame(sample.columns, sample.rows, sample.labels)

    def _columns(self, model: ModelConfig, span: Window | None) -> list[str]:
        """Everything declared of a row, and those columns that are there of the ones that metrics' arguments name."""
        log, model = self._model.log, self._model
        found = [*model.features, log.prediction, log.score, *(log.scores or {}).values(), *model.protected]
        found += [name for entry in model.segments for name in entry]
        found += [name for text in model.filters.values() for name in columns(parse(text))]
        named = [
            dict(parse_metric(text).arguments).get(argument)
            for text in self._metrics
            if text.startswith(FAMILY)
            for argument in ("column", "user", "item", "target", "prediction")
        ]
        if any(named):
            sources = model.reference.sources if span is None and model.reference is not None else model.log.sources
            files = resolve(sources, self._root)
            there = set.intersection(*({name for name, _ in self._engine.schema([f], log.table)} for f in files))
            found += [name for name in named if name in there]
        return list(dict.fromkeys(name for name in found if name))
