"""The errors that reach a person: what is wrong, where, which values are valid, and the likely intention.

Every error that the product raises on purpose is an ``AimsightError``; the command line prints its message without a
traceback and leaves with its ``exit_code``. An exception of any other kind is a bug.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable


class AimsightError(Exception):
    """Root of all errors that a person can act on; ``exit_code`` is what the command line returns."""

    exit_code: int = 1


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake in a configuration file.

    Parameters
    ----------
    file
        Path as shown to the person (relative to the project folder where possible), or an environment variable.
    line
        Line in the file, counted from 1; 0 where there is no line (a missing file, an environment variable).
    key
        Dotted key such as ``objectives[0].target``; ``''`` for the whole file.
    problem
        What is wrong and what is valid, one sentence without a full stop.
    suggestion
        What the person most likely meant, ready to be pasted; ``''`` when nothing is close.
    """

    file: str
    line: int
    key: str
    problem: str
    suggestion: str = ""

    def __str__(self) -> str:
        """``file:line: key: problem; did you mean X?``."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        middle = f"{self.key}: " if self.key else ""
        question = f"; did you mean {self.suggestion}?" if self.suggestion else ""
        return f"{place}: {middle}{self.problem}{question}"


class ConfigError(AimsightError):
    """Everything that is wrong with a project's configuration, in the order of files and lines."""

    exit_code = 2

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class SourceError(AimsightError):
    """A source cannot be read: missing, a directory, truncated, empty, or not what its name says."""


class SchemaError(AimsightError):
    """A source can be read but does not fit its declaration: a missing column, a wrong type, twins, hostile names."""


class StoreError(AimsightError):
    """The store cannot do what was asked."""


class StoreBusyError(StoreError):
    """Another process holds the store's lock; trying again later will work (exit code EX_TEMPFAIL)."""

    exit_code = 75


class StoreVersionError(StoreError):
    """The store was written by a newer version of aimsight than this one."""


class NotFoundError(AimsightError):
    """A person named something that does not exist."""

    @classmethod
    def named(cls, kind: str, name: str, valid: Iterable[str]) -> Self:
        """An error that says which names exist: ``no model "wage-bnad"; did you mean wage-band? Known: ...``."""
        known = sorted(valid)
        if not known:
            return cls(f'no {kind} "{name}"; there is none yet')
        close = did_you_mean(name, known)
        return cls(f'no {kind} "{name}"{f"; did you mean {close}?" if close else "."} Known: {quoted_list(known)}.')


class InvalidTextError(ValueError):
    """A text that a parser refuses, with the likely intention.

    Not an ``AimsightError``: the loader turns it into a ``Problem`` with a place before a person sees it.
    """

    def __init__(self, problem: str, suggestion: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.suggestion = suggestion


def did_you_mean(word: str, valid: Iterable[str]) -> str:
    """The valid word closest to ``word`` (case ignored), or ``''`` when none is close.

    The last part of a dotted id also counts alone, and its words in any order: ``auc_roc`` is ``performance.roc_auc``.
    """
    words = list(valid)
    folded: dict[str, str] = {}
    for candidate in words:
        last = candidate.rpartition(".")[2].casefold()
        folded.setdefault(last, candidate)
    for candidate in words:
        folded[candidate.casefold()] = candidate
    parts = _sorted_words(word.rpartition(".")[2].casefold())
    same = [one for one in words if _sorted_words(one.rpartition(".")[2].casefold()) == parts]
    if same and parts != "*":
        return difflib.get_close_matches(word, same, n=1, cutoff=0.0)[0]
    near = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return folded[near[0]] if near else ""


def _sorted_words(text: str) -> str:
    return "_".join(sorted(text.split("_")))


def quoted_list(words: Iterable[str], limit: int = 12) -> str:
    """``a, b, c`` for a message; long lists end in ``... (n more)``."""
    items = list(words)
    shown = ", ".join(items[:limit])
    return shown if len(items) <= limit else f"{shown}, ... ({len(items) - limit} more)"
