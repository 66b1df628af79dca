"""The dashboard as a child process: started, waited for until it answers, and stopped."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from aimsight.configs.errors import AimsightError

HOST = "127.0.0.1"
FIRST_PORT = 8501
PORTS = 100
START_TIMEOUT = 60.0
STOP_TIMEOUT = 5.0
_PAUSE = 0.1
_LAST_LINES = 15


class Dashboard:
    """A running Streamlit server."""

    def __init__(
        self, process: subprocess.Popen[bytes], port: int, log: Path, *, stop_timeout: float = STOP_TIMEOUT
    ) -> None:
        self.process = process
        self.stop_timeout = stop_timeout
        self.url = f"http://{HOST}:{port}"
        self.log = log

    def answers(self) -> bool:
        """Whether its health endpoint says ok."""
        try:
            # No proxy may stand between a machine and itself.
            with build_opener(ProxyHandler({})).open(f"{self.url}/_stcore/health", timeout=2) as reply:
                return bool(reply.status == HTTPStatus.OK)
        except (URLError, OSError):
            return False

    def wait(self, timeout: float = START_TIMEOUT, cancelled: Callable[[], bool] = lambda: False) -> None:
        """Wait until it answers, or until ``cancelled`` says that nobody wants it any more.

        Raises
        ------
        AimsightError
            It ended, or did not answer in time; the message holds the end of its log.
        """
        deadline = time.monotonic() + timeout
        while not cancelled() and not self.answers():
            if (code := self.process.poll()) is not None:
                raise AimsightError(f"the dashboard ended with code {code} before it answered\n{self._last_words()}")
            if time.monotonic() > deadline:
                raise AimsightError(f"the dashboard did not answer within {timeout:.0f} s\n{self._last_words()}")
            time.sleep(_PAUSE)

    def stop(self) -> None:
        """Ask it to end, and make it end when it does not listen."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(self.stop_timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def _last_words(self) -> str:
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            lines = []
        return "\n".join([f"the end of {self.log}:", *lines[-_LAST_LINES:]])


@contextmanager
def dashboard(folder: Path, log: Path, *, port: int = 0, extra: Mapping[str, str] | None = None) -> Iterator[Dashboard]:
    """Run the dashboard of a project for as long as the block lasts.

    Parameters
    ----------
    folder
        The project, handed over as AIMSIGHT_PROJECT.
    log
        File that takes what the server prints.
    port
        Port on the loopback interface; 0 takes the first free one from 8501.
    extra
        More environment variables.
    """
    chosen = free_port() if port == 0 else taken_or(port)
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603  # our own interpreter and our own file
            command(app_path(), chosen),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(extra or {}), "AIMSIGHT_PROJECT": str(folder.resolve())},
            start_new_session=True,  # Ctrl-C is ours to pass on, once
        )
    running = Dashboard(process, chosen, log)
    try:
        yield running
    finally:
        running.stop()


def command(app: Path, port: int) -> list[str]:
    """The command line of the server: this machine only, nothing sent home, no files served, no browser opened."""
    return [
        sys.executable,
        "-m",
        "aimsight.dashboard",  # Streamlit's own command, with the pages' imports begun at once
        "run",
        str(app),
        f"--server.address={HOST}",
        f"--server.port={port}",
        "--server.headless=true",
        "--server.enableStaticServing=false",
        "--server.enableXsrfProtection=true",
        "--server.fileWatcherType=none",
        "--server.runOnSave=false",
        "--browser.gatherUsageStats=false",
        "--client.toolbarMode=viewer",
        "--client.showErrorDetails=none",
        "--global.developmentMode=false",
    ]


def app_path() -> Path:
    """The installed script of the dashboard; looked up, not imported: this layer does not know that one."""
    found = importlib.util.find_spec("aimsight.dashboard.app")
    if found is None or found.origin is None:
        raise AimsightError("this installation has no dashboard; serve without it: aimsight serve --no-dashboard")
    return Path(found.origin)


def free_port() -> int:
    """The first free port from 8501."""
    for port in range(FIRST_PORT, FIRST_PORT + PORTS):
        if _is_free(port):
            return port
    raise AimsightError(f"no free port between {FIRST_PORT} and {FIRST_PORT + PORTS - 1}; choose one with --port")


def taken_or(port: int) -> int:
    """The port itself, when nobody else listens there."""
    if not _is_free(port):
        raise AimsightError(f"port {port} is in use; choose another with --port, or leave it out to take a free one")
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True
