# The two that a user needs: `make run` and `make test`. Everything else is a part of the second, or `make proof`.

SWIFT_FLAGS = --traits PostgreSQL,OpenSSL --explicit-target-dependency-import-check error -Xswiftc -require-explicit-sendable
# The program that a user starts has the Swift libraries in it, so that it runs where Swift is not installed.
RELEASE_FLAGS = -c release --static-swift-stdlib $(SWIFT_FLAGS) $(LINK_FLAGS)
# On Linux it is linked small, has no path of this machine in it, and takes no library from the folder that it is in
# (docs/decisions/0036). Each function is a section of its own, so that those that nothing calls are left out.
ifeq ($(shell uname),Linux)
LINK_FLAGS = -Xcc -ffile-prefix-map=$(CURDIR)/= -Xswiftc -file-prefix-map -Xswiftc $(CURDIR)/= --disable-local-rpath \
    -Xswiftc -use-ld=lld -Xlinker --no-export-dynamic \
    -Xlinker --icf=all -Xswiftc -Xfrontend -Xswiftc -function-sections
endif
BINARY = .build/release/tessera
TRIALS = .build/release/Trials
CLUSTER = scripts/postgres-cluster
# So many tests at once: each of hundreds has its files open, and a process may have 1,024 of them on most machines.
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH = 32
ARGS ?=
# What is long is sampled by `make test` and whole in `make proof`, and when a target is called by its own name.
SAMPLE ?=
# `make test` builds each configuration once and then says so to its parts.
BUILT ?=
BUILD = $(if $(BUILT),@true,swift build)
# A part of the black box by its files; ARGS='-k finding_W7 --seed 5' for some of it. In `make test` nothing is skipped.
PYTEST = python3 -m pytest $(SAMPLE) $(if $(ROUNDS),--rounds $(ROUNDS)) $(ARGS)
BOX = Tests/BlackBox/test_
# Examples and benchmarks are packages of their own. The examples use the default traits, as an application does; the
# core with these traits is built beside them, from the same objects.
#
# EXAMPLES_SCRATCH=.build, as in CI, takes what they depend on from the build of the tests: a minute instead of four. Here
# it is apart, because the targets of this package would be compiled anew each time that the traits change.
EXAMPLES_SCRATCH ?= Examples/.build
SHARED_FLAGS = $(filter-out --traits PostgreSQL%,$(SWIFT_FLAGS))
EXAMPLES = $(if $(BUILT),@true,swift build --package-path Examples --scratch-path $(EXAMPLES_SCRATCH) $(SHARED_FLAGS))
DEFAULTS = swift build --scratch-path $(EXAMPLES_SCRATCH) $(SHARED_FLAGS)
export HELLO_SESSION = $(abspath $(EXAMPLES_SCRATCH))/debug/HelloSession
export REMOTE_APP = $(abspath $(EXAMPLES_SCRATCH))/debug/RemoteApp
export WEB_APP = $(abspath $(EXAMPLES_SCRATCH))/debug/WebApp
export NOTES = $(abspath $(EXAMPLES_SCRATCH))/debug/notes

.PHONY: beside admin client hello help run tutorial demo browser test quick defaults examples build dependencies unit docs readme drivers kill9 import restore hostile operation
.PHONY: allocations bench check clean dbsc doctor door signer failover inplace mass metrics network nodes postgres schema packages dist soak storm
.PHONY: proof sample trials schedules simulation follow sixty-periods same-token pairs session-limits killpoints cutreplies spin mutants devices feed feed-load events verify

help:
	@echo "make run     build the core and start it (make run ARGS='--port 4000')"
	@echo "make demo    start the example web application"
	@echo "make quick   the checks of the source and the tests of one process, for every change"
	@echo "make test    everything that has to hold, with the checks of the source; long trials as a sample"
	@echo "make proof   the whole of what tries to break it: races, kills, lost replies, attackers, models, real SDKs"
	@echo "make dist    a Debian package, a container image and a bill of materials"
	@echo "make bench   what a request costs on this machine"

dependencies:
	@scripts/install-dependencies

build: dependencies
	$(BUILD) --product tessera $(RELEASE_FLAGS)

PACKERS = dpkg-dev:dpkg-shlibdeps ca-certificates:update-ca-certificates

# The Debian package, the container image, the bill of materials and their checksums, in .build/dist.
dist: build
	@scripts/install-dependencies $(PACKERS)
	packaging/dist

# What of that holds, and an upgrade under load with no failed request; with ARGS on a real systemd too.
packages: build
	@scripts/install-dependencies $(PACKERS) lintian skopeo umoci man-db:man systemd:systemd-analyze procps:pgrep \
	    $(if $(SAMPLE),,debootstrap systemd-container:systemd-nspawn)
	$(PYTEST) $(BOX)upgrade.py $(BOX)dist.py $(BOX)static.py

run: build
	exec $(BINARY) serve $(ARGS)

demo: dependencies
	$(EXAMPLES) --product WebApp
	exec $(WEB_APP)

PARTS = readme packages metrics soak hello browser admin dbsc client drivers devices feed events verify signer beside kill9 import restore hostile door doctor storm operation allocations schema postgres schedules \
    simulation follow sixty-periods same-token pairs session-limits killpoints cutreplies spin

# One after the other: two builds, or two servers under load, disturb each other. Each part says how long it took.
test: check unit docs build trials defaults
	@for part in $(PARTS); do \
	    start=$$(date +%s); \
	    $(MAKE) --no-print-directory BUILT=1 SAMPLE='--quick --no-skips' $$part || exit 1; \
	    echo "== $$part: $$(($$(date +%s) - start)) s"; \
	done

proof: build trials examples
	swift build $(SWIFT_FLAGS)
	@for part in $(PARTS) tutorial feed-load; do \
	    start=$$(date +%s); \
	    $(MAKE) --no-print-directory BUILT=1 $$part || exit 1; \
	    echo "== $$part: $$(($$(date +%s) - start)) s"; \
	done

examples: dependencies
	$(EXAMPLES) --build-tests

# What the user of a package gets: the default traits, compiled for the examples and for the core. The examples are then
# what `browser`, `beside` and `sixty-periods` run, with their own tests; the core answers a request and says what it was built
# without.
defaults: examples
	swift test --skip-build --package-path Examples --scratch-path $(EXAMPLES_SCRATCH) $(SHARED_FLAGS) --quiet
	$(DEFAULTS) --product tessera
	scripts/check-default-traits $(EXAMPLES_SCRATCH)/debug/tessera

# Under two minutes on a warm tree: the checks of the source, and the tests that need no server, cluster or browser.
quick: dependencies
	scripts/check
	scripts/check-apple
	swift build --build-tests $(SWIFT_FLAGS)
	swift test --skip-build $(SWIFT_FLAGS) --quiet

unit: dependencies
	swift build --build-tests $(SWIFT_FLAGS)
	$(CLUSTER) swift test --skip-build $(SWIFT_FLAGS) --quiet

# The documentation of every public target; the pages are left in .build/docs.
docs: dependencies
	scripts/check-docs $(SWIFT_FLAGS)

# promtool and Prometheus read a running core, the alerts are tested; and a collector gets the traces of requests.
metrics: build
	@scripts/install-dependencies prometheus openssl curl
	$(PYTEST) $(BOX)metrics.py $(BOX)tracing.py

# Ten minutes at 70 % of what the machine can do: nothing grows, and a day of what was recorded fires no alert.
soak: build
	@scripts/install-dependencies prometheus
	$(PYTEST) $(BOX)soak.py

readme: build
	$(PYTEST) $(BOX)readme.py

# The example web application in headless Chromium; pictures are kept in .build/screenshots.
browser: dependencies
	$(EXAMPLES) --product WebApp
	$(PYTEST) $(filter-out %test_admin.py %test_dbsc.py,$(wildcard Tests/Browser/test_*.py))

# The admin page in headless Chromium: every function, by keyboard too, with checks of accessibility and pictures.
admin: build
	$(PYTEST) Tests/Browser/test_admin.py

# Chromium with a key in its device binds sessions, and a copied jar has none.
dbsc: build
	$(EXAMPLES) --product RemoteApp
	$(PYTEST) Tests/Browser/test_dbsc.py

# Processes that share a session of a client, are killed and stopped; the example against the demo application.
client: build
	$(EXAMPLES) --product notes
	$(EXAMPLES) --product WebApp
	$(PYTEST) $(BOX)client.py

drivers: build
	$(PYTEST) $(BOX)drivers.py

# Foreign SDKs fill the list of a user's devices; what its pages cost.
devices: build
	$(PYTEST) $(BOX)devices.py

# The feed of ended sessions reaches its readers through breaks of every kind.
feed: build
	$(PYTEST) $(BOX)feed.py

# Keys in another process: it is killed, stopped and asked by strangers under load, and its keys are nowhere else.
signer: build
	@scripts/install-dependencies softhsm2:softhsm2-util opensc:pkcs11-tool
	$(PYTEST) $(BOX)signer.py

# TESSERA_TEST_FEED=1 makes each core of any part have a reader of its feed, as in `make nodes TESSERA_TEST_FEED=1`.
export TESSERA_TEST_FEED

# Ten Swift servers at 20,000 verifications a second, a million entries, ten minutes of silence; for a machine that does
# nothing else.
feed-load: build
	swift build --package-path Benchmarks -c release --product FeedBenchmark
	$(PYTEST) $(BOX)feed_load.py

# Security events reach receivers that are slow, refuse or are away, through kills of cores.
events: build
	@scripts/install-dependencies openssl curl
	$(PYTEST) $(BOX)events.py

# The sidecar beside a real nginx and a real Caddy, by the recipes that docs/verify.md prints.
verify: build
	@scripts/install-dependencies nginx caddy openssl curl
	$(PYTEST) $(BOX)verify.py

# The Swift SDK and supertokens-python on one core.
beside: build
	$(EXAMPLES) --product RemoteApp
	$(PYTEST) $(BOX)beside.py

kill9: build
	$(PYTEST) $(BOX)kill9.py

import: build
	$(PYTEST) $(BOX)import.py

# A copy is put back; also on PostgreSQL.
restore: build
	$(PYTEST) $(BOX)restore.py
	$(CLUSTER) $(PYTEST) $(BOX)restore.py

hostile: build
	$(PYTEST) $(BOX)hostile.py $(BOX)starts.py $(BOX)disk.py

# What one operation allocates, against a budget.
allocations: build
	@scripts/install-dependencies gcc
	$(PYTEST) $(BOX)allocations.py

# The duties of an HTTP server on the open internet, byte by byte; and what many strangers at once can do.
door: build
	$(PYTEST) $(BOX)door_*.py

storm: build
	$(PYTEST) $(BOX)storm.py

# 100,000 sessions of one user end beside the refreshes of others, on both storages.
mass: build
	$(PYTEST) $(BOX)mass_revocation.py
	$(CLUSTER) $(PYTEST) $(BOX)mass_revocation.py

operation: build
	$(PYTEST) $(BOX)operation.py $(BOX)audit.py $(BOX)audit_chain.py $(BOX)keys.py $(BOX)folder.py $(BOX)operations_page.py \
	    $(BOX)extremes.py $(BOX)faults.py $(BOX)log.py

# 29 seeded faults of a set-up of sessions, and five good ones; top and bench.
doctor: build
	@scripts/install-dependencies openssl
	$(PYTEST) $(BOX)doctor.py $(BOX)tools.py

schema: build
	$(PYTEST) $(BOX)schema.py

# What only a database that many nodes share can get wrong, and the tests of before on it.
postgres: build nodes failover network inplace
	$(CLUSTER) $(PYTEST) $(BOX)drivers.py
	$(CLUSTER) $(PYTEST) $(BOX)kill9.py $(if $(SAMPLE)$(ROUNDS),,--rounds 8)
	$(CLUSTER) $(PYTEST) $(BOX)hostile.py $(BOX)starts.py $(BOX)disk.py $(BOX)operation.py $(BOX)audit.py $(BOX)keys.py
	$(CLUSTER) $(PYTEST) $(BOX)extremes.py

# E-01 and E-10, the number of statements, keys and apps of several nodes.
nodes: build trials
	$(PYTEST) $(BOX)nodes.py $(BOX)move.py

# E-04: the database stops under load, or its standby takes over.
failover: build
	$(PYTEST) $(BOX)failover.py

# E-11 and E-12: the network to the database breaks and slows down.
network: build
	@scripts/install-dependencies wrk
	$(PYTEST) $(BOX)network.py

# On the schema of a SuperTokens core, with a million sessions in it.
inplace: build
	$(PYTEST) $(BOX)inplace.py $(BOX)inplace_tables.py

trials: dependencies
	$(BUILD) --product Trials $(RELEASE_FLAGS)

# The example of the README: what is wrong at its start is one sentence.
hello: dependencies
	$(EXAMPLES) --product HelloSession
	$(PYTEST) $(BOX)hello.py

# The tutorial as it is printed, in a package of its own, from nothing; `make test` compiles and tests its files as examples.
tutorial: dependencies
	scripts/try-tutorial

# 100,000 lives of honest clients whose messages are lost, late and doubled.
schedules: trials
	$(TRIALS) schedules $(if $(SAMPLE),--rounds 20000)

# 5,000 seeds of service and storage with faults, in one thread.
simulation: trials
	$(TRIALS) simulation $(if $(SAMPLE),--rounds 1500)

# Attackers with a copy of a refresh token, by virtual time: the table of docs/decisions/0019.
follow: trials
	$(TRIALS) follow $(if $(SAMPLE),--rounds 100)

# The same for 60 periods against the unmodified programs, on a moved clock.
sixty-periods: build
	@scripts/install-dependencies gcc
	$(EXAMPLES) --product HelloSession
	$(EXAMPLES) --product RemoteApp
	$(PYTEST) $(BOX)follow.py

# E-01; ROUNDS=n for more: 64 callers present one refresh token at one moment.
same-token: trials
	$(TRIALS) same-token $(if $(ROUNDS),--rounds $(ROUNDS),$(if $(SAMPLE),--rounds 200))

# E-02; ROUNDS=n for more: every pair of operations races on one session.
pairs: trials
	$(TRIALS) pairs $(if $(ROUNDS),--rounds $(ROUNDS),$(if $(SAMPLE),--rounds 2000))

# 50 sign-ins of one user at once, with three sessions allowed, on SQLite and on two nodes of PostgreSQL.
session-limits: trials
	$(CLUSTER) $(TRIALS) session-limits $(if $(ROUNDS),--rounds $(ROUNDS),$(if $(SAMPLE),--rounds 10))

# E-03: kill -9 at every named place, which only a debug build has; in CI the one with the default traits.
killpoints: dependencies
	$(BUILD) --product tessera $(SWIFT_FLAGS)
	$(PYTEST) $(BOX)killpoints.py

# E-08: replies that are cut after every byte.
cutreplies: build
	$(PYTEST) $(BOX)cutreplies.py

# Every state of a small model of rotation.
spin:
	@scripts/install-dependencies spin gcc
	python3 Tests/Model/check.py $(filter --quick,$(SAMPLE))

# Deletes each check of the engine's rotation in turn; too long for every change.
mutants: dependencies
	python3 Tests/Mutants/run.py

# BESIDE=/path/to/tessera measures another release in the same rounds.
bench: build trials
	@scripts/install-dependencies wrk
	swift build --package-path Benchmarks -c release
	Benchmarks/.build/release/SDKBenchmark
	python3 Benchmarks/bench.py $(if $(BESIDE),--beside $(BESIDE))
	python3 Benchmarks/postgres.py

# By itself it also runs the tests that guard the versions, and builds and runs the default traits; `make test` does both
# with all others.
check: dependencies $(if $(filter test,$(MAKECMDGOALS)),,defaults)
	scripts/check
	scripts/check-apple
	$(if $(filter test,$(MAKECMDGOALS)),@true,swift test) $(SWIFT_FLAGS) --quiet --filter 'CatalogueTests|VersionMutationTests|VersionPageTests'

clean:
	rm -rf .build Examples/.build Benchmarks/.build .venv-drivers .venv-schema
