# Everything here works on a machine with Python 3.11 or newer, pip, make and git. `make` alone explains it.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# The first of these that is at least 3.11; `make PYTHON=/path/to/python demo` chooses another one.
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11 python,$(shell $(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(name))))
# Extra arguments, such as `make test ARGS="-k ledger"`.
ARGS ?=

UV := $(VENV)/lock-tools/bin/uv
# What `make lock` and `make lock-peers` write: for every platform, each file by its hash, no address.
RESOLVE := $(UV) pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet

export DAGSTER_DISABLE_TELEMETRY := yes
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help setup demo ui test quick check format bench bench-peers screenshots lock lock-peers clean clean-venv

help: ## Explain these targets
	@printf 'make TARGET, where TARGET is one of\n\n'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile
	@printf '\nThe first one that needs it makes $(VENV) from requirements.lock: about 3.4 GB to download, 7 GB on disk.\n'
	@printf 'What running makes is kept in $${LIFECYCLE_HOME:-.lifecycle}; no target here deletes it.\n'

demo: $(READY) ## Live through a whole life of the credit model (under 90 s after set-up)
	@$(BIN)/lifecycle demo $(ARGS)

ui: $(READY) ## Start the gateway, the approval desk and Dagster's pages; Ctrl-C stops all
	@$(BIN)/lifecycle up $(ARGS)

test: $(READY) ## Run every test
	$(BIN)/python -m pytest -n auto $(ARGS)

quick: $(READY) ## Run the tests that take less than three seconds each
	$(BIN)/python -m pytest -n auto -m "not slow" $(ARGS)

check: $(READY) ## Check lint, format, types, the layers of the architecture, and with opa (and regal) on the PATH the policies
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@if command -v opa >/dev/null; then $(BIN)/lifecycle policy test; else echo 'The policies were not checked: there is no opa on the PATH.'; fi

format: $(READY) ## Format the code and mend what lint can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY) ## Measure every figure that the README quotes; writes bench/results/*.json
	$(BIN)/python -m bench $(ARGS)

bench-peers: $(READY) ## Measure the gateway beside five other servers (2.5 GB in ~/.cache)
	$(BIN)/python -m bench.peers --json bench/results/peers.json $(ARGS)

screenshots: $(READY) ## Take the README's pictures from the real pages (needs Chromium)
	$(BIN)/python docs/screenshots/take.py $(ARGS)

setup: $(READY) ## Make .venv from the lock, and nothing else

$(READY): requirements.lock pyproject.toml
	@if [ -z "$(PYTHON)" ]; then echo 'Python 3.11 or newer is needed. Install it, or name one: make PYTHON=/path/to/python demo' >&2; exit 2; fi
	@echo "Setting up $(VENV) with $$($(PYTHON) --version): about 3.4 GB to download, 7 GB on disk, a few minutes."
	@# Where Debian keeps ensurepip in a package of its own, the pip outside puts one inside.
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || \
	  { $(PYTHON) -m venv --clear --without-pip $(VENV) && $(PYTHON) -m pip --python $(BIN)/python install --quiet pip; }
	$(BIN)/python -m pip install --require-hashes --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --quiet --no-deps --no-build-isolation -e .
	@touch $@
	@echo 'Ready.'

lock: $(UV) ## Resolve the dependencies again and write requirements.lock (see CONTRIBUTING.md)
	$(RESOLVE) --all-extras $(ARGS) --output-file requirements.lock pyproject.toml

lock-peers: $(UV) ## Resolve those of bench-peers again, each from its bench/peers/locks/NAME.in
	for asked in bench/peers/locks/*.in; do $(RESOLVE) --no-annotate $(ARGS) --output-file "$${asked%.in}.lock" "$$asked"; done

$(UV): $(READY)
	$(BIN)/python -m pip install --quiet --target $(VENV)/lock-tools uv

clean: ## Remove caches and build products; leaves .venv and the home alone
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis bench/results
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -not -path './.lifecycle/*' -prune -exec rm -rf {} +

clean-venv: clean ## Remove .venv as well
	rm -rf $(VENV)
