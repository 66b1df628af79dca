"""Renderings: the same bytes for the same pack; nothing of a text becomes markup or a formula; all of it is there."""

from __future__ import annotations

import csv
import gc
import hashlib
import io
import json
import re
import subprocess
import sys
import warnings
import zipfile
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from docx import Document
from hypothesis import given, settings
from hypothesis import strategies as st

from aimsight.aims.csv_files import FORMULA_STARTS
from aimsight.aims.review import render
from aimsight.aims.review.charts import MOST_GLYPHS, bars_svg, series_svg
from aimsight.aims.review.pack import Bars, Cover, Pack, Point, Section, Series, Table, read
from aimsight.aims.review.service import ReviewError, read_frozen
from aimsight.aims.verdicts import Verdict

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = '<script>alert(1)</script> & "x" \' =HYPERLINK("http://evil.example") **b** [x](javascript:1)\u202e\x07'
FORMULA = '=HYPERLINK("http://evil.example","x")'
VERDICTS = list(Verdict)
SVG = "{http://www.w3.org/2000/svg}"


def a_point(i: int, verdict: Verdict, value: str | None = "0.5") -> Point:
    """A window."""
    low, high = ("0.4", "0.6") if value else (None, None)
    return Point(f"{i} Jan", f"2026-01-{i + 1:02d}", f"2026-01-{i + 2:02d}", value, low, high, 100, verdict.value)


def a_series(text: str = "model/OBJ-1", points: tuple[Point, ...] | None = None) -> Series:
    """An objective with a window of every verdict."""
    shown = points if points is not None else tuple(a_point(i, verdict) for i, verdict in enumerate(VERDICTS))
    return Series(text, text, "performance.accuracy", "share", ">= 0.45", text, "0.05", "0.45", None, shown)


def a_pack(text: str = "Plain") -> Pack:
    """A pack in which every text is this one."""
    cover = Cover(
        text,
        1,
        text,
        text,
        text,
        "2026-01-01",
        "2026-02-01",
        text,
        "aimsight 0",
        "o/1",
        12,
        "ab" * 32,
        10,
        text,
        (text,),
    )
    table = Table("things", "Things", ("Name", "Count", "Nothing"), ((text, 1234, None), (FORMULA, 0, "–")))
    bars = Bars("b", text, "n", ((text, 3),))
    sections = (
        Section("a", "9.3.2 a", "Actions of previous reviews"),
        Section("d2", "9.3.2 d 2", "Monitoring", (text,), (table,), (a_series(text),), (bars,)),
    )
    return Pack(cover, sections)


def the_results(text: str = "Plain") -> render.Results:
    """Results in which every text is this one."""
    table = Table("decisions", "Decisions", ("Id", "Decision"), ((text, FORMULA),))
    return render.Results((("Chair", text),), (table,), f"Signed by {text}", {"a": text})


def test_a_pack_is_read_back_from_its_bytes() -> None:
    """Content, hash and rendering of what was read are those of what was written."""
    pack = a_pack("é Ä – 中")
    again = read(pack.content())
    assert again == pack
    assert again.content() == pack.content()
    assert again.sha256 == pack.sha256
    assert json.loads(pack.content())["sections"][1]["series"][0]["columns"][0] == "label"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
@settings(max_examples=40, deadline=None)
def test_any_text_survives_the_round_trip(text: str) -> None:
    """Whatever people write: the bytes that are read back are the same bytes."""
    content = a_pack(text).content()
    assert read(content).content() == content


@pytest.mark.parametrize("content", [b"{}", b"[]", b'{"format": 99}', b'{"format": 1, "cover": {}}', b"not json"])
def test_what_is_no_pack_is_refused(content: bytes, tmp_path: Path) -> None:
    """Neither other JSON nor a newer format is taken for a pack, and people read why."""
    name = hashlib.sha256(content).hexdigest()
    (tmp_path / f"{name}.json").write_bytes(content)
    with pytest.raises(ReviewError, match=name):
        read_frozen(tmp_path, name)


def test_a_row_of_another_length_is_a_mistake() -> None:
    """A table cannot lose a column on the way."""
    with pytest.raises(ValueError, match="a row has not 2 cells"):
        Table("t", "T", ("A", "B"), (("x",),))


SCRIPT = """
import hashlib, sys
from aimsight.aims.review import render
from aimsight.aims.review.pack import read
pack = read(sys.stdin.buffer.read())
for name, make in render.FORMATS.items():
    print(name, hashlib.sha256(make(pack, None)).hexdigest())
"""


def test_two_processes_give_the_same_bytes() -> None:
    """Every rendering is the same with another hash seed, in another process."""
    content = a_pack().content()
    made = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            input=content,
            capture_output=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PATH": "", "OMP_NUM_THREADS": "1"},
        ).stdout
        for seed in ("1", "2")
    ]
    assert made[0] == made[1]
    assert len(made[0].splitlines()) == len(render.FORMATS)


def test_html_escapes_everything() -> None:
    """No script, no link and no invisible character comes of a text; the page loads nothing."""
    page = render.html(a_pack(HOSTILE), the_results(HOSTILE)).decode()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "\u202e" not in page
    assert "\x07" not in page
    assert not re.search(r"<(?:img|link|iframe|object)|\ssrc=|url\(", page)
    assert set(re.findall(r'href="([^"]*)"', page)) == {"#a", "#d2", "#results"}


def test_html_shows_tables_results_and_confirmations() -> None:
    """Numbers are grouped, nothing is a dash, and an empty input says who confirmed it, or that nobody did."""
    page = render.html(a_pack(), the_results("Confirmed by Q")).decode()
    assert "1,234" in page
    assert '<p class="confirm">Confirmed by Q</p>' in page
    assert render.NO_ONE in render.html(a_pack()).decode()
    assert "Not held yet." in render.html(a_pack()).decode()
    for verdict in Verdict:
        assert f"{verdict.glyph} {verdict.value}" in page


def test_a_long_text_stands_beneath_the_row_of_a_wide_table() -> None:
    """Seven columns and a sentence: the sentence has the page's width; few columns keep it beside the others."""
    heads, sentence = tuple("abcdefg"), "A statement of an objective that takes far more than a line of a column."
    wide = Table("w", "Wide", heads, (("x", sentence, None, 3, "x", "x", "x"),))
    pack = replace(a_pack(), sections=(Section("d2", "9.3.2 d 2", "Results", tables=(wide,)),))
    page = render.html(pack).decode()
    assert f'<tr class="beneath"><td colspan="6" data-head="b">{sentence}</td></tr>' in page
    narrow = Table("n", "Narrow", heads[:2], (("x", sentence),))
    page = render.html(replace(pack, sections=(Section("d2", "9.3.2 d 2", "Results", tables=(narrow,)),))).decode()
    assert 'class="beneath"' not in page
    assert f'data-head="b">{sentence}</td>' in page


def test_the_cover_says_what_matters() -> None:
    """The first sentence of nonconformities, results and what is overdue stands above the facts."""
    sections = (Section("a", "", "A", ("Actions.",)), Section("d1", "", "B", ("5 open.", "More.")))
    page = render.html(replace(a_pack(), sections=sections)).decode()
    assert page.count('<p class="answer">5 open.</p>') == 1
    assert page.count('class="answer"') == 1


def test_charts_are_well_formed_and_show_every_glyph() -> None:
    """An SVG that a strict parser reads, whatever the title, with the glyph of each window below it."""
    root = ET.fromstring(series_svg(a_series(HOSTILE)))
    texts = [element.text or "" for element in root.iter(f"{SVG}text")]
    assert all(verdict.glyph in texts for verdict in Verdict)
    assert (root.findtext(f"{SVG}title") or "").startswith("<script>alert(1)</script>")
    assert not list(root.iter(f"{SVG}script"))
    bars = ET.fromstring(bars_svg(Bars("b", HOSTILE, "n", ((HOSTILE, 3), ("none", 0)))))
    assert [e.get("width") for e in bars.iter(f"{SVG}rect")] == ["200.0", "0.0"]


def test_a_chart_of_a_year_stays_readable() -> None:
    """Of 365 windows, neighbours share a glyph, that of the most urgent among them."""
    points = tuple(a_point(i % 27, Verdict.NONCONFORMING if i == 200 else Verdict.CONFORMING) for i in range(365))
    root = ET.fromstring(series_svg(a_series(points=points)))
    glyphs = [e.text for e in root.iter(f"{SVG}text") if e.text in {one.glyph for one in Verdict}]
    assert len(glyphs) <= MOST_GLYPHS
    assert glyphs.count(Verdict.NONCONFORMING.glyph) == 1


def test_a_series_without_a_value_is_a_sentence() -> None:
    """No empty axes."""
    points = (a_point(0, Verdict.NOT_MEASURED, None),)
    assert "no window of the period has a value" in series_svg(a_series(points=points))


def test_of_many_objectives_the_failing_ones_are_drawn() -> None:
    """Beyond sixty, only those with failures are drawn, and the page says how many it left out."""
    good = (a_point(0, Verdict.CONFORMING),)
    bad = (a_point(0, Verdict.NONCONFORMING),)
    series = tuple(a_series(f"model/OBJ-{i:03d}", bad if i == 7 else good) for i in range(70))
    section = Section("d2", "", "Monitoring", series=series)
    assert [one.name for one in render.charted(section)] == ["model/OBJ-007"]
    page = render.html(replace(a_pack(), sections=(section,))).decode()
    assert "Drawn: 1 of 70 objectives" in page


def test_pdf_is_archival_and_its_text_can_be_found() -> None:
    """The file says that it is PDF/A-3b, and has no address to load from."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # weasyprint leaves its colour profile to the collector
        made = render.pdf(a_pack("Findable"), the_results(HOSTILE))
        gc.collect()
    assert made.startswith(b"%PDF-1.7")
    streams = [_inflated(one) for one in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", made, re.DOTALL)]
    text = b"\n".join([made, *streams])
    assert re.search(rb"pdfaid:part(?:>|=.)3", text)
    assert re.search(rb"pdfaid:conformance(?:>|=.)B", text)
    assert b"/OutputIntents" in text
    assert b"beginbfchar" in text, "the glyphs of the fonts have no characters, so that nothing can be searched"
    assert b"/URI" not in text
    assert b"/JavaScript" not in text


def _inflated(stream: bytes) -> bytes:
    try:
        return zlib.decompress(stream)
    except zlib.error:
        return stream


def test_docx_opens_with_all_tables() -> None:
    """python-docx reads it back: every table with its cells, texts as they are, without control characters."""
    document = Document(io.BytesIO(render.docx(a_pack(HOSTILE), the_results(HOSTILE))))
    shown = [[[cell.text for cell in row.cells] for row in table.rows] for table in document.tables]
    assert [len(rows) for rows in shown] == [3, 2]
    assert shown[0][0] == ["Name", "Count", "Nothing"]
    assert shown[0][1][1:] == ["1,234", "–"]
    assert shown[0][1][0].startswith("<script>alert(1)</script>")
    assert "\x07" not in "".join(paragraph.text for paragraph in document.paragraphs)


def test_csv_holds_no_formula() -> None:
    """Every table, the values of the charts and the results are a file each; no cell begins like a formula."""
    archive = zipfile.ZipFile(io.BytesIO(render.archive_of_csv(a_pack(FORMULA), the_results(FORMULA))))
    names = ["d2-things.csv", "d2-windows.csv", "results-conclusions.csv", "results-decisions.csv"]
    assert archive.namelist() == names
    for name in names:
        rows = list(csv.reader(io.StringIO(archive.read(name).decode())))
        assert len(rows) > 1
        assert not any(cell.startswith(FORMULA_STARTS) for row in rows for cell in row if len(cell) > 1)
    windows = list(csv.DictReader(io.StringIO(archive.read("d2-windows.csv").decode())))
    assert [row["Verdict"] for row in windows] == [verdict.value for verdict in Verdict]
    assert (windows[0]["Value"], windows[0]["n"]) == ("0.5", "100")


def test_json_is_the_frozen_content() -> None:
    """Whoever has the file can check its hash."""
    pack = a_pack()
    assert render.json(pack, the_results()) == pack.content()
