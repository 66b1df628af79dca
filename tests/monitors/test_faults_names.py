"""Names and values that want to be more than text, from the configuration through the store to the exports."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from aimsight.configs.errors import ConfigError
from aimsight.monitors.cli.app import application
from aimsight.tests.configurations import an_objective
from aimsight.tests.monitors.sandbox import Sandbox, binary_rows

CORPUS: dict[str, list[str]] = yaml.safe_load(
    (Path(__file__).parents[1] / "corpus" / "names.yaml").read_text(encoding="utf-8")
)
TEXTS = [*CORPUS["texts"], "v" * 300]
COLUMNS = [*(text for text in CORPUS["texts"] if text.strip()), "n" * 255]
FORMULAS = tuple("=+-@\N{FULLWIDTH EQUALS SIGN}")


def ask(sandbox: Sandbox, *arguments: str) -> str:
    """What the command line answers."""
    result = CliRunner().invoke(application(), ["-C", str(sandbox.root), *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A project whose features and categories all have such names, run once."""
    sandbox = Sandbox(tmp_path_factory.mktemp("hostile") / "project")
    drift = an_objective(metric="drift.psi", column=COLUMNS[0], target="<= 0.2", statement=TEXTS[3])
    sandbox.model(
        features=dict.fromkeys(COLUMNS, "category"),
        protected=["gender"],
        labels=None,
        metrics=["drift.psi", "quality.*", "performance.selection_rate"],
        objectives=[drift],
    )
    for day in range(5):
        rows = binary_rows(day)
        for i, row in enumerate(rows):
            row |= {name: TEXTS[(i + j) % len(TEXTS)] for j, name in enumerate(COLUMNS)}
            row["gender"] = TEXTS[i % 3]
        sandbox.day(day, rows, labels=False)
    sandbox.run(5)
    return sandbox


def test_every_name_is_measured_and_stored_as_it_is(hostile: Sandbox) -> None:
    """The tables are all there, every feature has its value, every group its segment, and the store verifies."""
    assert hostile.outcomes() == {4: ["success"]}
    found = hostile.rows("SELECT column_name FROM measurements WHERE metric = 'drift.psi' AND value IS NOT NULL")
    assert set(COLUMNS) <= {row["column_name"] for row in found}
    groups = hostile.rows("SELECT DISTINCT segment_values FROM measurements WHERE segment <> ''")
    assert {row["segment_values"][0] for row in groups} == set(TEXTS[:3])
    assert hostile.values("quality.rows") == {4: 60.0}
    hostile.check()


def test_no_cell_of_a_csv_is_a_formula(hostile: Sandbox) -> None:
    """Texts that begin like a formula get an apostrophe, all others are as they were, and numbers are numbers."""
    answer = ask(hostile, "query", "SELECT column_name, value FROM measurements WHERE metric = 'drift.psi'", "--csv")
    cells = [row[0] for row in csv.reader(io.StringIO(answer))][1:]
    assert not [cell for cell in cells if cell.lstrip(" ").startswith(FORMULAS)]
    assert {cell.removeprefix("'") for cell in cells} >= set(COLUMNS)


def test_json_gives_the_names_back(hostile: Sandbox) -> None:
    """Exactly as they were written."""
    answer = json.loads(ask(hostile, "--json", "query", "SELECT DISTINCT column_name AS c FROM measurements"))
    assert set(COLUMNS) <= {row["c"] for row in answer}


def test_tables_for_people_never_interpret_a_name(hostile: Sandbox) -> None:
    """No markup is read, no control character reaches the terminal."""
    answer = ask(hostile, "query", "SELECT DISTINCT column_name FROM measurements ORDER BY ALL")
    assert "[red]bold[/red]" in answer
    assert not [char for char in answer if unicodedata.category(char) == "Cc" and char != "\n"]
    assert "run; --" in ask(hostile, "objectives")


@pytest.mark.parametrize("name", CORPUS["refused"])
def test_names_that_hide_what_they_say_are_refused(sandbox: Sandbox, name: str) -> None:
    """At the configuration, with its line; nothing runs."""
    sandbox.model(features={name: "numeric"})
    with pytest.raises(ConfigError, match=r"models/credit\.yaml:\d+: features"):
        sandbox.run(5)


@pytest.mark.parametrize(
    ("first", "second"), [("Age", "age"), ("caf\u00e9", "cafe\u0301")], ids=["case", "composition"]
)
def test_columns_that_look_alike_fail_the_run_with_both_names(sandbox: Sandbox, first: str, second: str) -> None:
    """Nobody can say which of two such columns is meant: the feature has no value, and says why."""
    sandbox.model(features={second: "numeric", "x": "numeric"}, labels=None, metrics=["drift.psi"], objectives=[])
    for day in range(5):
        rows = [row | {first: 1.0 * i, second: 2.0 * i} for i, row in enumerate(binary_rows(day))]
        sandbox.day(day, rows, labels=False)
    sandbox.run(5)
    reason = sandbox.values("drift.psi", column=second)[4]
    assert f"columns {first!r} and {second!r} cannot be told apart" in reason
    assert isinstance(sandbox.values("drift.psi", column="x")[4], float)
