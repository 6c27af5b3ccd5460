# Kunlian: everything a person or a robot runs, by name. `make help` lists it.
#
# Needs only make, Python 3.11 or 3.12 and OpenSSL >= 3. The environment is made on demand and
# made again when pyproject.toml or the lock changes; VENV= puts it elsewhere, PYTHON= picks
# the interpreter.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Two fast tests at a time: the smallest machine we promise to work on has two cores.
WORKERS ?= 2
# Folders whose slow tests only compute; those of all others start clusters, one at a time.
COMPUTING := tests/browser tests/exhaustive tests/forgeries tests/property tests/simulation tests/unit

.PHONY: help
help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 14

$(READY): pyproject.toml requirements-lock.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' || { \
	  echo "Kunlian needs Python 3.11 or 3.12, and $(PYTHON) is" \
	    "$$($(PYTHON) --version 2>&1 || true); name another one: make PYTHON=python3.12 …" >&2; \
	  exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) has no venv module; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@test ! -e $(VENV) || test -e $(VENV)/pyvenv.cfg || { \
	  echo "VENV=$(VENV) exists and is no virtual environment; it is left alone" >&2; exit 1; }
	@echo "making the environment $(VENV)"
	@test "$$($(BIN)/python --version 2>&1 || true)" = "$$($(PYTHON) --version)" || \
	  $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
	  --requirement requirements-lock.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation \
	  --no-deps --editable .
	@touch $@

.PHONY: dev
dev: $(READY) ## make the environment: the locked dependencies and this tree, editable
	@echo "ready; to use it in this shell: . $(BIN)/activate"

.PHONY: devnet
devnet: $(READY) ## four departments on this machine; ARGS= goes to `kun devnet up`
	@$(BIN)/kun devnet up $(ARGS)

.PHONY: check
check: $(READY) ## format, lint, types and architecture rules; changes nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -q tests/architecture

.PHONY: docs
docs: $(READY) ## links, decisions and examples in the documents
	$(BIN)/pytest -q tests/architecture/test_docs.py

.PHONY: test
test: $(READY) ## the whole suite: fast tests and long computations side by side, then real clusters alone
	$(BIN)/pytest -m "not slow" -n $(WORKERS)
	$(BIN)/pytest -m slow -n $(WORKERS) $(COMPUTING)
	$(BIN)/pytest -m slow -p no:randomly $(addprefix --ignore=,tests/acceptance $(COMPUTING))

.PHONY: sim
sim: $(READY) ## seeded cluster of real replicas under faults: SEEDS= how many, SEED= replays one
	@$(BIN)/python -m tests.simulation \
	  $(if $(SEED),--seeds 1 --first $(SEED),$(if $(SEEDS),--seeds $(SEEDS))) \
	  $(if $(JOBS),--jobs $(JOBS)) $(if $(OPTIONS),--options '$(OPTIONS)')

.PHONY: crash
crash: $(READY) ## power cuts of traced nodes, failing disks, flipped bits: STATES= (0 all), SEED=
	@$(BIN)/python -m tests.crash \
	  $(if $(STATES),--states $(STATES)) $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: sim-exhaustive
sim-exhaustive: $(READY) ## every schedule of a small world: four members, one liar, two slots, three views
	@$(BIN)/python -m tests.exhaustive
.PHONY: sim-planted
sim-planted: $(READY) ## plant known mistakes in the core, one at a time; the oracles must find each
	@$(BIN)/python -m tests.simulation.hunt $(ARGS)

.PHONY: accept
accept: $(READY) ## what a release must show: NAME=main-job
	@test -n "$(NAME)" || { echo "which one? make accept NAME=main-job" >&2; exit 2; }
	$(BIN)/pytest -s -p no:randomly tests/acceptance/test_$(subst -,_,$(NAME))*.py

.PHONY: soak
soak: $(READY) ## a real cluster under load, broken again and again: HOURS=0.02, SEED= repeats a schedule
	@$(BIN)/python -m devnet.faults --hours $(or $(HOURS),1) $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: forgeries
forgeries: $(READY) ## 60,000 forged pieces of evidence, none accepted: COUNT= SEED=
	@$(BIN)/python -m tests.forgeries $(if $(COUNT),--count $(COUNT)) $(if $(SEED),--seed $(SEED))

.PHONY: fuzz
fuzz: $(READY) ## the laws on new examples; then every decoder and verifier, led by coverage: SECONDS=
	$(BIN)/pytest tests/property --hypothesis-profile=explore -n $(WORKERS)
	@$(BIN)/python -m tests.fuzzing $(if $(SECONDS),--seconds $(SECONDS))

.PHONY: mutants
mutants: $(READY) ## plant every small mistake in the deciding files of the core: a test must fail
	@$(BIN)/python -m tests.mutation $(ARGS)

# Only whoever changes the pages needs node and npm; the packages are locked with their hashes.
PAGES := build/pages
.PHONY: assets
assets: ## build the web pages in chainnode/pages/assets again; needs node >= 20 and npm
	@mkdir -p $(PAGES)
	@cp chainnode/pages/package.json chainnode/pages/package-lock.json $(PAGES)
	@npm ci --prefix $(PAGES) --ignore-scripts --no-audit --no-fund --silent
	@node chainnode/pages/build.mjs

.PHONY: font
font: $(READY) ## make the font of reports again: CJK=DroidSansFallback.ttf LATIN=DejaVuSans.ttf
	@$(BIN)/python -m chainnode.reports.make_font $(CJK) $(LATIN)

.PHONY: bench-smoke
bench-smoke: $(READY) ## records/s and CPU per 1,000 records of four real nodes, as one JSON line
	@$(BIN)/python -m benchmarks.smoke $(ARGS)

.PHONY: clean
clean: ## remove what the tools made; the environment and devnets stay
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage htmlcov
	find . -name __pycache__ -type d -not -path "./.*" -prune -exec rm -rf {} +
