"""Group fairness with intervals, from a Parquet log of a million decisions, beside fairlearn's bootstrap.

    python benchmarks/fairness.py                 # 1M rows; 5, 20, 50 and 200 groups
    python benchmarks/fairness.py --rows 100000 --groups 5 20

aimsight reads the file, counts every group in one pass and finishes every fairness metric of the catalogue (about
thirty, differences and ratios, each with an interval that holds for all pairs of groups at once). fairlearn gets the
rows as arrays that are in memory already, seven rates, and a MetricFrame with percentile intervals by bootstrap. Its
time is linear in the number of bootstrap rounds and of rows: it is measured without and with two rounds, on
``--fairlearn-rows`` rows (100,000), and scaled to ``--rounds`` (100, few for a 95 % interval) and to all rows.
Every measurement runs on one thread.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

START = datetime(2026, 1, 1, tzinfo=UTC)
MEASURED_ROUNDS = 2


def rows_of(n: int, groups: int) -> dict[str, Any]:
    """Decisions about people of so many groups, whose sizes fall off like 1 / rank."""
    rng = np.random.default_rng(groups)
    weights = 1 / np.arange(1, groups + 1)
    group = rng.choice(groups, n, p=weights / weights.sum())
    label = (rng.random(n) < 0.3).astype(np.int8)
    score = np.clip(rng.normal(0.35 + 0.3 * label + 0.02 * (group % 3), 0.2), 0, 1)
    return {
        "at": (np.datetime64(START.replace(tzinfo=None)) + rng.integers(0, 86400, n).astype("timedelta64[s]")),
        "group": np.char.add("g", group.astype("U3")),
        "label": label,
        "decision": (score > 0.5).astype(np.int8),
        "score": score,
    }


def ours(path: Path) -> tuple[float, float, int]:
    """Seconds of the pass over the file, seconds of the metrics, and how many values with intervals there are."""
    from aimsight.configs.schema import ModelConfig
    from aimsight.metrics.engines.duckdb import DuckDBEngine
    from aimsight.metrics.measure import measure
    from aimsight.metrics.plan import Plan, Window
    from aimsight.metrics.values import Value

    model = ModelConfig.model_validate(
        {
            "model": "bench",
            "version": "1",
            "owner": "bench@example.org",
            "intended_use": "Synthetic decisions, to measure speed.",
            "risk": "limited",
            "task": "binary",
            "log": {
                "source": path.name,
                "timestamp": "at",
                "naive_timestamps": "UTC",
                "prediction": "decision",
                "score": "score",
            },
            "labels": {"label": "label"},
            "features": {"score": "numeric"},
            "protected": ["group"],
            "monitor": {"every": "1d", "window": "1d"},
        }
    )
    window = Window(START, START + timedelta(days=1))
    plan = Plan(model, path.parent, (window,), START + timedelta(days=2), ())
    started = time.perf_counter()
    statistics = DuckDBEngine(threads=1).profile(plan)[window]
    counted = time.perf_counter()
    found = measure(plan, statistics, None, selected=["fairness.*"], window=window)
    finished = time.perf_counter()
    values = [one.result for one in found if isinstance(one.result, Value) and one.result.interval is not None]
    return counted - started, finished - counted, len(values)


def theirs(data: dict[str, Any], rounds: int) -> tuple[float, float]:
    """Seconds of fairlearn's frame and its gaps without intervals, and with so many bootstrap rounds (scaled)."""
    from fairlearn import metrics as fairlearn
    from sklearn.metrics import accuracy_score, precision_score

    rates = {
        "selection rate": fairlearn.selection_rate,
        "true positive rate": fairlearn.true_positive_rate,
        "false positive rate": fairlearn.false_positive_rate,
        "true negative rate": fairlearn.true_negative_rate,
        "false negative rate": fairlearn.false_negative_rate,
        "precision": lambda y, p: precision_score(y, p, zero_division=0),
        "accuracy": accuracy_score,
    }

    def frame(**options: Any) -> float:
        started = time.perf_counter()
        made = fairlearn.MetricFrame(
            metrics=rates,
            y_true=data["label"],
            y_pred=data["decision"],
            sensitive_features=data["group"],
            **options,
        )
        made.difference()
        made.ratio()
        if options:
            made.difference_ci()
            made.ratio_ci()
        return time.perf_counter() - started

    plain = frame()
    with_rounds = frame(n_boot=MEASURED_ROUNDS, ci_quantiles=[0.025, 0.975], random_state=0)
    return plain, plain + (with_rounds - plain) * rounds / MEASURED_ROUNDS


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--groups", type=int, nargs="+", default=[5, 20, 50, 200])
    parser.add_argument("--fairlearn-groups", type=int, nargs="*", default=[5, 50], help="groups fairlearn is run with")
    parser.add_argument("--rounds", type=int, default=100, help="bootstrap rounds that fairlearn's time is scaled to")
    parser.add_argument("--fairlearn-rows", type=int, default=100_000, help="rows that fairlearn is measured on")
    options = parser.parse_args()
    rows = min(options.rows, options.fairlearn_rows)
    print(
        f"{options.rows:,} rows; fairlearn with {options.rounds} rounds, "
        f"scaled from {MEASURED_ROUNDS} rounds and {rows:,} rows"
    )
    print("groups  pass over file  metrics  values   fairlearn: no interval  with intervals   ratio")
    for groups in options.groups:
        data = rows_of(options.rows, groups)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "log.parquet"
            pq.write_table(pa.table(data), path)
            ours(path)  # once for the imports and the caches of both
            scan, finish, number = min(ours(path) for _ in range(3))
        line = f"{groups:6}  {scan:12.2f} s  {finish:5.2f} s  {number:6}"
        if groups in options.fairlearn_groups:
            some = {name: values[:rows] for name, values in data.items()}
            plain, interval = (options.rows / rows * seconds for seconds in theirs(some, options.rounds))
            line += f"   {plain:20.1f} s  {interval:12.0f} s  {interval / (scan + finish):6.0f}x"
        print(line, flush=True)


if __name__ == "__main__":
    main()
