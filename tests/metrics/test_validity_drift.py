"""The promise of drift evidence, in a few hundred draws: what docs/validity.md shows of it holds."""

from __future__ import annotations

from typing import Any

import pytest

from aimsight.benchmarks.validity import drift as validity

OURS = ("psi", "ks", "wasserstein_normed", "cramer_von_mises")


def scenario(*sizes: Any, **how: Any) -> Any:
    """A line of the table."""
    return validity.Scenario("test", *sizes, **how)


@pytest.mark.parametrize(("n", "m"), [(50, 50), (1001, 100), (5000, 200), (1_000_000, 100), (1_000_000, 1_000_000)])
def test_independent_rows_keep_the_promised_rate(n: int, m: int) -> None:
    """5 % promised from 50 to a million rows on either side: at most 10 % in 150 quiet windows."""
    found = validity.rates(scenario(1, n, m), 150, n + m, OURS)
    assert all(found[name] <= 0.1 for name in OURS), found


@pytest.mark.parametrize("memory", [0.0, 0.8])
def test_windows_that_vary_by_nature_keep_it_too(memory: float) -> None:
    """Levels that vary, also from day to day alike: at most 12 %, where tests that take rows as independent alarm."""
    found = validity.rates(scenario(30, 1000, 1000, wobble=0.1, memory=memory), 100, 7, OURS)
    assert all(found[name] <= 0.12 for name in OURS), found
    assert found["KS p < 0.05"] > 0.25


def test_trap_e2_a_peers_rule_jumps_at_a_thousand_rows() -> None:
    """A distance of 0.1 whatever the window: one more reference row multiplies its false alarms."""
    few, more = (validity.rates(scenario(1, n, 100), 60, n, ("psi",))["evidently"] for n in (1000, 1001))
    assert few < 0.2
    assert more > 0.4


def test_changes_are_found() -> None:
    """A fifth of a deviation in 500 rows of 5,000: most windows are found by every kind of evidence."""
    found = validity.rates(scenario(1, 5000, 500, shift=0.2), 60, 3, OURS)
    assert all(found[name] >= 0.6 for name in OURS), found


def test_long_windows_of_a_process_with_memory_keep_the_promised_rate() -> None:
    """Windows four times as long as the reference's, whose level remembers 0.5 of itself: at most 12 %."""
    found = validity.rates(scenario(12, 1000, 1000, wobble=0.1, memory=0.5, longer=4), 100, 9, OURS)
    assert all(found[name] <= 0.12 for name in OURS), found


def test_a_reference_that_drifts_does_not_hide_what_drifts_on() -> None:
    """The reference rises by a third of a deviation, windows lie half a one above it: nearly all are found."""
    found = validity.rates(scenario(12, 1000, 1000, trend=0.03, shift=0.5, longer=4), 40, 4, OURS)
    assert all(found[name] >= 0.9 for name in OURS), found
