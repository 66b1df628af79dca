"""Selection by labels: exact distances, calibrated evidence, and the trap of labels that come early where positive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from aimsight.metrics.catalogue.selection import label_selection
from aimsight.metrics.estimates.selection import LabelledRows, by_column, by_group, selective, unexpected
from aimsight.metrics.measure import measure
from aimsight.metrics.plan import Reference
from aimsight.metrics.statistics import QualityCounts, Statistics
from aimsight.metrics.values import ALL_ROWS, Cause, Segment, Undefined, Value

if TYPE_CHECKING:
    from aimsight.tests.metrics.conftest import Counting

MODEL: dict[str, Any] = {"protected": ["g"]}


def drawn(n: int, seed: int) -> tuple[Any, Any, Any]:
    """Labels, scores and groups of some rows."""
    rng = np.random.default_rng(seed)
    s = rng.beta(2, 3, n)
    return (rng.random(n) < s).astype(int), s, rng.choice(["A", "B"], n)


def segments(counting: Counting, y: Any, s: Any, g: Any) -> Any:
    """Statistics of all rows and of the groups."""
    return counting.groups(g, "g", y=y, predicted=(s >= 0.5).astype(int), scores=s)


def test_the_distance_by_hand() -> None:
    """Of 10 and 10 rows in two groups 8 and 2 have labels: shares 0.8 and 0.2 against 0.5 and 0.5, so 0.3."""
    result = label_selection(LabelledRows(np.array([8, 2]), np.array([2, 8])))
    assert isinstance(result, Value)
    assert result.value == pytest.approx(0.3)
    assert result.n == 20
    assert result.p_value is not None
    assert result.p_value < 0.05


def test_all_rows_or_none_labelled() -> None:
    """With every label there is no distance and no evidence; without any there is no value."""
    everything = label_selection(LabelledRows(np.array([8, 2]), np.array([0, 0])))
    assert everything == Value(0.0, 10, p_value=1.0)
    nothing = label_selection(LabelledRows(np.array([0, 0]), np.array([8, 2])))
    assert nothing == Undefined("no row has a label", 10, Cause.TOO_FEW)


def test_rows_are_told_apart_exactly(counting: Counting) -> None:
    """By prediction and group the counts are those of plain masks, and the score's groups hold about a tenth each."""
    y, s, g = drawn(1000, 0)
    y[::3] = -1
    found = segments(counting, y, s, g)
    model = counting.model(**MODEL)
    columns = dict(by_column(found[ALL_ROWS], model))
    assert list(columns) == ["p", "decision"]
    assert columns["decision"].labelled.tolist() == [int(((s >= 0.5) == d)[y >= 0].sum()) for d in (False, True)]
    assert columns["decision"].unlabelled.tolist() == [int(((s >= 0.5) == d)[y < 0].sum()) for d in (False, True)]
    both = columns["p"].labelled + columns["p"].unlabelled
    assert both.sum() == 1000
    assert both.min() > 90
    assert columns["p"].labelled.sum() == int((y >= 0).sum())
    ((name, groups),) = by_group(found)
    assert name == "g"
    assert groups.labelled.tolist() == [int(((g == one) & (y >= 0)).sum()) for one in ("A", "B")]


def test_filters_are_no_groups(counting: Counting) -> None:
    """Filters have no column, and a row may fulfil several: they are not compared as if they were groups."""
    y, s, g = drawn(100, 0)
    found = segments(counting, y, s, g)
    filters = {Segment.of_filter(name): found[ALL_ROWS] for name in ("seniors", "north")}
    assert [name for name, _ in by_group({**found, **filters})] == ["g"]


def test_labels_by_chance_are_rarely_called_selective(counting: Counting) -> None:
    """Half of the labels missing at random, 300 windows: at most one in ten is called selective (promised: 5 %)."""
    rng = np.random.default_rng(1)
    model, called = counting.model(**MODEL), 0
    for seed in range(300):
        y, s, g = drawn(200, seed)
        y[rng.random(200) < 0.5] = -1
        called += bool(selective(segments(counting, y, s, g), model))
    assert called <= 30


def test_labels_that_follow_the_score_or_the_group_are_found(counting: Counting) -> None:
    """Labels of high scores only, or of one group mostly, are called selective, and by the right name."""
    model = counting.model(**MODEL)
    y, s, g = drawn(600, 2)
    by_score = np.where(s > 0.4, y, -1)
    assert selective(segments(counting, by_score, s, g), model) == "p, decision"
    mostly_a = np.where((g == "A") | (np.arange(600) % 5 == 0), y, -1)
    assert selective(segments(counting, mostly_a, s, g), model) == "g"


def test_early_positives_are_not_to_be_expected(counting: Counting) -> None:
    """Scores that say nothing hide selection by the label itself; that 60 of 60 are positive, 30 expected, does not."""
    rng = np.random.default_rng(3)
    y, s = rng.integers(0, 2, 2000), rng.random(2000)
    whole = counting.binary(y, (s >= 0.5).astype(int), s)
    reference = Reference("r", "", (), (), 0, 0.0, Statistics(QualityCounts(2000), segments={ALL_ROWS: whole}), ())
    now = np.full(400, -1)
    now[:60] = 1
    early = counting.binary(now, (s[:400] >= 0.5).astype(int), s[:400])
    text = unexpected(early, reference)
    assert text.startswith("60 of the 60 labels are positive, about ")
    assert 25 <= int(text.split("about ")[1].split()[0]) <= 35
    now[:60] = y[:60]
    fair = counting.binary(now, (s[:400] >= 0.5).astype(int), s[:400])
    assert unexpected(fair, reference) == ""
    without = counting.binary(np.where(now >= 0, 1, -1), (s[:400] >= 0.5).astype(int))
    assert unexpected(without, reference).startswith("60 of the 60 labels are positive, about ")
    classes = counting.classes(np.array([0] * 60 + [-1] * 40), np.zeros(100, dtype=int), 3)
    many = counting.classes(np.arange(900) % 3, np.zeros(900, dtype=int), 3)
    of_classes = Reference("r", "", (), (), 0, 0.0, Statistics(QualityCounts(900), segments={ALL_ROWS: many}), ())
    assert unexpected(classes, of_classes) == "their classes are not those that were to be expected"


def test_verdicts_on_selective_labels_say_so(counting: Counting) -> None:
    """Every measurement on labels carries coverage and what its labels are selective in; estimates do not."""
    y, s, g = drawn(600, 4)
    y = np.where(s > 0.4, y, -1)
    plan = counting.plan(counting.model(**MODEL), [])
    window = Statistics(QualityCounts(600), segments=segments(counting, y, s, g))
    measurements = measure(plan, window, None)
    accuracy = next(m for m in measurements if m.metric == "performance.accuracy" and m.segment == ALL_ROWS)
    labelled = int((y >= 0).sum())
    wanted = f"labels for {labelled} of 600 rows; labels are selective: rows with labels differ in p, decision"
    assert accuracy.detail == wanted
    selection = [m for m in measurements if m.metric == "quality.label_selection"]
    assert {(m.column, str(m.segment)) for m in selection} == {
        *((column, segment) for column in ("p", "decision") for segment in ("", "g=A", "g=B")),
        ("g", ""),
    }
    assert all(m.q_value is not None for m in selection)
