# Every command of the house. `make help` lists them.
#
# Set-up leaves a stamp beside what it vouches for, so that a second call has nothing to do:
# delete .venv or node_modules and its stamp goes with it.

SHELL := /bin/sh
.DEFAULT_GOAL := help

BIN := .venv/bin
PYTHON_STAMP := .venv/.installed
NODE_STAMP := node_modules/.installed
CATALOGUES := $(wildcard locale/*/LC_MESSAGES/django.po)
MESSAGES := $(CATALOGUES:.po=.mo)
TYPED := softpos merchants transactions benchmarks deploy scripts manage.py

PORT ?= 8000
PHONE_PORT ?= 8443
export PORT PHONE_PORT

.PHONY: help setup run phone test test-fast test-long test-browser lint format bench pictures clean

help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | awk -F '\t' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(PYTHON_STAMP) $(NODE_STAMP) $(MESSAGES) ## Everything the other commands need (they call it)
	@:

$(PYTHON_STAMP): requirements.txt requirements-dev.txt scripts/create_venv.sh
	@sh scripts/create_venv.sh .venv
	@echo "Installing the Python packages …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-dev.txt
	@touch $@

$(NODE_STAMP): package.json package-lock.json .npmrc scripts/check_node.sh
	@sh scripts/check_node.sh
	@echo "Installing the front-end packages …"
	@npm ci --no-progress --loglevel=error
	@touch $@

%.mo: %.po scripts/compile_messages.py | $(PYTHON_STAMP)
	@$(BIN)/python -m scripts.compile_messages $<

run: setup ## The site with a demo merchant on http://localhost:8000 (PORT=… for another port)
	@$(BIN)/python -m scripts.run_site

phone: setup ## The site over HTTPS on the local network, for a real phone (PHONE_PORT=…)
	@$(BIN)/python -m scripts.serve_phone

test: setup ## Every test: SQLite, the browser, then PostgreSQL and Redis
	@$(BIN)/python -m scripts.run_tests

test-fast: setup ## Under a minute: no browser, no services, nothing slow
	@$(BIN)/python -m scripts.run_tests --fast

test-long: setup ## The faults: servers, PostgreSQL and Redis of their own, killed in the middle of sales
	@$(BIN)/python -m scripts.run_tests --long

test-browser: setup ## Only the tests that drive Chromium
	@$(BIN)/python -m scripts.run_tests --browser

# Each by itself too: `make -k lint` goes on after the first that finds something.
LINTERS := lint-style lint-types lint-imports lint-js lint-django
.PHONY: $(LINTERS)
lint: $(LINTERS) ## ruff, mypy, import contracts, JSDoc types, migrations, deployment check

lint-style: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

lint-types: setup
	$(BIN)/mypy $(TYPED)

lint-imports: setup
	$(BIN)/lint-imports

lint-js: setup
	node_modules/.bin/tsc -p tsconfig.json

lint-django: setup
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python -m scripts.check_deploy

format: setup ## Put the Python sources in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup ## What is measured: taps beside pgbench, memory, live feed, … (ARGS="--quick" and others)
	@$(BIN)/python -m benchmarks.suite $(ARGS)

pictures: setup ## docs/images/*.png, taken from the running site
	@$(BIN)/python -m scripts.take_pictures

clean: ## Forget what set-up and the tools made; var/ (your data) stays
	rm -rf .venv node_modules staticfiles test-results $(MESSAGES)
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
