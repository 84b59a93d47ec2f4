# course: everything, from nothing to a graded sample class and a built site
# test:   the tests, without the slow ones (needs nothing but what this file installs)
# test-all: the slow ones, too, as CI runs them
# site:   the website alone      grade: the sample class alone      release: the notebooks alone
# bench:  speed and memory of the grader, beside stock nbgrader
# lint:   ruff and mypy          clean: remove what was made (what was fetched stays)

PYTHON ?= python3
COURSE ?= course
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DOWNLOADS := book/_static/downloads
SITE := _build/html/index.html

SOURCES := $(shell find solutions autograder -name '*.py' 2>/dev/null) course.toml
PAGES := _config.yml _toc.yml $(wildcard scripts/page_runtime.*) $(shell find book -type f -not -path '*/downloads/*' -not -path '*/__pycache__/*' 2>/dev/null)

.PHONY: course install release sample site grade test test-all bench lint clean
.DEFAULT_GOAL := course
.NOTPARALLEL:

course: install release sample site grade
	@echo "website    $(abspath $(SITE))"

install: $(INSTALLED)
	@scripts/system-packages bubblewrap=bwrap

$(INSTALLED): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; try: make PYTHON=python3.12 course"; exit 1; }
	@echo "== installing Python packages into $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --disable-pip-version-check -q --no-deps --no-build-isolation -e .
	@touch $@

release: install
	@echo "== releasing the notebooks"
	@$(BIN)/autograder release --publish --course-dir $(COURSE)
	@# what notebooks import, so that `nbgrader validate book/exercises/PS.ipynb` works
	@if [ ! -e $(VENV)/.selfcheck ] || \
	    [ -n "$$(find $(DOWNLOADS) -name '*.whl' -newer $(VENV)/.selfcheck)" ]; then \
	  $(BIN)/python -m pip install --disable-pip-version-check -q --no-deps --force-reinstall \
	    $(DOWNLOADS)/selfcheck-*.whl && touch $(VENV)/.selfcheck; \
	fi

sample: release
	@echo "== a sample class"
	@$(BIN)/autograder sample --course-dir $(COURSE)

site: $(SITE)

$(SITE): $(INSTALLED) $(PAGES) $(SOURCES) | release
	@echo "== building the website"
	@$(BIN)/jupyter-book build .
	@touch $@

# these hand-ins are the course's own: they may run at whatever level of isolation works here
grade: | sample
	@$(BIN)/autograder grade $(notdir $(wildcard solutions/*)) --course-dir $(COURSE) --isolation auto

test: $(INSTALLED)
	$(BIN)/python -m pytest -n auto --dist loadfile

test-all: $(INSTALLED)
	$(BIN)/python -m pytest -n auto --dist loadfile -m 'not long'

bench: $(INSTALLED)
	$(BIN)/autograder bench

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf _build $(DOWNLOADS) book/_static/vendor .autograder .pytest_cache .mypy_cache .ruff_cache
