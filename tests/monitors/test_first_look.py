"""What a first look at a log infers, and what it leaves to a person."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from aimsight.configs.errors import AimsightError, ConfigError, SourceError
from aimsight.configs.load import load_project, parse_model
from aimsight.configs.templates import LogColumn
from aimsight.monitors.first_look import Seen, first_model, look, write_first_configuration

DEMO = Path(__file__).resolve().parents[2] / "configs" / "demo"


def seen(name: str, kind: str, *values: str, unique: bool = False, span: tuple[float, float] | None = None) -> Seen:
    """A column as a sample may show it."""
    low, high = span or (None, None)
    return Seen(LogColumn(name, kind), unique, values, low, high)


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
    found = first_model("m", "log.parquet", [ID, AT, *columns])
    assert found.task == task
    assert found.positive == positive


def test_a_column_named_like_a_score_that_is_no_probability_is_a_feature() -> None:
    """Credit scores of 300 to 850 are an input, not the model's answer."""
    found = first_model("m", "log.parquet", [ID, AT, seen("score", "DOUBLE", "300.0", "850.0", span=(300, 850))])
    assert found.roles["score"] == "feature"


def test_an_id_is_unique_whatever_its_name() -> None:
    """A column named id with repeated values is none; a unique one takes its place."""
    found = first_model("m", "log.parquet", [seen("customer_id", "BIGINT", "1", "1"), ID, AT])
    assert found.role("id") == ["key"]


def test_labels_join_by_the_shared_column_and_the_only_other_one_is_the_truth() -> None:
    """The arrival time is the one column of times."""
    labels = [ID, seen("left", "BIGINT", "0", "1"), seen("known", "TIMESTAMP WITH TIME ZONE", "x")]
    found = first_model("m", "log.parquet", [ID, AT], labels=("labels.parquet", labels))
    assert found.labels is not None
    assert (found.labels.id, found.labels.label, found.labels.arrived_at) == ("key", "left", "known")
    assert found.task == "binary"


def test_row_numbers_of_pandas_are_neither_features_nor_the_truth() -> None:
    """The index that pandas leaves in a Parquet file is ignored, in the log and beside the labels."""
    index = seen("__index_level_0__", "BIGINT", "0", "1", "2")
    labels = [ID, seen("subscribed", "BIGINT", "0", "1"), index]
    found = first_model("m", "log.parquet", [ID, AT, index], labels=("labels.parquet", labels))
    assert found.roles["__index_level_0__"] == "ignored"
    assert found.labels is not None
    assert found.labels.label == "subscribed"


def test_labels_with_several_candidates_are_left_to_a_person() -> None:
    """Two columns could be the truth, so none is chosen."""
    labels = [ID, seen("one", "BIGINT", "0", "1"), seen("two", "BIGINT", "0", "1")]
    found = first_model("m", "log.parquet", [ID, AT], labels=("labels.parquet", labels))
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
    by_name = {column.column.name: column for column in look([log])}
    assert by_name["id"].unique
    assert by_name["score"].is_probability


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
