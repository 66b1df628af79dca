"""What a wheel holds: every tracked file of the mapped folders, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FOLDERS: tuple[str, ...] = tuple(sorted(PYPROJECT["tool"]["setuptools"]["package-dir"].values()))


def tracked(*paths: str) -> list[PurePosixPath]:
    """Return the files git tracks below `paths` that exist in the working tree."""
    listing = subprocess.run(["git", "ls-files", "-z", "--", *paths], cwd=ROOT, check=True, capture_output=True)
    names = [PurePosixPath(name) for name in listing.stdout.decode().split("\0") if name]
    return [name for name in names if (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Build the wheel from a copy of the tracked files, so that no build folder is left behind here."""
    source = tmp_path_factory.mktemp("source")
    for name in tracked(*FOLDERS, "pyproject.toml", "README.md", "LICENSE"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index"]
    build = subprocess.run(
        [*command, "--wheel-dir", str(target), str(source)], check=False, capture_output=True, text=True
    )
    assert build.returncode == 0, build.stdout + build.stderr
    (path,) = target.glob("*.whl")
    return zipfile.ZipFile(path)


def metadata(wheel: zipfile.ZipFile, name: str) -> str:
    """Return one file of the wheel's .dist-info folder."""
    (path,) = [entry for entry in wheel.namelist() if entry.endswith(f".dist-info/{name}")]
    return wheel.read(path).decode()


def test_the_wheel_holds_every_tracked_file_of_the_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    """A sub-package or data file missing from pyproject.toml is dropped silently by setuptools; this says which."""
    shipped = {name for name in wheel.namelist() if ".dist-info/" not in name}
    wanted = {f"aimsight/{name}" for name in tracked(*FOLDERS)}
    assert shipped == wanted


def test_the_wheel_gives_one_import_name(wheel: zipfile.ZipFile) -> None:
    """Nothing but the package and its metadata lands in site-packages, and aimsight stays a namespace package."""
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"aimsight"}
    assert "aimsight/__init__.py" not in wheel.namelist()


def test_every_package_says_that_it_is_typed(wheel: zipfile.ZipFile) -> None:
    """A namespace package has no root to hold py.typed, so every top-level folder holds its own."""
    names = set(wheel.namelist())
    assert {f"aimsight/{folder}/py.typed" for folder in FOLDERS} <= names


def test_the_wheel_brings_the_command(wheel: zipfile.ZipFile) -> None:
    """Installing the wheel gives the console script `aimsight`."""
    assert "aimsight = aimsight.monitors.cli:main" in metadata(wheel, "entry_points.txt").splitlines()


def test_the_wheel_states_its_licence_and_python_and_needs(wheel: zipfile.ZipFile) -> None:
    """The metadata repeats pyproject.toml: licence, Python version and every dependency with its bounds."""
    fields = Parser().parsestr(metadata(wheel, "METADATA"))
    assert fields["License-Expression"] == "Apache-2.0"
    assert fields["Requires-Python"] == ">=3.11"
    stated = {text.replace(" ", "") for text in fields.get_all("Requires-Dist", [])}
    names = {text.split("<")[0].split(">")[0] for text in stated}
    assert names == {text.split("<")[0].split(">")[0] for text in PYPROJECT["project"]["dependencies"]}
    assert any(text.startswith("pandas") and "<3" in text for text in stated)


def test_type_checkers_see_the_folders_under_the_import_name() -> None:
    """The link that mypy looks through leads to the repository's root."""
    assert (ROOT / ".typing" / "aimsight").resolve() == ROOT


def test_mypy_and_import_linter_know_every_folder() -> None:
    """A new top-level package must be type-checked and have its layer."""
    packages = {f"aimsight.{folder}" for folder in FOLDERS}
    assert set(PYPROJECT["tool"]["mypy"]["packages"]) == packages | {"aimsight.tests"}
    assert set(PYPROJECT["tool"]["importlinter"]["root_packages"]) == packages
    layers = PYPROJECT["tool"]["importlinter"]["contracts"][0]["layers"]
    assert {name for layer in layers for name in layer.split(" | ")} == packages
    banned = PYPROJECT["tool"]["ruff"]["lint"]["flake8-tidy-imports"]["banned-api"]
    assert set(banned) == set(FOLDERS)
