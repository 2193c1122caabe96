# Grail. `make help` lists the targets.

# The first suitable Python, unless PYTHON names one.
SUITABLE := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for python in python3.11 python3 python3.12 python3.13 python3.14 python3.15; do \
	$$python -c '$(SUITABLE)' 2>/dev/null && echo $$python && break; done)

# One stamp per set of pins: a changed requirement installs, an unchanged one costs nothing.
PINS := $(shell cat requirements.txt requirements-dev.txt | cksum | cut -d ' ' -f 1)
STAMP := .venv/installed-$(PINS)
INVOKE := .venv/bin/python -m invoke

.DEFAULT_GOAL := help
.PHONY: help install run test check clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

install: $(STAMP) ## make .venv with everything the other targets need

run: $(STAMP) ## serve on 127.0.0.1:8000 (PORT=…, HOST=… for others) over a local DynamoDB engine
	@.venv/bin/python -m tasks.run

test: $(STAMP) ## run the tests; the concurrency part needs Java and Maven, and says so
	@$(INVOKE) test --arguments="$(ARGUMENTS)"

check: $(STAMP) ## ruff, mypy --strict and import-linter
	@$(INVOKE) check

clean: ## remove environments, downloads and caches; the data under .local/ stays
	rm -rf .venv .local/engine .local/dynamodb-local .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP):
	@[ -n "$(PYTHON)" ] || { echo "Grail needs Python 3.11 or newer: install it, or name it: make run PYTHON=…" >&2; exit 1; }
	@$(PYTHON) -c '$(SUITABLE)' || { echo "$(PYTHON) is older than Python 3.11." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "$(PYTHON) has no venv module: install it (Debian, Ubuntu: apt-get install python3-venv)." >&2; exit 1; }
	@echo "Installing dependencies into .venv …"
	@.venv/bin/python -c '$(SUITABLE)' 2>/dev/null || $(PYTHON) -m venv --clear .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@rm -f .venv/installed-* && touch $@
