"""Filters: parts of the rows by a small expression, ``age >= 60 and region in (north, south)``.

    expression  = conjunction, {"or", conjunction}
    conjunction = part, {"and", part}
    part        = ["not"], (condition | "(", expression, ")")
    condition   = column, ("=" | "!=" | "<" | "<=" | ">" | ">="), value
                | column, ["not"], "in", "(", value, {",", value}, ")"
                | column, "between", value, "and", value          (both ends included)
                | column, "is", ["not"], "missing"

A column is a word or stands in double quotes; a value is a number, a word, or stands in single quotes. A missing value
fulfils no condition but ``is missing`` (and ``not`` of any other). Nothing else can be said: no function, no other
column, no statement.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from aimsight.configs.errors import InvalidTextError

Operator = Literal["=", "!=", "<", "<=", ">", ">="]
Literal_ = float | str
KEYWORDS = ("and", "or", "not", "in", "between", "is", "missing")
MOST_CONDITIONS = 100

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<quoted>"(?:[^"]|"")+") | (?P<text>'(?:[^']|'')*')
        | (?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(?![\w.])
        | (?P<word>[^\W\d]\w*) | (?P<operator><=|>=|!=|==|<>|=|<|>) | (?P<mark>[(),])
    )""",
    re.VERBOSE,
)
_PLAIN = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True, slots=True)
class Compare:
    """``column operator value``; a number compares as a number, a text only for equality."""

    column: str
    operator: Operator
    value: Literal_

    def __str__(self) -> str:
        """As it is written."""
        return f"{_column(self.column)} {self.operator} {_value(self.value)}"


@dataclass(frozen=True, slots=True)
class Among:
    """``column in (values)``."""

    column: str
    values: tuple[Literal_, ...]

    def __str__(self) -> str:
        """As it is written."""
        return f"{_column(self.column)} in ({', '.join(map(_value, self.values))})"


@dataclass(frozen=True, slots=True)
class Missing:
    """``column is missing``."""

    column: str

    def __str__(self) -> str:
        """As it is written."""
        return f"{_column(self.column)} is missing"


@dataclass(frozen=True, slots=True)
class Not:
    """The rows that do not fulfil ``part``."""

    part: Filter

    def __str__(self) -> str:
        """As it is written."""
        return f"not {_inner(self.part)}"


@dataclass(frozen=True, slots=True)
class All:
    """The rows that fulfil every part."""

    parts: tuple[Filter, ...]

    def __str__(self) -> str:
        """As it is written."""
        return " and ".join(map(_inner, self.parts))


@dataclass(frozen=True, slots=True)
class Any:
    """The rows that fulfil at least one part."""

    parts: tuple[Filter, ...]

    def __str__(self) -> str:
        """As it is written."""
        return " or ".join(map(_inner, self.parts))


Filter = Compare | Among | Missing | Not | All | Any


def columns(expression: Filter) -> tuple[str, ...]:
    """The columns that a filter reads, in order of appearance."""
    if isinstance(expression, Not):
        return columns(expression.part)
    if isinstance(expression, All | Any):
        return tuple(dict.fromkeys(name for part in expression.parts for name in columns(part)))
    return (expression.column,)


def parse(text: str) -> Filter:
    """Read a filter.

    Raises
    ------
    InvalidTextError
        Where the text stops being a filter, with what may stand there.
    """
    return _Parser(text).whole()


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    place: int


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._split(text)
        self._next = 0
        self._conditions = 0

    def whole(self) -> Filter:
        found = self._any()
        if self._next < len(self._tokens):
            raise self._wrong("and, or, or the end")
        return found

    def _split(self, text: str) -> list[_Token]:
        found, place = [], 0
        while text[place:].strip():
            match = _TOKEN.match(text, place)
            if match is None:
                rest = text[place:].strip()
                raise InvalidTextError(
                    f'"{text}" is not a filter: "{rest[0]}" means nothing here; {_SHAPE}; '
                    "a value with other signs than letters, digits and _ goes into quotes: 'admin.'"
                )
            found.append(_Token(str(match.lastgroup), match[str(match.lastgroup)], match.start(str(match.lastgroup))))
            place = match.end()
        return found

    def _any(self) -> Filter:
        parts = [self._all()]
        while self._word("or"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Any(tuple(parts))

    def _all(self) -> Filter:
        parts = [self._part()]
        while self._word("and"):
            parts.append(self._part())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _part(self) -> Filter:
        if self._word("not"):
            return Not(self._part())
        if self._mark("("):
            inner = self._any()
            if not self._mark(")"):
                raise self._wrong('")"')
            return inner
        return self._condition()

    def _condition(self) -> Filter:
        self._conditions += 1
        if self._conditions > MOST_CONDITIONS:
            raise InvalidTextError(f"a filter has at most {MOST_CONDITIONS} conditions; count such parts by a column")
        column = self._column()
        if self._word("is"):
            negated = self._word("not")
            if not self._word("missing"):
                raise self._wrong("missing")
            return Not(Missing(column)) if negated else Missing(column)
        if self._word("between"):
            low = self._value()
            if not self._word("and"):
                raise self._wrong("and")
            return All((Compare(column, ">=", low), Compare(column, "<=", self._value())))
        negated = self._word("not")
        if self._word("in"):
            among = Among(column, self._values())
            return Not(among) if negated else among
        token = None if negated else self._take("operator")
        if token is None:
            raise self._wrong("in" if negated else "an operator: =, !=, <, <=, >, >=, in, between, is missing")
        operators: dict[str, Operator] = {"==": "=", "<>": "!="}
        operator: Operator = operators.get(token.text) or _OPERATORS[token.text]
        value = self._value()
        if isinstance(value, str) and operator not in ("=", "!="):
            raise InvalidTextError(f'"{self._text}": {operator} compares with a number, not with "{value}"')
        return Compare(column, operator, value)

    def _column(self) -> str:
        token = self._take("quoted")
        if token is not None:
            return token.text[1:-1].replace('""', '"')
        if self._next < len(self._tokens):
            token = self._tokens[self._next]
            if token.kind == "word" and token.text.casefold() not in KEYWORDS:
                self._next += 1
                return token.text
        raise self._wrong("a column")

    def _values(self) -> tuple[Literal_, ...]:
        if not self._mark("("):
            raise self._wrong('"(" and the values')
        found = [self._value()]
        while self._mark(","):
            found.append(self._value())
        if not self._mark(")"):
            raise self._wrong('"," or ")"')
        return tuple(found)

    def _value(self) -> Literal_:
        if token := self._take("number"):
            return float(token.text)
        if token := self._take("text"):
            return token.text[1:-1].replace("''", "'")
        if self._next < len(self._tokens):
            token = self._tokens[self._next]
            if token.kind == "word" and token.text.casefold() not in KEYWORDS:
                self._next += 1
                return token.text
        raise self._wrong("a value: a number, a word, or a text in 'single quotes'")

    def _take(self, kind: str) -> _Token | None:
        if self._next < len(self._tokens) and self._tokens[self._next].kind == kind:
            self._next += 1
            return self._tokens[self._next - 1]
        return None

    def _word(self, word: str) -> bool:
        return self._exactly("word", word)

    def _mark(self, mark: str) -> bool:
        return self._exactly("mark", mark)

    def _exactly(self, kind: str, text: str) -> bool:
        if self._next < len(self._tokens):
            token = self._tokens[self._next]
            if token.kind == kind and token.text.casefold() == text:
                self._next += 1
                return True
        return False

    def _wrong(self, wanted: str) -> InvalidTextError:
        if self._next < len(self._tokens):
            rest = self._text[self._tokens[self._next].place :]
            return InvalidTextError(f'"{self._text}" is not a filter: before "{rest}" there should be {wanted}')
        return InvalidTextError(f'"{self._text}" is not a filter: it ends where there should be {wanted}')


_SHAPE = "write column = value, with and, or, not, in (...), between, is missing"
_OPERATORS: dict[str, Operator] = {"=": "=", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


def _column(name: str) -> str:
    plain = _PLAIN.fullmatch(name) and name.casefold() not in KEYWORDS
    return name if plain else '"' + name.replace('"', '""') + '"'


def _value(value: Literal_) -> str:
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    plain = _PLAIN.fullmatch(value) and value.casefold() not in KEYWORDS
    return value if plain else "'" + value.replace("'", "''") + "'"


def _inner(part: Filter) -> str:
    return f"({part})" if isinstance(part, All | Any) else str(part)
