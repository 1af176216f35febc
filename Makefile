# make setup | setup-video | demo | test | test-slow | soak | lint | lock | audit | clean
# PYTHON chooses the interpreter the virtual environment is made with (3.11 or newer).

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.setup-done
VIDEO  := .venv-video
PIP    := -m pip --disable-pip-version-check

# Two processes, each with one thread, use two cores better than one process with many threads.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist=loadfile --durations=20

# Pages are tested in a real browser; without one those tests are left out, and a line says so.
CHROMIUM     := $(shell command -v chromium 2>/dev/null)
CHROMEDRIVER := $(shell command -v chromedriver 2>/dev/null)
LEFT_OUT     := $(if $(and $(CHROMIUM),$(CHROMEDRIVER)),, and not browser)
SAY_LEFT_OUT := $(if $(LEFT_OUT),@echo "browser tests are left out: there is no chromium or \
                chromedriver (Debian: apt-get install chromium chromium-driver)")

# make demo: synthetic motions; make demo DATA=<path>/all_sqe.tar.xz: the same on NW-UCLA.
DATA        ?=
DEMO_SET    := $(if $(DATA),nw_ucla,synthetic)
DEMO_DATA   := data/$(DEMO_SET)$(if $(DATA),,_demo)
DEMO_RUN    := runs/demo$(if $(DATA),_nw_ucla)
DEMO_MODEL  := models/demo$(if $(DATA),_nw_ucla)
DEMO_SOURCE := $(if $(DATA),--format=nw_ucla --source="$(DATA)",--format=synthetic --preset=demo \
               --layouts=kinect_v2_25 --seed=1)
# Copies of test clips are left out of the training: a copy would be the nearest neighbour.
DEMO_SPLIT  := $(if $(DATA),--split=cross_view_3_no_copies)

.PHONY: setup setup-video demo zoo test test-slow soak lint lock audit clean
.DELETE_ON_ERROR:

setup: $(STAMP)

# The stamp makes set-up idempotent: it is repeated only after a change of what it installs.
$(STAMP): setup.cfg setup.py pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and \
	  "error: Python 3.11 or newer is needed, $(PYTHON) is %d.%d: make setup PYTHON=<interpreter>" % v[:2])'
	@echo "[setup] 1/2 virtual environment in $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "[setup] 2/2 locked dependencies and the package (TensorFlow is some 600 MB: a few minutes)"
	@$(BIN)/python $(PIP) install -qq --require-hashes --requirement requirements.lock
	@$(BIN)/python $(PIP) install -qq --no-deps --no-build-isolation --editable .
	@touch $@
	@echo "[setup] done"

setup-video: $(VIDEO)/.setup-done

# MediaPipe's pins and TensorFlow's exclude each other: it has an environment of its own.
$(VIDEO)/.setup-done: requirements-video.lock
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(not (3, 11) <= v < (3, 13) and \
	  "error: MediaPipe needs Python 3.11 or 3.12, $(PYTHON) is %d.%d: make setup-video PYTHON=<interpreter>" % v[:2])'
	@echo "[setup-video] MediaPipe in $(VIDEO) (some 130 MB)"
	@test -x $(VIDEO)/bin/python || $(PYTHON) -m venv $(VIDEO)
	@$(VIDEO)/bin/python $(PIP) install -qq --require-hashes --no-deps --requirement requirements-video.lock
	@touch $@
	@echo "[setup-video] done"

# The dataset is kept between runs; training resumes (or is found finished) with the same flags.
demo: setup
	@if test -f $(DEMO_DATA)/dataset.json; then echo "$(DEMO_DATA) is there already and is kept"; \
	  else $(BIN)/ms2l-prepare $(DEMO_SOURCE) --out=$(DEMO_DATA); fi
	@$(BIN)/ms2l-train $(DEMO_SPLIT) --data=$(DEMO_DATA) --workdir=$(DEMO_RUN)
	@$(BIN)/ms2l-evaluate --workdir=$(DEMO_RUN) --showcase
	@test -d $(DEMO_MODEL) || $(BIN)/ms2l-export --workdir=$(DEMO_RUN) --out=$(DEMO_MODEL)
	@TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python examples/long_recording.py $(DEMO_DATA) $(DEMO_MODEL) $(DEMO_RUN)/long_recording.npy
	@$(BIN)/ms2l-report --workdir=$(DEMO_RUN) --out=$(DEMO_RUN)/report.html
	@echo "look at $(DEMO_RUN)/showcase.html and $(DEMO_RUN)/report.html in a browser"

test: lint
	$(SAY_LEFT_OUT)
	@$(PYTEST) -m "not slow$(LEFT_OUT)"

# In two turns: TensorFlow keeps all that it has traced, and one process would end with 11 GB.
SLOW_FIRST := tests/cli tests/fuzz tests/soak
test-slow: setup setup-video
	$(SAY_LEFT_OUT)
	@$(PYTEST) -m "slow$(LEFT_OUT)" $(SLOW_FIRST)
	@$(PYTEST) -m "slow$(LEFT_OUT)" tests $(addprefix --ignore=,$(SLOW_FIRST))

# An hour: every command is killed at random moments and run again, everything that is read is
# damaged, workers are lost. Counts are printed; a loss or a fault ends it with an error.
MINUTES ?= 30
CASES   ?= 500
SEED    ?= 0
soak: setup
	@OMP_NUM_THREADS=1 $(BIN)/python -m tests.soak --minutes=$(MINUTES) --seed=$(SEED)
	@for target in readers dataset run artefact flags; do \
	  OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzz --target=$$target --cases=$(CASES) \
	    --first=$$(($(SEED) * $(CASES))) || exit 1; done
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q tests/training/test_multiworker.py

# make zoo DATA=data/nw_ucla RECIPES=nw_ucla/kernels: exported models with checksums (tools/zoo.py).
RECIPES ?=
zoo: setup
	@OMP_NUM_THREADS=1 $(BIN)/python -m tools.zoo --data="$(DATA)" --recipes="$(RECIPES)"

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/mypy

# Resolves the dependencies anew, for every system and Python, with the hashes of all their files.
# MediaPipe's pins stay as they are written: they are chosen by hand, and without its dependencies.
COMPILE := build/lock/bin/uv pip compile -q --generate-hashes --no-annotate --no-header --no-emit-index-url
lock:
	@rm -rf build/lock && mkdir -p build
	@echo "[lock] resolving"
	@$(PYTHON) -m venv build/lock
	@build/lock/bin/python $(PIP) install -qq uv
	@{ echo "# The whole environment, with the hashes of its files; written by 'make lock'."; \
	   $(COMPILE) setup.cfg --extra dev --universal --python-version 3.11; } > requirements.lock.new
	@{ grep '^#' requirements-video.lock; \
	   $(COMPILE) --no-deps --python-version 3.11 requirements-video.lock; } > requirements-video.lock.new
	@mv requirements.lock.new requirements.lock
	@mv requirements-video.lock.new requirements-video.lock
	@rm -rf build/lock
	@echo "[lock] requirements.lock and requirements-video.lock written"

# --strict: a package whose advisories cannot be read fails too; without it, it would be left out.
audit:
	@rm -rf build/audit && mkdir -p build
	@$(PYTHON) -m venv build/audit
	@build/audit/bin/python $(PIP) install -qq pip-audit
	@for lock in requirements.lock requirements-video.lock; do \
	  echo "[audit] $$lock"; \
	  build/audit/bin/pip-audit --strict --require-hashes --disable-pip --progress-spinner=off -r $$lock || { \
	    echo "[audit] $$lock is NOT audited: it has known vulnerabilities, or their list cannot be read from here" >&2; \
	    exit 1; }; \
	done
	@rm -rf build/audit

clean:
	rm -rf $(VENV) $(VIDEO) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find ms2l_tf tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
