# The two that a user needs: `make run` and `make test`. Everything else is a part of the second.

SWIFT_FLAGS = --explicit-target-dependency-import-check error -Xswiftc -require-explicit-sendable
BINARY = .build/release/tessera
ARGS ?=

.PHONY: help run test build dependencies unit readme drivers kill9 import hostile operation schema bench check clean

help:
	@echo "make run     build the core and start it (make run ARGS='--port 4000')"
	@echo "make test    everything that has to hold, with the checks of the source"
	@echo "make bench   what a request costs on this machine"

dependencies:
	@scripts/install-dependencies

build: dependencies
	swift build -c release --product tessera $(SWIFT_FLAGS)

run: build
	exec $(BINARY) serve $(ARGS)

test: check unit build readme drivers kill9 import hostile operation schema spin

unit: dependencies
	swift test $(SWIFT_FLAGS) --quiet

readme: build
	python3 Tests/BlackBox/readme.py

drivers: build
	python3 Tests/BlackBox/drivers.py

kill9: build
	python3 Tests/BlackBox/kill9.py

import: build
	python3 Tests/BlackBox/import_dump.py

hostile: build
	python3 Tests/BlackBox/hostile.py

operation: build
	python3 Tests/BlackBox/operation.py

schema: build
	python3 Tests/BlackBox/schema.py

.PHONY: spin
spin:
	@scripts/install-dependencies spin gcc
	python3 Tests/Model/check.py

bench: build
	@scripts/install-dependencies wrk
	python3 Benchmarks/bench.py

check: dependencies
	scripts/check
	swift test $(SWIFT_FLAGS) --quiet --filter 'CatalogueTests|VersionMutationTests|VersionPageTests'

clean:
	rm -rf .build .venv-drivers .venv-schema
