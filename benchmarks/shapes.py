"""How the pass grows with columns, windows, groups and disorder: ratios against the plain scan of the columns used.

    python benchmarks/shapes.py                  # every case
    python benchmarks/shapes.py columns windows  # some of: columns, windows, groups, order
    python benchmarks/shapes.py --rows 1000000   # default: 200,000 (columns) and 1,000,000 (the others)
    python benchmarks/shapes.py --few            # what `make bench` shows: the least and the most of each

Each job runs in a process of its own. The log has normal features, a group, a score, a prediction and a label over one
year. ``plain`` is DuckDB's count, min, max and sum of every column, a portion of columns at a time as the engine reads
them; ``pass`` is the engine's one pass and the finished statistics of every window and group. Time is processor time:
it says the same on a busy machine.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent))
from run import measure  # beside this script

OUTPUT = Path(__file__).parent / "output"
START = datetime(2026, 1, 1, tzinfo=UTC)
YEAR = timedelta(days=365)


class Case(NamedTuple):
    """One log and how it is looked at."""

    rows: int
    columns: int
    windows: int
    groups: int
    order: str

    @property
    def log(self) -> Path:
        """The file, the same for all numbers of windows."""
        return OUTPUT / f"shape-{self.rows}-{self.columns}-{self.groups}-{self.order}.parquet"


def cases(chosen: list[str], rows: int | None) -> list[Case]:
    """The cases of these kinds."""
    wide, long = rows or 200_000, rows or 1_000_000
    found = {
        "columns": [Case(wide, columns, 12, 5, "sorted") for columns in (25, 100, 400, 1000)],
        "windows": [
            *(Case(long, 10, windows, 5, "sorted") for windows in (1, 30, 365)),
            Case(long // 5, 100, 365, 5, "sorted"),
        ],
        "groups": [Case(long, 10, 30, groups, "sorted") for groups in (5, 50, 200)],
        "order": [
            *(Case(long, 10, windows, 5, "shuffled") for windows in (1, 30, 365)),
            Case(long // 5, 100, 365, 5, "shuffled"),
        ],
    }
    return [case for name in chosen or found for case in found[name]]


def few_cases() -> list[Case]:
    """The ends of every kind, with as few rows as show how the cost grows."""
    return [
        *(Case(50_000, columns, 12, 5, "sorted") for columns in (100, 1000)),
        *(Case(1_000_000, 10, windows, 5, order) for order in ("sorted", "shuffled") for windows in (1, 365)),
        *(Case(1_000_000, 10, 30, groups, "sorted") for groups in (5, 200)),
    ]


def write_log(case: Case) -> None:
    """Write the log of a case where it is absent."""
    if case.log.exists():
        return
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(3)
    case.log.parent.mkdir(parents=True, exist_ok=True)
    partial = case.log.with_suffix(".partial")
    step = YEAR / timedelta(microseconds=1) / case.rows
    size = max(10_000, min(122_880, 12_000_000 // case.columns))
    writer: pq.ParquetWriter | None = None
    for first in range(0, case.rows, size):
        number = np.arange(first, min(first + size, case.rows))
        if case.order == "shuffled":
            number = rng.integers(0, case.rows, number.size)
        score = rng.beta(2.0, 3.0, number.size)
        group = pa.array([f"g{i:03d}" for i in range(case.groups)]).take(
            pa.array(rng.integers(0, case.groups, number.size))
        )
        times = (number * step).astype(np.int64) + int(START.timestamp()) * 1_000_000
        table = pa.table(
            {
                "at": pa.array(times, pa.timestamp("us", tz="UTC")),
                **{f"f{i}": rng.normal(0.0, 1.0, number.size) for i in range(case.columns)},
                "group": group,
                "score": score,
                "prediction": (score > 0.5).astype(np.int8),
                "label": (rng.random(number.size) < score).astype(np.int8),
            }
        )
        if writer is None:
            writer = pq.ParquetWriter(partial, table.schema, compression="zstd", use_dictionary=["group"])
        writer.write_table(table, row_group_size=size)
    if writer is not None:
        writer.close()
    partial.replace(case.log)


def job_plain(case: Case) -> None:
    """Count, min, max and sum of every column that the pass uses."""
    from aimsight.metrics.engines.connection import connect, run
    from aimsight.metrics.engines.passes import COLUMNS_AT_ONCE

    names = [*(f"f{i}" for i in range(case.columns)), "score", "prediction", "label"]
    with connect([case.log], memory_limit="200MB", threads=2) as connection:
        for first in range(0, len(names), COLUMNS_AT_ONCE):
            part = names[first : first + COLUMNS_AT_ONCE]
            wanted = [f'count("{name}"), min("{name}"), max("{name}"), sum("{name}")' for name in part]
            run(connection, f"SELECT max(\"at\"), {', '.join(wanted)} FROM read_parquet('{case.log}')")
        run(connection, f'SELECT min("group"), max("group") FROM read_parquet(\'{case.log}\')')


def job_pass(case: Case) -> None:
    """One pass of the engine, every window finished."""
    from aimsight.configs.schema import ModelConfig
    from aimsight.metrics.cells import NumericCells
    from aimsight.metrics.engines.duckdb import DuckDBEngine
    from aimsight.metrics.plan import ColumnPlan, Plan, Window

    names = [f"f{i}" for i in range(case.columns)]
    model = ModelConfig.model_validate(
        {
            "model": "shape",
            "version": "1",
            "owner": "bench@example.org",
            "intended_use": "Synthetic decisions, to measure how cost grows.",
            "risk": "limited",
            "task": "binary",
            "log": {"source": case.log.name, "timestamp": "at", "prediction": "prediction", "score": "score"},
            "labels": {"label": "label"},
            "features": dict.fromkeys(names, "numeric"),
            "protected": ["group"],
            "monitor": {"every": "1d", "window": "1d"},
        }
    )
    step = YEAR / case.windows
    windows = tuple(Window(START + i * step, START + (i + 1) * step) for i in range(case.windows))
    columns = tuple(ColumnPlan(name, "feature", NumericCells.spanning(-2.33, 2.33)) for name in names)
    scores = ColumnPlan("score", "score", NumericCells.spanning(0.0, 1.0))
    plan = Plan(model, case.log.parent, windows, windows[-1].end, (*columns, scores))
    rows = sum(part.quality.rows for part in DuckDBEngine().profile(plan).values())
    if rows != case.rows:
        raise RuntimeError(f"the pass saw {rows} rows of {case.rows}")


def show(chosen: list[Case]) -> None:
    """Measure these cases and print a table."""
    print(f"{'rows':>10}{'columns':>9}{'windows':>9}{'groups':>8}  {'order':10}", end="")
    print(f"{'plain CPU s':>12}{'pass CPU s':>12}{'ratio':>7}{'peak MB':>9}{'ns/value':>10}")
    for case in chosen:
        words = [*map(str, case[:4]), case.order]
        measure([sys.executable, __file__, "--job", "write", *words])
        plain, ours = (measure([sys.executable, __file__, "--job", job, *words]) for job in ("plain", "pass"))
        each = ours.cpu / (case.rows * (case.columns + 4)) * 1e9
        print(f"{case.rows:10,}{case.columns:9}{case.windows:9}{case.groups:8}  {case.order:10}", end="")
        print(f"{plain.cpu:12.2f}{ours.cpu:12.2f}{ours.cpu / plain.cpu:7.2f}{ours.peak:9.0f}{each:10.1f}", flush=True)


def main() -> None:
    """Read the options; ``--job`` is how this script calls itself."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", help="columns, windows, groups, order; default: all")
    parser.add_argument("--rows", type=int, help="rows of every log")
    parser.add_argument("--few", action="store_true", help="the least and the most of each kind only")
    parser.add_argument("--job", nargs=6, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        job, *numbers, order = options.job
        case = Case(*map(int, numbers), order)
        {"write": write_log, "plain": job_plain, "pass": job_pass}[job](case)
        return
    show(few_cases() if options.few else cases(options.kinds, options.rows))


if __name__ == "__main__":
    main()
