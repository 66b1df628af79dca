"""Trouble with the store and the clock: in use, from a newer version, damaged, unwritable, set back."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import duckdb
import pytest

from aimsight.configs.errors import StoreBusyError, StoreError, StoreVersionError
from aimsight.monitors.run import run_due
from aimsight.store.database import Store
from aimsight.store.lock import lock_path
from aimsight.store.verify import verify
from aimsight.tests.monitors import faulty

if TYPE_CHECKING:
    from aimsight.tests.monitors.sandbox import Sandbox


def command(sandbox: Sandbox, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", "from aimsight.monitors.cli.app import run; run()", "-C", str(sandbox.root), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def ready(sandbox: Sandbox) -> Sandbox:
    """A project with a result and one more day to run."""
    sandbox.model()
    sandbox.days(*range(6))
    sandbox.run(5)
    return sandbox


def test_a_store_in_use_is_said_to_be(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the process that holds it, the exit code asks to try again, and the day stays planned."""
    ready(sandbox)
    descriptor = os.open(lock_path(sandbox.store.path), os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        patient = Store.read
        monkeypatch.setattr(Store, "read", lambda self, timeout=0.1: patient(self, timeout))
        with pytest.raises(StoreBusyError, match=f"in use by another process .*{os.getpid()}") as caught:
            sandbox.run(6)
        assert caught.value.exit_code == 75
    finally:
        os.close(descriptor)
    assert sandbox.run(6)["credit"].problem == ""
    sandbox.check()


def test_a_store_of_a_newer_version_is_left_alone(sandbox: Sandbox) -> None:
    """Neither read nor written; the words say what to do."""
    ready(sandbox)
    with duckdb.connect(str(sandbox.store.path)) as connection:
        connection.execute("INSERT INTO schema_version VALUES (99, 'of the future', now())")
    before = sandbox.store.path.read_bytes()
    with pytest.raises(StoreVersionError, match="99"):
        sandbox.run(6)
    assert sandbox.store.path.read_bytes() == before
    done = command(sandbox, "run")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "99" in done.stderr


def test_a_damaged_store_is_kept_and_named(sandbox: Sandbox) -> None:
    """Nothing is repaired by deleting: the error says how to restore."""
    ready(sandbox)
    path = sandbox.store.path
    path.write_bytes(b"\0" * 4096 + path.read_bytes()[4096:])
    before = path.read_bytes()
    with pytest.raises(StoreError, match="To restore"):
        sandbox.run(6)
    assert path.read_bytes() == before


def test_every_call_to_the_outside_may_fail(sandbox: Sandbox) -> None:
    """A full disk at the first call, at the second, ... until none fails: sound after each, all there at the end."""
    sandbox.model()
    sandbox.days(*range(6))
    sandbox.run(5)
    failures = 0
    for failing in range(1, 60):
        left = [failing]

        def hook(name: str, left: list[int] = left) -> None:
            if not name.startswith(("after:", "close", "progress", "INSERT")):
                left[0] -= 1
                if left[0] == 0:
                    if name in {"BEGIN", "COMMIT", "connect"}:
                        raise duckdb.IOException(f"IO Error: could not write: No space left on device ({name})")
                    raise OSError(errno.ENOSPC, "No space left on device", name)

        seams = faulty.Seams(hook)
        store = Store(
            sandbox.store.path,
            clock=sandbox.clock,
            files=seams.files,
            connect=seams.connect,
            checkpoints=sandbox.store.checkpoints,
        )
        try:
            run_due(sandbox.project, store, now=sandbox.window(6).start)
        except StoreError:
            failures += 1
            report = verify(sandbox.store, list(sandbox.store.checkpoints))
            assert report.intact, report.findings
            continue
        break
    assert failures > 5
    assert sandbox.outcomes()[5][-1] == "success"
    assert sandbox.outcomes()[4] == ["success"]
    sandbox.check()


def test_a_clock_that_jumps_back_is_a_warning(sandbox: Sandbox) -> None:
    """Windows come from the data: nothing is run twice, the ledger goes on, and verify says what happened."""
    ready(sandbox)
    sandbox.clock.moment -= timedelta(days=400)
    sandbox.run(6)
    assert sandbox.outcomes()[5] == ["success"]
    report = verify(sandbox.store, list(sandbox.store.checkpoints))
    assert report.intact, report.findings
    assert any("the clock was set back" in warning for warning in report.warnings)
    sandbox.clock.moment += timedelta(days=800)
    assert sandbox.run(6)["credit"].runs == []
    assert sandbox.run(3)["credit"].runs == []


def test_exit_codes_tell_the_truth(sandbox: Sandbox) -> None:
    """0 conforming, 3 nonconforming, 1 for a run that failed; the words are there, a traceback never."""
    sandbox.model()
    sandbox.days(0, 1, 2, 3, 4)
    sandbox.days(5, wrong=50)
    moments = [sandbox.window(day).start.isoformat() for day in (5, 6, 7, 8)]
    assert sandbox.project.models
    assert command(sandbox, "run", "--now", moments[0]).returncode == 0
    assert command(sandbox, "run", "--now", moments[1]).returncode == 3
    sandbox.path(6).write_bytes(b"")
    done = command(sandbox, "--json", "run", "--now", moments[2])
    assert done.returncode == 1
    assert "is empty (0 bytes)" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    for day in range(7):
        sandbox.path(day).unlink()
    lost = command(sandbox, "run", "--now", moments[2])
    assert lost.returncode == 1
    assert "no file matches data/credit/*.parquet" in lost.stdout + lost.stderr
    sandbox.check()


def test_the_status_of_a_failed_run_is_an_error(sandbox: Sandbox) -> None:
    """Nothing is nonconforming, and nothing was measured either; when the day is measured all is well."""
    sandbox.model()
    sandbox.days(0, 1, 2, 3, 4)
    whole = sandbox.path(4).read_bytes()
    sandbox.path(4).write_bytes(b"")
    assert sandbox.project.models
    now = sandbox.window(5).start.isoformat()
    assert command(sandbox, "run", "--now", now).returncode == 1
    assert command(sandbox, "status").returncode == 1
    sandbox.path(4).write_bytes(whole)
    assert command(sandbox, "run", "--now", now).returncode == 0
    assert command(sandbox, "status").returncode == 0


def test_a_run_never_imports_evidently_or_the_dashboard(sandbox: Sandbox) -> None:
    """What takes seconds to import is made on demand only."""
    sandbox.model()
    sandbox.days(0, 1, 2, 3)
    sandbox.days(4, 5, wrong=40)
    code = (
        "import sys; from pathlib import Path; from datetime import datetime\n"
        "from aimsight.configs.load import load_project; from aimsight.metrics.registry import facts\n"
        "from aimsight.monitors.run import run_due; from aimsight.store.database import Store\n"
        "project = load_project(Path(sys.argv[1]), facts())\n"
        "store = Store(project.root / project.config.store)\n"
        "(one,) = run_due(project, store, now=datetime.fromisoformat(sys.argv[2]))\n"
        "assert one.opened == ['NC-%d-0001' % datetime.now().year], one\n"
        "print(sorted({'evidently', 'streamlit', 'apprise', 'plotly', 'altair'} & set(sys.modules)))"
    )
    assert sandbox.project.models
    arguments = [sys.executable, "-c", code, str(sandbox.root), sandbox.window(6).start.isoformat()]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr
