# The few verbs, the same here and in CI. Needs python3 >= 3.11 and make; everything else goes into .venv.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=

.DEFAULT_GOAL := help
.PHONY: help run demo test soak test-gateway check lint bench generate previews screenshots dist sbom clean

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/run.stamp ## serve /metrics for the gateways of the current user (ARGS="--config FILE" …)
	@exec $(BIN)/model-auth-exporter serve $(ARGS)

demo: $(VENV)/run.stamp ## a throw-away gateway showing every state
	@exec $(BIN)/model-auth-exporter demo $(ARGS)

test: check ## lint, types, layer contract, then all tests
	$(BIN)/python -m pytest $(ARGS)

soak: $(VENV)/test.stamp ## the tests that take minutes, such as ten thousand crashes
	$(BIN)/python -m pytest -m soak $(ARGS)

test-gateway: $(VENV)/test.stamp ## our repairs against gateways' own programs, installed with npm (GATEWAY_RELEASES="openclaw@2026.9.6" …)
	$(BIN)/python -m pytest -m gateway tests/gateway $(ARGS)

check: lint ## lint, types and layer contract, no tests
	$(BIN)/mypy
	$(BIN)/lint-imports

lint: $(VENV)/test.stamp ## ruff: rules and layout
	$(BIN)/ruff check
	$(BIN)/ruff format --check

bench: $(VENV)/test.stamp ## our figures beside their targets
	$(BIN)/python -m tests.bench $(ARGS)

generate: $(VENV)/test.stamp ## rule files, dashboards, manual page and README tables anew from their sources
	$(BIN)/python -m alerts.generate
	$(BIN)/python -m dashboards.generate
	$(BIN)/python -m deploy.man.generate
	$(BIN)/python -m tests.test_docs

previews: $(VENV)/test.stamp ## pictures of the dashboards over the demo (needs Prometheus)
	$(BIN)/python -m tests.dashboards.previews

screenshots: $(VENV)/test.stamp ## pictures of the demo for docs/ (needs chromium)
	$(BIN)/python -m tests.page.screenshots

dist: $(VENV)/test.stamp ## wheel and source distribution into dist/, checked
	rm -rf dist
	$(BIN)/python -m build --outdir dist .
	$(BIN)/python -m twine check --strict dist/*

sbom: dist ## what the wheel needs at run time, as a CycloneDX document in dist/
	$(PYTHON) -m venv --clear --without-pip build/runtime
	$(BIN)/python -m pip --python build/runtime/bin/python install --quiet --disable-pip-version-check "$$(echo dist/*.whl)[bcrypt]"
	$(BIN)/python .ci/sbom.py build/runtime/bin/python dist/model-auth-exporter.cdx.json

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist build

$(VENV)/python.stamp:
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo "make: no '$(PYTHON)' on the PATH; install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: $$($(PYTHON) --version) is too old, 3.11 or newer is needed; name another: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "make: this Python cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/run.stamp: pyproject.toml $(VENV)/python.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/test.stamp: pyproject.toml $(VENV)/python.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@ $(VENV)/run.stamp
