"""Evidence files: an evidently report of a window against the reference, made on demand, frozen by its hash."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aimsight.configs.errors import AimsightError, NotFoundError
from aimsight.metrics.engines.duckdb import DuckDBEngine
from aimsight.metrics.plan import Window
from aimsight.metrics.sources import resolve
from aimsight.monitors.due import reference_period
from aimsight.monitors.inputs import gather
from aimsight.store.files import known_files
from aimsight.store.records import EvidenceFile, nonconformity, save_evidence_file

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from aimsight.configs.load import Project
    from aimsight.configs.schema import ModelConfig
    from aimsight.store.database import Store

KIND = "evidently report"
_SEED = 42


@dataclass(frozen=True, slots=True)
class Evidence:
    """A frozen report: where it lies, what it is recorded as, and the columns left out of it with the reason."""

    path: Path
    record: EvidenceFile
    left_out: dict[str, str]


def report_for_nonconformity(project: Project, store: Store, name: str, *, actor: str = "aimsight") -> Evidence:
    """Make the report of the newest occurrence of a nonconformity and attach it to the record.

    Raises
    ------
    NotFoundError
        If there is no such nonconformity, or its model is not in the project any more.
    AimsightError
        If the window or the reference cannot be read any more.
    """
    with store.read() as reader:
        record = nonconformity(reader, name)
        rows = reader.tuples(
            "SELECT window_start, window_end FROM occurrence WHERE nonconformity = ? ORDER BY window_end DESC LIMIT 1",
            [name],
        )
    if not rows:
        raise AimsightError(f"{name} has no occurrence, so there is no window to report on")
    return _frozen(project, store, _model(project, record.model), Window(*rows[0]), name, actor)


def report_for_window(
    project: Project, store: Store, model: str, window: Window, *, actor: str = "aimsight"
) -> Evidence:
    """Make the report of any window of a model.

    Raises
    ------
    NotFoundError
        If the project has no such model.
    AimsightError
        If the model has no reference, or the window or the reference cannot be read.
    """
    return _frozen(project, store, _model(project, model), window, "", actor)


def _model(project: Project, name: str) -> ModelConfig:
    if name not in project.models:
        raise NotFoundError.named("model", name, project.models)
    return project.models[name]


def _frozen(
    project: Project, store: Store, model: ModelConfig, window: Window, nonconformity_id: str, actor: str
) -> Evidence:
    from aimsight.metrics.evidently import drift_report

    numeric = [name for name, feature in model.features.items() if feature.kind == "numeric"]
    category = [name for name, feature in model.features.items() if feature.kind == "category"]
    numeric += [name for name in (model.log.score,) if name is not None]
    if model.log.prediction is not None:
        (numeric if model.task == "regression" else category).append(model.log.prediction)
    reference, current, left_out = _frames(project, store, model, window, [*numeric, *category])
    if current.empty:
        raise AimsightError(f"{model.model}: no rows between {window.start} and {window.end}, so nothing to report on")
    report = drift_report(
        reference,
        current,
        [name for name in numeric if name not in left_out],
        [name for name in category if name not in left_out],
    )
    digest = hashlib.sha256(report.html).hexdigest()
    folder = project.root / project.config.evidence
    path = folder / f"{digest}.html"
    store.files.make_folder(folder)
    if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
        path.unlink(missing_ok=True)  # the rest of a write that was interrupted
        store.files.append(path, report.html)
    with store.write() as tx:
        record = EvidenceFile(digest, path.name, nonconformity_id, KIND, store.clock.now(), len(report.html))
        known = tx.rows(
            "SELECT * FROM evidence_file WHERE sha256 = ? AND nonconformity = ?", [digest, nonconformity_id]
        )
        if known:
            record = EvidenceFile.from_row(known[0])
        else:
            save_evidence_file(tx, record, actor=actor)
    return Evidence(path, record, {**left_out, **report.left_out})


def _frames(
    project: Project, store: Store, model: ModelConfig, window: Window, columns: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, str]]:
    """Samples of the reference and of the window, each from the files that hold it, and the columns one of them lacks.

    Other files of the log may be damaged or have other columns: the report does not need them.
    """
    from aimsight.metrics.evidently import SAMPLE_ROWS

    if model.reference is None:
        raise AimsightError(f"{model.model} has no reference to compare with; declare one in its configuration")
    engine = DuckDBEngine(memory_limit=project.config.memory_limit, threads=project.config.threads)
    with store.read() as reader:
        remembered = known_files(reader)
    unlabelled = model.model_copy(update={"labels": None})
    inputs = gather(unlabelled, project.root, remembered, lambda _: None, with_reference=False)
    sides: dict[str, tuple[ModelConfig, Window | None]] = {"window": (inputs.reading(unlabelled, [window]), window)}
    if model.reference.period is not None:
        period = reference_period(model)
        sides["reference"] = (inputs.reading(unlabelled, [period]), period)
    else:
        log = model.log.model_copy(update={"source": model.reference.source})
        sides["reference"] = (unlabelled.model_copy(update={"log": log}), None)
    left_out: dict[str, str] = {}
    for side, (own, _) in sides.items():
        for path in resolve(own.log.source, project.root):
            there = {name for name, _ in engine.schema([path], own.log.table)}
            left_out |= {name: f"no such column in the {side}" for name in columns if name not in there}
    kept = [name for name in columns if name not in left_out]
    reference, current = (
        engine.frame(own, project.root, span, kept, SAMPLE_ROWS, _SEED)
        for own, span in (sides["reference"], sides["window"])
    )
    return reference, current, left_out
