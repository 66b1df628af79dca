"""The table of comparisons on the fairness page, and its notes on pooled groups."""

from __future__ import annotations

from typing import Any

from aimsight.aims.verdicts import Verdict
from aimsight.dashboard import frames

PARITY, ODDS = "fairness.demographic_parity_difference", "fairness.equalized_odds_difference(pool=4)"


def row(metric: str, **changes: Any) -> dict[str, Any]:
    """A measurement of fairness as the store gives it."""
    return {
        "metric": metric,
        "value": 0.25,
        "ci_low": 0.125,
        "ci_high": 0.375,
        "n": 1200,
        "undefined_reason": None,
        "detail": "largest gap between F (0.25) and M (0.5); labels for 1100 of 1200 rows",
    } | changes


def test_comparisons_in_words_judged_ones_first() -> None:
    """Value with interval, the groups that it is between, rows, and the verdict where an objective judges it."""
    table = frames.gap_frame([row(PARITY), row(ODDS)], {ODDS: Verdict.AT_RISK}, {PARITY: "share", ODDS: "share"})
    assert table.to_dict("records") == [
        {
            "Comparison": "Equalized odds difference (pool=4)",
            "Value (95 % interval)": "0.250 (0.125–0.375)",
            "Most extreme": "F (0.250) and M (0.500)",
            "n": "1,200",
            "Objective": f"{Verdict.AT_RISK.glyph} at risk",
        },
        {
            "Comparison": "Demographic parity difference",
            "Value (95 % interval)": "0.250 (0.125–0.375)",
            "Most extreme": "F (0.250) and M (0.500)",
            "n": "1,200",
            "Objective": "",
        },
    ]


def test_the_groups_have_the_places_of_their_comparison() -> None:
    """Values of groups are rounded as the comparison is; a name that looks like a value stays as it is."""
    wide = {"value": 11.68, "ci_low": 6.56, "ci_high": 19.21}
    for detail, said in (
        ("largest gap between HA (6.151) and VX (17.83); x", "HA (6.15) and VX (17.83)"),
        ("largest gap between plan (2.5) B (1e-05) and all rows (-0.6325)", "plan (2.5) B (0.00) and all rows (−0.63)"),
        ("smallest ratio between A (0.5) and B (1) for class (0.12345)", "A (0.50) and B (1.00) for class (0.12345)"),
        ("largest in F (label - score: -0.02004)", "F (label - score: −0.02)"),
        ("largest in F (label - score: +0.02004)", "F (label - score: +0.02)"),
    ):
        assert frames.between_words(row(PARITY, detail=detail, **wide)) == said


def test_a_comparison_without_a_value_says_why() -> None:
    """The reason stands where the groups would stand."""
    nothing = row(PARITY, value=None, ci_low=None, ci_high=None, undefined_reason="group F has disappeared", detail="")
    (record,) = frames.gap_frame([nothing], {}, {PARITY: "share"}).to_dict("records")
    assert record["Value (95 % interval)"] == "no value"
    assert record["Most extreme"] == "group F has disappeared"


def test_pooled_groups_are_told_once() -> None:
    """Two comparisons pooled the same group: one sentence, with control characters of its name made visible."""
    detail = "largest gap between a (0) and \x1bX (1); \x1bX judged over the last 3 windows (n=33)"
    assert frames.pooled_notes([row(PARITY, detail=detail), row(ODDS, detail=detail), row(PARITY)]) == [
        "�X judged over the last 3 windows (n=33)"
    ]
