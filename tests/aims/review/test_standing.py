"""The first page of a pack: how each model stands, since when, who acts, until when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING

from docx import Document

from aimsight.aims.nonconformities import Failing, of_monitoring, record_failure
from aimsight.aims.review import render
from aimsight.aims.review.pack import Section, Table
from aimsight.aims.review.standing import NAME, objectives
from aimsight.aims.verdicts import Verdict

if TYPE_CHECKING:
    from aimsight.aims.review.pack import Pack
    from aimsight.tests.aims.review.conftest import Board


def many(board: Board, amount: int) -> Pack:
    """A pack that tells of so many models."""
    _, pack = board.prepare()
    rows = tuple((f"m{i}", "● conforming", "1 of 1 met", "Apr 2026", 0, "–", "–") for i in range(amount))
    columns = ("Model", "Stands", "Objectives", "Since", "Open", "Who acts next", "Until")
    return replace(pack, sections=(Section("d2", "", "Results", (), (Table(NAME, "The models", columns, rows),)),))


def test_the_objectives_of_a_model_in_words() -> None:
    """What is not met is named; what cannot be judged is never left out."""
    bad, risky, good, none = Verdict.NONCONFORMING, Verdict.AT_RISK, Verdict.CONFORMING, Verdict.AWAITING_LABELS
    assert objectives({"b": bad, "a": bad, "c": risky, "d": good}) == "2 of 4 not met (a and b), 1 at risk"
    assert objectives({"a": good, "b": good}) == "2 of 2 met"
    assert objectives({"a": good, "b": none}) == "1 of 2 met, 1 cannot be judged"
    assert objectives({"a": none}) == "1 of 1 cannot be judged"
    assert objectives({}) == "none is set"


def test_a_model_that_is_not_judged_has_nobody_to_act(board: Board) -> None:
    """One objective waits for labels, the other was never measured: neither counts as met, and no time is made up."""
    _, pack = board.prepare()
    found = render.first_page(pack)
    assert found is not None
    assert found.rows == (("credit", "○ not measured", "2 of 2 cannot be judged", "–", 0, "–", "–"),)


def test_who_acts_is_the_owner_of_the_record_that_is_due_first(board: Board) -> None:
    """An open nonconformity leads to its owner, by name, and to its day."""
    window = (datetime(2026, 4, 18, tzinfo=UTC), datetime(2026, 4, 19, tzinfo=UTC))
    with board.store.write() as tx:
        record_failure(
            tx,
            of_monitoring("credit", "1", "quality@example.org"),
            [Failing("r", *window, None, None, None, None, None, "")],
            opens=True,
            statement="A run did not take place",
            now=datetime(2026, 4, 20, tzinfo=UTC),
            settings=board.project.config.nonconformities,
        )
    _, pack = board.prepare()
    found = render.first_page(pack)
    assert found is not None
    (row,) = found.rows
    assert row[4:] == (1, "quality", "21 Apr 2026 (overdue)")


def test_the_cover_holds_so_many_models(board: Board) -> None:
    """Of more models the worst stand on the cover and all in their section; of fewer all stand on the cover only."""
    few, more = many(board, 3), many(board, render.MOST_ON_COVER + 1)
    assert b"How the models stand" in render.html(few)
    assert b"The models</h3>" not in render.html(few)
    assert b"14 of 15, the worst first" in render.html(more)
    assert b"The models</h3>" in render.html(more)
    assert [len(table.rows) - 1 for table in Document(BytesIO(render.docx(more))).tables] == [14, 15]


def test_rows_of_a_document_stay_whole_and_heads_return(board: Board) -> None:
    """In the DOCX no row is torn by the end of a page, and the head of a table stands on each."""
    (table,) = Document(BytesIO(render.docx(many(board, 3)))).tables
    properties = [{child.tag.rpartition("}")[2] for child in row._tr.trPr} for row in table.rows]
    assert properties == [{"cantSplit", "tblHeader"}, *[{"cantSplit"}] * 3]
    widths = [column.width for column in table.columns]
    assert len(set(widths)) > 1
