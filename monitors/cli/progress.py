"""Progress of long work on a terminal: how much is done, how fast, how long it will take; silent otherwise."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from aimsight.aims.words import plain

if TYPE_CHECKING:
    from rich.console import Console

Report = Callable[[str, int, int], None]
"""Called with what is being done (``air-time: windows``), how much is done, and how much there is (0: unknown)."""

QUIET_SECONDS = 1.0
"""Work that is done within this time shows no bar."""


class _Amount(ProgressColumn):
    """How much is done, and how fast."""

    def render(self, task: Task) -> Text:
        if not task.completed and not task.total:
            return Text("")
        speed = task.finished_speed or task.speed
        fast = f", {speed:,.0f}/s" if speed and speed >= 1 else ""
        whole = f" of {task.total:,.0f}" if task.total else ""
        return Text(f"{task.completed:,.0f}{whole}{fast}", style="progress.data.speed")


@contextmanager
def shown(console: Console, *, wanted: bool = True) -> Iterator[Report | None]:
    """A function to report progress to; ``None`` where nobody would see it."""
    if not (wanted and console.is_terminal):
        yield None
        return
    with Late(bar_on(console)) as late:
        yield late.report


def bar_on(console: Console) -> Progress:
    """A bar that leaves nothing behind."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        _Amount(),
        TimeRemainingColumn(compact=True),
        console=console,
        transient=True,
        expand=False,
    )


class Late:
    """Starts the bar only when the work has lasted longer than a moment."""

    def __init__(self, bar: Progress, clock: Callable[[], float] = time.monotonic) -> None:
        self._bar = bar
        self._clock = clock
        self._began = clock()
        self._started = False
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._started:
            self._bar.stop()

    def report(self, what: str, done: int, total: int) -> None:
        """Bring the bar of ``what`` to ``done`` of ``total``."""
        if what not in self._tasks:
            self._tasks[what] = self._bar.add_task(plain(what), total=total or None)
        for other, task in self._tasks.items():
            self._bar.update(task, visible=other == what)
        self._bar.update(self._tasks[what], completed=done, total=total or None)
        if not self._started and self._clock() - self._began > QUIET_SECONDS:
            self._started = True
            self._bar.start()
