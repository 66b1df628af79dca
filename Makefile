# `make` alone prints what there is.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime-installed
DEV := $(VENV)/.dev-installed
PYTEST_ARGS ?= -n auto
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help demo test bench lint format types layers check lock clean

help:  ## print this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

demo: $(RUNTIME)  ## run the demo on real data and open the dashboard (DEMO_ARGS=--no-serve stops before the dashboard)
	$(BIN)/aimsight demo $(DEMO_ARGS)

test: $(DEV)  ## run every test (PYTEST_ARGS="-n 0 tests/store" for some)
	$(BIN)/python -m pytest $(PYTEST_ARGS)

bench: $(DEV)  ## measure speed and memory against a plain scan and evidently
	$(BIN)/python benchmarks/run.py $(BENCH_ARGS)

lint: $(DEV)  ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(DEV)  ## ruff: repair what can be repaired
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(DEV)  ## mypy --strict on everything
	$(BIN)/mypy

layers: $(DEV)  ## import-linter: who may import whom
	$(BIN)/lint-imports --no-logo

check: lint types layers test  ## all of the above that must pass before a commit

# uv reads neither pip's configuration nor, with --no-config, its own: the locks follow from pyproject.toml alone.
LOCK := $(BIN)/uv pip compile --no-config --universal --fork-strategy fewest --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --quiet

lock: $(DEV)  ## resolve pyproject.toml anew into requirements/*.txt, with hashes (LOCK_ARGS=--upgrade for newer versions)
	$(LOCK) $(LOCK_ARGS) --group build pyproject.toml --output-file requirements/runtime.txt
	$(LOCK) $(LOCK_ARGS) --group dev --constraint requirements/runtime.txt pyproject.toml --output-file requirements/dev.txt

clean:  ## remove the environment and every cache
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "aimsight needs Python 3.11 or newer, and '$(PYTHON)' is: $$($(PYTHON) --version 2>&1 || true)" >&2; \
		echo "Name another one: make $(or $(MAKECMDGOALS),test) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "'$(PYTHON)' cannot make virtual environments; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Everything comes from the locks, by hash; the build backend too, hence no build isolation. --no-deps: a lock is
# complete, and old versions of pip stumble over hashes of packages that are asked for with extras.
$(RUNTIME): requirements/runtime.txt pyproject.toml | $(BIN)/python
	@echo "Installing the locked packages into $(VENV) ..."
	$(PIP) install --require-hashes --no-deps -r requirements/runtime.txt
	PYTHONWARNINGS=ignore $(PIP) install --no-deps --no-build-isolation --editable .  # else setuptools lectures on editable installs
	@touch $@

$(DEV): requirements/dev.txt requirements/runtime.txt pyproject.toml | $(BIN)/python
	@echo "Installing the locked packages into $(VENV) ..."
	$(PIP) install --require-hashes --no-deps -r requirements/dev.txt
	PYTHONWARNINGS=ignore $(PIP) install --no-deps --no-build-isolation --editable .  # else setuptools lectures on editable installs
	@touch $@ $(RUNTIME)
