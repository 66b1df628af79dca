"""A metric over time: values with their intervals, target and tolerance, verdicts, and what happened meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from aimsight.aims.verdicts import Verdict
from aimsight.aims.words import axis_title
from aimsight.dashboard.charts.spec import (
    COLOUR,
    MOST_GLYPHS,
    SERIES_HEIGHT,
    Spec,
    chart,
    end,
    fixed,
    hover,
    layer,
    mark,
    moment,
    number,
    text,
    time_axis,
    time_scale,
    title,
    values_axis,
)
from aimsight.dashboard.scales import nice_ticks, tick_format

if TYPE_CHECKING:
    from aimsight.configs.targets import Target
    from aimsight.dashboard.theme import Palette

STRIP = 26
"""Pixels at the foot of a series that belong to the verdicts' glyphs."""
LANE = 9
"""Pixels of a verdict's lane there, where windows are too many for a glyph each."""
LABELS = 20
"""Pixels at its head that belong to the labels of events."""
AXIS = 34
"""Pixels of the height that title and time axis take."""

_HOVER = hover(
    when="Window", value_text="Value (95 % interval)", n_text="n", verdict="Verdict", note="Note", revision="Revision",
    run="Run",
)  # fmt: skip
_BREAKS = "break-paths-filter-domains"


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

    def x(self) -> Spec:
        """The time axis."""
        return moment("at", scale=time_scale(*self.times), title=None, axis=time_axis(*self.times))

    def y(self, field: str, palette: Palette) -> Spec:
        """The value axis."""
        ticks = nice_ticks(self.low, self.high, 5)
        scale = {"domain": [self.foot, self.head], "nice": False, "zero": False}
        return number(field, scale=scale, title=None, axis=values_axis(ticks, tick_format(ticks), palette))


def series_chart(  # the parts of a series chart
    frame: pd.DataFrame,
    palette: Palette,
    *,
    metric: str,
    unit: str = "",
    target: Target | None = None,
    tolerance: float = 0.0,
    events: pd.DataFrame | None = None,
    titled: bool = True,
) -> Spec:
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
    layers: list[Spec] = []
    if target is not None:
        layers += _sides(target, tolerance, space, palette)
    layers += _band(frame, space, palette)
    if target is not None:
        layers += _limits(target, tolerance, space, palette)
    if marked is not None:
        layers += _events(marked, space, palette)
    layers += _line(frame, space, palette)
    layers += _strip(frame, space, palette) if len(frame) <= MOST_GLYPHS else _lanes(frame, space, palette)
    above = {"title": title(axis_title(metric, unit), palette)} if titled else {}
    return chart(layers, palette, height=SERIES_HEIGHT, **above)


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


def _sides(target: Target, tolerance: float, space: Frame, palette: Palette) -> list[Spec]:
    """The tolerance as a lighter band and the wrong side beyond it as a faint shade."""
    spans: list[tuple[float, float, Verdict, float]] = []
    if target.low is not None:
        spans.append((space.low, target.low - tolerance, Verdict.NONCONFORMING, 0.07))
        spans.append((target.low - tolerance, target.low, Verdict.AT_RISK, 0.15))
    if target.high is not None:
        spans.append((target.high + tolerance, space.high, Verdict.NONCONFORMING, 0.07))
        spans.append((target.high, target.high + tolerance, Verdict.AT_RISK, 0.15))
    return [
        layer(
            [{"bottom": bottom, "top": top}],
            mark("rect", color=palette.verdict(verdict), opacity=opacity),
            y=space.y("bottom", palette),
            y2=end("top"),
        )
        for bottom, top, verdict, opacity in spans
        if top > bottom
    ]


def _band(frame: pd.DataFrame, space: Frame, palette: Palette) -> list[Spec]:
    """The intervals: a band, and a bar each as long as these do not run together."""
    has_interval = frame["low"].notna()
    if not has_interval.any():
        return []
    ends = frame[["at"]].assign(
        low=frame["low"].clip(space.low, space.high), high=frame["high"].clip(space.low, space.high)
    )
    channels = {"x": space.x(), "y": space.y("low", palette), "y2": end("high")}
    band = layer(ends, mark("area", color=palette.ink, opacity=0.12, invalid=_BREAKS), **channels)
    bars = layer(ends[has_interval], mark("rule", color=palette.ink, opacity=0.4, strokeWidth=1), **channels)
    return [band, bars] if len(frame) <= MOST_GLYPHS else [band]


def _limits(target: Target, tolerance: float, space: Frame, palette: Palette) -> list[Spec]:
    """The target as a solid line, labelled right of the plot, where no value can be; its tolerance ends dotted."""
    layers: list[Spec] = []
    at = space.y("limit", palette)
    for limit, sign, beyond in ((target.low, "≥", -tolerance), (target.high, "≤", tolerance)):
        if limit is None:
            continue
        if beyond:
            dotted = mark("rule", color=palette.muted, strokeDash=[1, 3], strokeWidth=1.5)
            layers.append(layer([{"limit": limit + beyond}], dotted, y=at))
        rows = [{"limit": limit, "label": f"target\n{sign} {limit:g}".replace("-", "−")}]
        label = mark(
            "text", align="left", baseline="middle", dx=6, fontSize=12, lineBreak="\n", lineHeight=14,
            color=palette.muted,
        )  # fmt: skip
        layers.append(layer(rows, mark("rule", color=palette.muted, strokeWidth=1.5), y=at))
        layers.append(layer(rows, label, x=fixed("width"), y=at, text=text("label")))
    return layers


def _events(events: pd.DataFrame, space: Frame, palette: Palette) -> list[Spec]:
    """Vertical marks with a label; two labels that would overlap stand one beneath the other."""
    said = hover(note="Event")
    first, last = space.times
    places = []
    taken = -1.0
    row = 0
    for at in events["at"]:
        place = (at - first) / (last - first)
        row = (row + 1) % 2 if taken >= 0 and place - taken < 0.13 else 0
        places.append((row, place > 0.88))
        taken = place
    layers = [layer(events, mark("rule", color=palette.muted, strokeDash=[2, 3]), x=space.x(), tooltip=said)]
    for line, is_last in sorted(set(places)):
        part = events[[one == (line, is_last) for one in places]]
        side = {"align": "right", "dx": -4} if is_last else {"align": "left", "dx": 4}
        label = mark("text", baseline="top", color=palette.muted, fontSize=11, limit=150, **side)
        layers.append(layer(part, label, x=space.x(), y=fixed(3 + 13 * line), text=text("label"), tooltip=said))
    return layers


def _line(frame: pd.DataFrame, space: Frame, palette: Palette) -> list[Spec]:
    """The values: solid where they are known, dashed where estimated, hollow points where they may still change."""
    channels = {"x": space.x(), "y": space.y("value", palette)}
    width, outline, size = (2, 1.5, 44) if len(frame) <= MOST_GLYPHS else (1, 0.75, 5)
    lines = [
        layer(part, mark("line", color=palette.ink, strokeWidth=width, strokeDash=dash, invalid=_BREAKS), **channels)
        for part, dash in ((frame[~frame["estimated"]], [1, 0]), (frame[frame["estimated"]], [5, 4]))
        if part["value"].notna().any()
    ]
    known = frame[frame["value"].notna()]
    points = [
        layer(
            part,
            mark("point", fill=fill, stroke=palette.ink, strokeWidth=outline, size=size, opacity=1),
            **channels,
            tooltip=_HOVER,
        )
        for part, fill in (
            (known[~known["provisional"]], palette.ink),
            (known[known["provisional"]], palette.background),
        )
        if not part.empty
    ]
    return lines + points


def _strip(frame: pd.DataFrame, space: Frame, palette: Palette) -> list[Spec]:
    """The verdict of each window as its glyph on the time axis."""
    judged = frame[frame["verdict"] != ""]
    if judged.empty:
        return []
    rows = judged.assign(
        glyph=[Verdict(word).glyph for word in judged["verdict"]],
        colour=[palette.verdict(Verdict(word)) for word in judged["verdict"]],
        foot=(space.foot + space.low) / 2,
    )
    glyphs = mark("text", fontSize=14 if len(judged) <= 45 else 10, baseline="middle")
    foot = space.y("foot", palette)
    return [layer(rows, glyphs, x=space.x(), y=foot, text=text("glyph"), color=COLOUR, tooltip=_HOVER)]


def _lanes(frame: pd.DataFrame, space: Frame, palette: Palette) -> list[Spec]:
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
    bottom, middle = space.y("bottom", palette), space.y("middle", palette)
    rows = judged.merge(lanes, on="verdict")
    return [
        layer(
            rows, mark("rect"), x=space.x(), x2=end("end"), y=bottom, y2=end("top"), color=COLOUR, tooltip=_HOVER
        ),
        layer(
            lanes, mark("text", fontSize=10, baseline="middle"), x=fixed(-8), y=middle, text=text("glyph"),
            color=COLOUR,
        ),
    ]  # fmt: skip
