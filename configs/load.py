"""Reads a project folder: ``aimsight.yaml`` and ``models/*.yaml``, all problems of all files in one error."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from aimsight.configs import environment, objective_checks
from aimsight.configs.checks import CHECKS
from aimsight.configs.draft import Draft
from aimsight.configs.errors import ConfigError, Problem
from aimsight.configs.facts import MetricFacts
from aimsight.configs.hashes import config_hash, objective_hash
from aimsight.configs.positions import Document, key_text, read_document
from aimsight.configs.problems import Finding, findings
from aimsight.configs.schema import ModelConfig, ProjectConfig

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PROJECT_FILE = "aimsight.yaml"
MODELS_FOLDER = "models"


@dataclass(frozen=True, slots=True)
class Project:
    """A folder that was read without problems.

    Parameters
    ----------
    root
        The folder, absolute; paths in the configuration are relative to it.
    config
        ``aimsight.yaml`` with the environment's overrides. Alert urls may be secrets: never write them down.
    models
        Model id -> its configuration, sorted by id; ``min_group`` is filled in from the project.
    files
        Model id -> the file it was read from.
    documents
        Model id -> that file as it was read, with the lines of its keys.
    """

    root: Path
    config: ProjectConfig
    models: dict[str, ModelConfig]
    files: dict[str, Path]
    documents: dict[str, Document] = field(default_factory=dict, repr=False, compare=False)


def load_project(
    folder: Path,
    metric_ids: Mapping[str, MetricFacts] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
) -> Project:
    """Read and check a project.

    Parameters
    ----------
    folder
        The project folder.
    metric_ids
        Facts of the metric catalogue; without them metrics and what objectives need are not checked.
    environ
        Environment variables; default: those of the process.

    Raises
    ------
    ConfigError
        With every problem of every file, when there is any.
    """
    variables = os.environ if environ is None else environ
    root = folder.resolve()
    config, problems = _read_project(root, variables)
    models: dict[str, ModelConfig] = {}
    files: dict[str, Path] = {}
    documents: dict[str, Document] = {}
    names: dict[str, str] = {}
    for path in _model_files(root, problems):
        shown = path.relative_to(root).as_posix()
        document = _read(path, shown)
        model, found = check_model(document, shown, metric_ids)
        problems += found
        name = document.data.get("model")
        if isinstance(name, str) and names.setdefault(name, shown) != shown:
            problems.append(
                Problem(shown, document.line(("model",)), "model", f"{name} is already the model of {names[name]}")
            )
        if model is not None:
            models[model.model] = model
            files[model.model] = path
            documents[model.model] = document
    if problems or config is None:
        raise ConfigError(problems)
    filled = {name: _with_defaults(models[name], config) for name in sorted(models)}
    return Project(root, config, filled, files, documents)


def parse_model(
    content: str | bytes, file: str = "model.yaml", metric_ids: Mapping[str, MetricFacts] | None = None
) -> ModelConfig:
    """Read one model from text.

    Raises
    ------
    ConfigError
        With every problem of the text.
    """
    document = read_document(content.encode("utf-8") if isinstance(content, str) else content, file)
    model, problems = check_model(document, file, metric_ids)
    if problems or model is None:
        raise ConfigError(problems)
    return model


def check_model(
    document: Document, file: str, metric_ids: Mapping[str, MetricFacts] | None
) -> tuple[ModelConfig | None, list[Problem]]:
    """The model that a document declares, and everything that is wrong with it."""
    if not document.data:
        return None, document.problems
    model, found = findings(ModelConfig, document)
    draft = Draft(document.data)
    crossed = [finding for check in CHECKS for finding in check(draft)]
    crossed += objective_checks.objective_ids(draft)
    if metric_ids is not None:
        crossed += objective_checks.metric_globs(draft, metric_ids)
        crossed += objective_checks.objectives(draft, metric_ids)
    reported = {finding.path for finding in found}
    found += [finding for finding in crossed if finding.path not in reported]
    problems = _located(document, file, found)
    return (model if isinstance(model, ModelConfig) and not problems else None), problems


def _located(document: Document, file: str, found: Iterable[Finding]) -> list[Problem]:
    """The document's own problems and the findings with their lines; what is noted already is not said again."""
    noted = {problem.key for problem in document.problems}
    return document.problems + [
        Problem(file, document.line(finding.path), key_text(finding.path), finding.problem, finding.suggestion)
        for finding in found
        if key_text(finding.path) not in noted
    ]


def _read_project(root: Path, variables: Mapping[str, str]) -> tuple[ProjectConfig | None, list[Problem]]:
    path = root / PROJECT_FILE
    if not path.exists():
        near = "aimsight.yaml instead of aimsight.yml" if (root / "aimsight.yml").exists() else ""
        text = "not found" if root.is_dir() else "its folder does not exist"
        return None, [Problem(str(path), 0, "", f"{text}; `aimsight init` makes a project", near)]
    document = _read(path, PROJECT_FILE)
    if not document.data:
        return None, document.problems
    origin = environment.override(document, variables)
    model, found = findings(ProjectConfig, document)
    draft = Draft(document.data)
    found += _twice(draft, "alerts", "name")
    found += _twice(draft, "people", "id")
    found += _twice(draft, "anchors", "name")
    found += _store_among_checkpoints(draft)
    overridden = [finding for finding in found if finding.path[:1] in origin]
    problems = _located(document, PROJECT_FILE, [finding for finding in found if finding.path[:1] not in origin])
    problems += [
        Problem(f"environment variable {origin[finding.path[:1]]}", 0, "", finding.problem, finding.suggestion)
        for finding in overridden
    ]
    alerts = draft.at("alerts")
    count = len(alerts) if isinstance(alerts, tuple) else 0
    routes = [name for position in range(count) if (name := draft.text("alerts", position, "name"))]
    problems += environment.misspelt(routes, variables)
    if not isinstance(model, ProjectConfig):
        return None, problems
    config, bad_urls = environment.with_secrets(model, variables)
    return config, problems + bad_urls


def _twice(draft: Draft, section: str, key: str) -> list[Finding]:
    entries = draft.at(section)
    seen: dict[str, int] = {}
    found = []
    for position in range(len(entries) if isinstance(entries, tuple) else 0):
        name = draft.text(section, position, key)
        if name is not None and seen.setdefault(name.casefold(), position) != position:
            found.append(
                Finding((section, position, key), f"{name} is already the {key} of {section}[{seen[name.casefold()]}]")
            )
    return found


def _store_among_checkpoints(draft: Draft) -> list[Finding]:
    store = draft.text("store")
    return [
        Finding(path, "a checkpoint lies outside the store: name another file")
        for path, name in draft.texts("checkpoints")
        if store is not None and os.path.normpath(name) == os.path.normpath(store)
    ]


def _model_files(root: Path, problems: list[Problem]) -> list[Path]:
    folder = root / MODELS_FOLDER
    if not folder.is_dir():
        return []
    for path in sorted(folder.glob("*.yml")):
        shown = path.relative_to(root).as_posix()
        problems.append(Problem(shown, 0, "", "a model's file ends in .yaml", f"{shown.removesuffix('.yml')}.yaml"))
    return sorted(path for path in folder.glob("*.yaml") if not path.name.startswith("."))


def _read(path: Path, shown: str) -> Document:
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or "unknown error").lower()
        return Document(problems=[Problem(shown, 0, "", f"cannot be read: {reason}")])
    return read_document(content, shown)


def _with_defaults(model: ModelConfig, config: ProjectConfig) -> ModelConfig:
    return model if model.min_group is not None else model.model_copy(update={"min_group": config.min_group})


__all__ = [
    "MODELS_FOLDER",
    "PROJECT_FILE",
    "MetricFacts",
    "Project",
    "check_model",
    "config_hash",
    "load_project",
    "objective_hash",
    "parse_model",
]
