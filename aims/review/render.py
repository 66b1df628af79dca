"""Renderings of a frozen pack: HTML, PDF/A, DOCX, JSON and CSV, each a pure function of pack and results."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import TYPE_CHECKING

from aimsight.aims.csv_files import write_csv
from aimsight.aims.review import standing
from aimsight.aims.review.charts import bars_svg, series_svg
from aimsight.aims.review.pack import Table
from aimsight.aims.verdicts import Verdict
from aimsight.aims.words import count, in_unit, printable
from aimsight.configs.errors import AimsightError

if TYPE_CHECKING:
    from collections.abc import Callable

    from docx.document import Document
    from docx.table import _Row

    from aimsight.aims.review.pack import Cell, Pack, Section, Series

_TABLE_STYLE = "Light Grid Accent 1"
NO_ONE = "Nothing to report. Nobody has confirmed this yet."
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of every file in an archive: what is rendered depends on the pack alone."""


class RenderError(AimsightError):
    """A rendering cannot be made on this machine; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Results:
    """What came of the review (9.3.3): facts, tables, who signed, and who confirmed which empty input."""

    facts: tuple[tuple[str, str], ...]
    tables: tuple[Table, ...]
    signature: str
    confirmed: dict[str, str]


MOST_CHARTS = 60
"""Charts of a section; of more objectives, those are drawn that did not always meet their target."""


def charted(section: Section) -> tuple[Series, ...]:
    """The series of a section that are drawn: all, or of many those with a window that is not conforming."""
    if len(section.series) <= MOST_CHARTS:
        return section.series
    told = [one for one in section.series if any(point.verdict in _TOLD for point in one.points)]
    return tuple(sorted(sorted(told, key=_urgency)[:MOST_CHARTS], key=lambda one: one.name))


_TOLD = frozenset({Verdict.NONCONFORMING.value, Verdict.AT_RISK.value})


def _urgency(series: Series) -> tuple[int, str]:
    return -sum(point.verdict == Verdict.NONCONFORMING.value for point in series.points), series.name


IN_SHORT = ("d1", "d2", "overdue")
"""Sections whose first sentence stands on the cover: nonconformities, results, what is overdue."""
_MANY_COLUMNS, _LONG, _SHORT, _DATE, _FEW_ROWS = 7, 48, 24, 14, 8


MOST_ON_COVER = 14
"""Models that the cover has room for, the worst first."""


def first_page(pack: Pack) -> Table | None:
    """How the models stand, as far as the cover has room; ``None`` for packs made before it was told."""
    found = next((one for section in pack.sections for one in section.tables if one.name == standing.NAME), None)
    if found is None or not found.rows:
        return None
    title = "How the models stand"
    if len(found.rows) > MOST_ON_COVER:
        title += f": {MOST_ON_COVER} of {len(found.rows)}, the worst first; all are in results"
    return replace(found, title=title, rows=found.rows[:MOST_ON_COVER])


def tables_of(section: Section) -> list[Table]:
    """The tables of a section that have rows and do not stand on the cover as a whole."""
    return [one for one in section.tables if one.rows and (one.name != standing.NAME or len(one.rows) > MOST_ON_COVER)]


@dataclass(frozen=True, slots=True)
class Layout:
    """Which columns of a table stand beside each other, which one beneath each row, and its style."""

    columns: tuple[int, ...]
    beneath: int | None
    style: str


def layout(table: Table) -> Layout:
    """A long text in a table of many columns stands beneath its row, where it has the width of the page."""
    columns = range(len(table.columns))
    longest = [max(len(_shown(row[i])) for row in table.rows) for i in columns]
    widest = max(columns, key=lambda i: longest[i])
    beneath = widest if len(columns) >= _MANY_COLUMNS and longest[widest] > _LONG else None
    widths = [max(length, len(name)) for length, name in zip(longest, table.columns, strict=True)]
    style = "keep" if len(table.rows) <= _FEW_ROWS else "flow"
    return Layout(
        tuple(i for i in columns if i != beneath), beneath, f"{style} narrow" if sum(widths) <= 2 * _LONG else style
    )


def _style_of(cell: Cell) -> str:
    """Numbers to the right; short texts are not broken, and names only where they have a hyphen or a dot."""
    if isinstance(cell, int):
        return "number"
    if cell is None or (len(cell) <= _SHORT and "@" not in cell):
        return "short"
    return "name" if " " not in cell else "prose"


def title_of(pack: Pack) -> str:
    """``Management review, Jan–Jun 2026``."""
    return f"Management review, {pack.cover.period}"


def facts_of(pack: Pack) -> list[tuple[str, str]]:
    """The cover's facts, in order."""
    cover = pack.cover
    return [
        ("Period", cover.period),
        ("Data cut-off", cover.cut_off),
        ("Previous review", cover.previous or "none on record"),
        ("Made by", cover.made_by),
        ("Ledger", f"{count(cover.entries)} entries, {count(cover.anchored)} of them vouched for by a checkpoint"),
        ("SHA-256 of the pack", pack.sha256),
    ]


def html(pack: Pack, results: Results | None = None) -> bytes:
    """One page that needs nothing else: styles and charts are inside, every text is escaped."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined
    from markupsafe import Markup

    pictures = {bars.name: bars_svg(bars) for section in pack.sections for bars in section.bars}
    pictures |= {one.name: series_svg(one) for section in pack.sections for one in charted(section)}
    drawn = {name: Markup(svg) for name, svg in pictures.items()}  # noqa: S704  # charts.py escapes each text in them
    environment = Environment(
        loader=FunctionLoader(_text), autoescape=True, undefined=StrictUndefined, trim_blocks=True, finalize=_visible
    )
    template = environment.get_template("pack.html.jinja")
    confirmed = {section.key: NO_ONE for section in pack.sections} | (results.confirmed if results else {})
    page = template.render(
        pack=pack,
        title=title_of(pack),
        facts=facts_of(pack),
        sha256=pack.sha256,
        drawn=drawn,
        confirmed=confirmed,
        verdicts=list(Verdict),
        results=results,
        shown=_shown,
        charted=charted,
        layout=layout,
        style_of=_style_of,
        in_short=IN_SHORT,
        first_page=first_page(pack),
        tables_of=tables_of,
        in_unit=in_unit,
    )
    return (page.rstrip() + "\n").encode("utf-8")


def pdf(pack: Pack, results: Results | None = None) -> bytes:
    """The same page on paper, as PDF/A-3b with tags for readers that speak.

    Raises
    ------
    RenderError
        When the system has no libpango, which draws the text.
    """
    try:
        from weasyprint import HTML
    except OSError as error:
        raise RenderError(
            "the PDF needs the system library libpango (Debian: apt install libpango-1.0-0 libpangoft2-1.0-0); the "
            f"HTML shows the same and prints: {error}"
        ) from error
    document = HTML(string=html(pack, results).decode("utf-8"), base_url=None, url_fetcher=_nothing)
    made: bytes = document.write_pdf(pdf_variant="pdf/a-3b", pdf_identifier=pack.sha256.encode("ascii"))
    return made


def _nothing(url: str, *_: object, **__: object) -> dict[str, object]:
    """Fetch nothing: the page is complete, and nothing that somebody wrote into it makes a connection."""
    raise ValueError(f"the pack loads nothing, and not {url}")


def docx(pack: Pack, results: Results | None = None) -> bytes:
    """The text and the tables as a document that can be edited; the charts are in HTML and PDF."""
    from datetime import UTC, datetime

    import docx as python_docx

    document = python_docx.Document()
    _paper(document)
    document.core_properties.title = _plain(title_of(pack))[:255]
    document.core_properties.author = _plain(pack.cover.made_by)
    document.core_properties.created = document.core_properties.modified = datetime(*_EPOCH, tzinfo=UTC)
    document.core_properties.comments = f"SHA-256 of the pack {pack.sha256}"
    _docx_cover(document, pack)
    confirmed = results.confirmed if results else {}
    for section in pack.sections:
        document.add_heading(_plain(f"{section.title} {section.clause}".rstrip()), 1)
        for text in section.sentences:
            document.add_paragraph(_plain(text))
        if section.is_empty:
            document.add_paragraph(_plain(confirmed.get(section.key, NO_ONE)))
        for table in tables_of(section):
            _docx_table(document, table)
    document.add_heading("Results of the review 9.3.3", 1)
    if results is None:
        document.add_paragraph("Not held yet.")
    else:
        for name, value in results.facts:
            document.add_paragraph(_plain(f"{name}: {value}"), style="List Bullet")
        for table in results.tables:
            _docx_table(document, table)
        document.add_paragraph(_plain(results.signature))
    stream = io.BytesIO()
    document.save(stream)
    return _without_times(stream.getvalue())


def _docx_cover(document: Document, pack: Pack) -> None:
    """Title, the answers in short, how the models stand, and what the pack was made of."""
    document.add_heading(_plain(title_of(pack)), 0)
    cover = pack.cover
    document.add_paragraph(_plain(f"{cover.organisation}. {cover.review}, pack {cover.version}. Scope: {cover.scope}."))
    for section in pack.sections:
        if section.key in IN_SHORT and section.sentences:
            document.add_paragraph().add_run(_plain(section.sentences[0])).bold = True
    if (stand := first_page(pack)) is not None:
        _docx_table(document, stand)
    for text in cover.limitations:
        document.add_paragraph(_plain(f"Limitation: {text}"))
    document.add_heading("What it was made of", 2)
    for name, value in facts_of(pack):
        document.add_paragraph(_plain(f"{name}: {value}"), style="List Bullet")


def _paper(document: Document) -> None:
    """A4 on its side with small print in tables, because tables are wide."""
    from docx.enum.section import WD_ORIENT
    from docx.shared import Mm, Pt

    page = document.sections[0]
    page.orientation, page.page_width, page.page_height = WD_ORIENT.LANDSCAPE, Mm(297), Mm(210)
    page.left_margin = page.right_margin = page.top_margin = page.bottom_margin = Mm(18)
    document.styles[_TABLE_STYLE].font.size = Pt(8)


def _docx_table(document: Document, table: Table) -> None:
    if not table.rows:
        return
    document.add_heading(_plain(table.title), 2)
    made = document.add_table(rows=len(table.rows) + 1, cols=len(table.columns), style=_TABLE_STYLE)
    made.autofit = False
    page = document.sections[0]
    room = (page.page_width or 0) - (page.left_margin or 0) - (page.right_margin or 0)
    widths = [round(room * share) for share in _shares(table)]
    for column, width in zip(made.columns, widths, strict=True):
        column.width = width
    # Row by row: asking a table for its cells goes through the whole table every time.
    for line, row in zip((table.columns, *table.rows), made.rows, strict=True):
        _row_property(row, "w:cantSplit")
        for value, cell, width in zip(line, row.cells, widths, strict=True):
            cell.text = _plain(_shown(value))
            cell.width = width
    _row_property(made.rows[0], "w:tblHeader")  # the head again on every page, and named as such to a screen reader


def _shares(table: Table) -> list[float]:
    """How much of the page's width each column gets: dates and ids stay on one line, long texts get the rest."""
    asked = []
    for place, name in enumerate(table.columns):
        texts = [name, *(_shown(row[place]) for row in table.rows)]
        word = max(len(part) for text in texts for part in text.split() or [""])
        longest = max(map(len, texts))
        asked.append(4 + (longest if longest <= _DATE else max(min(word, _LONG), min(longest, 2 * _LONG) / 2)))
    return [one / sum(asked) for one in asked]


def _row_property(row: _Row, name: str) -> None:
    from docx.oxml import OxmlElement

    row._tr.get_or_add_trPr().append(OxmlElement(name))  # noqa: SLF001  # python-docx has no word of its own for it


def _without_times(archive: bytes) -> bytes:
    """The same archive with every file of the same time, so that the same pack gives the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in sorted(old.namelist()):
            new.writestr(zipfile.ZipInfo(name, _EPOCH), old.read(name), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def csv_files(pack: Pack, results: Results | None = None) -> dict[str, bytes]:
    """A CSV file for every table and for the values that charts draw, by its name; results have theirs."""
    tables = {f"{section.key}-{table.name}": table for section in pack.sections for table in section.tables}
    tables |= {f"{section.key}-windows": _windows(section) for section in pack.sections if section.series}
    tables |= {f"results-{table.name}": table for table in (results.tables if results else ())}
    if results:
        facts = (*results.facts, ("Signature", results.signature))
        tables["results-conclusions"] = Table("conclusions", "Conclusions", ("What", "Said"), facts)
    made = {}
    for name, table in tables.items():
        stream = io.StringIO()
        write_csv(table.columns, table.rows, stream)
        made[f"{name}.csv"] = stream.getvalue().encode("utf-8")
    return made


def _windows(section: Section) -> Table:
    """The values of every series; numbers are exact decimal texts, and verdicts are words."""
    rows = tuple(
        (
            *(one.name, one.title, one.target, point.start, point.end),
            *(point.value, point.low, point.high, point.n, point.verdict),
        )
        for one in section.series
        for point in one.points
    )
    columns = ("Objective", "Title", "Target", "From", "To", "Value", "Interval from", "Interval to", "n", "Verdict")
    return Table("windows", "Values by window", columns, rows)


def json(pack: Pack, results: Results | None = None) -> bytes:
    """The frozen content itself; results are records of their own."""
    del results
    return pack.content()


def archive_of_csv(pack: Pack, results: Results | None = None) -> bytes:
    """All CSV files in one archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(csv_files(pack, results).items()):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


FORMATS: dict[str, Callable[[Pack, Results | None], bytes]] = {
    "html": html,
    "pdf": pdf,
    "docx": docx,
    "json": json,
    "csv.zip": archive_of_csv,
}
"""By the suffix of the file, what renders it."""


def _plain(text: str) -> str:
    """Text with nothing invisible in it that XML can hold; its lines stay lines."""
    return "\n".join(map(printable, text.splitlines()))


def _visible(value: object) -> object:
    """What a page shows of a value: text without control and direction-changing characters; drawings as they are."""
    from markupsafe import Markup

    return _plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _shown(cell: Cell) -> str:
    return "–" if cell is None else count(cell) if isinstance(cell, int) else cell


def _text(name: str) -> str:
    return files("aimsight.aims.review").joinpath(name).read_text(encoding="utf-8")
