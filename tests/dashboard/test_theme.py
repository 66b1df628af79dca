"""Colours that can be read, the same in charts and in Streamlit's own elements."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from aimsight.aims.verdicts import Verdict
from aimsight.dashboard import theme
from aimsight.dashboard.theme import DARK, LIGHT, Palette

CONFIG = Path(__file__).resolve().parents[2] / "dashboard" / ".streamlit" / "config.toml"


def test_contrast_is_that_of_the_guidelines() -> None:
    """Black on white is 21:1, a colour on itself 1:1, and #767676 on white is known as the limit of 4.5."""
    assert theme.contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert theme.contrast("#123456", "#123456") == pytest.approx(1)
    assert theme.contrast("#767676", "#FFFFFF") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("palette", [LIGHT, DARK])
@pytest.mark.parametrize("verdict", list(Verdict))
def test_verdicts_can_be_read(palette: Palette, verdict: Verdict) -> None:
    """At least 4.5:1 as text, on the page and on the badge's own background."""
    colour = palette.verdict(verdict)
    badge = theme.options()[f"theme.{palette.mode}.{theme.COLOUR_NAMES[verdict]}BackgroundColor"]
    assert theme.contrast(colour, palette.background) >= 4.5
    assert theme.contrast(colour, badge) >= 4.5


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_text_can_be_read(palette: Palette) -> None:
    """Ink, small text and links, on the page and on the sidebar; the reference's bars stand out from the page."""
    for ground in (palette.background, palette.surface):
        for colour in (palette.ink, palette.muted, palette.accent):
            assert theme.contrast(colour, ground) >= 4.5
    assert theme.contrast(palette.ink, palette.soft) >= 3


def test_the_packaged_theme_is_the_one_of_the_code() -> None:
    """The file beside app.py holds exactly the options that the code derives from the verdicts."""
    text = CONFIG.read_text(encoding="utf-8")
    assert text == theme.toml_text()
    parsed = tomllib.loads(text)
    assert parsed["theme"]["light"]["redTextColor"] == Verdict.NONCONFORMING.light
    assert parsed["theme"]["dark"]["greenTextColor"] == Verdict.CONFORMING.dark
    assert parsed["runner"]["magicEnabled"] is False
    assert parsed["client"]["disableDataExport"] is True


def test_streamlit_knows_every_option() -> None:
    """A misspelt option would be ignored silently."""
    from streamlit import config

    assert set(theme.options()) <= set(config.get_config_options())


def test_each_verdict_has_a_colour_name_of_its_own() -> None:
    """No two verdicts share a colour."""
    assert len(set(theme.COLOUR_NAMES.values())) == len(Verdict)
