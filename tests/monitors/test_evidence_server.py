"""The evidence server gives out recorded files only, unchanged, and under a policy that keeps their scripts apart."""

from __future__ import annotations

import hashlib
import http.client
from typing import TYPE_CHECKING

import pytest

from aimsight.monitors.evidence_server import EvidenceServer

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = b"<html><script>1</script></html>"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def get(server: EvidenceServer, path: str, host: str = "127.0.0.1") -> tuple[int, bytes, http.client.HTTPMessage]:
    """One GET with a Host header of our choice."""
    connection = http.client.HTTPConnection("127.0.0.1", int(server.url.rsplit(":", 1)[1]), timeout=5)
    try:
        connection.request("GET", path, headers={"Host": host})
        response = connection.getresponse()
        return response.status, response.read(), response.headers
    finally:
        connection.close()


def test_serves_a_recorded_file_in_a_sandbox(tmp_path: Path) -> None:
    """The bytes come back as they are, with a policy that gives them an origin of their own."""
    (tmp_path / f"{DIGEST}.html").write_bytes(CONTENT)
    with EvidenceServer(tmp_path) as server:
        status, body, headers = get(server, f"/{DIGEST}")
    assert (status, body) == (200, CONTENT)
    assert headers["Content-Security-Policy"].startswith("sandbox allow-scripts")
    assert "allow-same-origin" not in headers["Content-Security-Policy"]


def test_refuses_a_changed_file(tmp_path: Path) -> None:
    """One changed byte and the file is no evidence any more."""
    (tmp_path / f"{DIGEST}.html").write_bytes(CONTENT + b" ")
    with EvidenceServer(tmp_path) as server:
        status, body, _ = get(server, f"/{DIGEST}")
    assert status == 409
    assert b"changed" in body


@pytest.mark.parametrize(
    "path", ["/", f"/{'0' * 64}", f"/../{DIGEST}", f"/{DIGEST}.html", f"/%2e%2e/{DIGEST}", "/etc/passwd"]
)
def test_knows_nothing_else(tmp_path: Path, path: str) -> None:
    """Any other path is not found."""
    (tmp_path / f"{DIGEST}.html").write_bytes(CONTENT)
    with EvidenceServer(tmp_path) as server:
        assert get(server, path)[0] == 404


def test_refuses_a_foreign_host_name(tmp_path: Path) -> None:
    """A page elsewhere that rebinds its name to this machine gets nothing."""
    (tmp_path / f"{DIGEST}.html").write_bytes(CONTENT)
    with EvidenceServer(tmp_path) as server:
        assert get(server, f"/{DIGEST}", host="evil.example")[0] == 404


def test_does_not_follow_links_out_of_the_folder(tmp_path: Path) -> None:
    """A symbolic link in the folder is not an evidence file."""
    outside = tmp_path / "outside.html"
    outside.write_bytes(CONTENT)
    folder = tmp_path / "evidence"
    folder.mkdir()
    (folder / f"{DIGEST}.html").symlink_to(outside)
    with EvidenceServer(folder) as server:
        assert get(server, f"/{DIGEST}")[0] == 404
