"""Source files as a SQL relation: their columns checked, their types told apart, never widened silently."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from aimsight.configs.errors import SchemaError, SourceError, did_you_mean, quoted_list
from aimsight.metrics.engines.connection import databases, plain_errors, run
from aimsight.metrics.engines.sql import quote_ident, quote_list, quote_text
from aimsight.metrics.sources import format_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import duckdb

    from aimsight.configs.schema import LogConfig
    from aimsight.metrics.sources import Format

Kind = Literal["empty", "integer", "float", "decimal", "boolean", "text", "timestamp", "naive timestamp", "other"]

_INTEGERS = frozenset(
    f"{sign}{size}" for sign in ("", "U") for size in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
)
_READERS: dict[Format, str] = {
    "parquet": "read_parquet({files}, hive_partitioning = false)",
    "csv": "read_csv({files}, hive_partitioning = false{csv}{words})",
    "json": "read_json({files}, hive_partitioning = false)",
}


@dataclass(frozen=True, slots=True)
class Csv:
    """How CSV files are written, as far as it is said.

    ``text_times``: the configuration says how times are written, so they stay text: DuckDB would guess whether
    03/04/2026 is in March or in April. ``decimal_comma``: 0,25 is a number.
    """

    text_times: bool = False
    decimal_comma: bool = False

    @classmethod
    def of(cls, log: LogConfig) -> Self:
        """What the configuration says, of the log and of its labels."""
        return cls(log.timestamp_format is not None, log.decimal_comma)

    @property
    def options(self) -> str:
        """Further arguments of ``read_csv``."""
        times = ", auto_type_candidates = ['BOOLEAN', 'BIGINT', 'DOUBLE', 'VARCHAR']" if self.text_times else ""
        return times + (", decimal_separator = ','" if self.decimal_comma else "")


PLAIN_CSV = Csv()
_LOOKED_AT = 20_480
"""Rows by which DuckDB tells the types of a CSV file."""


def kind_of(type_name: str) -> Kind:
    """What a SQL type is to us."""
    if type_name == '"NULL"':  # a column that has never held a value
        return "empty"
    if type_name in _INTEGERS:
        return "integer"
    if type_name in {"FLOAT", "DOUBLE"}:
        return "float"
    if type_name.startswith("DECIMAL") and not type_name.endswith("]"):
        return "decimal"
    if type_name == "BOOLEAN":
        return "boolean"
    if type_name in {"VARCHAR", "UUID"} or (type_name.startswith("ENUM(") and not type_name.endswith("]")):
        return "text"
    if type_name in {"TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS"}:
        return "timestamp"
    if type_name == "DATE" or (type_name.startswith("TIMESTAMP") and not type_name.endswith("]")):
        return "naive timestamp"
    return "other"


@dataclass(frozen=True, slots=True)
class Table:
    """A relation over source files.

    ``types`` maps the columns (as the files spell them) to their SQL types, by part: files of equal types are read
    together, and a column that is absent from a part is absent from its mapping. For messages ``what`` names the files,
    ``files`` those of each part.
    """

    what: str
    parts: tuple[tuple[str, dict[str, str]], ...]
    files: tuple[str, ...]
    twins: tuple[tuple[str, str], ...] = ()

    @property
    def columns(self) -> list[str]:
        """The columns of the first part, in order."""
        return list(self.parts[0][1])

    def type_of(self, column: str) -> str:
        """The column's type, which is the same (or a number) in every file.

        Raises
        ------
        SchemaError
            If the column is missing somewhere, has twins that differ only in case or accents, or differs in kind.
        """
        for first, second in self.twins:
            if column in {first, second}:
                raise SchemaError(f"{self.what}: columns {first!r} and {second!r} cannot be told apart; rename one")
        found: list[str] = []
        for where, (_, types) in zip(self.files, self.parts, strict=True):
            if column not in types:
                close = did_you_mean(column, types)
                question = f"; did you mean {close}?" if close else "."
                raise SchemaError(f"{where}: there is no column {column!r}{question} Columns: {quoted_list(types)}")
            found.append(types[column])
        found = [name for name in found if kind_of(name) != "empty"] or found[:1]
        kinds = {kind_of(name) for name in found}
        if len(kinds) > 1 and not kinds <= {"integer", "float", "decimal"}:
            raise SchemaError(
                f"{self.what}: column {column!r} changes its type between files: {quoted_list(set(found))}"
            )
        return found[0] if len(set(found)) == 1 else _common(found)

    def without_files(self, problem: str) -> str:
        """A problem of a column without the files it was met in, which depend on what is read together."""
        for files in (self.what, *self.files):
            problem = problem.removeprefix(f"{files}: ")
        return problem

    def select(self, columns: Iterable[str]) -> str:
        """A query that gives these columns (which ``type_of`` has accepted) of every row."""
        names = list(dict.fromkeys(columns))
        listed = ", ".join(
            f"{quote_ident(name)}" if len({types[name] for _, types in self.parts}) == 1
            else f"CAST({quote_ident(name)} AS {self.type_of(name)}) AS {quote_ident(name)}"
            for name in names
        ) or "1 AS one"  # fmt: skip
        return " UNION ALL ".join(f"SELECT {listed} FROM {relation}" for relation, _ in self.parts)


def _common(types: list[str]) -> str:
    """The type that holds the values of several numeric types."""
    return "HUGEINT" if all(kind_of(name) == "integer" for name in types) else "DOUBLE"


def open_table(
    connection: duckdb.DuckDBPyConnection,
    paths: Sequence[Path],
    known: Sequence[Path],
    table: str | None,
    *,
    csv: Csv = PLAIN_CSV,
) -> Table:
    """Look at the columns of some files.

    Parameters
    ----------
    paths
        The files of this relation, at least one, all of one format.
    known
        All files of the connection, in the order they were given to ``connect``.
    table
        Table inside DuckDB files; ``None`` for other files.
    csv
        How CSV files are written.

    Raises
    ------
    SourceError
        If a file cannot be read or formats are mixed.
    """
    formats = {format_of(path) for path in paths}
    if len(formats) > 1:
        raise SourceError(f"one source mixes {quoted_list(sorted(formats))} files: {quoted_list(map(str, paths), 3)}")
    kind = formats.pop()
    if kind == "duckdb" and table is None:
        raise SourceError(f"{paths[0]} is a DuckDB file; name its table (table: ...)")
    reader = _READERS.get(kind, "").replace("{csv}", csv.options)
    groups: dict[tuple[tuple[tuple[str, str], ...], str], list[str]] = {}
    for path in paths:
        if kind == "duckdb":
            number = databases(known).index(path)
            relation = _database_table(connection, path, f"source{number}", table or "")
        else:
            relation = str(path)
        text, words = relation if kind == "duckdb" else reader.format(files=quote_list([relation]), words=""), ""
        with plain_errors([path]):
            columns = _described(connection, text)
            if kind == "csv" and (words := _words(connection, reader, relation, columns)):
                columns = _described(connection, reader.format(files=quote_list([relation]), words=words))
        groups.setdefault((columns, words), []).append(relation)
    parts: list[tuple[str, dict[str, str]]] = []
    files: list[str] = []
    for (columns, words), members in groups.items():
        if kind == "duckdb":
            parts.extend((member, dict(columns)) for member in members)
            files.extend(members)
        else:
            parts.append((reader.format(files=quote_list(members), words=words), dict(columns)))
            files.append(quoted_list(members, 3))
    names = [name for path in paths[:1] for name in _spelled(path, kind)] or list(parts[0][1])
    return Table(quoted_list(map(str, paths), 3), tuple(parts), tuple(files), tuple(_twins(names)))


def _described(connection: duckdb.DuckDBPyConnection, relation: str) -> tuple[tuple[str, str], ...]:
    """Names and types of the columns."""
    return tuple((str(row[0]), str(row[1])) for row in run(connection, f"DESCRIBE SELECT * FROM {relation}"))


def _words(connection: duckdb.DuckDBPyConnection, reader: str, file: str, columns: tuple[tuple[str, str], ...]) -> str:
    """The argument of ``read_csv`` that leaves words as they are; empty where there are none.

    DuckDB takes ``yes``, ``no``, ``t`` and ``F`` for booleans: a day's file in which every gender is F would hold
    the group ``false``. Only ``true`` and ``false`` are booleans, whatever their case.
    """
    names = [name for name, type_name in columns if type_name == "BOOLEAN"]
    if not names:
        return ""

    def as_text(chosen: list[str]) -> str:
        return ", types = {" + ", ".join(f"{quote_text(name)}: 'VARCHAR'" for name in chosen) + "}"

    tests = (f"bool_and(lower(trim({quote_ident(name)})) IN ('true', 'false'))" for name in names)
    rows = reader.format(files=quote_list([file]), words=as_text(names))
    (found,) = run(connection, f"SELECT {', '.join(tests)} FROM (SELECT * FROM {rows} LIMIT {_LOOKED_AT})")
    words = [name for name, is_boolean in zip(names, found, strict=True) if is_boolean is False]
    return as_text(words) if words else ""


def tables_of(connection: duckdb.DuckDBPyConnection, database: str) -> list[str]:
    """The tables and views of an attached DuckDB file, sorted; those of other schemas as ``schema.table``."""
    rows = run(
        connection,
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = '" + database + "' "
        "UNION ALL SELECT schema_name, view_name FROM duckdb_views() WHERE NOT internal AND database_name = '"
        + database + "'",
    )  # fmt: skip
    return sorted(str(row[1]) if row[0] == "main" else f"{row[0]}.{row[1]}" for row in rows)


def _database_table(connection: duckdb.DuckDBPyConnection, path: Path, database: str, table: str) -> str:
    schema, _, name = table.rpartition(".")
    known = tables_of(connection, database)
    if (name if schema in {"", "main"} else table) not in known:
        close = did_you_mean(table, known)
        question = f"; did you mean {close}?" if close else ""
        raise SourceError(f"{path}: there is no table {table!r}{question} Tables: {quoted_list(known) or 'none'}")
    return ".".join(map(quote_ident, (database, schema or "main", name)))


def _spelled(path: Path, kind: Format) -> list[str]:
    """The names as a Parquet file spells them: DuckDB renames one of two twins."""
    if kind != "parquet":
        return []
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return list(pq.read_schema(path).names)
    except (pa.ArrowException, OSError):
        return []  # DuckDB could read it, and its names will do


def _twins(names: list[str]) -> list[tuple[str, str]]:
    """Pairs of names that differ only in case or in the composition of their characters."""
    seen: dict[str, str] = {}
    found = []
    for name in names:
        key = unicodedata.normalize("NFC", name).casefold()
        if key in seen:
            found.append((seen[key], name))
        seen[key] = name
    return found
