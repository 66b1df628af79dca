"""How a reference is cut into windows of its own when nobody says how."""

from __future__ import annotations

import pytest

from aimsight.configs.load import parse_model
from aimsight.monitors.due import reference_windows

MODEL = """
model: small
version: "1"
owner: owner@example.org
intended_use: A test.
risk: minimal
task: binary
log: {{source: log.parquet, timestamp: at, prediction: decision}}
features: {{age: numeric}}
reference: {{period: [{period}]{more}}}
monitor: {{every: {length}, window: {length}}}
"""


@pytest.mark.parametrize(
    ("period", "more", "length", "expected"),
    [
        pytest.param("2026-01-01, 2026-02-01", "", "1d", 31, id="days of the monitor are enough"),
        pytest.param("2026-01-01, 2026-01-06", "", "1d", 120, id="five days are too few, so hours"),
        pytest.param("2025-01-01, 2026-01-01", "", "1q", 12, id="four quarters are too few, so months"),
        pytest.param("2026-01-01, 2026-03-01", "", "1mo", 59, id="seven whole weeks are too few, so days"),
        pytest.param("1974-01-01, 1985-01-01", "", "2y", 11, id="five times two years are too few, so years"),
        pytest.param("2025-01-01, 2026-01-01", ", windows: 1q", "1mo", 4, id="what is declared counts"),
        pytest.param("2026-01-01, 2026-01-02", "", "1h", 24, id="hours have nothing shorter"),
    ],
)
def test_own_windows_of_a_reference(period: str, more: str, length: str, expected: int) -> None:
    """The monitor's windows, or the longest shorter unit of which the period holds at least eight."""
    model = parse_model(MODEL.format(period=period, more=more, length=length), "small.yaml")
    assert len(reference_windows(model)) == expected
