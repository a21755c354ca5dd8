# Two commands matter: `make demo` and `make test`. Each makes what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

.PHONY: demo test check bench bench-quality requirements clean help

help:
	@echo "make demo          train configs/demo.toml on real purchases and show offers for real carts"
	@echo "make test          everything that CI runs"
	@echo "make check         format, lint, types and architecture only"
	@echo "make bench         latency of one recommend, side by side with its parts"
	@echo "make bench-quality what each source of candidates and each group of features is worth"
	@echo "make requirements  compile requirements.in anew"

$(READY): requirements.txt pyproject.toml training/pyproject.toml Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "mersalg needs Python 3.11 or newer; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "the standard library's venv does not work here; on Debian: apt-get install python3-venv"; exit 1; }
	@echo "Setting up $(VENV) (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --requirement requirements.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable . --editable training
	@touch $@

demo: $(READY)
	@$(BIN)/python -m mersalg_training.demo

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check
	$(BIN)/python -m pytest

bench: $(READY)
	$(BIN)/python benchmarks/latency.py

bench-quality: $(READY)
	$(BIN)/python benchmarks/quality

requirements:
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-annotate --no-header --no-emit-index-url requirements.in --output-file requirements.txt

clean:
	rm -rf $(VENV) models/*/ mlruns mlartifacts mlflow.db* *.tuning.db* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
