# Everything here works from a fresh clone on Debian with the Rust toolchain, git, make and gcc.

CARGO ?= cargo
# Where `make run` keeps everything it makes; `make stop` removes it.
LAZARET_STATE ?= /var/lib/lazaret
export LAZARET_STATE

STORY = $(CARGO) run --quiet --release --package lazaret-e2e --bin story --

.DEFAULT_GOAL := help
.PHONY: help setup build run stop test test-kernels fuzz bench bench-scanners lint

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

setup: ## Install what is missing from Debian's packages (root)
	@scripts/setup.sh run

build: ## Compile `lazaret` and `lazaret-agent` into target/release
	@scripts/setup.sh build
	$(CARGO) build --release --locked --workspace --bins

run: setup build ## Take real images through the whole way on this host, and leave the system up (root)
	@$(STORY) run

stop: ## Remove everything that `make run` made (root)
	@$(STORY) stop

test: ## Unit, golden and end-to-end tests (root for the last)
	@scripts/setup.sh test
	@# All targets at once: programs compiled without the tests would be compiled a second time for them.
	$(CARGO) build --release --locked --workspace --all-targets
	@$(CARGO) xtask test

test-kernels: ## Tests of what only some kernels refuse, in an emulated machine with Debian's kernel
	@scripts/setup.sh kernels
	@$(CARGO) xtask kernels

# Seconds, shared out among the targets; `make fuzz TARGETS=jars` fuzzes but one.
TIME ?= 3600
TARGETS ?=
fuzz: ## Fuzz every parser for TIME seconds; real files of LAZARET_CORPORA become seeds
	@scripts/setup.sh build
	@scripts/fuzz.sh $(TIME) $(TARGETS)

bench: build ## Measure what SPECIFICATION.md promises (root)
	@scripts/setup.sh bench
	@$(CARGO) run --quiet --release --package lazaret-e2e --bin bench --
	@$(CARGO) bench --quiet --package lazaret-sensor --bench observe
	@$(CARGO) bench --quiet --package lazaret-agent --bench crowd
	@$(CARGO) run --quiet --release --package lazaret-e2e --bin bench-scanners -- --quick

bench-scanners: setup build ## Measure the scanner beside Trivy and Syft on images made for it (root, an hour)
	@$(CARGO) run --quiet --release --package lazaret-e2e --bin bench-scanners --

lint: ## Format, clippy, and the rules of the house
	@scripts/setup.sh build
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --locked --workspace --all-targets -- --deny warnings
	$(CARGO) xtask tidy
	@if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny --log-level error check bans licenses sources; fi
