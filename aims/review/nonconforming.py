"""Input d1 of a management review: nonconformities and corrective actions, and how they develop."""

from __future__ import annotations

from datetime import datetime
from statistics import median
from typing import TYPE_CHECKING, Any

from aimsight.aims import words
from aimsight.aims.nonconformities import is_open
from aimsight.aims.review.pack import Bars, Section, Table
from aimsight.aims.review.view import due_day

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aimsight.aims.review.pack import Cell
    from aimsight.aims.review.view import View

_COLUMNS = ("Id", "Severity", "State", "Opened", "In this state since", "Due", "Owner", "Recurrence of", "Statement")
_AGES = ((30, "up to 30 days"), (90, "31 to 90 days"), (10**6, "more than 90 days"))
MOST_MONTHS = 18
"""Longer periods are told by years."""

Row = dict[str, Any]


def nonconformities(view: View) -> Section:
    """(d1) Nonconformities and corrective actions: what opened and closed, how old, overdue, recurring, ineffective."""
    found = view.rows("SELECT * FROM nonconformities WHERE opened_at < ? ORDER BY opened_at, nonconformity", view.end)
    running = [row for row in found if is_open(row["state"])]
    opened = [row for row in found if row["opened_at"] >= view.start]
    ended = [row for row in found if view.within(_ended(row))]
    shown = {row["nonconformity"] for row in (*running, *opened, *ended)}
    later = view.rows(
        "SELECT * FROM nonconformities AS n WHERE opened_at >= ? AND (occurred_from < ? AND occurred_to > ? OR EXISTS ("
        "SELECT 1 FROM occurrence AS o WHERE o.nonconformity = n.nonconformity AND window_start < ? AND window_end > ?"
        ")) ORDER BY opened_at, nonconformity",
        view.end,
        *(view.end, view.start) * 2,
    )
    if not found and not later:
        return Section("d1", "9.3.2 d 1", "Nonconformities and corrective actions")
    said = [
        (
            f"{words.plural(len(opened), 'nonconformity', 'nonconformities')} opened, {len(ended)} ended in the "
            f"period; {len(running)} open at the cut-off."
        )
    ]
    said += [_major(view, row) for row in running if row["severity"] == "major"]
    return Section(
        "d1",
        "9.3.2 d 1",
        "Nonconformities and corrective actions",
        tuple(said),
        (
            Table("nonconformity_figures", "Figures", ("Figure", "Value"), _figures(view, found, running, opened)),
            Table(
                "nonconformity_trend",
                "Over time",
                ("Period", "Opened", "Ended", "Open at its end"),
                _trend(view, found),
            ),
            Table(
                "nonconformities",
                "Open, opened or ended in the period",
                _COLUMNS,
                tuple(_line(view, row) for row in found if row["nonconformity"] in shown),
            ),
            Table(
                "corrective_actions",
                "Actions of open nonconformities",
                ("Nonconformity", "Action", "Kind", "Owner", "Due", "Done"),
                _actions(view, running),
            ),
            Table(
                "nonconformities_later",
                "About this period, but opened after it",
                _COLUMNS,
                tuple(_line(view, row) for row in later),
            ),
        ),
        bars=(_by_age(view, running),) if running else (),
    )


def is_overdue(view: View, row: Mapping[str, Any]) -> bool:
    """Whether somebody should have acted on a nonconformity before the cut-off."""
    return is_open(row["state"]) and row["due_at"] is not None and row["due_at"] < view.cut_off


def _ended(row: Mapping[str, Any]) -> datetime | None:
    """When it was closed or rejected; ``None`` while it is open."""
    if is_open(row["state"]):
        return None
    ended: datetime = row["closed_at"] or row["state_since"]
    return ended


def _major(view: View, row: Mapping[str, Any]) -> str:
    late = ", overdue" if is_overdue(view, row) else ""
    return (
        f"Major and open: {row['nonconformity']} of {row['model']} ({_state(row)} since "
        f"{view.day(row['state_since'])}{late}): {row['statement']}"
    )


def _state(row: Mapping[str, Any]) -> str:
    return str(row["state"]).replace("_", " ")


def _line(view: View, row: Mapping[str, Any]) -> tuple[Cell, ...]:
    return (
        row["nonconformity"],
        row["severity"],
        _state(row),
        view.day(row["opened_at"]),
        view.day(row["state_since"]),
        view.day(row["due_at"]) + (" (overdue)" if is_overdue(view, row) else ""),
        view.person(row["owner"]),
        row["recurrence_of"] or "–",
        f"{row['model']}, {row['kind']}: {row['statement']}",
    )


def _figures(
    view: View, found: Sequence[Row], running: Sequence[Row], opened: Sequence[Row]
) -> tuple[tuple[Cell, ...], ...]:
    alone = view.rows(
        "SELECT count(*) AS n FROM failures_without_nonconformity WHERE window_end > ? AND window_end <= ?",
        view.start,
        view.end,
    )[0]["n"]
    days = [(ended - row["opened_at"]).days for row in found if (ended := _ended(row)) and view.within(ended)]
    rejected = sum(1 for row in opened if row["state"] == "rejected")
    recurring = sum(1 for row in opened if row["recurrence_of"])
    return (
        ("Open at the cut-off", len(running)),
        ("Open and major", sum(1 for row in running if row["severity"] == "major")),
        ("Open and overdue", sum(1 for row in running if is_overdue(view, row))),
        ("Opened in the period", len(opened)),
        ("Of these, recurring", _of(recurring, len(opened))),
        ("Of these, rejected", _of(rejected, len(opened))),
        ("Of all, with an action that was not effective", _of(sum(1 for r in found if r["attempt"] > 1), len(found))),
        ("Days until those of the period ended, median", f"{median(days):.0f}" if days else "–"),
        ("Failing windows without a nonconformity or a reasoned disposition", alone),
    )


def _of(part: int, whole: int) -> str:
    return f"{words.count(part)} ({words.share(part / whole)})" if whole else "0"


def _trend(view: View, found: Sequence[Row]) -> tuple[tuple[Cell, ...], ...]:
    """Opened and ended by calendar month, or by year in a long period."""
    first, after = view.start.astimezone(view.zone), min(view.end, view.cut_off).astimezone(view.zone)
    months = (after.year - first.year) * 12 + after.month - first.month
    step = 1 if months <= MOST_MONTHS else 12
    rows: list[tuple[Cell, ...]] = []
    year, month = first.year, first.month if step == 1 else 1
    start = view.start
    while start < after:
        first_day = datetime(year, month, 1, tzinfo=view.zone)
        year, month = (year, month + 1) if step == 1 and month < 12 else (year + 1, 1)
        last_day = datetime(year, month, 1, tzinfo=view.zone)
        end = min(last_day, after)
        opened = [row for row in found if start <= row["opened_at"] < end]
        ended = [row for row in found if (moment := _ended(row)) and start <= moment < end]
        still = [row for row in found if row["opened_at"] < end and not ((moment := _ended(row)) and moment < end)]
        if opened or ended or still:
            rows.append((words.period(first_day, last_day, view.zone), len(opened), len(ended), len(still)))
        start = end
    return tuple(rows)


def _actions(view: View, running: Sequence[Row]) -> tuple[tuple[Cell, ...], ...]:
    names = [row["nonconformity"] for row in running]
    return tuple(
        (
            row["nonconformity"],
            row["description"],
            row["kind"],
            view.person(row["owner"]),
            due_day(row["due"])
            + (" (overdue)" if row["done_at"] is None and row["due"] and row["due"] < view.today else ""),
            view.day(row["done_at"]),
        )
        for row in view.rows(
            "SELECT * FROM nonconformity_actions WHERE list_contains(?, nonconformity) ORDER BY nonconformity, action",
            names,
        )
    )


def _by_age(view: View, running: Sequence[Row]) -> Bars:
    ages = [(view.cut_off - row["opened_at"]).days for row in running]
    counts, low = [], -1
    for high, name in _AGES:
        counts.append((name, sum(1 for age in ages if low < age <= high)))
        low = high
    return Bars("nonconformities_by_age", "Open nonconformities by age", "nonconformities", tuple(counts))
