"""First configurations: read back as what was inferred, and every open decision is named by the check."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimsight.configs.errors import ConfigError
from aimsight.configs.load import parse_model
from aimsight.configs.positions import read_document
from aimsight.configs.templates import FirstLabels, LogColumn, Role, guess, render_model, render_project, yaml_text

BINARY = (
    LogColumn("decision_id", "BIGINT"),
    LogColumn("decided_at", "TIMESTAMP WITH TIME ZONE"),
    LogColumn("band_pred", "BOOLEAN"),
    LogColumn("p_high", "DOUBLE"),
    LogColumn("is_high_label", "INTEGER"),
    LogColumn("age", "INTEGER"),
    LogColumn("gender", "VARCHAR"),
    LogColumn("job", "ENUM('a', 'b')"),
    LogColumn("salary", "DECIMAL(10,2)"),
    LogColumn("hired", "DATE"),
    LogColumn("tags", "VARCHAR[]"),
    LogColumn("bad\nname", "DOUBLE"),
)

DECISIONS = {
    "version": '"1"',
    "owner": "o",
    "intended_use": "u",
    "risk": "high",
    "task": "binary",
    "timestamp": "t",
    "prediction": "p",
    "naive_timestamps": "UTC",
    "statement": "s",
    "target": '"<= 0.9"',
    "rationale": "r",
    "due": "2027-03-31",
    "column": "f",
}


def decided(text: str) -> str:
    """The text with a valid value wherever a person has to decide."""
    text = text.replace("[DECIDE, DECIDE]", "[2020-01-01, 2021-01-01]").replace(
        "features: DECIDE", "features: {f: numeric}"
    )
    return re.sub(r"(\w+): DECIDE", lambda found: f"{found[1]}: {DECISIONS[found[1]]}", text)


def test_guesses() -> None:
    """Names and types tell most roles."""
    first = guess("wage-band", "log.parquet", BINARY)
    assert first.task == "binary"
    roles: dict[str, Role] = {
        "decision_id": "id",
        "decided_at": "timestamp",
        "band_pred": "prediction",
        "p_high": "score",
        "is_high_label": "label",
        "age": "feature",
        "gender": "protected",
        "job": "feature",
        "salary": "feature",
        "hired": "ignored",
        "tags": "ignored",
        "bad\nname": "ignored",
    }
    assert first.roles == roles


@pytest.mark.parametrize(
    ("columns", "task"),
    [
        ([LogColumn("prediction", "DOUBLE")], "regression"),
        ([LogColumn("prediction", "BOOLEAN")], "binary"),
        ([LogColumn("prediction", "VARCHAR")], None),
        ([LogColumn("prediction", "INTEGER")], None),
        ([LogColumn("Probability", "FLOAT"), LogColumn("prediction", "VARCHAR")], "binary"),
        ([], None),
    ],
)
def test_task(columns: list[LogColumn], task: str | None) -> None:
    """A probability means binary, a real prediction regression; where both are possible a person decides."""
    assert guess("m", "log.csv", columns).task == task


@pytest.mark.parametrize(
    ("kind", "type_"),
    [
        ("numeric", "UBIGINT"),
        ("numeric", "INT64"),
        ("numeric", "HUGEINT"),
        ("numeric", "REAL"),
        ("category", "BOOLEAN"),
        ("category", "VARCHAR"),
        ("category", "UUID"),
        (None, "INTERVAL"),
        (None, "BLOB"),
        (None, "DATE"),
        (None, "STRUCT(a INTEGER)"),
        (None, "INTEGER[]"),
    ],
)
def test_kinds_of_columns(kind: str | None, type_: str) -> None:
    """Numbers are numeric, texts and booleans categories, the rest no feature."""
    assert LogColumn("x", type_).kind == kind


def test_a_first_model() -> None:
    """The text of a first model, as a person sees it."""
    assert render_model(guess("wage-band", "data/log.parquet", BINARY, ("1974-01-01", "2018-12-31"))) == (
        """\
# What stands as DECIDE is for a person to decide; `aimsight check` names what is left.
model: wage-band
version: DECIDE  # in quotes, such as "1"
owner: DECIDE  # who answers for the model
intended_use: DECIDE  # what it is for, and what it never does
risk: DECIDE  # minimal, limited or high, from the impact assessment
task: binary  # guessed
log:
  source: data/log.parquet
  id: decision_id
  timestamp: decided_at
  time_zone: UTC  # where a day of the windows begins, such as Europe/Vienna
  prediction: band_pred
  score: p_high
  positive: 1  # value of label and prediction that counts as positive
labels: {label: is_high_label}  # guessed; `delay: 30d` when they become known later
features:  # what the model reads; remove what it does not
  age: numeric
  job: category
  salary: numeric
  # left out: "hired" (another time)
  # left out: "tags" (VARCHAR[] is neither a number nor a category)
  # left out: "bad\\nname" (its name holds U+000A)
protected: [gender]  # guessed from the names
segments: [gender]
reference:
  period: [DECIDE, DECIDE]  # first day, and the day after the last, of a good time; the log: 1974-01-01 to 2018-12-31
monitor: {every: 1d, window: 1d}  # 1h 1d 1w 1mo 1q 1y
  # `end: DAY` where the history is closed; `start: DAY` to begin later than after the reference
objectives:
  - id: OBJ-01
    statement: DECIDE  # the objective in one sentence
    metric: performance.roc_auc  # `aimsight metrics` lists them all
    target: DECIDE  # ">= NUMBER", in quotes
    rationale: DECIDE  # why this target
    owner: DECIDE
    due: DECIDE  # YYYY-MM-DD
    severity: major
"""
    )


def test_the_check_names_what_is_open_and_nothing_else() -> None:
    """Every DECIDE is one problem, and a decided file has none."""
    text = render_model(guess("wage-band", "data/log.parquet", BINARY))
    with pytest.raises(ConfigError) as caught:
        parse_model(text)
    assert {problem.key for problem in caught.value.problems} == {
        "version",
        "owner",
        "intended_use",
        "risk",
        "reference.period[0]",
        "reference.period[1]",
        "objectives[0].statement",
        "objectives[0].target",
        "objectives[0].rationale",
        "objectives[0].owner",
        "objectives[0].due",
    }
    assert all(problem.problem.startswith("is still to be decided: ") for problem in caught.value.problems)
    parse_model(decided(text).replace('"<= 0.9"', '">= 0.9"'))


def test_labels_in_files_of_their_own() -> None:
    """Their columns are written where they are known, and left to a person where they are not."""
    first = guess("m", "log.csv", [column for column in BINARY if column.name != "is_high_label"])
    text = render_model(replace(first, labels=FirstLabels("labels.csv", "decision_id", "is_high", "seen_at")))
    model = parse_model(decided(text).replace('"<= 0.9"', '">= 0.9"'))
    assert model.labels is not None
    assert model.labels.source == "labels.csv"
    assert (model.labels.id, model.labels.label, model.labels.arrived_at) == ("decision_id", "is_high", "seen_at")
    with pytest.raises(ConfigError) as caught:
        parse_model(render_model(replace(first, labels=FirstLabels("labels.csv", None, None))))
    assert {"labels.id", "labels.label"} <= {problem.key for problem in caught.value.problems}


columns = st.lists(
    st.builds(
        LogColumn,
        st.text(st.characters(codec="utf-8"), min_size=1, max_size=12) | st.sampled_from([c.name for c in BINARY]),
        st.sampled_from(["BIGINT", "DOUBLE", "VARCHAR", "BOOLEAN", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "BLOB"]),
    ),
    max_size=8,
    unique_by=lambda column: column.name.strip().casefold(),
)


@given(columns)
def test_whatever_the_columns_are_called(found: list[LogColumn]) -> None:
    """For every log the text is valid YAML that names exactly the inferred features, hostile names included."""
    first = guess("m", "data/*.parquet", found)
    document = read_document(render_model(first).encode(), "m.yaml")
    assert document.problems == []
    features = document.data["features"]
    named = set(features) if isinstance(features, dict) else set()
    assert named == set(first.role("feature"))


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"])))
def test_yaml_text_reads_back(text: str) -> None:
    """A scalar is the text it was made from."""
    assert read_document(f"a: {yaml_text(text)}".encode(), "f.yaml").data == {"a": text}


def test_a_first_project() -> None:
    """The project's file is valid once the organisation is named."""
    assert read_document(render_project().encode(), "f.yaml").raw[("organisation",)] == "DECIDE"
    assert read_document(render_project("Müller: Söhne").encode(), "f.yaml").data["organisation"] == "Müller: Söhne"


def test_a_column_that_is_called_decide() -> None:
    """A quoted DECIDE is a name, not an open decision."""
    text = render_model(guess("m", "log.csv", [LogColumn("decided_at", "TIMESTAMPTZ"), LogColumn("DECIDE", "DOUBLE")]))
    with pytest.raises(ConfigError) as caught:
        parse_model(text)
    assert "objectives[0].column" not in {problem.key for problem in caught.value.problems}
