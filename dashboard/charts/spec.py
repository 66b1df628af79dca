"""The parts of a Vega-Lite specification as plain dictionaries, and how a chart of ours is dressed.

They are written down directly: a library that builds and copies them takes longer than all else on a page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import pandas as pd
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aimsight.dashboard.theme import Palette

Spec = dict[str, Any]

MOST_GLYPHS = 90
"""So many windows have a glyph, a bar and a full point each."""

SERIES_HEIGHT = 270
"""Height in pixels of a chart whose rows are not its height."""


def layer(rows: pd.DataFrame | list[Spec], mark: Spec, **channels: Spec | list[Spec]) -> Spec:
    """One layer: what it draws (a frame, or a few rows), its mark and its channels."""
    return {"data": rows, "mark": mark, "encoding": channels}


def mark(kind: Literal["area", "bar", "line", "point", "rect", "rule", "text"], **options: object) -> Spec:
    """A mark with its options."""
    return {"type": kind, **options}


def number(field: str, **options: object) -> Spec:
    """A channel that shows numbers."""
    return {"field": field, "type": "quantitative", **options}


def moment(field: str, **options: object) -> Spec:
    """A channel that shows times."""
    return {"field": field, "type": "temporal", **options}


def text(field: str, **options: object) -> Spec:
    """A channel that shows words or names."""
    return {"field": field, "type": "nominal", **options}


def end(field: str) -> Spec:
    """The other end of a bar or band."""
    return {"field": field}


def fixed(value: object) -> Spec:
    """A channel with one value, in pixels or as words of Vega."""
    return {"value": value}


COLOUR = text("colour", scale=None)
"""The colour that a row itself names."""


def hover(**titles: str) -> list[Spec]:
    """What a mark says on hover: fields with their titles."""
    return [text(field, title=title) for field, title in titles.items()]


def names_axis(names: list[str], **options: object) -> Spec:
    """The rows of a chart in the order given."""
    return text("name", sort=names, title=None, axis=_bare(labelPadding=8, labelFlush=False, **options))


def shares_axis(palette: Palette) -> Spec:
    """Shares of rows, upwards."""
    return _bare(tickCount=5, gridColor=palette.faint, labelPadding=6)


def values_axis(ticks: list[float], number_format: str, palette: Palette) -> Spec:
    """Values of a metric, upwards."""
    return _bare(values=ticks, format=number_format, gridColor=palette.faint, labelPadding=6)


def _bare(**options: object) -> Spec:
    return {"domain": False, "ticks": False, **options}


def title(said: str, palette: Palette) -> Spec:
    """What the value axis shows, at the top left where it is read first."""
    return {
        "text": said,
        "anchor": "start",
        "fontSize": 12,
        "fontWeight": "normal",
        "color": palette.muted,
        "offset": 8,
    }


def time_axis(first: pd.Timestamp, last: pd.Timestamp) -> Spec:
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
    beneath = "%Y" if span > pd.Timedelta(days=4) else "%-d %b %Y"
    if span <= pd.Timedelta(days=365 * 5):
        label = f"datum.index == 0 ? [{label}, utcFormat(datum.value, '{beneath}')] : {label}"
    return {
        "labelExpr": label,
        "grid": False,
        "labelOverlap": "greedy",
        "labelFlush": False,
        "tickCount": 9,
        "domain": False,
        "ticks": True,
    }


def time_scale(first: pd.Timestamp, last: pd.Timestamp) -> Spec:
    """Times from the first to the last as they are labelled, whatever the browser's zone."""
    return {"type": "utc", "domain": [first.isoformat(), last.isoformat()], "nice": False}


def chart(layers: Sequence[Spec], palette: Palette, **properties: object) -> Spec:
    """The layers as one chart with words that keep 4.5:1, which the greys of Streamlit's own theme do not.

    Frames become Arrow bytes, which is how Streamlit sends them, with the columns alone that a layer shows.
    """
    words = {"labelColor": palette.muted, "titleColor": palette.muted, "titleFontSize": 12}
    sent: dict[str, bytes] = {}
    return {
        "layer": [one | {"data": _data(one, sent)} for one in layers],
        "config": {
            "axis": words | {"titleFontWeight": "normal"},
            "legend": words | {"labelFontSize": 12},
        },
        **properties,
        "datasets": sent,
    }


def _data(one: Spec, sent: dict[str, bytes]) -> Spec:
    """What a layer says of its rows; those of a frame are put among what is sent, equal ones once."""
    rows = one["data"]
    if not isinstance(rows, pd.DataFrame):
        return {"values": rows}
    content = _arrow(rows[list(dict.fromkeys(_fields(one["encoding"])))])
    name = next((known for known, kept in sent.items() if kept == content), f"frame{len(sent)}")
    sent[name] = content
    return {"name": name}


def _fields(encoding: dict[str, Spec | list[Spec]]) -> Iterator[str]:
    for channel in encoding.values():
        for part in channel if isinstance(channel, list) else [channel]:
            if "field" in part:
                yield part["field"]
            elif "condition" in part:
                yield part["condition"]["test"].removeprefix("datum.")


def _arrow(frame: pd.DataFrame) -> bytes:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    with pa.BufferOutputStream() as sink:
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        content: bytes = sink.getvalue().to_pybytes()
    return content
