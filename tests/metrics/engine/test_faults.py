"""Bad input: a clear error that names the file or column, or a recorded finding, and never a wrong number."""

from __future__ import annotations

import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aimsight.configs.errors import SchemaError, SourceError
from aimsight.metrics.engines.connection import ResourceError, connect, plain_errors
from aimsight.metrics.engines.tables import open_table
from aimsight.tests.metrics.engine import logs


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: b"", "is empty"),
        (lambda data: b"hello, world, this is no table", "is not a Parquet file"),
        (lambda data: data[: len(data) // 2], "truncated"),
        (lambda data: data[:4] + b"\xff" * (len(data) - 12) + data[-8:], "cannot read"),
    ],
)
def test_damaged_files_are_named(damage: Any, message: str, bench: Any) -> None:
    """An empty, foreign, truncated or overwritten file is a SourceError with its path, and is left as it was."""
    path = bench.write(logs.make_frame(500))
    data = damage(path.read_bytes())
    path.write_bytes(data)
    with pytest.raises(SourceError, match=message) as caught:
        bench.profile()
    assert "log.parquet" in str(caught.value)
    assert path.read_bytes() == data


def test_a_missing_required_column_names_its_likely_spelling(bench: Any) -> None:
    """Without its score column a run fails and says which columns there are."""
    bench.write(logs.make_frame(20).rename(columns={"score": "scores"}))
    with pytest.raises(SchemaError, match="no column 'score'; did you mean scores"):
        bench.profile()


@pytest.mark.parametrize(
    ("column", "values"), [("x", ["1", "two"] * 10), ("x", [True, False] * 10), ("shop", [[1, 2]] * 20)]
)
def test_a_feature_of_the_wrong_type_fails_alone(column: str, values: list[Any], bench: Any) -> None:
    """Text for numbers, truth values for numbers, lists for categories: this column is not counted, all else is."""
    frame = logs.make_frame(20)
    frame[column] = values
    bench.write(frame)
    found = bench.profile()[logs.days(4)[0]]
    assert set(found.column_errors) == {column}
    assert column in found.column_errors[column]
    assert column not in found.columns
    assert found.all_rows.rows == (frame["at"] < logs.days(4)[0].end).sum()


def test_trap_e11_numbers_and_times_of_every_type_are_read(bench: Any) -> None:
    """Decimals, nullable integers, dictionary-encoded texts and times of another zone count as plain ones do."""
    plain = logs.make_frame(60)
    plain["x"] = np.where(np.arange(60) % 7, np.arange(60) % 5, np.nan)
    bench.write(plain)
    expected = bench.profile()
    for values in (
        pd.Series([None if np.isnan(x) else int(x) for x in plain["x"]], dtype="Int64"),
        pd.Series([None if np.isnan(x) else Decimal(int(x)) for x in plain["x"]], dtype="object"),
    ):
        typed = plain.assign(
            x=values, shop=plain["shop"].astype("category"), at=plain["at"].dt.tz_convert("America/New_York")
        )
        bench.write(typed)
        assert logs.plain(bench.profile()) == logs.plain(expected)


def test_a_missing_feature_fails_alone(bench: Any) -> None:
    """A feature that a file lacks is a finding of this column only."""
    bench.write(logs.make_frame(20).drop(columns="shop"))
    found = bench.profile()[logs.days(4)[0]]
    assert "there is no column 'shop'" in found.column_errors["shop"]
    assert found.columns.keys() == {"x", "score", "decision", "truth"}


@pytest.mark.parametrize("column", ["at", "score"])
def test_a_required_column_of_the_wrong_type_fails_the_run(column: str, bench: Any) -> None:
    """Texts for times or scores are not guessed at."""
    frame = logs.make_frame(20)
    frame[column] = frame[column].astype(str)
    bench.write(frame)
    with pytest.raises(SchemaError, match=f"column '{column}' must be"):
        bench.profile()


def test_naive_times_need_a_zone(bench: Any) -> None:
    """Times without a zone are refused; with a named zone they are read in it."""
    frame = logs.make_frame(200)
    bench.write(frame)
    expected = logs.plain(bench.profile())
    frame["at"] = frame["at"].dt.tz_convert("Europe/Berlin").dt.tz_localize(None)
    bench.write(frame)
    with pytest.raises(SchemaError, match="naive_timestamps"):
        bench.profile()
    log = {"source": "log.parquet", "id": "id", "timestamp": "at", "prediction": "decision", "score": "score"}
    model = logs.config(log=log | {"naive_timestamps": "Europe/Berlin"})
    assert logs.plain(bench.profile(bench.plan(model))) == expected


def test_columns_that_differ_only_in_case_are_refused(bench: Any) -> None:
    """``x`` and ``X`` cannot be told apart in SQL: only that feature fails; for a score the run fails."""
    frame = logs.make_frame(20)
    bench.write(frame.assign(X=1.0))
    assert "cannot be told apart" in bench.profile()[logs.days(4)[0]].column_errors["x"]
    bench.write(frame.assign(SCORE=1.0))
    with pytest.raises(SchemaError, match="cannot be told apart"):
        bench.profile()


def test_a_column_that_changes_its_type_between_files(bench: Any) -> None:
    """Files in which a feature is once a number and once a text are not widened silently."""
    frame = logs.make_frame(40)
    bench.write(frame.iloc[:20], "a.parquet")
    bench.write(frame.iloc[20:].assign(x="many"), "b.parquet")
    log = {"source": "?.parquet", "id": "id", "timestamp": "at", "prediction": "decision", "score": "score"}
    found = bench.profile(bench.plan(logs.config(log=log)))[logs.days(4)[0]]
    assert "changes its type between files" in found.column_errors["x"]


@pytest.mark.parametrize("values", [[0, 1, 2], ["yes", "no"], [3, 4]])
def test_labels_without_the_positive_value_are_refused(values: list[Any], bench: Any) -> None:
    """A binary label of three values, or of two of which none is the positive one, is an error and not all negative."""
    frame = logs.make_frame(30)
    frame["truth"] = (values * 15)[:30]
    bench.write(frame)
    with pytest.raises(SchemaError, match="positive"):
        bench.profile()


def test_all_null_and_constant_columns(bench: Any) -> None:
    """A column without values is all missing; labels of one class are counted as they are."""
    frame = logs.make_frame(50, span=1).assign(x=math.nan, truth=1)
    bench.write(frame)
    found = bench.profile()[logs.days(4)[0]]
    assert found.columns["x"].counts[-2] == 50
    assert int(found.columns["x"].counts.sum()) == 50
    assert found.all_rows.binary.false_positive + found.all_rows.binary.true_negative == 0


def test_columns_that_never_held_a_value(bench: Any) -> None:
    """Parquet columns of type null are all missing: features, labels and predictions alike."""
    frame = logs.make_frame(30, span=1)
    bench.write(frame.assign(x=None, shop=None, truth=None, decision=None))
    found = bench.profile()[logs.days(4)[0]]
    assert found.column_errors == {}
    assert found.columns["x"].counts[-2] == found.columns["shop"].counts[-2] == 30
    assert (found.all_rows.labelled, found.all_rows.invalid_predictions) == (0, 30)


def test_missing_and_non_finite_scores_are_invalid(bench: Any) -> None:
    """NULL, NaN, infinities and numbers outside [0, 1] are invalid scores; both zeros and one are valid."""
    frame = logs.make_frame(9, span=1)
    scores = [None, math.nan, math.inf, -math.inf, 1.0000001, -5e-324, -0.0, 0.0, 1.0]
    frame["truth"] = [1, 0, 1, 0, 1, 0, 1, 0, 1]
    table = pa.Table.from_pandas(frame.drop(columns="score"), preserve_index=False)
    table = table.append_column("score", pa.array(scores, pa.float64()))
    pq.write_table(table, bench.root / "log.parquet")
    part = bench.profile()[logs.days(4)[0]].all_rows
    assert (part.invalid_scores, part.score_sums.n) == (6, 3)
    assert part.scores[""].positions.tolist() == [0.0, 1.0]
    assert part.scores[""].positives.tolist() == [1, 1]
    assert part.scores[""].negatives.tolist() == [1, 0]


def test_a_csv_value_that_does_not_fit_its_column(bench: Any) -> None:
    """A word among the numbers of a CSV, far beyond the rows that types are guessed from, is an error with its line."""
    frame = logs.make_frame(25_000)[["at", "x", "decision", "truth"]].assign(truth=1).iloc[10:]
    path = bench.write(frame, "log.csv")
    lines = path.read_text().splitlines()
    lines[24_000] = lines[24_000].replace(lines[24_000].split(",")[1], "many", 1)
    path.write_text("\n".join(lines))
    log = {"source": "log.csv", "timestamp": "at", "prediction": "decision"}
    model = logs.config(log=log, protected=[], segments=[])
    with pytest.raises(SchemaError, match=r"log.csv: a value does not fit .*Line: 2400"):
        bench.profile(bench.plan(model, columns=logs.COLUMNS[:1]))


def test_nan_is_seen_whatever_the_statistics_of_the_file(tmp_path: Path) -> None:
    """The statistics of a Parquet file leave NaN out; a row group without nulls may still hold some."""
    path = tmp_path / "log.parquet"
    pq.write_table(pa.table({"x": pa.array([0.0, 1.0, math.nan])}), path)
    with connect([path], memory_limit="200MB", threads=1) as connection:
        found = connection.sql(f"SELECT count(*) FILTER (isnan(x)) FROM read_parquet('{path}')").fetchall()
    assert found == [(1,)]


def test_words_of_a_csv_are_no_booleans(bench: Any) -> None:
    """F, T, yes and no stay words, also in a file that holds no other; true and false, in any case, are booleans."""
    for name, lines in {"a": ["F,yes,True", "F,no,False"], "b": ["F,no,", "M,no,true"]}.items():
        (bench.root / f"{name}.csv").write_text("\n".join(["sex,answer,flag", *lines]))
    paths = [bench.root / "a.csv", bench.root / "b.csv"]
    with connect(paths, memory_limit="200MB", threads=1) as connection:
        table = open_table(connection, paths, paths, None)
        assert [table.type_of(name) for name in ("sex", "answer", "flag")] == ["VARCHAR", "VARCHAR", "BOOLEAN"]
        rows = connection.sql(f"SELECT sex, answer FROM ({table.select(['sex', 'answer'])}) ORDER BY ALL").fetchall()
    assert rows == [("F", "no"), ("F", "no"), ("F", "yes"), ("M", "no")]


def test_too_many_segments_are_refused(bench: Any) -> None:
    """An id declared a segment is an error, not a million groups."""
    bench.write(logs.make_frame(5000))
    with pytest.raises(SchemaError, match="combinations of values"):
        bench.profile(bench.plan(logs.config(protected=["id"])))


def test_a_duckdb_file_needs_its_table(bench: Any) -> None:
    """Without or with a wrong table name the error says which tables there are."""
    bench.write(logs.make_frame(10), "log.duckdb")
    log = {"source": "log.duckdb", "id": "id", "timestamp": "at", "prediction": "decision", "score": "score"}
    with pytest.raises(SourceError, match="name its table"):
        bench.profile(bench.plan(logs.config(log=log)))
    with pytest.raises(SourceError, match="did you mean log"):
        bench.profile(bench.plan(logs.config(log=log | {"table": "logs"})))


def test_only_the_sources_can_be_read(tmp_path: Path) -> None:
    """The connection reads its files; other files, writing, attaching, extensions and settings are out of reach."""
    inside, outside = tmp_path / "in.parquet", tmp_path / "out.parquet"
    for path in (inside, outside):
        pq.write_table(pa.table({"x": [1]}), path)
    link = tmp_path / "link.parquet"
    link.symlink_to(outside)
    with connect([inside], memory_limit="100MB", threads=1) as connection:
        assert connection.execute(f"SELECT x FROM read_parquet(['{inside}'])").fetchall() == [(1,)]
        for statement in (
            f"SELECT * FROM read_parquet('{outside}')",
            f"SELECT * FROM read_parquet('{link}')",
            f"SELECT * FROM read_parquet('{tmp_path}/sub/../out.parquet')",
            f"SELECT * FROM read_text('{outside}')",
            f"SELECT * FROM glob('{tmp_path}/*')",
            f"COPY (SELECT 1) TO '{tmp_path}/new.csv'",
            f"ATTACH '{tmp_path}/new.duckdb'",
            "INSTALL httpfs",
            "LOAD httpfs",
            "SET memory_limit = '9GB'",
            "SET enable_external_access = true",
        ):
            with pytest.raises(duckdb.Error):
                connection.execute(statement).fetchall()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.parquet", "link.parquet", "out.parquet"]


def test_errors_are_translated() -> None:
    """Lack of memory is a ResourceError, an interrupt stays one, and a file in use is said to be."""
    with pytest.raises(ResourceError, match="memory_limit"), plain_errors([]):
        raise duckdb.OutOfMemoryException("Out of Memory Error: no")
    with pytest.raises(KeyboardInterrupt), plain_errors([]):
        raise duckdb.InterruptException("INTERRUPT Error: Interrupted!")
    with (
        pytest.raises(SourceError, match=r"cannot read a\.duckdb: another program has it open"),
        plain_errors([Path("a.duckdb")]),
    ):
        raise duckdb.IOException('IO Error: Could not set lock on file "a.duckdb": Conflicting lock is held (PID 7)')


def test_too_little_memory_is_said(bench: Any) -> None:
    """A memory limit that does not suffice ends in a ResourceError, and the next pass works."""
    rows = logs.make_frame(4000)
    frame = pd.concat([rows.assign(id=rows["id"] + f"-{i}") for i in range(5)])
    bench.write(frame.assign(shop=frame["id"] * 500), row_group=20_000)
    with pytest.raises(ResourceError, match=r"log\.parquet"):
        bench.profile(memory_limit="1MB")
    assert sum(part.quality.rows for part in bench.profile().values()) == 20_000


def test_a_log_without_rows(bench: Any) -> None:
    """A file with columns but no rows gives empty windows."""
    bench.write(logs.make_frame(20).iloc[:0].astype({"x": "float64", "sex": "str"}))
    found = bench.profile(bench.plan(columns=logs.COLUMNS[:1]))[logs.days(4)[0]]
    assert found.quality.rows == 0
    assert found.all_rows.binary.predicted == 0


def test_rows_without_a_time_are_ignored(bench: Any) -> None:
    """A row whose time is missing lies in no window, and is nobody's duplicate."""
    frame = logs.make_frame(100, span=1)
    frame.loc[:9, "at"] = pd.NaT
    frame.loc[10:19, "id"] = frame.loc[:9, "id"].to_numpy()
    bench.write(frame)
    found = bench.profile()[logs.days(4)[0]]
    assert (found.quality.rows, found.quality.conflicting_rows) == (90, 0)
