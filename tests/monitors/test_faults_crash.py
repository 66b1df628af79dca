"""Runs that are killed, interrupted, starved of disk or started twice: whole or absent, and right the next time."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aimsight.configs.errors import NotFoundError
from aimsight.store.lock import lock_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aimsight.tests.monitors.sandbox import Sandbox

SUMS = (
    "SELECT metric, column_name, segment, window_start, value, undefined_reason, n FROM measurements "
    "WHERE is_latest ORDER BY ALL"
)


class Workers:
    """Runs children in a process of their own; see ``faulty.py``."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("faulty.py")
        self.process = subprocess.Popen(
            [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, sandbox: Sandbox, *jobs: dict[str, Any], until: int = 6, **request: Any) -> list[int]:
        """The exit codes of children that ran side by side (negative: the signal that ended them)."""
        now, clock = sandbox.window(until).start, sandbox.clock.now()
        common = {"root": str(sandbox.root), "now": now.isoformat(), "clock": clock.isoformat()}
        out = {"out": str(sandbox.root / "worker.out")}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"jobs": [{**common, **out, **job} for job in jobs], **request}) + "\n")
        self.process.stdin.flush()
        codes: list[int] = json.loads(self.process.stdout.readline())
        return codes

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    """The process that runs children."""
    found = Workers()
    yield found
    found.close()


def said(sandbox: Sandbox) -> str:
    """What the children said."""
    return (sandbox.root / "worker.out").read_text()


def expect_whole(sandbox: Sandbox) -> None:
    """Whatever happened before: the store is sound as it is, and the next run makes everything whole, once."""
    if sandbox.store.path.exists():
        with suppress(NotFoundError):  # killed before the tables were there: the next run makes them
            sandbox.check(complete=False)
    sandbox.run(6)
    sandbox.check()
    assert {day: found[-1] for day, found in sandbox.outcomes().items()} == {4: "success", 5: "success"}
    assert all(found.count("success") == 1 for found in sandbox.outcomes().values())
    assert sandbox.values("performance.accuracy") == {4: 30 / 60, 5: 30 / 60}
    assert [(row["nonconformity"], row["occurrences"]) for row in sandbox.nonconformities()] == [("NC-2026-0001", 2)]
    before = sandbox.store.path.read_bytes()
    assert sandbox.run(6)["credit"].runs == []
    assert sandbox.store.path.read_bytes() == before


@pytest.fixture
def failing(sandbox: Sandbox) -> Sandbox:
    """A project whose first run opens a nonconformity."""
    sandbox.model(metrics=["performance.accuracy", "quality.rows"])
    sandbox.days(0, 1, 2, 3)
    sandbox.days(4, 5, wrong=30)
    assert sandbox.project.models
    return sandbox


# A first run has four transactions: the tables, what is planned with the reference, the attempts, the results; the
# second and the last add to the ledger and are followed by a checkpoint.
SEAMS = [
    *(("COMMIT", n) for n in (1, 2, 4)),
    *(("append", n) for n in (1, 2)),
    ("after:append", 2),
    ("after:COMMIT", 3),
    ("progress windows", 2),
    ("after:INSERT", 14),
]


@pytest.mark.parametrize(("seam", "n"), SEAMS)
def test_a_run_that_is_killed_is_whole_or_absent(failing: Sandbox, workers: Workers, seam: str, n: int) -> None:
    """SIGKILL before and after every commit, every checkpoint and between the steps."""
    assert workers.run(failing, {"seam": seam, "n": n}) == [-signal.SIGKILL]
    expect_whole(failing)


def test_killed_again_and_again(failing: Sandbox, workers: Workers) -> None:
    """SIGKILL at random moments, each time going on where the last one ended; then everything is there once."""
    chance = random.Random(8)
    for _ in range(6):
        codes = workers.run(failing, {}, signal=signal.SIGKILL, after=chance.uniform(0.02, 0.5))
        assert codes[0] in (0, -signal.SIGKILL)
        if failing.store.path.exists():
            with suppress(NotFoundError):
                failing.check(complete=False)
    expect_whole(failing)


def test_a_killed_attempt_is_on_record(failing: Sandbox, workers: Workers) -> None:
    """What was under way is `abandoned`, in the order of the revisions before the result."""
    workers.run(failing, {"seam": "COMMIT", "n": 4})
    failing.run(6)
    assert failing.outcomes() == {4: ["abandoned", "success"], 5: ["abandoned", "success"]}
    assert "ended without a result" in failing.rows("SELECT reason FROM runs WHERE outcome = 'abandoned'")[0]["reason"]
    assert failing.rows("SELECT * FROM attempt") == []


@pytest.mark.parametrize("after", [0.0, 0.15])
def test_ctrl_c_ends_a_run_without_a_trace_of_it(failing: Sandbox, workers: Workers, after: float) -> None:
    """SIGINT: the exit code says so, nobody sees a traceback, and the next run finishes the work."""
    job = {"cli": ["-C", str(failing.root), "run", "--now", failing.window(6).start.isoformat()]}
    begun = str(lock_path(failing.store.path))
    codes = workers.run(failing, job, signal=signal.SIGINT, once=begun, after=after)
    assert codes[0] in (130, 3)  # 3: it was done before
    assert "Traceback" not in said(failing)
    expect_whole(failing)


@pytest.mark.parametrize("size", [4096, 1_000_000, 2_500_000])
def test_a_full_disk_loses_nothing_that_was_kept(failing: Sandbox, workers: Workers, size: int) -> None:
    """No file may grow beyond a size: the run ends with an error about the store, and all is well with room again."""
    failing.run(5)
    kept = failing.rows(SUMS)
    (code,) = workers.run(failing, {"file_size": size})
    assert code in (0, 1)
    if code == 1:
        assert "StoreError" in said(failing)
    assert [row for row in failing.rows(SUMS) if row in kept] == kept
    expect_whole(failing)


def test_two_runs_at_once_do_the_work_once(failing: Sandbox, workers: Workers) -> None:
    """Both may compute, one records; neither fails, and nothing is there twice."""
    for until in (5, 6):
        codes = workers.run(failing, {}, {}, {}, until=until)
        assert codes == [0, 0, 0]
        failing.check()
    assert failing.outcomes() == {4: ["success"], 5: ["success"]}
    expect_whole(failing)


def test_two_failing_runs_at_once_are_one_failure(failing: Sandbox, workers: Workers) -> None:
    """A run that cannot read its source is recorded once, whoever finds out."""
    failing.path(5).write_bytes(b"")
    assert workers.run(failing, {}, {}, {}) == [0, 0, 0]
    assert failing.outcomes() == {4: ["success"], 5: ["error"]}
    failing.check()


def test_readers_are_served_during_runs(failing: Sandbox, workers: Workers) -> None:
    """A command that reads beside one that writes answers; it never sees half a run."""
    failing.run(5)
    status = {"cli": ["-C", str(failing.root), "status"]}
    codes = workers.run(failing, {}, status, status, status)
    assert codes[0] == 0
    assert set(codes[1:]) <= {0, 3}
    failing.check()
