# Two doors: `make demo` and `make test`. Both set up .venv from nothing first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo test test-all lint bench clean

help:  ## what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

install: $(STAMP)  ## set up .venv with everything, at the pinned versions

$(STAMP): pyproject.toml constraints.txt weights.json
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	# torch by its exact pin first: a range would pull gigabytes of CUDA packages.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  -c constraints.txt "torch==$$(sed -n 's/^torch==//p' constraints.txt)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  -c constraints.txt -e '.[all,demo,dev]'
	touch $@

demo: $(STAMP)  ## convert and evaluate, made-up and real weights, in both frameworks
	$(BIN)/python demo/run.py

lint: $(STAMP)  ## ruff, mypy --strict, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Every core has a test already: threads of the frameworks and of BLAS would wait for
# each other, busily. The nightly run leaves them their own numbers. A file stays with
# one worker, so that what its tests share is made once.
test: lint  ## everything that CI runs
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 \
	  $(BIN)/python -m pytest -n auto --dist loadfile -m "not slow"

test-all: lint  ## CI's tests and the slow matrices, for the night
	$(BIN)/python -m pytest -n auto

bench: $(STAMP)  ## the tables of docs/performance.md, measured here
	$(BIN)/python -W ignore -m benchmarks.operators
	$(BIN)/python -W ignore -m benchmarks.operators --backward
	$(BIN)/python -W ignore -m benchmarks.nets
	$(BIN)/python -W ignore -m benchmarks.engines
	$(BIN)/python -W ignore -m benchmarks.stages
	$(BIN)/python -W ignore -m benchmarks.evaluation
	$(BIN)/python -m benchmarks.conversion

clean:  ## remove what was built, but not .venv
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
