"""The charts, as pure Altair specifications from frames of ``aimsight.dashboard.frames``; nothing here knows Streamlit.

Columns have fixed names of ours and names from data are values only, because Vega reads ``.``, ``[`` and ``'`` in a
field name as syntax. Times are wall-clock times of the model's zone labelled as UTC, drawn on a UTC scale, so that a
page looks the same in every browser. Verdicts are always glyph and colour, and the word in the hover.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import altair as alt
import pandas as pd

from aimsight.aims.verdicts import Verdict
from aimsight.aims.words import axis_title, metric_name
from aimsight.dashboard.scales import nice_ticks, tick_format
from aimsight.dashboard.theme import blend, contrast

if TYPE_CHECKING:
    from aimsight.configs.targets import Target
    from aimsight.dashboard.theme import Palette

SERIES_HEIGHT = 270
STRIP = 26
"""Pixels at the foot of a series that belong to the verdicts' glyphs."""
LANE = 9
"""Pixels of a verdict's lane there, where windows are too many for a glyph each."""
LABELS = 20
"""Pixels at its head that belong to the labels of events."""
AXIS = 34
"""Pixels of the height that title and time axis take."""
MOST_GLYPHS = 90
"""So many windows have a glyph, a bar and a full point each."""

_HOVER = ("when:N", "value_text:N", "n_text:N", "verdict:N", "note:N", "revision:N", "run:N")
_HOVER_TITLES = ("Window", "Value (95 % interval)", "n", "Verdict", "Note", "Revision", "Run")
_BREAKS: Literal["break-paths-filter-domains"] = "break-paths-filter-domains"


@dataclass(frozen=True, slots=True)
class Frame:
    """The range of a series chart: values (unit of the metric) with the foot of the plot, and times.

    ``low`` to ``high`` is what values may fill, ``foot`` to ``head`` the whole plot with glyphs below and labels above.
    """

    low: float
    high: float
    foot: float
    head: float
    times: tuple[pd.Timestamp, pd.Timestamp]

    def x(self, field: str = "at") -> alt.X:
        """The time axis."""
        scale = alt.Scale(type="utc", domain=[moment.isoformat() for moment in self.times], nice=False)
        return alt.X(f"{field}:T", scale=scale, title=None, axis=time_axis(*self.times))

    def y(self, field: str, palette: Palette) -> alt.Y:
        """The value axis."""
        ticks = nice_ticks(self.low, self.high, 5)
        axis = alt.Axis(
            values=ticks, format=tick_format(ticks), gridColor=palette.faint, domain=False, ticks=False, labelPadding=6
        )
        scale = alt.Scale(domain=[self.foot, self.head], nice=False, zero=False)
        return alt.Y(f"{field}:Q", scale=scale, title=None, axis=axis)


def series(  # the parts of a series chart
    frame: pd.DataFrame,
    palette: Palette,
    *,
    metric: str,
    unit: str = "",
    target: Target | None = None,
    tolerance: float = 0.0,
    events: pd.DataFrame | None = None,
    titled: bool = True,
) -> alt.LayerChart:
    """Values over time with interval band, target, tolerance, wrong side, verdict glyphs and marked events.

    Parameters
    ----------
    frame
        One row a window, at least one, as ``frames.series_frame`` gives it.
    events
        Columns ``at``, ``label`` and ``note``: objective changes, model versions, nonconformities opened.
    titled
        Whether the metric's name stands above the axis; not where the page has just said it.
    """
    marked = events if events is not None and not events.empty else None
    space = plot_range(frame, target, tolerance, has_events=marked is not None)
    layers: list[alt.Chart] = []
    if target is not None:
        layers += _sides(target, tolerance, space, palette)
    layers += _band(frame, space, palette)
    if target is not None:
        layers += _limits(target, tolerance, space, palette)
    if marked is not None:
        layers += _events(marked, space, palette)
    layers += _line(frame, space, palette)
    layers += _strip(frame, space, palette) if len(frame) <= MOST_GLYPHS else _lanes(frame, space, palette)
    chart = alt.LayerChart(layer=layers).properties(height=SERIES_HEIGHT)
    return _readable(chart.properties(title=_title(axis_title(metric, unit), palette)) if titled else chart, palette)


def _readable(chart: alt.LayerChart, palette: Palette) -> alt.LayerChart:
    """The chart with words that keep 4.5:1; the greys of Streamlit's own theme do not."""
    dressed: alt.LayerChart = chart.configure_axis(
        labelColor=palette.muted, titleColor=palette.muted, titleFontSize=12, titleFontWeight="normal"
    ).configure_legend(labelColor=palette.muted, titleColor=palette.muted, labelFontSize=12, titleFontSize=12)
    return dressed


def _title(text: str, palette: Palette) -> alt.TitleParams:
    """What the value axis shows, at the top left where it is read first."""
    return alt.TitleParams(text, anchor="start", fontSize=12, fontWeight="normal", color=palette.muted, offset=8)


def time_axis(first: pd.Timestamp, last: pd.Timestamp) -> alt.Axis:
    """Times as people say them, by the length of what is shown: years, months, days or hours.

    Beneath the first of them stands what it leaves out: the year, or day and year.
    """
    span = last - first
    if span > pd.Timedelta(days=365 * 5):
        label = "utcFormat(datum.value, '%Y')"
    elif span > pd.Timedelta(days=100):
        label = "utcFormat(datum.value, utcmonth(datum.value) == 0 ? '%Y' : '%b')"
    elif span > pd.Timedelta(days=4):
        label = "utcFormat(datum.value, '%-d %b')"
    else:
        label = "utcFormat(datum.value, utchours(datum.value) == 0 ? '%-d %b' : '%H:%M')"
    beneath = {True: "%Y", False: "%-d %b %Y"}[span > pd.Timedelta(days=4)]
    if span <= pd.Timedelta(days=365 * 5):
        label = f"datum.index == 0 ? [{label}, utcFormat(datum.value, '{beneath}')] : {label}"
    return alt.Axis(
        labelExpr=label, grid=False, labelOverlap="greedy", labelFlush=False, tickCount=9, domain=False, ticks=True
    )


def plot_range(frame: pd.DataFrame, target: Target | None, tolerance: float, *, has_events: bool) -> Frame:
    """The range of the plot: all values and limits, and room for glyphs and labels.

    Interval ends count up to one and a half times the range of the values beyond it, so that one window with few rows
    does not flatten the rest.
    """
    core = frame["value"].dropna().tolist()
    if target is not None and target.low is not None:
        core += [target.low, target.low - tolerance]
    if target is not None and target.high is not None:
        core += [target.high, target.high + tolerance]
    core = core or [0.0, 1.0]
    bottom, top = min(core), max(core)
    reach = 1.5 * ((top - bottom) or abs(top) or 1.0)
    bottom = min([bottom, *(max(x, bottom - reach) for x in frame["low"].dropna())])
    top = max([top, *(min(x, top + reach) for x in frame["high"].dropna())])
    span = (top - bottom) or abs(top) or 1.0
    if target is not None and target.low is not None:  # so much of the wrong side is seen even when all is well
        bottom = min(bottom, target.low - 0.1 * span)
    if target is not None and target.high is not None:
        top = max(top, target.high + 0.1 * span)
    low, high = bottom - 0.06 * span, top + 0.06 * span
    labels = LABELS if has_events else 0
    verdicts = set(frame["verdict"]) - {""}
    strip = 0 if not verdicts else STRIP if len(frame) <= MOST_GLYPHS else LANE * (len(verdicts) + 1)
    pixel = (high - low) / (SERIES_HEIGHT - AXIS - strip - labels)
    first, last = frame["at"].min(), frame["at"].max()
    pad = max((last - first) * 0.025, (frame["end"].max() - last) * 0.5)
    return Frame(low, high, low - pixel * strip, high + pixel * labels, (first - pad, last + pad))


def _sides(target: Target, tolerance: float, space: Frame, palette: Palette) -> list[alt.Chart]:
    """The tolerance as a lighter band and the wrong side beyond it as a faint shade."""
    spans: list[tuple[float, float, Verdict, float]] = []
    if target.low is not None:
        spans.append((space.low, target.low - tolerance, Verdict.NONCONFORMING, 0.07))
        spans.append((target.low - tolerance, target.low, Verdict.AT_RISK, 0.15))
    if target.high is not None:
        spans.append((target.high + tolerance, space.high, Verdict.NONCONFORMING, 0.07))
        spans.append((target.high, target.high + tolerance, Verdict.AT_RISK, 0.15))
    return [
        alt.Chart(pd.DataFrame({"bottom": [bottom], "top": [top]}))
        .mark_rect(color=palette.verdict(verdict), opacity=opacity)
        .encode(y=space.y("bottom", palette), y2="top:Q")
        for bottom, top, verdict, opacity in spans
        if top > bottom
    ]


def _band(frame: pd.DataFrame, space: Frame, palette: Palette) -> list[alt.Chart]:
    """The intervals: a band, and a bar each as long as these do not run together."""
    known = frame[frame["low"].notna()].assign(
        low=lambda part: part["low"].clip(space.low, space.high),
        high=lambda part: part["high"].clip(space.low, space.high),
    )
    if known.empty:
        return []
    gaps = frame[frame["low"].isna()]
    band = (
        alt.Chart(pd.concat([known, gaps]).sort_values("at"))
        .mark_area(color=palette.ink, opacity=0.12, invalid=_BREAKS)
        .encode(x=space.x(), y=space.y("low", palette), y2="high:Q")
    )
    bars = (
        alt.Chart(known)
        .mark_rule(color=palette.ink, opacity=0.4, strokeWidth=1)
        .encode(x=space.x(), y=space.y("low", palette), y2="high:Q")
    )
    return [band, bars] if len(frame) <= MOST_GLYPHS else [band]


def _limits(target: Target, tolerance: float, space: Frame, palette: Palette) -> list[alt.Chart]:
    """The target as a solid line, labelled right of the plot, where no value can be; its tolerance ends dotted."""
    layers: list[alt.Chart] = []
    for limit, sign, end in ((target.low, "≥", -tolerance), (target.high, "≤", tolerance)):
        if limit is None:
            continue
        if end:
            dotted = alt.Chart(pd.DataFrame({"limit": [limit + end]}))
            layers.append(
                dotted.mark_rule(color=palette.muted, strokeDash=[1, 3], strokeWidth=1.5).encode(
                    y=space.y("limit", palette)
                )
            )
        label = f"target\n{sign} {limit:g}".replace("-", "−")
        base = alt.Chart(pd.DataFrame({"limit": [limit], "label": [label]})).encode(y=space.y("limit", palette))
        text = base.mark_text(
            align="left", baseline="middle", dx=6, fontSize=12, lineBreak="\n", lineHeight=14, color=palette.muted
        )
        layers.append(base.mark_rule(color=palette.muted, strokeWidth=1.5))
        layers.append(text.encode(x=alt.value("width"), text="label:N"))
    return layers


def _events(events: pd.DataFrame, space: Frame, palette: Palette) -> list[alt.Chart]:
    """Vertical marks with a label; two labels that would overlap stand one beneath the other."""
    hover = alt.Tooltip("note:N", title="Event")
    first, last = space.times
    places = []
    taken = -1.0
    row = 0
    for at in events["at"]:
        place = (at - first) / (last - first)
        row = (row + 1) % 2 if taken >= 0 and place - taken < 0.13 else 0
        places.append((row, place > 0.88))
        taken = place
    layers: list[alt.Chart] = [
        alt.Chart(events).mark_rule(color=palette.muted, strokeDash=[2, 3]).encode(x=space.x(), tooltip=hover)
    ]
    for line, is_last in sorted(set(places)):
        part = events[[one == (line, is_last) for one in places]]
        layers.append(
            alt.Chart(part)
            .mark_text(
                align="right" if is_last else "left", baseline="top", dx=-4 if is_last else 4, color=palette.muted,
                fontSize=11, limit=150,
            )
            .encode(x=space.x(), y=alt.value(3 + 13 * line), text="label:N", tooltip=hover)
        )  # fmt: skip
    return layers


def _line(frame: pd.DataFrame, space: Frame, palette: Palette) -> list[alt.Chart]:
    """The values: solid where they are known, dashed where estimated, hollow points where they may still change."""
    y = space.y("value", palette)
    width, outline, size = (2, 1.5, 44) if len(frame) <= MOST_GLYPHS else (1, 0.75, 5)
    lines = [
        alt.Chart(part)
        .mark_line(color=palette.ink, strokeWidth=width, strokeDash=dash, invalid=_BREAKS)
        .encode(x=space.x(), y=y)
        for part, dash in ((frame[~frame["estimated"]], [1, 0]), (frame[frame["estimated"]], [5, 4]))
        if part["value"].notna().any()
    ]
    known = frame[frame["value"].notna()]
    points = [
        alt.Chart(part)
        .mark_point(fill=fill, stroke=palette.ink, strokeWidth=outline, size=size, opacity=1)
        .encode(x=space.x(), y=y, tooltip=_hover())
        for part, fill in (
            (known[~known["provisional"]], palette.ink),
            (known[known["provisional"]], palette.background),
        )
        if not part.empty
    ]
    return lines + points


def _hover() -> list[alt.Tooltip]:
    return [alt.Tooltip(field, title=name) for field, name in zip(_HOVER, _HOVER_TITLES, strict=True)]


def _strip(frame: pd.DataFrame, space: Frame, palette: Palette) -> list[alt.Chart]:
    """The verdict of each window as its glyph on the time axis."""
    judged = frame[frame["verdict"] != ""]
    if judged.empty:
        return []
    data = judged.assign(
        glyph=[Verdict(word).glyph for word in judged["verdict"]],
        colour=[palette.verdict(Verdict(word)) for word in judged["verdict"]],
        foot=(space.foot + space.low) / 2,
    )
    return [
        alt.Chart(data)
        .mark_text(fontSize=14 if len(judged) <= 45 else 10, baseline="middle")
        .encode(
            x=space.x(),
            y=space.y("foot", palette),
            text="glyph:N",
            color=alt.Color("colour:N", scale=None),
            tooltip=_hover(),
        )
    ]


def _lanes(frame: pd.DataFrame, space: Frame, palette: Palette) -> list[alt.Chart]:
    """Very many windows: a lane for each verdict, its glyph at the left, so that place tells what colour tells."""
    judged = frame[frame["verdict"] != ""]
    there = [verdict for verdict in Verdict if (judged["verdict"] == verdict).any()]
    if not there:
        return []
    height = (space.low - space.foot) / (len(there) + 1)
    lanes = pd.DataFrame(
        {
            "verdict": [verdict.value for verdict in there],
            "glyph": [verdict.glyph for verdict in there],
            "colour": [palette.verdict(verdict) for verdict in there],
            "bottom": [space.low - (place + 1.4) * height for place in range(len(there))],
            "top": [space.low - (place + 0.6) * height for place in range(len(there))],
            "middle": [space.low - (place + 1) * height for place in range(len(there))],
        }
    )
    colour = alt.Color("colour:N", scale=None)
    marks = alt.Chart(judged.merge(lanes, on="verdict")).mark_rect().encode(
        x=space.x(), x2="end:T", y=space.y("bottom", palette), y2="top:Q", color=colour, tooltip=_hover()
    )  # fmt: skip
    glyphs = alt.Chart(lanes).mark_text(fontSize=10, baseline="middle").encode(
        x=alt.value(-8), y=space.y("middle", palette), text="glyph:N", color=colour
    )  # fmt: skip
    return [marks, glyphs]


def drift_strip(frame: pd.DataFrame, palette: Palette, *, metric: str, most: float) -> alt.LayerChart:
    """Rows are columns of the log, cells windows: the darker, the farther from the reference.

    Cells without evidence of a change are hollow; columns with an objective carry its verdict's glyph. ``frame`` is as
    ``frames.drift_frame`` gives it; ``most`` is the distance (unit of the metric) drawn in full ink.
    """
    names = frame.drop_duplicates("name").sort_values("order")["name"].tolist()
    y = alt.Y(
        "name:N",
        sort=names,
        title=None,
        axis=alt.Axis(labelLimit=150, domain=False, ticks=False, labelPadding=8, labelFlush=False),
    )
    times = (frame["start"].min(), frame["end"].max())
    scale = alt.Scale(type="utc", domain=[moment.isoformat() for moment in times], nice=False)
    x = alt.X("start:T", scale=scale, title=None, axis=time_axis(*times))
    tooltip = [
        alt.Tooltip("name:N", title="Column"),
        alt.Tooltip("when:N", title="Window"),
        alt.Tooltip("value_text:N", title=metric_name(metric)),
        alt.Tooltip("evidence:N", title="Evidence"),
        alt.Tooltip("verdict:N", title="Verdict"),
        alt.Tooltip("n_text:N", title="n"),
    ]
    base = alt.Chart(frame)
    colour = alt.Color(
        "value:Q",
        scale=alt.Scale(domain=[0, most], range=[palette.faint, palette.ink], clamp=True),
        legend=alt.Legend(
            title=metric_name(metric),
            orient="top",
            values=[0, most],
            labelExpr=f"datum.value > 0 ? '≥ {most:g}' : '0'",
            direction="horizontal",
            gradientLength=120,
            gradientThickness=8,
            titleOrient="top",
        ),
    )
    many = frame["start"].nunique() > MOST_GLYPHS
    cells = base.mark_rect(stroke=palette.background, strokeWidth=0 if many else 2).encode(
        x=x,
        x2="end:T",
        y=y,
        color=colour,
        tooltip=tooltip,
        fillOpacity=alt.condition("datum.evident", alt.value(1.0), alt.value(0.0)),
    )
    if many:  # outlines of single cells would run together to a grey that looks like a distance
        outlined = frame.groupby("name", as_index=False).agg(start=("start", "min"), inner=("end", "max"))
    else:
        outlined = frame[~frame["evident"]].assign(inner=frame["end"] - 0.04 * (frame["end"] - frame["start"]))
    hollow = (
        alt.Chart(outlined)
        .mark_rect(fillOpacity=0, stroke=palette.soft, strokeWidth=1, height=alt.RelativeBandSize(0.8))
        .encode(x=alt.X("start:T", scale=alt.Scale(type="utc")), x2="inner:T", y=y)
    )
    judged = frame[(frame["verdict"] != "") & (not many)]
    marked = judged.assign(
        glyph=[Verdict(word).glyph for word in judged["verdict"]],
        colour=[_on_cell(row, most, palette) for row in judged.to_dict("records")],
    )
    glyphs = (
        alt.Chart(marked)
        .mark_text(fontSize=12, baseline="middle")
        .encode(
            x=alt.X("at:T", scale=alt.Scale(type="utc")),
            y=y,
            text="glyph:N",
            color=alt.Color("colour:N", scale=None),
            tooltip=tooltip,
        )
    )
    strip: alt.LayerChart = alt.LayerChart(layer=[cells, hollow, glyphs]).resolve_scale(color="independent")
    return _readable(strip.properties(height=alt.Step(28)), palette)


def _on_cell(row: dict[Any, Any], most: float, palette: Palette) -> str:
    """The verdict's colour where it can be read on the cell, else ink or background, whichever stands out."""
    strength = min(max(float(row["value"]), 0.0) / most, 1.0) if row["evident"] else 0.0
    cell = blend(palette.ink, palette.faint, strength) if row["evident"] else palette.background
    wanted = palette.verdict(Verdict(row["verdict"]))
    return (
        wanted
        if contrast(wanted, cell) >= 4.5
        else max(palette.ink, palette.background, key=lambda one: contrast(one, cell))
    )


def distribution(frame: pd.DataFrame, palette: Palette, *, column: str, numeric: bool) -> alt.LayerChart:
    """A window laid over the reference in the same cells: reference as wide grey bars, window as narrow ink bars.

    ``frame`` is as ``frames.distribution_frame`` gives it: per bar ``label``, ``left``, ``right`` (numeric), ``extra``
    (missing, unseen and the like: at the end, apart), shares in percent and counts.
    """
    return _numeric_bars(frame, palette, column) if numeric else _category_bars(frame, palette, column)


def _bar_tooltip() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("label:N", title="Values"),
        alt.Tooltip("window_text:N", title="Window"),
        alt.Tooltip("reference_text:N", title="Reference"),
    ]


def _numeric_bars(frame: pd.DataFrame, palette: Palette, column: str) -> alt.LayerChart:
    width = frame["right"] - frame["left"]
    data = frame.assign(
        wide_left=frame["left"] + 0.04 * width,
        wide_right=frame["right"] - 0.04 * width,
        narrow_left=frame["left"] + 0.24 * width,
        narrow_right=frame["right"] - 0.24 * width,
        middle=frame["left"] + 0.5 * width,
        zero=0.0,
    )
    core, extra = data[~data["extra"]], data[data["extra"]]
    ends = [float(data["left"].min()), float(data["right"].max())]
    ticks = nice_ticks(float(core["left"].min()), float(core["right"].max()))
    scale = alt.Scale(domain=ends, nice=False, zero=False)
    axis = alt.Axis(values=ticks, grid=False, format=tick_format(ticks), title=column, titleLimit=300, labelPadding=16)

    def bars(left: str, right: str, height: str, colour: str) -> alt.Chart:
        bar: alt.Chart = (
            alt.Chart(data)
            .mark_rect(color=colour)
            .encode(
                x=alt.X(f"{left}:Q", scale=scale, axis=axis),
                x2=f"{right}:Q",
                y=alt.Y("zero:Q", title=None, axis=_share_axis(palette)),
                y2=f"{height}:Q",
                tooltip=_bar_tooltip(),
            )
        )
        return bar

    layers = [
        bars("wide_left", "wide_right", "reference_share", palette.soft),
        bars("narrow_left", "narrow_right", "window_share", palette.ink),
    ]
    after = extra["left"] > core["left"].max()
    layers += [_end_label(bar, "left", 0, scale, palette) for _, bar in extra[~after].iterrows()]
    layers += [_end_label(bar, "right", line, scale, palette) for line, (_, bar) in enumerate(extra[after].iterrows())]
    chart = alt.LayerChart(layer=layers).properties(height=SERIES_HEIGHT, title=_title("Share of rows (%)", palette))
    return _readable(chart, palette)


def _end_label(
    bar: pd.Series[Any], side: Literal["left", "right"], line: int, scale: alt.Scale, palette: Palette
) -> alt.Chart:
    """The name of a bar at an end, one beneath the other, because a phone has no room for them side by side."""
    label: alt.Chart = (
        alt.Chart(pd.DataFrame([bar]))
        .mark_text(baseline="top", align=side, dy=5 + 14 * line, fontSize=12, color=palette.muted, limit=90)
        .encode(x=alt.X(f"{side}:Q", scale=scale), y=alt.Y("zero:Q"), text="label:N", tooltip=_bar_tooltip())
    )
    return label


def _share_axis(palette: Palette) -> alt.Axis:
    return alt.Axis(tickCount=5, gridColor=palette.faint, domain=False, ticks=False, labelPadding=6)


def _category_bars(frame: pd.DataFrame, palette: Palette, column: str) -> alt.LayerChart:
    y = alt.Y(
        "label:N",
        sort=frame["label"].tolist(),
        title=None,
        axis=alt.Axis(labelLimit=220, domain=False, ticks=False, labelPadding=8),
    )
    base = alt.Chart(frame).encode(tooltip=_bar_tooltip())

    def bars(field: str, colour: str, band: float) -> alt.Chart:
        axis = alt.Axis(tickCount=5, gridColor=palette.faint, domain=False)
        x = alt.X(f"{field}:Q", title="Share of rows (%)", axis=axis)
        bar: alt.Chart = base.mark_bar(color=colour, height=alt.RelativeBandSize(band)).encode(x=x, y=y)
        return bar

    reference, window = bars("reference_share", palette.soft, 0.84), bars("window_share", palette.ink, 0.4)
    chart = alt.LayerChart(layer=[reference, window]).properties(height=alt.Step(26), title=_title(column, palette))
    return _readable(chart, palette)


def groups(
    frame: pd.DataFrame, palette: Palette, *, metric: str, unit: str = "", overall: float | None = None
) -> alt.LayerChart:
    """Dot and interval a group, in the frame's order (largest gap first), n at the right; all rows as a line.

    ``frame`` is as ``frames.group_frame`` gives it.
    """
    ends = frame[["value", "low", "high"]].to_numpy().ravel().tolist() + ([] if overall is None else [overall])
    known = [end for end in ends if not math.isnan(end)]
    bottom, top = (min(known), max(known)) if known else (0.0, 1.0)
    pad = 0.06 * ((top - bottom) or 1.0)
    title = axis_title(metric, unit)
    y = alt.Y(
        "name:N",
        sort=frame["name"].tolist(),
        title=None,
        axis=alt.Axis(labelLimit=200, domain=False, ticks=False, labelPadding=8, labelFlush=False),
    )
    x = alt.X(
        "value:Q",
        scale=alt.Scale(domain=[bottom - pad, top + pad], nice=False, zero=False),
        title=title,
        axis=alt.Axis(tickCount=6, gridColor=palette.faint, domain=False),
    )
    tooltip = [
        alt.Tooltip("name:N", title="Group"),
        alt.Tooltip("value_text:N", title="Value (95 % interval)"),
        alt.Tooltip("gap_text:N", title="Against all rows"),
        alt.Tooltip("n_text:N", title="n"),
    ]
    base = alt.Chart(frame)
    layers: list[alt.Chart] = []
    if overall is not None:
        line = alt.Chart(pd.DataFrame({"value": [overall], "label": ["all rows"]}))
        layers += [
            line.mark_rule(color=palette.muted, strokeDash=[4, 3]).encode(x=x),
            line.mark_text(align="left", baseline="bottom", dx=4, dy=-2, color=palette.muted, fontSize=12).encode(
                x=x, y=alt.value(0), text="label:N"
            ),
        ]
    layers += [
        base.mark_rule(color=palette.ink, strokeWidth=2).encode(x=alt.X("low:Q"), x2="high:Q", y=y, tooltip=tooltip),
        base.mark_point(filled=True, color=palette.ink, size=80, opacity=1).encode(x=x, y=y, tooltip=tooltip),
        base.mark_text(align="left", dx=10, color=palette.muted, fontSize=12).encode(
            x=alt.value("width"), y=y, text="n_text:N"
        ),
    ]
    chart = alt.LayerChart(layer=layers).properties(
        height=alt.Step(34), padding={"right": 80, "top": 18, "left": 5, "bottom": 5}
    )
    return _readable(chart, palette)
