"""The engine: one pass over a source for all columns, windows and segments (why so: docs/adr/0006).

DuckDB reads, filters, joins and numbers categories in its own threads and streams narrow blocks of rows; NumPy counts
them into cells with the definition of ``aimsight.metrics.cells``, of which there is therefore only one. Everything that
is summed is an integer, so neither the order of the rows nor the number of threads changes a result.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from aimsight.configs.errors import SourceError
from aimsight.metrics.engines.arrays import blocks
from aimsight.metrics.engines.connection import connect, run
from aimsight.metrics.engines.log import Inputs, inputs, label_columns, open_log, rows_of_windows
from aimsight.metrics.engines.passes import BLOCK_ROWS, CELL_BYTES, fitting, read
from aimsight.metrics.engines.profile import Profile
from aimsight.metrics.engines.scores import KEY_BUDGET, ScoreLimits
from aimsight.metrics.engines.sql import quote_ident
from aimsight.metrics.engines.tables import Csv, open_table
from aimsight.metrics.engines.tallies import TALLY_BYTES
from aimsight.metrics.engines.windows import moment
from aimsight.metrics.plan import EXACT_SCORE_ROWS, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    import duckdb
    import pandas as pd
    from numpy.typing import NDArray

    from aimsight.configs.schema import ModelConfig
    from aimsight.metrics.engines.counting import Count
    from aimsight.metrics.engines.log import Log
    from aimsight.metrics.engines.passes import Counted
    from aimsight.metrics.engines.sampling import Sample
    from aimsight.metrics.plan import Plan, Reference


class DuckDBEngine:
    """Reads Parquet, CSV and JSON files and DuckDB tables.

    Parameters
    ----------
    memory_limit
        What DuckDB may use before it goes to disk; NumPy's own blocks come on top (about 150 MB at most).
    threads
        DuckDB's threads. The results do not depend on it.
    exact_rows, key_budget
        Labelled rows of a window up to which scores are kept exactly, and scores held at once; for tests.
    tally_bytes, cell_bytes
        What each tally of score or error cells, and the cells of all columns, may hold at once; for tests.
    """

    def __init__(
        self,
        memory_limit: str = "200MB",
        threads: int = 2,
        *,
        exact_rows: int = EXACT_SCORE_ROWS,
        key_budget: int = KEY_BUDGET,
        tally_bytes: int = TALLY_BYTES,
        cell_bytes: int = CELL_BYTES,
    ) -> None:
        self.memory_limit = memory_limit
        self.threads = threads
        self._exact_rows = exact_rows
        self._key_budget = key_budget
        self._tally_bytes = tally_bytes
        self._cell_bytes = cell_bytes

    def profile(self, plan: Plan, *, progress: Callable[[int], None] | None = None) -> Profile:
        """Statistics of every window of the plan, empty ones included: a mapping in the order of the windows.

        The source is read here. A window's scores are sorted when the window is looked up, and are not kept: whoever
        goes through the windows in order holds the exact scores of a few of them at a time.

        Parameters
        ----------
        progress
            Is told the rows of every block read.

        Raises
        ------
        SourceError, SchemaError, ResourceError
            If a file cannot be read, does not fit the configuration, or needs more memory than there is.
        """
        return Profile(plan, lambda first: self._read(plan, first, progress if first == 0 else None), self.threads)

    def _read(self, plan: Plan, first: int, progress: Callable[[int], None] | None) -> Counted:
        """One pass over the source, for as many of the windows from ``first`` on as fit into memory.

        The connection is closed afterwards, so that its memory and that of sorting do not add up.
        """
        files = inputs(plan.model, plan.root)
        features = [column.name for column in plan.columns if column.role == "feature"]
        features += [name for name in (plan.loss_tree.columns if plan.loss_tree else ()) if name not in features]
        with self.connect(files.all) as connection:
            # the first pass sees all windows, to tell whether an id occurs in several of them
            log = open_log(connection, plan.model, files, features, plan.windows[first:])
            limits = ScoreLimits(self._exact_rows, self._key_budget, self._tally_bytes)
            part, count = self._fitting(plan, log, first)
            return read(part, log, label_columns(log, plan.as_of), limits, progress, count)

    def _fitting(self, plan: Plan, log: Log, first: int) -> tuple[Plan, type[Count]]:
        """The windows from ``first`` on that one pass counts, and in what: smaller counts fit twice as many of them."""
        rest = plan.windows[first:]
        count: type[Count] = np.int32
        fits = fitting(rest, plan.columns, self._cell_bytes)
        if fits < len(rest):
            more = fitting(rest, plan.columns, self._cell_bytes, np.uint16)
            if rows_of_windows(log, rest[:more]).max() <= np.iinfo(np.uint16).max:
                fits, count = more, np.uint16
        return replace(plan, windows=rest[:fits]), count

    def connect(self, paths: Sequence[Path]) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """A hardened connection that may read these files."""
        return connect(paths, memory_limit=self.memory_limit, threads=self.threads)

    def make_reference(
        self,
        model: ModelConfig,
        root: Path,
        windows: tuple[Window, ...] | None,
        period: Window | None,
        as_of: datetime,
        fingerprint: str,
    ) -> Reference:
        """Freeze the reference of a model: choose cells, count them, keep means and spreads.

        Parameters
        ----------
        windows
            The reference's own windows (for its natural variation), disjoint, sorted and within the period; ``None``
            for none.
        period
            The part of the log that is the reference; ``None`` when it has its own source, all of whose rows count.
        as_of
            Labels that arrived later are not used.

        Raises
        ------
        SourceError, SchemaError, ResourceError
            As for ``profile``, and when the reference has no rows.
        """
        from aimsight.metrics.engines.reference import build

        return build(self, model, root, windows, period, as_of, fingerprint)

    def time_range(self, model: ModelConfig, paths: list[Path]) -> tuple[datetime, datetime] | None:
        """Earliest and latest event time (UTC) of some files of the model's log; ``None`` without rows."""
        with self.connect(paths) as connection:
            log = open_log(connection, _without_id(model), Inputs(paths, []), [])
            (row,) = run(connection, f"SELECT epoch_us(min({log.time})), epoch_us(max({log.time})) FROM {log.rows}")
        if row[0] is None or row[1] is None:
            return None
        return moment(int(str(row[0]))), moment(int(str(row[1])))

    def rows_by_time(
        self, model: ModelConfig, paths: list[Path], start: datetime, end: datetime
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Distinct event times within [start, end) in ascending order, and the rows at each, in blocks.

        The times (microseconds since 1970, UTC) are those of some files of the model's log; repeated ids count.
        """
        with self.connect(paths) as connection:
            log = open_log(connection, _without_id(model), Inputs(paths, []), [])
            query = (
                f"SELECT epoch_us({log.time}) AS t, count(*) AS n FROM {log.rows} WHERE {log.within(start, end)} "
                "GROUP BY ALL ORDER BY t"
            )
            for times, counts in blocks(connection, query, BLOCK_ROWS):  # ordered by the query
                yield times.astype(np.int64), counts.astype(np.int64)

    def schema(self, paths: list[Path], table: str | None = None) -> list[tuple[str, str]]:
        """Names and SQL types of the columns of some files."""
        with self.connect(paths) as connection:
            found = open_table(connection, paths, paths, table)
            return list(found.parts[0][1].items())

    def sample(
        self,
        model: ModelConfig,
        root: Path,
        window: Window | None,
        columns: Sequence[str],
        limit: int,
        *,
        seed: int = 0,
        with_labels: bool = True,
        as_of: datetime | None = None,
    ) -> Sample:
        """At most ``limit`` rows of a window, the same whatever the order of the rows; see ``samples``.

        Parameters
        ----------
        window
            ``None`` for all rows of the reference's own source.
        """
        if window is None:
            found = self.time_range(model, inputs(model, root, reference=True).log)
            if found is None:
                raise SourceError(f"{model.model}: the reference has no rows")
            window = Window(found[0], found[1] + timedelta(microseconds=1))
            files = inputs(model, root, reference=True)
        else:
            files = inputs(model, root)
        return self._samples(model, files, (window,), columns, limit, seed, as_of or _NEVER, with_labels=with_labels)[0]

    def samples(
        self,
        model: ModelConfig,
        root: Path,
        windows: Sequence[Window],
        columns: Sequence[str],
        limit: int,
        *,
        seed: int = 0,
        with_labels: bool = True,
        as_of: datetime | None = None,
    ) -> dict[Window, Sample]:
        """At most ``limit`` rows of each window of the log, in one pass over it.

        A row is drawn by the hash of ``seed`` and of its content: the declared columns of the log but labels, and
        ``columns``. So the sample of a window depends neither on the order of rows nor on the other windows, and the
        same rows are drawn when labels arrive. Where the log has no id, rows that are equal in all of these are drawn
        together.

        Parameters
        ----------
        windows
            Disjoint and sorted.
        as_of
            Labels that arrived later are late; by default every label counts.

        Raises
        ------
        SourceError, SchemaError, ResourceError
            As for ``profile``, and when one of the columns cannot be read.
        """
        files = inputs(model, root)
        drawn = self._samples(model, files, windows, columns, limit, seed, as_of or _NEVER, with_labels=with_labels)
        return dict(zip(windows, drawn, strict=True))

    def _samples(
        self,
        model: ModelConfig,
        files: Inputs,
        windows: Sequence[Window],
        columns: Sequence[str],
        limit: int,
        seed: int,
        as_of: datetime,
        *,
        with_labels: bool,
    ) -> list[Sample]:
        from aimsight.metrics.engines.sampling import SampleRequest, draw

        wants_labels = with_labels and model.labels is not None
        request = SampleRequest(tuple(dict.fromkeys(columns)), limit, seed, as_of if wants_labels else None)
        with self.connect(files.all) as connection:
            return draw(connection, model, files, windows, request)

    def frame(
        self, model: ModelConfig, root: Path, window: Window | None, columns: Sequence[str], limit: int, seed: int
    ) -> pd.DataFrame:
        """At most ``limit`` rows of a window (``None``: of the reference's own source) with these columns of the log.

        The rows with the smallest hashes of their content and ``seed`` are taken, in that order: the same sample
        whatever the order of the rows.
        """
        files = inputs(model, root, reference=window is None)
        with self.connect(files.all) as connection:
            table = open_table(connection, files.log, files.all, model.log.table, csv=Csv.of(model.log))
            for column in columns:
                table.type_of(column)
            log = open_log(connection, _without_id(model), replace(files, labels=[]), [])
            rows = f"({table.select([*columns, model.log.timestamp])})"
            listed = ", ".join(quote_ident(column) for column in columns)
            condition = f"WHERE {log.within(window.start, window.end)}" if window is not None else ""
            frame: pd.DataFrame = connection.sql(
                f"SELECT {listed} FROM {rows} {condition} "
                f"ORDER BY hash({int(seed)}, {listed}, {quote_ident(model.log.timestamp)}), {listed} LIMIT {int(limit)}"
            ).df()
        return frame


_NEVER = datetime(9999, 1, 1, tzinfo=UTC)


def _without_id(model: ModelConfig) -> ModelConfig:
    """The model reading nothing but the times of its log."""
    log = model.log.model_copy(update={"id": None, "prediction": None, "score": None, "scores": None, "interval": None})
    return model.model_copy(update={"log": log, "labels": None, "protected": (), "segments": (), "filters": {}})
