"""Too little memory: an outcome of the run, tried again, and given up in the end."""

from __future__ import annotations

from datetime import timedelta

from aimsight.metrics.plan import Window
from aimsight.tests.monitors.sandbox import FIRST, Sandbox


def short_of_memory(sandbox: Sandbox) -> Window:
    """A project whose one window cannot be measured with the memory that it is given."""
    sandbox.root.mkdir()
    (sandbox.root / "aimsight.yaml").write_text("organisation: Example\nmemory_limit: 1MB\n")
    sandbox.model(reference=None, labels=None, metrics=["quality.rows"], objectives=[])
    sandbox.days(2, n=3000)
    return Window(sandbox.window(2).start, sandbox.window(45).end)


def test_too_little_memory_is_an_outcome_and_a_backfill_tries_again(sandbox: Sandbox) -> None:
    """The reason names the setting; with more memory the same window is run by a backfill."""
    from aimsight.monitors.run import run_model

    window = short_of_memory(sandbox)
    first = run_model(sandbox.project, sandbox.store, "credit", now=window.end, windows=[window])
    assert [run.outcome for run in first.runs] == ["error"]
    assert "memory_limit" in first.runs[0].reason
    (sandbox.root / "aimsight.yaml").write_text("organisation: Example\n")
    second = run_model(sandbox.project, sandbox.store, "credit", now=window.end, windows=[window])
    assert [run.outcome for run in second.runs] == ["success"]
    sandbox.check()


def test_want_of_memory_passes(sandbox: Sandbox) -> None:
    """The next run tries the window again, and has its result when there is room."""
    window = short_of_memory(sandbox)
    sandbox.model(
        reference=None, labels=None, metrics=["quality.rows"], objectives=[], monitor={"every": "1y", "window": "1y"}
    )
    until = (window.end - FIRST).days + 366
    assert [run.outcome for run in sandbox.run(until)["credit"].runs] == ["error"]
    sandbox.clock.moment += timedelta(hours=1)
    assert [run.outcome for run in sandbox.run(until)["credit"].runs] == ["error"]
    (sandbox.root / "aimsight.yaml").write_text("organisation: Example\n")
    assert [run.outcome for run in sandbox.run(until)["credit"].runs] == ["success"]
    assert sandbox.run(until)["credit"].runs == []
    sandbox.check()


def test_what_fails_for_want_of_memory_is_not_tried_for_ever(sandbox: Sandbox) -> None:
    """After five attempts on the same inputs the window is left to a backfill."""
    short_of_memory(sandbox)
    sandbox.model(
        reference=None, labels=None, metrics=["quality.rows"], objectives=[], monitor={"every": "1y", "window": "1y"}
    )
    tried = []
    for _ in range(7):
        sandbox.clock.moment += timedelta(hours=1)
        tried.append(len(sandbox.run(400)["credit"].runs))
    assert tried == [1, 1, 1, 1, 1, 0, 0]
