"""Colours: one palette for light and one for dark, and the same as Streamlit options, so that no page needs CSS.

The six verdicts take the six named colours that Markdown knows (``:red[...]``); their values come from
``aimsight.aims.verdicts`` and are given to Streamlit when the app starts. Beside them there is only ink, grey and one
accent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aimsight.aims.verdicts import Verdict

Mode = Literal["light", "dark"]

BADGE_OPACITY: dict[Mode, float] = {"light": 0.05, "dark": 0.12}
"""How much of its colour a verdict's badge has as background: little, so that its text keeps 4.5:1."""

ColourName = Literal["green", "orange", "red", "blue", "violet", "gray"]

COLOUR_NAMES: dict[Verdict, ColourName] = {
    Verdict.CONFORMING: "green",
    Verdict.AT_RISK: "orange",
    Verdict.NONCONFORMING: "red",
    Verdict.INSUFFICIENT: "blue",
    Verdict.AWAITING_LABELS: "violet",
    Verdict.NOT_MEASURED: "gray",
}


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one mode (CSS hexadecimal).

    ``ink`` draws values, ``soft`` the reference they are compared with, ``faint`` rules; ``muted`` is small text;
    ``accent`` is what can be clicked.
    """

    mode: Mode
    background: str
    surface: str
    border: str
    ink: str
    muted: str
    soft: str
    faint: str
    accent: str

    def verdict(self, verdict: Verdict) -> str:
        """The verdict's colour on this background."""
        return verdict.light if self.mode == "light" else verdict.dark


LIGHT = Palette(
    mode="light",
    background="#FFFFFF",
    surface="#F6F7F9",
    border="#DDE1E7",
    ink="#0E1620",
    muted="#566270",
    soft="#B9C2CE",
    faint="#E6E9EE",
    accent="#34508A",
)
DARK = Palette(
    mode="dark",
    background="#12161C",
    surface="#1A2029",
    border="#323B48",
    ink="#E8ECF1",
    muted="#A3AEBB",
    soft="#566272",
    faint="#29313C",
    accent="#A9BFEA",
)


def palette(mode: str | None) -> Palette:
    """The palette of a mode; light where the browser has not said yet."""
    return DARK if mode == "dark" else LIGHT


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def blend(colour: str, background: str, opacity: float) -> str:
    """The colour that ``colour`` at this opacity (0 to 1) gives on the background."""
    mixed = (
        round(a * opacity + b * (1 - opacity)) for a, b in zip(_channels(colour), _channels(background), strict=True)
    )
    return "#" + "".join(f"{channel:02X}" for channel in mixed)


def options() -> dict[str, str]:
    """The Streamlit options (``theme.light.redTextColor`` ...) that give every page these colours.

    Two more keep pages honest: a bare expression draws nothing, and tables have no export of their own, because it
    would write formulas from hostile data as they are (``aimsight query --csv`` makes them harmless).
    """
    found = {
        "theme.baseRadius": "0.375rem",
        "theme.showWidgetBorder": "true",
        "theme.showSidebarBorder": "true",
        "theme.linkUnderline": "false",
        "theme.paddingTop": "0.5rem",
        "theme.paddingBottom": "3rem",
        "theme.headingFontSizes": '["1.75rem", "1.6rem", "1.15rem", "1.05rem", "1rem", "1rem"]',
        "runner.magicEnabled": "false",
        "client.disableDataExport": "true",
    }
    for one in (LIGHT, DARK):
        prefix = f"theme.{one.mode}."
        found |= {
            f"{prefix}primaryColor": one.accent,
            f"{prefix}backgroundColor": one.background,
            f"{prefix}secondaryBackgroundColor": one.surface,
            f"{prefix}textColor": one.ink,
            f"{prefix}linkColor": one.accent,
            f"{prefix}borderColor": one.border,
            f"{prefix}dataframeBorderColor": one.border,
            f"theme.{one.mode}.sidebar.backgroundColor": one.surface,
            f"theme.{one.mode}.sidebar.secondaryBackgroundColor": one.faint,
        }
        for verdict, name in COLOUR_NAMES.items():
            colour = one.verdict(verdict)
            found[f"{prefix}{name}Color"] = colour
            found[f"{prefix}{name}TextColor"] = colour
            found[f"{prefix}{name}BackgroundColor"] = blend(colour, one.background, BADGE_OPACITY[one.mode])
    return found


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in (x / 255 for x in _channels(colour))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def toml_text() -> str:
    """The content of ``dashboard/.streamlit/config.toml``, which Streamlit reads because it lies beside ``app.py``.

    A test keeps the file equal to this; after a change of colours write it anew:
    ``python -m aimsight.dashboard.theme > dashboard/.streamlit/config.toml``
    """
    sections: dict[str, list[str]] = {}
    for name, value in sorted(options().items()):
        section, _, key = name.rpartition(".")
        text = value if value in {"true", "false"} or value.startswith("[") else f'"{value}"'
        sections.setdefault(section, []).append(f"{key} = {text}")
    parts = [f"[{section}]\n" + "\n".join(lines) + "\n" for section, lines in sections.items()]
    return (
        "# Written by aimsight.dashboard.theme.toml_text; the verdicts' colours are those of aimsight.aims.verdicts.\n"
        + "\n".join(parts)
    )


if __name__ == "__main__":
    import sys

    sys.stdout.write(toml_text())
