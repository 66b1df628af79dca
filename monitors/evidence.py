"""Evidence files: an evidently report of a window against the reference, made on demand, frozen by its hash."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aimsight.configs.errors import AimsightError, NotFoundError
from aimsight.metrics.engines.duckdb import DuckDBEngine
from aimsight.metrics.plan import Window
from aimsight.monitors.due import reference_period
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
    from aimsight.metrics.evidently import SAMPLE_ROWS, drift_report

    numeric = [name for name, feature in model.features.items() if feature.kind == "numeric"]
    category = [name for name, feature in model.features.items() if feature.kind == "category"]
    numeric += [name for name in (model.log.score,) if name is not None]
    if model.log.prediction is not None:
        (numeric if model.task == "regression" else category).append(model.log.prediction)
    columns = [*numeric, *category]
    reference = _reference_frame(project, model, columns, SAMPLE_ROWS)
    frame = _engine(project).frame(model, project.root, window, columns, SAMPLE_ROWS, _SEED)
    if frame.empty:
        raise AimsightError(f"{model.model}: no rows between {window.start} and {window.end}, so nothing to report on")
    report = drift_report(reference, frame, numeric, category)
    digest = hashlib.sha256(report.html).hexdigest()
    folder = project.root / project.config.evidence
    path = folder / f"{digest}.html"
    store.files.make_folder(folder)
    if not path.exists():
        store.files.append(path, report.html)
    with store.write() as tx:
        record = EvidenceFile(digest, path.name, nonconformity_id, KIND, store.clock.now(), len(report.html))
        save_evidence_file(tx, record, actor=actor)
    return Evidence(path, record, report.left_out)


def _reference_frame(project: Project, model: ModelConfig, columns: list[str], limit: int) -> pd.DataFrame:
    if model.reference is None:
        raise AimsightError(f"{model.model} has no reference to compare with; declare one in its configuration")
    if model.reference.period is not None:
        return _engine(project).frame(model, project.root, reference_period(model), columns, limit, _SEED)
    log = model.log.model_copy(update={"source": model.reference.source})
    own = model.model_copy(update={"log": log})
    return _engine(project).frame(own, project.root, None, columns, limit, _SEED)


def _engine(project: Project) -> DuckDBEngine:
    return DuckDBEngine(memory_limit=project.config.memory_limit, threads=project.config.threads)
