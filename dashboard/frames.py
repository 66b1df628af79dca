"""Frames for the charts and tables: rows of the store with the words beside the numbers, in columns of fixed names."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from aimsight.aims import words
from aimsight.aims.verdicts import Verdict
from aimsight.dashboard.scales import nice_step
from aimsight.metrics.cells import CategoryCells, NumericCells

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from zoneinfo import ZoneInfo

    from numpy.typing import NDArray

    from aimsight.dashboard.data import Row
    from aimsight.metrics.cells import Cells

MOST_BARS = 30
MOST_STRETCHES = 6
"""So many of the last stretches of one verdict are said in words."""
MOST_CATEGORIES = 20
EVIDENT = 0.05
"""Share of false discoveries accepted: below it, a change counts as shown."""

_IN_DETAIL = re.compile(r"(\(|: )([-+]?[0-9]+(?:\.[0-9]+)?(?:e[-+][0-9]+)?)\)(?= and |$)")
"""A value that ends a group in the detail of a comparison: ``F (0.25) and M (0.5)``, ``F (label - score: -0.02)``."""

_SERIES_COLUMNS = (
    "at", "end", "value", "low", "high", "when", "value_text", "n_text", "verdict", "note", "revision", "run",
    "provisional", "estimated",
)  # fmt: skip


def wall(moment: datetime, zone: ZoneInfo) -> datetime:
    """The wall-clock time of a zone labelled as UTC, which is what the charts' UTC scale draws."""
    return moment.astimezone(zone).replace(tzinfo=UTC)


def middle(start: datetime, end: datetime, zone: ZoneInfo) -> datetime:
    """The middle of a window, where the drift strip draws its glyph."""
    return wall(start + (end - start) / 2, zone)


def series_frame(rows: Iterable[Row], zone: ZoneInfo, unit: str = "") -> pd.DataFrame:
    """One row a window of an objective's evaluations (or a metric's measurements, which have no verdict).

    ``provisional`` marks windows whose labels may still come, ``estimated`` values that labels have not confirmed.
    """
    records = [
        {
            "at": wall(row["window_start"], zone),
            "end": wall(row["window_end"], zone),
            "value": _float(row["value"]),
            "low": _float(row["ci_low"]),
            "high": _float(row["ci_high"]),
            "when": words.period(row["window_start"], row["window_end"], zone),
            "value_text": (
                "no value"
                if row["value"] is None
                else words.value_text(row["value"], row["ci_low"], row["ci_high"], unit)
            ),
            "n_text": words.count(row["n"] or 0),
            "verdict": row.get("verdict") or "",
            "note": words.printable(row.get("reason") or row.get("undefined_reason") or row.get("detail") or "–"),
            "revision": str(row["revision"]),
            "run": row["run_id"][:12],
            "provisional": row.get("verdict") == Verdict.AWAITING_LABELS,
            "estimated": bool(row.get("estimated")),
        }
        for row in rows
    ]
    frame = pd.DataFrame(records, columns=list(_SERIES_COLUMNS))
    return frame.astype({"value": float, "low": float, "high": float, "provisional": bool, "estimated": bool})


def history_words(frame: pd.DataFrame) -> str:
    """What a series chart shows, for those who do not see it: the range of its values and its last verdicts.

    ``Values from 0.805 to 0.871. Verdicts: conforming 1986–1987; at risk, 3 windows from 1988–1989.``
    """
    known = frame["value"].dropna()
    if known.empty:
        return "No window has a value."
    places = words.decimals(*known)
    said = f"Values from {words.number(known.min(), places)} to {words.number(known.max(), places)}."
    judged = frame[frame["verdict"] != ""]
    stretches = [
        (verdict, part["when"].iloc[0], len(part))
        for (_, verdict), part in judged.groupby(
            [(judged["verdict"] != judged["verdict"].shift()).cumsum(), "verdict"], sort=False
        )
    ]
    if not stretches:
        return said
    parts = [
        f"{verdict} {when}" if amount == 1 else f"{verdict}, {amount} windows from {when}"
        for verdict, when, amount in stretches[-MOST_STRETCHES:]
    ]
    return f"{said} {'Verdicts' if len(parts) == len(stretches) else 'Last verdicts'}: {'; '.join(parts)}."


def group_words(frame: pd.DataFrame) -> str:
    """The rows of a chart of groups, for those who do not see it: ``F 0.416 (0.335–0.491), n = 513; ...``."""
    return "; ".join(f"{row['name']} {row['value_text']}, {row['n_text']}" for row in frame.to_dict("records"))


def _float(value: float | None) -> float:
    return math.nan if value is None else float(value)


def event_frame(marks: Iterable[tuple[datetime, str, str]], zone: ZoneInfo) -> pd.DataFrame:
    """Events for a series: (moment, short label, whole sentence); events at one moment share one label."""
    together: dict[datetime, list[tuple[str, str]]] = {}
    for moment, label, note in marks:
        together.setdefault(wall(moment, zone), []).append((words.printable(label), words.printable(note)))
    return pd.DataFrame(
        [
            {"at": at, "label": ", ".join(label for label, _ in parts), "note": "; ".join(note for _, note in parts)}
            for at, parts in sorted(together.items())
        ],
        columns=["at", "label", "note"],
    )


def drift_order(columns: Iterable[str], latest: Mapping[str, Row]) -> list[str]:
    """Columns with those first that differ beyond chance in the newest window, the farthest first within each part.

    ``latest`` has the measurement of the newest window for each column that has one.
    """

    def place(column: str) -> tuple[bool, float, str]:
        row = latest.get(column)
        if row is None or row["value"] is None:
            return True, math.inf, column
        return not is_evident(row), -row["value"], column

    return sorted(columns, key=place)


def drift_frame(
    rows: Iterable[Row], zone: ZoneInfo, verdicts: dict[tuple[str, datetime], str], order: list[str]
) -> pd.DataFrame:
    """One row a column of the log and window: distance, evidence, and the verdict where an objective judges it.

    ``verdicts`` maps (column, window start) to a verdict; ``order`` is the order of the rows of the strip.
    """
    places = {name: place for place, name in enumerate(order)}
    records = [
        {
            "name": words.printable(row["column_name"]),
            "order": places.get(row["column_name"], len(places)),
            "start": wall(row["window_start"], zone),
            "end": wall(row["window_end"], zone),
            "at": middle(row["window_start"], row["window_end"], zone),
            "when": words.period(row["window_start"], row["window_end"], zone),
            "value": row["value"],
            "value_text": (
                words.value_text(row["value"], row["ci_low"], row["ci_high"])
                if row["value"] is not None
                else f"no value: {words.printable(row['undefined_reason'] or '')}"
            ),
            "evident": is_evident(row),
            "evidence": evidence_words(row),
            "verdict": verdicts.get((row["column_name"], row["window_start"]), ""),
            "n_text": words.count(row["n"] or 0),
        }
        for row in rows
    ]
    columns = [
        "name", "order", "start", "end", "at", "when", "value", "value_text", "evident", "evidence", "verdict",
        "n_text",
    ]  # fmt: skip
    return pd.DataFrame(records, columns=columns).astype({"evident": bool, "value": float})


def drift_words(frame: pd.DataFrame) -> str:
    """What a strip of drift shows, for those who do not see it; columns that never differ beyond chance are counted.

    ``airline differs in 6 of 9 windows, last Dec 2015; 5 columns in none.``
    """
    told: list[str] = []
    quiet = 0
    for name, own in frame.sort_values("order", kind="stable").groupby("name", sort=False):
        evident = own[own["evident"]]
        if evident.empty:
            quiet += 1
        else:
            told.append(f"{name} differs in {len(evident)} of {len(own)} windows, last {evident['when'].iloc[-1]}")
    if quiet:
        told.append(f"{words.plural(quiet, 'column')} in none")
    return f"{'; '.join(told)}."


def is_evident(row: Row) -> bool:
    """Whether a measured distance is more than chance: by its q-value, or its p-value where there is none."""
    evidence = row["q_value"] if row["q_value"] is not None else row["p_value"]
    return row["value"] is not None and (evidence is None or evidence < EVIDENT)


def evidence_words(row: Row) -> str:
    """The evidence for a change in words."""
    if row["value"] is None:
        return "none: no value"
    for name, kind in (("q", "q_value"), ("p", "p_value")):
        evidence = row[kind]
        if evidence is not None:
            shown = f"{name} < 0.001" if evidence < 0.001 else f"{name} = {evidence:.3f}"
            return f"{shown}: {'a change' if evidence < EVIDENT else 'within chance'}"
    return "not tested"


def distribution_frame(cells: Cells, reference: NDArray[np.int64], window: NDArray[np.int64]) -> pd.DataFrame:
    """Counts of both sides in cells merged to bars that a person can read.

    Numeric cells are merged to at most about 30 bars at round numbers over the reference's quantile range, with open
    bars at both sides of it where there are rows; categories beyond the largest 20 become one bar. Missing values and
    non-finite or unseen ones are bars of their own at the end (``extra``).

    Parameters
    ----------
    cells
        The cells of the column.
    reference, window
        int64 counts of shape (cells.size + 2,), positions as in ``aimsight.metrics.cells``.

    Returns
    -------
    pandas.DataFrame
        ``label``, ``left``, ``right`` (numeric; for categories the position), ``extra``, ``reference_count``,
        ``window_count``, ``reference_share``, ``window_share`` (percent of all rows), ``reference_text``,
        ``window_text``.
    """
    if isinstance(cells, NumericCells):
        bars = _numeric_bars(cells, reference, window)
    else:
        bars = _category_bars(cells, reference, window)
    frame = pd.DataFrame(bars, columns=["label", "left", "right", "extra", "reference_count", "window_count"])
    for side, counts in (("reference", reference), ("window", window)):
        total = int(counts.sum())
        amounts = frame[f"{side}_count"]
        frame[f"{side}_share"] = 100.0 * amounts / total if total else 0.0
        frame[f"{side}_text"] = [
            f"{words.share(amount / total) if total else '–'} ({words.count(amount)} rows)" for amount in amounts
        ]
    return frame


Bar = tuple[str, float, float, bool, int, int]


def _numeric_bars(cells: NumericCells, reference: NDArray[np.int64], window: NDArray[np.int64]) -> list[Bar]:
    """Bars at round numbers; a fine cell belongs to the bar that holds its upper end, where an integer would lie."""
    edges = cells.edges()
    upper = np.nextafter(edges[1:], -np.inf)
    step = nice_step((cells.high - cells.low) / MOST_BARS)
    first, last = math.floor(cells.low / step), math.ceil(np.nextafter(cells.high, -np.inf) / step)
    last = max(last, first + 1)
    places = np.clip(np.floor(upper / step), first - 1, last).astype(np.int64) - (first - 1)
    size = last - first + 2
    sides = [
        np.bincount(places, weights=side[: cells.size], minlength=size).astype(np.int64) for side in (reference, window)
    ]
    whole = _only_integers(edges, reference[: cells.size] + window[: cells.size]) and step >= 1
    bars: list[Bar] = []
    for place in range(1, size - 1):
        left = (first + place - 1) * step
        label = (
            f"{_short(left)}"
            if whole and step == 1
            else f"{_short(left)} to {_short(left + step - (1 if whole else 0))}"
        )
        bars.append((label, left, left + step, False, int(sides[0][place]), int(sides[1][place])))
    width = max((last - first) / MOST_BARS, 1.0) * step
    lower, upper_end = ((int(sides[0][place]), int(sides[1][place])) for place in (0, size - 1))
    if any(lower):
        left = first * step - 2.0 * width
        bars.insert(0, (f"below {_short(first * step)}", left, left + width, True, *lower))
    rest = [(f"above {_short(last * step)}", *upper_end)] if any(upper_end) else []
    rest.append(("missing", int(reference[cells.size]), int(window[cells.size])))
    if reference[cells.size + 1] or window[cells.size + 1]:
        rest.append(("non-finite", int(reference[cells.size + 1]), int(window[cells.size + 1])))
    for place, (name, before, now) in enumerate(rest):
        left = last * step + (1.5 + 2.5 * place) * width
        bars.append((name, left, left + width, True, before, now))
    return bars


def _only_integers(edges: NDArray[np.float64], counts: NDArray[np.int64]) -> bool:
    """Whether every cell that has rows holds an integer."""
    filled = counts > 0
    return bool(np.all(np.ceil(edges[:-1][filled]) < edges[1:][filled]))


def _short(value: float) -> str:
    return f"{round(value, 10):g}".replace("-", words.MINUS)


def _category_bars(cells: CategoryCells, reference: NDArray[np.int64], window: NDArray[np.int64]) -> list[Bar]:
    shown = cells.categories if len(cells.categories) <= MOST_CATEGORIES else cells.categories[: MOST_CATEGORIES - 1]
    rows = [
        (words.printable(name) or "(empty text)", int(reference[place]), int(window[place]))
        for place, name in enumerate(shown)
    ]
    beyond = len(cells.categories) - len(shown)
    if beyond:
        inside = slice(len(shown), cells.size)
        rows.append((f"{beyond} smaller categories", int(reference[inside].sum()), int(window[inside].sum())))
    extra = [
        ("(missing)", int(reference[cells.size]), int(window[cells.size])),
        ("(not in the reference)", int(reference[cells.size + 1]), int(window[cells.size + 1])),
    ]
    every = [(*row, False) for row in rows] + [(*row, True) for row in extra]
    return [
        (label, float(place), float(place + 1), is_extra, before, now)
        for place, (label, before, now, is_extra) in enumerate(every)
    ]


def group_by(row: Row) -> str:
    """The columns that define a measurement's segment, as fairness metrics name them: ``gender & age_group``."""
    return " & ".join(row["segment_columns"] or ())


def group_frame(rows: Iterable[Row], overall: float | None, unit: str = "") -> tuple[pd.DataFrame, list[str]]:
    """Groups with a value, largest distance from all rows first, and the others in words.

    Parameters
    ----------
    rows
        Measurements of one metric and window, one a group.
    overall
        The metric over all rows, in its unit; ``None`` when it has no value.
    """
    records: list[dict[str, Any]] = []
    excluded: list[str] = []
    for row in rows:
        name = ", ".join(words.printable(value) or "(empty text)" for value in row["segment_values"])
        if row["value"] is None:
            excluded.append(f"{name} ({words.printable(row['undefined_reason'] or 'no value')})")
            continue
        gap = None if overall is None else row["value"] - overall
        records.append(
            {
                "name": name,
                "value": row["value"],
                "low": _float(row["ci_low"]),
                "high": _float(row["ci_high"]),
                "gap": 0.0 if gap is None else gap,
                "value_text": words.value_text(row["value"], row["ci_low"], row["ci_high"], unit),
                "gap_text": "–" if gap is None else words.signed(gap, words.decimals(row["value"])),
                "n_text": f"n = {words.count(row['n'])}",
            }
        )
    frame = pd.DataFrame(records, columns=["name", "value", "low", "high", "gap", "value_text", "gap_text", "n_text"])
    order = frame["gap"].abs().sort_values(ascending=False, kind="stable").index
    return frame.loc[order].reset_index(drop=True), excluded


def gap_frame(rows: Iterable[Row], verdicts: dict[str, Verdict], units: dict[str, str]) -> pd.DataFrame:
    """The comparisons of one group-by in one window, in words; those that an objective judges come first.

    Parameters
    ----------
    rows
        Measurements of fairness, one a metric.
    verdicts
        Metric -> verdict of the objective that judges it.
    units
        Metric -> its unit.
    """
    records = []
    for row in sorted(rows, key=lambda one: (one["metric"] not in verdicts, one["metric"])):
        metric, has_value = row["metric"], row["value"] is not None
        verdict = verdicts.get(metric)
        between = between_words(row)
        records.append(
            {
                "Comparison": words.metric_name(metric),
                "Value (95 % interval)": words.value_text(row["value"], row["ci_low"], row["ci_high"], units[metric])
                if has_value
                else "no value",
                "Most extreme": words.printable(between if has_value else row["undefined_reason"] or ""),
                "n": words.count(row["n"] or 0),
                "Objective": "" if verdict is None else f"{verdict.glyph} {verdict.value}",
            }
        )
    return pd.DataFrame(records)


def between_words(row: Row) -> str:
    """Between which groups a comparison is, their values with as many places as the comparison itself."""
    said = (row["detail"] or "").partition("; ")[0]
    for beginning in ("largest gap between ", "smallest ratio between ", "largest in "):
        said = said.removeprefix(beginning)
    if row["value"] is None:
        return said
    places = words.decimals(row["value"], row["ci_low"], row["ci_high"])
    groups, of, label = said.partition(" for class ")
    return _IN_DETAIL.sub(lambda found: f"{found[1]}{_rounded(found[2], places)})", groups) + of + label


def _rounded(text: str, places: int) -> str:
    return words.signed(float(text), places) if text.startswith("+") else words.number(float(text), places)


def pooled_notes(rows: Iterable[Row]) -> list[str]:
    """Which groups were judged over several windows, as the details of measurements say it, each once."""
    notes = [note for row in rows for note in (row["detail"] or "").split("; ") if " judged over the last " in note]
    return list(dict.fromkeys(words.printable(note) for note in notes))
