"""The index of traps: what other monitors get wrong, or are asked for again and again, and the tests against it."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from aimsight.metrics.inputs import ColumnBaseline, ColumnPair
from aimsight.metrics.registry import METRICS
from aimsight.metrics.values import Value

if TYPE_CHECKING:
    from aimsight.tests.metrics.conftest import Counting

TESTS = Path(__file__).resolve().parents[1]
TRAPS = {
    "E1: performance by group is that of all rows": (
        "metrics/test_measure.py::test_trap_e1_groups_are_measured_on_their_own_rows",
        "metrics/test_groups_measured.py::test_trap_e1_rates_of_groups_come_from_their_own_rows",
        "metrics/test_evidently_source.py::test_segments_are_the_rows_that_they_say",
    ),
    "E2: one more reference row multiplies false alarms": (
        "metrics/test_evidence.py::test_trap_e2_groups_keep_the_promised_false_alarms",
        "metrics/test_validity_drift.py::test_trap_e2_a_peers_rule_jumps_at_a_thousand_rows",
    ),
    "E3: values that go missing are no drift": (
        "metrics/test_catalogue_drift.py::test_trap_e3_values_that_go_missing_are_drift",
    ),
    "E4: one empty column aborts all": ("metrics/test_measure.py::test_trap_e4_an_all_null_column_harms_no_other",),
    "E5: one outlier hides a shift": ("metrics/test_catalogue_drift.py::test_trap_e5_one_outlier_hides_no_shift",),
    "E6: one outlier is a drift": ("metrics/test_evidence.py::test_trap_e6_one_far_value_is_no_evidence",),
    "E7: an improvement fails": ("metrics/test_measure.py::test_trap_e7_better_is_not_worse",),
    "E8: labels that are missing are not told": (
        "metrics/test_measure.py::test_trap_e8_the_coverage_of_labels_is_reported",
    ),
    "E9: no labels yet is a crash": ("metrics/test_measure.py::test_trap_e9_no_labels_yet_is_a_state",),
    "E10: undefined is reported as 0": (
        "metrics/test_measure.py::test_trap_e10_one_class_is_undefined",
        "metrics/test_catalogue_performance.py::test_trap_e10_one_class_is_undefined_not_zero",
    ),
    "E11: decimals, nullable integers and zoned times are refused": (
        "metrics/engine/test_faults.py::test_trap_e11_numbers_and_times_of_every_type_are_read",
    ),
    "E12: a new release of a dependency breaks the import": (
        "metrics/test_traps.py::test_trap_e12_measuring_imports_no_other_library_of_metrics",
    ),
    "wide logs are too slow or too large": (
        "metrics/engine/test_counts.py::test_a_wide_log_is_read_in_portions",
        "store/test_database.py::test_memory_and_threads_are_bounded",
    ),
    "one bad column kills the run": (
        "metrics/engine/test_faults.py::test_a_feature_of_the_wrong_type_fails_alone",
        "metrics/test_measure.py::test_a_metric_that_raises_loses_no_other",
    ),
    "p-values of large samples flag everything": (
        "metrics/test_traps.py::test_trap_of_large_samples_evidence_is_no_effect",
    ),
    "many columns raise false alarms": (
        "metrics/test_measure.py::test_quiet_windows_of_many_columns_raise_few_findings",
    ),
    "a reference needs its raw rows": ("store/test_roundtrips.py::test_a_reference_comes_back_as_it_was",),
    "thresholds are fitted to windows that are compared with themselves": (
        "metrics/test_design_effect.py::test_independent_windows_have_next_to_no_effect",
    ),
    "gaps of groups come without uncertainty, and small groups disappear": (
        "metrics/test_catalogue_fairness.py::test_equalized_odds_corrects_for_both_rates",
        "metrics/test_groups_measured.py::test_a_group_that_disappears_does_not_look_fair",
    ),
    "labels are matched by their order": (
        "metrics/engine/test_labels_and_duplicates.py::test_only_labels_that_had_arrived_are_used",
        "metrics/engine/test_labels_and_duplicates.py::test_the_latest_label_wins",
    ),
    "rows without a label vanish, and labels given twice multiply rows": (
        "metrics/engine/test_labels_and_duplicates.py::test_joined_labels_give_what_labels_in_the_log_give",
    ),
    "undefined values are NaN": ("metrics/test_catalogue_properties.py::test_degenerate_rows_never_break_a_metric",),
    "kinds of columns are guessed wrongly": ("configs/test_templates.py::test_kinds_of_columns",),
    "windows of the reference are not those that are monitored": (
        "monitors/test_reference_windows.py::test_own_windows_of_a_reference",
    ),
    "two answers to whether the data have drifted": (
        "metrics/test_drift_window.py::test_the_share_of_drifted_features_by_hand",
    ),
    "the same data give another p-value": (
        "metrics/test_evidence.py::test_evidence_is_the_same_every_time",
        "metrics/engine/test_counts.py::test_neither_threads_nor_row_order_change_a_bit",
    ),
    "the truth is among the features": ("configs/test_checks.py::test_one_mistake_one_problem",),
    "nobody knows who changed a limit": ("aims/test_changes.py::test_where_changes_are_recorded_nothing_is_silent",),
    "days of another time zone": (
        "monitors/test_windows.py",
        "metrics/test_drift_window.py::test_the_calendar_is_that_of_the_time_zone",
    ),
    "an AUC of decisions instead of scores": (
        "metrics/test_catalogue_scoring.py::test_trap_auc_is_of_scores_not_of_hard_labels",
    ),
}
"""Each trap, and the tests (file, or file::function) that fail when we fall into it."""


@functools.cache
def functions(file: str) -> frozenset[str]:
    """The functions of a test file."""
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("trap", TRAPS)
def test_every_trap_has_its_test(trap: str) -> None:
    """A test that is renamed or taken away has to be replaced here."""
    for test in TRAPS[trap]:
        file, _, name = test.partition("::")
        assert (TESTS / file).is_file(), test
        assert not name or name in functions(file), test


def test_trap_of_large_samples_evidence_is_no_effect(counting: Counting) -> None:
    """A hundredth of a deviation in a million rows is certain and small; targets are about the value, which says so."""
    rng = np.random.default_rng(50)
    plan = counting.numeric("x", rng.normal(size=100_000))
    before, now = (counting.column(plan, rng.normal(shift, 1, 1_000_000)) for shift in (0.0, 0.01))
    found = METRICS["drift.psi"].compute(ColumnPair(ColumnBaseline.of(plan, before.counts), now.counts))
    assert isinstance(found, Value)
    assert found.p_value is not None
    assert found.p_value < 0.001
    assert found.value < 0.001


def test_trap_e12_measuring_imports_no_other_library_of_metrics() -> None:
    """Neither evidently nor scikit-learn nor pandas is imported by what measures, so none of them can break it."""
    code = (
        "import sys, aimsight.metrics.measure, aimsight.metrics.engines.duckdb, aimsight.metrics.registry as r; "
        "len(r.METRICS); print(sorted({'evidently', 'sklearn', 'pandas'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
