"""Logs written to files and counted again by plain pandas, independent of the engine."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from aimsight.configs.schema import ModelConfig
from aimsight.metrics.cells import CategoryCells, NumericCells
from aimsight.metrics.engines.duckdb import DuckDBEngine
from aimsight.metrics.plan import ColumnPlan, Plan, Window

if TYPE_CHECKING:
    from pathlib import Path

    from aimsight.metrics.statistics import Statistics

START = datetime(2026, 3, 1, tzinfo=UTC)
NEVER = datetime(2100, 1, 1, tzinfo=UTC)


def days(count: int, start: datetime = START) -> tuple[Window, ...]:
    """Consecutive windows of 24 hours."""
    return tuple(Window(start + timedelta(days=i), start + timedelta(days=i + 1)) for i in range(count))


def make_frame(rows: int, seed: int = 0, span: int = 4) -> pd.DataFrame:
    """A binary model's log over ``span`` days: odd numbers, gaps, an unseen category and invalid scores included."""
    rng = np.random.default_rng(seed)
    x = rng.normal(40, 10, rows)
    odd = [math.inf, -math.inf, 1e308, -1e308, 5e-324, -0.0, math.nan]
    x[: min(rows, len(odd))] = odd[: min(rows, len(odd))]
    score = np.round(rng.beta(2, 2, rows), 2)  # rounded, so that there are ties
    score[rng.random(rows) < 0.02] = 1.5
    label = pd.array((rng.random(rows) < np.clip(score, 0, 1)).astype(int), dtype="Int64")
    label[rng.random(rows) < 0.3] = pd.NA
    frame = pd.DataFrame(
        {
            "id": [f"id-{i}" for i in range(rows)],
            "at": [START + timedelta(seconds=float(s)) for s in np.sort(rng.uniform(0, span * 86400, rows)).round(3)],
            "x": x,
            "shop": rng.choice(["north", "south", "", "it's", "new"], rows, p=[0.4, 0.3, 0.1, 0.1, 0.1]),
            "sex": rng.choice(np.array(["F", "M", None], dtype=object), rows, p=[0.5, 0.45, 0.05]),
            "age": rng.choice(["young", "old"], rows),
            "score": score,
            "decision": (score >= 0.5).astype(int),
            "truth": label,
        }
    )
    frame.loc[rng.random(rows) < 0.05, "shop"] = None
    return frame


def config(**changes: Any) -> ModelConfig:
    """The model that ``make_frame`` is the log of; ``changes`` replace whole sections."""
    data: dict[str, Any] = {
        "model": "wages",
        "version": "1",
        "owner": "ann",
        "intended_use": "tests",
        "risk": "limited",
        "task": "binary",
        "log": {
            "source": "log.parquet",
            "id": "id",
            "timestamp": "at",
            "prediction": "decision",
            "score": "score",
        },
        "labels": {"label": "truth"},
        "features": {
            "x": {"kind": "numeric", "range": [18.0, 99.0]},
            "shop": {"kind": "category", "values": ["north", "south", ""]},
        },
        "protected": ["sex"],
        "segments": [["sex", "age"]],
        "reference": {"source": "log.parquet"},
        "monitor": {"every": "1d", "window": "1d"},
    }
    return ModelConfig.model_validate(data | changes)


COLUMNS = (
    ColumnPlan("x", "feature", NumericCells.spanning(20.0, 60.0)),
    ColumnPlan("shop", "feature", CategoryCells(("south", "north", "it's"))),
    ColumnPlan("score", "score", NumericCells.spanning(0.0, 1.0)),
    ColumnPlan("decision", "prediction", CategoryCells(("0", "1"))),
    ColumnPlan("truth", "label", CategoryCells(("0", "1"))),
)


def write(frame: pd.DataFrame, path: Path, *, row_group: int = 100) -> Path:
    """Write a frame in the format of the path's suffix."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=row_group)
    elif path.suffix == ".csv":
        pa_csv.write_csv(table, path)
    elif path.suffix == ".jsonl":
        frame.to_json(path, orient="records", lines=True, date_format="iso", date_unit="us", double_precision=15)
    else:
        import duckdb

        with duckdb.connect(str(path)) as connection:
            connection.register("frame_view", table)
            connection.execute("CREATE TABLE log AS SELECT * FROM frame_view").fetchall()
    return path


@dataclass(frozen=True)
class Bench:
    """A folder with logs, and the engine pointed at it."""

    root: Path

    def write(self, frame: pd.DataFrame, name: str = "log.parquet", **options: Any) -> Path:
        """Write a frame into the folder."""
        return write(frame, self.root / name, **options)

    def plan(self, model: ModelConfig | None = None, **changes: Any) -> Plan:
        """A plan over four days for the columns of ``make_frame``."""
        values: dict[str, Any] = {
            "model": model or config(),
            "root": self.root,
            "windows": days(4),
            "as_of": NEVER,
            "columns": COLUMNS,
        }
        return Plan(**(values | changes))

    def profile(self, plan: Plan | None = None, **options: Any) -> dict[Window, Statistics]:
        """Count a plan (default: the standard one)."""
        settings: dict[str, Any] = {"memory_limit": "200MB", "threads": 2} | options
        return dict(DuckDBEngine(**settings).profile(plan or self.plan()))


def plain(value: Any) -> Any:
    """Statistics as nested lists and numbers, so that == compares every bit."""
    if isinstance(value, np.ndarray):
        return [str(value.dtype), value.tolist()]
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if hasattr(value, "__dataclass_fields__"):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
    return value


def fixed(value: float, bits: int) -> int:
    """A number in fixed point, by exact rational arithmetic (halves to even)."""
    scaled: int = round(Fraction(value) * 2**bits)
    return scaled
