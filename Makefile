# Everything a person or a script does with the hub. `make run` and `make test` are all one needs.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run setup migrate test explore needs check format bench screenshots clean help
help:            ## show what can be made
	@grep -hE '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/'

run: setup       ## start the hub (web and worker); Ctrl-C stops both
	@$(BIN)/python -m core migrate
	@$(BIN)/python -m core address
	@exec $(BIN)/honcho start

setup: .venv/.ready

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Social Hub needs Python 3.11 or newer. Install it (https://www.python.org), then run make again."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv module is missing. On Debian or Ubuntu: apt install python3-venv. Then run make again."; exit 1; }
	@echo "Making the virtual environment …"
	@$(PYTHON) -m venv .venv

.venv/.ready: .venv/bin/python requirements.txt constraints.txt
	@echo "Installing what the hub needs (a minute or two, only the first time) …"
	@$(BIN)/python -m pip install --quiet -r requirements.txt
	@touch $@

.venv/.ready-dev: .venv/.ready requirements-dev.txt
	@echo "Installing what tests and checks need …"
	@$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	@touch $@

migrate: setup   ## bring the database to the newest schema
	@$(BIN)/python -m core migrate

# Several processes, for tests of pages and workers mostly wait; one, where ARGS names tests.
PROCESSES ?= $(if $(findstring tests/,$(ARGS)),0,4)
test: .venv/.ready-dev  ## run every test; installs the browser the tests drive where it is missing
	@sh tests/system.sh
	$(BIN)/python -m pytest -n $(PROCESSES) $(ARGS)

explore: .venv/.ready-dev ## let the property tests make up something new, again and again; ends with the first failure
	while $(BIN)/python -m pytest -n $(PROCESSES) -q --hypothesis-profile explore \
		$(or $(ARGS),$$(grep -rlE 'hypothesis' tests --include='test_*.py')); do :; done

needs:           ## what tests need beside Python packages, beforehand
	@sh tests/system.sh
	@if command -v npm >/dev/null 2>&1; then $(PYTHON) -m tests.integration.packages; fi

check: .venv/.ready-dev ## format, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_house.py

format: .venv/.ready-dev ## put the code into its form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/.ready-dev ## measure, each figure beside its floor; JSON=FILE writes them down too
	@sh tests/system.sh
	$(BIN)/python -m tests.bench $(if $(JSON),--json $(JSON),) $(ARGS)

screenshots: .venv/.ready-dev ## take the pictures in docs/ anew
	@sh tests/system.sh
	$(BIN)/python -m tests.e2e.screenshots

clean:           ## remove the virtual environment and caches; data/ stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
