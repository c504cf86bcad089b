# Every target that needs Python packages makes .venv first; when nothing changed that takes no time.

.DEFAULT_GOAL := help
SHELL := /bin/bash
# Given on the command line (make setup PYTHON=python3.12), these reach the scripts.
export PYTHON CMAKE_BUILD_PARALLEL_LEVEL

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: .venv/.ready ## Hold a short spoken conversation with recorded questions; no sound card needed
	@.venv/bin/voiced demo

.PHONY: test
test: .venv/.ready ## Run all checks and tests
	@.ci/check

.PHONY: lint
lint: .venv/.ready ## Run the checks without the tests
	@.ci/check lint

.PHONY: soak
soak: .venv/.ready ## Live three simulated days with the assistant; half an hour
	@.venv/bin/python -m tests.soak

.PHONY: faults
faults: .venv/.ready ## Break everything that can break, in every state; two minutes
	@.venv/bin/python -m tests.faults

.PHONY: format
format: .venv/.ready ## Format the code and mend what can be mended by itself
	@.venv/bin/ruff check --fix-only --quiet
	@.venv/bin/ruff format

.PHONY: setup
setup: .venv/.ready ## Make .venv (PYTHON=... chooses the Python)
	@echo ".venv is ready"

.venv/.ready: requirements.txt pyproject.toml .ci/setup .ci/lib.sh .ci/uv .ci/llama.cmake
	@.ci/setup

# A Python that is asked for by name is looked at every time.
ifneq ($(PYTHON),)
.venv/.ready: FORCE
FORCE:
endif

.PHONY: lock
lock: ## Pin all dependencies in requirements.txt (LOCK=--upgrade takes newer ones)
	@UV_CUSTOM_COMPILE_COMMAND="make lock" .ci/uv pip compile --quiet --universal --python-version 3.11 \
		--group dev $(LOCK) --output-file requirements.txt pyproject.toml >/dev/null

.PHONY: clean
clean: ## Remove .venv and everything else that was made here
	@rm -rf .venv .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist
	@find voiced tests -name __pycache__ -type d -prune -exec rm -rf {} +
