"""Strict YAML: the traps of YAML 1.1 are closed and every mistake has its line."""

from __future__ import annotations

import pytest

from aimsight.configs.positions import LARGEST_FILE, key_text, read_document


def problems(text: str) -> list[str]:
    """Texts of the problems of one document."""
    return [str(problem) for problem in read_document(text.encode(), "f.yaml").problems]


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("true", True),
        ("False", False),
        ("NO", "NO"),
        ("on", "on"),
        ("yes", "yes"),
        ("12:30:00", "12:30:00"),
        ("2027-03-31", "2027-03-31"),
        ("1e3", 1000.0),
        ("1E-2", 0.01),
        (".5", 0.5),
        ("-1.", -1.0),
        ("12", 12),
        ("-0", 0),
        ("+3", 3),
        ("007", "007"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("nan", "nan"),
        ("1.2.3", "1.2.3"),
        ("", None),
        ("~", None),
        ("null", None),
        ("'12'", "12"),
        ('"true"', "true"),
        ("!!str 5", "5"),
    ],
)
def test_scalars(scalar: str, value: object) -> None:
    """Booleans are true and false, numbers are decimal, everything else is the text that was written."""
    read = read_document(f"a: {scalar}".encode(), "f.yaml")
    assert read.problems == []
    assert read.data == {"a": value}
    assert type(read.data["a"]) is type(value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "f.yaml:1: is empty"),
        ("# only a comment\n", "f.yaml:1: is empty"),
        ("- a\n", "f.yaml:1: must hold keys and values at its top level"),
        ("a: 1\nb: 2\na: 3", "f.yaml:3: a: the key is written twice, first in line 1"),
        ("a:\n  b: {c: 1,\n c: 2}", "f.yaml:3: a.b.c: the key is written twice, first in line 2"),
        ("a: .nan", "f.yaml:1: a: .nan is not a finite number"),
        ("a: [1, -.inf]", "f.yaml:1: a[1]: -.inf is not a finite number"),
        ("a: 1e999", "f.yaml:1: a: 1e999 is not a finite number"),
        (
            "a: 12345678901234567890",
            'f.yaml:1: a: 12345678901234567890 has too many digits for a number; did you mean "12345678901234567890"?',
        ),
        (
            "a: !!python/object:os.system x",
            "f.yaml:1: a: the tag !!python/object:os.system is not supported; write plain values",
        ),
        ("a: !!binary aGk=", "f.yaml:1: a: the tag !!binary is not supported; write plain values"),
        ("a: !!int x", "f.yaml:1: a: the tag !!int is not supported; write plain values"),
        ("a: !!set {b}", "f.yaml:1: a: the tag !!set is not supported; write plain values"),
        ("a: !mine [1]", "f.yaml:1: a: the tag !mine is not supported; write plain values"),
        ("? [a]\n: 1", "f.yaml:1: a key is a word, not a list, keys or nothing"),
        ("a: 1\n~: 2", "f.yaml:2: a key is a word, not a list, keys or nothing"),
        ("b: &b {c: 1}\na: {<<: *b}", "f.yaml:2: a: merge keys (<<) are not supported; write the keys out"),
        ("a: &x [*x]", "f.yaml:1: a[0]: an alias stands inside the value that it repeats"),
        ("a: 1\nb: \x07", "f.yaml:2: holds the control character U+0007"),
        ("a: " + "[" * 1500, "f.yaml:1: is nested too deeply"),
        ("a: " + "x" * LARGEST_FILE, "f.yaml:1: has 1,000,003 bytes; a configuration has at most 1,000,000"),
        (
            "a: 1\n---\nb: 2",
            "f.yaml:2: not valid YAML: but found another document (expected a single document in the stream)",
        ),
        (
            "target: >= 0.83",
            (
                "f.yaml:1: not valid YAML: expected chomping or indentation indicators, but found '=' "
                '(while scanning a block scalar); did you mean target: ">= 0.83"?'
            ),
        ),
        (
            "a:\n  source: *.parquet",
            (
                "f.yaml:2: not valid YAML: expected alphabetic or numeric character, but found '.' "
                '(while scanning an alias); did you mean source: "*.parquet"?'
            ),
        ),
        (
            "statement: Note: this",
            'f.yaml:1: not valid YAML: mapping values are not allowed here; did you mean statement: "Note: this"?',
        ),
        (
            "a:\n\tb: 2",
            (
                "f.yaml:2: not valid YAML: found character '\\t' that cannot start any token "
                "(while scanning for the next token); did you mean spaces instead of the tab?"
            ),
        ),
    ],
)
def test_refused(text: str, problem: str) -> None:
    """Each form mistake is one problem with its line and, where it can be guessed, the intention."""
    assert problems(text) == [problem]


def test_all_mistakes_of_a_file_are_found() -> None:
    """One mistake does not hide the next."""
    assert len(problems("a: .nan\nb: 1\nb: 2\nc: !!set {x}\n<<: 3\n")) == 4


@pytest.mark.parametrize("depth", [21, 200, 400])
def test_depth_is_bounded(depth: int) -> None:
    """However deep a file is nested, there is one problem and no traceback."""
    found = problems("a: " + "[" * depth + "]" * depth)
    assert len(found) == 1
    assert found[0].endswith("is nested too deeply")


def test_aliases_within_the_budget_are_values() -> None:
    """An alias repeats its anchor's value."""
    assert read_document(b"a: &x {b: [1]}\nc: *x", "f.yaml").data == {"a": {"b": (1,)}, "c": {"b": (1,)}}


def test_aliases_cannot_explode() -> None:
    """A few lines that unfold to a billion values are refused at once, and nothing of them is used."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 9)]
    document = read_document("\n".join(lines).encode(), "f.yaml")
    assert [problem.problem for problem in document.problems] == [
        "the file unfolds to more than 50,000 values; write fewer aliases"
    ]
    assert document.data == {}


def test_not_utf8() -> None:
    """Bytes in another encoding are refused with their line."""
    document = read_document(b"a: 1\nb: \xe4\n", "f.yaml")
    assert [str(problem) for problem in document.problems] == ["f.yaml:2: is not UTF-8 text"]


def test_byte_order_mark_and_windows_line_ends() -> None:
    """Files written on Windows are read as others."""
    document = read_document(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n", "f.yaml")
    assert document.data == {"a": 1, "b": 2}
    assert document.line(("b",)) == 2


def test_lines_of_keys_values_and_what_is_missing() -> None:
    """A scalar has its own line, a mapping its key's, a list element that of its begin, a missing key its parent's."""
    document = read_document(b"# c\na:\n  b:\n    1\n  c:\n    - x: 1\n    - y: 2\n", "f.yaml")
    lines = {path: document.line(path) for path in [(), ("a",), ("a", "b"), ("a", "c"), ("a", "c", 1), ("a", "z", "q")]}
    assert lines == {(): 2, ("a",): 2, ("a", "b"): 4, ("a", "c"): 5, ("a", "c", 1): 7, ("a", "z", "q"): 2}


def test_keys_are_the_text_that_was_written() -> None:
    """A class named 0 or a column named NO keeps its name."""
    assert read_document(b"{0: a, NO: b, true: c, 1.0: d}", "f.yaml").data == {
        "0": "a",
        "NO": "b",
        "true": "c",
        "1.0": "d",
    }


def test_key_text() -> None:
    """Keys are dotted, positions in brackets, hostile names quoted on one line."""
    assert key_text(("objectives", 0, "target")) == "objectives[0].target"
    assert key_text(("features", 'a"b\n=1')) == 'features["a\\"b\\n=1"]'
    assert key_text(()) == ""
