"""Which files a source means, what identifies them, and which time they cover."""

from __future__ import annotations

import hashlib
import math
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aimsight.configs.errors import SourceError
from aimsight.configs.schema import ModelConfig
from aimsight.metrics.sources import describe, fingerprint, format_of, resolve, sha256, time_range
from aimsight.tests.configurations import a_model

if TYPE_CHECKING:
    from pathlib import Path


def _model(**log: Any) -> ModelConfig:
    return a_model(log={"source": "log.parquet", "timestamp": "at"} | log, labels=None)


def test_globs_are_sorted_and_unique(tmp_path: Path) -> None:
    """A list of a file and overlapping globs gives each file once, sorted by path; folders are passed over."""
    for name in ("b.parquet", "a.parquet", "sub/c.parquet"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "d.parquet").mkdir()
    found = resolve(["b.parquet", "*.parquet", "**/*.parquet"], tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in found] == ["a.parquet", "b.parquet", "sub/c.parquet"]


def test_a_file_named_like_a_glob_is_taken_literally(tmp_path: Path) -> None:
    """``log[1].parquet`` means that file where it exists."""
    (tmp_path / "log[1].parquet").touch()
    (tmp_path / "log1.parquet").touch()
    assert [path.name for path in resolve("log[1].parquet", tmp_path)] == ["log[1].parquet"]


def test_missing_file_suggests_a_neighbour(tmp_path: Path) -> None:
    """The error names the path and the file that was probably meant."""
    (tmp_path / "wages.parquet").touch()
    with pytest.raises(SourceError, match=r"wage\.parquet; did you mean wages\.parquet"):
        resolve("wage.parquet", tmp_path)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("none/*.parquet", "no file matches"),
        ("folder", "is a folder"),
        ("nowhere/log.parquet", "there is no folder"),
        ("pipe", "not a regular file"),
        ("dangling", "cannot read"),
        ("/dev/zero", "not a regular file"),
    ],
)
def test_what_is_no_regular_file_is_refused(source: str, message: str, tmp_path: Path) -> None:
    """Folders, pipes, devices, dangling links and globs without matches are errors that say so."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to("gone")
    with pytest.raises(SourceError, match=message):
        resolve(source, tmp_path)


def test_unknown_suffix_lists_the_known_ones(tmp_path: Path) -> None:
    """The error of an unknown kind of file says which names are known."""
    with pytest.raises(SourceError, match=r"\.parquet.*\.csv.*\.duckdb"):
        format_of(tmp_path / "log.xlsx")


def test_hash_is_sha256_of_the_content(tmp_path: Path) -> None:
    """Files of any size are hashed in blocks, and progress adds up to their size."""
    content = bytes(range(256)) * 9000
    path = tmp_path / "log.parquet"
    path.write_bytes(content)
    seen: list[int] = []
    assert sha256(path, seen.append) == hashlib.sha256(content).hexdigest()
    assert sum(seen) == len(content)
    (file,) = fingerprint([path])
    assert (file.sha256, file.size) == (hashlib.sha256(content).hexdigest(), len(content))


def test_a_changed_file_is_noticed(tmp_path: Path) -> None:
    """A file that grew after it was described is not unchanged, nor is one that is gone."""
    path = tmp_path / "log.parquet"
    path.write_bytes(b"one")
    noted = describe(path)
    assert noted.unchanged()
    path.write_bytes(b"three")
    assert not noted.unchanged()
    path.unlink()
    assert not noted.unchanged()


@pytest.mark.parametrize(("unit", "zone"), [("us", "UTC"), ("ms", "Europe/Berlin"), ("ns", "UTC")])
@pytest.mark.parametrize("statistics", [True, False])
def test_time_range_by_metadata_and_by_scan(unit: str, zone: str, statistics: bool, tmp_path: Path) -> None:
    """The range is the same from a Parquet file's statistics and from its rows, in UTC."""
    times = [datetime(2026, 3, day, 12, 30, tzinfo=UTC) for day in (9, 3, 27)]
    table = pa.table({"at": pa.array([*times, None], pa.timestamp(unit, zone)), "x": [1.0, 2.0, 3.0, 4.0]})
    pq.write_table(table, tmp_path / "log.parquet", row_group_size=2, write_statistics=statistics)
    found = time_range(_model(), tmp_path / "log.parquet")
    assert found == (times[1], times[2])
    assert found[0].tzinfo == UTC


def test_time_range_of_naive_times_in_their_zone(tmp_path: Path) -> None:
    """Naive times are read in the zone that the configuration names (Berlin is an hour ahead in winter)."""
    pq.write_table(pa.table({"at": [datetime(2026, 1, 1)], "x": [1.0]}), tmp_path / "log.parquet")  # noqa: DTZ001  # naive on purpose
    found = time_range(_model(naive_timestamps="Europe/Berlin"), tmp_path / "log.parquet")
    assert found == (datetime(2025, 12, 31, 23, tzinfo=UTC),) * 2


def test_time_range_without_rows(tmp_path: Path) -> None:
    """A file without rows has no range."""
    table = pa.table({"at": pa.array([], pa.timestamp("us", "UTC")), "x": pa.array([], pa.float64())})
    pq.write_table(table, tmp_path / "log.parquet")
    assert time_range(_model(), tmp_path / "log.parquet") is None


@pytest.mark.parametrize("nanoseconds", [1_772_323_200_000_000_499, 1_772_323_200_000_000_500, -500, -499, -1500])
def test_nanoseconds_are_rounded_alike_by_metadata_and_by_scan(tmp_path: Path, nanoseconds: int) -> None:
    """Half a microsecond counts as one away from 1970, as DuckDB has it; pandas writes such files."""
    table = pa.table({"at": pa.array([nanoseconds], pa.timestamp("ns", "UTC")), "x": [0.5]})
    found = []
    for statistics in (True, False):
        path = tmp_path / f"{statistics}.parquet"
        pq.write_table(table, path, write_statistics=statistics)
        found.append(time_range(_model(), path))
    assert found[0] == found[1]
    assert found[0] is not None
    whole = abs(nanoseconds) // 1000 + (abs(nanoseconds) % 1000 >= 500)
    assert found[0][0] - datetime(1970, 1, 1, tzinfo=UTC) == timedelta(microseconds=math.copysign(whole, nanoseconds))
