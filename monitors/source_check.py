"""Source files hashed again: whether those that runs take for unchanged, by size and time, still are what was hashed.

A run does not read a file again that has the size and the time of change that it had. Both can be set by hand; the
content cannot be changed without its SHA-256.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aimsight.aims.words import plural
from aimsight.configs.errors import SourceError
from aimsight.metrics.sources import describe, fingerprint
from aimsight.monitors.inputs import path_of
from aimsight.store.files import KnownFile, known_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aimsight.store.database import Store

CHANGED = "changed since it was read, which the next run takes as new data"
MISSING = "not there any more, or cannot be read"


@dataclass(frozen=True, slots=True)
class SourcesChecked:
    """How many files were hashed again, which have another content, and by reason how many were not compared."""

    compared: int
    findings: tuple[str, ...]
    left_out: dict[str, int] = field(default_factory=dict)

    def data(self) -> dict[str, Any]:
        """As JSON shows it."""
        return {
            "compared": self.compared,
            "equal": not self.findings,
            "findings": self.findings,
            "left_out": self.left_out,
        }

    def lines(self) -> Iterator[str]:
        """As people read it."""
        said = f"{plural(len(self.findings), 'file')} with another content" if self.findings else "no difference"
        yield f"Source files hashed again: {plural(self.compared, 'file')}: {said}."
        yield from (f"- {one}" for one in self.findings)
        yield from (f"- not compared: {plural(count, 'file')}: {reason}" for reason, count in self.left_out.items())


def check_sources(store: Store) -> SourcesChecked:
    """Hash every file again that a run would take for the one it has read before."""
    known: dict[Path, list[KnownFile]] = {}
    with store.read() as reader:
        for name, file in known_files(reader).items():
            known.setdefault(path_of(name), []).append(file)
    same: dict[Path, str] = {}
    left_out: Counter[str] = Counter()
    for path, remembered in known.items():
        try:
            now = describe(path)
        except SourceError:
            left_out[MISSING] += 1
            continue
        hashes = [one.sha256 for one in remembered if (one.size, one.mtime_ns) == (now.size, now.mtime_ns)]
        if hashes:
            same[path] = hashes[0]
        else:
            left_out[CHANGED] += 1
    findings = tuple(
        f"{file.path}: SHA-256 {file.sha256}, and {same[file.path]} when a run read it, of equal size and time"
        for file in fingerprint(same)
        if file.sha256 != same[file.path]
    )
    return SourcesChecked(len(same), findings, dict(sorted(left_out.items())))
