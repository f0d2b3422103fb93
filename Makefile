# Everything a newcomer types. Needs Python 3.11 or newer and make; packages come from the configured package index.
#
# PYTHON           the interpreter to build the environment with (found by itself)
# FAISS            cpu or gpu: which FAISS package to install
# TORCH_INDEX_URL  another index for torch, such as PyTorch's CPU one, where the default wheel is too large
# WORKERS          how many processes `make test` runs the tests in, each with a core and a gigabyte of its own
# MINUTES          how long `make soak` takes

SHELL := /bin/sh
VENV ?= .venv
FAISS ?= cpu
TORCH_INDEX_URL ?=
WORKERS ?= 2
MINUTES ?= 60
NEW_ENOUGH := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c '$(NEW_ENOUGH)' 2>/dev/null && { echo $$python; break; }; done)

BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt \
	$(if $(TORCH_INDEX_URL),--extra-index-url $(TORCH_INDEX_URL))
RUN_READY := $(VENV)/.ready-to-run
TEST_READY := $(VENV)/.ready-to-test

.DEFAULT_GOAL := help
.PHONY: help demo test check serve bench soak docs clean

help: ## list these targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(RUN_READY) ## train on the bundled films and serve recommendations on http://127.0.0.1:8000
	$(BIN)/laser demo

test: check ## check the code, then run every test
	$(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=loadfile --no-loadscope-reorder

check: $(TEST_READY) ## formatting, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

serve: $(RUN_READY) ## serve the published bundle of ./bundles (LASER_* variables configure it)
	$(BIN)/laser serve

bench: $(TEST_READY) ## run every benchmark that this round has not run yet
	$(BIN)/laser bench

soak: $(TEST_READY) ## an hour of mixed traffic: does memory grow, do answers get slower (MINUTES=60)
	$(BIN)/laser bench soak --minutes $(MINUTES)

docs: $(TEST_READY) ## build the documentation into docs/_build, every warning an error
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --nitpicky --builder html docs docs/_build

clean: ## remove the environment and all caches; data, runs and bundles stay
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis docs/_build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(or $(PYTHON),false) -c '$(NEW_ENOUGH)' || { echo "Laser needs Python 3.11 or newer with its venv module" \
		"(Debian: apt install python3-venv). Name one: make PYTHON=/path/to/python3" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(RUN_READY): pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) --editable ".[$(FAISS),minilm,train]" --editable ./client
	@touch $@

$(TEST_READY): pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) --editable ".[$(FAISS),minilm,tracing,train,test,docs]" --editable ./client
	@touch $(RUN_READY) $@
