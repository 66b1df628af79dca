"""The page about registers is what the types say."""

from __future__ import annotations

from pathlib import Path

from aimsight.aims.registers.page import render

PAGE = Path(__file__).resolve().parents[2] / "docs" / "registers.md"


def test_the_page_is_up_to_date() -> None:
    """Whoever changes a type runs `python -m aimsight.aims.registers.page docs/registers.md`."""
    assert PAGE.read_text("utf-8") == render()
