# make demo     a whole visit on this machine; prints a link to open
# make test     everything that has to pass; installs Debian packages it needs when root
# make check    style and types only
# make load     a hundred calls at once, ten set-ups a second, scanners at full speed, limits of a second
# make soak     200 calls one after another, watching memory and descriptors
# make bench    what a call costs this machine (CALLS=16)
# make fuzz     the parsers of SIP and SDP, coverage-guided (SECONDS=600 each)
# make clean    remove what these made

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
EDITABLE := --config-settings editable_mode=strict --editable
FOLDERS := config gateway plugins sip webrtc
CALLS := 16
SECONDS := 600
DEMO :=

# A gateway is started many times: what was compiled is kept, whatever the environment says.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check load soak bench fuzz clean always
.DELETE_ON_ERROR:

demo: $(VENV)/linked
	@$(BIN)/parloir demo $(DEMO)

test: packages check
	$(BIN)/python -m pytest -n 4 --dist loadfile --ignore tests/end_to_end
	$(BIN)/python -m pytest -n 3 --dist load --maxschedchunk 1 -m "not load" tests/end_to_end || .ci/alone $$?

check: $(VENV)/linked
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --package parloir
	$(BIN)/mypy tests

load: packages $(VENV)/linked
	$(BIN)/python -m pytest -m load tests/end_to_end

soak: packages $(VENV)/linked
	$(BIN)/python -m tests.end_to_end.soak

bench: $(VENV)/linked
	$(BIN)/parloir bench --calls $(CALLS)

fuzz: $(VENV)/linked
	@$(PIP) install 'atheris>=3,<4'
	$(BIN)/python -m tests.fuzz message --seconds $(SECONDS)
	$(BIN)/python -m tests.fuzz description --seconds $(SECONDS)

clean:
	rm -rf $(VENV) build dist parloir.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: packages
packages:
	@.ci/packages

$(BIN)/python:
	@python=$$(.ci/python) && $$python -m venv $(VENV)

$(VENV)/dependencies: setup.cfg pyproject.toml | $(BIN)/python
	@echo "Installing Parloir and what it needs into $(VENV); this takes a minute."
	@$(PIP) install 'setuptools>=77'
	@$(PIP) install $(EDITABLE) '.[dev]'
	@touch $@

# The installed package is a tree of links, one for each source file: made anew when their names change.
$(VENV)/linked: $(VENV)/dependencies $(VENV)/sources
	@$(PIP) install --no-deps --no-build-isolation $(EDITABLE) .
	@touch $@

$(VENV)/sources: always | $(BIN)/python
	@find $(FOLDERS) -type f ! -path '*/__pycache__/*' | sort >$@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
