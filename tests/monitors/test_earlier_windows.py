"""Small groups pooled over earlier windows in a run, whether these were measured a moment ago or are in the store."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from aimsight.tests.monitors.sandbox import Sandbox, binary_rows

PARITY = "fairness.demographic_parity_difference"
POOLED = f"{PARITY}(pool=4)"
FEW = 12


@pytest.fixture
def chosen(sandbox: Sandbox) -> Sandbox:
    """A model whose protected groups are f and m, of which f has 12 rows a day, a third of them selected."""
    sandbox.model(protected=["gender"], metrics=[PARITY, POOLED, "quality.schema_changes"], objectives=None)
    for day in range(9):
        sandbox.day(day, rows(day))
    return sandbox


def rows(day: int) -> list[dict[str, Any]]:
    """A day's rows: of f every third is selected, of m every second."""
    found = [dict(row) for row in binary_rows(day)]
    for place, row in enumerate(found):
        few = place < FEW
        row["gender"], row["visits"] = "f" if few else "m", place
        row["yes"] = int(place % 3 == 0) if few else int(place % 2 == 0)
    return found


def details(sandbox: Sandbox, metric: str) -> list[str]:
    """The details of a metric's latest measurements, oldest first."""
    sql = "SELECT detail FROM measurements WHERE metric = ? AND is_latest ORDER BY window_start"
    return [row["detail"] for row in sandbox.rows(sql, metric)]


def test_a_group_is_judged_as_soon_as_enough_windows_are_there(chosen: Sandbox) -> None:
    """Twelve rows a day and a minimum of 30: over three days there are 36, of which 12 are selected."""
    chosen.run(9)
    first, second, *rest = details(chosen, POOLED)
    assert "f not compared: fewer than 30 rows (n=12)" in first
    assert "f not compared: fewer than 30 rows (n=12, over the last 2 windows n=24)" in second
    assert all("f judged over the last 3 windows (n=36)" in detail for detail in rest)
    values = list(chosen.values(POOLED, column="gender").values())
    assert values[-1] == pytest.approx(1 / 2 - 1 / 3)
    alone = list(chosen.values(PARITY, column="gender").values())
    assert set(alone) == {"fewer than two groups with enough rows"}


def test_days_that_are_run_one_by_one_give_the_same(chosen: Sandbox) -> None:
    """Earlier windows come from the store as they come from the same run."""
    chosen.run(9)
    single = chosen.at(chosen.root.parent / "single")
    single.write_model("credit", chosen.raw["credit"])
    for day in range(9):
        single.day(day, rows(day))
        single.run(day + 1)
    sql = (
        "SELECT metric, window_start, value, n, ci_low, ci_high, detail FROM measurements WHERE is_latest ORDER BY ALL"
    )
    assert single.rows(sql) == chosen.rows(sql)


def test_a_schema_that_changes_is_told(chosen: Sandbox) -> None:
    """From the eighth day on colour is a number and a column is new; days before have the columns of the reference."""
    for day in (7, 8):
        changed = [{**row, "colour": 1, "extra": True} for row in rows(day)]
        chosen.day(day, changed)
    chosen.run(9)
    found = chosen.values("quality.schema_changes")
    assert [found[day] for day in sorted(found)][-3:] == [0, 2, 2]
    assert details(chosen, "quality.schema_changes")[-1] == "colour changed from text to number; extra appeared"


def test_whole_numbers_that_became_floats_are_no_change(chosen: Sandbox) -> None:
    """A missing value turns a column of whole numbers into floats: the schema has not changed."""
    changed = [{key: cell for key, cell in row.items() if key != "y"} for row in rows(8)]
    chosen.write(chosen.path(8), changed, visits=pa.float64())
    chosen.run(9)
    found = chosen.values("quality.schema_changes")
    assert found[max(found)] == 0
