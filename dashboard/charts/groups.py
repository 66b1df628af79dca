"""How groups fare by one metric: a dot with its interval each."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from aimsight.aims.words import axis_title
from aimsight.dashboard.charts.spec import Spec, chart, end, fixed, hover, layer, mark, names_axis, number, text

if TYPE_CHECKING:
    import pandas as pd

    from aimsight.dashboard.theme import Palette

_HOVER = hover(name="Group", value_text="Value (95 % interval)", gap_text="Against all rows", n_text="n")


def groups_chart(
    frame: pd.DataFrame, palette: Palette, *, metric: str, unit: str = "", overall: float | None = None
) -> Spec:
    """Dot and interval a group, in the frame's order (largest gap first), n at the right; all rows as a line.

    ``frame`` is as ``frames.group_frame`` gives it.
    """
    y = names_axis(frame["name"].tolist(), labelLimit=140)
    x = number(
        "value",
        scale={"domain": _range(frame, overall), "nice": False, "zero": False},
        title=axis_title(metric, unit),
        axis={"tickCount": 6, "gridColor": palette.faint, "domain": False},
    )
    interval, dot = mark("rule", color=palette.ink, strokeWidth=2), mark("point", filled=True, color=palette.ink)
    layers = [] if overall is None else _all_rows(overall, x, palette)
    layers += [
        layer(frame, interval, x=number("low"), x2=end("high"), y=y, tooltip=_HOVER),
        layer(frame, dot | {"size": 80, "opacity": 1}, x=x, y=y, tooltip=_HOVER),
        layer(
            frame,
            mark("text", align="left", dx=10, color=palette.muted, fontSize=12),
            x=fixed("width"),
            y=y,
            text=text("n_text"),
        ),
    ]
    return chart(layers, palette, height={"step": 34}, padding={"right": 80, "top": 18, "left": 5, "bottom": 5})


def _range(frame: pd.DataFrame, overall: float | None) -> list[float]:
    """What the value axis shows: every interval, and the value of all rows."""
    ends = frame[["value", "low", "high"]].to_numpy().ravel().tolist() + ([] if overall is None else [overall])
    known = [one for one in ends if not math.isnan(one)]
    bottom, top = (min(known), max(known)) if known else (0.0, 1.0)
    pad = 0.06 * ((top - bottom) or 1.0)
    return [bottom - pad, top + pad]


def _all_rows(overall: float, x: Spec, palette: Palette) -> list[Spec]:
    """The value of all rows as a line with its name."""
    rows = [{"value": overall, "label": "all rows"}]
    name = mark("text", align="left", baseline="bottom", dx=4, dy=-2, color=palette.muted, fontSize=12)
    return [
        layer(rows, mark("rule", color=palette.muted, strokeDash=[4, 3]), x=x),
        layer(rows, name, x=x, y=fixed(0), text=text("label")),
    ]
