# Each target sets up what it needs in .venv; `make search` is the whole product once, `make test` shows it holds.
PYTHON ?= python3
BIN := .venv/bin
MINUTES ?= 60
RUN := quickstart-$(shell date +%Y%m%d-%H%M%S)

.PHONY: search test lint check soak versions bench bench-full bench-gpu docs pictures format pins clean

search: .venv/ready
	$(BIN)/python search.py run studies/quickstart.yaml --name $(RUN)
	$(BIN)/python search.py promote runs/$(RUN) --to runs/$(RUN)/production/bundle
	$(BIN)/python search.py predict runs/$(RUN)/production/bundle simulated_eeg --out runs/$(RUN)/predictions.parquet

# Slow tests wait more than they compute: three at a time. Their files begin in the order of their names, so that
# the longest, of two hosts, come last and run side by side.
test: .venv/ready
	$(BIN)/python -m pytest -m "not slow" --numprocesses 2 --dist loadfile
	$(BIN)/python -m pytest -m "slow and not alone" --numprocesses 3 --dist loadfile --no-loadscope-reorder
	$(BIN)/python -m pytest -m alone

lint: .venv/ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

check: lint test

# Every fault again and again, with the table of what was lost: nothing.
soak: .venv/ready
	$(BIN)/python -m tests.soak --minutes $(MINUTES)

# The forms of a bundle in older Keras, TensorFlow and onnxruntime, each installed in a temporary folder.
versions: .venv/ready
	$(BIN)/python -m tests.versions

# Ours beside its peers and floors, as ratios; tests/benchmarks/LOG.md keeps them. Nothing else should run meanwhile.
bench: .venv/ready .venv/peers
	$(BIN)/python -m tests.benchmarks

bench-full: .venv/ready .venv/peers
	$(BIN)/python -m tests.benchmarks --full

# On a machine with a GPU, and JAX with it in .venv: fused trials, a process for every trial, and plain Ray Tune. SMALL=--small on a CPU.
bench-gpu: .venv/ready
	$(BIN)/python -m tests.benchmarks.gpu $(SMALL)

# The tables of settings in docs/studies.md and the schemas beside it, from the models; and the pictures of the README, from a run.
docs: .venv/ready
	$(BIN)/python -m tests.test_docs

pictures: .venv/ready
	$(BIN)/python -m tests.helpers.pictures

format: .venv/ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Names and versions alone. Hosts of a cluster need no test tools, but Ray's dashboard, which takes in jobs.
pins: .venv/ready
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --group dev \
		--no-header --no-annotate --no-emit-index-url pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --group bench --constraint requirements.txt \
		--no-header --no-annotate --no-emit-index-url pyproject.toml -o tests/benchmarks/requirements.txt
	echo 'ray[default]' | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --constraint requirements.txt \
		--no-header --no-annotate --no-emit-index-url pyproject.toml - -o cluster/requirements.txt

.venv/peers: .venv/ready tests/benchmarks/requirements.txt
	VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet -r tests/benchmarks/requirements.txt
	touch $@

.venv/ready: requirements.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet -r requirements.txt
	touch $@

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
