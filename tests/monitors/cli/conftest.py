"""A small project with a real log, and the command line called within the test's process."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from aimsight.monitors.cli.app import run

MODEL = """\
model: churn
version: "1"
owner: ops@example.org
intended_use: Tells the service team whom to call first.
risk: limited
task: binary
log:
  source: log.parquet
  id: id
  timestamp: at
  prediction: chosen
  score: p
labels: {label: truth}
features: {tenure: numeric, plan: category}
protected: [gender]
reference: {period: [2026-01-01, 2026-02-01]}
monitor: {every: 1mo, window: 1mo}
objectives:
  - id: CH-01
    statement: The model separates who leaves from who stays.
    metric: performance.roc_auc
    target: ">= 0.8"
    rationale: Value at release.
    owner: ops@example.org
    due: 2027-01-31
    severity: major
  - id: CH-02
    statement: At least three of ten calls are right.
    metric: performance.accuracy
    target: ">= 0.3"
    rationale: Value at release.
    owner: ops@example.org
    due: 2027-01-31
    severity: minor
"""


@dataclass(frozen=True)
class Answer:
    """What one call of the command line gave."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """The lines of the answer without trailing blanks."""
        return [line.rstrip() for line in self.out.splitlines()]


Call = Callable[..., Answer]


def write_log(path: Path) -> None:
    """Five months from January 2026, 300 rows each; the score ranks well until March and at random from then on.

    Row number i has the label i % 2; a good score is 0.75 for label 1 and 0.25 for label 0, every tenth row swapped.
    """
    rows = []
    for month in range(5):
        start = datetime(2026, month + 1, 1, tzinfo=UTC)
        for i in range(300):
            truth = i % 2
            good = 0.75 if truth == (i % 10 != 0) else 0.25
            score = good if month < 2 else 0.25 + 0.5 * ((i // 2) % 2)
            at = start + timedelta(minutes=i)
            rows.append((month * 300 + i, at, score, int(score > 0.5), truth, i % 40, "ab"[i % 2], "FM"[i // 2 % 2]))
    with duckdb.connect() as connection:
        connection.execute(
            'CREATE TABLE log (id BIGINT, "at" TIMESTAMPTZ, p DOUBLE, chosen BIGINT, truth BIGINT, tenure BIGINT, '
            "plan VARCHAR, gender VARCHAR)"
        )
        connection.executemany("INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        connection.execute(f"COPY log TO '{path}' (FORMAT parquet)")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project, configured and not yet run."""
    folder = tmp_path_factory.mktemp("template")
    (folder / "models").mkdir()
    (folder / "aimsight.yaml").write_text("organisation: Test\n")
    (folder / "models" / "churn.yaml").write_text(MODEL)
    write_log(folder / "log.parquet")
    return folder


@pytest.fixture(scope="session")
def template_run(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project after its first run."""
    folder = tmp_path_factory.mktemp("run") / "project"
    shutil.copytree(template, folder)
    with pytest.raises(SystemExit):
        run(["-C", str(folder), "run", "--now", "2026-06-01"])
    return folder


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Path:
    """A fresh copy of the project that was not run yet."""
    return Path(shutil.copytree(template, tmp_path / "project"))


@pytest.fixture
def after_run(template_run: Path, tmp_path: Path) -> Path:
    """A fresh copy of the project after its first run."""
    return Path(shutil.copytree(template_run, tmp_path / "project"))


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Call the command line as from a pipe that is 80 columns wide."""
    monkeypatch.setenv("COLUMNS", "80")

    def one(*arguments: str | Path) -> Answer:
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            run([str(argument) for argument in arguments])
        told = capsys.readouterr()
        return Answer(int(caught.value.code or 0), told.out, told.err)

    return one
