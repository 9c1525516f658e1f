# A thin front to tools/setup.sh, meson and tools/run_tests; `make help` tells.
.PHONY: help run test bench fuzz lint install release asan strict

ARGS =
TIME = 60

SANITIZE = -Db_sanitize=address,undefined -Db_lundef=false --buildtype=debugoptimized

# A newer Node, where tools/setup.sh has put one here.
NODE = $(wildcard $(CURDIR)/.node/node_modules/node-linux-*/bin)
export PATH := $(if $(NODE),$(NODE):)$(PATH)

help:
	@echo 'make run [ARGS="--size 1280x720"]  install what is needed, build, start a gateway and a desktop'
	@echo 'make test [ARGS=PART_OF_A_NAME]    build with sanitizers, run all tests or some'
	@echo 'make bench [ARGS="--rounds 5"]     compare with other servers (a quarter of an hour)'
	@echo 'make fuzz [TIME=60]                fuzz each parser for so many seconds'
	@echo 'make lint                          both compilers without a warning, formatting'
	@echo 'make install                       install the release (DESTDIR is honoured)'

run:
	@tools/setup.sh run
	@$(MAKE) --no-print-directory release
	@exec tools/run.sh build/src/cli/porthole $(ARGS)

test:
	@tools/setup.sh run test
	@$(MAKE) --no-print-directory asan strict
	@tools/run_tests build-asan $(ARGS)

bench:
	@tools/setup.sh run test
	@$(MAKE) --no-print-directory release
	@ninja -C build --quiet bench/bench
	@build/bench/bench $(ARGS)

fuzz:
	@tools/setup.sh run lint
	@CC=clang tools/configure.sh build-fuzz $(SANITIZE) -Dfuzz=true -Dtests=enabled
	@ninja -C build-fuzz --quiet
	@tools/fuzz.sh build-fuzz $(TIME)

lint:
	@tools/setup.sh run test lint
	@$(MAKE) --no-print-directory asan strict
	@git ls-files '*.[ch]' | xargs clang-format --dry-run -Werror
	@cd web && node_modules/.bin/tsc --noEmit

install: release
	@meson install -C build --no-rebuild

# Optimised, as it is used.
release:
	@tools/configure.sh build --buildtype=release -Dweb=enabled -Dtests=disabled
	@ninja -C build --quiet

# What the tests run on: gcc, sanitizers, warnings are errors.
asan:
	@CC=gcc tools/configure.sh build-asan $(SANITIZE) -Dwerror=true -Dweb=enabled -Dtests=enabled -Dbench=true
	@ninja -C build-asan --quiet

# The other compiler, without assertions as in a release: only for its warnings.
strict:
	@CC=clang tools/configure.sh build-clang --buildtype=plain -Dwerror=true -Db_ndebug=true -Dtests=enabled -Dbench=true
	@ninja -C build-clang --quiet
