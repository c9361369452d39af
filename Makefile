# Needs git, make and Python 3.11 or newer with venv; everything else is installed here. `make help` lists the targets.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help install demo test test-long test-exhaustive servers lint layers types format coverage catalogs reference pins audit sbom deb screenshots bench bench-pins bench-local clean

PYTHON   ?= python3
BIN      := .venv/bin
PIP      := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-compile
BYTECODE := $(BIN)/python -m compileall -q -j 0
# More than there are cores: tests wait for servers, disks and browsers for a third of their time. Who has none left takes
# some of another worker's: the longest would else be the last.
WORKERS  ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) \* 3 / 2)
PYTEST    = $(BIN)/pytest --numprocesses $(WORKERS) --dist worksteal
PINS     := ../$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
            --custom-compile-command 'make pins' $(ARGS)
PEERS    := allauth canaille django fastapi_users flask_security
PEER_PINS = $(subst make pins,make bench-pins,$(subst ../$(BIN),$(CURDIR)/$(BIN),$(PINS)))
LOCALES  := src/reclave/pages/locale
CATALOGS := $(wildcard $(LOCALES)/*/LC_MESSAGES/reclave.po)

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

install: .venv/installed $(CATALOGS:.po=.mo) ## Create .venv with the pinned, hashed packages and Reclave itself

.venv/pyvenv.cfg:
	PYTHON=$(PYTHON) sh tools/create-venv

.venv/installed: requirements/install.txt pyproject.toml hatch_build.py | .venv/pyvenv.cfg
	$(PIP) --only-binary :all: --require-hashes --requirement requirements/install.txt
	$(PIP) --no-build-isolation --no-deps --editable .
	$(BYTECODE) .venv/lib src
	@touch $@

.venv/installed-tests: requirements/test.txt .venv/installed
	$(PIP) --only-binary :all: --require-hashes --requirement requirements/test.txt
	$(BYTECODE) .venv/lib
	@touch $@

%.mo: %.po | .venv/installed
	$(BIN)/pybabel compile --input-file $< --output-file $@

demo: install ## Start the demo: the portal, a mail server and a mailbox (ARGS="…" are passed on)
	$(BIN)/reclave demo $(ARGS)

test: install servers lint types layers ## Run every check that a commit must pass
	$(PYTEST)
	@echo 'make test: ruff, mypy, import contracts and pytest passed.'

test-long: install servers ## Run the tests that take minutes
	$(BIN)/python -m tests.servers --long
	$(PYTEST) -m long --timeout 1800

test-exhaustive: install servers ## Kill the service at every single await and commit (an hour; no part of CI)
	$(PYTEST) -m exhaustive --timeout 3600

servers: .venv/installed-tests ## Find PostgreSQL and Chromium for the tests, or install them
	$(BIN)/python -m tests.servers

lint: .venv/installed-tests ## Check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

layers: .venv/installed-tests ## Check the import contracts
	$(BIN)/lint-imports --no-logo --no-cache

types: .venv/installed-tests ## Check the types
	$(BIN)/mypy

format: .venv/installed-tests ## Format the code and mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

coverage: .venv/installed-tests servers ## Run the tests and report the lines and branches that none reaches
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest --numprocesses $(WORKERS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

catalogs: .venv/installed ## Extract the texts, bring the translations up to date, compile them
	@mkdir -p build
	$(BIN)/pybabel --quiet extract --mapping pyproject.toml --add-location file --project reclave --output build/reclave.pot src/reclave
	$(BIN)/pybabel --quiet update --domain reclave --input-file build/reclave.pot --output-dir $(LOCALES) --width 110 \
		--no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date
	$(BIN)/pybabel compile --domain reclave --directory $(LOCALES) --statistics

reference: .venv/installed ## Renew the generated pages of docs/reference
	$(BIN)/reclave portal reference > docs/reference/portal-file.md
	$(BIN)/reclave portal schema > docs/reference/portal.schema.json
	$(BIN)/reclave reference settings > docs/reference/settings.md
	$(BIN)/reclave reference commands > docs/reference/commands.md
	$(BIN)/reclave reference exit-codes > docs/reference/exit-codes.md
	$(BIN)/reclave reference retention > docs/reference/retention.md
	$(BIN)/reclave reference metrics > docs/reference/metrics.md
	$(BIN)/reclave reference log-events > docs/reference/log-events.md

pins: .venv/pyvenv.cfg ## Pin packages with their hashes into requirements/ (ARGS=--upgrade for the newest)
	$(PIP) uv
	cd requirements && $(PINS) ../pyproject.toml --extra postgresql --extra demo install.in --output-file install.txt
	cd requirements && $(PINS) ../pyproject.toml --extra postgresql --extra demo test.in --constraint install.txt \
		--output-file test.txt
	cd requirements && $(PINS) --no-deps postgresql.in --output-file postgresql.txt
	cd requirements && $(PINS) --no-deps node.in --output-file node.txt
	cd requirements && $(PINS) --no-deps asyncpg.in --output-file asyncpg.txt
	cd requirements && $(PINS) release.in --constraint test.txt --output-file release.txt

.venv/installed-release: requirements/release.txt .venv/installed
	$(PIP) --only-binary :all: --require-hashes --requirement requirements/release.txt
	@touch $@

audit: .venv/installed-release ## Look what is pinned up among known weaknesses; lint the Containerfile
	$(BIN)/python tools/audit.py
	$(BIN)/hadolint deploy/container/Containerfile

sbom: .venv/installed-release ## List what Reclave is made of (CycloneDX) in build/reclave.cdx.json
	@mkdir -p build
	$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --mc-type application --output-reproducible \
		--output-file build/reclave.cdx.json requirements/install.txt
	@echo 'build/reclave.cdx.json lists every pinned package with its hashes.'

deb: install ## Build a Debian package in build/ (needs dpkg-deb)
	sh tools/build-deb

screenshots: .venv/installed-tests servers ## Take a picture of every page in every state; renew those in the repository
	$(BIN)/python tools/screenshots.py

bench: .venv/installed-tests servers ## Measure Reclave beside its peers, write docs/benchmarks.md (ARGS="…" are passed on)
	$(BIN)/python bench/side_by_side.py $(ARGS)

bench-pins: .venv/pyvenv.cfg ## Pin the peers of `make bench` with their hashes (needs npm; ARGS=--upgrade for the newest)
	$(PIP) uv
	for peer in $(PEERS); do (cd bench/peers/$$peer && $(PEER_PINS) requirements.in --output-file requirements.txt) || exit 1; done
	cd bench/peers/better_auth && npm install --package-lock-only --omit-lockfile-registry-resolved --ignore-scripts

bench-local: .venv/installed-tests servers ## Measure the whole path on this machine (ARGS="…" are passed on)
	$(BIN)/python bench/local.py $(ARGS)

clean: ## Remove what was installed and built
	rm -rf .venv build dist .coverage* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
	find src -name '*.mo' -delete
