# The few commands that people and CI use. `make help` lists them; each is quick when there is nothing to do.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test test-long build install package format lint docs abi bench clean

JOBS ?= $(shell nproc)
CONFIG ?= configs/shakespeare.toml
EASYLM := build/release/bin/easylm

export CMAKE_BUILD_PARALLEL_LEVEL := $(JOBS)

help:  ## list these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "make %-10s %s\n", $$1, $$2 }'

run:  ## set up, build, then train, evaluate and sample on Shakespeare's plays (CONFIG=FILE for another pipeline)
	@./setup.sh
	@tools/build.sh release easylm plugins
	@$(EASYLM) run $(CONFIG)

test:  ## set up, build, and run everything that must pass: tests, sanitizers, fuzzers, format, clang-tidy
	@tools/test_all.sh

test-long:  ## the same, with what has a long form in that form, and ten minutes for each fuzz target
	@EASYLM_FUZZ_SECONDS=600 tools/test_all.sh setup release long asan tsan fuzz format tidy

build:  ## the release build, in build/release
	@tools/build.sh release

install:  ## build, and install into PREFIX: the program, bundled plugins, headers and CMake package for writing others
	@[[ -n "$(PREFIX)" ]] || { echo "usage: make install PREFIX=/opt/easylm"; exit 2; }
	@./setup.sh
	@tools/build.sh release product
	@cmake --install build/release --prefix "$(PREFIX)" >/dev/null
	@echo "installed: $(PREFIX)/bin/easylm"

package:  ## make a .deb and a .tar.gz of the same in build/release/packages
	@./setup.sh
	@tools/build.sh release product
	@cd build/release && cpack >/dev/null && ls packages/easylm*

format:  ## put all C++ into the house format
	@tools/lint.sh format --fix

lint:  ## check format and run clang-tidy on what changed, tests too
	@tools/build.sh release
	@tools/lint.sh format
	@tools/lint.sh tidy --tests

docs: build  ## write docs/reference.md and docs/interfaces anew from what plugins, headers and the exam say
	@EASYLM_PLUGIN_PATH= XDG_DATA_HOME=/nonexistent $(EASYLM) plugins describe --markdown > build/reference.md
	@mv build/reference.md docs/reference.md
	@python3 -B tools/interface_pages.py build/release/lib/easylm docs/interfaces

abi: build  ## write sdk/abi anew from headers and libraries, unless that would break plugins
	@python3 -B tools/abi.py build/release

bench: build  ## time a training step; the README of tests/bench says against what
	@tests/bench/run.sh

clean:  ## remove what was built; data, runs and what setup.sh fetched stay
	rm -rf build
