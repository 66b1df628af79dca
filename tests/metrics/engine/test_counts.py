"""The engine's counts against an independent count by pandas."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from aimsight.metrics.cells import NumericCells
from aimsight.metrics.engines.duckdb import DuckDBEngine
from aimsight.metrics.engines.expressions import code_of
from aimsight.metrics.plan import Window
from aimsight.metrics.statistics import merge
from aimsight.metrics.values import ALL_ROWS, Segment
from aimsight.tests.metrics.engine import logs

if TYPE_CHECKING:
    from aimsight.metrics.statistics import SegmentStatistics


def _text(value: Any) -> str:
    return "(missing)" if pd.isna(value) else str(value)


def _check_binary(part: SegmentStatistics, rows: pd.DataFrame) -> None:
    """Compare one segment with its rows."""
    labelled = rows[rows["truth"].notna()]
    assert part.rows == len(rows)
    assert part.labelled == len(labelled)
    valid = rows["score"].between(0, 1)
    assert part.invalid_scores == int((~valid).sum())
    assert part.invalid_predictions == 0
    assert part.binary is not None
    assert (part.binary.predicted, part.binary.selected) == (len(rows), int((rows["decision"] == 1).sum()))
    for name, decision, truth in (
        ("true_positive", 1, 1),
        ("false_positive", 1, 0),
        ("false_negative", 0, 1),
        ("true_negative", 0, 0),
    ):
        expected = ((labelled["decision"] == decision) & (labelled["truth"] == truth)).sum()
        assert getattr(part.binary, name) == int(expected), name
    used = labelled[labelled["score"].between(0, 1)]
    pairs = list(zip(used["score"].astype(float), used["truth"].astype(int), strict=True))
    sums = part.score_sums
    assert sums is not None
    assert sums.n == len(pairs)
    assert sums.gap == sum(logs.fixed(y - s, 50) for s, y in pairs)
    assert sums.brier == sum(logs.fixed((y - s) * (y - s), 50) for s, y in pairs)
    losses = [-math.log(min(max(s if y else 1 - s, 2**-52), 1 - 2**-52)) for s, y in pairs]
    # the logarithms of two libraries may differ in the last bit, hence by one unit a row
    assert abs(sums.loss - sum(logs.fixed(loss, 40) for loss in losses)) <= len(pairs)
    assert sums.loss_square == pytest.approx(sum(loss * loss for loss in losses) * 2**40, rel=1e-5)
    assert part.scores is not None
    counts = part.scores[""]
    table = used.groupby("score")["truth"].agg(["size", "sum"])
    assert counts.exact
    assert counts.positions.tolist() == table.index.tolist()
    assert counts.positives.tolist() == table["sum"].astype(int).tolist()
    assert (counts.negatives + counts.positives).tolist() == table["size"].tolist()


@pytest.mark.parametrize("rows", [1, 7, 400, 3000])
def test_binary_statistics_equal_a_count_by_pandas(rows: int, bench: Any) -> None:
    """Every window, segment and sum of a binary model is what pandas counts."""
    frame = logs.make_frame(rows)
    bench.write(frame)
    found = bench.profile()
    assert list(found) == list(logs.days(4))
    frame["day"] = (frame["at"] - logs.START) // timedelta(days=1)
    for number, statistics in enumerate(found.values()):
        day = frame[frame["day"] == number]
        assert statistics.quality.rows == len(day)
        assert statistics.quality.duplicate_rows == 0
        assert statistics.column_errors == {}
        _check_binary(statistics.all_rows, day)
        expected = {ALL_ROWS}
        for sex, part in day.groupby(day["sex"].map(_text)):
            segment = Segment((("sex", str(sex)),))
            _check_binary(statistics.segments[segment], part)
            expected.add(segment)
        for (sex, age), part in day.groupby([day["sex"].map(_text), "age"]):
            segment = Segment((("sex", str(sex)), ("age", str(age))))
            _check_binary(statistics.segments[segment], part)
            expected.add(segment)
        assert set(statistics.segments) == expected
        if len(day):
            assert statistics.latest is not None
            assert statistics.latest.at == day["at"].max().to_pydatetime()


def test_column_counts_equal_a_count_by_pandas(bench: Any) -> None:
    """Cells, missing, non-finite, unseen and out of range of every column are what pandas counts."""
    frame = logs.make_frame(2000)
    bench.write(frame)
    total = merge(bench.profile())
    x, shop = frame["x"], frame["shop"]
    counts = total.columns["x"]
    assert counts.counts[-2] == x.isna().sum()
    assert counts.counts[-1] == np.isinf(x).sum()
    cells = logs.COLUMNS[0].cells
    assert isinstance(cells, NumericCells)
    edges = cells.edges()
    inside = x[(x >= 20) & (x < 60)]
    assert counts.counts[480:1480].tolist() == np.histogram(inside, edges[480:1481])[0].tolist()
    finite = x[np.isfinite(x)]
    assert counts.out_of_range == int(((finite < 18) | (finite > 99)).sum())
    counts = total.columns["shop"]
    expected = [(shop == name).sum() for name in ("south", "north", "it's")]
    assert counts.counts.tolist() == [*expected, shop.isna().sum(), shop.isin(["", "new"]).sum()]
    assert counts.out_of_range == int(shop.isin(["it's", "new"]).sum())
    assert total.columns["decision"].counts.tolist() == [*frame["decision"].value_counts().sort_index(), 0, 0]
    truth = frame["truth"]
    assert total.columns["truth"].counts.tolist() == [(truth == 0).sum(), (truth == 1).sum(), 0, 0]


ORDERS = ("sorted", "reversed", "shuffled")


def _plan_of(task: str, frame: pd.DataFrame, bench: Any, **changes: Any) -> Any:
    """A plan, exact values of columns included, for the binary model of the frame or one that tells its shops apart."""
    if task == "binary":
        return bench.plan(exact_drift=True, **changes)
    frame["guess"] = frame["shop"].sample(frac=1, random_state=1).to_numpy()
    frame["rest"] = 1 - frame["score"]
    log = {"source": "log.parquet", "id": "id", "timestamp": "at", "prediction": "guess"}
    scores = {"north": "score", "south": "rest", "new": "rest"}
    model = logs.config(task=task, log=log | {"scores": scores}, labels={"label": "shop"})
    return bench.plan(model, columns=logs.COLUMNS[:2], classes=tuple(scores), exact_drift=True, **changes)


@pytest.mark.parametrize(
    ("task", "threads", "order"),
    [
        *(("binary", threads, order) for threads in (1, 2, 3, 4) for order in ORDERS),
        *(
            ("multiclass", threads, order)
            for threads, order in zip((1, 2, 3, 4), (*ORDERS[1:], *ORDERS[1:]), strict=True)
        ),
    ],
)
def test_neither_threads_nor_row_order_change_a_bit(task: str, threads: int, order: str, bench: Any) -> None:
    """Every statistic is bit-equal for any number of threads and any order of the rows."""
    frame = logs.make_frame(2500)
    plan = _plan_of(task, frame, bench)
    bench.write(frame)
    expected = logs.plain(bench.profile(plan, threads=1))
    changed = {"sorted": frame, "reversed": frame.iloc[::-1], "shuffled": frame.sample(frac=1, random_state=3)}[order]
    bench.write(changed, row_group=37)
    assert logs.plain(bench.profile(plan, threads=threads)) == expected


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_days_merge_to_the_week(task: str, bench: Any) -> None:
    """The merged statistics of the days are, bit by bit, those of one long window."""
    frame = logs.make_frame(2500)
    whole = Window(logs.START, logs.START + timedelta(days=4))
    plan, long = (_plan_of(task, frame, bench, windows=windows) for windows in (logs.days(4), (whole,)))
    bench.write(frame)
    week = bench.profile(long)[whole]
    assert week.values
    assert (week.all_rows.scores or {}).keys() == ({""} if task == "binary" else {"north", "south", "new"})
    assert logs.plain(merge(bench.profile(plan))) == logs.plain(week)


def test_a_window_alone_is_counted_as_among_others(bench: Any) -> None:
    """Which other windows a plan has does not change a window's statistics."""
    frame = logs.make_frame(900)
    bench.write(pd.concat([frame, frame.sample(50, random_state=1)]))
    together = bench.profile()
    for window in logs.days(4):
        alone = bench.profile(bench.plan(windows=(window,)))[window]
        assert logs.plain(alone) == logs.plain(together[window])


def test_windows_of_unequal_length_with_a_gap(bench: Any) -> None:
    """Rows in the gap between windows are ignored; each row is counted where its time lies (23-hour day included)."""
    times = [datetime(2026, 3, 28, 23, tzinfo=UTC) + timedelta(hours=i) for i in range(72)]
    frame = logs.make_frame(72)
    frame["at"] = times
    bench.write(frame)
    # Berlin's days: 28 March ends at 23:00 UTC, 29 March is 23 hours long, 30 March ends at 22:00 UTC
    windows = (
        Window(datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC)),
        Window(datetime(2026, 3, 30, 22, tzinfo=UTC), datetime(2026, 3, 31, 22, tzinfo=UTC)),
    )
    found = bench.profile(bench.plan(windows=windows))
    assert [found[window].quality.rows for window in windows] == [23, 24]


def test_empty_windows_are_present(bench: Any) -> None:
    """A window without rows has zeros, not nothing."""
    bench.write(logs.make_frame(50, span=1))
    found = bench.profile()
    empty = found[logs.days(4)[3]]
    assert empty.quality.rows == 0
    assert empty.latest is None
    assert list(empty.segments) == [ALL_ROWS]
    assert empty.all_rows.binary is not None
    assert empty.all_rows.binary.predicted == 0
    assert empty.all_rows.scores is not None
    assert empty.all_rows.scores[""].positions.size == 0
    assert int(empty.columns["x"].counts.sum()) == 0


@pytest.mark.parametrize("name", ["log.csv", "log.jsonl", "log.duckdb"])
def test_every_format_gives_the_same(name: str, bench: Any) -> None:
    """CSV, JSON lines and a DuckDB table are counted as the Parquet file of the same rows."""
    frame = logs.make_frame(300)
    frame["x"] = frame["x"].where(np.isfinite(frame["x"]), 41.25)  # JSON has no infinity
    frame["shop"] = frame["shop"].replace("", "south")  # CSV cannot tell an empty text from none
    bench.write(frame)
    expected = logs.plain(bench.profile())
    bench.write(frame, name)
    log = {"source": name, "id": "id", "timestamp": "at", "prediction": "decision", "score": "score"}
    model = logs.config(log=log | ({"table": "log"} if name.endswith("duckdb") else {}))
    assert logs.plain(bench.profile(bench.plan(model))) == expected


def test_several_files_are_one_log(bench: Any) -> None:
    """A glob over parts whose numbers are stored in different types gives what one file gives."""
    frame = logs.make_frame(300)
    bench.write(frame)
    expected = logs.plain(bench.profile())
    first, second = frame.iloc[:120].copy(), frame.iloc[120:].copy()
    first["decision"] = first["decision"].astype("int8")
    second["decision"] = second["decision"].astype(float)
    bench.write(first, "part-1.parquet")
    bench.write(second, "part-2.parquet")
    log = {"source": "part-*.parquet", "id": "id", "timestamp": "at", "prediction": "decision", "score": "score"}
    assert logs.plain(bench.profile(bench.plan(logs.config(log=log)))) == expected


def test_large_windows_are_counted_in_score_cells(bench: Any) -> None:
    """Above the limit a window has score cells: the exact counts put into 1000 cells; smaller windows stay exact."""
    frame = logs.make_frame(2000)
    frame.loc[:1500, "at"] = logs.START + pd.to_timedelta(np.arange(1501), unit="s")
    bench.write(frame.sample(frac=1, random_state=5))
    exact, mixed = bench.profile(), bench.profile(exact_rows=500)
    first, second = logs.days(4)[0], logs.days(4)[3]
    assert not mixed[first].all_rows.scores[""].exact
    for segment, part in mixed[first].segments.items():
        assert logs.plain(part.scores[""]) == logs.plain(exact[first].segments[segment].scores[""].cells())
        assert part.score_sums == exact[first].segments[segment].score_sums
    assert logs.plain(mixed[second]) == logs.plain(exact[second])


def test_scores_beyond_the_budget_are_read_again(bench: Any) -> None:
    """When not all scores fit into memory, further passes give the same statistics."""
    bench.write(logs.make_frame(2000).sample(frac=1, random_state=5))
    expected = logs.plain(bench.profile())
    assert logs.plain(bench.profile(exact_rows=600, key_budget=601)) == expected


@pytest.mark.parametrize("shuffled", [False, True])
def test_windows_that_were_taken_are_read_again(shuffled: bool, bench: Any) -> None:
    """Scores of a window that was taken make room; the other windows keep theirs, and asking again gives the same."""
    frame = logs.make_frame(2000)
    bench.write(frame.sample(frac=1, random_state=5) if shuffled else frame)
    expected, profile = bench.profile(), DuckDBEngine().profile(bench.plan())
    for window in logs.days(4):
        assert logs.plain(profile.take(window)) == logs.plain(expected[window])
    for window in logs.days(4)[::-1]:
        assert logs.plain(profile[window]) == logs.plain(expected[window])


def test_exact_drift_counts_distinct_values(bench: Any) -> None:
    """With exact drift, every numeric column also has its distinct finite values."""
    frame = logs.make_frame(500)
    bench.write(frame)
    total = merge(bench.profile(bench.plan(exact_drift=True)))
    x = frame["x"][np.isfinite(frame["x"])]
    expected = (x + 0.0).value_counts().sort_index()
    values, counts = total.values["x"].unpacked()
    assert values.tolist() == expected.index.tolist()
    assert counts.tolist() == expected.tolist()
    assert total.values["x"].missing == frame["x"].isna().sum()
    assert total.values["x"].non_finite == np.isinf(frame["x"]).sum()
    assert set(total.values) == {"x", "score"}


def test_hostile_names_are_only_names(bench: Any) -> None:
    """Quotes, SQL, HTML, formulas and lookalikes in column names and values change nothing."""
    frame = logs.make_frame(300)
    bench.write(frame)
    expected = bench.profile()[logs.days(4)[0]]
    names = {"x": 'x"); DROP TABLE t; --', "sex": "=1+1", "shop": "<b>\u017fhop</b>", "score": "key", "at": "a'\"t"}
    bench.write(frame.rename(columns=names))
    model = logs.config(
        log={"source": "log.parquet", "id": "id", "timestamp": names["at"], "prediction": "decision", "score": "key"},
        features={names["x"]: {"kind": "numeric", "range": [18.0, 99.0]}, names["shop"]: "category"},
        protected=[names["sex"]],
        segments=[],
    )
    columns = tuple(
        type(column)(names.get(column.name, column.name), column.role, column.cells) for column in logs.COLUMNS
    )
    found = bench.profile(bench.plan(model, columns=columns))[logs.days(4)[0]]
    assert found.columns[names["x"]].counts.tolist() == expected.columns["x"].counts.tolist()
    assert found.columns[names["shop"]].counts.tolist() == expected.columns["shop"].counts.tolist()
    assert found.segments[Segment(((names["sex"], "F"),))].rows == expected.segments[Segment((("sex", "F"),))].rows


def test_regression_sums_are_exact(bench: Any) -> None:
    """All sums of a regression model equal those of exact rational arithmetic; extreme rows are counted apart."""
    rng = np.random.default_rng(4)
    label = np.round(rng.normal(100, 15, 300), 3)
    prediction = label + rng.normal(0, 5, 300)
    prediction[:3] = [math.inf, math.nan, 1e300]
    at = [logs.START + timedelta(minutes=i) for i in range(300)]
    bench.write(pd.DataFrame({"at": at, "x": label, "minutes": prediction, "truth": label}))
    model = logs.config(
        task="regression",
        log={"source": "log.parquet", "timestamp": "at", "prediction": "minutes"},
        features={"x": "numeric"},
        protected=[],
        segments=[],
    )
    plan = bench.plan(model, columns=(), error_exponent=-26, label_center=100.0)
    part = bench.profile(plan)[logs.days(4)[0]].all_rows
    e = [logs.fixed(p - y, 26) for p, y in zip(prediction[3:], label[3:], strict=True)]
    z = [logs.fixed(y - 100.0, 26) for y in label[3:]]
    ce = [logs.fixed(p - y, 6) for p, y in zip(prediction[3:], label[3:], strict=True)]
    cz = [logs.fixed(y - 100.0, 6) for y in label[3:]]
    assert (part.rows, part.labelled, part.invalid_predictions) == (300, 300, 2)
    sums = part.errors
    assert sums is not None
    assert (sums.n, sums.overflow) == (297, 1)
    assert (sums.error, sums.absolute, sums.square) == (sum(e), sum(map(abs, e)), sum(v * v for v in e))
    assert (sums.label, sums.label_square) == (sum(z), sum(v * v for v in z))
    assert sums.error4 == sum(v**4 for v in ce)
    assert (sums.label3, sums.label4) == (sum(v**3 for v in cz), sum(v**4 for v in cz))
    assert sums.error2_label == sum(a * a * b for a, b in zip(ce, cz, strict=True))
    assert sums.error2_label2 == sum(a * a * b * b for a, b in zip(ce, cz, strict=True))


def test_multiclass_counts(bench: Any) -> None:
    """Confusion matrix, predicted classes, losses and scores by class are what a loop over the rows gives."""
    rng = np.random.default_rng(5)
    classes = ("cat", "dog", "owl")
    raw = rng.dirichlet([1, 1, 1], 400)
    truth = rng.choice([*classes, "emu"], 400, p=[0.4, 0.3, 0.2, 0.1])
    decision = np.array(classes)[raw.argmax(axis=1)].astype(object)
    decision[:5] = [None, "yak", "cat", "dog", "owl"]
    frame = pd.DataFrame({"at": [logs.START + timedelta(minutes=i) for i in range(400)], "truth": truth})
    frame["decision"] = decision
    frame["x"] = 1.0
    for i, name in enumerate(classes):
        frame[f"p_{name}"] = raw[:, i]
    frame.loc[7, "p_dog"] = 1.25
    bench.write(frame)
    model = logs.config(
        task="multiclass",
        log={
            "source": "log.parquet",
            "timestamp": "at",
            "prediction": "decision",
            "scores": {name: f"p_{name}" for name in classes},
        },
        features={"x": "numeric"},
        protected=[],
        segments=[],
    )
    part = bench.profile(bench.plan(model, columns=(), classes=classes))[logs.days(4)[0]].all_rows
    known = frame[frame["truth"].isin(classes)]
    assert part.labelled == len(known)
    assert part.invalid_predictions == 2
    assert part.invalid_scores == 1
    assert part.classes is not None
    for i, actual in enumerate(classes):
        for j, predicted in enumerate(classes):
            expected = ((known["truth"] == actual) & (known["decision"] == predicted)).sum()
            assert part.classes.matrix[i, j] == expected
        assert part.classes.predicted[i] == (frame["decision"] == actual).sum()
    used = known.drop(index=7, errors="ignore")
    brier = 0
    for row in used.itertuples():
        total = 0.0
        for name in classes:
            difference = getattr(row, f"p_{name}") - (row.truth == name)
            total += difference * difference
        brier += logs.fixed(total, 50)
    assert part.score_sums is not None
    assert part.score_sums.n == len(used)
    assert abs(part.score_sums.brier - brier) <= len(used)
    gap = sum(logs.fixed(1 - getattr(row, f"p_{row.truth}"), 50) for row in used.itertuples())
    assert part.score_sums.gap == gap
    assert part.scores is not None
    for name in classes:
        counts = part.scores[name]
        assert int(counts.positives.sum()) == (used["truth"] == name).sum()
        assert counts.positions.tolist() == sorted(set(used[f"p_{name}"]))


def test_positive_class_may_be_a_word_or_a_boolean(bench: Any) -> None:
    """``positive`` is compared as text with words, as a number with numbers, as truth with booleans."""
    frame = logs.make_frame(200)
    bench.write(frame)
    expected = bench.profile()[logs.days(4)[0]].all_rows.binary
    log = {"source": "log.parquet", "id": "id", "timestamp": "at", "prediction": "decision", "score": "score"}
    words = frame.copy()
    words["decision"] = words["decision"].map({0: "no", 1: "yes"})
    words["truth"] = words["truth"].map({0: "no", 1: "yes"})
    bench.write(words)
    found = bench.profile(bench.plan(logs.config(log=log | {"positive": "yes"}), columns=logs.COLUMNS[:3]))
    assert found[logs.days(4)[0]].all_rows.binary == expected
    truths = frame.copy()
    truths["decision"] = truths["decision"].astype(bool)
    truths["truth"] = truths["truth"].astype("boolean")
    bench.write(truths)
    found = bench.profile(bench.plan(logs.config(log=log | {"positive": True}), columns=logs.COLUMNS[:3]))
    assert found[logs.days(4)[0]].all_rows.binary == expected


@pytest.mark.parametrize("budget", [601, 10_000])
def test_windows_may_be_looked_up_in_any_order(budget: int, bench: Any) -> None:
    """A profile is a mapping: windows are the same backwards, twice, and when they have to be read again."""
    bench.write(logs.make_frame(2000))
    expected = bench.profile()
    profile = DuckDBEngine(exact_rows=600, key_budget=budget).profile(bench.plan())
    assert list(profile) == list(logs.days(4))
    for window in (*logs.days(4)[::-1], *logs.days(4)):
        assert logs.plain(profile[window]) == logs.plain(expected[window])


def test_score_cells_of_statistics(bench: Any) -> None:
    """What the store keeps has the same sums and counts, with scores in cells."""
    bench.write(logs.make_frame(500))
    part = bench.profile()[logs.days(4)[0]]
    kept = part.with_score_cells()
    assert not kept.all_rows.scores[""].exact
    assert logs.plain(kept.all_rows.scores[""]) == logs.plain(part.all_rows.scores[""].cells())
    assert kept.all_rows.score_sums == part.all_rows.score_sums
    assert logs.plain(kept.columns) == logs.plain(part.columns)


@pytest.mark.parametrize("bytes_of_cells", [1, 20_000, 40_000])
def test_windows_whose_cells_do_not_fit_are_read_again(bytes_of_cells: int, bench: Any) -> None:
    """With room for the cells of a few windows only, further passes give the same, whatever is looked up first."""
    frame = logs.make_frame(900)
    bench.write(pd.concat([frame, frame.sample(50, random_state=1)]))
    expected = bench.profile()
    profile = DuckDBEngine(cell_bytes=bytes_of_cells).profile(bench.plan())
    assert profile.repeats_ids
    for window in (*logs.days(4), *logs.days(4)[::-1]):
        assert logs.plain(profile[window]) == logs.plain(expected[window])


@pytest.mark.parametrize("rows", [65_535, 65_536])
def test_a_window_of_more_rows_than_small_counts_hold(rows: int, bench: Any) -> None:
    """Where cells do not fit, counts take two bytes if no window has too many rows for them; nothing overflows."""
    frame = logs.make_frame(rows + 10)
    frame["at"] = [*[logs.START] * rows, *[logs.START + timedelta(days=1)] * 10]
    frame["x"] = 40.0
    bench.write(frame)
    profile = DuckDBEngine(cell_bytes=30_000).profile(bench.plan())
    found = [profile[window].columns["x"].counts for window in logs.days(4)]
    assert [(int(counts.max()), int(counts.sum())) for counts in found] == [(rows, rows), (10, 10), (0, 0), (0, 0)]


@pytest.mark.parametrize("columns", [1, 2, 3])
def test_a_wide_log_is_read_in_portions(columns: int, bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many columns a query reads changes nothing: neither a window's statistics nor the reference's cells."""
    from aimsight.metrics.engines import passes, reference

    bench.write(logs.make_frame(900))
    engine, whole = DuckDBEngine(), Window(logs.START, logs.START + timedelta(days=4))

    def found() -> Any:
        frozen = engine.make_reference(logs.config(), bench.root, logs.days(4), whole, logs.NEVER, "f")
        windows = [logs.plain(window) for window in frozen.windows]
        return logs.plain(bench.profile()), frozen.columns, logs.plain(frozen.statistics), windows

    expected = found()
    monkeypatch.setattr(passes, "COLUMNS_AT_ONCE", columns)
    monkeypatch.setattr(reference, "SAMPLE_COLUMNS", columns)
    assert found() == expected


def test_counts_beyond_32_bits_do_not_overflow(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a count might exceed 31 bits it is widened on the way, without losing what was counted before."""
    from aimsight.metrics.engines import counting

    bench.write(logs.make_frame(900), row_group=100)
    expected = logs.plain(bench.profile())
    monkeypatch.setattr(counting, "LARGEST", 450)
    monkeypatch.setattr("aimsight.metrics.engines.passes.BLOCK_ROWS", 64)
    assert logs.plain(bench.profile()) == expected


@pytest.mark.parametrize(
    ("kind", "values", "known", "positions"),
    [
        ("BIGINT", "3, -1, 0, 7, NULL", ("0", "-1", "3"), [2, 1, 0, 9, 8]),
        ("UTINYINT", "1, 300 - 45, 0", ("255", "1"), [1, 0, 9]),
        ("UTINYINT", "1, 3", ("-1", "3"), [9, 1]),
        ("UBIGINT", "18446744073709551615, 2", ("-2", "2", "999999999999999999"), [9, 1]),
        ("BIGINT", "7, 70", ("007", "7"), [1, 9]),
        ("INTEGER", "1, 0", ("true", "1"), [1, 9]),
        ("HUGEINT", "1" + 25 * "0" + ", NULL", ("1", "1" + 25 * "0"), [1, 8]),
        ("BOOLEAN", "true, false, NULL", ("false",), [9, 0, 8]),
        ("BOOLEAN", "true, false", ("1", "true"), [1, 9]),
        ("DOUBLE", "2e0, 5e-1, CAST('NaN' AS DOUBLE), NULL", ("0.5", "2"), [1, 0, 8, 8]),
        ("VARCHAR", "'a', '', NULL", ("", "a"), [1, 0, 8]),
        ("BIGINT", "1, NULL", (), [9, 8]),
    ],
)
def test_values_are_numbered_as_their_texts(
    kind: str, values: str, known: tuple[str, ...], positions: list[int]
) -> None:
    """A value of any type has the position of its text; 8 stands for a missing and 9 for an unknown one."""
    listed = ", ".join(f"({number}, {value})" for number, value in enumerate(values.split(", ")))
    column = code_of("x", kind, "log", known, missing=8, unseen=9)
    rows = f"SELECT place, CAST(x AS {kind}) AS x FROM (VALUES {listed}) AS given (place, x)"
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT {column} FROM ({rows}) ORDER BY place").fetchall()
    assert [number for (number,) in found] == positions
