"""Environment variables override settings and carry secrets."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from aimsight.configs.environment import SETTINGS, alert_variable
from aimsight.configs.errors import ConfigError
from aimsight.configs.load import load_project

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ALERTS = "organisation: X\nalerts:\n  - {name: ops-mail, url: env:OPS_URL}\n  - {name: file, url: file:alerts.txt}\n"


@pytest.mark.parametrize(
    ("variable", "text", "setting", "value"),
    [
        ("AIMSIGHT_ORGANISATION", "Other", "organisation", "Other"),
        ("AIMSIGHT_STORE", "/data/a.duckdb", "store", "/data/a.duckdb"),
        ("AIMSIGHT_TIME_ZONE", "Asia/Tokyo", "time_zone", "Asia/Tokyo"),
        ("AIMSIGHT_CHECKPOINTS", os.pathsep.join(["a.jsonl", "b.jsonl"]), "checkpoints", ("a.jsonl", "b.jsonl")),
        ("AIMSIGHT_EVIDENCE", "files", "evidence", "files"),
        ("AIMSIGHT_MEMORY_LIMIT", "2GB", "memory_limit", "2GB"),
        ("AIMSIGHT_THREADS", "4", "threads", 4),
        ("AIMSIGHT_MIN_GROUP", "50", "min_group", 50),
        ("AIMSIGHT_DRIFT_FDR", "by", "drift_fdr", "by"),
    ],
)
def test_a_variable_overrides_a_setting(
    write_project: Callable[..., Path], variable: str, text: str, setting: str, value: object
) -> None:
    """Each setting has its variable, which wins over the file."""
    folder = write_project({}, "organisation: X\nthreads: 1\n")
    assert getattr(load_project(folder, environ={variable: text}).config, setting) == value


def test_every_setting_has_its_variable() -> None:
    """People and alert routes are lists of records and stay in the file; everything else can be overridden."""
    assert set(SETTINGS) == {
        "AIMSIGHT_ORGANISATION",
        "AIMSIGHT_STORE",
        "AIMSIGHT_TIME_ZONE",
        "AIMSIGHT_CHECKPOINTS",
        "AIMSIGHT_EVIDENCE",
        "AIMSIGHT_MEMORY_LIMIT",
        "AIMSIGHT_THREADS",
        "AIMSIGHT_MIN_GROUP",
        "AIMSIGHT_DRIFT_FDR",
    }


def test_the_process_environment_is_the_default(
    write_project: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an explicit environment the process's counts."""
    monkeypatch.setenv("AIMSIGHT_STORE", "from-the-process.duckdb")
    assert load_project(write_project({})).config.store == "from-the-process.duckdb"


def test_a_variable_may_supply_what_the_file_lacks(write_project: Callable[..., Path]) -> None:
    """A required setting may come from the environment alone."""
    folder = write_project({}, "time_zone: UTC\n")
    assert load_project(folder, environ={"AIMSIGHT_ORGANISATION": "X"}).config.organisation == "X"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (
            {"AIMSIGHT_THREADS": "many"},
            'environment variable AIMSIGHT_THREADS: must be a whole number, not the text "many"',
        ),
        ({"AIMSIGHT_THREADS": "0"}, "environment variable AIMSIGHT_THREADS: must be at least 1, not 0"),
        (
            {"AIMSIGHT_MEMORY_LIMIT": "300 mb"},
            (
                'environment variable AIMSIGHT_MEMORY_LIMIT: "300 mb" does not have the form of 300MB or 2GB; '
                "did you mean 300MB?"
            ),
        ),
        (
            {"AIMSIGHT_STROE": "x"},
            "environment variable AIMSIGHT_STROE: is no setting of aimsight; did you mean AIMSIGHT_STORE?",
        ),
        (
            {"AIMSIGHT_ALERT_OPS_MIAL_URL": "json://x"},
            (
                "environment variable AIMSIGHT_ALERT_OPS_MIAL_URL: there is no alert route of that name; "
                "did you mean AIMSIGHT_ALERT_OPS_MAIL_URL?"
            ),
        ),
        (
            {"OPS_URL": "hunter2"},
            (
                "environment variable OPS_URL: an alert goes to an Apprise URL (scheme://...), to file:PATH, or to "
                "env:NAME, where the environment variable NAME holds the URL"
            ),
        ),
    ],
)
def test_bad_variables(write_project: Callable[..., Path], environ: dict[str, str], expected: str) -> None:
    """A bad or misspelt variable is a problem of its own, without a line; a secret's text is not shown."""
    with pytest.raises(ConfigError) as caught:
        load_project(write_project({}, ALERTS), environ=environ)
    assert str(caught.value) == expected


def test_a_mistake_in_the_file_that_is_overridden_is_none(write_project: Callable[..., Path]) -> None:
    """The variable's value is what counts."""
    folder = write_project({}, "organisation: X\nthreads: many\n")
    assert load_project(folder, environ={"AIMSIGHT_THREADS": "3"}).config.threads == 3


def test_variables_of_others_are_left_alone(write_project: Callable[..., Path]) -> None:
    """Only what looks like one of ours is judged."""
    load_project(write_project({}), environ={"LANG": "C", "AIMSIGHT_X": "1", "STORE": "y"})


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({}, "env:OPS_URL"),
        ({"OPS_URL": "json://secret"}, "json://secret"),
        ({"AIMSIGHT_ALERT_OPS_MAIL_URL": "json://other", "OPS_URL": "json://secret"}, "json://other"),
    ],
)
def test_alert_urls(write_project: Callable[..., Path], environ: dict[str, str], url: str) -> None:
    """A url comes from its own variable, else from the one it names, else stays as written."""
    config = load_project(write_project({}, ALERTS), environ=environ).config
    assert [route.url for route in config.alerts] == [url, "file:alerts.txt"]


def test_alert_variable() -> None:
    """The variable's name is made from the route's."""
    assert alert_variable("ops-mail") == "AIMSIGHT_ALERT_OPS_MAIL_URL"
