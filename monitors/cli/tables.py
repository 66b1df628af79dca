"""How verdicts and records look in a terminal: the same glyphs, words and colours everywhere, within 80 columns."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.columns import Columns
from rich.table import Table
from rich.text import Text

from aimsight.aims.verdicts import Verdict
from aimsight.aims.words import plain

if TYPE_CHECKING:
    from rich.console import Console
    from rich.containers import Lines

_PARTS = re.compile(r"[^-_/@.,:]*[-_/@.,:]+|[^-_/@.,:]+")
LIGHT_BACKGROUNDS = {"7", "15"}


class Cell(Text):
    """Text of one style whose long names break after a hyphen, a slash and the like before they break anywhere."""

    def wrap(self, console: Console, width: int, **given: Any) -> Lines:
        """Its lines, none longer than ``width``."""
        return Text(broken(self.plain, width), style=self.style).wrap(console, width, **given)


def broken(text: str, width: int) -> str:
    """The text with line breaks within the words that are longer than ``width``, where a reader expects them."""

    def parted(word: re.Match[str]) -> str:
        lines = [""]
        for part in _PARTS.findall(word[0]):
            if lines[-1] and len(lines[-1]) + len(part) > width:
                lines.append("")
            lines[-1] += part
        return "\n".join(lines)

    return re.sub(rf"\S{{{width + 1},}}", parted, text)


def cell(text: object, style: str = "") -> Text:
    """Text that is shown as it is: never read as markup, never able to move the cursor."""
    return Cell(plain("" if text is None else str(text)), style=style)


def prose(text: str) -> Text:
    """Text of several lines, each shown as it is."""
    return Text("\n".join(plain(line) for line in text.split("\n")))


def verdict_style(verdict: Verdict) -> str:
    """The verdict's colour for the terminal's background (dark unless COLORFGBG says otherwise)."""
    background = os.environ.get("COLORFGBG", "").rpartition(";")[2]
    return verdict.light if background in LIGHT_BACKGROUNDS else verdict.dark


def verdict_text(verdict: Verdict) -> Text:
    """Glyph, word and colour, always all three."""
    return Text(f"{verdict.glyph} {verdict.value}", style=verdict_style(verdict))


def strip(history: Sequence[Verdict], width: int) -> Text:
    """The last verdicts as glyphs, oldest first, at most ``width`` of them."""
    text = Text()
    for verdict in history[-width:]:
        text.append(verdict.glyph, style=verdict_style(verdict))
    return text


def tally(verdicts: Iterable[Verdict]) -> Text:
    """How many of each verdict, the most urgent first: ``■ 2  ▲ 1  ● 4``."""
    found = list(verdicts)
    text = Text()
    for verdict in sorted(set(found), key=lambda one: one.rank):
        text.append("  " if text else "")
        text.append(f"{verdict.glyph} {found.count(verdict)}", style=verdict_style(verdict))
    return text


def legend(verdicts: Iterable[Verdict]) -> Columns:
    """What the glyphs mean, for those that were shown; glyph and word stay together where lines are short."""
    return Columns([verdict_text(verdict) for verdict in sorted(set(verdicts), key=lambda one: one.rank)], (0, 3))


def table(
    *columns: str,
    title: str = "",
    right: Iterable[str] = (),
    fixed: Iterable[str] = (),
    least: Mapping[str, int] | None = None,
    most: Mapping[str, int] | None = None,
) -> Table:
    """An empty table: a rule under the heads and nothing else.

    ``right`` columns are set to the right, ``fixed`` ones never wrap; ``least`` and ``most`` bound the width of others.
    """
    made = Table(
        title=Text(title, style="bold") if title else None,
        title_justify="left",
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        header_style="bold",
        expand=False,
    )
    to_right, unwrapped = set(right), set(fixed)
    for column in columns:
        made.add_column(
            column,
            justify="right" if column in to_right else "left",
            no_wrap=column in unwrapped,
            overflow="fold",
            min_width=(least or {}).get(column),
            max_width=(most or {}).get(column),
        )
    return made


def item(text: str, mark: str = "-") -> Table:
    """A point of a list; what goes on in a further line stands beneath its beginning."""
    made = Table.grid(padding=(0, 1, 0, 0))
    made.add_column(no_wrap=True)
    made.add_column(overflow="fold")
    made.add_row(cell(mark), cell(text))
    return made


def facts(values: Mapping[str, object]) -> Table:
    """Names and values below each other, without lines; values may be texts with a style of their own."""
    made = Table(box=None, show_header=False, pad_edge=False)
    made.add_column(no_wrap=True, style="bold")
    made.add_column(overflow="fold")
    for name, value in values.items():
        made.add_row(name, value if isinstance(value, Text) else cell(value))
    return made


def aligned(values: Mapping[str, object]) -> list[str]:
    """Names and values as lines that are never broken, so that a path can be copied."""
    widest = max(map(len, values), default=0)
    return [f"{name.ljust(widest)}  {plain(str(value))}".rstrip() for name, value in values.items()]
