"""Rules about the repository's own files that no other tool checks."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements/runtime.txt", "requirements/dev.txt")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
# Written in two parts so that this file passes its own test.
MACHINE_PATHS = re.compile(
    r"(?<![\w.~-])/(?:" + "work" + r"|root|home/\w+|Users/\w+|tmp/c|opt/(?:wheels|pypi))(?:/|\b)"
)
REGISTRY_HOSTS = re.compile("(?:" + "|".join(("py" + "pi", "python" + "hosted")) + r")\.org", re.IGNORECASE)
UNSAFE_HTML = "unsafe_allow" + "_html"


def tracked_texts() -> dict[str, str]:
    """Return every tracked text file's content by its name."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout.decode()
    texts = {}
    for name in filter(None, listing.split("\0")):
        path = ROOT / name
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            if b"\0" not in content:
                texts[name] = content.decode("utf-8")
    return texts


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """Give every tracked text file, read once."""
    return tracked_texts()


def test_no_file_names_a_path_of_one_machine(texts: dict[str, str]) -> None:
    """A path of somebody's machine works nowhere else."""
    assert {name: found.group() for name, text in texts.items() if (found := MACHINE_PATHS.search(text))} == {}


def test_no_file_names_a_package_registry(texts: dict[str, str]) -> None:
    """Where packages come from is the user's pip configuration, not ours."""
    assert [name for name, text in texts.items() if REGISTRY_HOSTS.search(text)] == []


def test_no_page_may_contain_raw_html(texts: dict[str, str]) -> None:
    """Names in an inference log are strangers' text; streamlit's switch for raw HTML stays untouched."""
    assert [name for name, text in texts.items() if UNSAFE_HTML in text] == []


def test_every_text_file_ends_with_one_newline(texts: dict[str, str]) -> None:
    """A missing or doubled last newline makes noise in every later change."""
    wrong = [name for name, text in texts.items() if text and (not text.endswith("\n") or text.endswith("\n\n"))]
    assert [name for name in wrong if not name.endswith("py.typed")] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_place(lock: str) -> None:
    """A lock fixes what is installed, by hash; it says nothing of where from."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert re.findall(r"://|@ |--(?:index-url|extra-index-url|find-links|trusted-host)|^-e", text, re.MULTILINE) == []


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_of_a_lock_has_hashes(lock: str) -> None:
    """One package without a hash and pip would refuse the whole file."""
    entries = re.split(r"\n(?=[A-Za-z0-9])", "\n" + (ROOT / lock).read_text(encoding="utf-8"))[1:]
    assert len(entries) > 50
    pinned = re.compile(r"[A-Za-z0-9_.\[\]-]+==[^\s;]+")
    assert [entry for entry in entries if not pinned.match(entry) or "--hash=sha256:" not in entry] == []


def pins(lock: str) -> dict[str, set[str]]:
    """Return the versions a lock pins, by package name."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9_.-]+)==([^\s;]+)", (ROOT / lock).read_text("utf-8"), re.MULTILINE):
        found.setdefault(name.lower().replace("_", "-"), set()).add(version)
    return found


def test_both_locks_pin_the_same_versions() -> None:
    """What the tests run with is what a user gets."""
    runtime, dev = (pins(lock) for lock in LOCKS)
    assert {name: dev.get(name) for name in runtime} == runtime


def test_the_locks_hold_every_declared_dependency() -> None:
    """A dependency added to pyproject.toml needs `make lock`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    runtime, dev = (pins(lock) for lock in LOCKS)

    def names(requirements: list[str | dict[str, str]]) -> set[str]:
        texts = [entry for entry in requirements if isinstance(entry, str)]
        return {re.split(r"[<>=!~\[; ]", text)[0].lower().replace("_", "-") for text in texts}

    assert names(project["project"]["dependencies"]) <= runtime.keys()
    assert names(project["dependency-groups"]["dev"] + project["dependency-groups"]["build"]) <= dev.keys()


def test_every_relative_link_of_the_documents_leads_to_a_tracked_file(texts: dict[str, str]) -> None:
    """A reader who follows a link arrives."""
    broken = []
    for name, text in texts.items():
        if not name.endswith(".md"):
            continue
        for target in ("".join(groups) for groups in LINK.findall(text)):
            if re.match(r"[a-z]+:|#", target):
                continue
            path = (ROOT / name).parent / target.split("#")[0]
            if not path.exists() or not path.resolve().is_relative_to(ROOT):
                broken.append(f"{name}: {target}")
    assert broken == []


def test_every_package_says_what_it_is_for_and_what_it_never_does(texts: dict[str, str]) -> None:
    """The docstring of a package is its charter."""
    inits = [name for name in texts if name.endswith("__init__.py") and not name.startswith("tests/")]
    assert {"configs", "metrics", "store", "aims", "monitors", "dashboard"} <= {name.split("/")[0] for name in inits}
    for name in inits:
        charter = ast.get_docstring(ast.parse(texts[name])) or ""
        assert "For: " in charter, name
        assert "Never: " in charter, name


def test_no_package_has_the_namespace_as_a_file() -> None:
    """An __init__.py at the root would turn the namespace into a package that hides the others."""
    assert not (ROOT / "__init__.py").exists()


@pytest.mark.parametrize("word", ["type: ignore", "noqa"])
def test_a_silenced_check_has_its_reason_on_the_line(texts: dict[str, str], word: str) -> None:
    """Whoever switches a check off says why, after the code, on the same line."""
    silenced = re.compile(rf"# {word}(?P<code>\[[\w, -]+\]|: [A-Z]+\d+(?:, ?[A-Z]+\d+)*)?(?P<reason>.*)$", re.MULTILINE)
    bare = [
        f"{name}: {found.group()}"
        for name, text in texts.items()
        if name.endswith(".py")
        for found in silenced.finditer(text)
        if not found["code"] or len(found["reason"].strip(" -#—:")) < 8
    ]
    assert bare == []


def test_no_test_is_skipped_or_expected_to_fail(texts: dict[str, str]) -> None:
    """A test that does not run proves nothing."""
    mark = re.compile(r"pytest\.(?:mark\.)?(?:" + "skip" + r"|skipif|xfail|importorskip)\b")
    assert [name for name, text in texts.items() if name.endswith(".py") and mark.search(text)] == []


def test_no_source_file_is_longer_than_600_lines(texts: dict[str, str]) -> None:
    """One idea a file."""
    lengths = {name: text.count("\n") for name, text in texts.items() if name.endswith(".py")}
    assert {name: lines for name, lines in lengths.items() if lines > 600} == {}
