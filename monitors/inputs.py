"""Which files a run reads, what they contain by hash, and which of them a window depends on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aimsight.configs.canonical import canonical_json
from aimsight.configs.hashes import reference_hash
from aimsight.metrics.sources import describe, fingerprint, resolve, time_range
from aimsight.store.files import KnownFile, known_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from aimsight.configs.schema import ModelConfig
    from aimsight.metrics.plan import Window
    from aimsight.store.database import Reader


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file: its SHA-256 and, for a log, the range of its event times (``None`` when it has no rows)."""

    path: Path
    sha256: str
    span: tuple[datetime, datetime] | None = None


@dataclass(frozen=True, slots=True)
class Inputs:
    """All files that a model's runs read, and what was newly found out about them."""

    log: tuple[InputFile, ...]
    labels: tuple[InputFile, ...]
    reference: tuple[InputFile, ...]
    news: tuple[KnownFile, ...]

    def fingerprint(self, window: Window, *, settled: bool) -> str:
        """SHA-256 over the contents that a window's result depends on.

        These are the log files whose event times overlap the window, every label file, and whether the label delay has
        passed (``settled``): so a new day's file leaves the runs of other days as they are.
        """
        log = [file.sha256 for file in self.log if _overlaps(file, window)]
        return _sha256({"log": sorted(log), "labels": _hashes(self.labels), "settled": settled})

    def overlapping(self, windows: Iterable[Window]) -> list[Path]:
        """The log files with rows in any of the windows."""
        wanted = list(windows)
        return [file.path for file in self.log if any(_overlaps(file, window) for window in wanted)]

    def first_row(self) -> datetime | None:
        """The earliest event time of the log."""
        return min((file.span[0] for file in self.log if file.span), default=None)


def reference_fingerprint(model: ModelConfig) -> str:
    """The identity of a model's frozen reference: everything in its configuration that shapes it.

    The contents of its files at the moment of freezing are recorded with it; they do not change its identity, so that
    rows or labels that arrive later leave the frozen reference as it is.
    """
    return reference_hash(model)


def gather(model: ModelConfig, root: Path, reader: Reader | None, progress: Callable[[str], None]) -> Inputs:
    """Find and hash a model's files; a file that still has the size and time of before is not read again.

    Raises
    ------
    SourceError
        If a file is missing or cannot be read.
    SchemaError
        If the log's timestamps cannot be read.
    """
    news: list[KnownFile] = []
    log = resolve(model.log.source, root)
    labels = resolve(model.labels.source, root) if model.labels and model.labels.source else []
    reference = resolve(model.reference.source, root) if model.reference and model.reference.source else []
    if model.reference and model.reference.labels_source:
        reference += resolve(model.reference.labels_source, root)
    known: dict[Path, KnownFile] = {}
    unknown: list[Path] = []
    for path in dict.fromkeys([*log, *labels, *reference]):
        now = describe(path)
        found = known_file(reader, str(path), now.size, now.mtime_ns) if reader else None
        if found:
            known[path] = found
        else:
            unknown.append(path)
    if unknown:
        progress(f"hashing {len(unknown)} files" if len(unknown) > 1 else f"hashing {unknown[0].name}")
    for file in fingerprint(unknown):
        span = time_range(model, file.path) if file.path in log else None
        start, end = span or (None, None)
        known[file.path] = KnownFile(str(file.path), file.size, file.mtime_ns, file.sha256 or "", start, end)
        news.append(known[file.path])
    return Inputs(
        tuple(_input(known[path]) for path in log),
        tuple(_input(known[path]) for path in labels),
        tuple(_input(known[path]) for path in reference),
        tuple(news),
    )


def unreadable_fingerprint(reason: str) -> str:
    """The fingerprint of inputs that could not be read: it changes when the problem does."""
    return _sha256({"unreadable": reason})


def _input(file: KnownFile) -> InputFile:
    span = (file.min_ts, file.max_ts) if file.min_ts is not None and file.max_ts is not None else None
    return InputFile(Path(file.path), file.sha256, span)


def _overlaps(file: InputFile, window: Window) -> bool:
    return file.span is not None and file.span[0] < window.end and file.span[1] >= window.start


def _hashes(files: Iterable[InputFile]) -> list[str]:
    return sorted(file.sha256 for file in files)


def _sha256(content: dict[str, object]) -> str:
    return hashlib.sha256(canonical_json({"inputs": 1, **content})).hexdigest()
