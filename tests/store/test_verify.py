"""Verification: every kind of tampering is found, and the first bad entry is named."""

from __future__ import annotations

import re
import shutil
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aimsight.configs.errors import StoreError
from aimsight.store import versions
from aimsight.store.database import Reader, Store
from aimsight.store.ledger import append, entry_hash
from aimsight.store.records import (
    EvidenceFile,
    add_occurrence,
    open_nonconformity,
    save_effectiveness_window,
    save_evidence_file,
    save_nonconformity,
)
from aimsight.store.runs import plan_slots
from aimsight.store.statistics_tables import OF_REFERENCE
from aimsight.store.table import Table
from aimsight.store.tables import BY_RUN, LEDGER, RECORDS, SLOT
from aimsight.store.verify import VerifyReport, verify

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from aimsight.store.findings import Event
    from aimsight.tests.store.conftest import Samples, TickingClock

WRITTEN = [table for table in BY_RUN if table.name != "statistics_value"]
"""Rows of a run as this version writes them; the one left out holds those of older versions."""


def tamper(store: Store, *statements: str, params: Sequence[Any] = ()) -> None:
    """Change the database behind the store's back."""
    with duckdb.connect(str(store.path)) as connection:
        for statement in statements:
            connection.execute(statement, list(params))


def check(store: Store) -> VerifyReport:
    """Verify against the store's own checkpoints."""
    return verify(store, store.checkpoints)


def test_an_untouched_store_is_intact(filled: Store) -> None:
    """No finding, no warning, no gap, and every entry is vouched for by a checkpoint."""
    report = check(filled)
    said = [report.findings, report.warnings, report.gaps, report.limits]
    assert said == [(), (), (), ()]
    assert report.intact
    assert report.complete
    assert (report.entries, report.anchored) == (ENTRIES, ENTRIES)


OTHERS = {
    "text": "concat({0}, 'x')",
    "int": "coalesce({0}, 0) + 1",
    "float": "coalesce({0}, 0) + 0.001",
    "bool": "NOT {0}",
    "moment": "coalesce({0}, TIMESTAMPTZ '2026-01-01') + INTERVAL 1 MICROSECOND",
    "day": "{0} + 1",
    "bytes": "from_hex('00')",
    "texts": "list_append({0}, 'x')",
    "ints": "list_append({0}, 1)",
    "floats": "list_append({0}, 1.0)",
}
"""By type of column: another value."""
ENTRIES = 17
"""Entries of the filled store: opened, model, objective, reference, 2 x (slots, run), nonconformity, occurrence,
register record, declaration, notice, dossier, effectiveness window, disposition, evidence file."""

ALLOWED = {
    "verdict": "'at risk'",
    "outcome": "'error'",
    "outbox.state": "'delivered'",
    "record_version.status": "'withdrawn'",
}
"""Columns that take few values: another one of them."""


class OpenStore:
    """A store whose connection stays open and can write, so that many changes are verified quickly."""

    def __init__(self, store: Store, connection: duckdb.DuckDBPyConnection) -> None:
        self.files = store.files
        self.migrations = store.migrations
        self.connection = connection

    @contextmanager
    def read(self, timeout: float) -> Iterator[Reader]:
        """Give the open connection."""
        yield Reader(self.connection)


@contextmanager
def opened(filled: Store) -> Iterator[Any]:
    """The filled store with one open connection that may write."""
    with duckdb.connect(str(filled.path), config={"threads": 1}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield OpenStore(filled, connection)


def edit(connection: duckdb.DuckDBPyConnection, table: Table, column: str) -> None:
    """Another value in one cell of a column."""
    name = table.name
    other = (
        ALLOWED.get(column) or ALLOWED.get(f"{name}.{column}") or OTHERS[table.columns[column]].format(f'"{column}"')
    )
    where = f'"{column}" IS DISTINCT FROM ({other})'
    if name == "measurement" and column in {"value", "undefined_reason"}:  # one of them is set in every row
        where += f' AND "{column}" IS NOT NULL'
    row = f"rowid = (SELECT max(rowid) FROM {name} WHERE {where})"
    connection.execute(f'UPDATE {name} SET "{column}" = {other} WHERE {row}')


def restore(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """The table as it was before, from its copy."""
    connection.execute(f"DELETE FROM {table.name}")
    connection.execute(f"INSERT INTO {table.name} FROM untouched_{table.name}")


def test_a_change_of_any_column_is_found(filled: Store) -> None:
    """Whatever cell of whatever record is edited, verification names its table, and nothing once it is undone.

    The first columns of all tables are edited at once, then the second ones, and so on.
    """
    tables = [*RECORDS.values(), *WRITTEN, *OF_REFERENCE, SLOT]
    names, wrong = [table.name for table in tables], []
    with opened(filled) as store:
        for table in tables:
            store.connection.execute(f"CREATE TABLE untouched_{table.name} AS FROM {table.name}")
        for place in range(max(len(table.columns) for table in tables)):
            edited = {table.name: list(table.columns)[place] for table in tables if place < len(table.columns)}
            for table in tables:
                if table.name in edited:
                    edit(store.connection, table, edited[table.name])
            told = {str(finding).split()[0] for finding in verify(store, filled.checkpoints).findings}
            wrong += [f"{name}.{edited.get(name, '')}" for name in told & set(names) ^ set(edited)]
            for table in tables:
                if table.name in edited:
                    restore(store.connection, table)
        assert verify(store, filled.checkpoints).intact
    assert wrong == []


@pytest.mark.parametrize("column", LEDGER.columns)
def test_a_change_of_the_ledger_is_found(filled: Store, column: str) -> None:
    """Whatever is edited in an entry."""
    with opened(filled) as store:
        edit(store.connection, LEDGER, column)
        assert not verify(store, filled.checkpoints).intact


@pytest.mark.parametrize("table", [*RECORDS.values(), *WRITTEN, *OF_REFERENCE, SLOT], ids=lambda t: t.name)
def test_a_row_that_is_gone_is_found(filled: Store, table: Table) -> None:
    """Deleting a record is no way to be rid of it; the entry that wrote it is named."""
    tamper(filled, f"DELETE FROM {table.name} WHERE rowid = (SELECT max(rowid) FROM {table.name})")
    report = check(filled)
    assert report.findings
    assert report.findings[0].message.startswith(table.name)
    assert report.first_bad_seq is not None


@pytest.mark.parametrize("table", [*WRITTEN, *OF_REFERENCE], ids=lambda t: t.name)
def test_a_row_that_was_slipped_in_is_found(filled: Store, table: Table) -> None:
    """A second copy of a row is one row too many."""
    tamper(filled, f"INSERT INTO {table.name} FROM {table.name} LIMIT 1")
    assert table.name in check(filled).findings[0].message


def test_a_record_without_an_event_is_found(filled: Store) -> None:
    """A nonconformity, a run or a slot that no event made was not made by the store."""
    tamper(
        filled,
        "INSERT INTO nonconformity SELECT * REPLACE ('NC-2026-0002' AS nonconformity) FROM nonconformity",
        "INSERT INTO slot SELECT * REPLACE ('other' AS monitor) FROM slot LIMIT 1",
        "INSERT INTO measurement SELECT * REPLACE ('nobody' AS run_id) FROM measurement LIMIT 1",
    )
    messages = [str(finding) for finding in check(filled).findings]
    assert messages == [
        "nonconformity NC-2026-0002: no event of the ledger made this row",
        "measurement rows of nobody: 1 rows that no event of the ledger covers",
        "slot of wage-band / other: no event of the ledger planned this window",
    ]


def test_the_order_of_rows_does_not_matter(filled: Store) -> None:
    """Rows that a copy or a backup has put in another order are still the same rows."""
    tamper(
        filled,
        "CREATE TABLE shuffled AS SELECT * FROM measurement ORDER BY metric DESC, run_id",
        "DELETE FROM measurement",
        "INSERT INTO measurement FROM shuffled",
        "DROP TABLE shuffled",
    )
    assert check(filled).intact


@pytest.mark.parametrize(
    ("statement", "bad", "words"),
    [
        ("UPDATE ledger SET entry = encode(replace(decode(entry), 'age-band', 'age-bond')) WHERE seq = 5", 5, "hash"),
        ("UPDATE ledger SET hash = from_hex(repeat('00', 32)) WHERE seq = 7", 7, "hash"),
        ("UPDATE ledger SET actor = 'nobody' WHERE seq = 3", 3, "columns"),
        ("DELETE FROM ledger WHERE seq = 4", 5, "entry 4 before it is missing"),
        ("DELETE FROM ledger WHERE seq IN (4, 5)", 6, "entries 4 to 5 before it are missing"),
        ("DELETE FROM ledger WHERE seq < 3", 3, "entries 1 to 2 before it are missing"),
        ("UPDATE ledger SET seq = seq + 100 WHERE seq > 6", 107, "entries 7 to 106 before it are missing"),
        (
            f"INSERT INTO ledger SELECT * REPLACE ({ENTRIES + 1} AS seq) FROM ledger WHERE seq = {ENTRIES}",
            ENTRIES + 1,
            "does not follow",
        ),
        ("INSERT INTO ledger SELECT * REPLACE (0 AS seq) FROM ledger WHERE seq = 1", 0, "does not follow"),
    ],
)
def test_tampering_with_the_chain_names_the_first_bad_entry(
    filled: Store, statement: str, bad: int, words: str
) -> None:
    """Edited, deleted, inserted and renumbered entries are found where they are."""
    tamper(filled, statement)
    finding = check(filled).findings[0]
    assert finding.seq == bad
    assert finding.message.startswith(f"ledger entry {bad}: ")
    assert words in finding.message or bad == 0


def test_swapped_entries_are_found(filled: Store) -> None:
    """Two entries that have changed places break the chain at the first of them."""
    tamper(
        filled,
        "UPDATE ledger SET seq = 1000 WHERE seq = 5",
        "UPDATE ledger SET seq = 5 WHERE seq = 6",
        "UPDATE ledger SET seq = 6 WHERE seq = 1000",
    )
    assert check(filled).first_bad_seq == 5


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE measurement SET value = 'nan' WHERE value IS NOT NULL", "measurement rows of"),
        ("UPDATE evaluation SET ci_high = 'inf'", "evaluation rows of"),
        ("UPDATE run SET finished_at = 'infinity'", "run "),
        ("UPDATE ledger SET recorded_at = 'infinity' WHERE seq = 4", "ledger entry 4: its columns"),
        ("UPDATE ledger SET recorded_at = '-infinity' WHERE seq = 1", "ledger entry 1: its columns"),
        ("UPDATE ledger SET entry = from_hex('ff') WHERE seq = 4", "ledger entry 4: its content does not have"),
        (
            "CREATE OR REPLACE VIEW measurements AS SELECT * REPLACE (1.0 AS value) FROM measurement",
            "view measurements",
        ),
        ("DROP VIEW runs", "view runs: it is not the one that aimsight made"),
    ],
)
def test_values_that_are_no_values_and_views_that_lie_are_found(filled: Store, statement: str, words: str) -> None:
    """Whatever somebody puts into the file, verification ends with a finding and not with a traceback."""
    tamper(filled, statement)
    assert check(filled).findings[0].message.startswith(words)


def test_a_view_that_is_only_spelled_otherwise_is_the_same(filled: Store) -> None:
    """Another version of DuckDB puts other parentheses around the same joins: that is no tampering."""
    with duckdb.connect(str(filled.path)) as connection:
        sql = "SELECT sql FROM duckdb_views() WHERE view_name = 'nonconformities'"
        ((definition,),) = connection.execute(sql).fetchall()
        found = dict(connection.execute(versions.VIEWS).fetchall())
    found["nonconformities"] = definition.replace("SELECT ", "SELECT\n    ")
    assert found["nonconformities"] != definition
    assert versions.changed_views(found, filled.migrations) == []
    assert versions.changed_views({**found, "runs": "DROP VIEW models"}, filled.migrations) == ["runs"]


def test_tables_of_another_shape_are_refused(filled: Store) -> None:
    """A column that was taken away is an error that names it."""
    tamper(filled, "DROP VIEW measurements", "ALTER TABLE measurement DROP COLUMN detail")
    with pytest.raises(StoreError, match=r"measurement\.detail"):
        check(filled)


def test_entries_that_follow_but_make_no_sense_are_found(store: Store) -> None:
    """An entry with a valid hash and a payload that is not that of its kind is named; so is a fold that fails on it."""
    with store.write() as tx:
        append(tx, "nobody", "slots.planned", "wage-band", {"windows": [["yesterday"]]})
        append(tx, "nobody", "run.finished", "x", {"table": "run", "row": {}})
        append(tx, "nobody", "nonconformity.open", "NC-1", {})

    def fold(events: Sequence[Event]) -> Mapping[str, Mapping[str, Any]]:
        return {event.subject: event.payload["row"] for event in events}

    report = verify(store, folds={"nonconformity": fold})
    assert [str(finding) for finding in report.findings] == [
        "ledger entry 2: its payload is not that of slots.planned",
        "ledger entry 3: its payload is not that of run.finished",
        "nonconformity: its events cannot be replayed (KeyError('row'))",
    ]


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'"text"',
        b'{"head":"ab","origin":"o","size":"3","time":"2026-01-01T00:00:00.000000Z"}',
        b'{"head":"ab","origin":"o","size":3.0,"time":"2026-01-01T00:00:00.000000Z"}',
        b'{"head":"ab","origin":1,"size":3,"time":"2026-01-01T00:00:00.000000Z"}',
        b'{"head":"ab","origin":"o","size":3,"time":"yesterday"}',
        b'{"head": "ab", "origin": "o", "size": 3, "time": "2026-01-01T00:00:00.000000Z"}',
    ],
)
def test_a_line_that_is_no_checkpoint_vouches_for_nothing(filled: Store, tmp_path: Path, line: bytes) -> None:
    """Garbage in a checkpoint file is skipped and said; it can neither help nor hurt."""
    path = tmp_path / "garbage.jsonl"
    path.write_bytes(line + b"\n")
    report = verify(filled, [path])
    assert report.intact
    assert report.anchored == 0
    assert report.warnings == (f"{path}, line 1: not a checkpoint (torn by a crash?)",)


def test_an_emptied_ledger_is_found(filled: Store) -> None:
    """A store whose ledger is gone is not intact, with or without a checkpoint."""
    tamper(filled, "DELETE FROM ledger")
    assert not verify(filled).intact
    assert check(filled).first_bad_seq == 1


def cut_off(store: Store) -> None:
    """Undo the last run completely, as somebody would who wants it away: entries and rows."""
    last = "(SELECT max(run_id) FROM run WHERE window_start = (SELECT max(window_start) FROM run))"
    tamper(
        store,
        f"DELETE FROM measurement WHERE run_id = {last}",
        f"DELETE FROM evaluation WHERE run_id = {last}",
        *(f"DELETE FROM {table.name} WHERE statistics_id = {last}" for table in BY_RUN if "statistics" in table.name),
        f"DELETE FROM run WHERE run_id = {last}",
        "DELETE FROM slot WHERE window_start = (SELECT max(window_start) FROM slot)",
        f"DELETE FROM ledger WHERE seq > {ENTRIES - 2}",
    )


def test_only_a_checkpoint_shows_a_cut_off_tail_and_the_report_says_so(filled: Store) -> None:
    """Without a checkpoint the limit is stated; with one the ledger is truncated."""
    cut_off(filled)
    alone = verify(filled)
    assert alone.intact
    assert alone.limits == (
        "no checkpoint was compared: a ledger cut off at its end or rewritten as a whole is not seen",
    )
    report = check(filled)
    assert [str(finding).partition(": ")[2] for finding in report.findings] == [
        f"truncated: the ledger had {ENTRIES} entries, now it has {ENTRIES - 2}"
    ]
    assert report.first_bad_seq == ENTRIES - 1


def rewrite(store: Store, seq: int) -> None:
    """Change an entry and recompute every hash after it, as somebody would who knows how."""
    with duckdb.connect(str(store.path)) as connection:
        connection.execute("UPDATE ledger SET actor = 'nobody' WHERE seq = ?", [seq])
        previous = bytes(32)
        for number, entry in connection.execute("SELECT seq, entry FROM ledger ORDER BY seq").fetchall():
            new = entry.replace(b'{"actor":"aimsight"', b'{"actor":"nobody"') if number == seq else entry
            digest = entry_hash(number, previous, new)
            connection.execute(
                "UPDATE ledger SET entry = ?, prev_hash = ?, hash = ? WHERE seq = ?", [new, previous, digest, number]
            )
            previous = digest


def test_only_a_checkpoint_shows_a_rewritten_ledger(filled: Store) -> None:
    """Whoever rewrites all of it leaves a consistent ledger that is not the one that was anchored."""
    rewrite(filled, 5)
    assert verify(filled).intact
    report = check(filled)
    assert "forked" in str(report.findings[0])
    assert report.first_bad_seq == ENTRIES
    assert report.anchored == 4


def test_many_checkpoints_that_say_the_same_are_one_finding(filled: Store) -> None:
    """The first that a rewritten entry contradicts is named, the others are counted."""
    rewrite(filled, 2)
    (finding,) = check(filled).findings
    assert "line 2: forked: entry 4 or one before it" in str(finding)
    assert str(finding).endswith("(1 other line says so, too)")


def test_an_old_file_put_back_is_found(filled: Store, samples: Samples, tmp_path: Path) -> None:
    """A copy from before is shorter than the last checkpoint says, and when it goes on, it is a fork."""
    old = tmp_path / "old.duckdb"
    shutil.copyfile(filled.path, old)
    with filled.write() as tx:
        samples.write_run(tx, 2)
    shutil.copyfile(old, filled.path)
    assert "truncated" in str(check(filled).findings[0])
    with filled.write() as tx:
        for day in (3, 4):
            samples.write_run(tx, day)
    findings = [str(finding) for finding in check(filled).findings]
    assert len(findings) == 1
    assert f"forked: entry {ENTRIES + 2}" in findings[0]


def test_a_checkpoint_of_another_ledger_is_refused(filled: Store, samples: Samples, tmp_path: Path) -> None:
    """Somebody else's checkpoint vouches for nothing, whatever its size."""
    other = Store(tmp_path / "other.duckdb", checkpoints=(tmp_path / "other.jsonl",))
    samples.write_all(other)
    report = verify(filled, other.checkpoints)
    assert "a checkpoint of another ledger" in str(report.findings[0])
    assert report.anchored == 0


def test_torn_and_missing_checkpoint_files_are_warnings(filled: Store, tmp_path: Path, checkpoint_file: Path) -> None:
    """A crash tears a line and a file can be lost: both are said, neither is tampering with the ledger."""
    lines = checkpoint_file.read_bytes().splitlines(keepends=True)
    checkpoint_file.write_bytes(lines[0] + lines[1][:20])
    missing = tmp_path / "missing.jsonl"
    report = verify(filled, [checkpoint_file, missing])
    assert report.intact
    assert report.warnings == (
        f"{checkpoint_file}, line 2: not a checkpoint (torn by a crash?)",
        f"{missing}: there is no such checkpoint file",
    )
    assert report.limits == (f"entries 2 to {ENTRIES} are newer than the last checkpoint",)


def test_a_clock_that_was_set_back_is_a_warning(store: Store, samples: Samples, clock: TickingClock) -> None:
    """Times may repeat or go back, sequence numbers do not: the ledger stays intact and the jump is mentioned."""
    with store.write() as tx:
        samples.write_run(tx)
        clock.moment -= timedelta(days=1)
        append(tx, "aimsight", "clock.noted", "clock", {})
    report = check(store)
    assert report.intact
    assert report.warnings == ("ledger entry 4 was recorded before entry 3: the clock was set back",)


def test_a_planned_window_without_an_outcome_is_a_gap_not_a_break(filled: Store, samples: Samples) -> None:
    """Integrity and completeness are two verdicts."""
    window = (samples.start + timedelta(days=7), samples.start + timedelta(days=8))
    with filled.write() as tx:
        plan_slots(tx, "wage-band", "main", [window], samples.start)
    report = check(filled)
    assert report.intact
    assert not report.complete
    assert [(gap["window_start"], gap["window_end"]) for gap in report.gaps] == [window]


def test_evidence_files_are_hashed_again(filled: Store, samples: Samples, tmp_path: Path) -> None:
    """A changed file, a missing one and a path that leaves the folder are each named."""
    folder = tmp_path / "evidence"
    folder.mkdir()
    (folder / "good.html").write_bytes(b"hello")
    (folder / "changed.html").write_bytes(b"hellO")
    digest = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"  # sha256sum of hello
    (tmp_path / "outside.html").write_bytes(b"hello")
    with filled.write() as tx:
        for number, path in enumerate(("good.html", "changed.html", "../outside.html")):
            record = EvidenceFile(digest, path, f"NC-2026-000{number}", "report", samples.start, 5)
            save_evidence_file(tx, record)
    report = verify(filled, filled.checkpoints, evidence=folder)
    assert [str(finding) for finding in report.findings] == [
        f"evidence file ../outside.html: there is no such file in {folder}",
        f"evidence file a.html: there is no such file in {folder}",
        "evidence file changed.html: its content has changed",
    ]


def test_a_changed_cell_is_named_with_its_column_and_its_row(filled: Store) -> None:
    """Which cells of which row: moments in the key as dates, not as numbers."""
    tamper(filled, "UPDATE effectiveness_window SET verdict = 'conforming', value = 0.99, reason = 'x'")
    (finding,) = check(filled).findings
    assert re.fullmatch(
        r"effectiveness_window NC-2026-0001 / 1 / [\dT:.-]+Z / [\dT:.-]+Z: "
        r"value, reason are not what ledger entry \d+ wrote",
        str(finding),
    )


def test_an_occurrence_must_point_at_what_its_run_wrote(store: Store, samples: Samples) -> None:
    """Evidence of a nonconformity that is not the measurement or evaluation of that run is no evidence."""
    with store.write() as tx:
        run = samples.write_run(tx)
        open_nonconformity(tx, samples.nonconformity())
        other = samples.evaluation(run, value=0.7).hash
        add_occurrence(tx, samples.occurrence(run, evaluation_hash=other))
    findings = check(store).findings
    assert [str(finding) for finding in findings] == [
        f"occurrence of NC-2026-0001 in run {run.run_id}: the evaluation it points at is not there any more"
    ]


def test_a_window_after_the_actions_must_point_at_what_its_run_wrote(store: Store, samples: Samples) -> None:
    """An effect that was judged by another measurement than its run's is no proof of it."""
    with store.write() as tx:
        run = samples.write_run(tx)
        open_nonconformity(tx, samples.nonconformity())
        save_effectiveness_window(tx, replace(samples.effectiveness_window(run), measurement_hash="ab" * 32))
    where = f"window after the actions of NC-2026-0001 in run {run.run_id}"
    assert [str(finding) for finding in check(store).findings] == [
        f"{where}: the measurement it points at is not there any more"
    ]


def test_a_fold_checks_that_states_follow_from_events(filled: Store, samples: Samples) -> None:
    """A layer above can say how a record's state follows from its events; a row that says otherwise is named."""

    def fold(events: Sequence[Event]) -> Mapping[str, Mapping[str, Any]]:
        states = {}
        for event in events:
            kind = event.kind.partition(".")[2]
            if kind not in {"occurrence", "dossier", "effect_measured"}:
                states[event.subject] = {"state": kind}
        return states

    assert verify(filled, folds={"nonconformity": fold}).intact
    with filled.write() as tx:
        record = samples.nonconformity(state="closed")
        save_nonconformity(tx, record, kind="nonconformity.open", actor="ann")
    assert verify(filled).intact
    findings = verify(filled, folds={"nonconformity": fold}).findings
    assert [str(finding) for finding in findings] == [
        "nonconformity NC-2026-0001: state does not follow from its events"
    ]


@given(data=st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_changed_byte_of_the_ledger_is_found(filled: Store, data: st.DataObject) -> None:
    """One flipped bit anywhere in an entry or a hash is enough, and that entry or the next one is named."""
    seq = data.draw(st.integers(1, ENTRIES))
    column = data.draw(st.sampled_from(["entry", "hash", "prev_hash"]))
    with duckdb.connect(str(filled.path)) as connection:
        (before,) = connection.execute(f"SELECT {column} FROM ledger WHERE seq = ?", [seq]).fetchone() or (b"",)
        changed = bytearray(before)
        changed[data.draw(st.integers(0, len(before) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        update = f"UPDATE ledger SET {column} = ? WHERE seq = ?"
        connection.execute(update, [bytes(changed), seq])
        connection.execute("SET TimeZone = 'UTC'")
        store: Any = OpenStore(filled, connection)
        assert verify(store).first_bad_seq == seq
        connection.execute(update, [before, seq])
