"""A hardened DuckDB connection that may read the given source files and nothing else."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from aimsight.configs.errors import AimsightError, SchemaError, SourceError, quoted_list
from aimsight.metrics.engines.sql import quote_ident, quote_list, quote_text
from aimsight.metrics.sources import format_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb

STREAM_BUFFER = "8MB"
"""Finished rows that DuckDB's threads may hold ready: with the default of 1 MB only one of them works."""


class ResourceError(AimsightError):
    """Memory or disk did not suffice to read a source."""


@contextlib.contextmanager
def connect(paths: Sequence[Path], *, memory_limit: str, threads: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in memory, in UTC, that sees only ``paths``; DuckDB files are attached read-only as ``source0`` ...

    Extensions are neither installed nor loaded, every other file is out of reach, settings are locked, and what does
    not fit into ``memory_limit`` goes to a private temporary folder. Errors of DuckDB leave as errors for people.

    Raises
    ------
    SourceError, SchemaError, ResourceError
        See ``plain_errors``.
    """
    import duckdb

    with tempfile.TemporaryDirectory(prefix="aimsight-") as spill, plain_errors(paths):
        connection = duckdb.connect(
            config={
                "memory_limit": memory_limit,
                "threads": threads,
                "temp_directory": spill,
                "preserve_insertion_order": False,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "allow_community_extensions": False,
            }
        )
        try:
            for number, path in enumerate(databases(paths)):
                run(connection, f"ATTACH {quote_text(str(path))} AS {quote_ident(f'source{number}')} (READ_ONLY)")
            run(connection, "SET TimeZone = 'UTC'")
            # the least and greatest value of a Parquet file leave NaN out: DuckDB would conclude that there is none
            run(connection, "SET disabled_optimizers = 'statistics_propagation'")
            run(connection, f"SET streaming_buffer_size = '{STREAM_BUFFER}'")
            # whole row groups read ahead take the memory of wide logs, and no time is won on a local disk
            run(connection, "SET disable_parquet_prefetching = true")
            # the footer of a wide file is read once, not by every query
            run(connection, "SET parquet_metadata_cache = true")
            run(connection, f"SET allowed_paths = {quote_list(str(path) for path in paths)}")
            run(connection, "SET enable_external_access = false")
            run(connection, "SET lock_configuration = true")
            yield connection
        finally:
            connection.close()


def databases(paths: Sequence[Path]) -> list[Path]:
    """Those of the paths that are DuckDB files, in order."""
    return [path for path in paths if format_of(path) == "duckdb"]


def run(connection: duckdb.DuckDBPyConnection, statement: str) -> list[tuple[object, ...]]:
    """Execute one statement to its end and return its rows."""
    rows: list[tuple[object, ...]] = connection.execute(statement).fetchall()
    return rows


@contextlib.contextmanager
def plain_errors(paths: Sequence[Path]) -> Iterator[None]:
    """Turn what DuckDB and Arrow raise into errors for people, naming the files; an interrupt stays one.

    Raises
    ------
    SourceError
        A file is missing, empty, truncated, damaged or not what its name says.
    SchemaError
        A value does not fit the type of its column.
    ResourceError
        Memory or disk ran out.
    """
    import duckdb
    import pyarrow as pa

    try:
        yield
    except duckdb.InterruptException as error:
        raise KeyboardInterrupt from error
    except (duckdb.OutOfMemoryException, duckdb.FatalException, MemoryError) as error:
        raise _resource(paths, error) from error
    except (duckdb.Error, pa.ArrowException, OSError) as error:  # a stream's errors come as OSError from Arrow
        text = str(error)
        if "INTERRUPT" in text:
            raise KeyboardInterrupt from error
        if "Out of Memory" in text or "No space left" in text:
            raise _resource(paths, error) from error
        if isinstance(error, duckdb.ConversionException) or "Conversion Error" in text:
            raise SchemaError(f"{_names(paths)}: a value does not fit its column: {_first_line(error)}") from error
        raise SourceError(f"cannot read {_names(paths)}: {_why(paths, error)}") from error


def _resource(paths: Sequence[Path], error: BaseException) -> ResourceError:
    return ResourceError(
        f"memory or disk did not suffice to read {_names(paths)}: {_first_line(error)} "
        "(memory_limit in aimsight.yaml sets how much memory may be used)"
    )


def _names(paths: Sequence[Path]) -> str:
    return quoted_list([str(path) for path in paths], 3)


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n", 1)[0]


def _why(paths: Sequence[Path], error: BaseException) -> str:
    """The plain reason: an empty file, a wrong kind of file, else what DuckDB says."""
    for path in paths:
        which = path if len(paths) > 1 else "it"
        with contextlib.suppress(OSError):
            if path.stat().st_size == 0:
                return f"{which} is empty (0 bytes)"
            if format_of(path) == "parquet" and (why := _parquet_damage(path)):
                return f"{which} {why}"
    if "Could not set lock" in str(error):
        return "another program has it open to write; close it there, or read a copy"
    return _first_line(error)


def _parquet_damage(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(4)
        file.seek(-4, 2)
        tail = file.read(4)
    if head == b"PARE":
        return "is an encrypted Parquet file"
    if head != b"PAR1":
        return "is not a Parquet file"
    return "is a truncated Parquet file: its end is missing" if tail != b"PAR1" else ""
