"""The page of the configuration's keys says what the schema says."""

from __future__ import annotations

from pathlib import Path

from aimsight.configs.page import render

PAGE = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"


def test_the_page_is_up_to_date() -> None:
    """`python -m aimsight.configs.page docs/configuration.md` was run after the last change of the schema."""
    assert PAGE.read_text(encoding="utf-8") == render()


def test_every_key_is_explained() -> None:
    """No key lacks its meaning, and what must be given is marked."""
    rows = [line for line in render().splitlines() if line.startswith("| `")]
    assert len(rows) > 60
    assert not [row for row in rows if "| |" in row or "|  |" in row]
    assert any(row.startswith("| `organisation` |") and row.endswith("**required** |") for row in rows)
