"""What every test shares: hypothesis' settings and, for the browser tests, a Chromium."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

# No deadline: a busy machine is no failure. Derandomized, because a red run must be red again when repeated.
settings.register_profile("aimsight", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("aimsight")

CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium() -> str | None:
    """Return the path of an installed Chromium, or None; nothing is ever downloaded."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


def browser_tests_run() -> bool:
    """Return whether the browser tests take part: where Chromium is, and always in CI, to fail there without it."""
    return find_chromium() is not None or os.environ.get("CI", "").lower() in {"1", "true"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the browser tests where they cannot run and need not."""
    if browser_tests_run():
        return
    left_out = [item for item in items if item.get_closest_marker("browser")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("browser")]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say it when the browser tests were left out."""
    if not browser_tests_run():
        terminalreporter.write_line("Without the browser tests: no Chromium found. CI installs one and runs them.")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Give a running headless Chromium, driven by playwright; one per test process."""
    from playwright.sync_api import sync_playwright

    path = find_chromium()
    if path is None:
        pytest.fail("the browser tests need Chromium; on Debian and Ubuntu: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=list(CHROMIUM_FLAGS))
        yield browser
        browser.close()
