# What a person types. Each target brings what it needs by itself; nothing but PostgreSQL and Chromium is installed
# system-wide.
.DEFAULT_GOAL := help
SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c

SEEDS ?= 1000
SECONDS ?= 20
BUF := node_modules/.bin/buf
CARGO_DENY := target/tools/cargo-deny
PYTHON := target/tools/venv/bin/python
SECOND := tests/clients/python
# What is tested on SQLite in memory and in files, again with every store at the PostgreSQL server.
AT_SERVER := NHIPCAU_TEST_STORE=postgres cargo test --locked --lib --test exchange \
	--package nhipcau-messaging --package nhipcau-indicators --package nhipcau-referrals --package nhipcau-switchboard
export NHIPCAU_NATS_SERVER := $(CURDIR)/target/tools/nats-server

.PHONY: help setup demo sandbox test sim faults fuzz leaks mutants bench lint fmt

help: ## List what there is
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

setup: ## Bring the pinned tools that the machine lacks (idempotent; the others call it)
	@bash deploy/dev/setup

demo: setup ## Take figures and a case through four parties: make demo ARGS="--indicators FILE"
	@cargo build --package nhipcau --locked
	@target/debug/nhipcau demo --home target/demo $(ARGS)
	@$(PYTHON) $(SECOND)/verify_demo.py target/demo

sandbox: setup ## Run four access points to try things on, until Ctrl-C: make sandbox ARGS="--home DIR"
	@cargo build --package nhipcau --locked
	@target/debug/nhipcau sandbox $(ARGS)

test: setup ## Run every test, on a real nats-server, a PostgreSQL of its own and real processes
	@cargo build --package nhipcau --locked
	@deploy/dev/with-postgres bash -euo pipefail -c 'cargo test --workspace --locked; $(AT_SERVER)'
	@$(PYTHON) $(SECOND)/check_vectors.py
	@$(PYTHON) $(SECOND)/check_vectors.py proto/vectors
	@$(PYTHON) -m unittest discover --start-directory $(SECOND)/tests --top-level-directory $(SECOND)

sim: setup ## Simulate many access points under faults: make sim SEEDS=1000
	@cargo run --package nhipcau-sim --release --locked --bin sim -- --seeds $(SEEDS)

faults: setup ## Break real processes, disks and networks and judge every promise: make faults ARGS="--list"
	@cargo build --package nhipcau --locked
	@cargo test --package nhipcau-tests --test faults --locked -- --campaign $(ARGS)

fuzz: setup ## Fuzz everything that reads foreign bytes: make fuzz SECONDS=20 ARGS="envelope receipt"
	@$(PYTHON) tests/fuzz/run.py --seconds $(SECONDS) $(ARGS)

leaks: setup ## Send a child's name through every path and search everything for it, and show the table
	@cargo build --package nhipcau --locked
	@deploy/dev/with-postgres cargo test --package nhipcau-tests --test leaks --locked -- --nocapture --test-threads 1

mutants: setup ## Break one promise at a time and demand that a test notices: make mutants ARGS="fsync-off"
	@$(PYTHON) tests/mutants/run.py $(ARGS)

bench: setup ## Measure, with ratios to baselines of the same run: make bench ARGS="--cases 20000"
	@cargo build --package nhipcau --release --locked
	@cargo bench --package nhipcau-tests --bench bench --locked -- $(ARGS)

lint: setup ## Check format, contracts, code, documentation, dependencies
	cargo fmt --all --check
	$(BUF) lint proto
	$(BUF) format --diff --exit-code proto --path proto/nhipcau
	bash .ci/breaking $(BUF)
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --locked
	$(CARGO_DENY) --locked check --hide-inclusion-graph licenses bans sources

fmt: setup ## Format code and contracts
	cargo fmt --all
	$(BUF) format --write proto --path proto/nhipcau
