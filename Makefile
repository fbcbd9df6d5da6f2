# The commands of this repository. Each one installs what it needs first; nothing starts or stops a system service.
#
#   make demo     builds, then plays a real day of air traffic through the whole pipeline
#   make test     everything: `check`, then every test, with real servers beside it
#   make check    fast: format, lints, dependency policy, unit tests, generated files
#   make bench    the duel with Kafka Streams and bare librdkafka: writes docs/BENCHMARKS.md; wants a quiet machine for two hours
#   make simulate the long search: 10,000 seeds of the pipeline on the broker's model, 2,000 for each bug planted to be found
#   make drill    1,000 kills, stops and cuts of `slipstream run` processes, of Kafka's nodes and of the ways between: docs/DRILLS.md

SHELL := /bin/bash
CACHE := $(or $(SLIPSTREAM_CACHE),$(HOME)/.cache/slipstream)
LOCAL := deploy/local
# In the cache and not in ~/.cargo: the version is ours to choose, whatever the machine has.
DENY_VERSION := 0.20.2
DENY := $(CACHE)/tools/bin/cargo-deny

# Properties are tried on new cases in every run; with the number that the run has printed, on the same ones again.
PROPTEST_RNG_SEED := $(or $(PROPTEST_RNG_SEED),$(shell od -An -N4 -tu4 /dev/urandom | tr -d ' '))
export PROPTEST_RNG_SEED

.PHONY: demo test check bench simulate drill
.DEFAULT_GOAL := check

demo:
	$(LOCAL)/install.sh build
	cargo build --release --bin slipstream
	@exec "$$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release/slipstream" demo

# One profile and one feature set, so that a clean clone compiles each crate once; tests last, so that their summary ends the log;
# all of them, because a run takes half an hour.
test: check
	$(LOCAL)/install.sh services
	$(LOCAL)/install.sh databases
	$(LOCAL)/with-services.sh cargo test --workspace --no-fail-fast

# `advisories` is left out: its database comes from a git host that an offline or fenced-off build machine cannot reach.
check: $(DENY)
	@echo "PROPTEST_RNG_SEED=$(PROPTEST_RNG_SEED)"
	$(LOCAL)/install.sh build
	cargo fmt --all --check
	$(DENY) --log-level error check licenses bans sources
	cargo clippy --workspace --all-targets --quiet -- -D warnings
	cargo test --workspace --quiet --lib --test tidy --test dependencies --test generated

# The broker's Java machine is set as Kafka's documentation has it ("Java version"): collections every few seconds, not every two.
bench: export KAFKA_HEAP_OPTS = -Xms6g -Xmx6g
bench: export KAFKA_JVM_PERFORMANCE_OPTS = -XX:MetaspaceSize=96m -XX:+UseG1GC -XX:MaxGCPauseMillis=20 \
	-XX:InitiatingHeapOccupancyPercent=35 -XX:G1HeapRegionSize=16M -XX:MinMetaspaceFreeRatio=50 -XX:MaxMetaspaceFreeRatio=80 \
	-XX:+ExplicitGCInvokesConcurrent
bench:
	$(LOCAL)/install.sh bench
	cargo build --release -p slipstream-streams --example aggregate
	cargo bench --no-run -p slipstream-streams --bench duel
	SERVICES=kafka taskset -c 0 $(LOCAL)/with-services.sh env DUEL_OUT=$(CURDIR)/docs \
		DUEL_STREAMS_JARS=$$($(LOCAL)/streams.sh jars) cargo bench -p slipstream-streams --bench duel

# Release, because it is the number of runs that counts. Remakes the list of the seeds that found the planted bugs.
simulate:
	$(LOCAL)/install.sh build
	UPDATE_FOUND=1 cargo test --release -p slipstream-streams --features model --test simulation -- --include-ignored --nocapture
	SEEDS=10000 cargo test --release --test simulation -- --nocapture

# The drills start nodes of their own: nothing needs to stand beside them.
drill:
	$(LOCAL)/install.sh services
	SERVICES= DRILL=500 SLIPSTREAM_TEST_KAFKA=own $(LOCAL)/with-services.sh cargo test --release --test drill -- --nocapture --test-threads 1

$(DENY):
	$(LOCAL)/install.sh build
	cargo install --locked --debug --root $(CACHE)/tools cargo-deny@$(DENY_VERSION)
