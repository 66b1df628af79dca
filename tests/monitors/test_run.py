"""Running a model as a person does: what runs, what it finds, and that asking again changes nothing."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest

from aimsight.configs.errors import NotFoundError
from aimsight.metrics.plan import Window
from aimsight.monitors.run import run_model
from aimsight.tests.configurations import an_objective
from aimsight.tests.monitors.sandbox import Sandbox, binary_rows, class_rows, ran, regression_rows


def psi(reference: list[str], window: list[str]) -> float:
    """The population stability index of categories, half a row added to each on both sides."""
    found, categories = 0.0, sorted(set(reference))
    for category in categories:
        p, q = ((side.count(category) + 0.5) / (len(side) + 0.5 * len(categories)) for side in (reference, window))
        found += (q - p) * math.log(q / p)
    return found


def test_every_day_after_the_reference_is_run_and_judged(sandbox: Sandbox) -> None:
    """Days of the reference are no windows; the values are those of the rows that were written."""
    sandbox.model()
    for day, wrong in enumerate([6, 6, 6, 6, 3, 12]):
        sandbox.day(day, binary_rows(day, wrong=wrong))
    summary = sandbox.run(6)["credit"]
    assert ran(summary) == {4: "success", 5: "success"}
    assert (summary.rows_scanned, summary.skipped, summary.problem) == (120, 0, "")
    assert sandbox.values("performance.accuracy") == {4: 57 / 60, 5: 48 / 60}
    assert sandbox.values("quality.rows") == {4: 60.0, 5: 60.0}
    assert sandbox.verdicts() == {4: "conforming", 5: "conforming"}
    sandbox.check()


def test_drift_is_measured_against_the_rows_of_the_reference(sandbox: Sandbox) -> None:
    """PSI of a category is what its formula gives for the rows of the four reference days and of the window."""
    sandbox.model()
    sandbox.days(0, 1, 2, 3)
    shifted = [row | {"colour": "red" if i % 2 else row["colour"]} for i, row in enumerate(binary_rows(4))]
    sandbox.day(4, shifted)
    sandbox.run(5)
    reference = [row["colour"] for day in range(4) for row in binary_rows(day)]
    expected = psi(reference, [row["colour"] for row in shifted])
    assert sandbox.values("drift.psi", column="colour") == {4: pytest.approx(expected, rel=1e-9)}


def test_a_second_run_scans_nothing_and_leaves_every_byte(sandbox: Sandbox) -> None:
    """The same question about the same data is not asked again."""
    sandbox.model()
    sandbox.days(0, 1, 2, 3, 4, 5)
    sandbox.run(6)
    store = sandbox.store
    before = store.path.read_bytes(), store.checkpoints[0].read_bytes()
    again = sandbox.run(6)["credit"]
    assert (again.runs, again.rows_scanned, again.skipped) == ([], 0, 2)
    assert (store.path.read_bytes(), store.checkpoints[0].read_bytes()) == before


def test_touched_files_are_hashed_again_and_nothing_else(sandbox: Sandbox) -> None:
    """A file with a new time and the same bytes is the same file."""
    sandbox.model()
    sandbox.days(0, 1, 2, 3, 4)
    sandbox.run(5)
    entries = sandbox.rows("SELECT count(*) AS n FROM events")
    sandbox.path(4).touch()
    assert sandbox.run(5)["credit"].runs == []
    assert sandbox.rows("SELECT count(*) AS n FROM events") == entries


def test_a_new_day_is_one_new_run(sandbox: Sandbox) -> None:
    """A day's file leaves the runs of other days as they are, although its labels are a new file too."""
    sandbox.model(
        labels=None,
        log={"id": None},
        metrics=["quality.*"],
        objectives=[an_objective(metric="quality.rows", target=">= 50")],
    )
    sandbox.days(0, 1, 2, 3, 4)
    sandbox.run(5)
    sandbox.days(5)
    summary = sandbox.run(6)["credit"]
    assert (ran(summary), summary.rows_scanned, summary.skipped) == ({5: "success"}, 60, 1)
    assert sandbox.outcomes() == {4: ["success"], 5: ["success"]}
    sandbox.check()


def test_a_day_that_is_not_over_is_not_run(sandbox: Sandbox) -> None:
    """Windows are due when they have ended, whatever rows there are already."""
    sandbox.model()
    sandbox.days(0, 1, 2, 3, 4, 5)
    sandbox.run(5)
    assert sandbox.outcomes() == {4: ["success"]}


def test_models_are_run_by_name_or_all(sandbox: Sandbox) -> None:
    """A name runs that model only; a name that does not exist is refused before anything runs."""
    for name in ("credit", "fraud"):
        sandbox.model(name)
        sandbox.days(0, 1, 2, 3, 4, name=name)
    with pytest.raises(NotFoundError, match='no model "fruad"; did you mean fraud'):
        sandbox.run(5, models=["credit", "fruad"])
    assert not sandbox.store.path.exists()
    assert list(sandbox.run(5, models=["fraud"])) == ["fraud"]
    assert {name: len(summary.runs) for name, summary in sandbox.run(5).items()} == {"credit": 1, "fraud": 0}


def test_regression_errors_are_measured(sandbox: Sandbox) -> None:
    """Errors of +1 and -1 have MAE 1 and mean 0; a bias of 2 gives mean 2 and MAE 2 (errors 3 and 1)."""
    sandbox.model("air", "regression")
    for day in range(6):
        sandbox.day(day, regression_rows(day, bias=2.0 if day == 5 else 0.0), "air")
    sandbox.run(6)
    assert sandbox.values("performance.mae", model="air") == {4: pytest.approx(1.0), 5: pytest.approx(2.0)}
    means = sandbox.values("performance.mean_error", model="air")
    assert means == {4: pytest.approx(0.0, abs=1e-12), 5: pytest.approx(2.0)}
    assert sandbox.verdicts(model="air") == {4: "conforming", 5: "nonconforming"}


def test_classes_are_measured(sandbox: Sandbox) -> None:
    """Accuracy of three classes is the share of right decisions."""
    sandbox.model("pets", "multiclass")
    for day in range(6):
        sandbox.day(day, class_rows(day, wrong=6 * (day - 3) if day > 3 else 6), "pets")
    sandbox.run(6)
    assert sandbox.values("performance.accuracy", model="pets") == {4: 54 / 60, 5: 48 / 60}
    sandbox.check()


def test_a_model_without_a_reference_begins_with_its_first_row(sandbox: Sandbox) -> None:
    """Nothing is compared, everything else is measured; a later start than the first row is no trouble either."""
    sandbox.model(reference=None, metrics=None)
    sandbox.days(2, 3)
    sandbox.run(4)
    assert sandbox.values("performance.accuracy") == {2: 54 / 60, 3: 54 / 60}
    assert sandbox.rows("SELECT DISTINCT metric FROM measurements WHERE starts_with(metric, 'drift.')") == []
    sandbox.check()


def test_empty_windows_before_the_first_row_do_not_stop_a_model_without_a_reference(sandbox: Sandbox) -> None:
    """Cells come from the first window with rows; the days before it are recorded as empty."""
    sandbox.model(reference=None, monitor={"start": (sandbox.window(0).start).date()})
    sandbox.days(2, 3)
    sandbox.run(4)
    assert sandbox.values("performance.accuracy") == {
        0: "no rows in the window",
        1: "no rows in the window",
        2: 54 / 60,
        3: 54 / 60,
    }
    assert sandbox.verdicts() == {0: "not measured", 1: "not measured", 2: "conforming", 3: "conforming"}


def test_a_model_without_labels_is_watched_for_drift(sandbox: Sandbox) -> None:
    """Metrics that need labels are left out, and nobody waits for any."""
    drift = an_objective(metric="drift.psi", column="colour", target="<= 0.2")
    sandbox.model(labels=None, metrics=None, objectives=[drift])
    sandbox.days(0, 1, 2, 3, 4)
    sandbox.run(5)
    assert sandbox.verdicts() == {4: "conforming"}
    assert sandbox.rows("SELECT 1 FROM measurements WHERE metric = 'performance.accuracy'") == []


def test_a_reference_may_have_its_own_source(sandbox: Sandbox) -> None:
    """All rows of its files are the reference; once it is frozen the files are not needed any more."""
    sandbox.model(
        reference={
            "period": None,
            "windows": None,
            "source": "reference.parquet",
            "labels_source": "reference-labels.parquet",
        }
    )
    rows = [row for day in range(4) for row in binary_rows(day)]
    for name, keys in (
        ("reference", ("id", "at", "x", "colour", "gender", "yes", "p")),
        ("reference-labels", ("id", "y")),
    ):
        sandbox.write(sandbox.root / f"{name}.parquet", [{key: row[key] for key in keys} for row in rows])
    sandbox.days(4)
    sandbox.run(5)
    expected = psi([row["colour"] for row in rows], [row["colour"] for row in binary_rows(4)])
    assert sandbox.values("drift.psi", column="colour") == {4: pytest.approx(expected, rel=1e-9, abs=1e-12)}
    (sandbox.root / "reference.parquet").unlink()
    sandbox.days(5)
    assert ran(sandbox.run(6)["credit"])[5] == "success"


def test_overlapping_windows_are_the_days_they_consist_of(sandbox: Sandbox) -> None:
    """A week that ends every day has the rows and the wrong decisions of its seven days."""
    sandbox.model(monitor={"window": "7d"})
    wrong = {day: day % 5 for day in range(14)}
    for day, mistakes in wrong.items():
        sandbox.day(day, binary_rows(day, wrong=mistakes))
    sandbox.run(14)
    weeks = {day: 1 - sum(wrong[day + i] for i in range(7)) / 420 for day in range(4, 8)}
    assert sandbox.values("quality.rows") == dict.fromkeys(weeks, 420.0)
    assert sandbox.values("performance.accuracy") == {day: pytest.approx(value) for day, value in weeks.items()}
    single = sandbox.at(sandbox.root.parent / "single")
    single.model(monitor={"window": "7d"})
    for day, mistakes in wrong.items():
        single.day(day, binary_rows(day, wrong=mistakes))
        if day > 9:
            single.run(day + 1)
    columns = "metric, column_name, segment, window_start, value, n, ci_low, ci_high, p_value, q_value"
    sql = f"SELECT {columns} FROM measurements WHERE is_latest AND metric <> 'quality.freshness_hours' ORDER BY ALL"
    assert single.rows(sql) == sandbox.rows(sql)


def test_an_id_counts_once_in_each_of_overlapping_windows(sandbox: Sandbox) -> None:
    """A decision uploaded again a day later counts once in a week that holds both days, and once in a week of one."""
    sandbox.model(monitor={"window": "7d"})
    for day in range(14):
        rows = binary_rows(day)
        if day == 6:
            rows += [row | {"at": rows[0]["at"]} for row in binary_rows(5)[:20]]
        sandbox.day(day, rows)
    sandbox.run(14)
    # the week from day 6 on has the 20 decisions of day 5 as its own; all earlier weeks hold day 5 itself
    assert sandbox.values("quality.rows") == {4: 420.0, 5: 420.0, 6: 440.0, 7: 420.0}
    assert sandbox.values("quality.duplicate_share") == {
        4: pytest.approx(20 / 440),
        5: pytest.approx(20 / 440),
        6: 0.0,
        7: 0.0,
    }
    sandbox.check()


def test_exact_drift_uses_every_value(sandbox: Sandbox) -> None:
    """The Kolmogorov-Smirnov distance is the largest gap between the two distribution functions, without any bound."""
    ks = an_objective(metric="drift.ks", column="x", target="<= 0.5")
    sandbox.model(drift="exact", metrics=["drift.ks"], objectives=[ks])
    for day in range(5):
        sandbox.day(day, [row | {"x": row["x"] + 3.3 * (day == 4)} for row in binary_rows(day)])
    sandbox.run(5)
    reference = [row["x"] for day in range(4) for row in binary_rows(day)]
    window = [row["x"] + 3.3 for row in binary_rows(4)]
    gaps = [
        abs(sum(v <= x for v in reference) / len(reference) - sum(v <= x for v in window) / len(window))
        for x in reference + window
    ]
    assert sandbox.values("drift.ks", column="x") == {4: pytest.approx(max(gaps), rel=1e-12)}
    bounds = sandbox.rows("SELECT error_bound FROM measurements WHERE metric = 'drift.ks' AND column_name = 'x'")
    assert bounds[0]["error_bound"] in (None, 0.0)


def test_an_objective_can_be_about_a_segment(sandbox: Sandbox) -> None:
    """Women and men are judged apart: only the segment with the wrong decisions fails."""
    sandbox.model(
        segments=["gender"],
        objectives=[
            an_objective("OBJ-F", segment="gender=F", min_rows=20),
            an_objective("OBJ-M", segment="gender=M", min_rows=20),
        ],
    )
    sandbox.days(0, 1, 2, 3)
    rows = [
        row | {"yes": 1 - row["y"] if row["gender"] == "F" and i % 4 < 4 else row["y"]}
        for i, row in enumerate(binary_rows(4))
    ]
    sandbox.day(4, rows)
    sandbox.run(5)
    assert sandbox.values("performance.accuracy", segment="gender=F") == {4: 0.0}
    assert sandbox.values("performance.accuracy", segment="gender=M") == {4: 1.0}
    assert (sandbox.verdicts("OBJ-F"), sandbox.verdicts("OBJ-M")) == ({4: "nonconforming"}, {4: "conforming"})


def test_windows_can_be_chosen(sandbox: Sandbox) -> None:
    """A backfill runs exactly the windows named, even those before the start, and once only."""
    sandbox.model()
    sandbox.days(*range(7))
    chosen = [sandbox.window(2), sandbox.window(5)]
    now = sandbox.window(6).end
    summary = run_model(sandbox.project, sandbox.store, "credit", now=now, windows=chosen)
    assert ran(summary) == {2: "success", 5: "success"}
    again = run_model(sandbox.project, sandbox.store, "credit", now=now, windows=chosen)
    assert (again.runs, again.skipped) == ([], 2)
    assert ran(sandbox.run(7)["credit"]) == {4: "success", 6: "success"}
    sandbox.check()


def test_a_backfill_measures_old_windows_under_the_present_configuration(sandbox: Sandbox) -> None:
    """What `run` leaves as it was, a backfill measures anew; the verdict keeps the target in force then."""
    sandbox.model()
    sandbox.days(*range(6))
    sandbox.run(6)
    sandbox.model(metrics=["performance.*"], objectives=[an_objective(target=">= 0.99")])
    assert sandbox.run(6)["credit"].runs == []
    summary = run_model(
        sandbox.project, sandbox.store, "credit", now=sandbox.window(5).end, windows=[sandbox.window(4)]
    )
    assert ran(summary) == {4: "success"}
    assert sandbox.values("performance.recall").keys() == {4}
    targets = sandbox.rows("SELECT target, verdict FROM evaluations WHERE window_start = ?", sandbox.window(4).start)
    assert targets == [{"target": ">= 0.7", "verdict": "conforming"}] * 2


def test_a_changed_target_is_a_new_version_for_new_windows_only(sandbox: Sandbox) -> None:
    """Old verdicts keep the version and the target in force then, and nothing old is run again."""
    sandbox.model()
    sandbox.days(0, 1, 2, 3, 4)
    sandbox.run(5)
    sandbox.model(objectives=[an_objective(target=">= 0.99")])
    sandbox.days(5)
    assert 5 in ran(sandbox.run(6)["credit"])
    rows = sandbox.rows("SELECT objective_version, target, verdict FROM evaluations ORDER BY window_start, revision")
    assert rows[0] == {"objective_version": 1, "target": ">= 0.7", "verdict": "conforming"}
    assert rows[-1] == {"objective_version": 2, "target": ">= 0.99", "verdict": "nonconforming"}
    versions = sandbox.rows("SELECT version, target FROM objective_version ORDER BY version")
    assert versions == [{"version": 1, "target": ">= 0.7"}, {"version": 2, "target": ">= 0.99"}]
    sandbox.check()


def test_duplicate_rows_are_counted_and_change_nothing_else(sandbox: Sandbox) -> None:
    """The same rows twice, in one file or uploaded again: values as without them, and the share of duplicates."""
    rows = binary_rows(4, wrong=12)
    for place in ("plain", "twice", "again"):
        one = sandbox.at(sandbox.root.parent / place)
        one.model(metrics=None)
        one.days(0, 1, 2, 3)
        one.day(4, rows + rows[:20] if place == "twice" else rows)
        if place == "again":
            one.write(one.path(4).with_name("retry.parquet"), [{k: v for k, v in r.items() if k != "y"} for r in rows])
        one.run(5)
    sql = (
        "SELECT metric, column_name, segment, value, n, ci_low FROM measurements "
        "WHERE metric <> 'quality.duplicate_share' ORDER BY ALL"
    )
    plain, twice, again = (sandbox.at(sandbox.root.parent / place) for place in ("plain", "twice", "again"))
    assert plain.rows(sql) == twice.rows(sql) == again.rows(sql)
    assert plain.values("quality.duplicate_share") == {4: 0.0}
    assert twice.values("quality.duplicate_share") == {4: pytest.approx(20 / 80)}
    assert again.values("quality.duplicate_share") == {4: pytest.approx(60 / 120)}


def test_windows_follow_the_calendar_of_the_model(sandbox: Sandbox) -> None:
    """In Vienna a day begins an hour before it does in UTC."""
    sandbox.model(log={"time_zone": "Europe/Vienna"})
    sandbox.days(*range(7))
    summary = sandbox.run(6)["credit"]
    hour = timedelta(hours=1)
    expected = [Window(sandbox.window(day).start - hour, sandbox.window(day).end - hour) for day in (4, 5)]
    assert [run.window for run in summary.runs] == expected
    # a row every 20 minutes of UTC, from minute 1 to 19:41: none between 23:00 and midnight UTC
    assert {row["value"] for row in sandbox.rows("SELECT value FROM measurements WHERE metric = 'quality.rows'")} == {
        60
    }


def test_monitoring_ends_where_it_is_said_to_end(sandbox: Sandbox) -> None:
    """A retired model gets no windows after its last day, empty ones neither."""
    sandbox.model(monitor={"end": sandbox.window(6).start.date()})
    sandbox.days(*range(6))
    sandbox.run(20)
    assert sandbox.outcomes() == {4: ["success"], 5: ["success"]}


def test_progress_is_told(sandbox: Sandbox) -> None:
    """What is being done is named, and the windows are counted to the end."""
    from aimsight.monitors.run import run_due

    sandbox.model()
    sandbox.days(*range(6))
    told: list[tuple[str, int, int]] = []
    run_due(sandbox.project, sandbox.store, now=sandbox.window(5).end, progress=lambda *what: told.append(what))
    assert ("credit: reference", 0, 0) in told
    assert told[-1] == ("credit: windows", 2, 2)


def test_the_number_of_threads_changes_nothing(sandbox: Sandbox) -> None:
    """The digest of every run's rows in the ledger is the same for one thread and for several."""
    digests: list[Any] = []
    for count in (1, 4):
        one = sandbox.at(sandbox.root.parent / f"threads-{count}")
        one.root.mkdir(parents=True)
        (one.root / "aimsight.yaml").write_text(f"organisation: Example\nthreads: {count}\n")
        one.model(metrics=None, protected=["gender"])
        one.days(*range(6))
        one.run(6)
        digests.append(
            one.rows("SELECT payload -> '$.digests.measurement' AS d FROM events WHERE kind = 'run.finished'")
        )
    assert digests[0] == digests[1]


def test_an_objective_on_evidently_s_metric_and_on_a_filter(sandbox: Sandbox) -> None:
    """Measured on the rows themselves, for all of them and for the part that the objective is about."""
    sandbox.model(
        filters={"late": "x > 50"},
        min_group=20,
        metrics=["performance.accuracy", "evidently.Accuracy", "evidently.MeanValue(column=nowhere)"],
        objectives=[
            an_objective("OBJ-1", metric="evidently.Accuracy", target=">= 0.7"),
            an_objective("OBJ-2", metric="evidently.Accuracy", target=">= 0.7", segment="late", min_rows=10),
            an_objective("OBJ-3", metric="performance.accuracy", target=">= 0.7", segment="late", min_rows=10),
            an_objective("OBJ-4", metric="evidently.MeanValue(column=nowhere)", target="<= 1"),
        ],
    )
    sandbox.days(0, 1, 2, 3, 4)
    sandbox.run(5)
    rows = binary_rows(4)
    late = [row for row in rows if row["x"] > 50]
    assert sandbox.values("evidently.Accuracy") == {4: pytest.approx(54 / 60)}
    right = sum(row["yes"] == row["y"] for row in late) / len(late)
    assert sandbox.values("evidently.Accuracy", segment="late") == {4: pytest.approx(right)}
    assert sandbox.values("performance.accuracy", segment="late") == {4: pytest.approx(right)}
    assert sandbox.verdicts("OBJ-2") == sandbox.verdicts("OBJ-3") == {4: "conforming"}
    assert sandbox.verdicts("OBJ-4") == {4: "not measured"}
    sandbox.check()


def test_a_part_without_rows_is_too_little_evidence(sandbox: Sandbox) -> None:
    """A filter that no row of a window fulfils, and a group that does not come: neither is a failure to measure."""
    sandbox.model(
        filters={"far": "x > 1000"},
        protected=["gender"],
        objectives=[an_objective("OBJ-1", segment="far"), an_objective("OBJ-2", segment="gender=X")],
    )
    sandbox.days(0, 1, 2, 3, 4, 5, 6)
    sandbox.run(7)
    for name in ("OBJ-1", "OBJ-2"):
        assert sandbox.verdicts(name) == dict.fromkeys((4, 5, 6), "insufficient evidence")
    assert sandbox.nonconformities() == []
