"""Whatever happens in whatever order, the invariants hold: a state machine over a project and a plain model of it."""

from __future__ import annotations

import errno
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from aimsight.configs.errors import NotFoundError, StoreError
from aimsight.monitors.run import run_due
from aimsight.store.database import Store
from aimsight.tests.configurations import an_objective
from aimsight.tests.monitors import faulty
from aimsight.tests.monitors.sandbox import DAY, QUALITY, REFERENCE_DAYS, Sandbox, binary_rows

FIRST_DAY = REFERENCE_DAYS
COVERAGE, DELAY, TARGET = 0.5, 3, 0.7
ROWS = 40


class Crash(BaseException):
    """The process ends here: nothing may catch it and go on."""


class Days(RuleBasedStateMachine):
    """Days and labels arrive, runs are made and fail, the configuration and the clock change.

    The model of the truth: by day, how many decisions are wrong and how many labels have arrived; what a window's
    verdict must be follows from these two numbers and the date by a few comparisons.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="machine-"))
        self.sandbox = Sandbox(self.folder / "project")
        self.days: dict[int, tuple[int, int]] = {}
        self.today = FIRST_DAY
        self.whole = False
        self.seen: set[str] = set()

    @initialize()
    def begin(self) -> None:
        """A model with its reference."""
        self.sandbox.model(
            labels={"delay": f"{DELAY}d", "min_coverage": COVERAGE}, metrics=["performance.accuracy", *QUALITY]
        )
        self.sandbox.days(*range(FIRST_DAY), n=ROWS)
        assert self.sandbox.project.models

    @rule(wrong=st.sampled_from([2, 30]), labelled=st.sampled_from([0, 10, ROWS]), gap=st.booleans())
    def a_day_arrives(self, wrong: int, labelled: int, gap: bool) -> None:
        """The next day is over; perhaps its file never comes."""
        if not gap:
            self.sandbox.day(self.today, binary_rows(self.today, n=ROWS, wrong=wrong), labels=False)
            self.days[self.today] = (wrong, 0)
            self._label(self.today, labelled)
        self.today += 1
        self.whole = False

    @precondition(lambda self: self.days)
    @rule(data=st.data())
    def labels_arrive(self, data: st.DataObject) -> None:
        """All labels of a day that had none or some."""
        self._label(data.draw(st.sampled_from(sorted(self.days))), ROWS)
        self.whole = False

    @precondition(lambda self: self.days)
    @rule(data=st.data())
    def a_file_comes_twice(self, data: st.DataObject) -> None:
        """A day's file is uploaded again under another name."""
        path = self.sandbox.path(data.draw(st.sampled_from(sorted(self.days))))
        shutil.copy(path, path.with_name(f"{path.stem}-again.parquet"))
        self.whole = False

    @rule(days=st.integers(-500, 500))
    def the_clock_jumps(self, days: int) -> None:
        """The machine's clock is set; windows come from the data."""
        moved = self.sandbox.clock.moment + days * DAY
        if 2000 < moved.year < 2100:
            self.sandbox.clock.moment = moved

    @rule(goal=st.sampled_from([">= 0.7", ">= 0.71"]))
    def the_configuration_changes(self, goal: str) -> None:
        """The owner edits the target; both targets judge the days of this machine alike."""
        self.sandbox.model(
            labels={"delay": f"{DELAY}d", "min_coverage": COVERAGE},
            metrics=["performance.accuracy", *QUALITY],
            objectives=[an_objective(target=goal)],
        )

    @rule()
    def run(self) -> None:
        """What is due is run; a second run finds nothing to do and changes no byte."""
        self.sandbox.run(self.today)
        self.whole = True
        before = self.sandbox.store.path.read_bytes()
        assert self.sandbox.run(self.today)["credit"].runs == []
        assert self.sandbox.store.path.read_bytes() == before

    @rule(seam=st.integers(1, 30), kind=st.sampled_from(["crash", "disk full"]))
    def a_run_fails(self, seam: int, kind: str) -> None:
        """The process dies, or the disk is full, at some seam of a run."""
        left = [seam]

        def hook(name: str) -> None:
            if name == "close":
                return
            left[0] -= 1
            if left[0] == 0:
                if kind == "crash":
                    raise Crash
                if name.startswith(("after:", "progress", "INSERT")):
                    left[0] = 1
                else:
                    raise OSError(errno.ENOSPC, "No space left on device")

        seams = faulty.Seams(hook)
        own = self.sandbox.store
        store = Store(own.path, clock=own.clock, files=seams.files, connect=seams.connect, checkpoints=own.checkpoints)
        now = self.sandbox.window(self.today).start
        try:
            run_due(self.sandbox.project, store, now=now, progress=seams.progress)
        except (Crash, StoreError, OSError):
            self.whole = False
            return
        self.whole = True

    @invariant()
    def the_store_is_sound(self) -> None:
        """It opens, holds no half run, its ledger verifies; no record that was opened is gone or closed."""
        if not self.sandbox.store.path.exists():
            return
        try:
            self.sandbox.check(complete=self.whole)
        except NotFoundError:  # the process died before the tables were there
            assert not self.whole
            return
        found = self.sandbox.nonconformities()
        assert {row["state"] for row in found} <= {"detected"}
        names = {row["nonconformity"] for row in found}
        assert self.seen <= names
        self.seen = names

    @invariant()
    def verdicts_are_the_truth(self) -> None:
        """After a run every day that is over has one latest verdict, and it is what its rows and labels say."""
        if not self.whole or not self.sandbox.store.path.exists():
            return
        verdicts = self.sandbox.verdicts()
        assert verdicts == {day: self._expected(day) for day in range(FIRST_DAY, self.today)}
        failed = sum(verdict == "nonconforming" for verdict in verdicts.values())
        if failed:
            assert all(row["occurrences"] >= 2 for row in self.sandbox.nonconformities())

    def teardown(self) -> None:
        """Leave nothing behind."""
        shutil.rmtree(self.folder)

    def _label(self, day: int, labelled: int) -> None:
        wrong, before = self.days[day]
        if labelled > before:
            rows = binary_rows(day, n=ROWS, wrong=wrong)
            self.sandbox.labels(day, rows[ROWS - labelled :])
            self.days[day] = (wrong, labelled)

    def _expected(self, day: int) -> str:
        if day not in self.days:
            return "not measured"
        wrong, labelled = self.days[day]
        if labelled >= COVERAGE * ROWS:
            return "nonconforming" if wrong == 30 else "conforming"
        return "insufficient evidence" if day + 1 + DELAY <= self.today else "awaiting labels"


TestDays = Days.TestCase
TestDays.settings = settings(
    max_examples=5,
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
