"""Which windows are due and what they depend on: pure decisions, one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimsight.configs.errors import AimsightError
from aimsight.configs.schema import ModelConfig
from aimsight.metrics.plan import Window
from aimsight.monitors.due import History, due, identity, none_planned, planned
from aimsight.monitors.inputs import InputFile, Inputs, needing
from aimsight.tests.configurations import a_model

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def day(number: float, length: float = 1) -> Window:
    """Days from the first of January on."""
    return Window(START + number * DAY, START + (number + length) * DAY)


def file(name: str, first: float | None, last: float = 0, *, label: float | None = None) -> InputFile:
    """A file with rows from one day to another; without, it cannot be read."""
    path = Path(f"{name}.parquet")
    if first is None:
        return InputFile(path, f"sha {name}", problem=f"{name} is damaged")
    known = None if label is None else START + label * DAY
    return InputFile(path, f"sha {name}", (START + first * DAY, START + last * DAY), known)


def inputs(*log: InputFile, labels: tuple[InputFile, ...] = ()) -> Inputs:
    """Inputs of these files."""
    return Inputs(tuple(log), labels, (), ())


def model(**monitor: Any) -> ModelConfig:
    """A model that is looked at daily."""
    return a_model(
        log={"source": "*.parquet", "timestamp": "at", "prediction": "yes"},
        labels=None,
        monitor={"every": "1d", "window": "1d", **monitor},
    )


@given(st.lists(st.sampled_from("abc"), max_size=12))
def test_every_change_of_contents_is_a_new_key_and_no_change_is_none(contents: list[str]) -> None:
    """Whatever order contents come and go in: the same as before is nothing new, anything else never has an old key."""
    finished: list[str] = []
    before = ""
    for now in contents:
        key = identity(now, finished)
        if now == before:
            assert key == finished[-1]
        else:
            assert key not in finished
            finished.append(key)
        before = now


def test_contents_never_seen_are_their_own_key() -> None:
    """So that the key does not depend on what was there before, unless it must."""
    assert identity("a", []) == "a"
    assert identity("b", ["a"]) == "b"


@pytest.mark.parametrize(
    ("history", "found"),
    [
        (History(), True),
        (History(finished=("now",)), False),
        (History(finished=("before",)), True),
        (History(finished=("before",), failed=frozenset({"now"})), False),
        (History(failed=frozenset({"now"})), False),
        (History(failed=frozenset({"before"})), True),
    ],
)
def test_a_window_is_due_when_its_inputs_are_new(history: History, found: bool) -> None:
    """Neither what has a result nor what has failed is run again on the same inputs."""
    assert due([day(0)], {day(0): history}, lambda _: "now", model(), START + 3 * DAY) == [day(0)] * found


def test_beyond_the_lookback_only_what_waits_is_due() -> None:
    """Old windows are closed to late data, unless they have no result yet or await labels."""
    past = {
        day(0): History(finished=("before",)),
        day(1): History(finished=("before",), awaiting=True),
        day(8): History(finished=("before",)),
    }
    candidates = [day(0), day(1), day(2), day(8)]
    found = due(candidates, past, lambda _: "now", model(lookback="3d"), START + 10 * DAY)
    assert found == [day(1), day(2), day(8)]


def test_the_lookback_of_a_closed_history_counts_from_its_end() -> None:
    """Labels of a history that ended long ago may come now: its last windows are open to them, its first are not."""
    past = {day(number): History(finished=("before",)) for number in range(8)}
    closed = model(lookback="3d", end=(START + 8 * DAY).date())
    assert due([*past], past, lambda _: "now", closed, START + 400 * DAY) == [day(5), day(6), day(7)]
    assert due([*past][:6], past, lambda _: "now", closed, START + 6 * DAY) == [day(3), day(4), day(5)]


@pytest.mark.parametrize(
    ("monitor", "at", "why"),
    [
        ({}, 1, ""),
        ({}, 0.5, "the first window, 1 Jan 2026, is not over yet"),
        ({"every": "1w", "window": "1w"}, 11, ""),
        ({"every": "1w", "window": "1w"}, 10, "the first window, 5–11 Jan 2026, is not over yet"),
        (
            {"every": "10d", "window": "10d", "end": "2026-01-19"},
            400,
            "no window of 10d lies between start and end; the first after the start is 10–19 Jan 2026",
        ),
        ({"every": "10d", "window": "10d", "end": "2026-01-20"}, 19, ""),
        (
            {"every": "1h", "window": "1mo", "start": "2026-01-31"},
            32,
            "the first window, Feb 2026, is not over yet",
        ),
        (
            {"every": "10d", "window": "10d", "end": "2026-01-20"},
            12,
            "the first window, 10–19 Jan 2026, is not over yet",
        ),
    ],
)
def test_a_calendar_without_a_window_says_why(monitor: dict[str, str], at: float, why: str) -> None:
    """Its time has not come, or the fixed grid has no room between start and end (1 January 2026 is a Thursday)."""
    made = model(**{"start": "2026-01-01", **monitor})
    assert none_planned(made, None, START + at * DAY) == why
    unsaid = {key: value for key, value in monitor.items() if key != "start"}
    assert none_planned(model(**unsaid), None, START) == ""  # nothing says yet where to start


@pytest.mark.parametrize("moment", ["1970-01-01", "1900-01-01T12:00", "0001-01-01", "1899-12-30"])
def test_monitoring_does_not_begin_at_a_time_that_is_none(moment: str) -> None:
    """One row without a time must not make twenty thousand empty windows."""
    first = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    with pytest.raises(AimsightError, match=r"what an empty time becomes; set monitor\.start"):
        planned(model(), first, START)
    assert planned(model(start="2025-12-30"), first, START) == [day(-2), day(-1)]
    assert len(planned(model(), first + 5 * DAY, first + 7 * DAY)) == 2


def test_a_window_depends_on_the_files_with_rows_in_it() -> None:
    """Edges count: a row at the start belongs to the window, one at its end to the next."""
    own, before, after, across = file("b", 1, 1.9), file("a", 0, 0.9), file("c", 2, 2.9), file("d", 0.5, 2.5)
    everything = inputs(before, own, after, across)
    assert everything.overlapping([day(1)]) == [own.path, across.path]
    assert inputs(file("at the start", 0, 1)).overlapping([day(1)]) == [Path("at the start.parquet")]
    assert inputs(file("at the end", 2, 3)).overlapping([day(1)]) == []
    now = START + 9 * DAY
    key = everything.fingerprint(day(1), now, settled=True)
    assert inputs(own, across).fingerprint(day(1), now, settled=True) == key
    assert inputs(own).fingerprint(day(1), now, settled=True) != key
    assert everything.fingerprint(day(1), now, settled=False) != key


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 6)), max_size=12), st.integers(0, 20), st.integers(1, 5))
def test_files_of_a_window_are_those_a_plain_search_finds(
    spans: list[tuple[int, int]], start: int, length: int
) -> None:
    """Long and short files in any order."""
    files = [file(f"f{i:02}", first, first + extent) for i, (first, extent) in enumerate(spans)]
    expected = [
        f"f{i:02}.parquet"
        for i, (first, extent) in enumerate(spans)
        if first < start + length and first + extent >= start
    ]
    assert [str(path) for path in inputs(*files).overlapping([day(start, length)])] == expected


def test_labels_count_for_every_window_and_the_moment_only_while_some_are_still_to_come() -> None:
    """A file with labels of the future makes the moment matter, one without does not."""
    log = file("log", 0, 0.9)
    early, late = START + 3 * DAY, START + 5 * DAY
    known = inputs(log, labels=(file("labels", 0, 2, label=2),))
    assert known.fingerprint(day(0), early, settled=True) == known.fingerprint(day(0), late, settled=True)
    coming = inputs(log, labels=(file("labels", 0, 2, label=4),))
    assert coming.fingerprint(day(0), early, settled=True) != coming.fingerprint(day(0), late, settled=True)
    assert inputs(log).fingerprint(day(0), late, settled=True) != known.fingerprint(day(0), late, settled=True)


DAYS = [day(number) for number in range(6)]


@pytest.mark.parametrize(
    ("log", "lost"),
    [
        pytest.param([file("0", 0, 0.8), file("1", None), file("2", 2, 2.8)], [1], id="a day between"),
        pytest.param([file("0", None), file("1", 1, 1.8), file("2", 2, 2.8)], [0], id="the first"),
        pytest.param([file("0", 0, 0.8), file("1", 1, 1.8), file("2", None)], [2, 3, 4, 5], id="the last"),
        pytest.param([file("0", 0, 0.3), file("1", None), file("2", 0.6, 0.9)], [0], id="hours of one day"),
        pytest.param(
            [file("0", 0, 0.3), file("1", 0.4, 0.8), file("2", None), file("3", 1.1, 1.5), file("4", 1.6, 1.8)],
            [0, 1],
            id="hours at midnight",
        ),
        pytest.param(
            [file("0", 2, 2.8), file("1", 0, 0.8), file("2", None), file("3", 1, 1.8)],
            [3, 4, 5],
            id="names that do not tell the time",
        ),
        pytest.param([file("0", 0, 5.9), file("1", None)], [5], id="one file for all"),
        pytest.param([file("0", 0, 0.8), file("1", 1, 1.8)], [], id="none"),
    ],
)
def test_an_unreadable_file_costs_the_windows_that_may_need_it(log: list[InputFile], lost: list[int]) -> None:
    """Windows between its neighbours that have no file of their own, or several; when there is none such, all there."""
    found = needing(log, DAYS)
    assert sorted(DAYS.index(window) for window in found) == lost
    assert all(files[0].problem for files in found.values())
