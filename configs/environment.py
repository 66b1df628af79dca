"""Environment variables: ``AIMSIGHT_<SETTING>`` overrides a setting of ``aimsight.yaml``, and secrets come from there.

``AIMSIGHT_ALERT_<NAME>_URL`` overrides the url of the alert route of that name (``-`` as ``_``), and a url ``env:NAME``
stands for the value of the variable ``NAME``; while that variable is not set, the url stays as it is written.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from pydantic import ValidationError

from aimsight.configs.errors import InvalidTextError, Problem, did_you_mean
from aimsight.configs.schema import AlertRoute, ProjectConfig

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aimsight.configs.positions import Document, Path

PREFIX = "AIMSIGHT_"
NUMBERS = frozenset({"threads", "min_group"})
LISTS = frozenset({"checkpoints"})
_NOT_BY_VARIABLE = {
    "people",
    "alerts",
    "single_person",
    "nonconformities",
    "dashboard",
    "changes",
    "anchors",
    "signing",
}
SETTINGS: dict[str, str] = {
    f"{PREFIX}{name.upper()}": name for name in ProjectConfig.model_fields if name not in _NOT_BY_VARIABLE
}
"""Variable -> the setting that it overrides; lists are separated as in PATH."""
HANDED_OVER = frozenset({f"{PREFIX}{name}" for name in ("PROJECT", "EVIDENCE_URL", "ACTOR", "SIGNING_PASSPHRASE")})
"""Variables by which `aimsight serve` tells the dashboard what it serves, who acts, and a passphrase; no settings."""

_ALERT = re.compile(rf"{PREFIX}ALERT_(.+)_URL")


def override(document: Document, environ: Mapping[str, str]) -> dict[Path, str]:
    """Write the variables' values into the project's data; returns which variable each path came from."""
    origin: dict[Path, str] = {}
    for variable, setting in SETTINGS.items():
        if variable not in environ:
            continue
        text = environ[variable]
        path: Path = (setting,)
        document.raw[path] = text
        document.data[setting] = _converted(setting, text)
        origin[path] = variable
    return origin


def _converted(setting: str, text: str) -> object:
    if setting in NUMBERS and re.fullmatch(r"[0-9]{1,9}", text):
        return int(text)
    return tuple(part for part in text.split(os.pathsep) if part) if setting in LISTS else text


def alert_variable(route: str) -> str:
    """The variable that overrides the url of a route: ``ops-mail`` -> ``AIMSIGHT_ALERT_OPS_MAIL_URL``."""
    return f"{PREFIX}ALERT_{route.upper().replace('-', '_')}_URL"


def with_secrets(config: ProjectConfig, environ: Mapping[str, str]) -> tuple[ProjectConfig, list[Problem]]:
    """The project with the urls of its alert routes taken from the environment; a bad one is a problem."""
    problems: list[Problem] = []
    routes = []
    for route in config.alerts:
        name = alert_variable(route.name)
        if name not in environ and route.url.startswith("env:"):
            name = route.url.removeprefix("env:")
        if name not in environ:
            routes.append(route)
            continue
        try:
            routes.append(AlertRoute(name=route.name, url=environ[name], on=route.on))
        except ValidationError as error:
            cause = error.errors()[0].get("ctx", {}).get("error")
            text = cause.problem if isinstance(cause, InvalidTextError) else "is no URL"
            problems.append(Problem(f"environment variable {name}", 0, "", text))
    return config.model_copy(update={"alerts": tuple(routes)}), problems


def misspelt(routes: list[str], environ: Mapping[str, str]) -> Iterator[Problem]:
    """Variables that look like one of ours and are none: a misspelt setting would otherwise be ignored in silence."""
    known = {*SETTINGS, *HANDED_OVER, *(alert_variable(route) for route in routes)}
    for variable in environ:
        if not variable.startswith(PREFIX) or variable in known:
            continue
        if _ALERT.fullmatch(variable):
            near = did_you_mean(variable, [name for name in known if _ALERT.fullmatch(name)])
            yield Problem(f"environment variable {variable}", 0, "", "there is no alert route of that name", near)
        elif near := did_you_mean(variable.removeprefix(PREFIX), [name.removeprefix(PREFIX) for name in known]):
            yield Problem(f"environment variable {variable}", 0, "", "is no setting of aimsight", f"{PREFIX}{near}")
