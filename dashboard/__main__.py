"""The dashboard's server: Streamlit as its own command runs it, with the pages' imports done before anyone asks.

``python -m aimsight.dashboard run APP ...`` takes what ``streamlit run APP ...`` takes. While the server comes up and
the browser fetches its scripts, a thread imports what the first page needs; otherwise that page would wait for it.
"""

from __future__ import annotations

import importlib
import threading

from streamlit.web import cli

NEEDED = ("pyarrow", "pandas", "duckdb", "aimsight.dashboard.charts.series", "aimsight.dashboard.editing")


def warm() -> None:
    """Import what pages need."""
    for name in NEEDED:
        importlib.import_module(name)


if __name__ == "__main__":
    threading.Thread(target=warm, name="warm", daemon=True).start()
    cli.main()
