"""Source files: which ones a configuration means, what identifies their content, and which time they cover."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from aimsight.configs.errors import SourceError, did_you_mean, quoted_list

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aimsight.configs.schema import ModelConfig

Format = Literal["parquet", "csv", "json", "duckdb"]

BLOCK = 1 << 20
"""Bytes hashed at a time."""

_SUFFIXES: dict[str, Format] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".csv.gz": "csv",
    ".csv.zst": "csv",
    ".tsv": "csv",
    ".tsv.gz": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".json.gz": "json",
    ".jsonl.gz": "json",
    ".ndjson.gz": "json",
    ".duckdb": "duckdb",
}


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One input file and what identifies its content: size in bytes, time of last change in ns, SHA-256 (hex)."""

    path: Path
    size: int
    mtime_ns: int
    sha256: str | None = None

    def unchanged(self) -> bool:
        """Whether the file still has the size and time of change noted here."""
        try:
            now = self.path.stat()
        except OSError:
            return False
        return (now.st_size, now.st_mtime_ns) == (self.size, self.mtime_ns)


def format_of(path: Path) -> Format:
    """The format that the file's name says it has.

    Raises
    ------
    SourceError
        If the suffix is not one of the known ones.
    """
    if suffix := suffix_of(path):
        return _SUFFIXES[suffix]
    raise SourceError(f"{path}: unknown kind of file; the name must end with one of {quoted_list(_SUFFIXES, 20)}")


def suffix_of(path: Path) -> str:
    """The known ending of a file's name, such as ``.csv.gz``; ``''`` where it has none."""
    name = path.name.lower()
    return next((suffix for suffix in _SUFFIXES if name.endswith(suffix)), "")


def resolve(source: str | Iterable[str], root: Path) -> list[Path]:
    """The regular files that a source means: absolute paths, each once, in the order of their names and numbers.

    Parameters
    ----------
    source
        A file, a glob (``**`` crosses folders), or several of them; relative ones start at ``root``.
    root
        The project folder.

    Raises
    ------
    SourceError
        If a file is missing, a glob matches nothing, or something is not a regular file.
    """
    patterns = [source] if isinstance(source, str) else list(source)
    found: set[Path] = set()
    for pattern in patterns:
        place = root / pattern
        if os.path.lexists(place):
            matches = [place]
        else:
            matches = [Path(match) for match in glob.glob(str(place), recursive=True)]  # noqa: PTH207  # ** and absolute patterns
            matches = [match for match in matches if not match.is_dir()]
        if not matches:
            raise SourceError(_missing(pattern, place))
        found.update(Path(os.path.abspath(match)) for match in matches)  # noqa: PTH100  # resolve() would follow links
    for path in found:
        _check_regular(path)
    return sorted(found, key=_in_order)


def _in_order(path: Path) -> tuple[list[list[str | int]], Path]:
    """Numbers in names count as numbers, so that ``month=9`` comes before ``month=10``."""
    parts = [re.split(r"([0-9]+)", part) for part in path.parts]
    return [[int(text) if place % 2 else text for place, text in enumerate(part)] for part in parts], path


def _missing(pattern: str, place: Path) -> str:
    if any(character in pattern for character in "*?["):
        return f"no file matches {pattern} ({place})"
    folder = place.parent
    if not folder.is_dir():
        return f"no such file: {place} (there is no folder {folder})"
    close = did_you_mean(place.name, [entry.name for entry in folder.iterdir()])
    return f"no such file: {place}" + (f"; did you mean {close}?" if close else "")


def _check_regular(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}") from error
    if stat.S_ISDIR(mode):
        raise SourceError(f"{path} is a folder; name its files, for example {path.name}/*.parquet")
    if not stat.S_ISREG(mode):
        raise SourceError(f"{path} is not a regular file")


def sha256(path: Path, progress: Callable[[int], None] | None = None) -> str:
    """SHA-256 (hex) of a file's content, read once; ``progress`` is told the bytes of every block.

    Raises
    ------
    SourceError
        If the file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb", buffering=0) as file:
            block = bytearray(BLOCK)
            view = memoryview(block)
            while size := file.readinto(block):
                digest.update(view[:size])
                if progress is not None:
                    progress(size)
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}") from error
    return digest.hexdigest()


def describe(path: Path) -> SourceFile:
    """The file with its size and time of change, not hashed yet.

    Raises
    ------
    SourceError
        If the file cannot be looked at.
    """
    try:
        now = path.stat()
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}") from error
    return SourceFile(path, now.st_size, now.st_mtime_ns)


def fingerprint(
    paths: Iterable[Path], *, threads: int = 2, progress: Callable[[int], None] | None = None
) -> list[SourceFile]:
    """The files with their hashes, in the order given; several files are hashed side by side.

    Raises
    ------
    SourceError
        If a file cannot be read or changes while it is hashed.
    """

    def one(path: Path) -> SourceFile:
        before = describe(path)
        hashed = SourceFile(path, before.size, before.mtime_ns, sha256(path, progress))
        if not before.unchanged():
            raise SourceError(f"{path} was changed while it was read; run again when it is complete")
        return hashed

    with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        return list(pool.map(one, paths))


def row_count(paths: Iterable[Path]) -> int:
    """Rows of Parquet files by their metadata, to show progress; 0 when any file does not say."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    total = 0
    for path in paths:
        try:
            total += pq.read_metadata(path).num_rows
        except (pa.ArrowException, OSError):
            return 0
    return total


def time_range(model: ModelConfig, path: Path) -> tuple[datetime, datetime] | None:
    """Earliest and latest event time (UTC) of one file of the model's log; ``None`` when no row has a time.

    Read from the metadata of a Parquet file when every row group states it exactly, else by scanning the one column.

    Raises
    ------
    SourceError
        If the file cannot be read.
    SchemaError
        If the timestamp column is missing, is no timestamp, or is naive without ``log.naive_timestamps``.
    """
    if format_of(path) == "parquet" and (known := _metadata_range(path, model.log.timestamp)) is not None:
        return known
    from aimsight.metrics.engines.duckdb import DuckDBEngine

    return DuckDBEngine(threads=1).time_range(model, [path])


def _metadata_range(path: Path, column: str) -> tuple[datetime, datetime] | None:
    """The range by row-group statistics; ``None`` when they are absent or the column is no timestamp with a zone."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            schema, metadata = file.schema_arrow, file.metadata
            if schema.names.count(column) != 1:
                return None
            kind = schema.field(column).type
            if not pa.types.is_timestamp(kind) or kind.tz is None:
                return None
            index = file.schema.names.index(column) if len(file.schema.names) == len(schema.names) else -1
            if index < 0:  # nested columns shift the positions
                return None
            stored = json.loads(file.schema.column(index).logical_type.to_json())
            microseconds = _MICROSECONDS.get(stored.get("timeUnit", ""))
            if microseconds is None:
                return None
            groups = [metadata.row_group(i).column(index).statistics for i in range(metadata.num_row_groups)]
    except (pa.ArrowException, OSError):
        return None  # the scan tells the person what is wrong with the file
    if not groups or not all(group is not None and group.has_min_max for group in groups):
        return None
    # the integers as stored: asking for them as times would import pandas
    low, high = min(group.min_raw for group in groups), max(group.max_raw for group in groups)
    return _EPOCH + timedelta(microseconds=microseconds(low)), _EPOCH + timedelta(microseconds=microseconds(high))


def _nearest(nanoseconds: int) -> int:
    """As DuckDB rounds them: half a microsecond away from 1970."""
    rounded = (abs(nanoseconds) + 500) // 1000
    return rounded if nanoseconds >= 0 else -rounded


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECONDS: dict[str, Callable[[int], int]] = {
    "nanoseconds": _nearest,
    "microseconds": lambda stored: stored,
    "milliseconds": lambda stored: 1000 * stored,
}
"""A stored time in microseconds, by its unit."""
