"""Loading a project: all problems of all files in one report, or a frozen project."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from aimsight.configs.errors import ConfigError
from aimsight.configs.load import load_project, parse_model
from aimsight.configs.schema import ModelConfig, ProjectConfig
from aimsight.configs.targets import Target

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aimsight.configs.facts import MetricFacts

TEN_MISTAKES = """\
model: wage-band
version: 2.10
owner: people@example.org
intended_use: Suggest a wage band.
risk: hihg
task: binary
log:
  source: data/*.parquet
  id: decision_id
  timestamp: decided_at
  time_zone: Europe/Viena
  prediction: band_high
  score: p_high
labels: {source: outcomes/*.parquet, label: is_high, delay: 30 days, min_coverage: 80}
features: {age: numeric, is_high: numeric}
protected: [gender]
reference: {period: [1974-01-01, 1985-01-01]}
monitor: {every: 1d, window: 1d}
objectives:
  - id: OBJ-01
    statement: Ranking stays good.
    metric: performance.auc_roc
    traget: ">= 0.83"
    rationale: Validation.
    due: 2027-03-31
    severity: major
  - id: OBJ-02
    statement: Ranking stays good.
    metric: performance.roc_auc
    target: ">= 83"
    zero_tolerance: NO
    rationale: Validation.
    owner: people@example.org
    due: 2027-03-31
    severity: major
"""

TEN_PROBLEMS = """\
models/wage-band.yaml:2: version: must be text, not the number 2.10; did you mean "2.10"?
models/wage-band.yaml:5: risk: must be one of minimal, limited, high, not "hihg"; did you mean high?
models/wage-band.yaml:11: log.time_zone: "Europe/Viena" is not an IANA time zone such as UTC or Europe/Vienna; \
did you mean Europe/Vienna?
models/wage-band.yaml:14: labels.delay: "30 days" is not a duration; write a whole number and a unit: \
1h, 1d, 1w, 1mo, 1q, 1y; did you mean 30d?
models/wage-band.yaml:14: labels.min_coverage: must be at most 1, not 80; did you mean 0.8?
models/wage-band.yaml:15: features.is_high: is_high is the label: a feature that knows the truth is a leak; remove it
models/wage-band.yaml:20: objectives[0].owner: is missing: who answers for it \
(clause 6.2 of ISO/IEC 42001: without it the objective is not measurable)
models/wage-band.yaml:22: objectives[0].metric: "performance.auc_roc" is not a metric; `aimsight metrics` lists them; \
did you mean performance.roc_auc?
models/wage-band.yaml:23: objectives[0].traget: unknown key; known keys are id, statement, metric, column, over, \
segment, target, tolerance, zero_tolerance, min_rows, rationale, owner, due, severity, opens, policy_ref, actions, \
resources, level, baseline, baseline_date, review, requirements, tags, communicated; did you mean target?
models/wage-band.yaml:30: objectives[1].target: performance.roc_auc lies between 0 and 1, never 83; \
did you mean ">= 0.83"?
models/wage-band.yaml:31: objectives[1].zero_tolerance: must be true or false, not the text "NO"; did you mean false?"""


def report(folder: Path, facts: dict[str, MetricFacts] | None = None, environ: dict[str, str] | None = None) -> str:
    """Text of the error that loading the folder raises."""
    with pytest.raises(ConfigError) as caught:
        load_project(folder, facts, environ=environ or {})
    return str(caught.value)


def test_ten_mistakes_in_one_report(write_project: Callable[..., Path], facts: dict[str, MetricFacts]) -> None:
    """A file with ten mistakes (and one missing key) is answered with exactly these lines."""
    folder = write_project({"models/wage-band.yaml": TEN_MISTAKES})
    assert report(folder, facts) == TEN_PROBLEMS


def test_a_valid_project(write_project: Callable[..., Path], model_text: str, facts: dict[str, MetricFacts]) -> None:
    """A project without problems has its models by id, with the project's defaults filled in."""
    folder = write_project(
        {"models/b.yaml": model_text, "models/a.yaml": model_text.replace("model: wage-band", "model: zzz")},
        "organisation: Example\nmin_group: 50\n",
    )
    project = load_project(folder, facts, environ={})
    assert project.root == folder.resolve()
    assert list(project.models) == ["wage-band", "zzz"]
    assert project.files == {"wage-band": project.root / "models/b.yaml", "zzz": project.root / "models/a.yaml"}
    assert project.models["zzz"].min_group == 50
    assert project.config.store == "store/aimsight.duckdb"


def test_what_a_model_holds(model_text: str) -> None:
    """Values have the types that the rest of the product relies on."""
    model = parse_model(model_text)
    assert model.labels is not None
    assert str(model.labels.delay) == "30d"
    assert model.labels.sources == ("outcomes/*.parquet",)
    assert model.log.sources == ("data/*.parquet",)
    assert model.log.zone.key == "Europe/Vienna"
    assert model.features["age"].range == (18.0, 120.0)
    assert model.features["education"].values == ("low", "high")
    assert model.features["job"].kind == "category"
    assert model.segments == (("gender",), ("gender", "age_group"))
    assert model.reference is not None
    assert model.reference.period == (date(1974, 1, 1), date(1985, 1, 1))
    assert model.reference.sources == ()
    first, second, _ = model.objectives
    assert Target.parse(first.target).beyond(0.80) == pytest.approx(0.03)
    assert (first.group, second.group) == ("", "gender")
    assert (first.opens.failures, first.opens.of) == (2, 3)


def test_both_spellings_are_the_same_model(model_text: str) -> None:
    """A list of one, a list of pairs, flow or block style: the same configuration."""
    other = (
        model_text.replace("source: data/*.parquet", "source: [data/*.parquet]")
        .replace("segments: [gender, [", "segments: [[gender], [")
        .replace("over: gender", "over: [gender]")
        .replace('">= 0.83"', '">=0.830"')
        .replace("job: category", "job:\n    kind: category")
        .replace("1974-01-01", '"1974-01-01"')
    )
    assert parse_model(other) == parse_model(model_text)


def test_round_trip(model_text: str) -> None:
    """A model written out, as Python or as JSON, is the same model when read again."""
    model = parse_model(model_text)
    assert ModelConfig.model_validate(model.model_dump()) == model
    assert ModelConfig.model_validate(model.model_dump(mode="json")) == model


def test_a_model_cannot_be_changed(model_text: str) -> None:
    """What was read stays as it was read."""
    model = parse_model(model_text)
    with pytest.raises(ValidationError):
        model.version = "3"  # type: ignore[misc]  # that it is refused is the point


def test_problems_of_all_files_come_together(write_project: Callable[..., Path], model_text: str) -> None:
    """A syntax error in one file does not hide the problems of the others."""
    folder = write_project(
        {
            "models/a.yaml": "target: >= 1",
            "models/b.yaml": model_text.replace("risk: high", "risk: hi"),
            "models/c.yaml": model_text,
            "models/d.yaml": model_text,
            "models/e.yml": model_text,
        },
        "organisation: Example\nthreds: 2\n",
    )
    places = [line.split(": ")[0] for line in report(folder).splitlines()]
    assert places == [
        "aimsight.yaml:2",
        "models/a.yaml:1",
        "models/b.yaml:5",
        "models/c.yaml:1",
        "models/d.yaml:1",
        "models/e.yml",
    ]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"models/a.yml": ""}, "models/a.yml: a model's file ends in .yaml; did you mean models/a.yaml?"),
        ({"models/a.yaml/x": ""}, "models/a.yaml: cannot be read: is a directory"),
        ({"models/a.yaml": ""}, "models/a.yaml:1: is empty"),
    ],
)
def test_files_that_are_none(write_project: Callable[..., Path], files: dict[str, str], expected: str) -> None:
    """A folder, an empty file or another ending is named, not skipped."""
    assert report(write_project(files)) == expected


def test_no_project(tmp_path: Path) -> None:
    """A folder that is no project, or no folder, is answered with what to do."""
    assert report(tmp_path) == f"{tmp_path.resolve() / 'aimsight.yaml'}: not found; `aimsight init` makes a project"
    assert "its folder does not exist" in report(tmp_path / "none")
    (tmp_path / "aimsight.yml").touch()
    assert report(tmp_path).endswith("did you mean aimsight.yaml instead of aimsight.yml?")


def test_a_project_without_models(write_project: Callable[..., Path]) -> None:
    """A new project has no models yet, and editors' hidden files are none."""
    project = load_project(write_project({"models/.#a.yaml": "x"}), environ={})
    assert project.models == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("time_zone: UTC", "aimsight.yaml:1: organisation: is missing: organisation whose management system this is"),
        ("organisation: DECIDE", "aimsight.yaml:1: organisation: is still to be decided: "),
        ("organisation: X\nthreads: 0", "aimsight.yaml:2: threads: must be at least 1, not 0"),
        (
            "organisation: X\nthreads: 1_0",
            'aimsight.yaml:2: threads: must be a whole number, not the text "1_0"; did you mean 10?',
        ),
        (
            "organisation: X\nthreads: 1e1",
            "aimsight.yaml:2: threads: must be a whole number, not the number 1e1; did you mean 10?",
        ),
        ("organisation: X\nthreads: true", "aimsight.yaml:2: threads: must be a whole number, not true"),
        (
            "organisation: X\nmemory_limit: 2 gb",
            'aimsight.yaml:2: memory_limit: "2 gb" does not have the form of 300MB or 2GB; did you mean 2GB?',
        ),
        ("organisation: X\npeople:", "aimsight.yaml:2: people: is empty; it must be a list, or the key is left out"),
        ("organisation: X\npeople: [Ada]", 'aimsight.yaml:2: people[0]: must be keys and values, not the text "Ada"'),
        (
            "organisation: X\npeople:\n- {id: a, name: A}\n- {id: A, name: B}",
            "aimsight.yaml:4: people[1].id: A is already the id of people[0]",
        ),
        (
            "organisation: X\nalerts:\n- {name: a, url: file:x}\n- {name: a, url: file:y}",
            "aimsight.yaml:4: alerts[1].name: a is already the name of alerts[0]",
        ),
        (
            "organisation: X\nalerts: [{name: Ops Mail, url: file:x}]",
            (
                'aimsight.yaml:2: alerts[0].name: "Ops Mail" is not an id; use lower-case letters, digits and single '
                "hyphens, at most 63; did you mean ops-mail?"
            ),
        ),
        (
            "organisation: X\nalerts: [{name: a, url: file:x, on: [nonconform]}]",
            (
                "aimsight.yaml:2: alerts[0].on[0]: must be one of nonconformity, nonconforming, at risk, conforming, "
                "insufficient evidence, awaiting labels, not measured, error, missed, abandoned, overdue, "
                'effectiveness, not "nonconform"; did you mean nonconformity?'
            ),
        ),
        (
            "organisation: X\nalerts: [{name: a, url: file:x, on: []}]",
            "aimsight.yaml:2: alerts[0].on: must not be empty",
        ),
        (
            "organisation: X\nstore: a.db\ncheckpoints: [./a.db]",
            "aimsight.yaml:3: checkpoints[0]: a checkpoint lies outside the store: name another file",
        ),
        (
            'organisation: "a\\0b"',
            "aimsight.yaml:1: organisation: text holds no control characters, and this one holds U+0000",
        ),
        ('organisation: " "', "aimsight.yaml:1: organisation: must not be empty"),
        ('organisation: X\nstore: ""', "aimsight.yaml:2: store: must not be empty"),
    ],
)
def test_project_problems(write_project: Callable[..., Path], text: str, expected: str) -> None:
    """Each mistake in aimsight.yaml is answered with its text."""
    assert report(write_project({}, text)).startswith(expected)
    assert "\n" not in report(write_project({}, text))


def test_a_bad_url_is_not_repeated(write_project: Callable[..., Path]) -> None:
    """An alert url may hold a secret: neither the problem nor the object's text shows it."""
    text = report(write_project({}, "organisation: X\nalerts: [{name: a, url: hunter2}]"))
    assert text.startswith("aimsight.yaml:2: alerts[0].url: an alert goes to an Apprise URL")
    assert "hunter2" not in text
    config = ProjectConfig.model_validate({"organisation": "X", "alerts": [{"name": "a", "url": "json://hunter2"}]})
    assert "hunter2" not in repr(config)


def test_nothing_is_checked_against_a_catalogue_that_is_not_given(model_text: str) -> None:
    """Without facts the form is checked, and the metrics are taken as written."""
    assert parse_model(model_text.replace("drift.psi", "drift.unheard_of")).objectives[2].metric == "drift.unheard_of"


def test_parse_model_names_the_file(model_text: str) -> None:
    """A model read from text reports under the name it was given."""
    with pytest.raises(ConfigError, match=re.escape("here.yaml:5: risk: must be one of")):
        parse_model(model_text.replace("risk: high", "risk: none"), "here.yaml")
