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

# The web console. Node is the system's where it is new enough, else that of a wheel; what is built lies in the package.
CONSOLE := src/lineshaft/web/static/index.html
CONSOLE_SOURCES := $(shell find console -name node_modules -prune -o -type f -print)
IN_CONSOLE := console/node.sh $(abspath $(VENV))

$(VENV)/node.stamp: requirements/node.txt | $(UV)
	@$(IN_CONSOLE) true || { echo "Installing Node into $(VENV) ..."; \
	  $(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/node.txt; }
	@touch $@

console/node_modules/.package-lock.json: console/package-lock.json | $(VENV)/node.stamp
	@echo "Installing what the console is made of ..."
	@$(IN_CONSOLE) npm ci --silent --ignore-scripts
	@touch $@

$(CONSOLE): $(CONSOLE_SOURCES) console/node_modules/.package-lock.json
	@echo "Building the console ..."
	@$(IN_CONSOLE) npm run --silent build >/dev/null

.PHONY: console
console: $(CONSOLE) ## Build the web console

.PHONY: console-check
console-check: $(VENV)/box.stamp $(CONSOLE) ## Check the console: types, words, the interface it is made for, sizes, licences, tests
	@$(BIN)/python -m lineshaft.web.describe > console/node_modules/.description.json
	@$(IN_CONSOLE) sh -c 'npm run --silent types && npm run --silent lint && npm run --silent texts && \
	  npm run --silent licences -- --check && npm run --silent sizes && \
	  npm run --silent api -- node_modules/.description.json --check && npm test --silent'

.PHONY: console-api
console-api: $(VENV)/box.stamp console/node_modules/.package-lock.json ## Make the console's types anew from the routes
	@$(BIN)/python -m lineshaft.web.describe > console/node_modules/.description.json
	@$(IN_CONSOLE) npm run --silent api -- node_modules/.description.json

.PHONY: up
up: $(VENV)/box.stamp ## Start Lineshaft with the demonstration plant; Ctrl-C stops it
	@$(MAKE) --no-print-directory console || echo "The console could not be built; a plain page is served in its place."
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
	@$(BIN)/python -m pytest -n 4 --dist loadfile $(PYTEST_ARGS)

.PHONY: pictures
pictures: $(VENV)/dev.stamp $(CONSOLE) ## Take the pictures in docs/pictures anew, of the real console
	@LINESHAFT_REQUIRE_PEERS=1 LINESHAFT_PICTURES="$(abspath docs/pictures)" \
	  $(BIN)/python -m pytest -p no:randomly tests/console/test_pages.py $(PYTEST_ARGS)

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
	  "node.txt requirements/node.in" \
	  "box.txt pyproject.toml --extra demo --extra postgres" \
	  "dev.txt pyproject.toml --extra demo --extra pkcs11 --extra postgres --group test --group lint"; do \
	  set -- $$spec; out=$$1; shift; \
	  $(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links \
	    --no-annotate --no-header --python-version 3.11 "$$@" -o requirements/$$out; done

.PHONY: clean
clean: ## Remove the virtual environment and caches
	@rm -rf $(VENV) console/node_modules src/lineshaft/web/static .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
