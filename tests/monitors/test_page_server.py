"""The dashboard's process: how it is started, and what is said when it does not start."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from aimsight.configs.errors import AimsightError
from aimsight.monitors.page_server import FIRST_PORT, HOST, Dashboard, app_path, command, free_port, taken_or


def test_the_server_is_for_this_machine_only_and_sends_nothing_home() -> None:
    """The options that keep the pages private are all on the command line, where nothing overrides them."""
    line = command(Path("app.py"), 8501)
    assert {
        "--server.address=127.0.0.1",
        "--server.port=8501",
        "--server.headless=true",
        "--browser.gatherUsageStats=false",
        "--server.enableStaticServing=false",
        "--server.enableXsrfProtection=true",
    } <= set(line)


def test_the_dashboard_is_found_where_it_is_installed() -> None:
    """The script of the installed package, by its import name."""
    assert app_path().name == "app.py"
    assert app_path().parent.name == "dashboard"


def test_a_port_in_use_is_skipped_or_refused() -> None:
    """Without a wish the next free port is taken; a port that was asked for is that one or an error."""
    port = free_port()
    assert port >= FIRST_PORT
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        with pytest.raises(AimsightError, match="choose another with --port"):
            taken_or(other.getsockname()[1])


def test_a_server_that_dies_at_once_is_told_with_its_last_words(tmp_path: Path) -> None:
    """The message holds the exit code and the end of the log."""
    log = tmp_path / "dashboard.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", "print('no module named altair'); raise SystemExit(3)"], stdout=output
        )
    dead = Dashboard(process, free_port(), log)
    with pytest.raises(AimsightError, match=r"code 3(.|\n)*no module named altair"):
        dead.wait()


def test_a_server_that_never_answers_is_stopped(tmp_path: Path) -> None:
    """The wait ends, and so does the process, although it ignores the polite signal."""
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        deaf = Dashboard(process, 1, tmp_path / "none.log", stop_timeout=0.2)
        with pytest.raises(AimsightError, match="did not answer"):
            deaf.wait(timeout=0.3)
        deaf.stop()
        assert process.returncode == -9
