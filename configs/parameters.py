"""Parameters of metrics, and how a metric with its parameters is written: ``performance.f_beta(beta=0.5)``.

One text stands for one measurement: the canonical text names the parameters that differ from their defaults, in the
order of their declaration. It is what objectives, the list ``metrics:``, the command line and the store use.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from aimsight.configs.errors import InvalidTextError, did_you_mean, quoted_list
from aimsight.configs.targets import number_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aimsight.configs.facts import Task

ParameterKind = Literal["int", "float", "bool", "word", "text", "class", "metric"]
"""A whole number, a number, true or false, one of ``choices``, any text, a class of a multiclass model, or another
metric."""
Argument = int | float | bool | str | None


class _Required:
    """The default of a parameter that has to be given."""

    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED = _Required()


@dataclass(frozen=True, slots=True)
class Parameter:
    """One declared parameter of a metric.

    Parameters
    ----------
    name, kind
        What it is called, also as keyword of the metric's function, and what it takes.
    default
        Its value when it is not given (``None``: then it plays no part), or ``REQUIRED``.
    low, high
        Least and greatest number; ``None`` where there is none.
    doc
        What it means, in a few words.
    choices
        The words that a parameter of kind ``word`` takes.
    tasks
        Tasks that it may be given for; empty for all.
    """

    name: str
    kind: ParameterKind
    default: Argument | _Required = REQUIRED
    low: float | None = None
    high: float | None = None
    doc: str = ""
    choices: tuple[str, ...] = ()
    tasks: frozenset[Task] = field(default=frozenset())

    @property
    def required(self) -> bool:
        """Whether it has to be given."""
        return isinstance(self.default, _Required)

    @property
    def accepts(self) -> str:
        """What it takes, in words: ``a whole number from 1 to 100``."""
        if self.kind == "word":
            return f"one of {quoted_list(self.choices)}"
        if self.kind == "bool":
            return "true or false"
        if self.kind in ("text", "class", "metric"):
            return {"text": "a text", "class": "a class of the model", "metric": "a metric"}[self.kind]
        noun = "a whole number" if self.kind == "int" else "a number"
        low, high = (None if limit is None else number_text(float(limit)) for limit in (self.low, self.high))
        if low is not None and high is not None:
            return f"{noun} from {low} to {high}"
        return f"{noun} of at least {low}" if low is not None else f"{noun} of at most {high}" if high else noun

    def read(self, text: str) -> Argument:
        """The argument that a text stands for.

        Raises
        ------
        InvalidTextError
            When it is none that the parameter takes.
        """
        value = self._value(text)
        if value is None:
            near = did_you_mean(text, self.choices) if self.kind == "word" else ""
            raise InvalidTextError(f"{self.name} must be {self.accepts}, not {text}", near)
        return value

    def _value(self, text: str) -> Argument:
        if self.kind == "word":
            return text if text in self.choices else None
        if self.kind == "bool":
            return {"true": True, "false": False}.get(text.lower())
        if self.kind in ("text", "class", "metric"):
            return text or None
        try:
            number = int(text) if self.kind == "int" else float(text)
        except ValueError:
            return None
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        return number if math.isfinite(number) and low <= number <= high else None


@dataclass(frozen=True, slots=True)
class MetricText:
    """A metric as it was written: its id and the texts of its arguments."""

    id: str
    arguments: tuple[tuple[str, str], ...] = ()


_BARE = re.compile(r"[^\s,()\"'=]+")
_KEY = re.compile(r"\s*([A-Za-z_]\w*)\s*=\s*")
_QUOTED = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')\s*""")


def parse(text: str) -> MetricText:
    """Take a metric's text apart; the id and the arguments themselves are not checked.

    Raises
    ------
    InvalidTextError
        When it is not ``id`` or ``id(key=value, ...)``.
    """
    name, bracket, rest = text.strip().partition("(")
    if not bracket:
        return MetricText(name)
    if not rest.endswith(")"):
        raise InvalidTextError(f'"{text}" has no closing bracket', f"{text.strip()})")
    name, inside = name.strip(), rest[:-1]
    arguments: list[tuple[str, str]] = []
    at = 0
    while inside[at:].strip():
        key = _KEY.match(inside, at)
        if key is None:
            raise InvalidTextError(f'"{text}" names its arguments not as {name}(key=value, ...)')
        value, at = _value_at(inside, key.end(), text)
        arguments.append((key[1], value))
    return MetricText(name, tuple(arguments))


def _value_at(inside: str, start: int, text: str) -> tuple[str, int]:
    """The text of the argument that starts here, and where the next one starts."""
    quoted = _QUOTED.match(inside, start)
    if quoted and (quoted.end() == len(inside) or inside[quoted.end()] == ","):
        inner = quoted[1] if quoted[1] is not None else quoted[2]
        return re.sub(r"\\(.)", r"\1", inner), quoted.end() + 1
    depth = 0
    for place in range(start, len(inside)):
        letter = inside[place]
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if depth < 0:
            raise InvalidTextError(f'"{text}" closes more brackets than it opens')
        if letter == "," and depth == 0:
            return inside[start:place].strip(), place + 1
    if depth:
        raise InvalidTextError(f'"{text}" opens more brackets than it closes')
    return inside[start:].strip(), len(inside)


def bind(written: MetricText, parameters: Sequence[Parameter]) -> dict[str, Argument]:
    """Every argument by name, defaults filled in.

    Raises
    ------
    InvalidTextError
        When a parameter is unknown, given twice, missing or ill-typed.
    """
    known = {parameter.name: parameter for parameter in parameters}
    given: dict[str, Argument] = {}
    for key, text in written.arguments:
        if key not in known:
            takes = f"; it takes {quoted_list(known)}" if known else "; it takes none"
            raise InvalidTextError(f"{written.id} has no parameter {key}{takes}", did_you_mean(key, known))
        if key in given:
            raise InvalidTextError(f"{written.id} is given {key} twice")
        given[key] = known[key].read(text)
    for parameter in parameters:
        if parameter.name not in given and parameter.required:
            how = f"{written.id}({parameter.name}=...)"
            what = parameter.doc if parameter.kind == "text" and parameter.doc else parameter.accepts
            raise InvalidTextError(f"{written.id} needs {parameter.name}, {what}: write {how}")
    return {
        parameter.name: given.get(
            parameter.name, None if isinstance(parameter.default, _Required) else parameter.default
        )
        for parameter in parameters
    }


def opened(parameters: Sequence[Parameter], written: MetricText) -> tuple[Parameter, ...]:
    """The parameters of a metric that takes any, by name: those that are declared, and those given, as text."""
    known = {parameter.name: parameter for parameter in parameters}
    free = {key: Parameter(key, "text", None) for key, _ in written.arguments}
    return tuple(one for _, one in sorted((free | known).items()))


def canonical(identity: str, parameters: Sequence[Parameter], arguments: Mapping[str, Argument]) -> str:
    """The one text of a metric with these arguments."""
    parts = [
        f"{parameter.name}={_shown(argument)}"
        for parameter in parameters
        if (argument := arguments.get(parameter.name)) is not None
        and (parameter.required or argument != parameter.default)
    ]
    return f"{identity}({', '.join(parts)})" if parts else identity


def _shown(argument: Argument) -> str:
    if isinstance(argument, bool):
        return "true" if argument else "false"
    if isinstance(argument, int | float):
        return number_text(float(argument)) if isinstance(argument, float) else str(argument)
    text = str(argument)
    if _BARE.fullmatch(text) or _is_metric(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _is_metric(text: str) -> bool:
    """Whether the text is itself a metric with arguments, which needs no quotes."""
    return bool(re.fullmatch(r"[a-z][\w.]*\([^\"']*\)", text)) and text.count("(") == 1
