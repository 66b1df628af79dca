"""Labels from another source as of a moment, and ids that occur more than once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from aimsight.configs.errors import SchemaError
from aimsight.tests.metrics.engine import logs

if TYPE_CHECKING:
    from collections.abc import Sequence

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def _split(frame: pd.DataFrame, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The log without its labels, and the labels in another order with their arrival a day later."""
    labels = frame.loc[frame["truth"].notna(), ["id", "at", "truth"]].sample(frac=1, random_state=seed)
    labels["known"] = labels["at"] + timedelta(days=1)
    return frame.drop(columns="truth"), labels[["id", "truth", "known"]]


def _model(**labels: Any) -> Any:
    return logs.config(labels={"source": "labels.parquet", "label": "truth", "arrived_at": "known"} | labels)


def test_joined_labels_give_what_labels_in_the_log_give(bench: Any) -> None:
    """Where the labels lie does not matter once they have all arrived."""
    frame = logs.make_frame(1500)
    bench.write(frame)
    expected = {window: logs.plain(part.segments) for window, part in bench.profile().items()}
    log, labels = _split(frame)
    bench.write(log)
    bench.write(labels, "labels.parquet")
    found = bench.profile(bench.plan(_model()))
    assert {window: logs.plain(part.segments) for window, part in found.items()} == expected
    total = found[logs.days(4)[0]]
    assert (total.quality.early_labels, total.quality.late_labels) == (0, 0)


def test_only_labels_that_had_arrived_are_used(bench: Any) -> None:
    """As of a moment, later labels are late and unused; with another moment they count."""
    frame = logs.make_frame(800)
    log, labels = _split(frame)
    bench.write(log)
    bench.write(labels, "labels.parquet")
    first = logs.days(4)[0]
    day = frame[frame["at"] < first.end]
    as_of = datetime(2026, 3, 2, 6, tzinfo=UTC)
    known = labels[(labels["known"] <= as_of) & labels["id"].isin(day["id"])]
    found = bench.profile(bench.plan(_model(), as_of=as_of))[first]
    assert found.all_rows.labelled == len(known)
    assert found.quality.late_labels == day["truth"].notna().sum() - len(known)


def _tiny(bench: Any, labels: Sequence[tuple[str, int | None, datetime]], **changes: Any) -> Any:
    """One decision "a" at noon (positive) and "b" (positive) with these labels; the statistics of the day."""
    log = pd.DataFrame({"id": ["a", "b"], "at": [NOON, NOON], "x": [1.0, 2.0], "score": [0.9, 0.8], "decision": [1, 1]})
    bench.write(log.assign(shop="north", sex="F", age="old"))
    table = pd.DataFrame(labels, columns=["id", "truth", "known"]).astype({"truth": "Int64"})
    bench.write(table, "labels.parquet")
    return bench.profile(bench.plan(_model(), **changes))[logs.days(4)[0]]


def test_the_latest_label_wins(bench: Any) -> None:
    """A corrected label replaces an earlier one; one that arrives after the run does not."""
    labels = [("a", 1, NOON + HOUR), ("a", 0, NOON + 2 * HOUR), ("a", 1, NOON + 9 * HOUR)]
    found = _tiny(bench, labels, as_of=NOON + 5 * HOUR)
    assert (found.all_rows.labelled, found.all_rows.binary.false_positive) == (1, 1)
    found = _tiny(bench, labels, as_of=NOON + 9 * HOUR)
    assert (found.all_rows.labelled, found.all_rows.binary.true_positive) == (1, 1)


def test_labels_of_equal_time_are_ordered_by_text(bench: Any) -> None:
    """Of two labels that arrived at the same moment the smaller text counts, in whatever order they lie."""
    labels = [("a", 1, NOON + HOUR), ("a", 0, NOON + HOUR)]
    for order in (labels, labels[::-1]):
        assert _tiny(bench, order).all_rows.binary.false_positive == 1


def test_early_and_empty_labels_are_not_used(bench: Any) -> None:
    """A label from before its prediction is counted as early; one without a value is none at all."""
    found = _tiny(bench, [("a", 1, NOON - HOUR), ("b", None, NOON + HOUR), ("z", 1, NOON)])
    assert found.all_rows.labelled == 0
    assert (found.quality.early_labels, found.quality.late_labels) == (1, 0)
    found = _tiny(bench, [("a", 1, NOON), ("b", 1, NOON + HOUR)])
    assert (found.all_rows.labelled, found.quality.early_labels) == (2, 0)


def test_arrival_of_labels_in_the_log_itself(bench: Any) -> None:
    """Labels in the log obey their arrival time too."""
    frame = logs.make_frame(6, span=1)
    frame["truth"] = pd.array([1, 1, 1, 0, None, 1], dtype="Int64")
    frame["known"] = frame["at"] + pd.to_timedelta([1, 2, 50, -1, 1, 1], unit="h")
    bench.write(frame)
    model = logs.config(labels={"label": "truth", "arrived_at": "known"})
    found = bench.profile(bench.plan(model, as_of=logs.START + timedelta(days=2)))[logs.days(4)[0]]
    assert found.all_rows.labelled == 3
    assert (found.quality.early_labels, found.quality.late_labels) == (1, 1)


def test_ids_of_another_type_are_refused(bench: Any) -> None:
    """Numbers and texts are not joined by guessing."""
    log, labels = _split(logs.make_frame(20))
    bench.write(log)
    bench.write(labels.assign(id=range(len(labels))), "labels.parquet")
    with pytest.raises(SchemaError, match="ids must have the same type"):
        bench.profile(bench.plan(_model()))


def test_a_repeated_log_changes_nothing_but_its_count(bench: Any) -> None:
    """A file that was appended twice gives the same statistics, and says how many rows were dropped."""
    frame = logs.make_frame(700)
    bench.write(frame)
    expected = bench.profile()
    bench.write(pd.concat([frame, frame]).sample(frac=1, random_state=1))
    for window, part in bench.profile().items():
        assert part.quality.duplicate_rows == expected[window].quality.rows
        assert part.quality.conflicting_rows == 0
        assert part.quality.rows == expected[window].quality.rows
        assert logs.plain(part.segments) == logs.plain(expected[window].segments)
        assert logs.plain(part.columns) == logs.plain(expected[window].columns)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_earliest_row_of_an_id_is_kept(seed: int, bench: Any) -> None:
    """Of rows with one id in a window the earliest counts; later ones are conflicting."""
    frame = logs.make_frame(400)
    bench.write(frame)
    expected = bench.profile()
    third = logs.days(4)[2]
    inside = frame[(frame["at"] >= third.start) & (frame["at"] < third.end)]
    again = inside.iloc[:30].copy()
    again["at"] = third.end - timedelta(microseconds=1)
    again["score"] = 0.5
    bench.write(pd.concat([frame, again]).sample(frac=1, random_state=seed))
    found = bench.profile()
    for window, part in found.items():
        assert part.quality.conflicting_rows == (30 if window == third else 0)
        assert logs.plain(part.segments) == logs.plain(expected[window].segments)


def test_an_id_counts_once_in_each_window(bench: Any) -> None:
    """An id repeated in another window is counted there too, whether the windows are counted together or alone."""
    frame = logs.make_frame(400)
    again = frame[frame["at"] < logs.START + timedelta(days=1)].iloc[:30].copy()
    again["at"] = logs.START + timedelta(days=3, hours=5)
    bench.write(pd.concat([frame, again]))
    together = bench.profile()
    last = logs.days(4)[3]
    rows = int((frame["at"] >= last.start).sum())
    assert together[last].quality.rows == rows + 30
    assert together[last].quality.duplicate_rows == together[last].quality.conflicting_rows == 0
    alone = bench.profile(replace(bench.plan(), windows=(last,)))
    assert logs.plain(alone[last].segments) == logs.plain(together[last].segments)


def test_rows_without_an_id_are_all_counted(bench: Any) -> None:
    """A missing id is no duplicate of another missing id."""
    frame = logs.make_frame(100, span=1)
    frame.loc[:40, "id"] = None
    bench.write(frame)
    found = bench.profile()[logs.days(4)[0]]
    assert (found.quality.rows, found.quality.duplicate_rows) == (100, 0)


def test_without_an_id_duplicates_are_unknown(bench: Any) -> None:
    """A log without ids has no count of duplicates rather than a count of zero."""
    bench.write(logs.make_frame(50))
    log = {"source": "log.parquet", "timestamp": "at", "prediction": "decision", "score": "score"}
    found = bench.profile(bench.plan(logs.config(log=log)))[logs.days(4)[0]]
    assert found.quality.duplicate_rows is None
    assert found.quality.early_labels is None
