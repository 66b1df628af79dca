"""The outline of ISO/IEC 42001 and what surrounds it: clauses, controls, other frameworks, the way to a certificate.

For: reading the files beside this one and checking them against each other.

Never: holds the text of a standard, or says what conforms.

The files hold numbers and short titles in our own words, written from public pages; the text
of the standard is copyrighted and no part of aimsight.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field

from aimsight.configs.errors import ConfigError, NotFoundError, Problem
from aimsight.configs.fields import Day, Name, Prose
from aimsight.configs.positions import key_text, read_document
from aimsight.configs.problems import findings
from aimsight.configs.schema import Config

FOLDER = Path(__file__).parent

Evidence = Literal["both", "person", "link"]
Asks = Literal["evidence", "missing", "audited", "approved", "operated", "recent"]


class Clause(Config):
    """A clause or control: its number, a short title in our words, and who has to bring the evidence."""

    id: Name
    title: Prose
    evidence: Evidence

    @property
    def is_control(self) -> bool:
        """Whether it is a control of Annex A."""
        return self.id.startswith("A.")


class Area(Config):
    """An area of Annex A with its controls."""

    id: Name
    title: Prose
    controls: tuple[Clause, ...] = Field(min_length=1)


class Outline(Config):
    """``iso42001.yaml``."""

    standard: Name
    edition: Name
    clauses: tuple[Clause, ...]
    areas: tuple[Area, ...]

    @property
    def controls(self) -> tuple[Clause, ...]:
        """The controls of all areas."""
        return tuple(control for area in self.areas for control in area.controls)

    @property
    def all(self) -> tuple[Clause, ...]:
        """Clauses, then controls."""
        return self.clauses + self.controls


class Requirement(Config):
    """A requirement of another framework and what serves it here."""

    id: Name
    about: Prose
    maps: tuple[Name, ...] = Field(min_length=1)
    deadline_days: int | None = Field(default=None, ge=1)


class Application(Config):
    """From which day something applies; ``verified`` only where the official text was read."""

    what: Prose
    day: Day
    verified: bool


class Framework(Config):
    """Another framework."""

    id: Name
    title: Prose
    note: Prose
    review_also: Prose | None = None
    applies_from: tuple[Application, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    shares: tuple[Name, ...] = ()
    renamed: dict[Name, Name] = Field(default_factory=dict)

    def served(self, outline: Outline) -> tuple[Requirement, ...]:
        """Its requirements; clauses of a shared structure under their number there."""
        titles = {clause.id: clause.title for clause in outline.all}
        shared = tuple(
            Requirement(id=self.renamed.get(clause, clause), about=titles[clause], maps=(clause,))
            for clause in self.shares
        )
        return self.requirements + shared


class Crosswalk(Config):
    """``crosswalk.yaml``."""

    frameworks: tuple[Framework, ...]
    documents: tuple[Requirement, ...]

    def framework(self, name: str) -> Framework:
        """The framework with this id.

        Raises
        ------
        NotFoundError
            When there is none, with the ids that are close.
        """
        for framework in self.frameworks:
            if framework.id == name:
                return framework
        raise NotFoundError.named("framework", name, [framework.id for framework in self.frameworks])


class Phase(Config):
    """A phase on the way to a certificate."""

    id: Name
    title: Prose
    shows: Prose
    looks_at: tuple[Name, ...] = Field(min_length=1)
    asks: Asks

    def reaches(self, clause: Clause) -> bool:
        """Whether the phase looks at a clause or control."""
        return bool({"all", clause.id, "controls" if clause.is_control else "clauses"} & set(self.looks_at))


class Certification(Config):
    """``certification.yaml``."""

    phases: tuple[Phase, ...]

    def phase(self, name: str) -> Phase:
        """The phase with this id.

        Raises
        ------
        NotFoundError
            When there is none, with the ids that are close.
        """
        for phase in self.phases:
            if phase.id == name:
                return phase
        raise NotFoundError.named("phase", name, [phase.id for phase in self.phases])


@dataclass(frozen=True, slots=True)
class Standard:
    """The three files together, checked against each other."""

    outline: Outline
    crosswalk: Crosswalk
    certification: Certification


@cache
def load_standard(folder: Path = FOLDER) -> Standard:
    """Read the three files.

    Raises
    ------
    ConfigError
        With every mistake in them: unknown keys, ids given twice, a mapping to a clause that there is not.
    """
    outline = _read(Outline, folder / "iso42001.yaml")
    crosswalk = _read(Crosswalk, folder / "crosswalk.yaml")
    certification = _read(Certification, folder / "certification.yaml")
    problems = [*_twice("iso42001.yaml", [one.id for one in outline.all])]
    known = {clause.id for clause in outline.all}
    for framework in crosswalk.frameworks:
        named = [name for one in framework.requirements for name in one.maps] + [*framework.shares, *framework.renamed]
        problems += _unknown("crosswalk.yaml", framework.id, named, known)
        problems += _twice("crosswalk.yaml", [one.id for one in framework.requirements])
    for document in crosswalk.documents:
        problems += _unknown("crosswalk.yaml", document.id, document.maps, known)
    for phase in certification.phases:
        problems += _unknown("certification.yaml", phase.id, phase.looks_at, known | {"all", "clauses", "controls"})
    if problems:
        raise ConfigError(problems)
    return Standard(outline, crosswalk, certification)


_Kind = TypeVar("_Kind", bound=Config)


def _read(kind: type[_Kind], path: Path) -> _Kind:
    document = read_document(path.read_bytes(), path.name)
    model, found = findings(kind, document)
    problems = document.problems + [
        Problem(path.name, document.line(one.path), key_text(one.path), one.problem, one.suggestion) for one in found
    ]
    if problems or not isinstance(model, kind):
        raise ConfigError(problems)
    return model


def _unknown(file: str, where: str, names: tuple[str, ...] | list[str], known: set[str]) -> list[Problem]:
    return [Problem(file, 0, where, f"there is no clause or control {name}") for name in names if name not in known]


def _twice(file: str, names: list[str]) -> list[Problem]:
    return [Problem(file, 0, name, "is given twice") for name in sorted({one for one in names if names.count(one) > 1})]
