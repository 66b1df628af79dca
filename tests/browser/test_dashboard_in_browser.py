"""Every page in Chromium: laptop and phone, light and dark; no exception, no overflow, readable, harmless."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from aimsight.tests.browser import screens

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page

pytestmark = pytest.mark.browser

PAGES = ("", "model", "drift", "fairness", "nonconformities", "objectives", "review", "plan", "registers", "operations")
SIZES = {"laptop": (1366, 768), "phone": (390, 844)}


def opened(browser: Browser, url: str, size: str, scheme: str = "light", **more: str) -> Page:
    """Open an address in a fresh window and wait until everything is drawn."""
    width, height = SIZES[size]
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme, **more)  # type: ignore[arg-type]  # literals of playwright
    page.goto(url)
    screens.settle(page)
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", list(SIZES))
def test_every_page_is_whole(chromium: Browser, served: str, size: str, scheme: str) -> None:
    """No exception box, no horizontal scrolling, a title of its own, the system's theme, every chart drawn."""
    page = opened(chromium, served, size, scheme)
    titles = set()
    for name in PAGES:
        page.goto(f"{served}/{name}")
        screens.settle(page)
        titles.add(page.title())
        assert page.locator("[data-testid=stException]").count() == 0, name
        main = page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
        whole = page.evaluate("document.documentElement.scrollWidth")
        assert max(main, whole) <= SIZES[size][0], f"{name or 'overview'} is wider than the window"
        background = page.evaluate("getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor")
        assert background == {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 22, 28)"}[scheme]
        for chart in page.locator("[data-testid=stVegaLiteChart]").all():
            assert chart.locator("svg, canvas").count() >= 1, name
    assert len(titles) == len(PAGES), "tabs that read alike"
    page.close()


def test_a_deep_link_opens_the_app_and_not_a_bare_page(chromium: Browser, served: str) -> None:
    """The first address that a server ever gets may be a deep link: navigation and chosen model are there."""
    page = opened(chromium, f"{served}/drift?model=credit-limit&column=purpose", "laptop")
    navigation = page.locator("[data-testid=stSidebarNav]").inner_text()
    for name in (
        "Overview",
        "Objectives over time",
        "Drift",
        "Fairness",
        "Nonconformities",
        "Objectives",
        "Operations",
    ):
        assert name in navigation
    assert "purpose" in page.locator("[data-testid=stMain]").inner_text()
    page.close()


def test_the_first_screen_answers_on_a_laptop(chromium: Browser, served: str) -> None:
    """Without scrolling: what is wrong, since when, who acts, until when."""
    page = opened(chromium, served, "laptop")
    for text in ("1 of 6 objectives not met", "owned by risk@example.org", "since Jul 2026", "due 4 Dec 2026"):
        box = page.get_by_text(re.compile(re.escape(text))).first.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 768, text
    page.close()


def test_a_verdict_has_its_colour_in_both_themes(chromium: Browser, served: str) -> None:
    """The badge of nonconforming has the verdict's own colour, not Streamlit's red."""
    for scheme, colour in (("light", "rgb(179, 64, 11)"), ("dark", "rgb(255, 138, 91)")):
        page = opened(chromium, served, "laptop", scheme)
        badge = page.get_by_text("■ nonconforming").first
        assert badge.evaluate("element => getComputedStyle(element).color") == colour
        page.close()


def test_times_do_not_depend_on_the_browsers_zone(chromium: Browser, served: str) -> None:
    """The time axis of the first chart reads the same in Los Angeles and in Auckland."""
    axes = []
    for zone in ("America/Los_Angeles", "Pacific/Auckland"):
        page = opened(chromium, f"{served}/model", "laptop", timezone_id=zone)
        chart = page.locator("[data-testid=stVegaLiteChart] svg").first
        axes.append([text for text in chart.locator(".role-axis-label text").all_text_contents() if text])
        page.close()
    assert axes[0] == axes[1]
    assert "2026" in axes[0]


def test_hostile_names_make_no_link_image_script_or_request(chromium: Browser, hostile: str) -> None:
    """Names with Markdown, HTML and addresses show as text, and no page asks any other server for anything."""
    page = chromium.new_page(viewport={"width": 1366, "height": 768})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    dialogs: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismiss)
    for name in PAGES:
        page.goto(f"{hostile}/{name}")
        screens.settle(page)
        assert page.locator("[data-testid=stException]").count() == 0, name
        assert page.locator("a[href*='evil']").count() == 0, name
        assert page.locator("img[src*='evil'], [data-testid=stMain] script, [data-testid=stMain] b").count() == 0, name
    assert dialogs == []
    assert [url for url in asked if not url.startswith((hostile, "data:", "blob:"))] == []
    page.close()
