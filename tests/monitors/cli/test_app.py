"""The command line as a whole: options anywhere, quick help, documented commands, errors in words."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aimsight.configs.errors import AimsightError
from aimsight.monitors.cli import app
from aimsight.monitors.cli.app import COMMANDS, GROUPS, gathered
from aimsight.monitors.cli.reference import reference

if TYPE_CHECKING:
    from aimsight.tests.monitors.cli.conftest import Call

ROOT = Path(__file__).resolve().parents[3]
HEAVY = ("numpy", "pandas", "duckdb", "pyarrow", "scipy", "sklearn", "pydantic", "streamlit", "apscheduler", "rich")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["run", "--json"], ["--json", "run"]),
        (["--json", "run", "--json"], ["--json", "run"]),
        (["run", "m", "-C", "x", "--now", "y"], ["-C", "x", "run", "m", "--now", "y"]),
        (["run", "--folder=x"], ["--folder=x", "run"]),
        (["query", "--", "--json"], ["query", "--", "--json"]),
        (["run", "-C"], ["-C", "run"]),
        ([], []),
    ],
)
def test_global_options_may_stand_anywhere(given: list[str], expected: list[str]) -> None:
    """They move to the front, except after a double dash."""
    assert gathered(given) == expected


def test_help_answers_at_once() -> None:
    """Less than 0.3 s of processor time (the best of three), because nothing heavy is imported."""
    times = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, "-c", "from aimsight.monitors.cli import main; main()", "--help"],
            check=True,
            capture_output=True,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(times) < 0.3


def test_help_imports_nothing_heavy() -> None:
    """The reason why it is quick."""
    code = (
        "import sys, typer.main; from aimsight.monitors.cli.app import application\n"
        f"typer.main.get_command(application()); print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout == "[]\n"


def test_every_command_explains_itself(call: Call) -> None:
    """The list of commands, and the help of each of them, within 80 columns."""
    listing = call("--help")
    assert listing.code == 0
    for name, (_, purpose) in (COMMANDS | GROUPS).items():
        assert any(line.split()[:1] == [name] and line.endswith(purpose) for line in listing.lines)
        helped = call(name, "--help")
        assert helped.code == 0
        assert helped.lines[0].startswith(f"Usage: aimsight {name}")
        assert max(map(len, helped.lines)) <= 80


def test_the_reference_describes_the_commands_as_they_are() -> None:
    """docs/cli.md is what the commands say; write it anew with ``python -m aimsight.monitors.cli.reference``."""
    assert (ROOT / "docs" / "cli.md").read_text("utf-8") == reference()


def test_every_option_is_explained() -> None:
    """No row of the reference is empty."""
    assert "| None |" not in reference()
    assert "|  |" not in reference()


def test_the_version_is_the_installed_one(call: Call) -> None:
    """As the package's metadata say."""
    from importlib.metadata import version

    assert call("--version").out == f"aimsight {version('aimsight')}\n"


def test_wrong_usage_has_its_own_exit_code(call: Call) -> None:
    """An unknown command and a missing option."""
    assert call("rnu").code == 2
    assert call("init", "m").code == 2


def test_without_a_project_the_way_to_one_is_shown(call: Call, tmp_path: Path) -> None:
    """The message names the missing file and the command that writes one."""
    answer = call("-C", tmp_path, "status")
    assert answer.code == 2
    assert "aimsight.yaml" in answer.err
    assert "aimsight init" in answer.err


def test_a_busy_store_is_code_75(call: Call, after_run: Path) -> None:
    """The lock of another process is waited for, then said, with a code that means *try again*."""
    import fcntl

    from aimsight.store import lock

    path = lock.lock_path(after_run / "store" / "aimsight.duckdb")
    code = (
        "from unittest import mock; from aimsight.store import lock\n"
        "from aimsight.monitors.cli.app import run\n"
        "original = lock.shared\n"
        "with mock.patch.object(lock, 'shared', lambda path, timeout: original(path, 0.2)):\n"
        f"    run(['-C', {str(after_run)!r}, 'nc'])"
    )
    with path.open("r+") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        found = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert found.returncode == 75
    assert "is in use by another process" in found.stderr


def test_names_from_outside_cannot_steer_the_terminal(call: Call, tmp_path: Path) -> None:
    """An error that repeats a stranger's text shows its control characters instead of sending them."""
    (tmp_path / "aimsight.yaml").write_text('organisation: Test\n"a\\e[31mb": x\n')
    answer = call("-C", tmp_path, "check")
    assert answer.code == 2
    assert "\x1b" not in answer.err


def test_json_errors_are_one_object(call: Call, tmp_path: Path) -> None:
    """Kind, message and exit code, for whoever called us."""
    told = json.loads(call("status", "--json", "-C", tmp_path).err)
    assert set(told["error"]) == {"kind", "message", "exit_code", "problems"}


def test_colours_end_where_nobody_sees_them(after_run: Path) -> None:
    """A pipe gets no escape sequences, and a terminal none with NO_COLOR."""
    code = "from aimsight.monitors.cli import main; main()"
    piped = subprocess.run(
        [sys.executable, "-c", code, "-C", str(after_run), "objectives"], check=False, capture_output=True
    )
    assert b"\x1b" not in piped.stdout
    assert "■ nonconforming".encode() in piped.stdout
    for no_color, coloured in (("", True), ("1", False)):
        shown = _on_a_terminal([sys.executable, "-c", code, "-C", str(after_run), "objectives"], no_color)
        assert (b"\x1b[38;" in shown) is coloured
        assert "■ nonconforming".encode() in shown


def _on_a_terminal(command: list[str], no_color: str) -> bytes:
    """What a command prints on a (pseudo) terminal."""
    import pty

    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    environment.pop("NO_COLOR", None)
    if no_color:
        environment["NO_COLOR"] = no_color
    mine, theirs = pty.openpty()
    with subprocess.Popen(command, stdout=theirs, stderr=subprocess.DEVNULL, env=environment) as process:
        os.close(theirs)
        parts = []
        try:
            while part := os.read(mine, 65536):
                parts.append(part)
        except OSError:  # how Linux says that the other side is closed
            pass
        process.wait()
    os.close(mine)
    return b"".join(parts)


def test_the_root_of_all_errors_has_an_exit_code() -> None:
    """Every leaf that a person can meet says which code the command leaves with."""
    found: set[type[AimsightError]] = {AimsightError, *AimsightError.__subclasses__()}
    assert {kind.exit_code for kind in found} <= {1, 2, 75}


def test_ctrl_c_while_duckdb_is_loaded_leaves_without_a_trace(tmp_path: Path) -> None:
    """Loading it cannot be broken off by an exception: the process ends there with the code of Ctrl-C, in silence."""
    (tmp_path / "duckdb.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nconnect = 1\n")
    code = "import os, signal; from aimsight.monitors import cli; signal.signal(signal.SIGINT, cli.on_interrupt); "
    for then, code_left, answer in (
        ("import duckdb", {130}, ""),
        ("os.kill(os.getpid(), signal.SIGINT)", {130, -2}, "KeyboardInterrupt"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", code + then],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            check=False,
        )
        assert done.returncode in code_left
        assert done.stderr.strip().endswith(answer)
        assert bool(done.stderr) == bool(answer)


@pytest.mark.parametrize("stopped", [KeyboardInterrupt(), RuntimeError("Query interrupted")])
def test_ctrl_c_leaves_with_its_own_code(monkeypatch: pytest.MonkeyPatch, stopped: BaseException) -> None:
    """Between statements, or within one of DuckDB's, which answers Ctrl-C with an error of its own."""

    def interrupted(*_: object, **__: object) -> None:
        raise stopped

    monkeypatch.setattr(app, "application", lambda _: interrupted)
    with pytest.raises(SystemExit) as left:
        app.run(["status"])
    assert left.value.code == 130


def test_other_errors_of_the_program_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake in the program is not taken for Ctrl-C."""

    def mistaken(*_: object, **__: object) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr(app, "application", lambda _: mistaken)
    with pytest.raises(RuntimeError, match="a mistake"):
        app.run(["status"])
