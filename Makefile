# One word per task; `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help demo test check audit bench docs sbom lock
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check

help: ## list what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

demo: .venv/.ready ## the operations centre of Đà Nẵng in a drill world at 60×, on http://127.0.0.1:8000
	@$(BIN)/vonglau demo --data demo-data

test: .venv/.dev ## every test, on both engines (a real browser included, where one can be installed)
	@sh .ci/browser
	@$(BIN)/pytest -q -n 2 --dist loadfile
	@if [ -n "$$CI" ] || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; \
	 then VONGLAU_TEST_ENGINE=postgresql $(BIN)/pytest -q -n 2 --dist loadfile; \
	 else echo "The same tests on PostgreSQL are left out: apt-get install postgresql"; fi

check: .venv/.dev ## style, types, layers, translations, migrations, what we stand on
	@$(BIN)/ruff check . && $(BIN)/ruff format --check -q .
	@PYTHONPATH=src $(BIN)/lint-imports
	@VONGLAU_DATA=$$(mktemp -d) $(BIN)/mypy
	@VONGLAU_DATA=$$(mktemp -d) $(BIN)/python -W error -m django makemigrations --check --dry-run --settings vonglau.web.settings
	@$(BIN)/python .ci/audit.py

audit: .venv/.dev ## what we stand on, strictly: fails where advisories could not be asked for (before a release)
	@$(BIN)/python .ci/audit.py --strict

sbom: .venv/.dev ## what a release is made of, as CycloneDX (build/sbom/)
	@$(BIN)/python .ci/sbom.py build/sbom

bench: .venv/.dev ## measure, and print the table (BENCH=name for one)
	@$(BIN)/vonglau bench $(or $(BENCH),all)

docs: .venv/.dev ## write the reference pages that are made from the code
	@$(BIN)/python -m docs.generate

# The locks carry names, versions and hashes only; the package itself can have no hash, so it is installed beside them.
.venv/.ready: requirements.lock requirements.build.lock pyproject.toml frontend/package-lock.json frontend/build_hook.py
	@echo "Setting up (once, about a minute): Python packages by their hashes …"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(INSTALL) --require-hashes -r requirements.build.lock -r requirements.lock
	@echo "… and the front end, by the package's own build step …"
	@$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: .venv/.ready requirements.dev.lock
	@$(INSTALL) --require-hashes -r requirements.dev.lock
	@touch $@

lock: ## renew the lock files (needs uv)
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -o requirements.lock
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -c requirements.lock -o requirements.dev.lock
	uv pip compile requirements.build.in --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -o requirements.build.lock
