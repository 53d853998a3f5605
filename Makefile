# Every target that needs Python makes .venv itself, from requirements.lock, once per change of it.
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PACKAGES := streams detectors connectors

# The first interpreter that runs and is new enough; `make PYTHON=/path/to/python` names another.
ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,\
	$(shell $(name) -c '$(ENOUGH)' >/dev/null 2>&1 && echo $(name))) python3)

# Processes of make test; each starts the real servers its tests need.
JOBS ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup demo run test check fmt fmt-check lint type imports spell docs reference images bench lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP) ## make .venv with everything the other targets need

demo: $(STAMP) ## live console on simulated shop traffic with a planted incident (ARGS="--incident now")
	@$(BIN)/touchline demo $(ARGS)

run: $(STAMP) ## the embedded service (ARGS="-c examples/shop.yml")
	@$(BIN)/touchline run $(ARGS)

test: $(STAMP) ## every test, on two processes (JOBS); missing servers are named (ARGS="-k words -m 'not slow'")
	@$(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(ARGS)

check: fmt-check lint type imports spell docs ## what CI checks besides the tests

fmt: $(STAMP) ## format the code and sort its imports
	@$(BIN)/ruff check --quiet --select I --fix .
	@$(BIN)/ruff format .

fmt-check: $(STAMP)
	@$(BIN)/ruff format --check .

lint: $(STAMP) ## ruff's rules
	@$(BIN)/ruff check .

type: $(STAMP) ## mypy, strict, code and tests
	@$(BIN)/mypy
	@$(BIN)/mypy docs/commands.py
	@$(BIN)/mypy docs/figures.py

imports: $(STAMP) ## the one-way imports and the pure core
	@$(BIN)/lint-imports

spell: $(STAMP) ## codespell over code and docs
	@$(BIN)/codespell

docs: $(STAMP) ## links, commands and examples in the docs against the code
	@$(BIN)/python -m pytest -q tests/test_docs.py

reference: $(STAMP) ## write the reference pages that are made from the code
	@$(BIN)/touchline schema > streams/config/touchline.schema.json
	@$(BIN)/touchline schema --markdown > docs/reference/file.md
	@$(BIN)/python -m streams.runtime.metric_names > docs/reference/metrics.md
	@$(BIN)/python docs/commands.py > docs/reference/commands.md
	@$(BIN)/python -m grafana.build
	@$(BIN)/python docs/figures.py

images: $(STAMP) ## take the pictures of the docs anew, in a real browser
	@TOUCHLINE_IMAGES=docs/images $(BIN)/python -m pytest -q tests/browser -k pictures

BENCH ?= $(basename $(notdir $(shell grep -l __main__ benchmarks/*.py)))
bench: $(STAMP) ## every benchmark, results into benchmarks/results (BENCH=journey_stage ARGS="…" for one)
	@set -e; for name in $(BENCH); do echo "== $$name"; $(BIN)/python -m benchmarks.$$name $(ARGS); done
	@$(BIN)/python docs/figures.py

UV := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links
lock: ## write the locks anew, the image's with the same versions (needs uv on PATH)
	@command -v uv >/dev/null || { echo "uv is not on PATH; install it with: python3 -m pip install uv"; exit 1; }
	@{ echo "# Everything Touchline runs, is tested and measured with, pinned by hash; make installs exactly this."; \
	  echo "# Written by make lock from pyproject.toml, for every Python from 3.11 on."; \
	  $(UV) --upgrade --extra test --extra bench pyproject.toml; } > requirements.lock.new
	@mv requirements.lock.new requirements.lock
	@{ echo "# What the image holds: the part of requirements.lock that Touchline runs with."; \
	  $(UV) --constraint requirements.lock --no-annotate pyproject.toml; } > deploy/requirements.lock.new
	@{ echo "# What builds the image's wheel and stays out of the image: a part of requirements.lock."; \
	  echo hatchling | $(UV) --constraint requirements.lock --no-annotate -; } > deploy/build.lock.new
	@mv deploy/requirements.lock.new deploy/requirements.lock
	@mv deploy/build.lock.new deploy/build.lock

clean: ## remove caches and build output; keeps .venv, .cache and data
	@rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find $(PACKAGES) tests benchmarks grafana -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "No Python is on PATH; Touchline needs Python 3.11 or newer: apt-get install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c '$(ENOUGH)' || { echo "Touchline needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Name another: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make a virtual environment; mend it with: apt-get install python3-venv"; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV)

# The lock holds the build backend too, so the project itself installs without fetching anything unpinned.
$(STAMP): requirements.lock pyproject.toml | $(BIN)/python
	@echo "Setting up $(VENV) from requirements.lock; this takes about a minute, once."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
