# The front door. `make demo` shows what the tool does, `make test` proves that it works.

VENV    ?= .venv
PYTHON  ?= python3
VIDEO   ?=
OUT     ?= demo-out
CACHE   ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/facefatigue-evaluate
BIN     := $(VENV)/bin
PIP     := $(BIN)/python -m pip --disable-pip-version-check
SOURCES := pyproject.toml constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test lint types bench bench-landmarks bench-memory bench-training bench-studio evaluate-default clean

help: ## list what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name it with PYTHON=path"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: $(BIN)/python $(SOURCES)
	$(PIP) install -q -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: $(BIN)/python $(SOURCES)
	$(PIP) install -q -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.core

demo: $(VENV)/.core ## install the core and analyse the sample (or VIDEO=path)
	@$(BIN)/facefatigue predict $(if $(VIDEO),"$(VIDEO)",--sample) --out "$(OUT)" --overlay

lint: $(VENV)/.dev ## check style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev ## check types, strictly
	$(BIN)/mypy

test: lint types ## install everything; lint, types, tests
	$(BIN)/python -m pytest -n auto --dist loadfile

bench: $(VENV)/.dev ## speed and memory (VIDEO=path for one's own, REFERENCE=1 for the published pipeline beside it)
	$(BIN)/python benchmarks/end_to_end.py $(if $(VIDEO),"$(VIDEO)") $(if $(REFERENCE),--reference)

bench-landmarks: $(VENV)/.dev ## time of the landmarker on one core (VIDEO=path for one's own)
	$(BIN)/python benchmarks/landmarks.py $(if $(VIDEO),"$(VIDEO)")

bench-memory: $(VENV)/.dev ## memory over half an hour of video (VIDEO=path for one's own)
	$(BIN)/python benchmarks/memory.py $(if $(VIDEO),"$(VIDEO)")

bench-training: $(VENV)/.dev ## speed of training: loader, augmentation, network, epoch (ARGS="--device cuda ...")
	$(BIN)/python benchmarks/training.py $(ARGS)

bench-studio: $(VENV)/.dev ## a studio with 5,000 recordings: its lists, and uploads while raters rate (ARGS="--database URL")
	$(BIN)/python benchmarks/studio.py $(ARGS)

$(VENV)/.evaluate: $(VENV)/.dev tools/requirements-evaluate.txt
	$(PIP) install -q -c constraints.txt -r tools/requirements-evaluate.txt
	@touch $@

# What is missing (a folder, the model of the eye reader) is said in the table, and makes the exit code 1.
evaluate-default: $(VENV)/.evaluate ## judge the default model (MEDIA=folder SYNTHETIC=clips, MODEL="folders" of several seeds)
	@$(BIN)/python tools/evaluate_default.py $(MODEL) --cache "$(CACHE)" $(if $(MEDIA),--media "$(MEDIA)") \
		$(if $(SYNTHETIC),--synthetic "$(SYNTHETIC)") $(ARGS)

clean: ## remove what was made
	rm -rf $(VENV) $(OUT) build dist .mypy_cache .ruff_cache .pytest_cache
