"""Which files a run reads, what they contain by hash, and which of them a window depends on."""

from __future__ import annotations

import hashlib
import importlib
import threading
from bisect import bisect_left
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Self

from aimsight.configs.canonical import canonical_json
from aimsight.configs.errors import AimsightError, SourceError
from aimsight.configs.hashes import reference_hash
from aimsight.metrics.engines.duckdb import DuckDBEngine
from aimsight.metrics.sources import SourceFile, describe, fingerprint, format_of, resolve, time_range
from aimsight.store.files import KnownFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from aimsight.configs.schema import ModelConfig
    from aimsight.metrics.plan import Window

_BEGINNING = datetime.min.replace(tzinfo=UTC)
_END = datetime.max.replace(tzinfo=UTC)


class ChangedError(SourceError):
    """A file was changed between its hash and the end of its reading: its hash does not vouch for what was read."""


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file: its SHA-256, the range of its event times (``None`` without rows) and its latest arrival of a label.

    ``problem`` says why a file of the log cannot be read; its hash is ``''`` when not even its bytes can be. ``hashed``
    is the file as it was when its hash was taken.
    """

    path: Path
    sha256: str
    span: tuple[datetime, datetime] | None = None
    last_label: datetime | None = None
    problem: str = ""
    hashed: SourceFile | None = None

    @property
    def content(self) -> str:
        """What identifies the content, or the lack of it."""
        return self.sha256 or self.problem


@dataclass(frozen=True, slots=True)
class _Timeline:
    """Files by the times of their rows, so that those of a window are found without looking at all of them.

    They are sorted by the beginning of their spans; ``latest`` is the latest end up to each.
    """

    files: tuple[InputFile, ...]
    starts: tuple[datetime, ...]
    latest: tuple[datetime, ...]

    @classmethod
    def of(cls, files: Iterable[InputFile]) -> Self:
        """Those of the files that have rows."""
        spans = sorted(((file.span, file) for file in files if file.span), key=lambda one: one[0])
        ends = accumulate((span[1] for span, _ in spans), max)
        return cls(tuple(file for _, file in spans), tuple(span[0] for span, _ in spans), tuple(ends))

    def within(self, window: Window) -> list[InputFile]:
        """The files with rows that may lie in a window."""
        place = bisect_left(self.starts, window.end)
        found = []
        while place > 0 and self.latest[place - 1] >= window.start:
            place -= 1
            if _overlaps(self.files[place], window):
                found.append(self.files[place])
        return found


@dataclass(frozen=True, slots=True)
class Inputs:
    """All files that a model's runs read, and what was newly found out about them.

    ``needing`` names the windows that an unreadable file of the log keeps from being measured, with those files.
    """

    log: tuple[InputFile, ...]
    labels: tuple[InputFile, ...]
    reference: tuple[InputFile, ...]
    news: tuple[KnownFile, ...]
    needing: Mapping[Window, tuple[InputFile, ...]] = field(default_factory=dict)
    _timeline: _Timeline = field(init=False, repr=False, compare=False)
    _labels: str = field(init=False, repr=False, compare=False)
    _last_label: datetime = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Work out once what every window asks for: there can be thousands of windows and of files."""
        object.__setattr__(self, "_timeline", _Timeline.of(self.log))
        object.__setattr__(self, "_labels", _contents(self.labels))
        object.__setattr__(self, "_last_label", _last_label(self.labels))

    def fingerprint(self, window: Window, now: datetime, *, settled: bool) -> str:
        """SHA-256 over the contents that a window's result depends on.

        These are the log files whose event times overlap the window, every label file, and whether the label delay has
        passed (``settled``): so a new day's file leaves the runs of other days as they are. Only where a file holds
        labels that arrive after ``now`` does the moment itself count.
        """
        log = self._of(window)
        early = max(self._last_label, _last_label(log)) > now
        moment = {"as_of": now.astimezone(UTC).isoformat()} if early else {}
        return _sha256({"log": _contents(log), "labels": self._labels, "settled": settled, **moment})

    def reference_contents(self, windows: Iterable[Window]) -> str:
        """SHA-256 over the contents that a reference is made from: its own files, or those of its part of the log."""
        log = {file.path: file for window in windows for file in self._of(window)}
        return _sha256({"reference": _contents(self.reference), "log": _contents(log.values()), "labels": self._labels})

    def overlapping(self, windows: Iterable[Window]) -> list[Path]:
        """The readable log files with rows in any of the windows."""
        return sorted({file.path for window in windows for file in self._timeline.within(window)})

    def reading(self, model: ModelConfig, windows: Iterable[Window]) -> ModelConfig:
        """The model, with those files only as its log that have rows in the windows (any one file when none has)."""
        readable = [file.path for file in self.log if not file.problem]
        paths = self.overlapping(windows) or readable[:1]
        log = model.log.model_copy(update={"source": tuple(str(path) for path in paths)})
        return model.model_copy(update={"log": log})

    def trouble(self, windows: Iterable[Window]) -> str:
        """Why one of the windows cannot be measured; ``''`` when nothing stands in the way."""
        return next((files[0].problem for window in windows if (files := self.needing.get(window))), "")

    def check_unchanged(self, windows: Iterable[Window]) -> None:
        """Make sure that what was read is what was hashed: the log files of the windows, and all others.

        Raises
        ------
        ChangedError
            If a file has another size or time of change than when its hash was taken.
        """
        log = {file.path: file for window in windows for file in self._timeline.within(window)}
        for file in (*log.values(), *self.labels, *self.reference):
            if file.hashed is not None and not file.hashed.unchanged():
                raise ChangedError(f"{file.path} was changed while it was read; run again when it is complete")

    def first_row(self) -> datetime | None:
        """The earliest event time of the log."""
        return min((file.span[0] for file in self.log if file.span), default=None)

    def _of(self, window: Window) -> list[InputFile]:
        return [*self._timeline.within(window), *self.needing.get(window, ())]


def reference_fingerprint(model: ModelConfig) -> str:
    """The identity of a model's frozen reference: everything in its configuration that shapes it.

    The contents of its files at the moment of freezing are recorded with it; they do not change its identity, so that
    rows or labels that arrive later leave the frozen reference as it is.
    """
    return reference_hash(model)


def gather(
    model: ModelConfig,
    root: Path,
    remembered: Mapping[str, KnownFile],
    progress: Callable[[str], None],
    *,
    with_reference: bool = True,
) -> Inputs:
    """Find and hash a model's files; a file that still has the size and time remembered of it is not read again.

    A file of the log that cannot be read is noted with its problem, as long as others can: only the windows that need
    it are lost. ``with_reference`` is ``False`` when the reference is frozen and its own files are not needed any more.

    Raises
    ------
    SourceError
        If a file is missing, no file of the log can be read, or a file of the labels cannot.
    SchemaError
        If the times of the log or of the arrival of labels cannot be read.
    """
    log = resolve(model.log.source, root)
    labels = resolve(model.labels.source, root) if model.labels and model.labels.source else []
    reference: list[Path] = []
    if model.reference and model.reference.source and with_reference:
        reference = resolve(model.reference.source, root)
        if model.reference.labels_source:
            reference += resolve(model.reference.labels_source, root)
    files = _Files(remembered, progress)
    seen_log = files.look(log, _log_times(model), isolate=True)
    if seen_log and all(file.problem for file in seen_log):
        more = f" (and {len(seen_log) - 1} more files)" if len(seen_log) > 1 else ""
        raise SourceError(seen_log[0].problem + more)
    arrivals = _label_times(model)
    seen_labels = files.look(labels, arrivals, isolate=False)
    if not labels and arrivals is not None:
        seen_log = [
            replace(
                file, last_label=None if found.span is None else found.span[1], problem=file.problem or found.problem
            )
            for file, found in zip(seen_log, files.look(log, arrivals, isolate=True), strict=True)
        ]
    return Inputs(
        tuple(seen_log),
        tuple(replace(file, last_label=file.span[1] if file.span else None, span=None) for file in seen_labels),
        tuple(files.look(reference, None, isolate=False)),
        tuple(files.news),
    )


def needing(log: Sequence[InputFile], windows: Sequence[Window]) -> dict[Window, tuple[InputFile, ...]]:
    """The windows that cannot be measured without files that cannot be read.

    A file that cannot be read does not tell which times it covers. Files whose names and times have the same order let
    it lie between its neighbours, otherwise it may lie anywhere. Of the windows in question those need it that have no
    other file, or several: a window with exactly one file of its own has its file. When that leaves none, all need it.
    """
    found: dict[Window, tuple[InputFile, ...]] = {}
    timeline = _Timeline.of(log)
    for file in log:
        if not file.problem:
            continue
        start, end = _gap(log, file)
        near = [window for window in windows if window.end > start and window.start <= end]
        for window in [one for one in near if len(timeline.within(one)) != 1] or near:
            found[window] = (*found.get(window, ()), file)
    return found


def unreadable_fingerprint(reason: str) -> str:
    """The fingerprint of inputs that could not be read: it changes when the problem does."""
    return _sha256({"unreadable": reason})


def with_reference_contents(fingerprint: str, contents: str) -> str:
    """The fingerprint of a window that also depends on what the reference is still to be made from."""
    return _sha256({"window": fingerprint, "reference": contents})


@dataclass(frozen=True, slots=True)
class _Times:
    """How the times of a file are read: what tells one reading of a file from another, and the reading itself."""

    name: str
    read: Callable[[Path], tuple[datetime, datetime] | None]


def _log_times(model: ModelConfig) -> _Times:
    log = model.log
    name = f"times in {log.timestamp}, without offset read in {log.naive_timestamps}, table {log.table}"
    if log.timestamp_format:
        name += f", written {log.timestamp_format}"
    if log.decimal_comma:
        name += ", decimal comma"
    return _Times(name, lambda path: time_range(model, path))


def _label_times(model: ModelConfig) -> _Times | None:
    labels = model.labels
    if labels is None:
        return None
    table = labels.table if labels.source else model.log.table
    if labels.arrived_at is None:
        return _Times(f"no times, table {table}", lambda path: _look_inside(path, table))
    log = model.log.model_copy(update={"timestamp": labels.arrived_at, "table": table})
    return _log_times(model.model_copy(update={"log": log}))


def _look_inside(path: Path, table: str | None) -> None:
    """Read a file's columns, so that a damaged one is noticed before anything is measured."""
    if format_of(path) == "parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        with suppress(pa.ArrowException, OSError):  # the engine tells the person what is wrong with the file
            pq.read_schema(path)
            return
    DuckDBEngine(threads=1).schema([path], table)


class _Files:
    """Looks at files, with the help of what is known from before."""

    def __init__(self, remembered: Mapping[str, KnownFile], progress: Callable[[str], None]) -> None:
        self.remembered, self.progress = remembered, progress
        self.news: list[KnownFile] = []
        self._hashes: dict[Path, tuple[SourceFile | None, str]] = {}

    def look(self, paths: Sequence[Path], times: _Times | None, *, isolate: bool) -> list[InputFile]:
        """The files with hashes and times; ``isolate`` notes the problem of a file instead of raising it."""
        found: dict[Path, InputFile] = {}
        unknown: list[Path] = []
        for path in paths:
            known = self._known(path, times)
            if known is None:
                unknown.append(path)
            else:
                hashed = SourceFile(path, known.size, known.mtime_ns, known.sha256)
                found[path] = InputFile(path, known.sha256, _span(known), hashed=hashed)
        unread = [path for path in unknown if path not in self._hashes]
        if unread:
            _import_ahead()
            self.progress(f"hashing {len(unread)} files" if len(unread) > 1 else f"hashing {unread[0].name}")
        # a log that holds its own labels is looked at twice, for both times, and hashed once
        self._hashes |= {path: (hashed, problem) for path, hashed, problem in _hashed(unread, isolate=isolate)}
        for path in unknown:
            new, problem = self._hashes[path]
            found[path] = self._new(path, new, problem, times, isolate=isolate)
        return [found[path] for path in paths]

    def _known(self, path: Path, times: _Times | None) -> KnownFile | None:
        known = self.remembered.get(_cache_name(path, times))
        if known is None:
            return None
        try:
            now = describe(path)
        except SourceError:
            return None  # told when its bytes are read
        return known if (now.size, now.mtime_ns) == (known.size, known.mtime_ns) else None

    def _new(
        self, path: Path, hashed: SourceFile | None, problem: str, times: _Times | None, *, isolate: bool
    ) -> InputFile:
        if hashed is None:
            return InputFile(path, "", problem=problem)
        try:
            start, end = (times and times.read(path)) or (None, None)
        except AimsightError as error:
            if not isolate:
                raise
            return InputFile(path, hashed.sha256 or "", problem=str(error))
        name = _cache_name(path, times)
        self.news.append(KnownFile(name, hashed.size, hashed.mtime_ns, hashed.sha256 or "", start, end))
        return InputFile(path, hashed.sha256 or "", _span(self.news[-1]), hashed=hashed)


def _import_ahead() -> None:
    """Begin what the rest of a run imports (most of a second) while files are hashed, which needs no interpreter."""
    names = ("scipy.special", "aimsight.metrics.measure", "aimsight.metrics.registry")
    threading.Thread(target=lambda: list(map(importlib.import_module, names)), daemon=True).start()


def _hashed(paths: Sequence[Path], *, isolate: bool) -> list[tuple[Path, SourceFile | None, str]]:
    """Files with their hashes, or the reason why there is none."""
    try:
        return [(path, file, "") for path, file in zip(paths, fingerprint(paths), strict=True)]
    except SourceError as error:
        if not isolate:
            raise
        if len(paths) == 1:
            return [(paths[0], None, str(error))]
    return [one for path in paths for one in _hashed([path], isolate=True)]


def _cache_name(path: Path, times: _Times | None) -> str:
    """What a file is remembered as: the same file has other times when another column holds them."""
    return f"{path} [{times.name}]" if times else str(path)


def path_of(name: str) -> Path:
    """The file that is remembered under this name."""
    return Path(name.rpartition(" [")[0] if name.endswith("]") and " [" in name else name)


def _span(file: KnownFile) -> tuple[datetime, datetime] | None:
    return (file.min_ts, file.max_ts) if file.min_ts is not None and file.max_ts is not None else None


def _gap(log: Sequence[InputFile], file: InputFile) -> tuple[datetime, datetime]:
    """Where the rows of an unreadable file may lie; the files are in the order of their names."""
    spans = [one.span for one in log if one.span]
    if any(earlier[0] > later[0] for earlier, later in pairwise(spans)):
        return _BEGINNING, _END
    place = log.index(file)
    before = max((one.span[1] for one in log[:place] if one.span), default=_BEGINNING)
    after = min((one.span[0] for one in log[place:] if one.span), default=_END)
    return before, after


def _overlaps(file: InputFile, window: Window) -> bool:
    return file.span is not None and file.span[0] < window.end and file.span[1] >= window.start


def _contents(files: Iterable[InputFile]) -> str:
    return _sha256({"files": sorted(file.content for file in files)})


def _last_label(files: Iterable[InputFile]) -> datetime:
    return max((file.last_label for file in files if file.last_label), default=_BEGINNING)


def _sha256(content: dict[str, object]) -> str:
    return hashlib.sha256(canonical_json({"inputs": 1, **content})).hexdigest()
