"""`aimsight demo`: from nothing to verdicts, any number of times."""

from __future__ import annotations

import json
import shutil
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aimsight.configs.errors import AimsightError
from aimsight.monitors.cli.demo import write_project

if TYPE_CHECKING:
    from aimsight.tests.monitors.cli.conftest import Call

SOURCE = files("aimsight.configs") / "demo"


def contents(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file of a folder with its size and time of change."""
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_demo_tells_its_story_and_again_changes_nothing(call: Call, tmp_path: Path) -> None:
    """Two models, verdicts of three kinds, nonconformities, where things lie; the second time nothing is read."""
    folder = tmp_path / "demo"
    first = call("demo", "--no-serve", "--into", folder)
    assert first.code == 0
    assert {"air-time, Dec 2015", "wage-band, 2018–2019", "Nonconformities"} <= set(first.lines)
    assert {"● conforming", "▲ at risk", "■ nonconforming"} <= {
        f"{glyph} {word}" for glyph, word in (("●", "conforming"), ("▲", "at risk"), ("■", "nonconforming"))
        if f"{glyph} {word}" in first.out
    }  # fmt: skip
    assert any(line.startswith("NC-") and " wage-band " in line for line in first.lines)
    assert any(line.startswith("Store") and "aimsight.duckdb" in line for line in first.lines)
    assert max(len(line) for line in first.lines if str(folder) not in line) <= 80
    before = contents(folder)
    second = call("demo", "--no-serve", "--into", folder)
    assert second.code == 0
    assert second.out.count(" 0 windows run") == 2
    assert contents(folder) == before
    assert call("-C", folder, "verify").code == 0
    told = json.loads(call("-C", folder, "objectives", "--json").out)
    assert len(told) == 12


def test_a_packaged_file_that_was_changed_stays_changed(tmp_path: Path) -> None:
    """The demo project is the user's: an edited objective is not put back."""
    folder = tmp_path / "demo"
    write_project(SOURCE, folder)
    model = folder / "models" / "air-time.yaml"
    model.write_text(model.read_text("utf-8").replace("10.8", "10.9"), encoding="utf-8")
    write_project(SOURCE, folder)
    assert "10.9" in model.read_text("utf-8")


def test_the_script_that_made_the_data_stays_in_the_package(tmp_path: Path) -> None:
    """Configuration, data and provenance are copied, code is not."""
    folder = tmp_path / "demo"
    write_project(SOURCE, folder)
    names = set(contents(folder))
    assert {"aimsight.yaml", "PROVENANCE.md", "models/wage-band.yaml", "wage-band/log.parquet"} <= names
    assert not [name for name in names if name.endswith((".py", ".pyc", ".part"))]


@pytest.mark.parametrize("stranger", ["notes.txt", "models/mine.yaml"])
def test_a_folder_with_something_else_is_left_alone(tmp_path: Path, stranger: str) -> None:
    """Nothing is written beside another project's files."""
    place = tmp_path / "taken" / stranger
    place.parent.mkdir(parents=True)
    place.write_text("mine")
    with pytest.raises(AimsightError, match="--into"):
        write_project(SOURCE, tmp_path / "taken")
    assert list(contents(tmp_path / "taken")) == [stranger]


def test_an_interrupted_copy_is_completed(tmp_path: Path) -> None:
    """A file that is missing is written; the others are not touched."""
    folder = tmp_path / "demo"
    write_project(SOURCE, folder)
    shutil.rmtree(folder / "air-time")
    write_project(SOURCE, folder)
    assert (folder / "air-time" / "log.parquet").is_file()
