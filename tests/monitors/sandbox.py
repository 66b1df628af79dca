"""A small project whose log grows by a day's file, with a clock that stands still, and the rows of its days."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from aimsight.configs.load import Project, load_project
from aimsight.metrics.plan import Window
from aimsight.metrics.registry import facts
from aimsight.monitors.run import RunSummary, run_due
from aimsight.store.database import Store
from aimsight.store.verify import verify
from aimsight.tests.clocks import SetClock
from aimsight.tests.configurations import an_objective, raw_model

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from aimsight.store.seams import FileSystem

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
REFERENCE_DAYS = 4
DAY = timedelta(days=1)
ROWS = 60
Row = dict[str, Any]


def binary_rows(day: int, *, n: int = ROWS, wrong: int = 6) -> list[Row]:
    """Rows of one day; the first ``wrong`` decisions are wrong. Labels alternate, genders in pairs."""
    rows = []
    for i in range(n):
        label = i % 2
        decision = 1 - label if i < wrong else label
        rows.append(
            {
                "id": f"d{day}-{i}",
                "at": FIRST + day * DAY + timedelta(minutes=20 * i + 1),
                "x": math.sin(day * 7 + i) * 10 + 50,
                "colour": ("red", "green", "blue")[(i + day) % 3],
                "gender": "F" if i // 2 % 2 else "M",
                "yes": decision,
                "p": round(0.1 + 0.8 * decision + 0.001 * (i % 90), 4),
                "y": label,
            }
        )
    return rows


def regression_rows(day: int, *, n: int = ROWS, bias: float = 0.0) -> list[Row]:
    """Rows of one day of a regression model whose errors are +1 and -1 in turn, and ``bias`` on top."""
    return [
        {
            "id": day * 1000 + i,
            "at": FIRST + day * DAY + timedelta(minutes=20 * i + 1),
            "x": float(i % 17),
            "minutes": 100.0 + i + (1 if i % 2 else -1) + bias,
            "y": 100.0 + i,
        }
        for i in range(n)
    ]


def class_rows(day: int, *, n: int = ROWS, wrong: int = 6) -> list[Row]:
    """Rows of one day of a model with three classes; the first ``wrong`` decisions are the next class."""
    kinds = ("cat", "dog", "owl")
    return [
        {
            "id": day * 1000 + i,
            "at": FIRST + day * DAY + timedelta(minutes=20 * i + 1),
            "x": float(i % 17),
            "kind": kinds[(i + (i < wrong)) % 3],
            "y": kinds[i % 3],
        }
        for i in range(n)
    ]


_TASKS: dict[str, dict[str, Any]] = {
    "binary": {
        "log": {"prediction": "yes", "score": "p"},
        "features": {"x": "numeric", "colour": "category", "gender": "category"},
    },
    "regression": {"log": {"prediction": "minutes"}, "features": {"x": "numeric"}},
    "multiclass": {"log": {"prediction": "kind"}, "features": {"x": "numeric"}},
}

QUALITY = [name for name in facts() if name.startswith("quality.") and name != "quality.label_selection_features"]
"""All that counts tell; rows are drawn where that is what a test is about, as it takes a third of a run."""


def _present(raw: dict[str, Any]) -> dict[str, Any]:
    """The keys that are there: ``None`` takes one away."""
    return {
        key: _present(value) if isinstance(value, dict) else value for key, value in raw.items() if value is not None
    }


@dataclass
class Sandbox:
    """A project in a folder, and what a person would do with it."""

    root: Path
    clock: SetClock = field(default_factory=lambda: SetClock(datetime(2026, 3, 1, 12, tzinfo=UTC)))
    files: FileSystem | None = None
    raw: dict[str, dict[str, Any]] = field(default_factory=dict)

    def model(self, name: str = "credit", task: str = "binary", **changes: Any) -> dict[str, Any]:
        """Write a model's configuration; ``changes`` replace or, where both are dictionaries, extend its keys."""
        base = raw_model(
            model=name,
            task=task,
            log={"source": f"data/{name}/*.parquet", "id": "id", "timestamp": "at", **_TASKS[task]["log"]},
            labels={"source": f"labels/{name}/*.parquet", "label": "y"},
            features=_TASKS[task]["features"],
            reference={"period": [FIRST.date(), (FIRST + REFERENCE_DAYS * DAY).date()], "windows": "1d"},
            metrics=["performance.accuracy", *QUALITY, "drift.psi"],
            objectives=[an_objective()],
        )
        if task == "regression":
            base["metrics"] = ["performance.mae", "performance.mean_error", "quality.rows"]
            base["objectives"] = [an_objective(metric="performance.mean_error", target="between -0.5 and 0.5")]
        for key, value in changes.items():
            both = isinstance(value, dict) and isinstance(base.get(key), dict) and key != "features"
            base[key] = {**base[key], **value} if both else value
        return self.write_model(name, _present(base))

    def write_model(self, name: str, raw: dict[str, Any]) -> dict[str, Any]:
        """Write a model's configuration as given."""
        path = self.root / "models" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(raw, allow_unicode=True, sort_keys=False))
        self.raw[name] = raw
        return raw

    def path(self, day: int, name: str = "credit", kind: str = "data") -> Path:
        """Where the file of a day lies."""
        return self.root / kind / name / f"{(FIRST + day * DAY).date()}.parquet"

    def write(self, path: Path, rows: Sequence[Row], **types: pa.DataType) -> Path:
        """Write rows to a Parquet file; ``types`` fixes the type of columns."""
        path.parent.mkdir(parents=True, exist_ok=True)
        table = pa.Table.from_pylist(list(rows))
        for column, kind in types.items():
            place = table.schema.names.index(column)
            table = table.set_column(place, column, table.column(column).cast(kind))
        pq.write_table(table, path)
        return path

    def day(self, day: int, rows: Sequence[Row] | None = None, name: str = "credit", *, labels: bool = True) -> None:
        """A day's log and, unless told otherwise, its labels arrive."""
        whole = list(binary_rows(day) if rows is None else rows)
        self.write(self.path(day, name), [{key: cell for key, cell in row.items() if key != "y"} for row in whole])
        if labels:
            self.labels(day, whole, name)

    def labels(self, day: int, rows: Sequence[Row], name: str = "credit") -> None:
        """Labels of rows arrive, in a file of their own."""
        kept = [{"id": row["id"], "y": row["y"], **{k: row[k] for k in ("seen",) if k in row}} for row in rows]
        self.write(self.path(day, name, "labels"), kept)

    def days(self, *days: int, name: str = "credit", **how: Any) -> None:
        """Several ordinary days of a binary model arrive."""
        for day in days:
            self.day(day, binary_rows(day, **how), name)

    @property
    def project(self) -> Project:
        """The project as it is configured now."""
        path = self.root / "aimsight.yaml"
        if not path.exists():
            path.write_text("organisation: Example\n")
        return load_project(self.root, facts(), environ={})

    @property
    def store(self) -> Store:
        """The project's store, where a project has it that says nothing about it."""
        folder = self.root / "store"
        checkpoints = (folder / "checkpoints.jsonl",)
        return Store(folder / "aimsight.duckdb", clock=self.clock, files=self.files, checkpoints=checkpoints)

    def run(self, until: int, *, models: Sequence[str] | None = None) -> dict[str, RunSummary]:
        """Run what is due when ``until`` days of the log are over."""
        summaries = run_due(self.project, self.store, now=FIRST + until * DAY, models=models)
        return {summary.model: summary for summary in summaries}

    def window(self, day: int) -> Window:
        """A day as a window."""
        return Window(FIRST + day * DAY, FIRST + (day + 1) * DAY)

    def rows(self, sql: str, *params: object) -> list[dict[str, Any]]:
        """Rows of the store."""
        with self.store.read() as reader:
            return reader.rows(sql, params)

    def verdicts(self, name: str = "OBJ-1", *, model: str = "credit", latest: bool = True) -> dict[int, str]:
        """The verdict of an objective by day."""
        found = self.rows(
            "SELECT window_start, verdict FROM evaluations WHERE model = ? AND objective = ? AND is_latest = ?",
            model,
            name,
            latest,
        )
        return {(row["window_start"] - FIRST).days: row["verdict"] for row in found}

    def outcomes(self, *, model: str = "credit") -> dict[int, list[str]]:
        """The outcomes of all runs by the day they begin on, in the order of their revisions."""
        found: dict[int, list[str]] = {}
        for row in self.rows(
            "SELECT window_start, outcome FROM runs WHERE model = ? ORDER BY window_start, revision", model
        ):
            found.setdefault((row["window_start"] - FIRST).days, []).append(row["outcome"])
        return found

    def values(self, metric: str, *, model: str = "credit", column: str = "", segment: str = "") -> dict[int, Any]:
        """The latest values of a metric by day; the reason where there is none."""
        found = self.rows(
            "SELECT window_start, value, undefined_reason FROM measurements WHERE model = ? AND metric = ? "
            "AND column_name = ? AND segment = ? AND is_latest",
            model,
            metric,
            column,
            segment,
        )
        return {
            (row["window_start"] - FIRST).days: row["undefined_reason"] if row["value"] is None else row["value"]
            for row in found
        }

    def nonconformities(self) -> list[dict[str, Any]]:
        """All nonconformities, the oldest first."""
        return self.rows("SELECT * FROM nonconformities ORDER BY nonconformity")

    def check(self, *, complete: bool = True) -> None:
        """Assert that the store opens, the ledger verifies, no run is half there, and every slot has an outcome."""
        store = self.store
        report = verify(store, [path for path in store.checkpoints if path.exists()])
        assert report.intact, report.findings
        if complete:
            assert report.complete, report.gaps
        halves = self.rows(
            "SELECT run_id FROM measurement ANTI JOIN run USING (run_id) "
            "UNION ALL SELECT run_id FROM evaluation ANTI JOIN run USING (run_id) "
            "UNION ALL SELECT run_id FROM run ANTI JOIN measurement USING (run_id) WHERE outcome = 'success'"
        )
        assert halves == []

    def at(self, root: Path) -> Sandbox:
        """The same sandbox in another folder."""
        return replace(self, root=root)


def ran(summary: RunSummary) -> dict[int, str]:
    """The outcomes of a summary by the day that its window begins on."""
    return {(run.window.start - FIRST).days: run.outcome for run in summary.runs}
