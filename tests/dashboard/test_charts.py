"""What the charts' specifications say: scales, colours, glyphs, hover, and safe field names."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from aimsight.aims.verdicts import Verdict
from aimsight.configs.targets import Target
from aimsight.dashboard import frames
from aimsight.dashboard.charts.distribution import distribution_chart
from aimsight.dashboard.charts.drift import drift_chart
from aimsight.dashboard.charts.groups import groups_chart
from aimsight.dashboard.charts.series import plot_range, series_chart
from aimsight.dashboard.charts.spec import Spec, time_axis
from aimsight.dashboard.scales import nice_step, nice_ticks, tick_format
from aimsight.dashboard.theme import DARK, LIGHT, Palette
from aimsight.metrics.cells import CategoryCells, NumericCells

VERDICTS = [verdict.value for verdict in Verdict]


def windows(count: int = 6, **columns: Any) -> pd.DataFrame:
    """Give a series frame of monthly windows."""
    start = pd.date_range("2026-01-01", periods=count + 1, freq="MS", tz="UTC")
    frame = pd.DataFrame(
        {
            "at": start[:-1],
            "end": start[1:],
            "value": np.linspace(0.86, 0.8, count),
            "low": np.linspace(0.85, 0.79, count),
            "high": np.linspace(0.87, 0.81, count),
            "when": "x",
            "value_text": "x",
            "n_text": "1",
            "verdict": [VERDICTS[place % 6] for place in range(count)],
            "note": "–",
            "revision": "1",
            "run": "r",
            "provisional": False,
            "estimated": False,
        }
    )
    return frame.assign(**columns)


def layers(chart: Spec) -> list[Spec]:
    """Give the layers of a chart."""
    found: list[Spec] = chart["layer"]
    return found


def marks(chart: Spec) -> list[str]:
    """Give the kinds of marks of a chart."""
    return [layer["mark"]["type"] for layer in layers(chart)]


def rows(chart: Spec, layer: Spec) -> list[dict[str, Any]]:
    """Give the data that a layer draws: few rows as they are, many as Arrow bytes under a name."""
    drawn = layer["data"]
    found: list[dict[str, Any]] = (
        drawn["values"]
        if "values" in drawn
        else pa.ipc.open_stream(chart["datasets"][drawn["name"]]).read_all().to_pylist()
    )
    return found


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_a_series_shows_value_interval_target_and_verdicts(palette: Palette) -> None:
    """Wrong side, tolerance, band, bars, end of tolerance, target with label, line, points and one glyph a window."""
    chart = series_chart(
        windows(), palette, metric="performance.roc_auc", target=Target.parse(">= 0.83"), tolerance=0.01
    )
    assert marks(chart) == ["rect", "rect", "area", "rule", "rule", "rule", "text", "line", "point", "text"]
    glyphs = rows(chart, layers(chart)[-1])
    assert [row["glyph"] for row in glyphs] == [verdict.glyph for verdict in Verdict]
    assert [row["colour"] for row in glyphs] == [palette.verdict(verdict) for verdict in Verdict]
    assert chart["title"]["text"] == "AUC"


def test_the_wrong_side_lies_beyond_target_and_tolerance() -> None:
    """For "at least 0.83, tolerance 0.01" the shade ends at 0.82 and the lighter band lies between 0.82 and 0.83."""
    chart = series_chart(windows(), LIGHT, metric="performance.roc_auc", target=Target.parse(">= 0.83"), tolerance=0.01)
    wrong, tolerance = (rows(chart, layer)[0] for layer in layers(chart)[:2])
    assert wrong["top"] == pytest.approx(0.82)
    assert (tolerance["bottom"], tolerance["top"]) == (pytest.approx(0.82), pytest.approx(0.83))
    assert layers(chart)[0]["mark"]["color"] == Verdict.NONCONFORMING.light


def test_a_range_target_has_two_wrong_sides_and_two_lines() -> None:
    """A range shades both sides and labels both limits, with real minus signs."""
    chart = series_chart(windows(), LIGHT, metric="performance.mean_error", target=Target.parse("between -1.5 and 1.5"))
    texts = [rows(chart, layer)[0]["label"] for layer in layers(chart) if layer["mark"].get("lineBreak")]
    assert marks(chart)[:2] == ["rect", "rect"]
    assert texts == ["target\n≥ −1.5", "target\n≤ 1.5"]


def test_the_value_axis_is_not_forced_to_zero_and_holds_everything() -> None:
    """Lines are never zero-based; values, target and tolerance are inside, the glyphs below them."""
    space = plot_range(windows(), Target.parse(">= 0.83"), 0.01, has_events=True)
    assert space.foot < space.low < 0.79
    assert 0.87 < space.high < space.head
    assert space.low > 0.7


def test_one_wide_interval_does_not_flatten_the_rest() -> None:
    """The interval of a window with few rows is cut, so that the others can be read."""
    frame = windows(low=[0.0, *[0.8] * 5], high=[1.0, *[0.87] * 5])
    space = plot_range(frame, None, 0.0, has_events=False)
    assert space.low > 0.6


def test_provisional_is_hollow_and_estimated_is_dashed() -> None:
    """What labels may still change is a hollow point; what they have not confirmed a dashed line."""
    frame = windows(provisional=[False] * 5 + [True], estimated=[False] * 4 + [True] * 2)
    chart = series_chart(frame, LIGHT, metric="performance.roc_auc")
    points = [layer["mark"]["fill"] for layer in layers(chart) if layer["mark"]["type"] == "point"]
    dashes = [layer["mark"]["strokeDash"] for layer in layers(chart) if layer["mark"]["type"] == "line"]
    assert points == [LIGHT.ink, LIGHT.background]
    assert dashes == [[1, 0], [5, 4]]


def test_a_gap_breaks_the_line() -> None:
    """A window without a value is no straight line across."""
    chart = series_chart(windows(value=[0.8, 0.8, np.nan, 0.8, 0.8, 0.8]), LIGHT, metric="performance.roc_auc")
    line = next(layer for layer in layers(chart) if layer["mark"]["type"] == "line")
    assert line["mark"]["invalid"] == "break-paths-filter-domains"
    assert len(rows(chart, line)) == 6


def test_the_tolerance_ends_in_a_dotted_line() -> None:
    """The band's end can be seen without its colour; a target without tolerance has no such line."""
    for tolerance, ends in ((0.01, [0.82]), (0.0, [])):
        chart = series_chart(
            windows(), LIGHT, metric="performance.roc_auc", target=Target.parse(">= 0.83"), tolerance=tolerance
        )
        dotted = [layer for layer in layers(chart) if layer["mark"].get("strokeDash") == [1, 3]]
        assert [rows(chart, layer)[0]["limit"] for layer in dotted] == [pytest.approx(end) for end in ends]


def test_very_many_windows_have_a_lane_for_each_verdict() -> None:
    """A year of days would be a smear of glyphs: each verdict has its own height, and its glyph at the left."""
    verdicts = ["conforming"] * 100 + ["nonconforming"] * 100
    frame = windows(200, verdict=verdicts)
    chart = series_chart(frame, LIGHT, metric="performance.roc_auc")
    assert [row["glyph"] for row in rows(chart, layers(chart)[-1])] == ["●", "■"]
    lanes = rows(chart, layers(chart)[-2])
    assert len(lanes) == 200
    heights = {row["verdict"]: (row["bottom"], row["top"]) for row in lanes}
    assert heights["conforming"][0] > heights["nonconforming"][1], "the lanes overlap"
    assert "rule" not in marks(chart)


def test_hover_tells_value_interval_n_verdict_revision_and_run() -> None:
    """Everything that identifies a point can be read from it."""
    chart = series_chart(windows(), LIGHT, metric="performance.roc_auc")
    point = next(layer for layer in layers(chart) if layer["mark"]["type"] == "point")
    titles = [one["title"] for one in point["encoding"]["tooltip"]]
    assert titles == ["Window", "Value (95 % interval)", "n", "Verdict", "Note", "Revision", "Run"]


def test_events_that_stand_close_are_labelled_on_two_lines() -> None:
    """Labels do not cover each other; the last one is written to the left."""
    events = pd.DataFrame(
        {
            "at": pd.to_datetime(["2026-02-01", "2026-02-10", "2026-06-01"], utc=True),
            "label": ["a", "b", "c"],
            "note": ["A", "B", "C"],
        }
    )
    chart = series_chart(windows(), LIGHT, metric="performance.roc_auc", events=events)
    texts = [layer for layer in layers(chart) if layer["mark"]["type"] == "text"][:3]
    assert {layer["encoding"]["y"]["value"] for layer in texts} == {3, 16}
    assert {layer["mark"]["align"] for layer in texts} == {"left", "right"}


def test_times_are_drawn_on_a_utc_scale() -> None:
    """Wall-clock times of the model's zone must not shift with the browser's zone."""
    chart = series_chart(windows(), LIGHT, metric="performance.roc_auc")
    scales = [
        layer["encoding"]["x"]["scale"]["type"] for layer in layers(chart) if "at" in str(layer["encoding"].get("x"))
    ]
    assert set(scales) == {"utc"}


@pytest.mark.parametrize(
    ("days", "said"),
    [(3650, "'%Y'"), (400, "'%b'"), (60, "'%-d %b'"), (2, "'%H:%M'")],
)
def test_the_time_axis_speaks_in_fitting_units(days: int, said: str) -> None:
    """Years, months, days or hours, by what is shown."""
    first = pd.Timestamp("2020-01-01", tz="UTC")
    assert said in time_axis(first, first + pd.Timedelta(days=days))["labelExpr"]


def drift() -> pd.DataFrame:
    """Give a drift frame of two columns and two windows."""
    start = pd.to_datetime(["2026-01-01", "2026-02-01"] * 2, utc=True)
    return pd.DataFrame(
        {
            "name": ["a.b['c']", "a.b['c']", "x", "x"],
            "order": [0, 0, 1, 1],
            "start": start,
            "end": start + pd.Timedelta(days=28),
            "at": start + pd.Timedelta(days=14),
            "when": "x",
            "value": [0.01, 0.4, 0.2, np.nan],
            "value_text": "x",
            "evident": [False, True, True, False],
            "evidence": "x",
            "verdict": ["conforming", "nonconforming", "", ""],
            "n_text": "1",
        }
    )


def test_the_drift_strip_can_be_read_aloud() -> None:
    """Who does not see the strip is told which columns differ beyond chance, how often and when last."""
    said = frames.drift_words(drift().assign(when=["Jan", "Feb", "Jan", "Feb"]))
    assert said == "a.b['c'] differs in 1 of 2 windows, last Feb; x differs in 1 of 2 windows, last Jan."
    quiet = frames.drift_words(drift().assign(evident=[False, False, True, False], when="May"))
    assert quiet == "x differs in 1 of 2 windows, last May; 1 column in none."


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_the_drift_strip_fills_only_what_is_evident(palette: Palette) -> None:
    """Cells without evidence are hollow; glyphs stand out from whatever cell they are on."""
    chart = drift_chart(drift(), palette, metric="drift.psi", most=0.3)
    hollow, glyphs = (rows(chart, layer) for layer in layers(chart)[1:])
    assert len(hollow) == 2
    assert [row["glyph"] for row in glyphs] == ["●", "■"]
    assert glyphs[0]["colour"] == palette.verdict(Verdict.CONFORMING)
    assert glyphs[1]["colour"] == palette.background


def test_distributions_lay_the_window_over_the_reference() -> None:
    """Reference first (behind), wide and grey; window narrower, in ink; bars begin at zero."""
    cells = CategoryCells(("a", "b"))
    frame = frames.distribution_frame(cells, np.array([5, 4, 0, 1]), np.array([1, 1, 1, 1]))
    chart = distribution_chart(frame, LIGHT, column="purpose", numeric=False)
    assert [layer["mark"]["color"] for layer in layers(chart)] == [LIGHT.soft, LIGHT.ink]
    assert [layer["mark"]["height"]["band"] for layer in layers(chart)] == [0.84, 0.4]
    assert layers(chart)[0]["encoding"]["y"]["sort"] == ["a", "b", "(missing)", "(not in the reference)"]


def test_numeric_distributions_start_at_zero_and_label_their_extra_bars() -> None:
    """Bars rise from zero; missing values have their name beneath them."""
    cells = NumericCells.spanning(0.0, 175.0)
    counts = np.bincount(cells.index(np.array([1.0, 170.0, np.nan])), minlength=cells.size + 2)
    frame = frames.distribution_frame(cells, counts, counts)
    chart = distribution_chart(frame, LIGHT, column="delay", numeric=True)
    assert layers(chart)[0]["encoding"]["y"]["field"] == "zero"
    assert [row["label"] for row in rows(chart, layers(chart)[-1])] == ["missing"]
    assert layers(chart)[0]["encoding"]["x"]["axis"]["format"] == ",.0f"


def test_groups_are_dots_with_intervals_and_n() -> None:
    """Order as given (largest gap first), n at the right, all rows as a dashed line."""
    frame = pd.DataFrame(
        {
            "name": ["F", "M"], "value": [0.5, 0.6], "low": [0.4, np.nan], "high": [0.6, np.nan], "gap": [-0.08, 0.02],
            "value_text": "x", "gap_text": "x", "n_text": ["n = 10", "n = 20"],
        }
    )  # fmt: skip
    chart = groups_chart(frame, LIGHT, metric="performance.recall", overall=0.58)
    assert marks(chart) == ["rule", "text", "rule", "point", "text"]
    assert layers(chart)[3]["encoding"]["y"]["sort"] == ["F", "M"]
    assert layers(chart)[0]["mark"]["strokeDash"] == [4, 3]
    assert layers(chart)[4]["encoding"]["text"]["field"] == "n_text"


def test_field_names_are_ours_and_plain() -> None:
    """Vega reads dots and brackets in field names as syntax: no chart uses a name from data as a field."""
    chart = drift_chart(drift(), LIGHT, metric="drift.psi", most=0.3)
    fields = re.findall(r"'field': '([^']+)'", str(chart))
    assert fields
    assert all(re.fullmatch(r"[a-z_]+", field) for field in fields)


@pytest.mark.parametrize(
    ("least", "step"), [(0.83, 1.0), (1.0, 1.0), (1.1, 2.0), (2.2, 2.5), (3.0, 5.0), (6.0, 10.0), (0.013, 0.02)]
)
def test_steps_are_round(least: float, step: float) -> None:
    """1, 2, 2.5 and 5 times a power of ten."""
    assert nice_step(least) == pytest.approx(step)


def test_ticks_are_round_and_shown_exactly() -> None:
    """Ticks at 0.05 are not shown as 0.1."""
    ticks = nice_ticks(0.03, 0.19, 5)
    assert ticks == pytest.approx([0.05, 0.1, 0.15])
    assert tick_format(ticks) == ",.2f"
    assert tick_format([0.0, 25.0]) == ",.0f"
    assert tick_format([7.0]) == "~g"
