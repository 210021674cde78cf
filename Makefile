# The front door: `make` alone prints the targets.
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.requirements
RUN := $(VENV)/bin/python
PACKAGES := deployer generator operations review runner scan states_language validator build.py

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

help: ## Print the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

template: $(STAMP) ## Write the template and the definition, lint them, tell what changed
	@$(RUN) build.py template

package: $(STAMP) ## Fill dist/ with what is deployed: the definition and the validator's package
	@$(RUN) build.py package

lint: $(STAMP) ## Lint the committed documents with cfn-lint, in five regions
	@$(RUN) build.py lint

verify: $(STAMP) ## Compare the committed documents with what the settings give
	@$(RUN) build.py verify

check: $(STAMP) ## Style, types, layers, lint, verify: what CI asks beside the tests
	@$(RUN) -m ruff format --check --quiet . || { echo "error: run 'make format'"; exit 3; }
	@$(RUN) -m ruff check --quiet .
	@$(RUN) -m mypy $(PACKAGES) tests
	@$(VENV)/bin/lint-imports --no-logo
	@$(RUN) build.py lint
	@$(RUN) build.py check --fail-on note asl templates
	@$(RUN) build.py verify

test: $(STAMP) ## Run the tests; ARGS=--last-failed
	@$(RUN) -m pytest -n auto --dist loadfile -m "not servers and not soak" $(ARGS)

test-soak: $(STAMP) ## Local runs on the emulator, processes that are killed, pairs of faults by the thousand; ARGS=--last-failed
	@$(RUN) build.py package > /dev/null
	@$(RUN) -m pytest -m soak -vv --durations=5 $(ARGS)

test-slow: $(STAMP) ## Install real MCP servers from the registries, and judge them
	@$(RUN) -m pytest -m servers -s

run: $(STAMP) ## Run the whole pipeline here, with a sample MCP server; ARGS='--command "…"' takes yours
	@$(RUN) build.py package > /dev/null
	@$(RUN) build.py run $(ARGS)

faults: $(STAMP) ## Every fault of every call against a model of AWS; ARGS="--pairs --write" renews docs/faults-table.md
	@$(RUN) build.py faults $(ARGS)

review: $(STAMP) ## What changed against the main branch, and what it puts at risk; ARGS="BASE HEAD --format …"
	@$(RUN) build.py review $(ARGS)

scan: $(STAMP) ## Security scanners over the templates; each finding must be answered in docs/accepted-findings.md
	@$(RUN) build.py scan

update-cases: $(STAMP) ## Write the review's expected texts anew; look at the diff
	@$(RUN) -m tests.review.update_cases

format: $(STAMP) ## Format the code
	@$(RUN) -m ruff format .
	@$(RUN) -m ruff check --fix .

bench: $(STAMP) ## The figures, side by side in one run; ARGS=--quick; ARGS="--peers --write" renews docs/figures.md
	@$(RUN) build.py package > /dev/null
	@$(RUN) bench/figures.py $(ARGS)

bench-check: $(STAMP) ## Measure the checker on a corpus (ASL_CORPUS=DIR), on mutants of it, and its speed; ARGS=--peers
	@$(RUN) bench/check.py $(ARGS)

bench-asl: $(STAMP) ## ASL's semantics: the interpreter beside the emulator's engine; ARGS=--wrong
	@$(RUN) bench/asl.py $(ARGS)

bench-review: $(STAMP) ## The review beside cloudformation-diff, on the same cases (npm)
	@$(RUN) -m bench.review_cases

requirements: $(STAMP) ## Pin requirements.in anew, with hashes
	@test -x .venv-uv/bin/uv || { $(PYTHON) -m venv .venv-uv && .venv-uv/bin/pip install -q uv; }
	@for name in requirements requirements-ministack requirements-checkov requirements-awscli; do \
		.venv-uv/bin/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes \
			--custom-compile-command "make requirements" $$name.in -o $$name.txt; done

clean: ## Remove what is not committed: environments, caches, dist
	rm -rf .venv .venv-* .cache dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

# The environment is made anew when the pins change, and marked whole only when it is.
$(STAMP): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: Python 3.11 or newer is needed (PYTHON=python3.12 make …)"; exit 1; }
	@test ! -L $(VENV) || { echo "error: $(VENV) is a link to another environment, which is left alone"; exit 1; }
	@echo "making $(VENV) (half a minute, once)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $(STAMP)

.PHONY: help template package lint verify check test test-soak test-slow format run faults review scan update-cases bench bench-check bench-asl bench-review requirements clean
