"""The page that top management reads first: how each model stands, since when, who acts, until when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aimsight.aims import words
from aimsight.aims.nonconformities import is_open
from aimsight.aims.review.pack import Table
from aimsight.aims.verdicts import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aimsight.aims.review.pack import Cell
    from aimsight.aims.review.view import View

Row = dict[str, Any]

NAME = "models"
_COLUMNS = ("Model", "Stands", "Objectives", "Since", "Open", "Who acts next", "Until")
_SAID = {
    Verdict.NONCONFORMING: "not met",
    Verdict.AT_RISK: "at risk",
    Verdict.CONFORMING: "met",
}


def models(view: View, judged: Mapping[tuple[str, str], Sequence[Row]]) -> Table:
    """One line a model, the worst first.

    Parameters
    ----------
    judged
        The evaluations of the period by model and objective, oldest first.
    """
    records = [
        row
        for row in view.rows("SELECT * FROM nonconformities WHERE opened_at < ? ORDER BY due_at NULLS LAST", view.end)
        if is_open(row["state"])
    ]
    lines = []
    for name, model in view.models.items():
        own = {key: rows for key, rows in judged.items() if key[0] == name}
        now = {one.id: Verdict.NOT_MEASURED for one in model.objectives}
        now |= {objective: Verdict(rows[-1]["verdict"]) for (_, objective), rows in own.items()}
        worst = min(now.values(), key=lambda one: one.rank, default=Verdict.NOT_MEASURED)
        leading = [rows for (_, objective), rows in own.items() if now[objective] is worst]
        line = (
            name,
            f"{worst.glyph} {worst.value}",
            objectives(now),
            _since(view, leading),
            *_who(view, [row for row in records if row["model"] == name]),
        )
        lines.append((worst.rank, name, line))
    return Table(NAME, "The models", _COLUMNS, tuple(line for _, _, line in sorted(lines)))


def objectives(now: Mapping[str, Verdict]) -> str:
    """``2 of 7 not met (WB-04 and WB-06), 2 at risk``; what can not be judged is never left out."""
    if not now:
        return "none is set"
    parts: list[str] = []
    for verdict in sorted(_SAID, key=lambda one: one.rank):
        names = [objective for objective, its in now.items() if its is verdict]
        if names and not (verdict is Verdict.CONFORMING and parts):
            of = f" of {len(now)}" if not parts else ""
            which = f" ({words.listed(sorted(names), 4)})" if verdict is Verdict.NONCONFORMING else ""
            parts.append(f"{len(names)}{of} {_SAID[verdict]}{which}")
    unjudged = sum(verdict not in _SAID for verdict in now.values())
    if unjudged:
        of = f" of {len(now)}" if not parts else ""
        parts.append(f"{unjudged}{of} cannot be judged")
    return ", ".join(parts)


def _since(view: View, leading: Iterable[Sequence[Row]]) -> str:
    """The window in which the longest of these series of one verdict began."""
    beginnings = []
    for rows in leading:
        place = len(rows) - 1
        while place and rows[place - 1]["verdict"] == rows[-1]["verdict"]:
            place -= 1
        beginnings.append((rows[place]["window_start"], place == 0, view.window_of(rows[place])))
    if not beginnings:
        return "–"
    _, is_first, window = min(beginnings)
    return f"{window} or before" if is_first else window


def _who(view: View, records: Sequence[Row]) -> tuple[Cell, Cell, Cell]:
    """How many nonconformities are open, whose turn it is, and until when, by the record that is due first."""
    if not records:
        return 0, "–", "–"
    first = records[0]
    late = " (overdue)" if first["due_at"] is not None and first["due_at"] < view.cut_off else ""
    return len(records), view.person(first["owner"]), view.day(first["due_at"]) + late
