"""The benchmarks can be started as the documents say, and their models are ones that aimsight accepts."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aimsight.configs.schema import ModelConfig
from aimsight.metrics.measure import chosen

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent
PAGE, VALIDITY = ((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("performance.md", "validity.md"))


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script behind ``make bench``, as a module."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("run")


def commands() -> list[list[str]]:
    """Every benchmark's command in the pages: script and arguments."""
    found = re.findall(r"^python benchmarks/.*$", PAGE, re.MULTILINE)
    return [line.split()[1:] for line in dict.fromkeys(found + re.findall(r"`(python benchmarks/[^`]*)`", VALIDITY))]


def test_every_simulation_of_validity_is_in_its_page() -> None:
    """A number of the page comes from a script, and a script that nobody reads the numbers of is not kept."""
    named = set(re.findall(r"benchmarks/validity/(\w+)\.py", VALIDITY))
    assert named == {path.stem for path in (ROOT / "benchmarks" / "validity").glob("*.py")}


def test_the_page_shows_commands() -> None:
    """There is something to try, and `make bench` is named."""
    assert len(commands()) >= 4
    assert "make bench" in PAGE


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_commands_of_the_pages_exist(command: list[str]) -> None:
    """Whoever copies a command from a page starts a benchmark: the script is there and knows the options."""
    script, *arguments = command
    found = subprocess.run([sys.executable, ROOT / script, "--help"], capture_output=True, text=True, check=True)
    for option in (one for one in arguments if one.startswith("--")):
        assert option in found.stdout, f"{script} has no {option}"
    for word in (one for one in arguments if one.isalpha()):
        assert word in found.stdout, f"{script} has no section {word}"


def test_models_of_the_benchmark_are_valid(bench: ModuleType, tmp_path: Path) -> None:
    """Every model that is run is one that aimsight accepts, and the catalogue's models name more than the core set."""
    sizes: dict[str, int] = {}
    for name, changes in {"drift": bench.DRIFT_ONLY, **bench.CATALOGUE}.items():
        data: dict[str, Any] = {key: value for key, value in (bench.MODEL | changes).items() if value is not None}
        data |= {
            "log": data["log"] | {"source": str(tmp_path / "log.parquet")},
            "reference": {"source": str(tmp_path / "reference.parquet")},
        }
        model = ModelConfig.model_validate(data)
        sizes[name] = len(chosen(model, model.metrics))
    assert sizes["core set, 30 windows"] < sizes["statistics, 30 windows"] < sizes["catalogue, 1 window"]
