# Practical machine learning for astronomers: everything starts here. `make help` lists the targets.
# Plain assignments: a VENV or PYTHON that the shell exports for something else changes nothing here.
PYTHON = python3
VENV = .venv
COLAB = .venv-colab
OLDEST = .venv-oldest
LAB =
PY = $(VENV)/bin/python
INSTALL = @$(PYTHON) tools/environment.py $(VENV)
PYTEST = OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 --dist loadscope
# Part 2 takes the longest: once part 1 has ended, it gets both cores.
NBVAL = OMP_NUM_THREADS=2 $(PY) -m pytest -n 2 --dist loadscope --nbval-current-env --nbval-cell-timeout 1200
SPHINX = $(PY) -m sphinx -q -E -c docs -d build/doctrees
ON_COLAB = OMP_NUM_THREADS=2 $(if $(XGASS_DATA),XGASS_SOURCE=xgass,XGASS_SOURCE=mock)
export OMP_WAIT_POLICY = PASSIVE
export GOMP_SPINCOUNT = 1000
unexport PYTHONSAFEPATH

.DEFAULT_GOAL := help
.PHONY: help run lab data archive test test-all mock refresh bench site links handout colab colab-full oldest clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' Makefile

run:  ## run both notebooks; executed copies and HTML pages under build/
	$(INSTALL) requirements.txt
	OMP_NUM_THREADS=2 $(PY) tools/notebooks.py run

lab:  ## open the notebooks in JupyterLab
	@test "$$(id -u)" -ne 0 || test -n "$(LAB)" || \
	  { echo "JupyterLab does not start as root: use another account, or: make lab LAB=--allow-root"; exit 1; }
	$(INSTALL) requirements.txt
	$(PY) -m jupyterlab --notebook-dir=day2 $(LAB)

data:  ## download the real catalogue and pictures into data/xgass/
	$(INSTALL) requirements.txt
	PYTHONPATH=day2 $(PY) -m xgass

archive:  ## pack the pictures of data/xgass/ into one file in build/, for data/registry.txt
	$(INSTALL) requirements.txt
	$(PY) tools/archive.py

test:  ## style, all quick tests, and both notebooks on the small sample: minutes
	$(INSTALL) requirements-dev.txt
	@mkdir -p build && date +%s > build/started
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PYTEST) -m "not full"
	TUTORIAL_FAST=1 XGASS_SOURCE=mock $(NBVAL) --nbval-lax day2
	@echo "make test: $$(( $$(date +%s) - $$(cat build/started) )) s"

test-all: test  ## all of it: the full notebooks, the browser, the scripts, Colab's versions; XGASS_DATA=FOLDER adds real data
	$(PYTEST) -m full
ifdef XGASS_DATA
	XGASS_SOURCE=xgass $(NBVAL) --nbval --nbval-sanitize-with tests/nbval_sanitize.cfg day2/01-*.ipynb
else
	@echo "XGASS_DATA names no folder: nothing was run on real data, and part 1's saved outputs are not compared."
endif
	$(MAKE) colab
	@echo "make test-all: $$(( $$(date +%s) - $$(cat build/started) )) s"

mock:  ## remake the simulated sample in data/mock/
	$(INSTALL) requirements-dev.txt
	$(PY) data/simulate/make_catalog.py
	$(PY) data/simulate/render_pictures.py

refresh:  ## run the notebooks and save their outputs in place (part 1: real catalogue)
	$(INSTALL) requirements.txt
	OMP_NUM_THREADS=2 $(PY) tools/notebooks.py refresh

bench:  ## one table: seconds and peak memory, each fast way beside a plain one, idle and beside other work
	$(INSTALL) requirements-dev.txt
	OMP_NUM_THREADS=2 $(PY) tools/bench.py

site:  ## the pages: notebooks with their saved outputs, and the texts; build/site/index.html
	$(INSTALL) requirements-site.txt
	$(SPHINX) -W --keep-going . build/site
	@echo "Open build/site/index.html"

links:  ## ask every address in the texts whether it still answers
	$(INSTALL) requirements-site.txt
	$(SPHINX) -b linkcheck . build/links

handout:  ## the notebooks for a room, without solutions, and a second set with them; build/handout/
	$(INSTALL) requirements.txt
	$(PY) tools/notebooks.py handout

# Colab's releases of 2026-08 exist for Python 3.11 to 3.13; Colab itself has 3.13. One environment a runtime.
colab:  ## part 1, fast and full, with the package versions of Google Colab's CPU runtime
	@$(PYTHON) tools/environment.py $(COLAB) tests/colab/install-cpu.txt
	$(ON_COLAB) TUTORIAL_FAST=1 $(COLAB)/bin/python tools/notebooks.py run day2/01-*.ipynb --out build/colab/fast
	$(ON_COLAB) TUTORIAL_FAST= $(COLAB)/bin/python tools/notebooks.py run day2/01-*.ipynb --out build/colab

colab-full: colab  ## then both parts with those of its GPU runtime: PyTorch too, several gigabytes
	@$(PYTHON) tools/environment.py $(COLAB)-gpu tests/colab/install-gpu.txt
	XGASS_SOURCE=mock OMP_NUM_THREADS=2 $(COLAB)-gpu/bin/python tools/notebooks.py run --out build/colab-gpu

# Part 2 is left out: its lines in requirements.txt say so, and PyTorch is several gigabytes.
oldest:  ## part 1 and its tests with the lowest versions that requirements.txt allows
	$(INSTALL) requirements-dev.txt
	$(PY) -m uv venv -q --clear --python 3.11 $(OLDEST)
	grep -v "# part 2" requirements.txt | $(PY) -m uv pip install -q --python $(OLDEST)/bin/python --resolution lowest-direct -r -
	$(PY) -m uv pip install -q --python $(OLDEST)/bin/python pytest pytest-xdist pytest-httpserver ruff
	XGASS_SOURCE=mock $(OLDEST)/bin/python tools/notebooks.py run day2/01-*.ipynb --out build/oldest
	OMP_NUM_THREADS=1 $(OLDEST)/bin/python -m pytest -n 2 --dist loadscope tests/data tests/exercises tests/notebooks -k "not Part2" -m "not full"

clean:  ## remove build/ and caches (.venv and data/xgass stay)
	rm -rf build .pytest_cache .ruff_cache
	find day2 data tests tools \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +
