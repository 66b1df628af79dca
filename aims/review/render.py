"""Renderings of a frozen pack: HTML, PDF/A, DOCX, JSON and CSV, each a pure function of pack and results."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from aimsight.aims.csv_files import write_csv
from aimsight.aims.review.charts import bars_svg, series_svg
from aimsight.aims.verdicts import Verdict
from aimsight.aims.words import count
from aimsight.configs.errors import AimsightError

if TYPE_CHECKING:
    from collections.abc import Callable

    from aimsight.aims.review.pack import Cell, Pack, Table

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


def title_of(pack: Pack) -> str:
    """``Management review, Jan–Jun 2026``."""
    return f"Management review, {pack.cover.period}"


def facts_of(pack: Pack) -> list[tuple[str, str]]:
    """The cover's facts, in order."""
    cover = pack.cover
    return [
        ("Period", cover.period),
        ("Data until", cover.cut_off),
        ("Previous review", cover.previous or "none on record"),
        ("Made by", cover.made_by),
        ("Ledger", f"{count(cover.entries)} entries, {count(cover.anchored)} of them vouched for by a checkpoint"),
        ("SHA-256 of the pack", pack.sha256),
    ]


def html(pack: Pack, results: Results | None = None) -> bytes:
    """One page that needs nothing else: styles and charts are inside, every text is escaped."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    pictures = {bars.name: bars_svg(bars) for section in pack.sections for bars in section.bars}
    pictures |= {series.name: series_svg(series) for section in pack.sections for series in section.series}
    drawn = {name: Markup(svg) for name, svg in pictures.items()}  # noqa: S704  # drawn by us, every text in it escaped
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string(_text("pack.html.jinja"))
    confirmed = {section.key: NO_ONE for section in pack.sections} | (results.confirmed if results else {})
    page = template.render(
        pack=pack,
        title=title_of(pack),
        facts=facts_of(pack),
        sha256=pack.sha256,
        css=Markup(_text("pack.css")),  # noqa: S704  # a file of ours
        drawn=drawn,
        confirmed=confirmed,
        verdicts=list(Verdict),
        results=results,
        shown=_shown,
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

    from docx import Document

    document = Document()
    document.core_properties.title = title_of(pack)
    document.core_properties.author = pack.cover.made_by
    document.core_properties.created = document.core_properties.modified = datetime(*_EPOCH, tzinfo=UTC)
    document.core_properties.comments = f"SHA-256 of the pack {pack.sha256}"
    document.add_heading(title_of(pack), 0)
    document.add_paragraph(f"{pack.cover.organisation}. {pack.cover.review}, pack {pack.cover.version}.")
    for name, value in facts_of(pack):
        document.add_paragraph(f"{name}: {value}", style="List Bullet")
    for text in pack.cover.limitations:
        document.add_paragraph(f"Limitation: {text}")
    confirmed = results.confirmed if results else {}
    for section in pack.sections:
        document.add_heading(f"{section.title} {section.clause}".rstrip(), 1)
        for text in section.sentences:
            document.add_paragraph(_plain(text))
        if section.is_empty:
            document.add_paragraph(confirmed.get(section.key, NO_ONE))
        for table in section.tables:
            _docx_table(document, table)
    document.add_heading("Results of the review 9.3.3", 1)
    if results is None:
        document.add_paragraph("Not held yet.")
    else:
        for name, value in results.facts:
            document.add_paragraph(_plain(f"{name}: {value}"), style="List Bullet")
        for table in results.tables:
            _docx_table(document, table)
        document.add_paragraph(results.signature)
    stream = io.BytesIO()
    document.save(stream)
    return _without_times(stream.getvalue())


def _docx_table(document: object, table: Table) -> None:
    if not table.rows:
        return
    document.add_heading(table.title, 2)  # type: ignore[attr-defined]  # python-docx names no public type for it
    made = document.add_table(rows=1, cols=len(table.columns), style="Light Grid Accent 1")  # type: ignore[attr-defined]  # as above
    for cell, name in zip(made.rows[0].cells, table.columns, strict=True):
        cell.text = _plain(name)
    for row in table.rows:
        for cell, value in zip(made.add_row().cells, row, strict=True):
            cell.text = _plain(_shown(value))


def _without_times(archive: bytes) -> bytes:
    """The same archive with every file of the same time, so that the same pack gives the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in sorted(old.namelist()):
            new.writestr(zipfile.ZipInfo(name, _EPOCH), old.read(name), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def csv_files(pack: Pack) -> dict[str, bytes]:
    """A CSV file for every table, by its name."""
    made = {}
    for section in pack.sections:
        for table in section.tables:
            stream = io.StringIO()
            write_csv(table.columns, table.rows, stream)
            made[f"{section.key}-{table.name}.csv"] = stream.getvalue().encode("utf-8")
    return made


def json(pack: Pack, results: Results | None = None) -> bytes:
    """The frozen content itself; results are records of their own."""
    del results
    return pack.content()


def archive_of_csv(pack: Pack, results: Results | None = None) -> bytes:
    """All CSV files in one archive."""
    del results
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(csv_files(pack).items()):
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

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def _plain(text: str) -> str:
    """Text that XML can hold."""
    return _CONTROL.sub("�", text)


def _shown(cell: Cell) -> str:
    return "–" if cell is None else count(cell) if isinstance(cell, int) else cell


def _text(name: str) -> str:
    return files("aimsight.aims.review").joinpath(name).read_text(encoding="utf-8")
