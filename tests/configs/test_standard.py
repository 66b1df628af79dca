"""The outline of the standard: complete, consistent, and refused when it is not."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from aimsight.configs.errors import ConfigError, NotFoundError
from aimsight.configs.standard import FOLDER, load_standard

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the files that may be changed."""
    return shutil.copytree(FOLDER, tmp_path / "standard", ignore=shutil.ignore_patterns("*.py", "__pycache__"))


def test_the_outline_has_all_clauses_and_controls() -> None:
    """32 clauses from 4.1 to 10.2, 38 controls in nine areas of 3, 2, 5, 4, 9, 5, 4, 3 and 3."""
    outline = load_standard().outline
    assert (len(outline.clauses), len(outline.controls)) == (32, 38)
    assert [len(area.controls) for area in outline.areas] == [3, 2, 5, 4, 9, 5, 4, 3, 3]
    assert (outline.clauses[0].id, outline.clauses[-1].id) == ("4.1", "10.2")
    assert (outline.controls[0].id, outline.controls[-1].id) == ("A.2.2", "A.10.4")


def test_frameworks_share_clauses_under_their_own_numbers() -> None:
    """Continual improvement is 10.1 here and 10.3 in ISO 9001; the AI Act has deadlines of 15, 2 and 10 days."""
    standard = load_standard()
    quality = {one.id: one.maps for one in standard.crosswalk.framework("iso9001").served(standard.outline)}
    security = {one.id: one.maps for one in standard.crosswalk.framework("iso27001").served(standard.outline)}
    act = standard.crosswalk.framework("eu-ai-act")
    assert (quality["10.3"], security["10.1"]) == (("10.1",), ("10.1",))
    assert "10.1" not in quality
    assert [one.deadline_days for one in act.requirements if one.deadline_days] == [15, 2, 10]
    assert not any(date.verified for date in act.applies_from)


def test_a_name_that_is_close_is_suggested() -> None:
    """A misspelt framework or phase is told with the valid ones."""
    standard = load_standard()
    with pytest.raises(NotFoundError, match="did you mean iso9001"):
        standard.crosswalk.framework("iso-9001")
    with pytest.raises(NotFoundError, match="did you mean stage-1"):
        standard.certification.phase("stage1")


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("iso42001.yaml", "evidence: link}", "evidence: linked}", "did you mean link"),
        ("iso42001.yaml", '{id: "4.2",', '{id: "4.1",', "4.1: is given twice"),
        ("crosswalk.yaml", "maps: [A.6.2.7]", "maps: [A.6.2.77]", "no clause or control A.6.2.77"),
        ("crosswalk.yaml", "day: 2027-12-02", "day: 2027-13-02", "the calendar has no such day"),
        ("certification.yaml", "asks: missing", "asks: missing\n    extra: 1", "unknown key"),
        ("certification.yaml", '"9.2.2", "10.2", all', '"9.2.9", all', "no clause or control 9.2.9"),
    ],
)
def test_mistakes_in_the_files_are_named(folder: Path, file: str, old: str, new: str, words: str) -> None:
    """Whoever edits an outline is told what is wrong with it."""
    path = folder / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(ConfigError, match=words):
        load_standard(folder)
