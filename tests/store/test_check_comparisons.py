"""The formulas and rules of comparisons that auditors are given, against scipy, fairlearn and numbers by hand."""

from __future__ import annotations

import ast
import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from fairlearn.metrics import (
    demographic_parity_difference,
    demographic_parity_ratio,
    equal_opportunity_difference,
    equalized_odds_difference,
    equalized_odds_ratio,
)
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency, energy_distance, entropy, ks_2samp, wasserstein_distance

from aimsight.metrics.registry import METRICS
from aimsight.store.bundle import program
from aimsight.store.check_comparisons import (
    CORE,
    OF_COLUMN_COUNTS,
    OF_COLUMNS,
    OF_GROUPS_VERSION,
    TAIL,
    Column,
    duplicates,
    edges,
    first_cells,
    groups_of,
    of_groups,
)
from aimsight.store.check_measurements import ELSEWHERE, NO_REFERENCE, Again, NotComputedError, Run, objection
from aimsight.store.statistics_tables import STATISTICS_SEGMENT

DRIFT = {name: formula for name, (_, formula) in OF_COLUMNS.items()}


def test_versions_are_those_of_the_definitions() -> None:
    """A metric whose version was raised has no formula here any more until somebody looks at it."""
    stated = {name: versions[-1] for name, (versions, _) in OF_COLUMNS.items()}
    assert stated == {name: METRICS[name].version for name in OF_COLUMNS}
    assert {METRICS[f"fairness.{name}"].version for name in ("equal_opportunity_ratio", "mae_ratio")} == {
        OF_GROUPS_VERSION
    }


def test_parts_of_the_program_do_not_hide_names_of_each_other() -> None:
    """In the one file that auditors get every name at the top level is defined once."""
    named: Counter[str] = Counter()
    for node in ast.parse(program()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            named[node.name] += 1
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            named.update(one.id for one in targets if isinstance(one, ast.Name))
    assert [name for name, count in named.items() if count > 1] == []


CATEGORIES = Column([60, 30, 10, 0, 0], [30, 30, 20, 15, 5])
"""Three categories, then missing and unseen."""


def test_distances_of_shares() -> None:
    """100 rows on both sides: shares 0.6, 0.3, 0.1, 0, 0 and 0.3, 0.3, 0.2, 0.15, 0.05."""
    x, y = np.array(CATEGORIES.reference, dtype=float), np.array(CATEGORIES.window, dtype=float)
    p, q = x / 100, y / 100
    smooth_p, smooth_q = (x + 0.5) / 102.5, (y + 0.5) / 102.5
    wanted = {
        "drift.psi": entropy(smooth_p, smooth_q) + entropy(smooth_q, smooth_p),
        "drift.kl_divergence": entropy(smooth_q, smooth_p),
        "drift.jensen_shannon_distance": jensenshannon(p, q),
        "drift.jensen_shannon_divergence": jensenshannon(p, q) ** 2,
        "drift.hellinger": math.sqrt(1 - np.sqrt(p * q).sum()),
        "drift.total_variation": 0.3,
        "drift.l_infinity": 0.3,
        "drift.cramers_v": math.sqrt(chi2_contingency([x, y], correction=False).statistic / 200),
        "drift.chi_square": chi2_contingency([x, y], correction=False).statistic,
        "drift.missing_share_change": 0.15,
    }
    assert {name: DRIFT[name](CATEGORIES) for name in wanted} == pytest.approx(wanted)


def numbers(values: np.ndarray[Any, Any]) -> list[int]:
    """Rows by cell of whole numbers from 0 to 999, each in the middle of a cell of width 1."""
    counts: list[int] = np.bincount(values, minlength=CORE).tolist()
    return [0] * TAIL + counts + [0] * TAIL + [0, 0]


@pytest.mark.parametrize("seed", range(3))
def test_distances_of_numbers(seed: int) -> None:
    """Values in the middles of cells, so that cells hide nothing: the distances are those of the values."""
    drawn = np.random.default_rng(seed)
    a, b = drawn.integers(100, 700, 300), drawn.integers(200, 900, 170)
    column = Column(numbers(a), numbers(b), 0.0, 1000.0, 12.5)
    pooled = np.concatenate([a, b])
    f, g, level = (np.array([(side <= z).mean() for z in pooled]) for side in (a, b, pooled))
    inner = level < 1
    wanted = {
        "drift.ks": ks_2samp(a, b).statistic,
        "drift.wasserstein_normed": wasserstein_distance(a, b) / 12.5,
        "drift.energy_distance": energy_distance(a, b) / math.sqrt(12.5),
        "drift.cramer_von_mises": ((f - g) ** 2).mean(),
        "drift.anderson_darling": (((f - g) ** 2)[inner] / (level * (1 - level))[inner]).sum() / 470 * 300 * 170 / 470,
    }
    assert {name: DRIFT[name](column) for name in wanted} == pytest.approx(wanted)


def test_groups_of_numbers() -> None:
    """180 rows at 10 values of which one holds half: it is a group alone; the others fill up tenths of 18 rows."""
    counts = [0] * (2 * TAIL + CORE)
    for place, rows in enumerate([10, 10, 10, 90, 10, 10, 10, 10, 10, 10]):
        counts[TAIL + place * 50] = rows
    firsts = first_cells(Column([*counts, 0, 0], [], 0.0, 1.0))
    at = [TAIL + place * 50 for place in range(10)]
    # 18, 36 ... 162 rows are reached with the 2nd, 4th, 5th, 7th and 9th value; the 4th holds half
    ends = [at[1], at[3] - 1, at[3], at[4], at[6], at[8]]
    assert firsts == [0, *(end + 1 for end in ends), len(counts), len(counts) + 1]


def test_edges_double_outwards() -> None:
    """Eight cells of each width beside the core, then eight of the double one."""
    at = edges(0.0, 1000.0)
    assert len(at) == CORE + 2 * TAIL + 1
    assert at[TAIL : TAIL + 3] == [0.0, 1.0, 2.0]
    assert at[TAIL + CORE : TAIL + CORE + 11] == [1000.0 + d for d in (0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12)]
    assert at[TAIL - 9] == -10.0
    assert math.isfinite(edges(-1e300, 1e300)[-1])


@pytest.mark.parametrize("name", DRIFT)
def test_nothing_is_divided_by_no_rows(name: str) -> None:
    """A side without rows has no distance."""
    some, none = numbers(np.array([1, 2])), numbers(np.array([], dtype=int))
    assert DRIFT[name](Column(some, none, 0.0, 1000.0, 1.0)) is None
    assert DRIFT[name](Column(none, some, 0.0, 1000.0, 1.0)) is None


@pytest.mark.parametrize(
    ("detail", "why"),
    [
        ("", NO_REFERENCE),
        ("compared with the reference: of 12 windows before there are 3", NO_REFERENCE),
        ("compared with the reference: there is no window since", NO_REFERENCE),
        ("compared with the whole reference: it has 2 windows of a Monday, fewer than 3", NO_REFERENCE),
        ("compared with 4 reference windows of a Monday, 2026-01-05 to 2026-01-26", ELSEWHERE),
        ("compared with the 12 windows (2026-01-05 to 2026-01-16) before", ELSEWHERE),
        ("compared with the reference and the 1 window (2026-01-05) since", ELSEWHERE),
    ],
)
def test_only_what_is_compared_with_the_whole_reference_is_held_against_it(detail: str, why: str) -> None:
    """The windows of a season, and those that a moving reference is made of, are no part of a bundle."""
    row = {"metric": "drift.psi", "metric_version": 4, "column_name": "x", "detail": detail, "model": "m"}
    with pytest.raises(NotComputedError) as refused:
        Again({}, {}, {}).of_column({**row, "reference": "r"}, Run(lambda _: []))
    assert str(refused.value) == why


def segment(**known: Any) -> dict[str, Any]:
    """The statistics of a segment of which nothing else is known."""
    return {**dict.fromkeys(STATISTICS_SEGMENT.columns), **known}


def test_fairness_of_decisions_is_that_of_fairlearn() -> None:
    """Three groups of 60 to 120 labelled decisions."""
    drawn = np.random.default_rng(5)
    group = np.repeat(["a", "b", "c"], [60, 90, 120])
    label, decision = drawn.integers(0, 2, 270), drawn.integers(0, 2, 270)
    rows = []
    for name in "abc":
        y, d = label[group == name], decision[group == name]
        four = {"true_positive": y & d, "false_positive": ~y & d & 1, "false_negative": y & ~d & 1}
        counts = {key: int(of.sum()) for key, of in four.items()}
        rest = int(((y == 0) & (d == 0)).sum())
        rows.append(segment(**counts, true_negative=rest, binary_predicted=y.size, binary_selected=int(d.sum())))
    told = {"sensitive_features": group}
    wanted = {
        "demographic_parity_difference": demographic_parity_difference(label, decision, **told),
        "demographic_parity_ratio": demographic_parity_ratio(label, decision, **told),
        "disparate_impact": demographic_parity_ratio(label, decision, **told),
        "equal_opportunity_difference": equal_opportunity_difference(label, decision, **told),
        "equalized_odds_difference": equalized_odds_difference(label, decision, **told),
        "equalized_odds_ratio": equalized_odds_ratio(label, decision, **told),
    }
    assert {name: of_groups(f"fairness.{name}", rows, 1.0) for name in wanted} == pytest.approx(wanted)


def test_fairness_of_several_classes_takes_the_worst_class() -> None:
    """Recall of the first class 3/4 and 1/4, of the second 1/2 and 1; accuracy 4/6 and 3/6."""
    rows = [
        segment(class_matrix=[3, 1, 1, 1], class_predicted=[4, 2]),
        segment(class_matrix=[1, 3, 0, 2], class_predicted=[1, 5]),
    ]
    assert of_groups("fairness.equal_opportunity_difference", rows, 1.0) == pytest.approx(1 / 2)
    assert of_groups("fairness.equal_opportunity_ratio", rows, 1.0) == pytest.approx(1 / 3)
    assert of_groups("fairness.accuracy_difference", rows, 1.0) == pytest.approx(1 / 6)
    assert of_groups("fairness.demographic_parity_difference", rows, 1.0) == pytest.approx(1 / 2)


def test_fairness_of_errors_is_in_the_labels_unit() -> None:
    """Mean errors 2 and -1 halves, sizes 2 and 3 halves; a group with one row has no spread and is left out."""
    kept = [("4", "4", 2), ("-2", "6", 2), ("90", "90", 1)]
    rows = [segment(error=e, error_absolute=a, error_rows=n, error_overflow=0) for e, a, n in kept]
    assert of_groups("fairness.mean_error_difference", rows, 0.5) == 1.5
    assert of_groups("fairness.mae_difference", rows, 0.5) == 0.5
    assert of_groups("fairness.mae_ratio", rows, 0.5) == pytest.approx(2 / 3)
    assert of_groups("fairness.auc_difference", rows, 0.5) is None


def test_only_groups_that_a_measurement_names_are_left_out() -> None:
    """A group that is silently missing would hide a gap; one that is named has to have the rows that are stated."""
    made = {("F",): 90, ("M",): 80, ("X",): 7, ("(missing)",): 5}
    rows = [segment(segment_columns=["sex"], segment_values=list(v), rows=n) for v, n in made.items()]
    kept, wrong = groups_of(rows, "sex", "labels for 9 of 10 rows; X not compared: fewer than 30 rows (n=7)")
    assert [row["segment_values"] for row in kept] == [["F"], ["M"]]
    assert wrong == []
    kept, wrong = groups_of(rows, "sex", "M not compared: fewer than 30 rows (n=8)")
    assert [row["segment_values"] for row in kept] == [["F"], ["X"]]
    assert wrong == ["M is left out for 8 rows, the statistics have 80"]


def test_shares_of_a_column_and_of_duplicates() -> None:
    """Of 20 rows 4 have no value and 2 are unseen; 3 values are out of range, and 5 rows came twice."""
    row = {"size": 5, "cells": [0, 2, 3, 4], "counts": [10, 4, 4, 2], "out_of_range": 3}
    wanted = {"missing": 4 / 20, "non_finite": 2 / 16, "out_of_range": 3 / 16, "most_frequent": 10 / 16}
    assert {name: OF_COLUMN_COUNTS[f"quality.{name}_share"](row) for name in wanted} == pytest.approx(wanted)
    assert duplicates({"duplicate_rows": 2, "conflicting_rows": 3, "rows": 20}) == 5 / 25
    assert duplicates({"duplicate_rows": None, "conflicting_rows": None, "rows": 20}) is None


OBJECTIVE = {"target": ">= 0.8", "tolerance": "0.02", "min_rows": 30, "zero_tolerance": False}
MEASURED = {"n": 90, "error_bound": 0.0, "estimated": False, "q_value": None}


@pytest.mark.parametrize(
    ("verdict", "value", "low", "high", "changes", "said"),
    [
        ("conforming", 0.85, 0.81, 0.89, {}, ""),
        ("conforming", 0.79, 0.75, 0.83, {}, "other side"),
        ("conforming", 0.70, 0.65, 0.75, {}, "the whole interval lies beyond"),
        ("at risk", 0.79, 0.75, 0.83, {}, ""),
        ("at risk", 0.85, 0.75, 0.89, {}, "other side"),
        ("nonconforming", 0.70, 0.65, 0.75, {}, ""),
        ("nonconforming", 0.78, 0.76, 0.79, {}, "does not lie wholly"),
        ("nonconforming", 0.70, 0.65, 0.77, {"error_bound": 0.02}, "does not lie wholly"),
        ("nonconforming", 0.70, 0.65, 0.75, {"estimated": True}, "does not lie wholly"),
        ("nonconforming", 0.70, 0.65, 0.75, {"q_value": 0.2}, "evidence is too weak"),
        ("at risk", 0.70, 0.65, 0.75, {"q_value": 0.2}, ""),
        ("insufficient evidence", 0.79, 0.3, 0.99, {}, ""),
        ("conforming", 0.85, 0.81, 0.89, {"n": 12}, "too few rows"),
        ("conforming", None, None, None, {}, "no value"),
        ("not measured", None, None, None, {}, ""),
    ],
)
def test_a_verdict_has_to_follow_from_what_was_measured(
    verdict: str, value: float | None, low: float | None, high: float | None, changes: dict[str, Any], said: str
) -> None:
    """At least 0.8 with a tolerance of 0.02: wholly below 0.78 is nonconforming, and only that."""
    judged = {"value": value, "ci_low": low, "ci_high": high}
    evaluation = {**judged, "verdict": verdict, "target": ">= 0.8", "tolerance": 0.02}
    found = objection(evaluation, OBJECTIVE, {**MEASURED, **judged, **changes})
    assert said in found
    assert bool(said) == bool(found)


def test_a_verdict_on_another_target_or_value_is_told() -> None:
    """The evaluation repeats target and value: neither may differ from objective and measurement."""
    judged = {"value": 0.85, "ci_low": 0.81, "ci_high": 0.89}
    evaluation = {**judged, "verdict": "conforming", "target": ">= 0.8", "tolerance": 0.02}
    assert "target" in objection({**evaluation, "target": ">= 0.7"}, OBJECTIVE, {**MEASURED, **judged})
    assert "another value" in objection({**evaluation, "value": 0.9}, OBJECTIVE, {**MEASURED, **judged})
    assert "another value" in objection(evaluation, OBJECTIVE, None)


def test_corridors_and_zero_tolerance() -> None:
    """A corridor fails when the whole interval is outside of it; zero tolerance reads the value alone."""
    corridor = {**OBJECTIVE, "target": "between -1.5 and 1.5", "tolerance": "0.0"}
    judged = {"value": 2.0, "ci_low": 1.6, "ci_high": 2.4}
    evaluation = {**judged, "verdict": "nonconforming", "target": "between -1.5 and 1.5", "tolerance": 0.0}
    assert objection(evaluation, corridor, {**MEASURED, **judged}) == ""
    wide = {"value": 2.0, "ci_low": 1.4, "ci_high": 2.4}
    assert "does not lie wholly" in objection({**evaluation, **wide}, corridor, {**MEASURED, **wide})
    assert objection({**evaluation, **wide}, {**corridor, "zero_tolerance": True}, {**MEASURED, **wide}) == ""
