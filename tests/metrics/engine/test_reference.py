"""The frozen reference, samples for reports and the look at a schema."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from aimsight.configs.errors import SourceError
from aimsight.metrics.cells import CategoryCells, NumericCells
from aimsight.metrics.engines import reference as reference_module
from aimsight.metrics.engines.duckdb import DuckDBEngine
from aimsight.metrics.engines.moments import ExactSum, Moments
from aimsight.metrics.plan import Window
from aimsight.metrics.statistics import merge
from aimsight.tests.metrics.engine import logs


def _make(bench: Any, model: Any = None, *, threads: int = 2, **options: Any) -> Any:
    arguments = {"windows": None, "period": None, "as_of": logs.NEVER, "fingerprint": "f"} | options
    return DuckDBEngine(threads=threads).make_reference(model or logs.config(), bench.root, **arguments)


def test_reference_of_its_own_source(bench: Any) -> None:
    """Cells span the quantiles of the finite values, categories go by count then name, moments are pandas'."""
    frame = logs.make_frame(3000)
    bench.write(frame)
    found = _make(bench)
    columns = {column.name: column for column in found.columns}
    assert list(columns) == ["x", "shop", "score", "decision", "truth"]
    assert [column.role for column in found.columns] == ["feature", "feature", "score", "prediction", "label"]
    finite = np.sort(frame["x"][np.isfinite(frame["x"])])
    assert columns["x"].cells == NumericCells(
        finite[round(0.01 * (finite.size - 1))], finite[round(0.99 * (finite.size - 1))]
    )
    ordered = sorted(frame["shop"].value_counts().items(), key=lambda item: (-item[1], item[0]))
    assert columns["shop"].cells == CategoryCells(tuple(str(name) for name, _ in ordered))
    assert columns["decision"].cells == CategoryCells(tuple(frame["decision"].value_counts().index.astype(str)))
    assert columns["score"].cells == NumericCells(0.0, 1.0)
    assert columns["score"].reference_mean == pytest.approx(frame["score"].mean(), abs=1e-14)
    assert columns["score"].reference_std == pytest.approx(frame["score"].std(ddof=0), abs=1e-14)
    assert columns["x"].reference_std is None  # 1e308 has no square
    assert found.statistics.quality.rows == 3000
    assert found.name == "source log.parquet"
    assert found.windows == ()
    assert not found.statistics.all_rows.scores[""].exact


def test_reference_is_a_period_of_the_log(bench: Any) -> None:
    """Only the period counts; its own windows add up to the statistics, gaps between them included."""
    frame = logs.make_frame(2000)
    bench.write(frame)
    period = Window(logs.START, logs.START + timedelta(days=3))
    windows = logs.days(2, logs.START + timedelta(hours=12))
    found = _make(bench, period=period, windows=windows)
    assert found.name == "period 2026-03-01..2026-03-04"
    assert found.statistics.quality.rows == (frame["at"] < period.end).sum()
    assert [part.quality.rows for part in found.windows] == [
        ((frame["at"] >= window.start) & (frame["at"] < window.end)).sum() for window in windows
    ]
    whole = _make(bench, period=period)
    assert logs.plain(whole.statistics) == logs.plain(found.statistics)
    assert whole.columns == found.columns


@pytest.mark.parametrize("season", [None, "weekday"])
def test_distinct_values_of_an_exact_reference(season: str | None, bench: Any) -> None:
    """The reference has every value of the period; its windows have theirs only where they are a season's."""
    frame = logs.make_frame(2000)
    bench.write(frame)
    model = logs.config(drift="exact", reference={"period": ["2026-03-01", "2026-03-05"], "season": season})
    period, windows = Window(logs.START, logs.START + timedelta(days=4)), logs.days(4)
    found = _make(bench, model, period=period, windows=windows)
    x = frame["x"][np.isfinite(frame["x"])] + 0.0
    values, counts = found.statistics.values["x"].unpacked()
    assert dict(zip(values, counts, strict=True)) == x.value_counts().to_dict()
    assert found.statistics.values["x"].missing == frame["x"].isna().sum()
    for window, part in zip(windows, found.windows, strict=True):
        inside = x[(frame["at"] >= window.start) & (frame["at"] < window.end)]
        expected = sorted(inside.unique()) if season else None
        assert (part.values["x"].unpacked()[0].tolist() if part.values else None) == expected


def test_counting_the_reference_again_gives_its_statistics(bench: Any) -> None:
    """A plan made of the reference's columns over the same rows counts the same."""
    bench.write(logs.make_frame(800))
    found = _make(bench)
    again = merge(bench.profile(bench.plan(columns=found.columns)))
    assert logs.plain(again.columns) == logs.plain(found.statistics.columns)
    assert again.all_rows.binary == found.statistics.all_rows.binary
    assert again.all_rows.score_sums == found.statistics.all_rows.score_sums


@pytest.mark.parametrize("threads", [1, 2, 3, 4])
def test_reference_does_not_depend_on_order(threads: int, bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the order of rows nor threads change a reference, even when quantiles come from a sample."""
    monkeypatch.setattr(reference_module, "SAMPLE_ROWS", 500)
    frame = logs.make_frame(3000)
    frame["x"] = frame["x"].where(np.isfinite(frame["x"]) & (frame["x"].abs() < 1e6), 40.0)
    bench.write(frame)
    expected = _make(bench)
    bench.write(frame.sample(frac=1, random_state=9), row_group=61)
    found = _make(bench, threads=threads)
    assert found.columns == expected.columns
    assert logs.plain(found.statistics) == logs.plain(expected.statistics)
    x = expected.columns[0]
    assert x.reference_mean == pytest.approx(frame["x"].mean(), rel=1e-12)
    assert x.reference_std == pytest.approx(frame["x"].std(ddof=0), rel=1e-12)
    exact = frame["x"].quantile([0.01, 0.99])
    assert x.cells.low == pytest.approx(exact[0.01], abs=6)
    assert x.cells.high == pytest.approx(exact[0.99], abs=6)


def test_one_outlier_does_not_spoil_the_cells(bench: Any) -> None:
    """A single absurd value in the reference leaves fine cells for the others."""
    frame = logs.make_frame(1000)
    frame["x"] = np.linspace(0, 100, 1000)
    frame.loc[500, "x"] = 1e12
    bench.write(frame)
    cells = _make(bench).columns[0].cells
    assert 0 < cells.low < 2
    assert 98 < cells.high < 100


def test_constant_empty_and_missing_columns(bench: Any) -> None:
    """A constant column gets narrow cells, an empty one some cells and no mean, a missing one its reason."""
    frame = logs.make_frame(100).assign(x=7.0, y=math.nan)
    bench.write(frame)
    model = logs.config(features={"x": "numeric", "y": "numeric", "z": "numeric"})
    found = _make(bench, model)
    columns = {column.name: column for column in found.columns}
    assert (columns["x"].reference_mean, columns["x"].reference_std) == (7.0, 0.0)
    assert columns["x"].cells.low < 7.0 < columns["x"].cells.high
    assert columns["y"].reference_mean is None
    assert found.statistics.columns["y"].counts[-2] == 100
    assert "z" not in columns
    assert "no column 'z'" in found.statistics.column_errors["z"]


def test_an_empty_reference_is_refused(bench: Any) -> None:
    """A period without rows is an error that names it."""
    bench.write(logs.make_frame(20))
    period = Window(logs.START - timedelta(days=9), logs.START - timedelta(days=8))
    with pytest.raises(SourceError, match="the reference has no rows from 2026-02-20"):
        _make(bench, period=period)


def test_regression_reference(bench: Any) -> None:
    """The label's mean is the center, and the fixed-point unit is 2**-30 of its spread, to a power of two."""
    rng = np.random.default_rng(3)
    label = rng.normal(100, 12, 500)
    at = [logs.START + timedelta(minutes=i) for i in range(500)]
    bench.write(pd.DataFrame({"at": at, "x": label, "minutes": label + 1, "truth": label}))
    model = logs.config(
        task="regression",
        log={"source": "log.parquet", "timestamp": "at", "prediction": "minutes"},
        features={"x": "numeric"},
        protected=[],
        segments=[],
    )
    found = _make(bench, model)
    assert found.label_center == pytest.approx(label.mean(), rel=1e-13)
    assert 2.0**found.error_exponent == pytest.approx(label.std() * 2**-30, rel=1)
    sums = found.statistics.all_rows.errors
    assert sums.error * 2.0**found.error_exponent / sums.n == pytest.approx(1.0, abs=1e-9)
    roles = [(column.name, column.role) for column in found.columns]
    assert roles == [("x", "feature"), ("minutes", "prediction"), ("truth", "label")]


def test_multiclass_reference_knows_all_classes(bench: Any) -> None:
    """Classes are those of labels, predictions and scores, in the order of their names."""
    at = [logs.START + timedelta(minutes=i) for i in range(4)]
    frame = pd.DataFrame({"at": at, "x": 1.0, "truth": ["b", "a", None, "b"], "decision": ["b", "d", "b", "b"]})
    bench.write(frame.assign(p=0.5))
    log = {"source": "log.parquet", "timestamp": "at", "prediction": "decision", "scores": {"c": "p"}}
    model = logs.config(task="multiclass", log=log, features={"x": "numeric"}, protected=[], segments=[])
    found = _make(bench, model)
    assert found.classes == ("a", "b", "c", "d")
    assert found.statistics.all_rows.classes.matrix.sum() == 3


def test_sums_of_floating_point_numbers_are_exact() -> None:
    """The exact sum agrees with math.fsum, which rounds once, where naive sums lose everything."""
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.normal(0, 1, 1000) * 10.0 ** rng.integers(-300, 300, 1000), [5e-324, -0.0]])
    total = ExactSum()
    for part in np.array_split(values, 7):
        total.add(part)
    assert float(total.total()) == math.fsum(values)
    moments = Moments(1e9)
    moments.add(np.array([1e9 + 1, 1e9 + 2, 1e9 + 3, math.nan, math.inf]))
    assert moments.result() == (1e9 + 2, math.sqrt(2 / 3))


def test_frame_is_a_sample_that_depends_on_nothing_but_rows_and_seed(bench: Any) -> None:
    """The same rows in another order give the same sample; another seed gives another."""
    frame = logs.make_frame(1000)
    bench.write(frame)
    window = logs.days(4)[1]
    model = logs.config()

    def sample(seed: int = 1) -> pd.DataFrame:
        return DuckDBEngine().frame(model, bench.root, window, ["x", "shop"], 50, seed)

    first = sample()
    assert list(first.columns) == ["x", "shop"]
    assert len(first) == 50
    inside = frame[(frame["at"] >= window.start) & (frame["at"] < window.end)]
    assert set(first["x"]) <= set(inside["x"])
    assert not first.equals(sample(2))
    bench.write(frame.sample(frac=1, random_state=2))
    pd.testing.assert_frame_equal(sample(), first)


def test_schema_lists_columns_and_types(bench: Any) -> None:
    """Names and types come in the file's order."""
    path = bench.write(logs.make_frame(10))
    found = dict(DuckDBEngine().schema([path]))
    assert list(found)[:3] == ["id", "at", "x"]
    assert (found["x"], found["shop"], found["decision"]) == ("DOUBLE", "VARCHAR", "BIGINT")
