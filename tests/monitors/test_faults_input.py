"""Bad input: each gives clear words and a recorded outcome, and takes nothing else along."""

from __future__ import annotations

import math
import os
from datetime import datetime
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pytest

from aimsight.metrics.engines.duckdb import DuckDBEngine
from aimsight.tests.configurations import an_objective
from aimsight.tests.monitors.sandbox import Row, Sandbox, binary_rows, ran, regression_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from aimsight.metrics.engines.profile import Profile
    from aimsight.metrics.plan import Plan, Reference


def failed(sandbox: Sandbox, *days: int, model: str = "credit") -> str:
    """Assert that exactly these days failed; the reason of the last one."""
    outcomes = sandbox.outcomes(model=model)
    assert [day for day, found in outcomes.items() if found[-1] == "error"] == list(days)
    rows = sandbox.rows("SELECT reason FROM runs WHERE outcome = 'error' AND model = ? ORDER BY window_start", model)
    return str(rows[-1]["reason"])


def told(sandbox: Sandbox, until: int) -> str:
    """Assert that a first run records nothing at all; what it says instead."""
    summary = sandbox.run(until)["credit"]
    assert (summary.runs, sandbox.store.path.exists()) == ([], False)
    assert "nothing is recorded" in summary.problem
    return summary.problem


def without(rows: list[Row], *columns: str) -> list[Row]:
    """The rows without some columns."""
    return [{key: cell for key, cell in row.items() if key not in columns} for row in rows]


def truncate(sandbox: Sandbox) -> None:
    """Cut the file of day 5 in the middle."""
    os.truncate(sandbox.path(5), sandbox.path(5).stat().st_size // 2)


DAMAGES: dict[str, tuple[Callable[[Sandbox], Any], str]] = {
    "truncated": (truncate, "is a truncated Parquet file: its end is missing"),
    "empty": (lambda sandbox: sandbox.path(5).write_bytes(b""), "is empty (0 bytes)"),
    "other format": (lambda sandbox: sandbox.path(5).write_text("id,at\n1,2\n"), "is not a Parquet file"),
    "encrypted": (
        lambda sandbox: sandbox.path(5).write_bytes(b"PARE" + bytes(64) + b"PARE"),
        "is an encrypted Parquet file",
    ),
    "no timestamp": (
        lambda sandbox: sandbox.write(sandbox.path(5), [{"id": "a", "when": 1}]),
        "there is no column 'at'",
    ),
    "text for times": (
        lambda sandbox: sandbox.write(sandbox.path(5), [{"id": "a", "at": "soon"}]),
        "'at'",
    ),
    "naive times": (
        lambda sandbox: sandbox.write(sandbox.path(5), [{"id": "a", "at": datetime(2026, 1, 6)}]),  # noqa: DTZ001  # a naive time is the fault
        "naive_timestamps",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_one_bad_file_costs_only_the_window_that_needs_it(sandbox: Sandbox, damage: str) -> None:
    """The days around it are measured; when the file is whole, its day is measured too."""
    spoil, words = DAMAGES[damage]
    sandbox.model()
    sandbox.days(*range(7))
    spoil(sandbox)
    summary = sandbox.run(7)["credit"]
    assert ran(summary) == {4: "success", 5: "error", 6: "success"}
    reason = failed(sandbox, 5)
    assert words in reason
    assert str(sandbox.path(5)) in reason
    assert sandbox.verdicts() == {4: "conforming", 5: "not measured", 6: "conforming"}
    assert sandbox.run(7)["credit"].runs == []
    sandbox.check()
    sandbox.days(5)
    assert ran(sandbox.run(7)["credit"])[5] == "success"
    assert set(sandbox.verdicts().values()) == {"conforming"}


def test_a_bad_file_next_to_the_reference_leaves_it_alone(sandbox: Sandbox) -> None:
    """The first day after the reference is lost, and not the reference with it."""
    sandbox.model()
    sandbox.days(*range(6))
    sandbox.path(4).write_bytes(b"")
    assert ran(sandbox.run(6)["credit"]) == {4: "error", 5: "success"}


def test_a_bad_file_in_a_day_of_many_files_costs_that_day(sandbox: Sandbox) -> None:
    """Hourly files: the day must not be judged by the hours that could be read."""
    sandbox.model(labels=None, metrics=["quality.rows"], objectives=[])
    sandbox.days(0, 1, 2, 3, 4, 6)
    rows = without(binary_rows(5), "y")
    for part in range(3):
        path = sandbox.path(5).with_name(f"2026-01-06T0{part}.parquet")
        sandbox.write(path, rows[20 * part : 20 * part + 20])
    path.with_name("2026-01-06T01.parquet").write_bytes(b"PAR1")
    assert ran(sandbox.run(7)["credit"]) == {4: "success", 5: "error", 6: "success"}


def test_files_out_of_order_lose_all_days_that_could_be_meant(sandbox: Sandbox) -> None:
    """Where names do not tell the times, no day without a file of its own is taken for empty."""
    sandbox.model(labels=None, metrics=["quality.rows"], objectives=[])
    for day, name in enumerate("fedcba"):
        sandbox.write(sandbox.path(0).with_name(f"{name}.parquet"), without(binary_rows(day), "y"))
    sandbox.path(0).with_name("g.parquet").write_bytes(b"")
    assert ran(sandbox.run(7)["credit"]) == {4: "success", 5: "success", 6: "error"}


@pytest.mark.parametrize("lost", ["missing", "folder", "all damaged"])
def test_a_log_that_cannot_be_read_is_the_outcome_of_new_windows_only(sandbox: Sandbox, lost: str) -> None:
    """Earlier results stand, other models run, two lost days open one record, and it is all right once it is back."""
    for name in ("credit", "fraud"):
        sandbox.model(name, log={"source": f"data/{name}/2026.parquet"})
        rows = [row for day in range(8) for row in binary_rows(day)]
        sandbox.write(sandbox.root / f"data/{name}/2026.parquet", without(rows, "y"))
        sandbox.labels(0, rows, name)
    sandbox.run(6)
    path = sandbox.root / "data/credit/2026.parquet"
    whole = path.read_bytes()
    path.unlink()
    if lost == "folder":
        path.mkdir()
    elif lost == "all damaged":
        path.write_bytes(whole[:-10])
    summaries = sandbox.run(8)
    assert ran(summaries["credit"]) == {6: "error", 7: "error"}
    assert ran(summaries["fraud"]) == {6: "success", 7: "success"}
    words = {"missing": "no such file", "folder": "is a folder", "all damaged": "its end is missing"}[lost]
    assert words in summaries["credit"].problem
    assert words in failed(sandbox, 6, 7)
    assert sandbox.verdicts() == {4: "conforming", 5: "conforming", 6: "not measured", 7: "not measured"}
    (record,) = sandbox.nonconformities()
    assert (record["kind"], record["model"], record["occurrences"]) == ("monitoring not done", "credit", 2)
    assert words in record["statement"]
    again = sandbox.run(8)["credit"]
    assert (again.runs, words in again.problem) == ([], True)
    sandbox.check()
    if path.is_dir():
        path.rmdir()
    path.write_bytes(whole)
    assert ran(sandbox.run(8)["credit"]) == {6: "success", 7: "success"}
    assert set(sandbox.verdicts().values()) == {"conforming"}
    assert [row["state"] for row in sandbox.nonconformities()] == ["detected"]
    sandbox.check()


def test_a_damaged_file_takes_no_result_away(sandbox: Sandbox) -> None:
    """The day was measured before its file was damaged: the failure is recorded, the verdict stands, nothing opens."""
    sandbox.model()
    sandbox.days(*range(7))
    sandbox.run(7)
    truncate(sandbox)
    assert ran(sandbox.run(7)["credit"]) == {5: "error"}
    assert sandbox.outcomes()[5] == ["success", "error"]
    assert sandbox.verdicts() == {4: "conforming", 5: "conforming", 6: "conforming"}
    assert sandbox.values("performance.accuracy")[5] == 54 / 60
    assert sandbox.run(8)["credit"].opened == []  # one empty day after a damaged one that has a result
    sandbox.check()


def test_a_model_whose_start_nobody_knows_stops_no_other(sandbox: Sandbox) -> None:
    """No file, no reference, no start: told as the model's problem, while the next model runs."""
    sandbox.model("alpha", reference=None)
    sandbox.model("beta")
    sandbox.days(*range(5), name="beta")
    summaries = sandbox.run(5)
    assert summaries["alpha"].problem.startswith("no file matches data/alpha/*.parquet")
    assert ran(summaries["beta"]) == {4: "success"}


def spoil_labels(sandbox: Sandbox, how: str) -> None:
    """Take the labels of a regression away, or those of day 4 apart."""
    path = sandbox.path(4, kind="labels")
    if how == "missing":
        sandbox.model("credit", "regression", labels={"source": "labels/credit/2026-02-*.parquet"})
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "no column":
        sandbox.write(path, [{"id": 1, "truth": 1.0}])
    else:
        sandbox.write(path, [{"id": 1, "y": "a hundred"}])


WORDS = {
    "missing": "no file matches labels/credit/2026-02-*.parquet",
    "empty": "is empty (0 bytes)",
    "no column": "there is no column 'y'",
    "text for a number": "'y'",
}


@pytest.mark.parametrize(
    ("how", "lost"), [("missing", [5]), ("empty", [5]), ("no column", [4, 5]), ("text for a number", [4, 5])]
)
def test_labels_that_cannot_be_read_fail_the_run(sandbox: Sandbox, how: str, lost: list[int]) -> None:
    """Nothing is judged on half of what belongs to it; with the labels repaired the days are measured."""
    sandbox.model("credit", "regression")
    for day in range(6):
        sandbox.day(day, regression_rows(day))
    path = sandbox.path(4, kind="labels")
    whole = path.read_bytes()
    assert ran(sandbox.run(5)["credit"]) == {4: "success"}
    spoil_labels(sandbox, how)
    sandbox.run(6)
    assert WORDS[how] in failed(sandbox, *lost)  # files that are not there do not change what was measured with them
    assert sandbox.verdicts() == {4: "conforming", 5: "not measured"}
    sandbox.check()
    path.write_bytes(whole)
    sandbox.model("credit", "regression")
    assert ran(sandbox.run(6)["credit"]) == {5: "success"}


@pytest.mark.parametrize("how", WORDS)
def test_what_could_never_be_read_is_told_and_not_recorded(sandbox: Sandbox, how: str) -> None:
    """A mistake of the first day is no failure of every window since then."""
    sandbox.model("credit", "regression")
    for day in range(6):
        sandbox.day(day, regression_rows(day))
    path = sandbox.path(4, kind="labels")
    whole = path.read_bytes()
    spoil_labels(sandbox, how)
    assert WORDS[how] in told(sandbox, 6)
    path.write_bytes(whole)
    sandbox.model("credit", "regression")
    assert ran(sandbox.run(6)["credit"]) == {4: "success", 5: "success"}
    assert sandbox.nonconformities() == []


@pytest.mark.parametrize("how", ["column gone", "text for a number", "list for a category"])
def test_a_bad_feature_costs_only_that_feature(sandbox: Sandbox, how: str) -> None:
    """Its drift has no value and says why; the others and the performance of the day are there."""
    sandbox.model(metrics=None)
    sandbox.days(0, 1, 2, 3, 4)
    column = "colour" if how == "list for a category" else "x"
    rows = binary_rows(5)
    if how == "column gone":
        rows = without(rows, "x")
    else:
        rows = [row | {column: [row[column]] if column == "colour" else "many"} for row in rows]
    sandbox.day(5, rows)
    assert ran(sandbox.run(6)["credit"])[5] == "success"
    drift = sandbox.values("drift.psi", column=column)
    assert isinstance(drift[4], float)
    assert f"'{column}'" in drift[5]
    other = "x" if column == "colour" else "colour"
    assert isinstance(sandbox.values("drift.psi", column=other)[5], float)
    assert sandbox.values("performance.accuracy") == {4: 54 / 60, 5: 54 / 60}
    sandbox.check()


@pytest.mark.parametrize(("column", "cell"), [("p", "high"), ("yes", [1]), ("gender", ["F"])])
def test_a_bad_score_prediction_or_group_costs_the_run(sandbox: Sandbox, column: str, cell: object) -> None:
    """What everything rests on must be right; the words name the column."""
    sandbox.model(metrics=None, protected=["gender"])
    sandbox.days(0, 1, 2, 3, 4)
    sandbox.day(5, [row | {column: cell} for row in binary_rows(5)])
    sandbox.run(6)
    assert f"'{column}'" in failed(sandbox, 5)
    sandbox.check()


def test_more_than_two_classes_in_a_binary_model_are_refused(sandbox: Sandbox) -> None:
    """A positive value that nobody named is no guess of ours."""
    sandbox.model()
    sandbox.days(0, 1, 2, 3, 4)
    sandbox.day(5, [row | {"yes": i % 3} for i, row in enumerate(binary_rows(5))])
    sandbox.run(6)
    assert "name the positive value" in failed(sandbox, 5)


def test_naive_times_are_read_where_they_are_said_to_be(sandbox: Sandbox) -> None:
    """With a zone named, naive times are instants; changing the zone moves the rows, and nothing old is remembered."""
    sandbox.model(labels=None, reference=None, log={"naive_timestamps": "UTC"}, metrics=["quality.rows"], objectives=[])
    for day in (2, 3):
        rows = [row | {"at": row["at"].replace(tzinfo=None, hour=23)} for row in binary_rows(day)]
        sandbox.write(sandbox.path(day), without(rows, "y"))
    sandbox.run(4)
    assert sandbox.values("quality.rows") == {2: 60.0, 3: 60.0}
    west = sandbox.at(sandbox.root)
    west.model(
        labels=None,
        reference=None,
        log={"naive_timestamps": "America/New_York"},
        monitor={"name": "west"},
        metrics=["quality.rows"],
        objectives=[],
    )
    west.run(5)
    rows = west.rows("SELECT window_start, value FROM measurements WHERE monitor = 'west' ORDER BY window_start")
    assert [(row["window_start"], row["value"]) for row in rows] == [
        (sandbox.window(3).start, 60.0),
        (sandbox.window(4).start, 60.0),
    ]


def test_columns_are_found_by_their_names(sandbox: Sandbox) -> None:
    """In another order, and with one more among them, the day is what it was."""
    rows = binary_rows(4)
    values: list[list[str]] = []
    for change in (lambda row: row, lambda row: dict(reversed(row.items())), lambda row: {"new": 1.5, **row}):
        own = sandbox.at(sandbox.root / str(len(values)))
        own.model()
        own.days(0, 1, 2, 3)
        own.day(4, [change(row) for row in rows])
        own.run(5)
        found = own.rows("SELECT metric, column_name, value FROM measurements WHERE metric <> 'quality.schema_changes'")
        values.append(sorted(map(str, found)))
    assert values[0] == values[1] == values[2]
    assert len(values[0]) > 10


def test_a_text_of_a_million_characters_is_a_category(sandbox: Sandbox) -> None:
    """Somebody logged a whole document: it is one unseen value, and the run is a success."""
    sandbox.model()
    sandbox.days(0, 1, 2, 3)
    sandbox.day(4, [row | {"colour": "x" * 1_000_000} if row["id"] == "d4-7" else row for row in binary_rows(4)])
    assert ran(sandbox.run(5)["credit"]) == {4: "success"}
    assert sandbox.values("quality.unseen_category_share", column="colour") == {4: pytest.approx(1 / 60)}


def test_a_column_without_any_value_has_no_drift(sandbox: Sandbox) -> None:
    """All missing in the window is drift of the missing share; all missing on both sides is no value at all."""
    sandbox.model(metrics=None)
    for day in range(5):
        rows = [row | {"x": None if day == 4 else row["x"], "colour": None} for row in binary_rows(day)]
        sandbox.write(sandbox.path(day), without(rows, "y"), x=pa.float64(), colour=pa.string())
        sandbox.labels(day, rows)
    assert ran(sandbox.run(5)["credit"]) == {4: "success"}
    assert sandbox.values("quality.missing_share", column="x") == {4: 1.0}
    assert sandbox.values("drift.missing_share_change", column="x") == {4: pytest.approx(1.0)}
    assert sandbox.values("drift.psi", column="colour") == {
        4: "every value is missing, in the reference and in the window"
    }


def test_one_class_has_no_ranking(sandbox: Sandbox) -> None:
    """Where every label is positive, ROC AUC is undefined and not 0, 0.5 or 1."""
    auc = an_objective(metric="performance.roc_auc")
    sandbox.model(metrics=["performance.*"], objectives=[auc])
    sandbox.days(0, 1, 2, 3)
    sandbox.day(4, [row | {"y": 1} for row in binary_rows(4)])
    sandbox.run(5)
    found = sandbox.values("performance.roc_auc")[4]
    assert isinstance(found, str)
    assert sandbox.verdicts() == {4: "insufficient evidence"}
    assert sandbox.values("performance.recall") == {4: pytest.approx(30 / 60)}


def test_scores_that_are_none_are_counted_apart(sandbox: Sandbox) -> None:
    """Infinite, missing and impossible probabilities do not enter any metric of scores, and their share is stated."""
    sandbox.model(metrics=None)
    sandbox.days(0, 1, 2, 3)
    bad = [math.inf, -math.inf, math.nan, 1.5, -0.25, None]
    rows = [row | {"p": bad[i] if i < len(bad) else row["p"]} for i, row in enumerate(binary_rows(4))]
    sandbox.day(4, rows)
    sandbox.run(5)
    assert sandbox.values("quality.invalid_score_share") == {4: pytest.approx(6 / 60)}
    good = rows[len(bad) :]
    brier = sum((row["p"] - row["y"]) ** 2 for row in good) / len(good)
    assert sandbox.values("performance.brier") == {4: pytest.approx(brier, rel=1e-9)}
    assert sandbox.values("performance.accuracy") == {4: 54 / 60}
    sandbox.check()


def test_a_column_renamed_half_way_takes_a_few_passes(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows whose files have the same columns are read together, and none names the file of another."""
    sandbox.model(metrics=None)
    for day in range(20):
        renamed = [row | {"x2": row["x"]} for row in binary_rows(day)]
        sandbox.day(day, without(renamed, "x" if day > 9 else "x2"))
    passes: list[int] = []
    profile = DuckDBEngine.profile

    def counted(self: DuckDBEngine, plan: Plan, **how: Any) -> Profile:
        passes.append(len(plan.windows))
        return profile(self, plan, **how)

    monkeypatch.setattr(DuckDBEngine, "profile", counted)
    assert ran(sandbox.run(20)["credit"]) == dict.fromkeys(range(4, 20), "success")
    assert len(passes) < 10
    reasons = sandbox.values("drift.psi", column="x")
    assert all(isinstance(reasons[day], float) for day in range(4, 10))
    assert {str(reasons[day]) for day in range(10, 20)} == {
        "there is no column 'x'; did you mean x2? Columns: id, at, colour, gender, yes, p, x2"
    }


def test_ids_that_occur_twice_with_other_content_are_counted(sandbox: Sandbox) -> None:
    """The earliest row of an id counts, the other is dropped and counted as conflicting."""
    sandbox.model(metrics=None)
    sandbox.days(0, 1, 2, 3)
    rows = binary_rows(4)
    conflicting = [row | {"at": row["at"].replace(hour=22), "yes": 1 - row["yes"]} for row in rows[:15]]
    sandbox.day(4, conflicting + rows)
    sandbox.labels(4, rows)
    sandbox.run(5)
    assert sandbox.values("performance.accuracy") == {4: 54 / 60}
    assert sandbox.values("quality.duplicate_share") == {4: pytest.approx(15 / 75)}
    counts = sandbox.rows("SELECT duplicate_rows, conflicting_rows FROM statistics_window WHERE conflicting_rows > 0")
    assert counts == [{"duplicate_rows": 0, "conflicting_rows": 15}]


def test_a_reference_that_cannot_be_made_is_tried_again_when_its_data_change(sandbox: Sandbox) -> None:
    """A first run says the reason and records no window; repairing a day of the reference is enough to run them."""
    sandbox.model()
    sandbox.days(*range(6))
    whole = sandbox.path(2).read_bytes()
    sandbox.path(2).write_bytes(whole[:-10])
    reason = told(sandbox, 6)
    assert reason.startswith("the reference cannot be made: ")
    assert "its end is missing" in reason
    sandbox.path(2).write_bytes(whole)
    assert ran(sandbox.run(6)["credit"]) == {4: "success", 5: "success"}
    sandbox.check()


def test_a_reference_without_rows_is_said_to_be_one(sandbox: Sandbox) -> None:
    """No row in the period: a first run says so, not every window of it."""
    sandbox.model()
    sandbox.days(4, 5)
    assert "the reference has no rows from 2026-01-01" in told(sandbox, 6)


def test_a_new_reference_that_cannot_be_made_fails_the_windows_that_are_due(sandbox: Sandbox) -> None:
    """Where monitoring has begun, a window that is not measured is on record; those with a result keep it."""
    sandbox.model()
    sandbox.days(*range(7))
    assert ran(sandbox.run(5)["credit"]) == {4: "success"}
    sandbox.model(reference={"period": ["2025-01-01", "2025-01-05"]}, monitor={"start": "2026-01-05"})
    sandbox.run(6)
    assert failed(sandbox, 5).startswith("the reference cannot be made: ")
    assert sandbox.run(6)["credit"].runs == []
    sandbox.check()
    sandbox.model()
    assert ran(sandbox.run(7)["credit"]) == {5: "success", 6: "success"}
    sandbox.check()


def test_a_file_that_grows_while_it_is_read_is_left_for_the_next_run(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upload that is not finished costs its own day, until it is."""
    from aimsight.metrics import sources

    sandbox.model()
    sandbox.days(*range(6))
    path, hash_of = sandbox.path(5), sources.sha256

    def growing(read: Any, progress: Any = None) -> str:
        found = hash_of(read, progress)
        if read == path:
            os.utime(path, ns=(1, path.stat().st_mtime_ns + 1))
        return found

    with monkeypatch.context() as patch:
        patch.setattr(sources, "sha256", growing)
        assert ran(sandbox.run(6)["credit"]) == {4: "success", 5: "error"}
    assert "was changed while it was read" in failed(sandbox, 5)
    assert ran(sandbox.run(6)["credit"])[5] == "success"


@pytest.mark.parametrize(("kind", "lost"), [("data", [6]), ("labels", [4, 5, 6])])
def test_a_file_that_changes_after_its_hash_vouches_for_nothing(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, kind: str, lost: list[int]
) -> None:
    """What was read must be what was hashed: days that need a file replaced in between fail, and are run anew."""
    sandbox.model()
    sandbox.days(0, 1, 2, 3, 4)
    sandbox.run(5)
    sandbox.days(5, 6)
    profile = DuckDBEngine.profile

    def replaced_meanwhile(engine: DuckDBEngine, plan: Plan, **how: Any) -> Profile:
        found = profile(engine, plan, **how)
        path = sandbox.path(6, kind=kind)
        os.utime(path, ns=(0, path.stat().st_mtime_ns + 1_000_000_000))
        return found

    with monkeypatch.context() as patch:
        patch.setattr(DuckDBEngine, "profile", replaced_meanwhile)
        sandbox.run(7)
    assert "was changed while it was read" in failed(sandbox, *lost)
    assert ran(sandbox.run(7)["credit"]).keys() >= set(lost)
    outcomes = sandbox.outcomes()
    # new label files have day 4 looked at again, and its result is the one that it had
    assert (outcomes[4][0], outcomes[4][-1]) == ("success", "skipped")
    assert [outcomes[day][-1] for day in (5, 6)] == ["success", "success"]
    assert set(sandbox.values("quality.rows")) == {4, 5, 6}
    assert sandbox.run(7)["credit"].runs == []
    sandbox.check()


def test_a_reference_whose_file_changes_while_it_is_made_is_made_anew(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reference that no hash vouches for is not frozen, and its windows are run by the next call."""
    sandbox.model()
    sandbox.days(0, 1, 2, 3, 4)
    reference = DuckDBEngine.make_reference

    def touched_meanwhile(engine: DuckDBEngine, *how: Any) -> Reference:
        found = reference(engine, *how)
        os.utime(sandbox.path(2), ns=(0, 1_000_000_000))
        return found

    with monkeypatch.context() as patch:
        patch.setattr(DuckDBEngine, "make_reference", touched_meanwhile)
        assert "the reference cannot be made" in told(sandbox, 5)
    assert ran(sandbox.run(5)["credit"]) == {4: "success"}
    sandbox.check()


def test_a_file_without_permission_costs_its_day(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unreadable bytes have no hash; the outcome says which file and why."""
    from aimsight.configs.errors import SourceError
    from aimsight.metrics import sources

    sandbox.model()
    sandbox.days(*range(6))
    path, hash_of = sandbox.path(5), sources.sha256

    def refusing(read: Any, progress: Any = None) -> str:
        if read == path:
            raise SourceError(f"cannot read {path}: Permission denied")
        return hash_of(read, progress)

    with monkeypatch.context() as patch:  # the tests may run as root, whom no permission stops
        patch.setattr(sources, "sha256", refusing)
        sandbox.run(6)
        assert failed(sandbox, 5) == f"cannot read {path}: Permission denied"
        assert sandbox.run(6)["credit"].runs == []
    assert ran(sandbox.run(6)["credit"])[5] == "success"


def test_a_configuration_that_was_wrong_is_tried_again_when_it_is_right(sandbox: Sandbox) -> None:
    """The rows are the same and the positive value is named now: the days that failed are measured."""
    sandbox.model(log={"positive": "oui"}, metrics=["performance.accuracy"], reference=None)
    sandbox.days(0, 1)
    assert told(sandbox, 2).startswith("the first window cannot be counted: ")
    sandbox.model(metrics=["performance.accuracy"], reference=None)
    assert ran(sandbox.run(2)["credit"]) == {0: "success", 1: "success"}
    sandbox.model(log={"positive": "oui"}, metrics=["performance.accuracy"], reference=None)
    sandbox.days(2)
    assert ran(sandbox.run(3)["credit"])[2] == "error"
    assert sandbox.run(3)["credit"].runs == []
    sandbox.model(metrics=["performance.accuracy"], reference=None)
    assert ran(sandbox.run(3)["credit"])[2] == "success"
    sandbox.check()


def test_a_table_with_its_own_labels_is_measured(sandbox: Sandbox) -> None:
    """A log in a DuckDB table whose labels are a column of it."""
    sandbox.model(
        log={"source": "log.duckdb", "table": "decisions"}, labels={"source": None, "label": "y"}, reference=None
    )
    day = sandbox.write(sandbox.root / "day.parquet", binary_rows(0))
    with duckdb.connect(str(sandbox.root / "log.duckdb")) as connection:
        connection.execute(f"CREATE TABLE decisions AS SELECT * FROM '{day}'")
    assert ran(sandbox.run(1)["credit"]) == {0: "success"}
    assert sandbox.values("performance.accuracy") == {0: pytest.approx(0.9)}
