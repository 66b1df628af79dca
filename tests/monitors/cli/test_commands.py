"""Every command on a small project: what it answers to people and to machines, and with which exit code."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from aimsight.tests.monitors.cli.conftest import Call


def test_check_counts_what_is_right(call: Call, project: Path) -> None:
    """No mistakes: models, their windows and the number of objectives."""
    path = project / "models" / "churn.yaml"
    path.write_text(path.read_text().replace("window: 1mo}", "window: 1mo, end: 2026-06-01}"))
    answer = call("-C", project, "check")
    assert answer.code == 0
    assert answer.lines == [
        f"{project}: 1 model and 2 objectives, no mistakes.",
        "  churn 1: a window of 1mo every 1mo (UTC), 2 objectives",
        "What each objective can show at its volume: aimsight plan",
    ]


def test_check_names_objectives_that_are_measured_on_rows(call: Call, project: Path) -> None:
    """One line on what takes seconds a window; nothing of the kind where all is counted."""
    path = project / "models" / "churn.yaml"
    measured = "metric: quality.label_selection_features"
    lower = re.sub(
        r"metric: performance.roc_auc\n(\s+)target: .*", rf'{measured}\n\1target: "<= 0.1"', path.read_text()
    )
    path.write_text(lower)
    (told,) = [line for line in call("-C", project, "check").lines if line.startswith("Measured on samples of rows")]
    assert told.endswith("(quality.label_selection_features)")


def test_check_tells_every_mistake_with_its_place(call: Call, project: Path) -> None:
    """Exit code 2, one line a mistake on stderr, nothing on stdout."""
    path = project / "models" / "churn.yaml"
    path.write_text(path.read_text().replace("risk: limited", "risk: lmited").replace("roc_auc", "auc_roc"))
    answer = call("-C", project, "check")
    assert (answer.code, answer.out) == (2, "")
    assert [line.partition(": ")[0] for line in answer.err.splitlines()] == [
        "models/churn.yaml:5",
        "models/churn.yaml:21",
    ]
    assert "did you mean performance.roc_auc?" in answer.err


def test_check_names_columns_and_files_that_the_data_do_not_have(call: Call, project: Path) -> None:
    """A misspelt column is told with its line before a run meets it; so is a log that is not there."""
    path = project / "models" / "churn.yaml"
    text = path.read_text().replace("window: 1mo}", "window: 1mo, end: 2026-06-01}")
    path.write_text(text.replace("[gender]", "[gendre]") + 'filters: {old: "agee > 60"}\n')
    answer = call("-C", project, "check")
    assert answer.code == 0
    assert answer.lines[0].endswith("no mistakes, but 2 remarks:")
    told_first, told_then = answer.lines[1:3]
    assert re.match(r'  models/churn.yaml:15: protected\[0\]: there is no column "gendre" in the log', told_first)
    assert re.match(r'  models/churn.yaml:\d+: filters.old: there is no column "agee" in the log', told_then)
    told = json.loads(call("check", "--json", "-C", project).out)["remarks"]
    assert [one["key"] for one in told] == ["protected[0]", "filters.old"]
    path.write_text(text.replace("log.parquet", "lag.parquet"))
    missing = call("-C", project, "check")
    assert "log.source: " in missing.lines[1]
    assert "runs may fail until they fit" in missing.out
    assert "runs may fail" not in answer.out


def test_a_run_says_which_objectives_nobody_has_approved(call: Call, project: Path) -> None:
    """With `changes: approve` a run before the approval measures, judges nothing and says so."""
    with (project / "aimsight.yaml").open("a") as file:
        file.write("changes: approve\n")
    answer = call("-C", project, "run", "--now", "2026-06-01")
    assert answer.code == 0
    assert "churn: 2 objectives not in force, so not judged (" in " ".join(answer.out.split())


def test_errors_are_json_when_json_is_asked_for(call: Call, project: Path) -> None:
    """The same mistakes for machines, on stderr, so that stdout stays what was asked for or empty."""
    (project / "aimsight.yaml").write_text("organisation: Test\nstroe: x\n")
    answer = call("check", "--json", "-C", project)
    told = json.loads(answer.err)["error"]
    assert (answer.code, answer.out) == (2, "")
    assert (told["kind"], told["exit_code"], len(told["problems"])) == ("ConfigError", 2, 1)
    assert told["problems"][0] == {
        "file": "aimsight.yaml",
        "line": 2,
        "key": "stroe",
        "problem": told["problems"][0]["problem"],
        "suggestion": "store",
    }


def test_run_lists_windows_and_verdicts_and_a_second_one_does_nothing(call: Call, project: Path) -> None:
    """Every finished window once; code 3, because an objective is nonconforming; then nothing is read again."""
    first = call("-C", project, "run", "--now", "2026-06-01")
    assert first.code == 3
    assert [line for line in first.lines if line.startswith(("Feb", "Mar", "Apr", "May"))] == [
        "Feb 2026  success  ● 2",
        "Mar 2026  success  ■ 1  ● 1",
        "Apr 2026  success  ■ 1  ● 1",
        "May 2026  success  ■ 1  ● 1",
    ]
    assert "churn: 4 windows run, 0 unchanged; 1 nonconformity opened" in first.out
    assert first.err == ""
    second = call("-C", project, "run", "--now", "2026-06-01")
    assert second.code == 3
    assert "churn: 0 windows run, 4 unchanged; 0 nonconformities opened, 0 occurrences added" in second.out
    assert second.lines[-1].startswith("0 rows read in ")


def test_a_run_tells_windows_that_are_alike_as_one(call: Call, project: Path) -> None:
    """Months without rows, and months that fail for one reason, take one line."""
    answer = call("-C", project, "run", "--now", "2026-10-01")
    assert "Jun–Sep 2026 (4 windows)  success, no rows  ○ 2" in answer.lines
    assert "churn: 8 windows run, 0 unchanged" in answer.out
    assert "success, no rows" in call("-C", project, "status").out


def test_run_answers_in_json(call: Call, project: Path) -> None:
    """Windows, outcomes and verdicts by objective."""
    told = json.loads(call("run", "churn", "--json", "--now", "2026-04-01", "-C", project).out)
    (model,) = told["models"]
    assert [run["window_start"][:10] for run in model["runs"]] == ["2026-02-01", "2026-03-01"]
    assert model["runs"][0]["verdicts"] == {"CH-01": "conforming", "CH-02": "conforming"}
    assert model["runs"][1]["verdicts"]["CH-01"] == "nonconforming"


def test_a_run_tells_its_routes_and_status_shows_what_did_not_arrive(call: Call, project: Path) -> None:
    """One message with all that happened for the route that works; the other one fails, and the run does not."""
    (project / "aimsight.yaml").write_text(
        "organisation: Test\nalerts:\n- {name: ops, url: 'file:alerts.jsonl'}\n"
        "- {name: gone, url: 'file:log.parquet/x'}\n"
    )
    answer = call("-C", project, "run", "--now", "2026-06-01")
    assert answer.code == 3
    (message,) = [json.loads(line) for line in (project / "alerts.jsonl").read_text("utf-8").splitlines()]
    assert message["subject"].startswith("[aimsight] 4 notices: NC-")
    assert "churn, Mar 2026: 1 objective nonconforming (CH-01)" in message["body"]
    assert "Alerts   4 notices not delivered" in call("-C", project, "status").lines
    call("-C", project, "run", "--now", "2026-06-01")
    assert len((project / "alerts.jsonl").read_text("utf-8").splitlines()) == 1


def test_run_of_a_broken_source_is_an_error(call: Call, project: Path) -> None:
    """The outcome is recorded with its reason, and the exit code says error."""
    (project / "log.parquet").write_bytes(b"PAR1 this is no parquet file PAR1")
    path = project / "models" / "churn.yaml"
    path.write_text(path.read_text().replace("monitor: {", "monitor: {start: 2026-04-01, "))
    answer = call("-C", project, "run", "--now", "2026-05-01")
    assert answer.code == 1
    assert "log.parquet" in "".join(answer.lines)  # a long path is broken where the line ends


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "chrun"], 'no model "chrun"; did you mean churn?'),
        (["run", "--now", "yesterday"], "write 2026-11-24"),
        (["backfill", "churn", "--from", "2026-03-01", "--to", "2026-02-01"], "does not lie before"),
        (["nc", "NC-2026-9999"], 'no nonconformity "NC-2026-9999"'),
        (["metrics", "performance.auc"], "did you mean performance.roc_auc?"),
        (["verify", "--against", "nowhere.jsonl"], "nowhere.jsonl"),
        (["query", "DROP TABLE run"], "must be a SELECT"),
        (["query", "SELECT 1", "--csv", "--json"], "choose one of"),
    ],
)
def test_what_cannot_be_done_is_said_without_a_traceback(
    call: Call, after_run: Path, arguments: list[str], message: str
) -> None:
    """An error or wrong usage: a sentence on stderr, nothing on stdout."""
    answer = call("-C", after_run, *arguments)
    assert answer.code in {1, 2}
    assert answer.out == ""
    assert message in " ".join(answer.err.split())
    assert "Traceback" not in answer.err


def test_backfill_shows_what_it_would_do_and_then_does_it(call: Call, project: Path) -> None:
    """A dry run lists the windows and makes no store; the real one runs exactly these."""
    wanted = ["backfill", "churn", "--from", "2026-02-01", "--to", "2026-04-15"]
    dry = call("-C", project, *wanted, "--dry-run")
    assert (dry.code, dry.lines) == (0, ["Feb 2026", "Mar 2026", "2 windows; nothing was run"])
    assert not (project / "store").exists()
    real = call("-C", project, *wanted)
    assert "churn: 2 windows run, 0 unchanged" in real.out


def test_backfill_of_windows_of_rows_says_what_cuts_them(call: Call, project: Path) -> None:
    """Before the first run there is nothing that could be measured again, and the cure is named."""
    path = project / "models" / "churn.yaml"
    path.write_text(path.read_text().replace("window: 1mo", 'window: "100 rows"'))
    answer = call("-C", project, "backfill", "churn", "--from", "2026-02-01", "--to", "2026-04-15")
    assert answer.code == 1
    assert "run `aimsight run churn` once" in answer.err


def test_backfill_says_when_no_window_fits(call: Call, project: Path) -> None:
    """A span shorter than a window."""
    answer = call("-C", project, "backfill", "churn", "--from", "2026-02-02", "--to", "2026-02-20")
    told = "No window lies wholly between these days and is over; the model has a window of 1mo every 1mo."
    assert answer.lines == [told]


def test_objectives_stand_with_value_target_verdict_and_history(call: Call, after_run: Path) -> None:
    """The table fits in 80 columns and ends with the legend of its glyphs."""
    answer = call("-C", after_run, "objectives")
    assert answer.code == 3
    assert answer.lines[0] == "churn, May 2026"
    assert answer.lines[1].split() == ["Objective", "Value", "Target", "Verdict", "Recent"]
    assert answer.lines[3].startswith("CH-01")
    assert answer.lines[3].endswith("■ nonconforming  ●■■■")
    assert max(map(len, answer.lines)) <= 80


def test_objectives_before_any_run_are_not_measured(call: Call, project: Path) -> None:
    """Nothing measured is never shown as conforming, and is no store error."""
    answer = call("-C", project, "objectives")
    assert answer.code == 0
    assert answer.lines[0] == "churn, nothing judged yet"
    assert answer.out.count("○ not measured") == 3


def test_nonconformities_are_listed_and_shown_in_full(call: Call, after_run: Path) -> None:
    """The list within 80 columns; the record with the windows that failed."""
    listed = call("-C", after_run, "nc")
    assert listed.code == 3
    assert listed.lines[0] == "Nonconformities"
    assert listed.lines[3].split()[1:5] == ["churn", "CH-01", "major", "detected"]
    assert max(map(len, listed.lines)) <= 80
    name = listed.lines[3].split()[0]
    shown = call("-C", after_run, "nc", name)
    assert shown.code == 0
    assert shown.lines[0] == f"{name}: churn 1"
    assert [line.split("  ")[0] for line in shown.lines if line.startswith(("Mar", "Apr", "May"))] == [
        "Mar 2026",
        "Apr 2026",
        "May 2026",
    ]
    told = json.loads(call("-C", after_run, "nc", name, "--json").out)
    assert (told["objective"], len(told["occurred"])) == ("CH-01", 3)


def test_status_says_whether_anything_is_wrong_and_whether_anybody_serves(call: Call, after_run: Path) -> None:
    """One line a model, then the machinery."""
    answer = call("-C", after_run, "status")
    assert answer.code == 3
    assert answer.lines[2].startswith("churn  1        May 2026     success")
    assert answer.lines[2].endswith("1")
    assert answer.lines[-2:] == [
        "Serving  nobody; windows are run by `aimsight run` or `aimsight serve`",
        "Metrics  not verified in this installation; due now; run `aimsight metrics verify`",
    ]
    told = json.loads(call("-C", after_run, "status", "--json").out)
    assert told["models"][0]["open_nonconformities"] == 1
    assert told["serving"] is None


def test_a_project_without_models_says_how_to_begin(call: Call, tmp_path: Path) -> None:
    """Whatever is typed first, it is no error, and it names the next command."""
    (tmp_path / "aimsight.yaml").write_text("organisation: Test\n")
    for command in ("check", "run", "status"):
        answer = call("-C", tmp_path, command)
        assert answer.code == 0
        assert "No models yet; write the first one with: aimsight init MODEL --log FILE" in answer.lines


def test_status_before_any_run_is_no_error(call: Call, project: Path) -> None:
    """There is no store yet, and that is said."""
    answer = call("-C", project, "status")
    assert answer.code == 0
    assert "not run yet" in answer.out
    assert "the first `aimsight run` makes it" in " ".join(answer.out.split())


def test_verify_passes_and_names_what_was_changed(call: Call, after_run: Path) -> None:
    """Intact at first; after one stored value was changed outside, exit code 1 and the finding."""
    whole = call("-C", after_run, "verify")
    assert (whole.code, whole.lines[0]) == (0, "Integrity     intact")
    assert whole.lines[1:3] == ["Completeness  complete", "Authority     no person has acted"]
    assert "checkpoints.jsonl: entries 1 to" in " ".join(whole.out.split())
    import duckdb

    with duckdb.connect(str(after_run / "store" / "aimsight.duckdb")) as connection:
        connection.execute("UPDATE measurement SET value = value + 1e-9 WHERE metric = 'performance.accuracy'")
    broken = call("-C", after_run, "verify")
    assert broken.code == 1
    assert broken.lines[0].startswith("Integrity     BROKEN")
    told = json.loads(call("-C", after_run, "verify", "--json").out)
    assert (told["intact"], told["complete"], told["authorised"]) == (False, True, True)
    assert told["findings"]


def test_verify_computes_again_what_was_measured(call: Call, after_run: Path) -> None:
    """Nothing differs at first; a stored value that was changed is named with the value that comes out."""
    whole = call("-C", after_run, "verify", "--recompute")
    assert (whole.code, "no difference" in whole.out) == (0, True), whole.out
    import duckdb

    with duckdb.connect(str(after_run / "store" / "aimsight.duckdb")) as connection:
        connection.execute("UPDATE measurement SET value = value + 0.25 WHERE metric = 'performance.accuracy'")
    broken = call("-C", after_run, "--json", "verify", "--recompute", "--model", "churn", "--runs", "1")
    told = json.loads(broken.out)["recomputed"]
    assert (broken.code, told["runs"], told["equal"]) == (1, 1, False)
    assert {one["metric"] for one in told["findings"]} == {"performance.accuracy"}
    assert call("-C", after_run, "verify", "--runs", "1").code == 2


def test_verify_hashes_source_files_again(call: Call, after_run: Path) -> None:
    """What came of it stands below the verdicts, and in JSON beside them."""
    assert "Source files hashed again: 1 file: no difference." in call("-C", after_run, "verify", "--files").out
    told = json.loads(call("-C", after_run, "--json", "verify", "--files").out)["sources"]
    assert told == {"compared": 1, "equal": True, "findings": [], "left_out": {}}


def test_verify_fails_when_a_planned_window_has_no_outcome(call: Call, after_run: Path) -> None:
    """Integrity and authority stay in order: completeness is a verdict of its own."""
    from datetime import UTC, datetime

    from aimsight.store.database import Store
    from aimsight.store.runs import plan_slots

    store = Store(after_run / "store" / "aimsight.duckdb")
    window = (datetime(2027, 1, 1, tzinfo=UTC), datetime(2027, 2, 1, tzinfo=UTC))
    with store.write() as tx:
        plan_slots(tx, "churn", "main", [window], window[1])
    answer = call("-C", after_run, "verify")
    assert (answer.code, answer.lines[0]) == (1, "Integrity     intact")
    assert answer.lines[1] == "Completeness  1 planned window without an outcome"
    assert "- churn 2027-01-01 00:00Z" in answer.lines


def test_query_answers_in_every_format(call: Call, after_run: Path) -> None:
    """Table, JSON, CSV and Parquet hold the same rows."""
    sql = "SELECT objective, count(*) AS n FROM evaluations GROUP BY 1 ORDER BY 1"
    assert call("-C", after_run, "query", sql).lines == [
        "objective  n",
        "────────────",
        "CH-01      4",
        "CH-02      4",
        "2 rows",
    ]
    rows = json.loads(call("-C", after_run, "query", sql, "--json").out)
    assert rows == [{"objective": "CH-01", "n": 4}, {"objective": "CH-02", "n": 4}]
    assert call("-C", after_run, "query", sql, "--csv").out == '"objective","n"\n"CH-01",4\n"CH-02",4\n'
    file = after_run / "answer.parquet"
    assert call("-C", after_run, "query", sql, "--parquet", file).code == 0
    import pyarrow.parquet

    assert pyarrow.parquet.read_table(file).to_pylist() == rows


def test_metrics_are_listed_and_defined(call: Call) -> None:
    """Every metric by its id; one in full with bounds and source; no project is needed."""
    listed = call("metrics")
    assert listed.code == 0
    assert max(map(len, listed.lines)) <= 80
    assert {"performance.roc_auc", "drift.psi"} <= {line.split("  ")[0] for line in listed.lines}
    of_family = call("metrics", "estimated").lines
    assert {line.partition(".")[0] for line in of_family if "." in line.split("  ")[0]} >= {"estimated"}
    assert not any(line.startswith(("drift.", "performance.")) for line in of_family)
    shown = call("metrics", "performance.roc_auc")
    assert shown.lines[0] == "performance.roc_auc (version 1)"
    assert "Source" in shown.out
    told = json.loads(call("metrics", "performance.roc_auc", "--json").out)
    assert told["bounds"] == [0.0, 1.0]


@pytest.mark.parametrize(("form", "key"), [("model", "objectives"), ("project", "organisation")])
def test_schema_is_json_schema(call: Call, form: str, key: str) -> None:
    """What an editor needs to complete a file."""
    told = json.loads(call("schema", form).out)
    assert key in told["properties"]


def test_evidence_is_a_report_kept_with_the_record(call: Call, after_run: Path) -> None:
    """A file named by its hash, recorded with the nonconformity, and verified with everything else."""
    name = call("-C", after_run, "nc").lines[3].split()[0]
    told = json.loads(call("-C", after_run, "evidence", name, "--json").out)
    assert Path(told["path"]).stem == told["sha256"]
    assert Path(told["path"]).read_bytes().lstrip()[:1] == b"<"
    assert call("-C", after_run, "verify").code == 0
    assert told["sha256"] in call("-C", after_run, "nc", name).out


def test_evidence_of_any_window_or_none(call: Call, after_run: Path) -> None:
    """A report on demand needs a model and a day; half of it, or both ways at once, is a usage error."""
    with_model = ("-C", after_run, "evidence", "--model", "churn")
    assert call(*with_model).code == 2
    assert call("-C", after_run, "evidence").code == 2
    assert call(*with_model, "--window", "1999-01-01").code == 1


def test_init_writes_a_first_configuration_and_never_overwrites(call: Call, project: Path) -> None:
    """The files, the number of open decisions, and a refusal the second time."""
    first = call("-C", project, "init", "second", "--log", project / "log.parquet")
    assert first.code == 0
    assert first.lines[0] == f"Written: {project / 'models' / 'second.yaml'}"
    text = (project / "models" / "second.yaml").read_text()
    assert "  id: id\n  timestamp: at\n" in text
    again = call("-C", project, "init", "second", "--log", project / "log.parquet")
    assert again.code == 1
    assert "is not overwritten" in again.err
    assert (project / "models" / "second.yaml").read_text() == text
