# `make` alone lists what there is. Everything a target needs and that is missing is set up first.
PYTHON ?= python3.11
BIN := .venv/bin
export PYTHONDONTWRITEBYTECODE := 1

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

# pip and npm run side by side; how long it took is kept for the demo's report
var/set-up: requirements.txt package.json package-lock.json
	@mkdir -p var && date +%s > var/set-up-began
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Setting up: Python packages, browser libraries, model files, sample clips"
	@(npm ci --no-audit --no-fund --ignore-scripts --loglevel error > var/npm.log 2>&1; echo $$? > var/npm-ended) & \
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt; pip=$$?; wait; \
	test $$pip -eq 0 || exit 1; test "$$(cat var/npm-ended)" = 0 || { cat var/npm.log; exit 1; }
	@$(BIN)/python manage.py make_keys
	@expr $$(date +%s) - $$(cat var/set-up-began) > var/set-up-seconds || true
	@rm -f var/set-up-began var/npm-ended var/npm.log && touch $@

var/set-up-dev: var/set-up requirements-dev.txt
	@echo "Setting up: what the tests need"
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

set-up: var/set-up ## install everything the application needs into .venv and node_modules

demo: var/set-up ## the whole job on real footage: var/demo/film.mp4, contact-sheet.png, report.json
	@$(BIN)/python manage.py demo

run: var/set-up ## serve the application on http://127.0.0.1:8000
	@$(BIN)/python manage.py serve

test: var/set-up-dev ## every check: style, layers, types, tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy processing/engine generator/engine
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python -m pytest

lint: var/set-up-dev ## put imports and layout in order, then check them
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/lint-imports

access-table: var/set-up-dev ## try every address as everybody, and write down in docs/security.md what they got
	@WRITE=1 $(BIN)/python -m pytest -q --show-capture=no tests/gate

bench: var/set-up ## measure everything that has a mark: var/bench/*.json
	@$(BIN)/python manage.py bench

bench-custody: var/set-up ## only what encryption costs: speed, memory, rotation (var/bench/custody.json)
	@$(BIN)/python manage.py bench custody

bench-processing: var/set-up ## only how fast and how well faces are seen; FOOTAGE=folder takes your films (var/bench/processing.json)
	@$(BIN)/python manage.py bench processing

bench-generator: var/set-up ## only how soon twins are good; SECONDS, SEEDS, FOOTAGE, RESUME: docs/performance.md (var/bench/generator.json)
	@$(BIN)/python manage.py bench generator

e2e: var/set-up-dev ## only the browser test
	$(BIN)/python -m pytest tests/e2e -s

clean: ## remove what was built; data and keys under var/ stay
	rm -rf .venv node_modules var/set-up var/set-up-dev var/static

.PHONY: help set-up demo run test lint access-table bench bench-custody bench-processing bench-generator e2e clean
