# Lineshaft: `make` lists what it can do.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
HOME_FOLDER ?= $(or $(LINESHAFT_HOME),$(HOME)/.lineshaft)
PYTEST_ARGS ?=
BUILT ?= src/lineshaft/resolution/built
COMPILE := $(HOME)/.cache/lineshaft/compile

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

$(UV):
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

# A stamp for each set of requirements: nothing is asked of the network while they stay the same.
$(VENV)/box.stamp: requirements/build.txt requirements/box.txt pyproject.toml | $(UV)
	@echo "Installing Lineshaft into $(VENV) ..."
	@$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/build.txt -r requirements/box.txt
	@$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt $(VENV)/box.stamp
	@echo "Installing the test and lint tools ..."
	@$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@touch $@

.PHONY: up
up: $(VENV)/box.stamp ## Start Lineshaft with the demonstration plant; Ctrl-C stops it
	@exec $(BIN)/lineshaft up --home "$(HOME_FOLDER)"

.PHONY: install
install: $(VENV)/box.stamp ## Only install, into .venv

$(COMPILE)/stamp: requirements/compile.txt | $(UV)
	@$(UV) venv --quiet --clear --python $(BIN)/python $(COMPILE)
	@$(UV) pip install --quiet --python $(COMPILE)/bin/python --require-hashes -r requirements/compile.txt
	@touch $@

.PHONY: compiled
compiled: $(COMPILE)/stamp ## Compile the hot path of identifier resolution (needs a C compiler)
	@$(COMPILE)/bin/python hatch_build.py "$(BUILT)"

.PHONY: test
test: $(VENV)/dev.stamp ## Run the tests (PYTEST_ARGS="-k name" for some)
	@$(BIN)/python -m pytest -n 3 --dist loadfile $(PYTEST_ARGS)

.PHONY: soak
soak: $(VENV)/dev.stamp ## Run the long fault and load tests and say what they did
	@LINESHAFT_SOAK=1 $(BIN)/python -m pytest -m soak --timeout=7200 -s $(PYTEST_ARGS)

.PHONY: lint
lint: $(VENV)/dev.stamp ## Check style, types, layers, dependencies and spelling
	@$(BIN)/ruff check src tests benchmarks examples
	@$(BIN)/ruff format --check src tests benchmarks examples
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/deptry src
	@$(BIN)/codespell

.PHONY: format
format: $(VENV)/dev.stamp ## Format the sources
	@$(BIN)/ruff check --fix src tests benchmarks examples
	@$(BIN)/ruff format src tests benchmarks examples

.PHONY: bench
bench: $(VENV)/dev.stamp ## Run a benchmark: make bench NAME=edge_opcua [ARGS=...]
	@test -n "$(NAME)" || { echo "NAME is one of:"; ls benchmarks/*.py | sed 's|benchmarks/||;s|\.py||;s|^|  |'; exit 2; }
	@$(BIN)/python benchmarks/$(NAME).py $(ARGS)

.PHONY: docs
docs: $(VENV)/dev.stamp ## Run the examples of docs and README as tests
	@$(BIN)/python -m pytest tests/docs $(PYTEST_ARGS)

.PHONY: requirements
requirements: | $(UV) ## Lock the requirements anew
	@for spec in "build.txt requirements/build.in" "compile.txt requirements/compile.in" \
	  "box.txt pyproject.toml --extra demo --extra postgres" \
	  "dev.txt pyproject.toml --extra demo --extra pkcs11 --extra postgres --group test --group lint"; do \
	  set -- $$spec; out=$$1; shift; \
	  $(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links \
	    --no-annotate --no-header --python-version 3.11 "$$@" -o requirements/$$out; done

.PHONY: clean
clean: ## Remove the virtual environment and caches
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
