"""Write the synthetic inference log of the benchmark: seeded, sorted by time, 30 days, zstd Parquet.

Twenty float64 features of different shapes (some drifting over the month, one with missing values), five text features,
a protected group, a score, a prediction, a label and the time of the prediction: about 166 bytes a row.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    from numpy.typing import NDArray

DAYS = 30
START = datetime(2026, 6, 1, tzinfo=UTC)
ROW_GROUP = 122_880
NUMERIC = tuple(f"n{i}" for i in range(20))
TEXT = tuple(f"c{i}" for i in range(5))
CARDINALITY = (3, 8, 20, 60, 250)
GROUPS = ("A", "B", "C", "D")


def block(rng: np.random.Generator, size: int, when: NDArray[np.float64], drift: float) -> pa.Table:
    """One row group; ``when`` holds each row's place in the month in [0, 1), ``drift`` scales the shift over it."""
    import numpy as np
    import pyarrow as pa

    columns: dict[str, pa.Array] = {}
    for i, name in enumerate(NUMERIC):
        shift = drift * when * (i % 4 == 0) * 0.5
        match i % 5:
            case 0:
                x = rng.normal(shift, 1.0, size)
            case 1:
                x = rng.lognormal(shift, 0.7, size)
            case 2:
                x = rng.gamma(2.0, 10.0, size) + shift
            case 3:
                x = rng.uniform(0.0, 100.0, size) + 10.0 * shift
            case _:
                x = rng.standard_t(4, size) + shift
        columns[name] = pa.array(x, mask=rng.random(size) < 0.02) if i == 7 else pa.array(x)
    for name, cardinality in zip(TEXT, CARDINALITY, strict=True):
        code = (rng.random(size) ** 2 * cardinality).astype(np.int64)
        columns[name] = pa.array([f"{name}-{k:03d}" for k in range(cardinality)]).take(pa.array(code))
    group = rng.choice(4, size, p=[0.4, 0.3, 0.2, 0.1])
    score = rng.beta(2.0, 3.0, size)
    label = rng.random(size) < np.clip(score + drift * when * 0.1 * (group == 1), 0.0, 1.0)
    columns["group"] = pa.array(list(GROUPS)).take(pa.array(group))
    columns["score"] = pa.array(score)
    columns["prediction"] = pa.array((score >= 0.5).astype(np.int8))
    columns["label"] = pa.array(label.astype(np.int8))
    return pa.table(columns)


def write_log(path: Path, rows: int, *, seed: int, start: datetime = START, drift: float = 1.0) -> Path:
    """Write ``rows`` rows spread evenly over ``DAYS`` days from ``start``; returns the path."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    step = timedelta(days=DAYS) / rows / timedelta(microseconds=1)
    writer: pq.ParquetWriter | None = None
    for first in range(0, rows, ROW_GROUP):
        number = np.arange(first, min(first + ROW_GROUP, rows))
        micros = int(start.timestamp()) * 1_000_000 + (number * step).astype(np.int64)
        table = block(rng, number.size, number / rows, drift)
        table = table.append_column("timestamp", pa.array(micros, pa.timestamp("us", tz="UTC")))
        if writer is None:
            # a dictionary of numbers that are all different would only add a third to the file
            writer = pq.ParquetWriter(partial, table.schema, compression="zstd", use_dictionary=[*TEXT, "group"])
        writer.write_table(table, row_group_size=ROW_GROUP)
    if writer is not None:
        writer.close()
    return partial.replace(path)


def ensure(folder: Path, rows: int) -> tuple[Path, Path]:
    """The reference (the month before, without drift, at most 1M rows) and the log; written where they are absent."""
    reference = folder / f"reference-{min(rows, 1_000_000)}.parquet"
    log = folder / f"log-{rows}.parquet"
    if not reference.exists():
        write_log(reference, min(rows, 1_000_000), seed=1, start=START - timedelta(days=DAYS), drift=0.0)
    if not log.exists():
        write_log(log, rows, seed=2)
    return reference, log


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--into", type=Path, default=Path("build/bench"))
    arguments = parser.parse_args()
    for written in ensure(arguments.into, arguments.rows):
        print(f"{written}  {written.stat().st_size / 1e6:.0f} MB")
