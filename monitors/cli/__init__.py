"""The `aimsight` command: what a person types and what the terminal answers.

For: one command a file, tables for people, `--json` for machines, exit codes.

Never: holds logic another caller would need, or imports anything heavy before a command runs.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
from contextlib import suppress


def main() -> None:
    """Run the command line and leave with its exit code."""
    # the products of metrics are small: threads of the linear algebra library only wait for them, at full load
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # what is imported stays: looking through it for garbage, again and again, would take a tenth of a second
    gc.set_threshold(100_000)
    from aimsight.monitors.cli.app import run

    try:
        run()
    except SystemExit as leaving:
        _leave(leaving.code)


def _leave(code: str | int | None) -> None:
    """End the process here: everything is closed, and taking half a million objects apart takes a tenth of a second."""
    at_work = [one for one in threading.enumerate() if one is not threading.main_thread() and not one.daemon]
    if at_work or not isinstance(code, int):
        sys.exit(code)  # which waits for the threads
    with suppress(BrokenPipeError):  # the reader has gone
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)
