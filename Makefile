# Everything a person needs: `make up`, then `make test`. `make` alone explains.
# Ports: make up GATEWAY_PORT=4600 WAREHOUSE_PORT=54400 (kept for later commands).

ifdef GATEWAY_PORT
export KPI_GATEWAY_PORT := $(GATEWAY_PORT)
endif
ifdef WAREHOUSE_PORT
export KPI_WAREHOUSE_PORT := $(WAREHOUSE_PORT)
endif

# Compiled modules are kept under .local/, also where the shell says not to write them.
export PYTHONPYCACHEPREFIX := $(CURDIR)/.local/pycache
unexport PYTHONDONTWRITEBYTECODE

# The first Python that is new enough; `make up PYTHON=/path/to/python3` chooses another.
OLD_ENOUGH := 'import sys; sys.exit(sys.version_info < (3, 11))'
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do "$$p" -c $(OLD_ENOUGH) 2>/dev/null && command -v "$$p" && break; done)
BOOTSTRAP = $(if $(PYTHON),@"$(PYTHON)" -m local.bootstrap,@echo "error: Python 3.11 or newer is needed and none was found on PATH; install it or say make $@ PYTHON=/path/to/python3" >&2; exit 3;)
VENV := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help up down status test check bench lock setup

help: ## Explain the targets
	@echo "kpi-observatory: a KPI control plane on AWS, here on embedded AWS. Start with: make up"
	@echo
	@grep -E '^[a-z]+:.*##' $(firstword $(MAKEFILE_LIST)) | sed -E 's/:.*## /\t/' | awk -F '\t' '{ printf "  make %-8s %s\n", $$1, $$2 }'

up: ## Install what is missing, start everything, deploy with the real Pulumi engine, load and run the demo
	$(BOOTSTRAP) up

setup: ## Only install what is missing (environments and engine)
	$(BOOTSTRAP)

down: ## Stop everything that runs; data stays under .local/ (make down DESTROY=1 destroys the stacks first)
	@if [ -x $(VENV)/python ]; then exec bin/kpi down $(if $(DESTROY),--destroy); else echo "nothing runs: this checkout is not set up"; fi

status: ## Show tenants, KPIs, last runs, values, verdicts and SLA, failures on top
	@bin/kpi status

test: ## Run all tests against the running system (starts it when it does not run)
	@if [ ! -x $(VENV)/python ] || ! bin/kpi services --quiet; then $(MAKE) --no-print-directory up; fi
	$(VENV)/python -m pytest tests/unit tests/infra tests/local

check: setup ## Lint, format, types, import arrows, the KPI dictionary, its pages, alarms and quotas, the API document
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/pyright
	$(VENV)/python -m pytest -q tests/unit/test_import_arrows.py
	bin/kpi check
	bin/kpi render --check
	bin/kpi test-alarms --coverage
	bin/kpi limits
	bin/kpi openapi

lock: setup ## Resolve the pinned dependencies anew, hashes and all (after a change of pyproject.toml or an .in file)
	.local/bootstrap/bin/uv pip compile -q pyproject.toml --group dev --generate-hashes --universal --python-version 3.11 --no-header -o requirements.lock
	for f in $(wildcard lambdas/requirements-*.in local/emulator/requirements.in local/warehouse/*.in local/bootstrap/*.in); do \
	    .local/bootstrap/bin/uv pip compile -q $$f --generate-hashes --universal --python-version 3.11 --no-header -o $${f%.in}.lock || exit 1; done

bench: ## Measure (needs the running system); prints, never gates
	@bin/kpi services --quiet || $(MAKE) --no-print-directory up
	$(VENV)/python -m pytest tests/bench -m bench -s
