# Practical machine learning for astronomers: everything starts here. `make help` lists the targets.
# Plain assignments: a VENV or PYTHON that the shell exports for something else changes nothing here.
PYTHON = python3
VENV = .venv
COLAB = .venv-colab
OLDEST = .venv-oldest
LAB =
PY = $(VENV)/bin/python
ENVIRONMENT = @sh tools/environment.sh $(PYTHON)
LEARNER = $(ENVIRONMENT) $(VENV) learner
DEV = $(ENVIRONMENT) $(VENV) dev
SITE = $(ENVIRONMENT) $(VENV) site
PYTEST = OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 --dist loadscope
# Part 2 takes the longest: once part 1 has ended, it gets both cores.
NBVAL = OMP_NUM_THREADS=2 $(PY) -m pytest -n 2 --dist loadscope --nbval-lax --nbval-current-env --nbval-cell-timeout 1200
SPHINX = $(PY) -m sphinx -q -E -c docs -d build/doctrees
# Colab shows notebooks with programs of its own; here these run them.
RUNNER = ipykernel nbclient nbconvert
ON_COLAB = OMP_NUM_THREADS=2 $(if $(XGASS_DATA),XGASS_SOURCE=xgass,XGASS_SOURCE=mock)
unexport PYTHONSAFEPATH

.DEFAULT_GOAL := help
.PHONY: help run lab data archive test test-all mock refresh minutes bench site links handout colab colab-full oldest clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' Makefile

run:  ## run both notebooks: executed copies and HTML pages under build/, five minutes
	$(LEARNER)
	OMP_NUM_THREADS=2 $(PY) tools/notebooks.py run

lab:  ## open the notebooks in JupyterLab
	@test "$$(id -u)" -ne 0 || test -n "$(LAB)" || \
	  { echo "JupyterLab does not start as root: use another account, or: make lab LAB=--allow-root"; exit 1; }
	$(LEARNER)
	$(PY) -m jupyterlab --notebook-dir=day2 $(LAB)

data:  ## download the real catalog, its pictures and the practice pictures into data/
	$(LEARNER)
	PYTHONPATH=day2 $(PY) -m xgass

archive:  ## pack the pictures of data/xgass/ into one file in build/, for data/registry.txt
	$(LEARNER)
	PYTHONPATH=day2 $(PY) tools/archive.py

test:  ## style, all quick tests, and both notebooks on the small sample: four minutes
	$(DEV)
	@mkdir -p build && date +%s > build/started
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PYTEST) -m "not full"
	TUTORIAL_FAST=1 XGASS_SOURCE=mock $(NBVAL) day2
	@echo "make test: $$(( $$(date +%s) - $$(cat build/started) )) s"

test-all: test  ## all of it: full notebooks, browser, scripts, Colab's versions; XGASS_DATA and PRACTICE_DATA add real data
	$(PYTEST) -m full
	@test -n "$(XGASS_DATA)" || echo "XGASS_DATA names no real catalog: its claims were skipped."
	@test -n "$(PRACTICE_DATA)" || echo "PRACTICE_DATA names no real practice pictures: their claims were skipped."
	$(MAKE) colab
	@echo "make test-all: $$(( $$(date +%s) - $$(cat build/started) )) s"

mock:  ## remake the simulated sample in data/mock/
	$(DEV)
	$(PY) data/simulate/make_catalog.py
	$(PY) data/simulate/render_pictures.py

refresh:  ## run the notebooks, save their outputs in place (part 1: real catalog), then write minutes and outline
	$(LEARNER)
	OMP_NUM_THREADS=2 $(PY) tools/notebooks.py refresh
	$(PY) tools/minutes.py --write
	$(PY) tools/outline.py

minutes:  ## how long a reader needs for each part and section; nothing is run
	$(LEARNER)
	$(PY) tools/minutes.py

bench:  ## one table: seconds and peak memory of both notebooks and the scripts, idle and beside a busy process
	$(DEV)
	OMP_NUM_THREADS=2 $(PY) tools/bench.py

site:  ## the pages: notebooks with their saved outputs, and the texts; build/site/index.html
	$(SITE)
	$(SPHINX) -W --keep-going . build/site
	@echo "Open build/site/index.html"

links:  ## ask every address in the texts whether it still answers
	$(SITE)
	$(SPHINX) -b linkcheck . build/links

handout:  ## the notebooks for a room, without solutions, and a second set with them; build/handout/
	$(LEARNER)
	$(PY) tools/notebooks.py handout

# Colab's releases of 2026-08 exist for Python 3.11 to 3.13; Colab itself has 3.13. One environment a runtime.
colab:  ## part 1, fast and full, with the package versions of Google Colab's CPU runtime
	$(ENVIRONMENT) $(COLAB) part1 -c tests/colab/cpu.txt $(RUNNER)
	$(ON_COLAB) TUTORIAL_FAST=1 $(COLAB)/bin/python tools/notebooks.py run day2/01-*.ipynb --out build/colab/fast
	$(ON_COLAB) TUTORIAL_FAST= $(COLAB)/bin/python tools/notebooks.py run day2/01-*.ipynb --out build/colab

colab-full: colab  ## then both parts with those of its GPU runtime: PyTorch too, several gigabytes
	$(ENVIRONMENT) $(COLAB)-gpu colab -c tests/colab/gpu.txt $(RUNNER)
	XGASS_SOURCE=mock OMP_NUM_THREADS=2 $(COLAB)-gpu/bin/python tools/notebooks.py run --out build/colab-gpu

# Part 2 is left out: PyTorch is several gigabytes.
oldest:  ## part 1 and its tests with the lowest versions that pyproject.toml allows
	$(DEV)
	$(PY) -m uv venv -q --clear --python 3.11 $(OLDEST)
	$(PY) -m uv pip install --python $(OLDEST)/bin/python --resolution lowest-direct --group part1
	$(PY) -m uv pip install --python $(OLDEST)/bin/python --group tests
	XGASS_SOURCE=mock $(OLDEST)/bin/python tools/notebooks.py run day2/01-*.ipynb --out build/oldest
	OMP_NUM_THREADS=1 $(OLDEST)/bin/python -m pytest -n 2 --dist loadscope tests/xgass tests/exercises tests/notebooks -k "not Part2" -m "not full"

clean:  ## remove build/ and caches (.venv and the data stay)
	rm -rf build .pytest_cache .ruff_cache
	find day2 data tests tools \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +
