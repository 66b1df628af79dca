"""Filters are counted as segments of the rows that pandas finds to fulfil them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aimsight.configs.errors import SchemaError
from aimsight.metrics.statistics import merge
from aimsight.metrics.values import ALL_ROWS, Segment
from aimsight.tests.metrics.engine import logs
from aimsight.tests.metrics.engine.logs import Bench

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd


FILTERS: dict[str, tuple[str, Callable[[pd.DataFrame], pd.Series]]] = {
    "old": ("age = old", lambda f: f["age"] == "old"),
    "big": ("x > 40 and x < 1e9", lambda f: (f["x"] > 40) & (f["x"] < 1e9)),
    "finite-or-not": ("x != 0", lambda f: f["x"].notna() & (f["x"] != 0)),
    "no-x": ("x is missing", lambda f: f["x"].isna()),
    "sexless-shoppers": (
        "sex is missing or not shop in (north, south)",
        lambda f: f["sex"].isna() | ~f["shop"].isin(["north", "south"]),
    ),
    "quoted": ("shop = 'it''s'", lambda f: f["shop"] == "it's"),
    "not-female": ("not sex = F", lambda f: f["sex"] != "F"),
    "half": ("score between 0.25 and 0.75", lambda f: f["score"].between(0.25, 0.75)),
    "positive": ("decision in (1)", lambda f: f["decision"] == 1),
    "nobody": ("age = ancient", lambda f: f["age"] == "ancient"),
}


def test_filters_are_counted_like_pandas_counts_them(bench: Bench) -> None:
    """Rows, labels and decisions of every filter; a filter that no row fulfils is no segment."""
    frame = logs.make_frame(800)
    bench.write(frame)
    model = logs.config(filters={name: text for name, (text, _) in FILTERS.items()})
    found = merge(list(bench.profile(bench.plan(model)).values())).segments
    assert Segment.of_filter("nobody") not in found
    for name, (_, mask) in FILTERS.items():
        if name == "nobody":
            continue
        part, rows = found[Segment.of_filter(name)], frame[mask(frame)]
        assert part.rows == len(rows), name
        assert part.labelled == int(rows["truth"].notna().sum()), name
        assert part.binary is not None
        assert part.binary.selected == int(rows["decision"].sum()), name
    plain = merge(list(bench.profile(bench.plan(model.model_copy(update={"filters": {}}))).values())).segments
    assert {segment: logs.plain(part) for segment, part in found.items() if segment.columns != ("",)} == {
        segment: logs.plain(part) for segment, part in plain.items()
    }


def test_filters_alone_need_no_segment_columns(bench: Bench) -> None:
    """A model without protected columns and segments has its filters as only segments."""
    frame = logs.make_frame(200)
    bench.write(frame)
    model = logs.config(protected=[], segments=[], filters={"old": "age = old"})
    found = merge(list(bench.profile(bench.plan(model)).values())).segments
    assert list(found) == [ALL_ROWS, Segment.of_filter("old")]
    assert str(Segment.of_filter("old")) == "old"


@pytest.mark.parametrize(
    ("text", "said"),
    [("height > 3", "height"), ("age > 3", "column 'age' is VARCHAR and cannot be compared by size")],
)
def test_a_filter_that_does_not_fit_the_log_is_told(bench: Bench, text: str, said: str) -> None:
    """A column that is not there, or that has no order of numbers."""
    bench.write(logs.make_frame(50))
    with pytest.raises(SchemaError, match=said):
        bench.profile(bench.plan(logs.config(filters={"part": text})))
