"""The strip of drift: how far every column of the log was from the reference, window by window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aimsight.aims.verdicts import Verdict
from aimsight.aims.words import metric_name
from aimsight.dashboard.charts.spec import (
    COLOUR,
    MOST_GLYPHS,
    Spec,
    chart,
    end,
    hover,
    layer,
    mark,
    moment,
    names_axis,
    number,
    text,
    time_axis,
    time_scale,
)
from aimsight.dashboard.theme import blend, contrast

if TYPE_CHECKING:
    import pandas as pd

    from aimsight.dashboard.theme import Palette


def drift_chart(frame: pd.DataFrame, palette: Palette, *, metric: str, most: float) -> Spec:
    """Rows are columns of the log, cells windows: the darker, the farther from the reference.

    Cells without evidence of a change are hollow; columns with an objective carry its verdict's glyph. ``frame`` is as
    ``frames.drift_frame`` gives it; ``most`` is the distance (unit of the metric) drawn in full ink.
    """
    y = names_axis(frame.drop_duplicates("name").sort_values("order")["name"].tolist(), labelLimit=150)
    said = hover(
        name="Column", when="Window", value_text=metric_name(metric), evidence="Evidence", verdict="Verdict", n_text="n"
    )
    many = frame["start"].nunique() > MOST_GLYPHS
    layers = [
        _cells(frame, palette, y, said, many=many, metric=metric, most=most),
        _outlines(frame, palette, y, many=many),
    ]
    if not many:
        layers.append(_glyphs(frame[frame["verdict"] != ""], palette, y, said, most))
    return chart(layers, palette, height={"step": 28}, resolve={"scale": {"color": "independent"}})


def _cells(
    frame: pd.DataFrame, palette: Palette, y: Spec, said: list[Spec], *, many: bool, metric: str, most: float
) -> Spec:
    """A cell for each window, filled where its distance is more than chance."""
    times = frame["start"].min(), frame["end"].max()
    legend = {
        "title": metric_name(metric),
        "orient": "top",
        "values": [0, most],
        "labelExpr": f"datum.value > 0 ? '≥ {most:g}' : '0'",
        "direction": "horizontal",
        "gradientLength": 120,
        "gradientThickness": 8,
        "titleOrient": "top",
    }
    scale = {"domain": [0, most], "range": [palette.faint, palette.ink], "clamp": True}
    return layer(
        frame,
        mark("rect", height={"band": 0.8}) if many else mark("rect", stroke=palette.background, strokeWidth=2),
        x=moment("start", scale=time_scale(*times), title=None, axis=time_axis(*times)),
        x2=end("end"),
        y=y,
        color=number("value", scale=scale, legend=legend),
        tooltip=said,
        fillOpacity={"condition": {"test": "datum.evident", "value": 1.0}, "value": 0.0},
    )


def _outlines(frame: pd.DataFrame, palette: Palette, y: Spec, *, many: bool) -> Spec:
    """What is not filled has an outline: the cell, or the whole row where cells are very narrow."""
    if many:  # outlines of single cells would run together to a grey that looks like a distance
        outlined = frame.groupby("name", as_index=False).agg(start=("start", "min"), inner=("end", "max"))
    else:
        outlined = frame[~frame["evident"]].assign(inner=frame["end"] - 0.04 * (frame["end"] - frame["start"]))
    return layer(
        outlined,
        mark("rect", fillOpacity=0, stroke=palette.soft, strokeWidth=1, height={"band": 0.8}),
        x=moment("start", scale={"type": "utc"}),
        x2=end("inner"),
        y=y,
    )


def _glyphs(judged: pd.DataFrame, palette: Palette, y: Spec, said: list[Spec], most: float) -> Spec:
    """The verdicts of an objective in the row of its column."""
    marked = judged.assign(
        glyph=[Verdict(word).glyph for word in judged["verdict"]],
        colour=[_on_cell(row, most, palette) for row in judged.to_dict("records")],
    )
    return layer(
        marked,
        mark("text", fontSize=12, baseline="middle"),
        x=moment("at", scale={"type": "utc"}),
        y=y,
        text=text("glyph"),
        color=COLOUR,
        tooltip=said,
    )


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
