# make setup | demo | test | test-slow | lint | lock | clean
# PYTHON chooses the interpreter the virtual environment is made with (3.11 or newer).

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.setup-done
PIP    := -m pip --disable-pip-version-check

# Two processes, each with one thread, use two cores better than one process with many threads.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist=loadfile

DEMO_DATA := data/synthetic_demo
DEMO_RUN  := runs/demo

.PHONY: setup demo test test-slow lint lock clean
.DELETE_ON_ERROR:

setup: $(STAMP)

# The stamp makes set-up idempotent: it is repeated only after a change of what it installs.
$(STAMP): setup.cfg setup.py pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and \
	  "error: Python 3.11 or newer is needed, $(PYTHON) is %d.%d: make setup PYTHON=<interpreter>" % v[:2])'
	@echo "[setup] 1/2 virtual environment in $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "[setup] 2/2 locked dependencies and the package (TensorFlow is some 600 MB: a few minutes)"
	@$(BIN)/python $(PIP) install -qq --constraint requirements.lock --editable '.[dev]'
	@touch $@
	@echo "[setup] done"

# The dataset is kept between runs; training resumes (or is found finished) with the same flags.
demo: setup
	@test -f $(DEMO_DATA)/dataset.json || \
	  $(BIN)/ms2l-prepare --format=synthetic --preset=demo --layouts=kinect_v2_25 --seed=1 \
	    --out=$(DEMO_DATA)
	@$(BIN)/ms2l-train --flagfile=flags/synthetic/demo.cfg --data=$(DEMO_DATA) --workdir=$(DEMO_RUN)
	@$(BIN)/ms2l-evaluate --workdir=$(DEMO_RUN)

test: lint
	@$(PYTEST) -m "not slow"

test-slow: setup
	@$(PYTEST) -m slow

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/mypy

# Resolves the dependencies anew in a fresh environment and writes down what came out.
lock:
	@rm -rf build/lock && mkdir -p build
	@echo "[lock] resolving in a fresh environment"
	@$(PYTHON) -m venv build/lock
	@build/lock/bin/python $(PIP) install -qq '.[dev]'
	@{ echo "# Exact versions of the whole environment (pip constraints); written by 'make lock'."; \
	   build/lock/bin/python $(PIP) freeze --all --exclude ms2l-tf --exclude pip; } > requirements.lock.new
	@mv requirements.lock.new requirements.lock && rm -rf build/lock
	@echo "[lock] requirements.lock written"

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find ms2l_tf tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
