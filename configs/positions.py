"""Strict YAML: plain data with the line of every key and value, and every trap of YAML 1.1 closed.

Booleans are ``true`` and ``false`` only (``NO`` and ``on`` are text), ``12:30:00`` and dates are text, ``1e3`` is a
number, ``007`` is text. Refused are duplicate keys, tags, merge keys, several documents, numbers that are not finite,
and aliases that would unfold beyond a budget.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import TypeAlias

import yaml

from aimsight.configs.errors import Problem

Key: TypeAlias = str | int
Path: TypeAlias = tuple[Key, ...]

LARGEST_FILE = 1_000_000
"""Bytes that a configuration file may have."""
NODE_BUDGET = 50_000
"""Values that a file may hold after its aliases are unfolded."""

DEEPEST = 20
"""Levels of lists and keys within each other."""

_TAG = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|(?:0|[1-9][0-9]*)(?=[eE]))(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULLS = ("", "~", "null", "Null", "NULL")
_ENTRY = re.compile(r"(\s*(?:- )?\s*[^\s:#][^:#]*:\s+)(\S.*?)\s*")
_NEEDS_QUOTES = re.compile(r"[>|*&!%@`]|.*: ")


class _Composer(yaml.SafeLoader):
    """PyYAML's parser with the scalars of this module; used for its node tree only."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  # PyYAML's interface


_Composer.add_implicit_resolver(f"{_TAG}null", re.compile(r"(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_Composer.add_implicit_resolver(f"{_TAG}bool", re.compile(rf"(?:{'|'.join(_BOOLEANS)})$"), list("tTfF"))
_Composer.add_implicit_resolver(f"{_TAG}int", re.compile(rf"(?:{_INTEGER.pattern})$"), list("-+0123456789"))
_Composer.add_implicit_resolver(f"{_TAG}float", re.compile(rf"(?:{_FLOAT.pattern})$"), list("-+.0123456789"))


@dataclass(slots=True)
class Document:
    """One file as plain data (dicts with text keys, tuples, scalars): with lines, raw scalars and problems found."""

    data: dict[str, object] = field(default_factory=dict)
    lines: dict[Path, int] = field(default_factory=dict)
    raw: dict[Path, str] = field(default_factory=dict)
    quoted: set[Path] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    def line(self, path: Path) -> int:
        """Line of the value at ``path``, or of the nearest part around it that exists."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def key_text(path: Path) -> str:
    """``objectives[0].target``; names that are no plain words are quoted: ``features["a b"]``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif re.fullmatch(r"[\w-]+", part):
            text += f".{part}" if text else part
        else:
            text += f"[{json.dumps(part, ensure_ascii=False)}]"
    return text


def read_document(content: bytes, file: str) -> Document:
    """Parse one file; what is wrong with its form is in ``problems`` and left out of ``data``."""
    reader = _Reader(file)
    if len(content) > LARGEST_FILE:
        reader.note(1, (), f"has {len(content):,} bytes; a configuration has at most {LARGEST_FILE:,}")
        return reader.document
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        reader.note(content.count(b"\n", 0, error.start) + 1, (), "is not UTF-8 text")
        return reader.document
    try:
        root = yaml.compose(text, Loader=_Composer)
    except yaml.MarkedYAMLError as error:
        reader.syntax_error(text, error)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        reader.note(line, (), f"holds the control character U+{_code(error.character):04X}")
    except RecursionError:
        reader.note(1, (), "is nested too deeply")
    else:
        reader.read_root(root)
    return reader.document


def _code(character: object) -> int:
    return ord(character) if isinstance(character, str) else int(str(character))


class _Reader:
    """Walks the node tree once and fills a ``Document``."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.document = Document()
        self.nodes = 0
        self.open: list[yaml.Node] = []

    def note(self, line: int, path: Path, problem: str, suggestion: str = "") -> None:
        self.document.problems.append(Problem(self.file, line, key_text(path), problem, suggestion))

    def syntax_error(self, text: str, error: yaml.MarkedYAMLError) -> None:
        mark = error.problem_mark or error.context_mark
        number = mark.line + 1 if mark else 1
        lines = text.splitlines()
        source = lines[number - 1] if number <= len(lines) else ""
        entry = _ENTRY.fullmatch(source)
        suggestion = ""
        if entry and _NEEDS_QUOTES.match(entry[2]):
            suggestion = f"{entry[1].strip()} {json.dumps(entry[2], ensure_ascii=False)}"
        elif "\t" in source[: len(source) - len(source.lstrip())]:
            suggestion = "spaces instead of the tab"
        context = f" ({error.context})" if error.context else ""
        self.note(number, (), f"not valid YAML: {error.problem}{context}", suggestion)

    def read_root(self, root: yaml.Node | None) -> None:
        if root is None:
            self.note(1, (), "is empty")
        elif not isinstance(root, yaml.MappingNode):
            self.note(root.start_mark.line + 1, (), "must hold keys and values at its top level")
        else:
            self.document.lines[()] = root.start_mark.line + 1
            data = self._value(root, ())
            if isinstance(data, dict) and self.nodes <= NODE_BUDGET:
                self.document.data = data

    def _value(self, node: yaml.Node, path: Path) -> object:
        self.nodes += 1
        line = node.start_mark.line + 1
        if self.nodes > NODE_BUDGET:
            if self.nodes == NODE_BUDGET + 1:
                self.note(line, path, f"the file unfolds to more than {NODE_BUDGET:,} values; write fewer aliases")
            return None
        if any(node is outer for outer in self.open):
            self.note(line, path, "an alias stands inside the value that it repeats")
            return None
        self.document.lines.setdefault(path, line)
        if isinstance(node, yaml.ScalarNode):
            self.document.lines[path] = line
            return self._scalar(node, path)
        if len(self.open) == DEEPEST:
            self.note(line, path, "is nested too deeply")
            return None
        self.open.append(node)
        try:
            return self._container(node, path)
        finally:
            self.open.pop()

    def _container(self, node: yaml.Node, path: Path) -> object:
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            return tuple(self._value(item, (*path, position)) for position, item in enumerate(node.value))
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            return self._mapping(node, path)
        self._tag(node, path)
        return None

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, object]:
        data: dict[str, object] = {}
        first: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == f"{_TAG}null":
                self.note(line, path, "a key is a word, not a list, keys or nothing")
                continue
            key = key_node.value
            where = (*path, key)
            if key in data:
                self.note(line, where, f"the key is written twice, first in line {first[key]}")
                continue
            if key == "<<" and not key_node.style:
                self.note(line, path, "merge keys (<<) are not supported; write the keys out")
                continue
            first[key] = line
            self.document.lines[where] = line
            data[key] = self._value(value_node, where)
        return data

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> object:
        text = node.value
        self.document.raw[path] = text
        if node.style:
            self.document.quoted.add(path)
        kind = node.tag.removeprefix(_TAG)
        if kind == "str":
            return text
        if kind == "null" and text in _NULLS:
            return None
        if kind == "bool" and text in _BOOLEANS:
            return _BOOLEANS[text]
        if kind == "int" and _INTEGER.fullmatch(text) and len(text) < len(str(2**64)):
            return int(text)
        if kind in {"int", "float"}:
            return self._float(node, path)
        self._tag(node, path)
        return None

    def _float(self, node: yaml.ScalarNode, path: Path) -> object:
        text = node.value
        if not (_FLOAT.fullmatch(text) or _INTEGER.fullmatch(text)):
            self._tag(node, path)
            return None
        number = float(re.sub(r"\.(?=inf|nan)", "", text.lower()))
        if not math.isfinite(number):
            self.note(node.start_mark.line + 1, path, f"{text} is not a finite number")
            return None
        if _INTEGER.fullmatch(text) and abs(number) > 2**53:
            self.note(node.start_mark.line + 1, path, f"{text} has too many digits for a number", json.dumps(text))
            return None
        return number

    def _tag(self, node: yaml.Node, path: Path) -> None:
        tag = node.tag.replace(_TAG, "!!")
        self.note(node.start_mark.line + 1, path, f"the tag {tag} is not supported; write plain values")
