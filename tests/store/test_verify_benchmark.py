"""The benchmark of verification makes a ledger that is whole, whatever its length."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "verify.py"


@pytest.mark.parametrize("entries", [90, 91, 92])
def test_its_ledger_is_whole(entries: int) -> None:
    """Entries break off within a window too: the rows are still those that were written."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--entries", str(entries)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{entries} entries, 2 of them by people, whole: True" in done.stdout
