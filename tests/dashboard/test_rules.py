"""Rules of the dashboard's own source: nothing that puts data into a page as markup, nothing that writes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "dashboard"
SOURCES = sorted(FOLDER.rglob("*.py"))


def names(tree: ast.AST) -> Iterator[str]:
    """Give every attribute, keyword and imported module of a file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_no_page_can_carry_markup_of_data(path: Path) -> None:
    """No HTML, no components, no iframes, no images by address, no uploads: what is not there cannot be misused."""
    used = set(names(ast.parse(path.read_text(encoding="utf-8"))))
    banned = {
        "unsafe_" + "allow_html",
        "html",
        "components",
        "iframe",
        "image",
        "file_uploader",
        "write_stream",
    }
    assert not used & banned
    assert not any(name.startswith("streamlit.components") for name in used)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_the_dashboard_never_writes_the_store(path: Path) -> None:
    """The store is opened to read only, but by the forms, which a project has to switch on."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = {
        node.func.attr for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert "execute" not in calls
    forms = {"editing.py", "editing_review.py"}
    assert path.name in {"theme.py", *forms} or "write" not in calls  # theme.py writes to standard output


def test_charts_know_no_streamlit() -> None:
    """The same charts go into printed records."""
    names_of_files = ("frames.py", "scales.py", "theme.py", "summary.py", "data.py")
    for path in [*(FOLDER / "charts").glob("*.py"), *map(FOLDER.joinpath, names_of_files)]:
        imported = set(names(ast.parse(path.read_text(encoding="utf-8"))))
        assert "streamlit" not in imported


def test_charts_draw_no_images() -> None:
    """A mark that loads pictures by address would tell other servers what is looked at."""
    for path in (FOLDER / "charts").glob("*.py"):
        texts = {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)}
        assert not texts & {"image", "url", "href"}


def test_no_folder_beside_the_app_is_called_pages() -> None:
    """Streamlit takes a folder of that name for its older navigation and runs a page without the app."""
    assert not (FOLDER / "pages").exists()
