# Needs python3 (3.11 or later), pip and make. Everything else is installed into .venv, once, and again when pyproject.toml
# changes.

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
# Many tests wait for a process, a lock or a clock: on two cores three take 4:20, where one after the other takes 6:40.
PROCESSES ?= 3
# Of a test that waits for ever, the stacks and its name are told, and the others go on.
HANGING := -o faulthandler_timeout=240 -o faulthandler_exit_on_timeout=true
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help serve test check suites soak bench changes feed policies faults pooler parity stateful schema playground browser wheel clean

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' $(MAKEFILE_LIST) | expand -t 12

serve: $(READY) ## Serve the API and the playground over the demo graph (HOST=, PORT=)
	$(BIN)/convoy-graphql serve --demo --host $(HOST) --port $(PORT)

test: $(READY) ## Run the tests, each over a real PostgreSQL (ARGS= goes to pytest, PROCESSES=1 for one after the other)
	$(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist loadfile $(HANGING) $(ARGS)

check: $(READY) ## Lint, format, types, the committed schema, the contracts, and the suites
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/convoy-graphql schema --check
	$(BIN)/python -m pytest -q tests/contracts
	$(MAKE) suites

suites: $(READY) ## Run suites of others on the project: Relay, Codegen, graphql-inspector, schemathesis, squawk, bandit
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml convoy_graphql
	$(BIN)/python -m pytest -q --numprocesses 2 --dist load $(HANGING) tests/suites $(ARGS)

bench: $(READY) ## Measure it beside hand-written SQL, plain Strawberry and PostGraphile (ARGS=--quick for a short run)
	$(BIN)/python -m tests.bench $(ARGS)

changes: $(READY) ## Measure mutations beside hand-written SQL (ARGS=--quick for a short run)
	$(BIN)/python -m tests.bench.changes $(ARGS)

feed: $(READY) ## Measure subscriptions beside Strawberry's own handler (ARGS=--quick for a short run)
	$(BIN)/python -m tests.bench.feed $(ARGS)

faults: $(READY) ## Follow the feed while everything around it breaks, for a while (FOR=300, in seconds)
	FAULTS_S=$(or $(FOR),300) $(BIN)/python -m pytest -s tests/feed/test_faults.py tests/feed/test_server_faults.py

pooler: $(READY) ## Run three servers behind a real PgBouncer (it has to be installed: apt install pgbouncer)
	POOLER=pgbouncer $(BIN)/python -m pytest tests/poolers/test_behind_a_pooler.py

soak: $(READY) ## Let 200 clients of all kinds ask for ten minutes, and see what is left of the server (FOR=600, in seconds; CLIENTS=200)
	SOAK_S=$(or $(FOR),600) SOAK_CLIENTS=$(or $(CLIENTS),200) $(BIN)/python -m pytest -s tests/soak

policies: $(READY) ## Measure what row-level security costs (ARGS=--quick for a short run)
	$(BIN)/python -m tests.bench.policies $(ARGS)

parity: $(READY) ## Compare both executors over thousands of random operations (ARGS=--hypothesis-seed=7 for the same again)
	HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest -s tests/parity/test_parity.py tests/parity/test_event_parity.py $(ARGS)

stateful: $(READY) ## Change small graphs at random, thousands of times, against a model (ARGS=--hypothesis-seed=7 for the same again)
	HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest -s tests/mutations/test_stateful.py tests/mutations/test_dependency_races.py $(ARGS)

schema: $(READY) ## Write schema.graphql from the code
	$(BIN)/convoy-graphql schema --write

playground: ## Build the playground's assets anew (needs Node and npm; what it makes is committed)
	bash convoy_graphql/server/playground/build/build.sh

browser: ## Try the playground of a running server in headless Chromium (URL=, PICTURE=; needs Node, npm and Chromium)
	bash tests/browser/run.sh $(or $(URL),http://127.0.0.1:$(PORT)/graphql) $(or $(PICTURE),/tmp/playground.png)

wheel: $(READY) ## Build the wheel, install it elsewhere, and query it
	$(BIN)/python tests/wheel/check.py

clean: ## Remove what was installed and built; the data under .convoy stays
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| { echo "Python 3.11 or later is needed; $(PYTHON) is: $$($(PYTHON) --version 2>&1). Name another: make PYTHON=python3.12" >&2; exit 1; }
	@echo "Installing into $(VENV), which takes a minute the first time ..."
	@$(PYTHON) -m venv --clear $(VENV) \
		|| { echo "$(PYTHON) makes no virtual environments. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@
