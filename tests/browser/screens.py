"""Writes a picture of every page at laptop and phone width, light and dark: ``python tests/browser/screens.py FOLDER``.

With ``--project FOLDER`` it shows that project; without, the sample project of the tests.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

if TYPE_CHECKING:
    from playwright.sync_api import Page

PAGES = ("", "model", "drift", "fairness", "nonconformities", "objectives", "review", "plan", "registers", "operations")
SIZES = {"laptop": (1366, 768), "phone": (390, 844)}
SCHEMES = ("light", "dark")
MOBILE = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Mobile Safari/537.36"
"""What a phone's browser says it is, which the pages ask for the room that tables have."""
CHARTS_ARE_DRAWN = """
() => [...document.querySelectorAll('[data-testid=stVegaLiteChart]')].every(chart => chart.querySelector('svg, canvas'))
"""
APP = Path(__file__).resolve().parents[2] / "dashboard" / "app.py"


@contextmanager
def serving(project: Path, **environment: str) -> Iterator[str]:
    """Run the dashboard of a project for as long as the block lasts; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable, "-m", "aimsight.dashboard", "run", str(APP),
        "--server.address=127.0.0.1", f"--server.port={port}", "--server.headless=true",
        "--server.fileWatcherType=none", "--browser.gatherUsageStats=false", "--client.toolbarMode=viewer",
        "--client.showErrorDetails=none", "--global.developmentMode=false",
    ]  # fmt: skip
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=project,
        env={**os.environ, **environment, "AIMSIGHT_PROJECT": str(project)},
    )
    url = f"http://127.0.0.1:{port}"
    try:
        opener = build_opener(ProxyHandler({}))
        for _ in range(300):
            try:
                with opener.open(f"{url}/_stcore/health", timeout=2):
                    break
            except (URLError, OSError):
                time.sleep(0.1)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def settle(page: Page) -> None:
    """Wait until the page has drawn everything: the script has ended and every chart is there."""
    page.wait_for_selector("h2", timeout=30_000)
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]", timeout=30_000)
    page.wait_for_selector("[data-testid=stSkeleton]", state="detached", timeout=30_000)
    page.wait_for_function(CHARTS_ARE_DRAWN, timeout=30_000)
    page.wait_for_timeout(300)


def whole_height(page: Page) -> int:
    """Height of everything on the page, in pixels."""
    return int(page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight"))


def sample(folder: Path, *, hostile: bool = False) -> Path:
    """The sample project of the dashboard's tests, written into a folder."""
    path = Path(__file__).resolve().parents[1] / "dashboard" / "sample_project.py"
    spec = importlib.util.spec_from_file_location("sample_project", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["sample_project"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    names = module.HOSTILE if hostile else module.Names()
    written: Path = module.write_project(folder / "project", names)
    return written


def main() -> None:
    """Write the pictures."""
    from playwright.sync_api import sync_playwright

    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--project", type=Path)
    arguments.add_argument("--pages", nargs="*", default=list(PAGES))
    arguments.add_argument("--sizes", nargs="*", default=list(SIZES))
    arguments.add_argument("--schemes", nargs="*", default=list(SCHEMES))
    arguments.add_argument("--chromium", default="/usr/bin/chromium")
    options = arguments.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        project = options.project or sample(Path(scratch))
        browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox", "--disable-gpu"])
        with serving(project.resolve()) as url:
            for size in options.sizes:
                for scheme in options.schemes:
                    width, height = SIZES[size]
                    page = browser.new_page(
                        viewport={"width": width, "height": height},
                        color_scheme=scheme,
                        user_agent=MOBILE if size == "phone" else None,
                    )
                    for name in options.pages:
                        route, _, query = name.partition("?")
                        page.set_viewport_size({"width": width, "height": height})
                        page.goto(f"{url}/{route}" + (f"?{query}" if query else ""))
                        settle(page)
                        page.set_viewport_size({"width": width, "height": max(height, whole_height(page))})
                        page.wait_for_timeout(500)
                        page.screenshot(path=options.folder / f"{route or 'overview'}-{size}-{scheme}.png")
                    page.close()
        browser.close()


if __name__ == "__main__":
    main()
