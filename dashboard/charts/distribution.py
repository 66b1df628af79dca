"""A column's distribution in a window, laid over that of the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aimsight.dashboard.charts.spec import (
    SERIES_HEIGHT,
    Spec,
    chart,
    end,
    hover,
    layer,
    mark,
    number,
    shares_axis,
    text,
    title,
)
from aimsight.dashboard.scales import nice_ticks, tick_format

if TYPE_CHECKING:
    import pandas as pd

    from aimsight.dashboard.theme import Palette

_HOVER = hover(label="Values", window_text="Window", reference_text="Reference")


def distribution_chart(frame: pd.DataFrame, palette: Palette, *, column: str, numeric: bool) -> Spec:
    """A window laid over the reference in the same cells: reference as wide grey bars, window as narrow ink bars.

    ``frame`` is as ``frames.distribution_frame`` gives it: per bar ``label``, ``left``, ``right`` (numeric), ``extra``
    (missing, unseen and the like: at the end, apart), shares in percent and counts.
    """
    return _numeric_bars(frame, palette, column) if numeric else _category_bars(frame, palette, column)


def _numeric_bars(frame: pd.DataFrame, palette: Palette, column: str) -> Spec:
    width = frame["right"] - frame["left"]
    rows = frame.assign(
        wide_left=frame["left"] + 0.04 * width,
        wide_right=frame["right"] - 0.04 * width,
        narrow_left=frame["left"] + 0.24 * width,
        narrow_right=frame["right"] - 0.24 * width,
        zero=0.0,
    )
    core, extra = rows[~rows["extra"]], rows[rows["extra"]]
    ticks = nice_ticks(float(core["left"].min()), float(core["right"].max()))
    scale = {"domain": [float(rows["left"].min()), float(rows["right"].max())], "nice": False, "zero": False}
    axis = {
        "values": ticks,
        "grid": False,
        "format": tick_format(ticks),
        "title": column,
        "titleLimit": 300,
        "labelPadding": 16,
    }
    layers = [
        layer(
            rows,
            mark("rect", color=colour),
            x=number(f"{bars}_left", scale=scale, axis=axis),
            x2=end(f"{bars}_right"),
            y=number("zero", title=None, axis=shares_axis(palette)),
            y2=end(height),
            tooltip=_HOVER,
        )
        for bars, height, colour in (
            ("wide", "reference_share", palette.soft),
            ("narrow", "window_share", palette.ink),
        )
    ]
    after = extra["left"] > core["left"].max()
    for side, bars in (("left", extra[~after]), ("right", extra[after])):
        layers += [_end_label(bar, side, line, scale, palette) for line, bar in enumerate(bars.to_dict("records"))]
    return chart(layers, palette, height=SERIES_HEIGHT, title=title("Share of rows (%)", palette))


def _end_label(bar: dict[Any, Any], side: str, line: int, scale: Spec, palette: Palette) -> Spec:
    """The name of a bar at an end, one beneath the other, because a phone has no room for them side by side."""
    label = mark("text", baseline="top", align=side, dy=5 + 14 * line, fontSize=12, color=palette.muted, limit=90)
    said = {name: bar[name] for name in (side, "zero", "label", "window_text", "reference_text")}
    return layer([said], label, x=number(side, scale=scale), y=number("zero"), text=text("label"), tooltip=_HOVER)


def _category_bars(frame: pd.DataFrame, palette: Palette, column: str) -> Spec:
    names = {"labelLimit": 160, "domain": False, "ticks": False, "labelPadding": 8}
    axis = {"tickCount": 5, "gridColor": palette.faint, "domain": False}
    layers = [
        layer(
            frame,
            mark("bar", color=colour, height={"band": band}),
            x=number(height, title="Share of rows (%)", axis=axis),
            y=text("label", sort=frame["label"].tolist(), title=None, axis=names),
            tooltip=_HOVER,
        )
        for height, colour, band in (
            ("reference_share", palette.soft, 0.84),
            ("window_share", palette.ink, 0.4),
        )
    ]
    return chart(layers, palette, height={"step": 26}, title=title(column, palette))
