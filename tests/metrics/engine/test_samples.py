"""Samples of rows: representative, the same in any order, with labels as of a moment."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from aimsight.configs.errors import SchemaError
from aimsight.metrics.engines.duckdb import DuckDBEngine
from aimsight.metrics.engines.sampling import Sample
from aimsight.metrics.plan import Window
from aimsight.tests.metrics.engine import logs

COLUMNS = ("x", "shop", "score", "sex")


def _engine(threads: int = 2) -> DuckDBEngine:
    return DuckDBEngine(threads=threads)


def _values(values: np.ndarray[Any, Any]) -> list[Any]:
    return [None if isinstance(value, float) and math.isnan(value) else value for value in values.tolist()]


def _plain(sample: Sample) -> Any:
    columns = {name: _values(values) for name, values in sample.columns.items()}
    labels = None if sample.labels is None else _values(sample.labels)
    return columns, sample.rows, None if sample.states is None else sample.states.tolist(), labels


@pytest.mark.parametrize(("threads", "order"), [(1, "reversed"), (2, "shuffled"), (3, "reversed"), (4, "shuffled")])
def test_the_order_of_rows_does_not_change_a_sample(threads: int, order: str, bench: Any) -> None:
    """The same rows are drawn, in the same order, from any arrangement of the log."""
    frame = logs.make_frame(3000)
    bench.write(frame)
    window = logs.days(4)[1]
    expected = _plain(_engine(1).sample(logs.config(), bench.root, window, COLUMNS, 100, seed=3))
    bench.write(frame.iloc[::-1] if order == "reversed" else frame.sample(frac=1, random_state=1), row_group=41)
    assert _plain(_engine(threads).sample(logs.config(), bench.root, window, COLUMNS, 100, seed=3)) == expected


def test_a_sample_is_rows_of_its_window(bench: Any) -> None:
    """Every drawn row is a row of the window, drawn once, with its own label; another seed draws others."""
    frame = logs.make_frame(3000)
    frame["x"] = np.arange(3000) + 0.5  # tells the rows apart
    bench.write(frame)
    window = logs.days(4)[2]
    day = frame[(frame["at"] >= window.start) & (frame["at"] < window.end)].set_index("x")
    sample = _engine().sample(logs.config(), bench.root, window, COLUMNS, 150)
    assert sample.rows == len(day)
    assert sample.size == 150
    assert len(set(sample.columns["x"].tolist())) == 150
    assert sample.states is not None
    assert sample.labels is not None
    for i, x in enumerate(sample.columns["x"].tolist()):
        row = day.loc[x]
        assert sample.columns["score"][i] == row["score"]
        for name in ("shop", "sex"):
            assert sample.columns[name][i] == (None if pd.isna(row[name]) else row[name])
        assert sample.states[i] == (1 if pd.isna(row["truth"]) else 0)
        assert math.isnan(sample.labels[i]) if pd.isna(row["truth"]) else sample.labels[i] == row["truth"]
    other = _engine().sample(logs.config(), bench.root, window, COLUMNS, 150, seed=1)
    assert other.columns["x"].tolist() != sample.columns["x"].tolist()
    less = _engine().sample(logs.config(), bench.root, window, COLUMNS, 50)
    assert less.columns["x"].tolist() == sample.columns["x"].tolist()[:50]


def test_several_windows_at_once_give_what_each_gives_alone(bench: Any) -> None:
    """Windows of very different sizes, an empty one and one with a gap before it, in one pass."""
    frame = logs.make_frame(3000)
    first = logs.START + timedelta(hours=1)
    windows = (
        Window(logs.START, first),
        Window(first, first + timedelta(days=2)),
        Window(logs.START + timedelta(days=3), logs.START + timedelta(days=4)),
        Window(logs.START + timedelta(days=9), logs.START + timedelta(days=10)),
    )
    bench.write(frame)
    together = _engine().samples(logs.config(), bench.root, windows, COLUMNS, 60)
    assert list(together) == list(windows)
    for window in windows:
        day = frame[(frame["at"] >= window.start) & (frame["at"] < window.end)]
        assert together[window].rows == len(day)
        assert together[window].size == min(60, len(day))
        assert _plain(_engine().sample(logs.config(), bench.root, window, COLUMNS, 60)) == _plain(together[window])


def test_a_sample_looks_like_its_window(bench: Any) -> None:
    """Shares and means of many samples lie around those of all rows, as of rows drawn with equal chances."""
    frame = logs.make_frame(4000, span=1)
    frame["x"] = np.random.default_rng(3).normal(0, 1, 4000)
    bench.write(frame)
    window = logs.days(4)[0]
    means, shares = [], []
    for seed in range(30):
        sample = _engine().sample(logs.config(), bench.root, window, COLUMNS, 400, seed=seed, with_labels=False)
        means.append(sample.columns["x"].mean())
        shares.append(np.mean([value == "north" for value in sample.columns["shop"]]))
    assert abs(np.mean(means) - frame["x"].mean()) < 4 / math.sqrt(30 * 400)
    assert np.std(means) == pytest.approx(math.sqrt(0.9 / 400), rel=0.5)
    north = (frame["shop"] == "north").mean()
    assert abs(np.mean(shares) - north) < 4 * math.sqrt(north * (1 - north) / (30 * 400))


def test_late_labels_do_not_change_which_rows_are_drawn(bench: Any) -> None:
    """As labels arrive the same rows are drawn; their states and labels are those of the moment."""
    frame = logs.make_frame(2000)
    bench.write(frame.drop(columns="truth"))
    labels = frame.loc[frame["truth"].notna(), ["id", "truth"]].copy()
    labels["known"] = frame["at"] + timedelta(days=1)
    bench.write(labels, "labels.parquet")
    model = logs.config(labels={"source": "labels.parquet", "label": "truth", "arrived_at": "known"})
    window = logs.days(4)[0]
    early = _engine().sample(model, bench.root, window, COLUMNS, 80, as_of=logs.START + timedelta(days=1, hours=6))
    late = _engine().sample(model, bench.root, window, COLUMNS, 80)
    assert _plain(early)[0] == _plain(late)[0]
    assert early.states is not None
    assert late.states is not None
    assert set(early.states.tolist()) == {0, 1, 3}
    assert set(late.states.tolist()) == {0, 1}
    assert (late.states[early.states == 3] == 0).all()
    assert early.labels is not None
    assert np.isnan(early.labels[early.states == 3]).all()


def test_repeated_ids_are_drawn_once_and_equal_rows_together(bench: Any) -> None:
    """With an id, a repeated row counts once; without one, equal rows are all there when the sample is large enough."""
    frame = logs.make_frame(300)
    window = logs.days(4)[0]
    count = int((frame["at"] < window.end).sum())
    bench.write(pd.concat([frame, frame]))
    sample = _engine().sample(logs.config(), bench.root, window, COLUMNS, 1000)
    assert (sample.rows, sample.size) == (count, count)
    log = {"source": "log.parquet", "timestamp": "at", "score": "score"}
    sample = _engine().sample(logs.config(log=log), bench.root, window, COLUMNS, 1000)
    assert (sample.rows, sample.size) == (2 * count, 2 * count)
    constant = frame.assign(at=logs.START, x=1.0, shop="north", sex="F", age="old", score=0.5)
    bench.write(constant)
    sample = _engine().sample(logs.config(log=log), bench.root, window, COLUMNS, 10)
    assert (sample.rows, sample.size) == (300, 10)


def test_a_reference_of_its_own_is_sampled_whole(bench: Any) -> None:
    """Without a window all rows of the reference's own source are drawn from, its last moment included."""
    frame = logs.make_frame(200)
    bench.write(frame)
    bench.write(frame.head(50), "old.parquet")
    model = logs.config(reference={"source": "old.parquet"})
    sample = _engine().sample(model, bench.root, None, COLUMNS, 1000)
    assert (sample.rows, sample.size) == (50, 50)


def test_other_tasks_have_labels_of_their_kind(bench: Any) -> None:
    """Classes are text, numbers are numbers; a model without labels has none."""
    frame = logs.make_frame(200, span=1)
    frame["truth"] = np.where(frame["score"] > 0.5, "high", "low")
    bench.write(frame)
    window = logs.days(4)[0]
    log = {"source": "log.parquet", "id": "id", "timestamp": "at", "prediction": "decision"}
    sample = _engine().sample(logs.config(task="multiclass", log=log), bench.root, window, ("decision",), 20)
    assert sample.labels is not None
    assert set(sample.labels.tolist()) == {"high", "low"}
    assert set(sample.columns["decision"].tolist()) == {"0", "1"}
    frame["truth"] = frame["score"] * 3
    bench.write(frame)
    sample = _engine().sample(logs.config(task="regression", log=log), bench.root, window, ("score", "decision"), 20)
    assert sample.labels is not None
    assert sample.labels.tolist() == (sample.columns["score"] * 3).tolist()
    assert sample.columns["decision"].dtype == np.float64
    sample = _engine().sample(logs.config(labels=None), bench.root, window, ("x",), 20)
    assert sample.labels is None
    assert sample.states is None


def test_a_column_that_cannot_be_read_is_named(bench: Any) -> None:
    """A misspelt column and one of the wrong type are errors for people."""
    frame = logs.make_frame(50)
    bench.write(frame.assign(x="a"))
    with pytest.raises(SchemaError, match="did you mean shop"):
        _engine().sample(logs.config(), bench.root, logs.days(4)[0], ("shopp",), 5)
    with pytest.raises(SchemaError, match="'x' must be numeric"):
        _engine().sample(logs.config(), bench.root, logs.days(4)[0], ("x",), 5)


@pytest.mark.parametrize("name", ["h", "t", "state", "label", "c0", "c1", "n", "hash"])
def test_a_column_may_have_any_name(name: str, bench: Any) -> None:
    """A feature called as something is in our own queries is drawn as it is under another name."""
    frame, window = logs.make_frame(3000), logs.days(4)[1]
    bench.write(frame)
    columns, *rest = _plain(_engine().sample(logs.config(), bench.root, window, COLUMNS, 100, seed=3))
    bench.write(frame.rename(columns={"shop": name}))
    config = logs.config()
    features = {name if one == "shop" else one: feature for one, feature in config.features.items()}
    renamed = config.model_copy(update={"features": features})
    asked = tuple(name if one == "shop" else one for one in COLUMNS)
    found, *others = _plain(_engine().sample(renamed, bench.root, window, asked, 100, seed=3))
    assert list(found.values()) == list(columns.values())
    assert others == rest
