# Two commands do everything on a fresh machine (Python 3.11 or newer, Node 20, npm): make demo, make test.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed
AZURITE := devkit/node_modules/.package-lock.json
PORTAL := portal/static/vendor/htmx.min.js
WORKERS ?= 3

.PHONY: demo up stop status test check format messages screenshots bench soak clean

demo: $(INSTALLED) $(AZURITE) $(PORTAL) ## Export a segment end to end. SEGMENT= EMAIL= FIRST= LAST= REPORT= KEEP= (README)
	@$(BIN)/python -m devkit demo

up: $(INSTALLED) $(AZURITE) $(PORTAL) ## Start everything and keep it running until Ctrl-C
	@$(BIN)/python -m devkit up

stop status: $(INSTALLED) ## End, or show, what `make up` started elsewhere
	@$(BIN)/python -m devkit $@

test: $(INSTALLED) $(AZURITE) $(PORTAL) lint browser ## Everything
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

check: $(INSTALLED) $(PORTAL) lint ## Format, lint, types, fast tests
	$(BIN)/python -m pytest -q tests/unit -n $(WORKERS)

.PHONY: browser
browser: $(INSTALLED)
	@$(BIN)/python -m devkit browser

.PHONY: lint
lint: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

.PHONY: audit
audit: $(INSTALLED) ## Ask public lists of vulnerabilities about all packages; exit 2 says that one could not be asked
	@$(BIN)/python -m devkit.audit

format: $(INSTALLED) ## Put the code in order
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

screenshots: $(INSTALLED) $(AZURITE) $(PORTAL) browser ## Make the pictures of the documentation: docs/images/
	@$(BIN)/python -m devkit screenshots

messages: $(INSTALLED) ## Bring the portal's catalogues into step with what the code says
	$(BIN)/python -m devkit.catalogues

bench: $(INSTALLED) $(AZURITE) $(PORTAL) ## Measure; figures go to bench/results.md. ONLY="section section"
	$(BIN)/python -m bench $(ONLY)

.PHONY: package
package: $(INSTALLED) $(PORTAL) ## What is deployed, as a zip in dist/. WITH_DEPENDENCIES=1 PYTHON_VERSION=3.12
	@$(BIN)/python -m devkit package $(if $(WITH_DEPENDENCIES),--with-dependencies) $(if $(PYTHON_VERSION),--python $(PYTHON_VERSION))

soak: $(INSTALLED) $(AZURITE) $(PORTAL) ## Runs while everything breaks, half an hour: docs/reliability.md. SEED= RUNS=50
	@$(BIN)/python -m tests.soak

.PHONY: fuzz
fuzz: $(INSTALLED) .venv/fuzzing ## Explore the parsers, guided by coverage: docs/reliability.md. TARGET=csv SECONDS=60
	@nice $(BIN)/python -m tests.fuzz.explore --target $(or $(TARGET),all) --seconds $(or $(SECONDS),60)

.venv/fuzzing: tests/fuzz/requirements.txt $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

clean: ## Remove what the other targets made
	rm -rf .venv .venv-worker* .venv-audit .venv-infra devkit/node_modules portal/node_modules portal/static/vendor tests/kusto/node_modules tests/workflows/node_modules dist .segpilot .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(INSTALLED): requirements.txt constraints.txt requirements-dev.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Segpilot needs Python 3.11 or newer")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

$(AZURITE): devkit/package.json devkit/package-lock.json
	npm ci --prefix devkit --no-audit --no-fund --loglevel=error
	@touch $@

$(PORTAL): portal/package.json portal/package-lock.json portal/vendor.mjs
	npm ci --prefix portal --no-ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
