"""docs/reviews.md says what is so: its minutes are accepted, its sections and suffixes are those of a pack."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from aimsight.aims.review.render import FORMATS

if TYPE_CHECKING:
    from aimsight.tests.aims.review.conftest import Board

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "reviews.md"


def test_the_minutes_of_the_document_are_accepted(board: Board) -> None:
    """Whoever copies the file has recorded everything that a signature asks of the minutes."""
    (block,) = re.findall(r"```yaml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    made, _ = board.prepare()
    recorded = board.record(made.record, **yaml.safe_load(block))
    assert set(recorded.fields) >= set(board.minutes)


def test_sections_and_suffixes_are_those_of_a_pack(board: Board) -> None:
    """The table of sections lists every section in its order, the table of files every suffix."""
    text = DOCUMENT.read_text(encoding="utf-8")
    _, pack = board.prepare()
    assert re.findall(r"^\| `([a-z0-9]+)` ", text, re.MULTILINE) == [one.key for one in pack.sections]
    for section in pack.sections:
        if section.clause:
            assert f"| {section.clause} |" in text
    assert re.findall(r"^\| `\.([a-z.]+)` ", text, re.MULTILINE) == list(FORMATS)
