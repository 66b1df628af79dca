"""Evidence files over HTTP on an origin of their own, so that a report's scripts never meet the dashboard's pages.

Serves ``/<sha256>`` for files of the evidence folder whose bytes still have that hash; nothing else, to nobody but
this machine.
"""

from __future__ import annotations

import hashlib
import re
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

HOST = "127.0.0.1"
_POLICY = (
    "sandbox allow-scripts allow-popups; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "style-src 'unsafe-inline' data:; img-src data: blob:; font-src data:; worker-src blob:; frame-src blob: data:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
_NAME = re.compile(r"/([0-9a-f]{64})")


class EvidenceServer:
    """A small HTTP server in a thread of its own: ``with EvidenceServer(folder) as server: server.url``."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        """Bind to ``port`` of the loopback interface (0: any free port); ``folder`` may come into being later."""
        self._server = ThreadingHTTPServer((HOST, port), _handler(folder))
        self._thread = threading.Thread(target=self._server.serve_forever, name="evidence-server", daemon=True)

    @property
    def url(self) -> str:
        """The address under which ``/<sha256>`` answers."""
        return f"http://{HOST}:{self._server.server_port}"

    def __enter__(self) -> Self:
        """Start serving."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(folder: Path) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        server_version = "aimsight"
        sys_version = ""

        def do_GET(self) -> None:
            """Answer with the file of that hash, or say why not."""
            host = (self.headers.get("Host") or "").rsplit(":", 1)[0]
            match = _NAME.fullmatch(self.path)
            if host not in {HOST, "localhost"} or match is None:
                self._answer(HTTPStatus.NOT_FOUND, b"There is no such evidence file.\n", "text/plain")
                return
            digest = match.group(1)
            path = folder / f"{digest}.html"
            content = path.read_bytes() if path.is_file() and not path.is_symlink() else None
            if content is None:
                self._answer(HTTPStatus.NOT_FOUND, b"There is no such evidence file.\n", "text/plain")
            elif hashlib.sha256(content).hexdigest() != digest:
                self._answer(
                    HTTPStatus.CONFLICT, b"This evidence file was changed after it was recorded.\n", "text/plain"
                )
            else:
                self._answer(HTTPStatus.OK, content, "text/html; charset=utf-8")

        def _answer(self, status: HTTPStatus, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Security-Policy", _POLICY)
            self.send_header("X-Content-Type-Options", "nosniff")
            self.send_header("Referrer-Policy", "no-referrer")
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it so
            """Stay silent: what was looked at is not logged."""

    return Handler
