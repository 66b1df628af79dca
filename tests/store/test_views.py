"""The public face: the views have the documented columns, in the promised order, with the right contents."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aimsight.configs.errors import StoreError
from aimsight.store.query import query
from aimsight.store.statistics_tables import OF_REFERENCE
from aimsight.store.table import Table
from aimsight.store.tables import BY_RUN, LEDGER, RECORDS, SLOT, SOURCE_FILE

if TYPE_CHECKING:
    from aimsight.store.database import Store
    from aimsight.tests.store.conftest import Samples

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "store.md").read_text("utf-8")
PROMISED = {
    "measurements": "model model_version metric metric_version column_name segment window_start window_end value "
    "undefined_reason n ci_low ci_high ci_method reference estimated revision is_latest run_id computed_at",
    "evaluations": "objective objective_version model segment window_start window_end value target verdict reason "
    "revision is_latest run_id evaluated_at",
    "nonconformities": "nonconformity kind objective model segment severity state opened_at due_at owner occurrences "
    "recurrence_of closed_at",
    "runs": "run_id model monitor window_start window_end planned_at started_at finished_at outcome reason "
    "rows_scanned source_fingerprint config_hash code_version",
    "events": "seq recorded_at actor kind subject payload hash",
}


def columns(store: Store, table: str) -> list[str]:
    """Give the columns of a table or view, in order."""
    sql = "SELECT column_name FROM information_schema.columns WHERE table_name = ? ORDER BY ordinal_position"
    with store.read() as reader:
        return [row[0] for row in reader.tuples(sql, [table])]


def test_every_view_is_documented_column_by_column(filled: Store) -> None:
    """The page says of each view what it has, no less and no more, in its order."""
    sections = re.findall(r"^### `(\w+)`\n(.*?)(?=^##|^Example)", PAGE, re.MULTILINE | re.DOTALL)
    documented = {view: re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) for view, text in sections}
    with filled.read() as reader:
        views = reader.tuples("SELECT table_name FROM information_schema.tables WHERE table_type = 'VIEW'")
    assert set(documented) == {view for (view,) in views}
    for view, names in documented.items():
        assert names == columns(filled, view), view


@pytest.mark.parametrize("view", PROMISED)
def test_the_promised_columns_come_first(filled: Store, view: str) -> None:
    """Notebooks that were written against the first version go on working: names and order stay."""
    promised = PROMISED[view].split()
    assert columns(filled, view)[: len(promised)] == promised


@pytest.mark.parametrize(
    "table", [LEDGER, *RECORDS.values(), *BY_RUN, *OF_REFERENCE, SLOT, SOURCE_FILE], ids=lambda t: t.name
)
def test_the_tables_in_python_are_those_in_sql(filled: Store, table: Table) -> None:
    """Names, order and types of the columns agree, so that a digest covers every cell there is."""
    types = {
        "text": {"VARCHAR"},
        "int": {"BIGINT", "INTEGER"},
        "float": {"DOUBLE"},
        "bool": {"BOOLEAN"},
        "moment": {"TIMESTAMP WITH TIME ZONE"},
        "day": {"DATE"},
        "bytes": {"BLOB"},
        "texts": {"VARCHAR[]"},
        "ints": {"BIGINT[]", "INTEGER[]"},
        "floats": {"DOUBLE[]"},
    }
    with filled.read() as reader:
        rows = reader.tuples(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = ? "
            "ORDER BY ordinal_position",
            [table.name],
        )
    assert {name for name, _ in rows} == set(table.columns)
    assert [name for name, kind in rows if kind not in types[table.columns[name]]] == []


def test_the_example_of_the_page_runs(filled: Store) -> None:
    """Whoever copies the query gets the objective's story."""
    (sql,) = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
    table = query(filled, sql)
    assert table.column_names == ["window_start", "verdict", "value", "target"]
    assert table.column("verdict").to_pylist() == ["nonconforming", "nonconforming"]


def test_the_views_show_what_was_written(filled: Store, samples: Samples) -> None:
    """One look at each view: joins, counts and flags."""
    with filled.read() as reader:
        (evaluation, _) = reader.rows("SELECT * FROM evaluations ORDER BY window_start")
        (record,) = reader.rows("SELECT * FROM nonconformities")
        (objective,) = reader.rows("SELECT * FROM objectives")
        (event,) = reader.rows("SELECT * FROM events WHERE seq = 1")
        kinds = [row[0] for row in reader.tuples("SELECT kind FROM events ORDER BY seq")]
    assert evaluation["statement"] == "Ranking stays as good as at release."
    assert evaluation["window_start"] == samples.start
    assert evaluation["is_latest"]
    assert record["occurrences"] == 1
    assert objective["is_latest"]
    assert objective["actions"] == ["retrain", "review"]
    assert (objective["level"], objective["baseline"], objective["tags"]) == ("function", 0.86, ["performance"])
    assert (objective["requirements"], objective["communicated"]) == (["EU AI Act"], ["Works council"])
    assert str(objective["review"]) == "2026-12-01"
    assert event["payload"] == f'{{"origin":"{event["subject"]}"}}'
    assert event["prev_hash"] == "00" * 32
    assert kinds == [
        "ledger.opened",
        "model.registered",
        "objective.version",
        "reference.frozen",
        "slots.planned",
        "run.finished",
        "nonconformity.detected",
        "nonconformity.occurrence",
        "alert.queued",
        "record.created",
        "objective.declared",
        "nonconformity.dossier",
        "nonconformity.effect_measured",
        "failure.disposed",
        "evidence.frozen",
        "slots.planned",
        "run.finished",
    ]


def test_a_later_evaluation_of_a_window_is_the_latest(store: Store, samples: Samples) -> None:
    """A second run of a window judges it anew; the verdict of the time stays beside it."""
    from aimsight.store.evaluations import save_evaluations
    from aimsight.store.runs import claim, finish

    with store.write() as tx:
        first = samples.write_run(tx)
        run = claim(tx, samples.run(run_id="second"))
        assert run is not None
        save_evaluations(tx, [samples.evaluation(run, verdict="conforming")])
        finish(tx, run.run_id, "success", "", 1, samples.start)
        sql = "SELECT run_id, verdict, revision, is_latest FROM evaluations ORDER BY revision"
        assert tx.tuples(sql) == [
            (first.run_id, "nonconforming", 1, False),
            ("second", "conforming", 2, True),
        ]


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("", "exactly one statement, not 0"),
        ("SELECT 1; SELECT 2", "exactly one statement, not 2"),
        ("SELECT 1; DROP TABLE run", "exactly one statement, not 2"),
        ("DELETE FROM run", "must be a SELECT, not DELETE"),
        ("COPY run TO 'out.csv'", "must be a SELECT, not COPY"),
        ("ATTACH 'x.duckdb'", "must be a SELECT, not ATTACH"),
        ("CHECKPOINT", "must be a SELECT"),
        ("SET threads = 9", "must be a SELECT"),
        ("SELEC 1", "cannot be read: Parser Error"),
        ("SELECT * FROM measurement5", "cannot be run: Catalog Error"),
        ("SELECT * FROM read_text('/etc/hostname')", "cannot be run: Permission Error"),
    ],
)
def test_a_query_is_one_select_and_nothing_else(filled: Store, sql: str, words: str) -> None:
    """Everything but one reading statement is refused with a reason."""
    with pytest.raises(StoreError) as caught:
        query(filled, sql)
    assert words in str(caught.value)


def test_a_query_reads_whatever_form_a_select_has(filled: Store) -> None:
    """WITH, FROM first, VALUES and DESCRIBE read too."""
    assert query(filled, "WITH r AS (FROM runs) SELECT count(*) AS n FROM r").to_pylist() == [{"n": 2}]
    assert query(filled, "FROM runs SELECT outcome;").column("outcome").to_pylist() == ["success"] * 2
    assert query(filled, "VALUES (1), (2)").num_rows == 2
    assert query(filled, "DESCRIBE runs").num_rows == 17


def test_a_query_that_takes_too_long_is_stopped(filled: Store) -> None:
    """Readers make writers wait, so a query has an end."""
    with pytest.raises(StoreError, match=r"longer than 0\.2 s and was stopped"):
        query(filled, "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE hash(a.range, b.range) = 1", 0.2)
    assert query(filled, "SELECT 1 AS one").to_pylist() == [{"one": 1}]
