"""The `aimsight` command: what a person types and what the terminal answers.

For: one command a file, tables for people, `--json` for machines, exit codes.

Never: holds logic another caller would need, or imports anything heavy before a command runs.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from contextlib import suppress
from types import FrameType

INTERRUPTED = 130


def main() -> None:
    """Run the command line and leave with its exit code."""
    # the products of metrics are small: threads of the linear algebra library only wait for them, at full load
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # what is imported stays: looking through it for garbage, again and again, would take a tenth of a second
    gc.set_threshold(100_000)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else the shell wants it ignored
        signal.signal(signal.SIGINT, on_interrupt)
    from aimsight.monitors.cli.app import run

    try:
        run()
    except SystemExit as leaving:
        _leave(leaving.code)


def on_interrupt(number: int, frame: FrameType | None) -> None:
    """Ctrl-C: raise `KeyboardInterrupt`, but leave at once while DuckDB is loaded, which would abort with a trace."""
    duckdb = sys.modules.get("duckdb")
    if duckdb is not None and not hasattr(duckdb, "connect"):
        os._exit(INTERRUPTED)  # nothing has been begun yet
    signal.default_int_handler(number, frame)


def _leave(code: str | int | None) -> None:
    """End the process here: everything is closed, and taking half a million objects apart takes a tenth of a second."""
    at_work = [one for one in threading.enumerate() if one is not threading.main_thread() and not one.daemon]
    if at_work or not isinstance(code, int):
        sys.exit(code)  # which waits for the threads
    with suppress(BrokenPipeError):  # the reader has gone
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)
