"""The promise of drift evidence, in a few hundred draws: what docs/validity.md shows of it holds."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types import ModuleType

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "validity" / "drift.py"
OURS = ("psi", "ks", "wasserstein_normed", "cramer_von_mises")


@pytest.fixture(scope="module")
def validity() -> ModuleType:
    """The script that makes the tables."""
    spec = importlib.util.spec_from_file_location("validity_drift", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["validity_drift"] = module  # its dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def scenario(validity: Any, *sizes: Any, **how: Any) -> Any:
    """A line of the table."""
    return validity.Scenario("test", *sizes, **how)


@pytest.mark.parametrize(("n", "m"), [(50, 50), (1001, 100), (5000, 200), (1_000_000, 100), (1_000_000, 1_000_000)])
def test_independent_rows_keep_the_promised_rate(validity: Any, n: int, m: int) -> None:
    """5 % promised from 50 to a million rows on either side: at most 10 % in 150 quiet windows."""
    found = validity.rates(scenario(validity, 1, n, m), 150, n + m, OURS)
    assert all(found[name] <= 0.1 for name in OURS), found


@pytest.mark.parametrize("memory", [0.0, 0.8])
def test_windows_that_vary_by_nature_keep_it_too(validity: Any, memory: float) -> None:
    """Levels that vary, also from day to day alike: at most 12 %, where tests that take rows as independent alarm."""
    found = validity.rates(scenario(validity, 30, 1000, 1000, wobble=0.1, memory=memory), 100, 7, OURS)
    assert all(found[name] <= 0.12 for name in OURS), found
    assert found["KS p < 0.05"] > 0.25


def test_trap_e2_a_peers_rule_jumps_at_a_thousand_rows(validity: Any) -> None:
    """A distance of 0.1 whatever the window: one more reference row multiplies its false alarms."""
    few, more = (validity.rates(scenario(validity, 1, n, 100), 60, n, ("psi",))["evidently"] for n in (1000, 1001))
    assert few < 0.2
    assert more > 0.4


def test_changes_are_found(validity: Any) -> None:
    """A fifth of a deviation in 500 rows of 5,000: most windows are found by every kind of evidence."""
    found = validity.rates(scenario(validity, 1, 5000, 500, shift=0.2), 60, 3, OURS)
    assert all(found[name] >= 0.6 for name in OURS), found


def test_long_windows_of_a_process_with_memory_keep_the_promised_rate(validity: Any) -> None:
    """Windows four times as long as the reference's, whose level remembers 0.5 of itself: at most 12 %."""
    found = validity.rates(scenario(validity, 12, 1000, 1000, wobble=0.1, memory=0.5, longer=4), 100, 9, OURS)
    assert all(found[name] <= 0.12 for name in OURS), found


def test_a_reference_that_drifts_does_not_hide_what_drifts_on(validity: Any) -> None:
    """The reference rises by a third of a deviation, windows lie half a one above it: nearly all are found."""
    found = validity.rates(scenario(validity, 12, 1000, 1000, trend=0.03, shift=0.5, longer=4), 40, 4, OURS)
    assert all(found[name] >= 0.9 for name in OURS), found
