# The two that a user needs: `make run` and `make test`. Everything else is a part of the second.

SWIFT_FLAGS = --traits PostgreSQL --explicit-target-dependency-import-check error -Xswiftc -require-explicit-sendable
BINARY = .build/release/tessera
TRIALS = .build/release/Trials
CLUSTER = scripts/postgres-cluster
ARGS ?=

.PHONY: beside help run demo browser test build dependencies unit docs readme drivers kill9 import hostile operation schema bench check clean
.PHONY: postgres nodes failover network inplace
.PHONY: proof trials schedules simulation same-token pairs killpoints cutreplies spin mutants

help:
	@echo "make run     build the core and start it (make run ARGS='--port 4000')"
	@echo "make demo    start the example web application"
	@echo "make test    everything that has to hold, with the checks of the source"
	@echo "make proof   the part of it that tries to break rotation: races, kills, lost replies, models"
	@echo "make bench   what a request costs on this machine"

dependencies:
	@scripts/install-dependencies

build: dependencies
	swift build -c release --product tessera $(SWIFT_FLAGS)

run: build
	exec $(BINARY) serve $(ARGS)

demo: dependencies
	swift build --product WebApp $(SWIFT_FLAGS)
	exec .build/debug/WebApp

test: check unit docs build readme browser drivers beside kill9 import hostile operation schema postgres proof

unit: dependencies
	swift build --build-tests $(SWIFT_FLAGS)
	$(CLUSTER) swift test --skip-build $(SWIFT_FLAGS) --quiet

# The documentation of every public target; the pages are left in .build/docs.
docs: dependencies
	scripts/check-docs $(SWIFT_FLAGS)

readme: build
	python3 Tests/BlackBox/readme.py

# The example web application in headless Chromium; pictures are kept in .build/screenshots.
browser: dependencies
	swift build --product WebApp $(SWIFT_FLAGS)
	python3 Tests/Browser/webapp.py

drivers: build
	python3 Tests/BlackBox/drivers.py

# The Swift SDK and supertokens-python on one core.
beside: build
	swift build --product RemoteApp $(SWIFT_FLAGS)
	python3 Tests/BlackBox/beside.py

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

# What only a database that many nodes share can get wrong, and the tests of before on it.
postgres: build nodes failover network inplace
	$(CLUSTER) python3 Tests/BlackBox/drivers.py
	$(CLUSTER) python3 Tests/BlackBox/kill9.py --rounds 8
	$(CLUSTER) python3 Tests/BlackBox/hostile.py
	$(CLUSTER) python3 Tests/BlackBox/operation.py

# E-01 and E-10, the number of statements, keys and apps of several nodes.
nodes: build trials
	python3 Tests/BlackBox/nodes.py

# E-04: the database stops under load, or its standby takes over.
failover: build
	python3 Tests/BlackBox/failover.py

# E-11 and E-12: the network to the database breaks and slows down.
network: build
	@scripts/install-dependencies wrk
	python3 Tests/BlackBox/network.py

# On the schema of a SuperTokens core, with a million sessions in it.
inplace: build
	python3 Tests/BlackBox/inplace.py

proof: schedules simulation same-token pairs killpoints cutreplies spin

trials: dependencies
	swift build -c release --product Trials $(SWIFT_FLAGS)

# 100,000 random schedules of simultaneous refreshes.
schedules: trials
	$(TRIALS) schedules

# 5,000 seeds of service and storage with faults, in one thread.
simulation: trials
	$(TRIALS) simulation

# E-01; ROUNDS=n for more: 64 callers present one refresh token at one moment.
same-token: trials
	$(TRIALS) same-token $(if $(ROUNDS),--rounds $(ROUNDS))

# E-02; ROUNDS=n for more: every pair of operations races on one session.
pairs: trials
	$(TRIALS) pairs $(if $(ROUNDS),--rounds $(ROUNDS))

# E-03: kill -9 at every named place, which only a debug build has.
killpoints: dependencies
	swift build --product tessera $(SWIFT_FLAGS)
	python3 Tests/BlackBox/killpoints.py

# E-08: replies that are cut after every byte.
cutreplies: build
	python3 Tests/BlackBox/cutreplies.py

# Every state of a small model of rotation.
spin:
	@scripts/install-dependencies spin gcc
	python3 Tests/Model/check.py

# Deletes each check of the engine's rotation in turn; too long for every change.
mutants: dependencies
	python3 Tests/Mutants/run.py

bench: build trials
	@scripts/install-dependencies wrk
	swift build -c release --product SDKBenchmark $(SWIFT_FLAGS)
	.build/release/SDKBenchmark
	python3 Benchmarks/bench.py
	python3 Benchmarks/postgres.py

check: dependencies
	scripts/check
	swift test $(SWIFT_FLAGS) --quiet --filter 'CatalogueTests|VersionMutationTests|VersionPageTests'

clean:
	rm -rf .build .venv-drivers .venv-schema
