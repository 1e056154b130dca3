# Two commands: `make studio` opens the studio, `make test` checks it. Both set up what is missing.
# `make test-fast` is for every save: no browser, no training run, no server, under 90 s.

PYTHON ?= python3
WORKERS ?= 2
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder

.PHONY: studio test test-fast install clean

studio: install
	$(BIN)/python -m core.synthesis --samples
	$(BIN)/python app.py

install: .venv/installed
	$(BIN)/python -m studio.editor.setup

test: install .venv/installed-dev
	$(BIN)/python tests/provide.py
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(PYTEST)

test-fast: install .venv/installed-dev
	$(PYTEST) -m "not slow and not browser and not postgres"

.venv/installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is older than 3.11. Say which to use: make PYTHON=python3.12"; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || apt-get install -y python3-venv || \
		{ echo "Python has no venv here. As root: apt-get install python3-venv"; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -r requirements.txt
	touch $@

.venv/installed-dev: requirements-dev.txt .venv/installed
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	touch $@

clean:
	rm -rf .venv studio/editor/web/node_modules .pytest_cache .ruff_cache
