"""A run gives the same on every machine: whatever its time zone, locale, hash seed and number of threads."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aimsight.tests.monitors.sandbox import Sandbox

MEASURED = "SELECT * EXCLUDE (computed_at) FROM measurements WHERE NOT contains(metric, 'freshness') ORDER BY ALL"


def measured(sandbox: Sandbox, threads: int, **environment: str) -> list[dict[str, Any]]:
    """Everything that a run in another process measures, the keys of its runs included."""
    sandbox.model(metrics=None, segments=["gender"], protected=["gender"])
    sandbox.days(*range(6), n=300)
    (sandbox.root / "aimsight.yaml").write_text(f"organisation: Example\nthreads: {threads}\n")
    done = subprocess.run(
        [sys.executable, "-c", "from aimsight.monitors.cli.app import run; run()", "run", "--now", "2026-01-07"],
        cwd=sandbox.root,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {0, 3}, done.stderr
    sandbox.check()
    return sandbox.rows(MEASURED)


def test_where_a_run_takes_place_changes_no_digit(sandbox: Sandbox) -> None:
    """Bit by bit the same values, intervals and keys in two very different environments."""
    here = measured(sandbox.at(sandbox.root / "a"), 1, TZ="UTC", LC_ALL="C", PYTHONHASHSEED="0")
    there = measured(
        sandbox.at(sandbox.root / "b"), 4, TZ="Australia/Lord_Howe", LC_ALL="de_DE.UTF-8", PYTHONHASHSEED="4711"
    )
    assert len(here) > 200
    assert [(row["run_id"], row["metric"]) for row in here] == [(row["run_id"], row["metric"]) for row in there]
    assert list(map(repr, here)) == list(map(repr, there))
