"""Pages of docs typed as they stand: every command of scenario.md and first-model.md does and says what is promised."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aimsight.monitors.cli import audit, demo, session
from aimsight.monitors.cli.app import run
from aimsight.store.seams import SystemClock

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGES = Path(__file__).resolve().parents[1] / "docs"
SAVED = re.compile(r"[Ss]ave\s+(?:this|the minutes)\s+as\s+`([\w.]+)`")
REFUSED = {1, 2}
DONE = {0, 3}
"""Exit codes of a command that did its work; 3 says that something is nonconforming."""


@dataclass
class Reader:
    """Somebody who types what the page says, block by block, and compares the answers."""

    folder: Path
    capture: pytest.CaptureFixture[str]
    told: str = ""
    before: str = ""
    commands: list[str] = field(default_factory=list)

    def follow(self, kind: str, content: str) -> None:
        """Do what a block asks for."""
        if kind == "sh":
            self.told = "".join(self._type(line) for line in content.splitlines())
        elif kind == "text":
            for line in content.splitlines():
                self._expect(line)
        else:
            *_, name = SAVED.findall(self.before)
            (self.folder / name).write_text(content, encoding="utf-8")

    def _expect(self, line: str) -> None:
        parts = [re.escape(part) for part in re.sub(r"\s+", " ", line.strip()).split("…")]
        pattern = ".{0,200}?".join(part.replace(r"\ ", r"\s*") for part in parts)
        told = re.sub(r"\s+", " ", self.told)
        assert re.search(pattern, told), f"{line!r} is not in the answer:\n{self.told}"

    def _type(self, line: str) -> str:
        words = shlex.split(line, comments=True)
        self.commands.append(line)
        if words[0] == "cd":
            self.folder /= words[1]
            os.chdir(self.folder)
            return ""
        code, told = self._aimsight(words[1:]) if words[0] == "aimsight" else self._shell(line)
        wanted = REFUSED if line.endswith("# refused") else DONE
        assert code in wanted, f"{line}\nexit code {code}\n{told}"
        return told

    def _aimsight(self, arguments: list[str]) -> tuple[int, str]:
        self.capture.readouterr()
        with pytest.raises(SystemExit) as left:
            run(arguments)
        told = self.capture.readouterr()
        return int(left.value.code or 0), told.out + told.err

    def _shell(self, line: str) -> tuple[int, str]:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        done = subprocess.run(
            ["/bin/sh", "-c", line],
            cwd=self.folder,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr


def blocks(page: str) -> Iterator[tuple[str, str, str]]:
    """The blocks of the page in order: the prose before, the language, the content."""
    position = 0
    for found in re.finditer(r"^```(\w+)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        yield page[position : found.start()], found[1], found[2]
        position = found.end()


@pytest.mark.timeout(600)  # one minute of work, and more where other processes share the machine
@pytest.mark.parametrize(("page", "refusals"), [("scenario.md", 15), ("first-model.md", 0)])
def test_a_page_happens_as_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], page: str, refusals: int
) -> None:
    """A first model from its log to verified records; and from a failed objective over review to all tampering."""
    moment = [datetime(2026, 11, 24, 9, tzinfo=UTC)]

    def now(_: object = None) -> datetime:
        moment[0] += timedelta(seconds=1)
        return moment[0]

    monkeypatch.setattr(SystemClock, "now", now)
    for module in (session, demo, audit):
        monkeypatch.setattr(module, "now", now)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("AIMSIGHT_ACTOR", raising=False)
    monkeypatch.chdir(tmp_path)
    reader = Reader(tmp_path, capsys)
    for prose, kind, content in blocks((PAGES / page).read_text(encoding="utf-8")):
        reader.before = prose
        reader.follow(kind, content)
    assert sum("# refused" in command for command in reader.commands) >= refusals
