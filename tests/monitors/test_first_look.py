"""What a first look at a log infers, and what it leaves to a person."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from aimsight.configs.errors import AimsightError, ConfigError, SourceError
from aimsight.configs.load import load_project, parse_model
from aimsight.configs.templates import FirstModel, LogColumn
from aimsight.monitors import first_model as inference
from aimsight.monitors.first_look import Files, glob_of, look, write_first_configuration
from aimsight.monitors.first_model import FirstSource, Seen

DEMO = Path(__file__).resolve().parents[2] / "configs" / "demo"


def seen(name: str, kind: str, *values: str, unique: bool = False, span: tuple[float, float] | None = None) -> Seen:
    """A column as a sample may show it."""
    low, high = span or (None, None)
    return Seen(LogColumn(name, kind), unique, values, low, high)


def first_model(
    columns: list[Seen], labels: list[Seen] | None = None, *, rows_a_day: float | None = None
) -> FirstModel:
    """What is inferred from the columns of a log and of label files."""
    truth = None if labels is None else FirstSource("labels.parquet", tuple(labels))
    log = FirstSource("log.parquet", tuple(columns), rows_a_day=rows_a_day)
    return inference.first_model("m", log, labels=truth)


ID = seen("key", "VARCHAR", "a", "b", unique=True)
AT = seen("at", "TIMESTAMP WITH TIME ZONE", "2026-01-01")


def write_table(path: Path, select: str) -> Path:
    """A file with the rows of a query; its format follows its name."""
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({select}) TO '{path}'")
    return path


@pytest.mark.parametrize(
    ("columns", "task", "positive"),
    [
        ([seen("prediction", "BIGINT", "0", "1")], "binary", "1"),
        ([seen("prediction", "BOOLEAN", "false", "true")], "binary", "true"),
        ([seen("prediction", "VARCHAR", "no", "yes")], "binary", 'DECIDE  # "no" or "yes":'),
        ([seen("prediction", "VARCHAR", "a", "b", "c")], "multiclass", "1"),
        ([seen("prediction", "DOUBLE", "1.5", "2.5", "3.5")], "regression", "1"),
        ([seen("prediction", "BIGINT", *map(str, range(21)))], "regression", "1"),
        ([seen("p_high", "DOUBLE", "0.1", "0.2", "0.3", span=(0.1, 0.3))], "binary", "1"),
        ([seen("note", "VARCHAR", "x")], None, "1"),
    ],
)
def test_the_task_follows_from_the_values(columns: list[Seen], task: str | None, positive: str) -> None:
    """Two values are binary, few are classes, real numbers are a regression; text that counts as positive is asked."""
    found = first_model([ID, AT, *columns])
    assert found.task == task
    assert found.positive == positive


def test_a_column_named_like_a_score_that_is_no_probability_is_a_feature() -> None:
    """Credit scores of 300 to 850 are an input, not the model's answer."""
    found = first_model([ID, AT, seen("score", "DOUBLE", "300.0", "850.0", span=(300, 850))])
    assert found.roles["score"] == "feature"


def test_an_id_is_unique_whatever_its_name() -> None:
    """A column named id with repeated values is none; a unique one takes its place."""
    found = first_model([seen("customer_id", "BIGINT", "1", "1"), ID, AT])
    assert found.role("id") == ["key"]


def test_labels_join_by_the_shared_column_and_the_only_other_one_is_the_truth() -> None:
    """The arrival time is the one column of times."""
    labels = [ID, seen("left", "BIGINT", "0", "1"), seen("known", "TIMESTAMP WITH TIME ZONE", "x")]
    found = first_model([ID, AT], labels)
    assert found.labels is not None
    assert (found.labels.id, found.labels.label, found.labels.arrived_at) == ("key", "left", "known")
    assert found.task == "binary"


def test_row_numbers_of_pandas_are_neither_features_nor_the_truth() -> None:
    """The index that pandas leaves in a Parquet file is ignored, in the log and beside the labels."""
    index = seen("__index_level_0__", "BIGINT", "0", "1", "2")
    labels = [ID, seen("subscribed", "BIGINT", "0", "1"), index]
    found = first_model([ID, AT, index], labels)
    assert found.roles["__index_level_0__"] == "ignored"
    assert found.labels is not None
    assert found.labels.label == "subscribed"


def test_labels_with_several_candidates_are_left_to_a_person() -> None:
    """Two columns could be the truth, so none is chosen."""
    labels = [ID, seen("one", "BIGINT", "0", "1"), seen("two", "BIGINT", "0", "1")]
    found = first_model([ID, AT], labels)
    assert found.labels is not None
    assert found.labels.label is None


def test_the_demo_is_understood(tmp_path: Path) -> None:
    """Of a real log everything but the decisions is found: even a prediction whose name says nothing."""
    written = write_first_configuration(
        tmp_path, "wages", str(DEMO / "wage-band" / "log.parquet"), str(DEMO / "wage-band" / "labels.parquet")
    )
    text = (tmp_path / "models" / "wages.yaml").read_text("utf-8")
    for line in (
        "  id: decision_id",
        "  timestamp: decided_at",
        "  prediction: band_high",
        "  score: p_high",
        "  positive: 1",
        "  label: is_high",
        "  arrived_at: confirmed_at",
        "  education: category",
        "protected: [gender, age_group]",
        "task: binary",
    ):
        assert f"\n{line}" in f"\n{text}"
    assert [path.name for path in written.files] == ["wages.yaml", "aimsight.yaml"]
    assert "models/wages.yaml:5 intended_use" in written.to_decide


def test_what_is_decided_makes_a_valid_configuration(tmp_path: Path) -> None:
    """With every DECIDE replaced, nothing else stands in the way."""
    write_first_configuration(
        tmp_path, "flights", str(DEMO / "air-time" / "log.parquet"), str(DEMO / "air-time" / "labels.parquet")
    )
    with pytest.raises(ConfigError) as caught:
        load_project(tmp_path)
    assert all("still to be decided" in problem.problem for problem in caught.value.problems)
    text = (tmp_path / "models" / "flights.yaml").read_text("utf-8")
    decided = {
        "version": '"1"',
        "risk": "limited",
        "target": '"<= 12"',
        "due": "2027-01-01",
        "period": "[2015-01-01, 2015-04-01]",
    }
    for key, value in decided.items():
        text = "\n".join(
            f"{line.partition(':')[0]}: {value}" if line.strip().startswith(f"{key}:") else line
            for line in text.splitlines()
        )
    model = parse_model(text.replace("DECIDE", "somebody"))
    assert (model.task, model.log.prediction) == ("regression", "air_time_predicted")


def test_times_without_a_zone_are_a_decision(tmp_path: Path) -> None:
    """A log whose clock names no time zone leaves the zone to a person."""
    log = write_table(tmp_path / "log.parquet", "SELECT 1 AS id, TIMESTAMP '2026-01-01 00:00:00' AS at, 2.5 AS x")
    written = write_first_configuration(tmp_path, "m", str(log))
    assert any("log.naive_timestamps" in place for place in written.to_decide)


@pytest.mark.parametrize("name", ["log.parquet", "log.csv", "log.json"])
def test_every_format_is_read(tmp_path: Path, name: str) -> None:
    """Parquet, CSV and JSON show the same columns."""
    log = write_table(tmp_path / name, "SELECT 'a' AS id, 0.5::DOUBLE AS score UNION ALL SELECT 'b', 0.75::DOUBLE")
    by_name = {column.column.name: column for column in look(Files.of(str(log), None, ""), tmp_path).columns}
    assert by_name["id"].unique
    assert by_name["score"].is_probability


def written(folder: Path, *sources: Path, **tables: str) -> str:
    """The first configuration that is written for a log, and labels."""
    write_first_configuration(
        folder, "m", *map(str, sources), table=tables.get("table"), labels_table=tables.get("labels_table")
    )
    return (folder / "models" / "m.yaml").read_text("utf-8")


def test_a_column_that_was_renamed_is_the_newest(tmp_path: Path) -> None:
    """The newest file tells the columns; older ones may have others."""
    for day, name in ((1, "campaign"), (2, "campaign"), (3, "contacts")):
        write_table(
            tmp_path / f"{day}.parquet",
            f"SELECT {day} * 10 + i AS id, TIMESTAMPTZ '2026-01-0{day}' AS at, i + 0.5 AS {name} FROM range(9) t(i)",
        )
    text = written(tmp_path / "project", tmp_path / "*.parquet")
    assert "\n  contacts: numeric\n" in text
    assert "campaign" not in text
    assert "the log: 2026-01-01 to 2026-01-03" in text


@pytest.mark.parametrize(
    ("files", "glob"),
    [
        (["a.parquet", "_SUCCESS"], "log/*.parquet"),
        (["day=1/a.parquet", "day=2/b.parquet"], "log/*/*.parquet"),
        (["a.csv.gz", "old/b.csv.gz"], "log/**/*.csv.gz"),
    ],
)
def test_a_folder_is_the_files_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: list[str], glob: str
) -> None:
    """At whatever depth they lie; what is no log is passed over."""
    monkeypatch.chdir(tmp_path)
    for name in files:
        path = tmp_path / "log" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert glob_of(Path("log")) == glob


@pytest.mark.parametrize(("files", "words"), [(["a.csv", "b.parquet"], r"\.csv, \.parquet"), (["a.txt"], "no file")])
def test_a_folder_of_several_kinds_is_not_guessed_at(tmp_path: Path, files: list[str], words: str) -> None:
    """Which of them is the log, a person says by a glob."""
    for name in files:
        (tmp_path / name).touch()
    with pytest.raises(SourceError, match=words):
        glob_of(tmp_path)


def test_the_table_of_a_database_is_found_or_chosen(tmp_path: Path) -> None:
    """One table is the one; of several one is named, and the message lists them."""
    path = tmp_path / "log.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE decisions AS SELECT 1 AS id, TIMESTAMPTZ '2026-01-01' AS made, 0.5 AS x")
    assert "\n  table: decisions\n" in written(tmp_path / "one", path)
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE outcomes AS SELECT 1 AS id, 0 AS label")
    with pytest.raises(SourceError, match="has 2 tables; choose one with --table: decisions, outcomes"):
        written(tmp_path / "two", path)
    text = written(tmp_path / "two", path, path, table="decisions", labels_table="outcomes")
    assert f'labels:\n  source: "{path}"\n  table: outcomes\n  id: id' in text


@pytest.mark.parametrize(
    ("times", "line"),
    [
        (["13.04.2026 08:30", "01.05.2026 09:00"], 'timestamp_format: "%d.%m.%Y %H:%M"'),
        (["13-04-26", "x"], None),
        (
            ["03/04/2026 08:30", "04/05/2026 09:00"],
            'timestamp_format: DECIDE  # "%d/%m/%Y %H:%M" or "%m/%d/%Y %H:%M"',
        ),
    ],
)
def test_times_that_are_text_are_told_by_their_form(tmp_path: Path, times: list[str], line: str | None) -> None:
    """Where day and month could be either, a person decides; text that is no time stays a category."""
    log = tmp_path / "log.csv"
    log.write_text("key,when,x\n" + "".join(f"{i},{time},{i}.5\n" for i, time in enumerate(times)))
    text = written(tmp_path, log)
    if line is None:
        assert "  when: category" in text
        assert "timestamp_format" not in text
    else:
        assert "  timestamp: when\n" in text
        assert f"\n  {line}\n" in text


def test_the_truth_is_the_namesake_of_its_forecast() -> None:
    """Of pm25_forecast the truth is pm25, and no feature."""
    found = first_model([ID, AT, seen("pm25", "DOUBLE", "1", "2", "3"), seen("pm25_forecast", "DOUBLE", "1", "2", "4")])
    assert (found.role("prediction"), found.role("label"), found.label_is_sure) == (["pm25_forecast"], ["pm25"], True)
    assert found.task == "regression"


def test_the_only_column_with_the_values_of_the_prediction_is_perhaps_the_truth() -> None:
    """It is no feature, and stays a decision of a person; of two candidates neither is proposed."""
    prediction, one, two = (seen(name, "VARCHAR", "no", "yes") for name in ("prediction", "repaid", "housing"))
    found = first_model([ID, AT, prediction, one])
    assert (found.role("label"), found.label_is_sure) == (["repaid"], False)
    assert first_model([ID, AT, prediction, one, two]).role("label") == []


def test_how_late_labels_come_is_measured(tmp_path: Path) -> None:
    """Of 100 labels 95 came within 4 days and one after 40: waited for 4, and looked back 40."""
    log = write_table(
        tmp_path / "log.parquet",
        "SELECT i AS id, TIMESTAMPTZ '2026-01-01 12:00:00Z' AS at, i % 2 AS prediction FROM range(100) t(i)",
    )
    labels = write_table(
        tmp_path / "labels.parquet",
        "SELECT i AS id, i % 2 AS label, TIMESTAMPTZ '2026-01-01 12:00:00Z' + INTERVAL 1 DAY * "
        "(CASE WHEN i < 96 THEN 3 ELSE 39 END) AS seen FROM range(100) t(i)",
    )
    text = written(tmp_path, log, labels)
    assert "  delay: 4d  # how long they are waited for; 95 of 100 came within that time" in text
    assert "lookback: 40d}" in text


@pytest.mark.parametrize(("rows", "every"), [(None, "1d"), (200, "1d"), (199, "1w"), (29, "1w"), (28, "1mo")])
def test_windows_hold_enough_rows(rows: float | None, every: str) -> None:
    """A day, else a week, else a month."""
    found = first_model([ID, AT], rows_a_day=rows)
    assert found.every == every


def test_hostile_names_are_written_as_text(tmp_path: Path) -> None:
    """Quotes, colons and markup in a column name come back as the same name."""
    log = write_table(
        tmp_path / "log.parquet",
        """SELECT 1 AS id, TIMESTAMPTZ '2026-01-01' AS at, 1.5 AS "a"": b # <b>x</b>", 2 AS "=cmd()" """,
    )
    write_first_configuration(tmp_path, "m", str(log))
    text = (tmp_path / "models" / "m.yaml").read_text("utf-8")
    assert '  "a\\": b # <b>x</b>": numeric' in text


def test_a_log_elsewhere_keeps_its_whole_path(tmp_path: Path) -> None:
    """Files inside the project are named relative to it, others absolutely."""
    log = write_table(tmp_path / "log.parquet", "SELECT 1 AS id, TIMESTAMPTZ '2026-01-01' AS at")
    (tmp_path / "project").mkdir()
    write_first_configuration(tmp_path / "project", "m", str(log))
    assert f'  source: "{log}"' in (tmp_path / "project" / "models" / "m.yaml").read_text("utf-8")


def test_nothing_is_written_when_the_log_cannot_be_read(tmp_path: Path) -> None:
    """A missing file, a damaged one and an impossible id leave the folder as it was."""
    (tmp_path / "bad.parquet").write_bytes(b"no parquet")
    for model, log, error in (
        ("m", "missing.parquet", SourceError),
        ("m", "bad.parquet", SourceError),
        ("Bad Name", "bad.parquet", AimsightError),
    ):
        with pytest.raises(error):
            write_first_configuration(tmp_path / "project", model, str(tmp_path / log))
    assert not (tmp_path / "project").exists()


NOW = datetime(2026, 11, 24, tzinfo=UTC)


def first_text(folder: Path, log: Path, labels: Path | None = None) -> str:
    """The first configuration of a log."""
    write_first_configuration(folder, "m", str(log), None if labels is None else str(labels), now=NOW)
    return (folder / "models" / "m.yaml").read_text("utf-8")


@pytest.mark.parametrize(
    ("value", "form", "has_zone"),
    [
        ("epoch_ms(t)", "epoch_ms", True),
        ("epoch_us(t)", "epoch_us", True),
        ("epoch(t)::BIGINT", "epoch_s", True),
        ("epoch_ns(t::TIMESTAMP_NS)", "epoch_ns", True),
        ("strftime(t, '%Y%m%d%H%M%S')::BIGINT", "%Y%m%d%H%M%S", False),
        ("strftime(t, '%m/%d/%Y %I:%M %p')", "%m/%d/%Y %I:%M %p", False),
        ("strftime(t, '%Y-%m-%dT%H:%M:%S.%fZ')", "iso8601", True),
        ("strftime(t, '%Y-%m-%d %H:%M:%S+01')", "iso8601", True),
        ("strftime(t, '%Y-%m-%d %H:%M:%S')", "iso8601", False),
    ],
)
def test_times_that_are_numbers_or_texts_are_told(tmp_path: Path, value: str, form: str, *, has_zone: bool) -> None:
    """The form is written down; the zone is asked for only where the times do not tell it."""
    days = "range(TIMESTAMP '2026-10-01 10:00', TIMESTAMP '2026-11-20', INTERVAL 1 HOUR)"
    log = write_table(tmp_path / "log.parquet", f"SELECT {value} AS created_at, 0.5 AS score FROM {days} AS r (t)")
    text = first_text(tmp_path, log)
    assert "\n  timestamp: created_at\n" in text
    assert f'\n  timestamp_format: "{form}"\n' in text
    assert ("naive_timestamps: DECIDE" in text) is not has_zone
    assert "the log: 2026-10-01 to 2026-11-19" in text


def test_a_number_that_cannot_be_a_time_is_a_feature(tmp_path: Path) -> None:
    """Seconds since the last visit, and no time at all: a person is told what is missing."""
    log = write_table(tmp_path / "log.parquet", "SELECT i % 9 AS time_since, 0.5 AS score FROM range(300) AS r (i)")
    text = first_text(tmp_path, log)
    assert "timestamp: DECIDE  # no column holds times; each row needs the time of its decision" in text
    assert "\n  time_since: numeric\n" in text


def test_csv_with_decimal_commas_and_days_first(tmp_path: Path) -> None:
    """As spreadsheets write it: the form of the times is found, and 0,25 is a number."""
    lines = [f"{i};{1 + i % 28:02}.11.2026 10:00;{i},5;0,{i:03}" for i in range(200)]
    (tmp_path / "log.csv").write_text("\n".join(["id;at;size;score", *lines]) + "\n")
    text = first_text(tmp_path, tmp_path / "log.csv")
    for line in ('timestamp_format: "%d.%m.%Y %H:%M"', "decimal_comma: true", "score: score", "size: numeric"):
        assert f"\n  {line}\n" in text


def test_a_log_that_ended_long_ago_has_an_end(tmp_path: Path) -> None:
    """Its last day is part of the last window; a log of last week goes on."""
    select = (
        "SELECT t AT TIME ZONE 'UTC' AS at, 0.5 AS score FROM range(DATE '{}', DATE '{}', INTERVAL 6 HOUR) AS r (t)"
    )
    closed = write_table(tmp_path / "closed.parquet", select.format("2025-01-01", "2025-06-16"))
    assert "monitor: {every: 1mo, window: 1mo, end: 2025-07-01}" in first_text(tmp_path / "a", closed)
    live = write_table(tmp_path / "live.parquet", select.format("2026-01-01", "2026-11-17"))
    assert "monitor: {every: 1mo, window: 1mo}" in first_text(tmp_path / "b", live)


def test_the_days_of_partitions_are_in_order(tmp_path: Path) -> None:
    """Month 10 comes after month 9."""
    days = "range(DATE '2026-01-05', DATE '2026-11-20', INTERVAL 1 DAY)"
    select = f"SELECT t AT TIME ZONE 'UTC' AS at, 0.5 AS score, month(t) AS month FROM {days} AS r (t)"
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({select}) TO '{tmp_path / 'log'}' (FORMAT parquet, PARTITION_BY (month))")
    assert "the log: 2026-01-05 to 2026-11-19" in first_text(tmp_path, tmp_path / "log")


def test_percentages_are_no_score() -> None:
    """They are left out, with the cure."""
    found = first_model([ID, AT, seen("score", "DOUBLE", "0.2", "99.5", "7.0", span=(0.2, 99.5))])
    assert found.roles["score"] == "ignored"
    assert found.left_out["score"].endswith("a score is a probability; divide it by 100")


def test_the_probabilities_of_classes_are_found_by_their_names() -> None:
    """One column a class, and the truth is the other column with the classes."""
    classes = ("high", "low")
    scores = [seen(f"p_{name}", "DOUBLE", "0.1", span=(0, 1)) for name in (*classes, "mid")]
    found = first_model([ID, AT, *scores, *(seen(n, "VARCHAR", *classes, "mid") for n in ("prediction", "band"))])
    assert found.scores == {"high": "p_high", "low": "p_low", "mid": "p_mid"}
    assert found.role("label") == ["band"]
    assert found.role("feature") == []
    fewer = first_model([ID, AT, *scores[:2], *(seen(n, "VARCHAR", *classes, "mid") for n in ("prediction", "band"))])
    assert fewer.scores == {}


def test_a_label_is_told_by_the_stem_of_the_scores_name() -> None:
    """``subscribed`` is the truth of ``p_subscribe``, ``default`` only has the same values."""
    answers = [seen("p_subscribe", "DOUBLE", "0.1", span=(0, 1)), seen("predicted", "BIGINT", "0", "1")]
    found = first_model([ID, AT, *answers, seen("default", "BIGINT", "0", "1"), seen("subscribed", "BIGINT", "0", "1")])
    assert found.role("label") == ["subscribed"]
    assert found.label_is_sure
    alone = first_model([ID, AT, *answers, seen("default", "BIGINT", "0", "1")])
    assert (alone.role("label"), alone.label_is_sure) == (["default"], False)


def test_labels_join_by_their_only_unique_column_of_the_ids_type() -> None:
    """Whatever it is called."""
    labels = [seen("decision", "VARCHAR", "a", "b", unique=True), seen("left", "BIGINT", "0", "1")]
    found = first_model([ID, AT], labels)
    assert found.labels is not None
    assert (found.labels.id, found.labels.label) == ("decision", "left")


def test_labels_in_the_log_itself_have_no_source_of_their_own(tmp_path: Path) -> None:
    """Whoever names the log twice has told that it holds its labels."""
    log = write_table(tmp_path / "log.parquet", "SELECT 'a' AS id, 0.5 AS score, 1 AS label")
    assert "\nlabels: {label: label}" in first_text(tmp_path, log, log)
