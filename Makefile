# Everything one does with a clone of gradlab: see it work, test it, check it, measure it.
#   make demo        the study of the digits, its report, and the dashboard (SERVE=0 ends before the dashboard)
#   make test        all tests but those that train for minutes; these: make test-slow
#   make check       format, lint, types, and the direction of imports
#   make bench       what recording costs, as ratios within one run
#   make gallery     one page of figures that each teach one thing, measured while it is made
# PYTHON names the Python that the environment in VENV is made with, STORE the folder that holds the runs.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := demo

PYTHON ?= python3
VENV ?= .venv
STORE ?= runs
REPORTS ?= reports
SERVE ?= 1
WORKERS ?= 2
ARGS ?=

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip
INSTALL := $(PIP) install --quiet --constraint constraints.txt
# a stamp holds what was installed, so that a second call has nothing to do
WHAT_TO_INSTALL := pyproject.toml constraints.txt

export OMP_NUM_THREADS ?= 1

.PHONY: demo test test-slow check format bench gallery picture clean

demo: $(VENV)/.gradlab
	$(BIN)/gradlab run digits --store $(STORE)
	@echo
	@echo "The tables, as files:"
	@$(BIN)/gradlab report digits --to md --store $(STORE) --folder $(REPORTS)
ifneq ($(SERVE),0)
	$(BIN)/gradlab dashboard --store $(STORE)
endif

test: $(VENV)/.test
	@.ci/chromium
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

test-slow: $(VENV)/.test
	@.ci/chromium
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m slow $(ARGS)

check: $(VENV)/.check
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(VENV)/.check
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.test
	$(BIN)/python -m tests.benchmarks $(ARGS)

gallery: $(VENV)/.gradlab
	$(BIN)/python studies/gallery --to $(REPORTS)/gallery.html

# the picture in README.md, of the digits as the demo leaves them
picture: $(VENV)/.test
	@.ci/chromium
	$(BIN)/gradlab run digits --store $(STORE)
	$(BIN)/python .ci/picture.py --store $(STORE)

clean:
	rm -rf dist build $(REPORTS) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .benchmarks
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.gradlab: $(WHAT_TO_INSTALL) | $(BIN)/python
	@echo "Installing gradlab and what it needs into $(VENV), once; this takes minutes."
	$(INSTALL) --editable .
	@touch $@

$(VENV)/.test: $(WHAT_TO_INSTALL) | $(BIN)/python
	$(INSTALL) --editable '.[test,check]'
	@touch $@ $(VENV)/.gradlab

$(VENV)/.check: $(VENV)/.test
	@touch $@
