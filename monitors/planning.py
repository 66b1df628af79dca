"""What a plan is computed from: the model's reference, frozen or as it would be, and the volume to be expected."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from aimsight.aims.planning.volume import Volume, calendar_volume, counted_volume
from aimsight.configs.durations import Duration
from aimsight.configs.errors import AimsightError, NotFoundError, StoreVersionError
from aimsight.configs.window_lengths import ChunkCount, RowCount
from aimsight.monitors.due import beginning, reference_period, reference_windows
from aimsight.monitors.inputs import reference_fingerprint
from aimsight.monitors.windows import midnight
from aimsight.store.references import load_reference

if TYPE_CHECKING:
    from datetime import datetime

    from aimsight.configs.load import Project
    from aimsight.configs.schema import ModelConfig
    from aimsight.metrics.plan import Reference
    from aimsight.store.database import Store

LAST_WINDOWS = 12
"""So many windows say how many rows to expect."""
HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Basis:
    """What a model is planned from; ``is_frozen`` tells a reference on record from one that is not there yet."""

    reference: Reference
    volume: Volume
    is_frozen: bool


def basis_of(
    project: Project, store: Store, model: ModelConfig, now: datetime, *, rows: int | None = None, make: bool = True
) -> Basis | None:
    """The reference and the expected volume of a model.

    Parameters
    ----------
    rows
        Rows of a window; by default those of the last windows, or of the reference.
    make
        Whether to read the log for a reference that is not frozen yet; else ``None`` is returned then.

    Raises
    ------
    AimsightError
        When the model has no reference, its log cannot be read, or nothing says how many rows a window has.
    """
    if model.reference is None:
        raise AimsightError(f"{model.model} has no reference: nothing says what its windows will be like")
    reference, sizes, first = _stored(store, model)
    is_frozen = reference is not None
    if reference is None:
        if not make:
            return None
        reference = _made(project, model, now)
    return Basis(reference, _volume(model, reference, sizes, first, rows), is_frozen)


def _stored(store: Store, model: ModelConfig) -> tuple[Reference | None, list[int], datetime | None]:
    """The frozen reference, the rows of the last windows, and where the first window began."""
    if not store.path.exists():
        return None, [], None
    of_monitor = "FROM runs WHERE model = ? AND monitor = ? AND outcome = 'success'"
    key = [model.model, model.monitor.name]
    try:
        with store.read() as reader:
            reference = load_reference(reader, model.model, reference_fingerprint(model))
            sizes = reader.tuples(
                f"SELECT rows_scanned {of_monitor} AND rows_scanned > 0 QUALIFY row_number() OVER "
                "(PARTITION BY window_start, window_end ORDER BY revision DESC) = 1 ORDER BY window_end DESC LIMIT ?",
                [*key, LAST_WINDOWS],
            )
            [(first,)] = reader.tuples(f"SELECT min(window_start) {of_monitor}", key)
    except (NotFoundError, StoreVersionError):  # a store that a run has not finished making, or of an older version
        return None, [], None
    return reference, [size for (size,) in sizes], first


def _made(project: Project, model: ModelConfig, now: datetime) -> Reference:
    from aimsight.metrics.engines.duckdb import DuckDBEngine

    engine = DuckDBEngine(memory_limit=project.config.memory_limit, threads=project.config.threads)
    has_period = model.reference is not None and model.reference.period is not None
    return engine.make_reference(
        model,
        project.root,
        reference_windows(model) or None,
        reference_period(model) if has_period else None,
        now,
        reference_fingerprint(model),
    )


def _volume(
    model: ModelConfig, reference: Reference, sizes: list[int], first: datetime | None, rows: int | None
) -> Volume:
    length, every = model.monitor.window, model.monitor.every
    if isinstance(length, RowCount):
        return counted_volume(rows or length.count, "as configured", _rows_an_hour(model, reference))
    hours = length.typical_hours if isinstance(length, Duration) else _hours_of_chunks(model, length, first)
    if rows is not None:
        count, known = rows, "as asked"
    elif sizes:
        count = round(median(sizes))
        known = "as in the last window" if len(sizes) == 1 else f"as in the last {len(sizes)} windows"
    else:
        count, known = max(round(_rows_an_hour(model, reference) * hours), 1), "as in the reference"
    if isinstance(length, Duration):
        return calendar_volume(count, known, length, every)
    return counted_volume(count, known, count / hours)


def _hours_of_chunks(model: ModelConfig, length: ChunkCount, first: datetime | None) -> float:
    """How long one of so many parts of a closed history is on average; it is not looked for as often as ``every``."""
    end = model.monitor.end
    if end is None:
        raise ValueError(f"{model.model} is cut into chunks and has no end")
    if model.monitor.start is None and first is None and (model.reference is None or model.reference.period is None):
        raise AimsightError(
            f"{model.model}: no window has been run yet and nothing says when its first one begins, so it is not known "
            f'how long "{length}" are; run it first (aimsight run {model.model}), or set monitor.start'
        )
    start = beginning(model, first)
    return (midnight(end, model.log.time_zone) - start).total_seconds() / HOUR / length.count


def _rows_an_hour(model: ModelConfig, reference: Reference) -> float:
    if model.reference is None or model.reference.period is None:
        raise AimsightError(
            f"{model.model}: no window has been run yet and the reference has no period, so nothing says how many rows "
            "a window has; say it with --rows"
        )
    period = reference_period(model)
    return reference.statistics.quality.rows / ((period.end - period.start).total_seconds() / HOUR)
