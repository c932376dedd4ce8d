# Practical machine learning for astronomers: everything starts here. `make help` lists the targets.
PYTHON ?= python3
VENV ?= .venv
PY = $(VENV)/bin/python
COLAB ?= .venv-colab
REAL := $(wildcard $(abspath ../shared/xgass))
NBVAL = OMP_NUM_THREADS=2 TUTORIAL_FAST= $(PY) -m pytest --nbval-current-env --nbval-cell-timeout 1200
ON_COLAB = PYDEVD_DISABLE_FILE_VALIDATION=1 OMP_NUM_THREADS=2 $(if $(REAL),XGASS_SOURCE=xgass XGASS_DATA=$(REAL),XGASS_SOURCE=mock)
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help
.PHONY: help run test lab data mock refresh bench links colab colab-full clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' Makefile

# The stamps live inside the environment: a new environment or a changed list installs again.
$(VENV)/.installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12"; exit 1; }
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@echo "Installing requirements.txt into $(VENV) (once, several minutes) ..."
	@$(PY) -m pip install -qq -r requirements.txt
	@touch $@

$(VENV)/.installed-simulate: data/simulate/requirements.txt $(VENV)/.installed
	@$(PY) -m pip install -qq -r data/simulate/requirements.txt
	@touch $@

run: $(VENV)/.installed  ## run both notebooks; executed copies and HTML pages under build/
	OMP_NUM_THREADS=2 $(PY) tools/notebooks.py run

test: $(VENV)/.installed-simulate  ## run every test, then both notebooks against their saved outputs
	$(PY) -m ruff check
	OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 --dist loadscope --ignore=tests/browser --ignore=tests/scale tests
	OMP_NUM_THREADS=2 $(PY) -m pytest -n 0 tests/scale tests/browser
ifneq ($(REAL),)
	@echo "Real catalogue found: part 1 is compared with its saved outputs, cell by cell."
	XGASS_SOURCE=xgass XGASS_DATA=$(REAL) $(NBVAL) --nbval --nbval-sanitize-with tests/nbval_sanitize.cfg day2/01-*.ipynb
else
	@echo "No real catalogue in ../shared/xgass: part 1 runs on the SIMULATED sample and its outputs," \
	  "saved from the real one, are not compared."
	XGASS_SOURCE=mock $(NBVAL) --nbval-lax day2/01-*.ipynb
endif
	XGASS_SOURCE=mock $(NBVAL) --nbval-lax day2/02-*.ipynb

lab: $(VENV)/.installed  ## open the notebooks in JupyterLab
	$(PY) -m jupyter lab --notebook-dir=day2

data: $(VENV)/.installed  ## download the real catalogue and pictures into data/xgass/
	PYTHONPATH=day2 $(PY) -m xgass

mock: $(VENV)/.installed-simulate  ## remake the simulated sample in data/mock/
	$(PY) data/simulate/make_catalog.py
	$(if $(wildcard data/simulate/render_pictures.py),$(PY) data/simulate/render_pictures.py)

refresh: $(VENV)/.installed  ## run the notebooks and save their outputs in place (part 1: real catalogue)
	OMP_NUM_THREADS=2 $(PY) tools/notebooks.py refresh

bench: $(VENV)/.installed  ## one table: seconds and peak memory, each fast way beside a plain one
	OMP_NUM_THREADS=2 $(PY) tools/bench.py

links: $(VENV)/.installed  ## ask every address in the texts whether it still answers
	$(PY) tools/links.py

# Colab's releases of 2026-08 exist for Python 3.11 to 3.13; Colab itself has 3.13.
$(COLAB)/.installed: tests/colab/constraints.txt tests/colab/requirements-part1.txt
	@test -x $(COLAB)/bin/python || $(PYTHON) -m venv $(COLAB)
	@echo "Installing Colab's releases of what part 1 needs into $(COLAB) ..."
	@$(COLAB)/bin/python -m pip install -qq -c tests/colab/constraints.txt -r tests/colab/requirements-part1.txt
	@touch $@

$(COLAB)/.installed-part2: tests/colab/requirements-part2.txt $(COLAB)/.installed
	@echo "Installing Colab's releases of PyTorch and fastai into $(COLAB) ..."
	@$(COLAB)/bin/python -m pip install -qq -c tests/colab/constraints.txt -r tests/colab/requirements-part2.txt
	@touch $@

colab: $(COLAB)/.installed  ## part 1, fast and full, and its tests with the package versions of Google Colab
	$(ON_COLAB) TUTORIAL_FAST=1 $(COLAB)/bin/python tools/notebooks.py run day2/01-*.ipynb --out build/colab/fast
	$(ON_COLAB) TUTORIAL_FAST= $(COLAB)/bin/python tools/notebooks.py run day2/01-*.ipynb --out build/colab
	OMP_NUM_THREADS=1 $(COLAB)/bin/python -m pytest tests/test_catalog.py tests/test_exercises.py::TestPart1

colab-full: colab $(COLAB)/.installed-part2  ## the same for both parts: PyTorch too, several gigabytes
	XGASS_SOURCE=mock OMP_NUM_THREADS=2 $(COLAB)/bin/python tools/notebooks.py run day2/02-*.ipynb --out build/colab
	OMP_NUM_THREADS=1 $(COLAB)/bin/python -m pytest tests/test_checks.py tests/test_exercises.py::TestPart2

clean:  ## remove build/ and caches (.venv and data/xgass stay)
	rm -rf build .pytest_cache .ruff_cache .hypothesis
	find day2 data tests tools \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +
