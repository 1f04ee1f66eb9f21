# A machine needs make, git and some Python 3 with venv; everything else is fetched by `setup`.
.DEFAULT_GOAL := help
SHELL := /bin/sh
# Where Python may keep no bytecode, each process compiles TensorFlow anew, for five seconds.
unexport PYTHONDONTWRITEBYTECODE

# The first Python that really runs (a pyenv shim may not); only used to set up.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.10 /usr/bin/python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 6))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PACKAGES := pipeline components inspection serving ranker schemas

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run-local
run-local: setup ## Train, evaluate and push a model for MovieLens-100K (ARGS: more for `seqrank run`)
	@$(BIN)/seqrank run $(ARGS)

.PHONY: submit
submit: setup ## Run the same chain on Kubeflow Pipelines, to its end (ENDPOINT=URL; ARGS: more for `seqrank submit`)
	@$(BIN)/seqrank submit --wait $(if $(ENDPOINT),--endpoint "$(ENDPOINT)") $(ARGS)

.PHONY: inspect
inspect: setup ## Show all runs as a local page (ARGS: more for `seqrank ui`)
	@$(BIN)/seqrank ui $(ARGS)

.PHONY: serve
serve: setup ## Answer requests with the newest published model (ARGS: more for `seqrank serve`)
	@$(BIN)/seqrank serve $(ARGS)

.PHONY: notebook
notebook: setup ## Run notebooks/tour.ipynb, the chain stage by stage, and show it as runs/tour.html (ARGS: more for nbconvert)
	@$(BIN)/python -m nbconvert --execute --to html --output-dir runs --HTMLExporter.require_js_url= \
	--HTMLExporter.mathjax_url= --log-level WARN $(ARGS) notebooks/tour.ipynb
	@echo "The tour: runs/tour.html"

.PHONY: image
image: ## Build the container image (IMAGE=name:tag; GPU=1; TARGET=beam-worker; ARGS: more for the engine)
	@engine=$$(for each in docker podman; do $$each info >/dev/null 2>&1 && echo $$each && break; done); \
	test -n "$$engine" || { echo "seqrank: make image needs Docker or Podman, and its engine has to run" >&2; exit 1; }; \
	commit=$$(git rev-parse HEAD 2>/dev/null)$$(test -z "$$(git status --porcelain --untracked-files=no 2>/dev/null)" || echo +); \
	$$engine build --build-arg GPU="$(or $(GPU),0)" --build-arg COMMIT="$$commit" --target "$(or $(TARGET),seqrank)" \
	--tag "$(or $(IMAGE),seqrank:1)" $(ARGS) .

.PHONY: test-image
test-image: setup ## The Dockerfile's steps in a Debian 13 folder, and the chain in it (root; some minutes; ARGS: more)
	@$(BIN)/python -m pytest tests/end_to_end/image_steps.py $(ARGS)

.PHONY: test
test: setup ## Unit tests, contracts and one chain on a slice (ARGS: more for pytest)
	@$(BIN)/python -m pytest --numprocesses=logical --maxprocesses=4 --dist=loadfile --no-loadscope-reorder $(ARGS)

.PHONY: test-kill
test-kill: setup ## kill -9 in every stage in turn, and the same command again (several minutes; ARGS: more for pytest)
	@$(BIN)/python -m pytest tests/end_to_end/kill_every_stage.py $(ARGS)

.PHONY: test-spans
test-spans: setup ## Three spans of a log in a row: cached, warm start, judged (minutes; ARGS: more for pytest)
	@$(BIN)/python -m pytest tests/end_to_end/spans.py $(ARGS)

.PHONY: test-workers
test-workers: setup ## kill -9 on one of two processes that train together (several minutes; ARGS: more for pytest)
	@$(BIN)/python -m pytest tests/components/trainer/kill_a_machine.py $(ARGS)

.PHONY: setup
setup: ## Make .venv/ from the lock (GPU=1: with CUDA's libraries; INSTALLER=pip: without uv)
	@test -n "$(PYTHON)" || { echo "seqrank needs some Python 3 with venv (Debian, Ubuntu: apt-get install python3 python3-venv; Fedora: dnf install python3)" >&2; exit 1; }
	@$(PYTHON) scripts/setup_env.py --gpu="$(GPU)" --installer="$(INSTALLER)"

.PHONY: lock
lock: setup ## Make the lock files anew (KEEP=1: keep versions where possible)
	@$(BIN)/python scripts/lock.py $(if $(KEEP),--keep)

.PHONY: lint
lint: setup ## Check style, types and who imports whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

.PHONY: format
format: setup ## Format the code and repair what ruff can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: benchmark-data
benchmark-data: setup ## Measure the data stages on 10^6 and 10^7 made interactions, beside bare Polars (ARGS: more)
	@$(BIN)/python -m benchmarks.data $(ARGS)

.PHONY: benchmark-scale
benchmark-scale: setup ## Measure what each Beam stage reads, shuffles and keeps per interaction (half an hour; ARGS: more)
	@$(BIN)/python -m benchmarks.scale $(ARGS)

.PHONY: benchmark-chain
benchmark-chain: setup ## Measure every stage on 10^7 made interactions of 10^6 users and 10^5 items (an hour; ARGS: more)
	@$(BIN)/python -m benchmarks.chain --set trainer.epochs=1 --set trainer.batch_size=512 $(ARGS)

.PHONY: clean
clean: ## Remove caches and build output; .venv/, data/ and runs/ stay
	@rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find $(PACKAGES) tests scripts -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

.PHONY: test-kubeflow
test-kubeflow: setup ## The compiled Kubeflow package on an imitation of its server (root; some minutes; ARGS: more)
	@$(BIN)/python -m pytest tests/end_to_end/kubeflow_package.py $(ARGS)

.PHONY: setup-services
setup-services: setup ## Build Beam's Prism and boot program into .services/ (needs Go)
	@$(BIN)/python scripts/setup_services.py

.PHONY: test-engine
test-engine: setup-services ## Every Beam stage on Prism, the workers apart (root; many minutes; ARGS: more for pytest)
	@$(BIN)/python -m pytest tests/end_to_end/engine.py $(ARGS)

.PHONY: setup-peers
setup-peers: setup ## Make .venv-peers/ for RecBole, a peer to compare with (3 GB more)
	@test -x .venv-peers/bin/python || { uv=$$(command -v uv || echo .uv/bin/uv); \
	$$uv venv --quiet --python "$$($$uv python find '>=3.10,<3.13')" .venv-peers && \
	$$uv pip sync --quiet --python .venv-peers/bin/python --require-hashes benchmarks/peers/requirements.lock; }

.PHONY: benchmark-peers
benchmark-peers: setup-peers ## Train three seeds of ours and of RecBole's GRU4Rec on the same order, and compare (hours)
	@$(BIN)/python -m benchmarks.peers.run $(ARGS)

.PHONY: search-peers
search-peers: setup-peers ## Search for better settings of RecBole's models, in the order that benchmark-peers wrote (hours; ARGS: more)
	@.venv-peers/bin/python benchmarks/peers/search.py $(ARGS)

.PHONY: benchmark
benchmark: setup-peers ## Measure training and evaluation beside RecBole's GRU4Rec (two hours; ARGS: more)
	@$(BIN)/python -m benchmarks.speed $(ARGS)

.PHONY: benchmark-growth
benchmark-growth: setup ## Measure each loss's step on 10^3 to 10^6 made items (half an hour; ARGS: more)
	@$(BIN)/python -m benchmarks.growth $(ARGS)

.PHONY: ablation
ablation: setup ## Train MovieLens-100K without each part of the model in turn, three seeds (hours; ARGS: more)
	@$(BIN)/python -m benchmarks.ablation $(ARGS)

.PHONY: setup-databases
setup-databases: ## Install PostgreSQL and MariaDB for test-services (root; Debian, Ubuntu)
	@scripts/setup_databases.sh

.PHONY: test-services
test-services: setup ## Whole runs with their metadata in a real PostgreSQL and MariaDB (some minutes; ARGS: more for pytest)
	@$(BIN)/python -m pytest tests/end_to_end/services.py $(ARGS)

.PHONY: benchmark-serving
benchmark-serving: setup ## Measure the server under load, beside the bare model (minutes; ARGS="--model DIR --data FILE", more)
	@$(BIN)/python -m benchmarks.serving.run $(ARGS)

.PHONY: benchmark-topk
benchmark-topk: setup ## Measure the first 100 of 10^6 items for one user at a time (minutes; ARGS: more)
	@$(BIN)/python -m benchmarks.serving.topk $(ARGS)

.PHONY: benchmark-diversity
benchmark-diversity: setup ## Measure what more diverse recommendations cost, as a curve (minutes; ARGS: more)
	@$(BIN)/python -m benchmarks.diversity $(ARGS)

.PHONY: benchmark-inspect
benchmark-inspect: setup ## Measure the commands that look at runs, on 1,000 made runs (a minute; ARGS: more)
	@$(BIN)/python -m benchmarks.inspect_runs $(ARGS)
