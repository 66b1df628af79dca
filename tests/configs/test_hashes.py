"""Hashes of configurations: frozen, and changed by exactly what influences a measurement or a verdict."""

from __future__ import annotations

import hashlib

import pytest

from aimsight.configs.hashes import JUDGED, MEASURED, config_hash, objective_hash, reference_hash
from aimsight.configs.load import parse_model
from aimsight.configs.schema import ModelConfig, ObjectiveConfig

SMALL = """\
model: air-time
version: "1"
owner: o
intended_use: u
risk: limited
task: regression
log: {source: log.csv, timestamp: t, prediction: p}
features: {distance: {kind: numeric, range: [0, 6000.5]}}
monitor: {every: 1mo, window: 1mo, start: 2015-01-01}
objectives:
  - {id: A, statement: s, metric: m, target: "<= 10", rationale: r, owner: o, due: 2027-03-31, severity: minor}
"""

SMALL_MEASURED = (
    '{"content":{'
    '"features":{"distance":{"kind":"numeric","range":["0.0","6000.5"]}},'
    '"log":{"positive":1,"prediction":"p","source":"log.csv","timestamp":"t"},'
    '"monitor":{"every":"1mo","start":"2015-01-01","window":"1mo"},'
    '"objectives":[{"id":"A","metric":"m","severity":"minor","target":"<= 10"}],'
    '"task":"regression","version":"1"},'
    '"format":1,"what":"aimsight config"}'
)

SMALL_OBJECTIVE = (
    '{"content":{"due":"2027-03-31","id":"A","metric":"m","owner":"o","rationale":"r","severity":"minor",'
    '"statement":"s","target":"<= 10"},"format":1,"what":"aimsight objective"}'
)


def test_hashes_are_those_of_the_written_out_content() -> None:
    """The content that is hashed, written by hand: every default left out, floats and dates as text."""
    model = parse_model(SMALL)
    assert config_hash(model) == hashlib.sha256(SMALL_MEASURED.encode()).hexdigest()
    assert objective_hash(model.objectives[0]) == hashlib.sha256(SMALL_OBJECTIVE.encode()).hexdigest()


def test_golden_hashes(model_text: str) -> None:
    """Frozen: a change of these values makes every past run a different one, so it needs a new format number."""
    model = parse_model(model_text)
    assert config_hash(model) == "c1288a9cdca2b8dcc760dfe326b869cc5ac6058a0f4275afe413d91b8f4826e8"
    assert objective_hash(model.objectives[0]) == "91c0a0dd314031ad5456dd77921b164bd7bdef9bba598a6871e573c4262a07a2"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('version: "2"', 'version: "3"'),
        ("source: data/*.parquet", "source: other/*.parquet"),
        ("Europe/Vienna", "UTC"),
        ("  score: p_high", "  score: p_high\n  positive: true"),
        ("  score: p_high", '  score: p_high\n  positive: "1"'),
        ("delay: 30d", "delay: 31d"),
        ("[18, 120]", "[18, 121]"),
        ("job: category", "job: numeric"),
        ("protected: [gender]", "protected: []"),
        ("segments: [gender, [", "segments: [["),
        ("1985-01-01", "1986-01-01"),
        ("every: 1d", "every: 1w"),
        ("objectives:", "metrics: ['*']\nobjectives:"),
        ("objectives:", "drift: exact\nobjectives:"),
        ("objectives:", "min_group: 10\nobjectives:"),
        ("id: OBJ-01", "id: OBJ-09"),
        ("metric: performance.roc_auc", "metric: performance.accuracy"),
        ("column: education", "column: age"),
        ("over: gender", "over: [gender, age_group]"),
        ("tolerance: 0.01", "tolerance: 0.01\n    segment: gender=F"),
        ('">= 0.83"', '">= 0.84"'),
        ("tolerance: 0.01", "tolerance: 0.02"),
        ("tolerance: 0.01", "tolerance: 0.01\n    zero_tolerance: true"),
        ("tolerance: 0.01", "tolerance: 0.01\n    min_rows: 31"),
        ("tolerance: 0.01", "tolerance: 0.01\n    opens: {failures: 1}"),
        ("severity: major", "severity: minor"),
    ],
)
def test_what_counts_changes_the_hash(model_text: str, old: str, new: str) -> None:
    """Whatever may change a number or a verdict makes another configuration."""
    assert old in model_text
    assert config_hash(parse_model(model_text.replace(old, new, 1))) != config_hash(parse_model(model_text))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("owner: people@example.org", "owner: other@example.org"),
        ("intended_use: Suggest", "intended_use: Propose"),
        ("risk: high", "risk: limited"),
        ("Ranking stays", "Order stays"),
        ("rationale: 0.86 at validation.", "rationale: Because."),
        ("due: 2027-03-31", "due: 2028-03-31"),
        ("tolerance: 0.01", "tolerance: 0.01\n    actions: [Train again]\n    resources: A week.\n    policy_ref: P1"),
        ("tolerance: 0.01", "tolerance: 0.010\n    min_rows: 30\n    zero_tolerance: false"),
        ('">= 0.83"', '">=.83"'),
        ("over: gender", "over: [gender]"),
    ],
)
def test_prose_and_spelling_do_not_change_the_hash(model_text: str, old: str, new: str) -> None:
    """Who, why and how it is spelt changes no measurement."""
    assert old in model_text
    assert config_hash(parse_model(model_text.replace(old, new, 1))) == config_hash(parse_model(model_text))


def test_the_order_of_objectives_does_not_count(model_text: str) -> None:
    """Objectives are a set."""
    model = parse_model(model_text)
    turned = model.model_copy(update={"objectives": model.objectives[::-1]})
    assert config_hash(turned) == config_hash(model)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("owner: people@example.org\n    due", "owner: other@example.org\n    due"),
        ("Ranking stays", "Order stays"),
        ("due: 2027-03-31", "due: 2028-03-31"),
        ("tolerance: 0.01", "tolerance: 0.01\n    resources: A week."),
        ('">= 0.83"', '">= 0.84"'),
    ],
)
def test_every_change_of_an_objective_is_a_new_version(model_text: str, old: str, new: str) -> None:
    """Also prose: an objective's versions are what people agreed to."""
    assert old in model_text
    changed = parse_model(model_text.replace(old, new, 1)).objectives[0]
    assert objective_hash(changed) != objective_hash(parse_model(model_text).objectives[0])


REFERENCE_CONTENT = (
    '{"content":{'
    '"features":{"distance":{"kind":"numeric","range":["0.0","6000.5"]}},'
    '"log":{"positive":1,"prediction":"p","source":"log.csv","timestamp":"t"},'
    '"model":"air-time","task":"regression","windows":"1mo"},'
    '"format":1,"what":"aimsight reference"}'
)


def test_reference_hash_is_that_of_the_written_out_content() -> None:
    """What shapes a reference, written by hand."""
    assert reference_hash(parse_model(SMALL)) == hashlib.sha256(REFERENCE_CONTENT.encode()).hexdigest()


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("lookback: 45d", "lookback: 60d", True),
        ("every: 1d", "every: 1w", True),
        ('version: "2"', 'version: "3"', True),
        ('">= 0.83"', '">= 0.84"', True),
        ("window: 1d", "window: 1w", False),
        ("1985-01-01", "1986-01-01", False),
        ("1985-01-01]}", "1985-01-01], rolling: 12}", True),
        ("1985-01-01]}", "1985-01-01], expanding: true}", True),
        ("job: category", "job: numeric", False),
        ("model: wage-band", "model: other", False),
    ],
)
def test_what_makes_another_reference(model_text: str, old: str, new: str, *, same: bool) -> None:
    """A reference is frozen until its rows, its columns or its windows change."""
    assert old in model_text
    changed = reference_hash(parse_model(model_text.replace(old, new, 1)))
    assert (changed == reference_hash(parse_model(model_text))) is same


@pytest.mark.parametrize(("drift", "same"), [("binned", True), ("exact", False)])
def test_a_season_makes_another_reference_of_exact_distances_only(model_text: str, drift: str, *, same: bool) -> None:
    """Exact distances from a season need the distinct values of the reference's windows, which are else not kept."""
    plain = f"drift: {drift}\n{model_text}"
    seasonal = plain.replace("1985-01-01]}", "1985-01-01], season: weekday}")
    assert seasonal != plain
    assert (reference_hash(parse_model(seasonal)) == reference_hash(parse_model(plain))) is same


def test_every_key_is_either_measured_or_prose() -> None:
    """A new key of the schema must be sorted into one of the two, or this test fails."""
    assert set(ModelConfig.model_fields) - MEASURED == {"model", "owner", "intended_use", "risk", "objectives"}
    assert set(ObjectiveConfig.model_fields) - JUDGED == {
        "statement",
        "rationale",
        "owner",
        "due",
        "policy_ref",
        "actions",
        "resources",
        "level",
        "baseline",
        "baseline_date",
        "review",
        "requirements",
        "tags",
        "communicated",
    }
