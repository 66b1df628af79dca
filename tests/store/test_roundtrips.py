"""What is read from the store equals what was written: measurements, statistics, references, whatever the names."""

from __future__ import annotations

import csv
import io
import itertools
import unicodedata
from dataclasses import replace
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimsight.metrics.schema import Schema
from aimsight.metrics.statistics import (
    DELAY_CELLS,
    ERROR_CELLS,
    BinaryCounts,
    CellCounts,
    ClassCounts,
    ErrorDetails,
    ErrorSums,
    IntervalCounts,
    LabelDelays,
    Largest,
    Latest,
    QualityCounts,
    ScoreCounts,
    ScoreSums,
    SegmentStatistics,
    Statistics,
    ValueCounts,
)
from aimsight.metrics.values import ALL_ROWS, Interval, Measurement, Segment, Undefined, Value
from aimsight.store import versions
from aimsight.store.database import Store, Transaction
from aimsight.store.measurements import _row as measurement_row
from aimsight.store.measurements import measurement_hash, read_measurements, series
from aimsight.store.measurements import write_measurements as write
from aimsight.store.references import load_reference, save_reference
from aimsight.store.runs import claim, finish
from aimsight.store.statistics import read_statistics, write_statistics
from aimsight.store.statistics_tables import STATISTICS_VALUE
from aimsight.store.tables import MEASUREMENT
from aimsight.store.verify import verify

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from aimsight.tests.store.conftest import Samples

NFC, NFD = unicodedata.normalize("NFC", "Größe é"), unicodedata.normalize("NFD", "Größe é")
HOSTILE = (
    "",
    "'",
    '"; DROP TABLE measurement; --',
    "<script>alert(1)</script>",
    "=HYPERLINK(1)",
    "![x](y)",
    "../../etc/passwd",
    "a\nb\tc\r",
    "nul\x00byte",
    "\x1b[31mred",
    "right\u202eleft",
    "__proto__",
    "x" * 300,
    "Gender",
    "gender",
    "a=b & c=d",
    NFC,
    NFD,
    "😀",
)
counter = itertools.count()
name = st.sampled_from(HOSTILE) | st.text(max_size=20)
count = st.integers(0, 2**62)
sums = st.integers(-(2**200), 2**200)
finite = st.floats(allow_nan=False, allow_infinity=False)
unit = st.floats(0, 1, exclude_min=True)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Transaction]:
    """Give one long transaction for all examples of a property: each writes a run of its own."""
    with Store(tmp_path_factory.mktemp("round-trips") / "aimsight.duckdb").write() as tx:
        yield tx


def arrays(size: int) -> st.SearchStrategy[Any]:
    """Give counts of a fixed number of cells."""
    return st.lists(st.integers(0, 3) | count, min_size=size, max_size=size).map(lambda v: np.array(v, dtype=np.int64))


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    """Give an ordered interval."""
    low, high = sorted((draw(finite), draw(finite)))
    return Interval(low, high, draw(name))


@st.composite
def segments(draw: st.DrawFn) -> Segment:
    """Give a segment of up to two conditions."""
    return Segment(tuple(draw(st.lists(st.tuples(name, name), max_size=2))))


@st.composite
def measurements(draw: st.DrawFn) -> Measurement:
    """Give a measurement of any form."""
    value = st.builds(Value, finite, st.integers(1, 2**62), st.none() | intervals(), st.floats(0, 1), st.none() | unit)
    undefined = st.builds(Undefined, name, count)
    return Measurement(
        draw(name),
        draw(st.integers(1, 99)),
        draw(value | undefined),
        draw(name),
        draw(segments()),
        draw(name),
        draw(st.booleans()),
        draw(st.none() | unit),
        draw(name),
    )


@st.composite
def scores(draw: st.DrawFn) -> ScoreCounts:
    """Give score counts in cells, or at up to ten exact scores."""
    exact = draw(st.booleans())
    position = st.floats(0, 1) if exact else st.integers(0, 999).map(float)
    positions = draw(st.lists(position, max_size=10, unique=True))
    size = len(positions)
    return ScoreCounts(np.array(sorted(positions), dtype=np.float64), draw(arrays(size)), draw(arrays(size)), exact)


@st.composite
def sparse(draw: st.DrawFn, size: int) -> NDArray[np.int64]:
    """Give counts that are 0 in most cells."""
    out = np.zeros(size, dtype=np.int64)
    for cell, number in draw(st.dictionaries(st.integers(0, size - 1), count, max_size=4)).items():
        out[cell] = number
    return out


def details() -> st.SearchStrategy[ErrorDetails]:
    """Give details of errors with sums beyond 128 bits."""
    numbers = {"n": count, "relative_n": count, "zero_labels": count, "relative_overflow": count, "log_n": count}
    names = [name for name in ErrorDetails.__dataclass_fields__ if name not in {*numbers, "largest", "cells"}]
    return st.builds(
        ErrorDetails,
        **numbers,
        **dict.fromkeys(names, sums),
        largest=st.builds(Largest, st.integers(0, 2**48)),
        cells=sparse(ERROR_CELLS.size),
    )


@st.composite
def parts(draw: st.DrawFn) -> SegmentStatistics:
    """Give the statistics of one segment, of any mixture of tasks."""
    classes = draw(st.none() | st.integers(0, 3))
    return SegmentStatistics(
        draw(count),
        draw(count),
        draw(count),
        draw(count),
        draw(st.none() | st.builds(BinaryCounts, *[count] * 6)),
        draw(st.none() | st.builds(ScoreSums, count, *[sums] * 5)),
        draw(st.none() | st.dictionaries(name, scores(), min_size=1, max_size=3)),
        None
        if classes is None
        else ClassCounts(draw(arrays(classes * classes)).reshape(classes, classes), draw(arrays(classes))),
        draw(st.none() | st.builds(ErrorSums, count, *[sums] * 10, count, st.none() | details())),
        draw(st.none() | st.dictionaries(name, sparse(3000).map(lambda a: a.reshape(1000, 3)), min_size=1, max_size=2)),
        draw(st.none() | st.builds(IntervalCounts, *[count] * 4)),
    )


@st.composite
def statistics(draw: st.DrawFn) -> Statistics:
    """Give the statistics of one window."""
    maybe = st.none() | count
    values = draw(st.lists(finite, max_size=5, unique=True))
    moment = st.datetimes(timezones=st.just(UTC)).map(lambda drawn: drawn.replace(fold=0))
    found = draw(st.dictionaries(segments(), parts(), max_size=3))
    leaves: st.SearchStrategy[Any] = st.booleans()
    delays = st.none() | sparse(DELAY_CELLS.size).map(LabelDelays)
    return Statistics(
        QualityCounts(draw(count), draw(maybe), draw(maybe), draw(maybe), draw(maybe), draw(maybe), draw(delays)),
        draw(st.dictionaries(name, st.builds(CellCounts, st.integers(0, 9).flatmap(arrays), maybe), max_size=3)),
        found,
        {draw(name): ValueCounts.of(np.array(sorted(values)), draw(arrays(len(values))), draw(count), draw(count))}
        if values
        else {},
        draw(st.none() | st.builds(Latest, moment)),
        draw(st.dictionaries(name, name, max_size=2)),
        {segment: draw(arrays(3)) for segment in found} if found and draw(leaves) else None,
        draw(st.none() | st.builds(Schema, st.dictionaries(name, name, max_size=3))),
    )


def same(a: object, b: object) -> bool:
    """Say whether two values are equal in type and content, arrays and dataclasses by their parts, order included."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if hasattr(a, "__dataclass_fields__"):
        return type(a) is type(b) and all(same(getattr(a, f), getattr(b, f)) for f in a.__dataclass_fields__)
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and repr(a) == repr(b)


def in_cells(window: Statistics) -> Statistics:
    """Give the same statistics with their scores in cells, which is what the store promises to keep."""

    def kept(part: SegmentStatistics) -> SegmentStatistics:
        return replace(part, scores=part.scores and {name: counts.cells() for name, counts in part.scores.items()})

    return replace(window, segments={segment: kept(part) for segment, part in window.segments.items()})


@settings(max_examples=50)
@given(st.lists(measurements(), max_size=5))
def test_measurements_come_back_as_they_were(shared: Transaction, samples: Samples, written: list[Measurement]) -> None:
    """Any value, interval, segment and name is read back bit by bit, and the digest in the ledger is theirs."""
    run = claim(shared, samples.run(next(counter)))
    assert run is not None
    write(shared, run, written, samples.start)
    finish(shared, run.run_id, "success", "", 1, samples.start)
    assert same(tuple(read_measurements(shared, run.run_id)), tuple(written))
    payload = shared.tuples("SELECT payload FROM events ORDER BY seq DESC LIMIT 1")[0][0]
    digest = MEASUREMENT.digest([measurement_row(run, measurement, samples.start) for measurement in written])
    assert digest in payload or not written


@settings(max_examples=50)
@given(statistics())
def test_statistics_come_back_as_they_were(shared: Transaction, samples: Samples, written: Statistics) -> None:
    """Every count and sum is read back exactly, beyond 128 bits too; scores come back in cells."""
    run = claim(shared, samples.run(next(counter)))
    assert run is not None
    write_statistics(shared, run.run_id, written)
    finish(shared, run.run_id, "success", "", 1, samples.start)
    assert same(read_statistics(shared, run.run_id), in_cells(written))


def test_statistics_that_were_read_merge_like_those_that_were_counted(store: Store, samples: Samples) -> None:
    """Two days read from the store add up to the two days added before."""
    day = samples.statistics()
    with store.write() as tx:
        run = samples.write_run(tx)
        read = read_statistics(tx, run.run_id)
        assert read is not None
        assert same(read + read, day + day)
        assert read_statistics(tx, "nothing") is None


def test_many_kept_values_are_written_in_parts(store: Store, samples: Samples, monkeypatch: pytest.MonkeyPatch) -> None:
    """Distinct values of a million rows do not fit into DuckDB's memory at once; however they are cut, all arrive."""
    columns = {f"n{place}": ValueCounts.of(np.arange(4.0), np.full(4, 1 + place), place, 0) for place in range(7)}
    day = replace(samples.statistics(), values=columns)
    for number, most in enumerate((1, 8, 17, 1000)):
        monkeypatch.setattr("aimsight.store.database.MOST_LISTED", most)
        with store.write() as tx:
            run = claim(tx, samples.run(number))
            assert run is not None
            write_statistics(tx, run.run_id, day)
            finish(tx, run.run_id, "success", "", 1, samples.start)
        with store.read() as reader:
            read = read_statistics(reader, run.run_id)
        assert read is not None
        assert same(read.values, day.values)


def test_values_of_older_versions_are_read(store: Store, samples: Samples) -> None:
    """Distinct values that were kept as lists of numbers are the same as those that are kept packed."""
    with store.write() as tx:
        run = claim(tx, samples.run())
        assert run is not None
        write_statistics(tx, run.run_id, replace(samples.statistics(), values={}))
        row = STATISTICS_VALUE.row((run.run_id, 0, "age", [-0.5, 18.0], [1, 39], 2, 3))
        tx.insert_for_run(run.run_id, STATISTICS_VALUE, [row])
        finish(tx, run.run_id, "success", "", 40, samples.start)
    with store.read() as reader:
        read = read_statistics(reader, run.run_id)
    assert read is not None
    assert read.values == {"age": ValueCounts.of(np.array([-0.5, 18.0]), np.array([1, 39]), 2, 3)}
    assert verify(store).intact


def test_statistics_of_the_first_version_stay_whole(tmp_path: Path, samples: Samples) -> None:
    """A store of the first version keeps its hashes through the upgrade; what it did not count is not there, not 0."""
    counts = BinaryCounts(40, 20, 10, 5, 5, 10)
    sums = ErrorSums(2, -1, 1, 1, -4, 16, 6, -7, 8, -9, 10, 0)
    old = Statistics(QualityCounts(40), {}, {ALL_ROWS: SegmentStatistics(40, 30, binary=counts, errors=sums)})
    path = tmp_path / "store.duckdb"
    first = Store(path, migrations=versions.shipped()[:1])
    with first.write() as tx:
        run = claim(tx, samples.run())
        assert run is not None
        write_statistics(tx, run.run_id, old)
        finish(tx, run.run_id, "success", "", 40, samples.start)
    store = Store(path)
    with store.write() as tx:
        read = read_statistics(tx, run.run_id)
        assert same(read, old)
        assert read is not None
        assert read.all_rows.errors is not None
        assert read.all_rows.errors.details is None
        samples.write_run(tx, 1)
    assert verify(store, store.checkpoints).intact


def test_a_reference_comes_back_as_it_was(store: Store, samples: Samples) -> None:
    """Cells, categories, classes, statistics and windows of a frozen reference are read back; it is frozen once."""
    reference = samples.reference()
    with store.write() as tx:
        assert save_reference(tx, "wage-band", reference)
        assert not save_reference(tx, "wage-band", reference)
    with store.read() as reader:
        assert same(load_reference(reader, "wage-band", "beef"), reference)
        assert load_reference(reader, "wage-band", "other") is None
        assert load_reference(reader, "other", "beef") is None


def test_hostile_names_stay_text_everywhere(store: Store, samples: Samples) -> None:
    """SQL, HTML, formulas, paths, control characters, twins: each is stored, found and verified as the text it is."""
    written = [
        Measurement("quality.missing_share", 1, Value(place, 1), column, Segment(((column, column),)))
        for place, column in enumerate(HOSTILE)
    ]
    with store.write() as tx:
        run = claim(tx, samples.run(model="wage-band"))
        assert run is not None
        write(tx, run, written, samples.start)
        finish(tx, run.run_id, "success", HOSTILE[2], 1, samples.start)
    with store.read() as reader:
        for place, column in enumerate(HOSTILE):
            segment = str(Segment(((column, column),)))
            rows = series(reader, "wage-band", "quality.missing_share", column, segment)
            assert [row["value"] for row in rows] == [place], column
    assert verify(store, store.checkpoints).intact


def test_segments_with_the_same_text_stay_apart(store: Store, samples: Samples) -> None:
    """Two segments that print alike are two: the conditions are kept beside the text."""
    one = Segment((("a", "b & c=d"),))
    two = Segment((("a", "b"), ("c", "d")))
    assert str(one) == str(two)
    written = [Measurement("m.x", 1, Value(1, 1), segment=one), Measurement("m.x", 1, Value(2, 1), segment=two)]
    with store.write() as tx:
        run = claim(tx, samples.run())
        assert run is not None
        write(tx, run, written, samples.start)
        finish(tx, run.run_id, "success", "", 1, samples.start)
        assert [m.segment for m in read_measurements(tx, run.run_id)] == [one, two]


def test_the_digest_of_a_measurement_is_what_the_documentation_says(samples: Samples) -> None:
    """Whoever follows the description in the docs with another tool computes the same digest."""
    import hashlib

    run = samples.run()
    text = (
        "aimsight rows v1 measurement\n"
        f'["{run.run_id}","wage-band","2","main","performance.accuracy",1,"\\u00e9","",[],[],'
        "1767225600000000,1767312000000000,0.1,null,3,-0.5,1e+16,"
        '"wilson",0.0,null,null,"",false,"",1,1767225600000001]\n'
    )
    accuracy = Value(0.1, 3, Interval(-0.5, 1e16, "wilson"))
    measurement = Measurement("performance.accuracy", 1, accuracy, "é")
    moment = samples.start + timedelta(microseconds=1)
    assert measurement_hash(run, measurement, moment) == hashlib.sha256(text.encode()).hexdigest()


def test_an_empty_window_has_its_segment_of_all_rows(store: Store, samples: Samples) -> None:
    """No rows are statistics too: zero, not nothing."""
    empty = Statistics(QualityCounts(0), {}, {ALL_ROWS: SegmentStatistics(0, 0)})
    with store.write() as tx:
        run = claim(tx, samples.run())
        assert run is not None
        write_statistics(tx, run.run_id, empty)
        finish(tx, run.run_id, "success", "", 0, samples.start)
        read = read_statistics(tx, run.run_id)
    assert read is not None
    assert read.all_rows.rows == 0


def test_an_arrow_result_can_be_written_as_csv(filled: Store) -> None:
    """A view is read as Arrow without loss of names, so that exports need nothing else."""
    with filled.read() as reader:
        table = reader.arrow("SELECT metric, value FROM measurements WHERE n = ? ORDER BY metric", [7])
    target = io.StringIO()
    csv.writer(target).writerows(zip(*table.to_pydict().values(), strict=True))
    assert target.getvalue() == "performance.recall,\r\nperformance.recall,\r\n"
