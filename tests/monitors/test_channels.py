"""Every way to deliver a message, against a real file and a real server on this machine."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from aimsight.monitors.channels import CHANNELS, DeliveryError, Message, send

MESSAGE = Message("Subject", "Line one\nline two", ("key-1", "key-2"), datetime(2026, 11, 24, 7, 0, tzinfo=UTC))


@contextmanager
def server(status: int) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A webhook that answers with a status; its address, and what it was sent."""
    got: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Stay silent."""

    with HTTPServer(("127.0.0.1", 0), Handler) as web:
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{web.server_port}", got
        finally:
            web.shutdown()
            thread.join()


def test_a_file_gets_one_line_of_json_a_message(tmp_path: Path) -> None:
    """Lines are appended, folders made, and relative paths start at the project."""
    send("file:alerts/out.jsonl", MESSAGE, tmp_path)
    send(f"file://{tmp_path}/alerts/out.jsonl", MESSAGE, Path("/nowhere"))
    lines = [json.loads(line) for line in (tmp_path / "alerts/out.jsonl").read_text("utf-8").splitlines()]
    assert len(lines) == 2
    assert lines[0] == {
        "sent_at": "2026-11-24T07:00:00+00:00",
        "subject": "Subject",
        "body": "Line one\nline two",
        "notices": ["key-1", "key-2"],
    }


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    """Writing to a pipe without a reader would block the run for ever, so it is refused."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DeliveryError, match="not a regular file"):
        send("file:pipe", MESSAGE, tmp_path)


def test_a_file_that_cannot_be_written_is_a_failed_delivery(tmp_path: Path) -> None:
    """The reason names the path."""
    (tmp_path / "blocker").write_text("not a folder")
    with pytest.raises(DeliveryError, match="blocker"):
        send("file:blocker/out.jsonl", MESSAGE, tmp_path)


@pytest.mark.parametrize("scheme", ["http", "json"])
def test_a_webhook_gets_the_message_as_json(scheme: str, tmp_path: Path) -> None:
    """A plain web address is a webhook, like Apprise's own name for it."""
    with server(200) as (address, got):
        send(f"{scheme}://{address}/hook", MESSAGE, tmp_path)
    assert [(one["title"], one["message"]) for one in got] == [("Subject", "Line one\nline two")]


def test_a_refused_message_is_a_failed_delivery(tmp_path: Path) -> None:
    """An answer that is no success raises, and says so without the secret in the address."""
    with server(500) as (address, got), pytest.raises(DeliveryError) as caught:
        send(f"json://user:s3cret-password@{address}/hook-token", MESSAGE, tmp_path)
    assert len(got) == 1
    assert "s3cret" not in str(caught.value)
    assert "hook-token" not in str(caught.value)


def test_a_dead_server_is_a_failed_delivery(tmp_path: Path) -> None:
    """Nobody listens."""
    with server(200) as (address, _):
        pass
    with pytest.raises(DeliveryError):
        send(f"json://{address}/hook", MESSAGE, tmp_path)


def test_an_unknown_kind_of_url_is_a_failed_delivery(tmp_path: Path) -> None:
    """What Apprise does not understand is said, not ignored."""
    with pytest.raises(DeliveryError, match="does not understand"):
        send("carrier-pigeon://coop", MESSAGE, tmp_path)


def test_a_missing_environment_variable_is_named(tmp_path: Path) -> None:
    """The route's URL stays in the environment; where it is not, the message names the variable."""
    with pytest.raises(DeliveryError, match="AIMSIGHT_TEST_NO_SUCH_URL"):
        send("env:AIMSIGHT_TEST_NO_SUCH_URL", MESSAGE, tmp_path)


def test_every_scheme_has_one_channel() -> None:
    """No two channels claim the same kind of URL."""
    schemes = [scheme for channel in CHANNELS for scheme in channel.schemes]
    assert len(schemes) == len(set(schemes))
