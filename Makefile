# A target for everything that is built, checked or shown. A change must pass `make test`. The workflows in .github run `make test` on the
# newest and on the oldest Kubernetes, and `make e2e` on kind.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test lint sentences audit site release-check release-notes release-compare release-readable publish generate schemas snapshots picture assets bench figures soak oracle fuzz image plugin e2e e2e-gcp e2e-node node release build unit drift deny docs dashboards-preview

CARGO := cargo
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/atto-signer-operator
DENY_VERSION := 0.20.2
DENY_ROOT := $(CACHE)/tools/cargo-deny-$(DENY_VERSION)
DENY := $(DENY_ROOT)/bin/cargo-deny
ADVISORIES := https://github.com/RustSec/advisory-db
MDBOOK_VERSION := 0.5.4
MDBOOK_ROOT := $(CACHE)/tools/mdbook-$(MDBOOK_VERSION)
MDBOOK := $(MDBOOK_ROOT)/bin/mdbook
FUZZ_VERSION := 0.13.2
FUZZ_ROOT := $(CACHE)/tools/cargo-fuzz-$(FUZZ_VERSION)
FUZZ := $(FUZZ_ROOT)/bin/cargo-fuzz
FUZZ_TARGETS := block vote challenge public_key signature audit policy token_file metadata vault
FUZZ_SECONDS := 60
ZIG_VERSION := $(shell sed -n 's/^ziglang==\([^ ]*\).*/\1/p' release/zig.txt)
ZIG_ROOT := $(CACHE)/tools/zig-$(ZIG_VERSION)
ZIG := $(ZIG_ROOT)/ziglang/zig
ZIGBUILD_VERSION := 0.24.1
ZIGBUILD_ROOT := $(CACHE)/tools/cargo-zigbuild-$(ZIGBUILD_VERSION)
ZIGBUILD := $(ZIGBUILD_ROOT)/bin/cargo-zigbuild
CYCLONEDX_VERSION := 0.5.9
CYCLONEDX_ROOT := $(CACHE)/tools/cargo-cyclonedx-$(CYCLONEDX_VERSION)
CYCLONEDX := $(CYCLONEDX_ROOT)/bin/cargo-cyclonedx
IMAGE_REPOSITORY := ghcr.io/attocash/signer-operator
IMAGE_ARCHITECTURES := amd64 arm64
OWN_ARCHITECTURE := $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,amd64)
MUSL_amd64 := x86_64-unknown-linux-musl
MUSL_arm64 := aarch64-unknown-linux-musl

# The name by which kubectl finds the plugin.
PLUGIN := kubectl-atto_signer
# Without these, the programs would contain local paths, and two builds would differ.
IMAGE_RUSTFLAGS = --remap-path-prefix=$(CURDIR)=/src --remap-path-prefix=$(CARGO_HOME_DIRECTORY)=/cargo
IMAGE_CFLAGS = -ffile-prefix-map=$(CURDIR)=/src -ffile-prefix-map=$(CARGO_HOME_DIRECTORY)=/cargo
CARGO_HOME_DIRECTORY = $(or $(CARGO_HOME),$(HOME)/.cargo)
STATIC_PROGRAMS = $${CARGO_TARGET_DIR:-target}/$(MUSL_$(OWN_ARCHITECTURE))/release
E2E_PROGRAMS ?=
NODE_PROGRAMS := /usr/bin/containerd /usr/bin/ctr /usr/sbin/runc /usr/lib/cni/bridge /usr/sbin/iptables /usr/sbin/conntrack /usr/sbin/ipset
PROMETHEUS_ROOT := $(CACHE)/tools/prometheus-debian
PROMETHEUS := $(PROMETHEUS_ROOT)/usr/bin/prometheus
CHROMIUM := /usr/bin/chromium
# The version of Kubernetes that tests and demo run on. Empty means the newest supported one.
KUBERNETES ?=
export KUBERNETES
OLDEST_KUBERNETES := 1.30
# Tests of features that the oldest version lacks are in modules named from_kubernetes_1_…: on the oldest version, `make unit` leaves them
# out and says so.
NOT_ON_OLDEST := from_kubernetes_
LEFT_OUT = $(if $(filter $(OLDEST_KUBERNETES),$(KUBERNETES)),--skip $(NOT_ON_OLDEST))
BENCH :=
BENCH_STEADY_SECONDS := 120
# One for current clusters, and one for clusters without MutatingAdmissionPolicies.
INSTALL := charts/install.yaml charts/install-$(OLDEST_KUBERNETES).yaml
GENERATED := Dockerfile Makefile README.md CONTRIBUTING.md .github/workflows/test.yaml charts/signer-operator/Chart.yaml \
  charts/signer-operator/templates/_guard-creation.tpl \
  docs/src/introduction.md docs/src/tutorial.md docs/src/operations/install.md docs/src/operations/supported-versions.md \
  docs/src/operations/upgrade.md docs/src/operations/verify.md docs/src/how-to/change-the-key.md \
  examples/gitops/argo-cd/operator.yaml examples/gitops/flux/operator.yaml \
  crds/signerbindings.yaml charts/signer-operator/files/signerbindings.yaml charts/signer-operator/README.md charts/signer-operator/README.md.gotmpl $(INSTALL) \
  docs/src/explanation/comparison.md docs/src/explanation/why-429.md docs/src/explanation/the-guard.md docs/src/operations/sizing-and-cost.md \
  docs/src/operations/running.md examples/kustomize-operator/kustomization.yaml \
  $(addprefix docs/src/reference/,conditions.md events.md exit-codes.md metrics.md kubectl-plugin.md operator-commands.md signer-settings.md signerbinding.md)

# On a terminal, descriptions are wrapped to its width; elsewhere each target is one line.
help: ## List every target
	@width=0; if [ -t 1 ]; then width="$$(tput cols || echo 80)"; fi; \
	awk -F ':.*## ' -v width="$$width" '/^[a-z0-9-]+:.*## / { \
		line = sprintf("  make %-18s", $$1); count = split($$2, words, " "); \
		for (at = 1; at <= count; at++) { \
			if (width && at > 1 && length(line) + 1 + length(words[at]) > width) { print line; line = sprintf("%25s", "") } \
			line = line " " words[at] \
		} \
		print line \
	}' $(firstword $(MAKEFILE_LIST))

# Builds the programs of the whole workspace and starts one by its path: with other features, cargo would build all crates twice.
demo: ## Show operator and signer at work on a real API server, step by step (DEMO_KUBECONFIG=file: on that cluster)
	@echo '== cargo build'
	@$(CARGO) build --quiet --locked --workspace --bin demo --bin operator --bin signer
	@"$${CARGO_TARGET_DIR:-target}"/debug/demo

# The parts run one after the other, even after a failure. The last lines list the failures.
TEST_PARTS := lint drift docs unit demo
FAILED_TESTS = $${CARGO_TARGET_DIR:-target}/failed-tests.txt
test: ## Check everything: lint, drift of generated files, the documentation site, all tests, the demo; the last lines list failures (KUBERNETES=1.30: on the oldest supported version; also for unit and demo)
	@rm -f "$(FAILED_TESTS)"; failed=; \
	for part in $(TEST_PARTS); do $(MAKE) --no-print-directory $$part || failed+=" $$part"; done; \
	if [ -z "$$failed" ]; then exit 0; fi; \
	echo "== failed: make$$failed" >&2; cat "$(FAILED_TESTS)" >&2 2>/dev/null || true; exit 1

lint: deny ## Format, clippy with warnings as errors, licences and sources of dependencies, rules for modules, the workflows, words
	@echo '== cargo fmt'
	@$(CARGO) fmt --all --check
	@echo '== cargo clippy'
	@$(CARGO) clippy --quiet --locked --workspace --all-targets -- -D warnings
	@echo '== shape'
	@$(CARGO) run --quiet --locked --package tests --bin shape
	@echo '== workflows'
	@$(CARGO) run --quiet --locked --package tests --bin workflows
	@echo '== words'
	@$(CARGO) run --quiet --locked --package tests --bin words

SEED := 7
sentences: ## Print 100 random sentences of every kind of text, to judge by the rules of CONTRIBUTING.md (SEED=7: others)
	@$(CARGO) run --quiet --locked --package tests --bin words -- sample --seed $(SEED)

generate: ## Update the generated files from the code
	@$(CARGO) run --quiet --locked --package crds --bin crdgen
	@$(CARGO) run --quiet --locked --package tests --bin generate

schemas: ## Update kubeconform's schemas from a real API server (a test fails when they are out of date)
	@$(CARGO) run --quiet --locked --package tests --bin generate schemas

snapshots: ## Update the snapshots that the chart is compared with; check the difference before you commit it
	@$(CARGO) run --quiet --locked --package tests --bin generate snapshots

PICTURES := architecture roles

DASHBOARDS := $(wildcard charts/signer-operator/files/dashboards/*.json)
DASHBOARDS_DRAWN := docs/dashboards.sha256

# The last line of each picture has the checksum of its sources, so that `make drift` detects an outdated picture without Graphviz.
picture: ## Draw the diagrams of the documentation from docs/*.dot and docs/architecture.css (needs Graphviz)
	@command -v dot >/dev/null || { echo 'the pictures are drawn by Graphviz: apt-get install graphviz' >&2; exit 1; }
	@for picture in $(PICTURES); do \
	  sum="$$(cat docs/$$picture.dot docs/architecture.css | sha256sum | cut -d' ' -f1)"; drawn=docs/src/images/$$picture.svg; \
	  if grep -qs "$$sum" $$drawn; then continue; fi; \
	  dot -Tsvg docs/$$picture.dot | sed -e '/^<!/d' -e '/^ "http.*svg11.dtd">$$/d' -e '/^ -->$$/d' \
	    -e 's/fill="transparent"/fill="none"/' \
	    -e '/^ viewBox/{' -e 'a <style>' -e 'r docs/architecture.css' -e 'a </style>' -e '}' >$$drawn; \
	  echo "<!-- sha256 of its sources: $$sum -->" >>$$drawn; \
	done

assets: ## Download or build the pinned Kubernetes programs, Helm, chart checkers and promtool into the cache, if they are missing (PREBUILT=no: build all)
	@$(CARGO) run --quiet --locked --package tests --bin assets

# Builds the programs of the whole workspace and starts one by its path: `cargo run` would use other features and build all crates again.
bench figures e2e e2e-gcp: IMAGE_ARCHITECTURES := $(OWN_ARCHITECTURE)
bench: assets $(if $(filter pods,$(BENCH)),image e2e-node) ## Measure speed and memory, printed as tables (BENCH=signer, tail, backends, operator, scale, growth, guard or pods; BENCH_STEADY_SECONDS=120: how long the steady state is watched)
	@echo '== cargo build --release'
	@$(CARGO) build --quiet --locked --release --workspace --bin bench --bin counted --bin operator --bin signer --bin voter --bin google
	@BENCH_STEADY_SECONDS=$(BENCH_STEADY_SECONDS) E2E_PROGRAMS="$(STATIC_PROGRAMS)" \
	  "$${CARGO_TARGET_DIR:-target}"/release/bench $(BENCH)

FIGURES :=
figures: assets $(if $(and $(FIGURES),$(if $(filter pods,$(FIGURES)),,others)),,image e2e-node) ## Measure the figures of README and pages at this commit, and write them into docs/figures.json and the pages (an hour; FIGURES='signer scale': only these parts, the others keep their figures and commits)
	@echo '== cargo build --release'
	@$(CARGO) build --quiet --locked --release --workspace --bin bench --bin counted --bin operator --bin signer --bin kubectl-atto_signer --bin voter --bin google --bin soak --bin figures
	@E2E_PROGRAMS="$(STATIC_PROGRAMS)" "$${CARGO_TARGET_DIR:-target}"/release/figures $(FIGURES)

soak: ## Test the signer with slow, silent and absent KMS, floods, SIGTERM and 30,000 random schedules; fails if a target is missed (7 minutes after a release build; SOAK=slow, silent, identical, outage, backends, overhead, flood, termination or schedules: only that part)
	@echo '== cargo build --release'
	@$(CARGO) build --quiet --locked --release --workspace --bin signer --bin soak
	@"$${CARGO_TARGET_DIR:-target}"/release/soak $(SOAK)

oracle: ## Compare 12,000 random signatures with those of Atto's own library (needs Node.js and npm; 500 of them are in `make test`)
	@$(CARGO) run --quiet --locked --package tests --bin oracle

# Without a sanitizer, the pinned compiler is sufficient: the fuzzed code is safe Rust. The corpus grows in signer/fuzz/corpus.
fuzz: $(FUZZ) ## Fuzz every decoder of received data, a minute each (FUZZ_SECONDS=60; needs a C++ compiler)
	@command -v c++ >/dev/null || { echo 'libFuzzer is built with a C++ compiler: install g++ or clang' >&2; exit 1; }
	@$(CARGO) fetch --quiet --locked --manifest-path signer/fuzz/Cargo.toml
	@for target in $(FUZZ_TARGETS); do \
	  echo "== fuzzing $$target for $(FUZZ_SECONDS) s"; \
	  mkdir -p signer/fuzz/corpus/$$target; \
	  PATH="$(FUZZ_ROOT)/bin:$$PATH" $(CARGO) fuzz run --fuzz-dir signer/fuzz --sanitizer none $$target \
	    signer/fuzz/corpus/$$target signer/fuzz/seeds/$$target -- \
	    -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -timeout=5 -verbosity=0 -print_funcs=0 -print_final_stats=1; \
	done

$(FUZZ):
	@echo '== building cargo-fuzz $(FUZZ_VERSION), once'
	@$(CARGO) install --quiet --locked --root $(FUZZ_ROOT) cargo-fuzz@$(FUZZ_VERSION)

# A release build for $$target, in a recipe.
ZIGBUILD_RELEASE = export CFLAGS_$${target//-/_}="$(IMAGE_CFLAGS)"; \
	  RUSTFLAGS="$(IMAGE_RUSTFLAGS)" CARGO_ZIGBUILD_ZIG_PATH="$(ZIG)" PATH="$(ZIGBUILD_ROOT)/bin:$$PATH" \
	  $(CARGO) zigbuild --quiet --locked --release --target $$target

# Zig is a C compiler and linker for every musl target in one package, so that any Linux can build the images.
image: $(ZIG) $(ZIGBUILD) ## Build both images for amd64 and arm64 into dist/images, without a daemon (IMAGE_ARCHITECTURES=amd64; needs python3 with pip)
	@rustup target add $(foreach architecture,$(IMAGE_ARCHITECTURES),$(MUSL_$(architecture))) 2>/dev/null
	@for target in $(foreach architecture,$(IMAGE_ARCHITECTURES),$(MUSL_$(architecture))); do \
	  echo "== cargo zigbuild --release --target $$target"; \
	  $(ZIGBUILD_RELEASE) --package operator --package signer --bin operator --bin signer; \
	done
	@rm -rf dist/images
	@$(CARGO) run --quiet --locked --package tests --bin image -- --out dist/images --repository $(IMAGE_REPOSITORY) \
	  --revision "$$(git describe --always --abbrev=40 --dirty --exclude='*')" --epoch "$$(git log -1 --format=%ct)" \
	  $(foreach architecture,$(IMAGE_ARCHITECTURES),--programs "$(architecture)=$${CARGO_TARGET_DIR:-target}/$(MUSL_$(architecture))/release")

# A build for macOS needs Apple's frameworks to link, so its target is only checked here.
PLUGIN_WINDOWS := x86_64-pc-windows-gnu
PLUGIN_MACOS := aarch64-apple-darwin
PLUGIN_TARGETS := $(MUSL_amd64) $(MUSL_arm64) $(PLUGIN_WINDOWS)
plugin: $(ZIG) $(ZIGBUILD) ## Build the kubectl plugin for Linux and Windows into dist/plugin with the manifest of krew, and check that it and the programs of the demo compile for macOS
	@rustup target add $(PLUGIN_TARGETS) $(PLUGIN_MACOS) 2>/dev/null
	@for target in $(PLUGIN_TARGETS); do \
	  echo "== cargo zigbuild --release --target $$target"; \
	  $(ZIGBUILD_RELEASE) --package operator --bin $(PLUGIN); \
	done
	@echo '== cargo check --target $(PLUGIN_MACOS)'
	@CARGO_ZIGBUILD_ZIG_PATH="$(ZIG)" $(ZIGBUILD) check --quiet --locked --target $(PLUGIN_MACOS) \
	  --package operator --package signer --package tests --bin $(PLUGIN) --bin operator --bin signer --bin demo
	@rm -rf dist/plugin
	@targets="$${CARGO_TARGET_DIR:-target}"; $(CARGO) run --quiet --locked --package tests --bin plugin -- --out dist/plugin \
	  --epoch "$$(git log -1 --format=%ct)" --program "linux/amd64=$$targets/$(MUSL_amd64)/release/$(PLUGIN)" \
	  --program "linux/arm64=$$targets/$(MUSL_arm64)/release/$(PLUGIN)" \
	  --program "windows/amd64=$$targets/$(PLUGIN_WINDOWS)/release/$(PLUGIN).exe"
	@ls dist/plugin

# Runs on the cluster of KUBECONFIG, if it is set: E2E_LOAD then uploads the images. Otherwise on a cluster that kind creates
# (E2E_KIND_IMAGE), if Docker and kind are installed. Otherwise on two nodes on this computer, as root. E2E_PROGRAMS=target/debug uses
# these programs instead of the images' programs, with any libraries that they need, and builds no images.
e2e: build assets e2e-node $(if $(E2E_PROGRAMS),,image) ## From helm install to a voter that signs, on real pods: on KUBECONFIG's cluster, on kind, or on two Kubernetes nodes on this computer, as root (6 minutes after the images' build)
	@E2E_PROGRAMS="$(or $(E2E_PROGRAMS),$(STATIC_PROGRAMS))" "$${CARGO_TARGET_DIR:-target}"/debug/e2e

e2e-gcp: build assets $(if $(E2E_PROGRAMS),,image) ## The same with Google Cloud KMS itself: KUBECONFIG, E2E_LOAD, E2E_REPOSITORY, E2E_GCP_KEY_VERSION, E2E_GCP_SERVICE_ACCOUNT
	@E2E_PROGRAMS="$(or $(E2E_PROGRAMS),$(STATIC_PROGRAMS))" "$${CARGO_TARGET_DIR:-target}"/debug/e2e gcp

node: build assets $(NODE_PROGRAMS) ## A cluster of two nodes with real pods on this computer, for trials, until Ctrl-C; as root
	@"$${CARGO_TARGET_DIR:-target}"/debug/e2e node

e2e-node: $(if $(or $(KUBECONFIG),$(shell command -v kind)),,$(NODE_PROGRAMS))

$(NODE_PROGRAMS):
	@echo '== installing containerd and what it needs, once'
	@apt-get install --yes --quiet --no-install-recommends containerd runc containernetworking-plugins iptables ipset conntrack iproute2 procps >/dev/null

dashboards-preview: build assets $(PROMETHEUS) $(CHROMIUM) ## Draw the dashboards for the docs, from a run of three minutes that Prometheus reads (on Debian; Chromium is installed as root)
	@PROMETHEUS="$(PROMETHEUS)" "$${CARGO_TARGET_DIR:-target}"/debug/preview
	@sha256sum $(DASHBOARDS) >$(DASHBOARDS_DRAWN)

# Unpacked without installation, because the package would start a service.
$(PROMETHEUS):
	@echo '== fetching Prometheus of Debian, once'
	@mkdir -p $(PROMETHEUS_ROOT)
	@cd $(PROMETHEUS_ROOT) && apt-get download --quiet --option APT::Sandbox::User=root prometheus >/dev/null && dpkg-deb --extract prometheus_*.deb . && rm prometheus_*.deb

$(CHROMIUM):
	@echo '== installing Chromium, once'
	@apt-get install --yes --quiet --no-install-recommends chromium fonts-dejavu-core >/dev/null

# All files of a release, in dist/release: programs, images, chart, bills of material, checksums.
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
release: image plugin $(CYCLONEDX) assets ## Programs, images, chart, install.yaml and that of the oldest Kubernetes, bills of material (CycloneDX) and checksums of this version, into dist/release
	@rm -rf dist/release && mkdir -p dist/release
	@for architecture in $(IMAGE_ARCHITECTURES); do \
	  case $$architecture in amd64) target=$(MUSL_amd64) ;; *) target=$(MUSL_arm64) ;; esac; \
	  for program in operator signer; do \
	    cp "$${CARGO_TARGET_DIR:-target}/$$target/release/$$program" "dist/release/$$program-$(VERSION)-linux-$$architecture"; \
	  done; \
	done
	@cp dist/images/* dist/release
	@cp dist/plugin/* dist/release
	@for architecture in $(IMAGE_ARCHITECTURES); do \
	  case $$architecture in amd64) target=$(MUSL_amd64) ;; *) target=$(MUSL_arm64) ;; esac; \
	  SOURCE_DATE_EPOCH="$$(git log -1 --format=%ct)" PATH="$(CYCLONEDX_ROOT)/bin:$$PATH" $(CARGO) cyclonedx --quiet \
	    --format json --spec-version 1.5 --target $$target; \
	  for program in operator signer; do \
	    sed 's#$(CURDIR)#/src#g' "$$program/$$program.cdx.json" >"dist/release/$$program-$(VERSION)-linux-$$architecture.cdx.json"; \
	  done; \
	done
	@rm -f {crds,operator,signer,tests}/*.cdx.json
	@HELM="$$($(CARGO) run --quiet --locked --package tests --bin assets | grep '/helm$$')" \
	  release/pin.sh dist/release $(VERSION) "$$(git log -1 --format=%ct)"
	@cd dist/release && sha256sum -- * >SHA256SUMS && cat SHA256SUMS

# Further targets that the release workflow runs.
release-check: ## Fail if the version to be released (TAG=v0.1.0) is not that of the sources, has nothing in the changelog, or the chart does not say whether it is a pre-release
	@[ "$${TAG:-}" = "v$(VERSION)" ] || { echo "TAG: found '$${TAG:-}', expected v$(VERSION), the version of Cargo.toml. Tag the commit that has the version, or change the version first." >&2; exit 1; }
	@$(MAKE) --no-print-directory --silent release-notes >/dev/null
	@case $(VERSION) in *-*) pre=true ;; *) pre=false ;; esac; \
	grep --quiet "artifacthub.io/prerelease: \"$$pre\"" charts/signer-operator/Chart.yaml || { echo "charts/signer-operator/Chart.yaml: expected artifacthub.io/prerelease: \"$$pre\" for version $(VERSION)." >&2; exit 1; }

release-notes: ## Print the entry of this version in CHANGELOG.md
	@awk -v version=$(VERSION) -f release/notes.awk CHANGELOG.md

release-compare: ## Fail if another build of this version (AGAIN=its SHA256SUMS) has other bytes than dist/release
	@diff --unified dist/release/SHA256SUMS "$(AGAIN)" || { \
	  echo 'SHA256SUMS: found another sum in the second build, expected the same bytes. Publish nothing, and look for what depends on the machine.' >&2; exit 1; }
	@echo 'both builds are the same bytes'

release-readable: ## Fail if a person without a login cannot read the published images and the chart (IMAGE_REPOSITORY)
	@CRANE=$(PUBLISH_TOOLS)/crane release/readable.sh dist/release $(IMAGE_REPOSITORY)

# Built here instead of by the test harness, so that as little code as possible runs where a release is signed.
PUBLISH_TOOLS := $(CACHE)/tools/publish
publish: ## Push images and chart of dist/release to IMAGE_REPOSITORY, and sign them and the files (SIGN_WITH='--key cosign.key'; REGISTRY_USER, REGISTRY_PASSWORD)
	@for module in crane cosign helm; do \
	  (cd tests/$$module && CGO_ENABLED=0 GOWORK=off GOTOOLCHAIN=local go build -trimpath -o $(PUBLISH_TOOLS)/ tool); \
	done
	@CRANE=$(PUBLISH_TOOLS)/crane COSIGN=$(PUBLISH_TOOLS)/cosign HELM=$(PUBLISH_TOOLS)/helm release/publish.sh dist/release $(IMAGE_REPOSITORY)

$(CYCLONEDX):
	@echo '== building cargo-cyclonedx $(CYCLONEDX_VERSION), once'
	@$(CARGO) install --quiet --locked --root $(CYCLONEDX_ROOT) cargo-cyclonedx@$(CYCLONEDX_VERSION)

$(ZIG):
	@echo '== installing Zig $(ZIG_VERSION), once'
	@python3 -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
	  --target $(ZIG_ROOT) --requirement release/zig.txt

$(ZIGBUILD):
	@echo '== building cargo-zigbuild $(ZIGBUILD_VERSION), once'
	@$(CARGO) install --quiet --locked --root $(ZIGBUILD_ROOT) cargo-zigbuild@$(ZIGBUILD_VERSION)

build: ## Build all crates, debug
	@echo '== cargo build'
	@$(CARGO) build --quiet --locked --workspace

# Tests that wait more than they compute run in parallel with the others, because they would leave two cores idle. The pages of the
# documentation take long and mostly wait, so they run in parallel too.
WAITING_TESTS := aws federation kms_credentials kms_faults kms_panic operator_identity operator_leader operator_outages \
  operator_quiet operator_rollout operator_takeover operator_truth operator_watches promises vault
ALL_TESTS = $(sort $(basename $(notdir $(wildcard */tests/*.rs))) $(notdir $(patsubst %/main.rs,%,$(wildcard */tests/*/main.rs))))
OTHER_TESTS = $(filter-out $(WAITING_TESTS),$(ALL_TESTS))
RUN_TESTS = $(CARGO) test --quiet --locked --workspace --no-fail-fast

unit: build assets ## All tests, without lint and demo
	@echo '== cargo test$(if $(KUBERNETES), on Kubernetes $(KUBERNETES))'
	@if [ -n '$(LEFT_OUT)' ]; then echo 'left out, because Kubernetes $(KUBERNETES) lacks what they test:'; grep -rl 'mod $(NOT_ON_OLDEST)' tests/tests; fi
	@$(CARGO) test --quiet --locked --workspace --no-run
	@said="$$(mktemp -d)"; trap 'rm -rf "$$said"' EXIT; failed=0; \
	$(RUN_TESTS) --test docs_commands pages:: >"$$said/pages" 2>&1 & pages=$$!; \
	$(RUN_TESTS) $(WAITING_TESTS:%=--test %) -- $(LEFT_OUT) >"$$said/waiting" 2>&1 & waiting=$$!; \
	$(RUN_TESTS) --doc 2>&1 | tee "$$said/documented" || failed=1; \
	$(RUN_TESTS) --lib --bins $(OTHER_TESTS:%=--test %) -- --skip pages:: $(LEFT_OUT) 2>&1 | tee "$$said/others" || failed=1; \
	for part in pages waiting; do wait $${!part} || failed=1; cat "$$said/$$part"; done; \
	awk -f tests/failed-tests.awk "$$said"/* >"$(FAILED_TESTS)"; \
	if [ $$failed -ne 0 ]; then echo '== failed tests' >&2; cat "$(FAILED_TESTS)" >&2; fi; exit $$failed

drift: ## Fail if a generated file is not what the code generates
	@echo '== generated files'
	@before=$$(sha256sum $(GENERATED)); $(MAKE) --no-print-directory generate >/dev/null; \
	if [ "$$before" != "$$(sha256sum $(GENERATED))" ]; then \
	  git --no-pager diff --stat -- $(GENERATED); \
	  echo 'generated files were out of date; they are written again: check them and commit them' >&2; exit 1; \
	fi
	@for picture in $(PICTURES); do \
	  drawn=docs/src/images/$$picture.svg; \
	  tail -n 1 $$drawn | grep -q "$$(cat docs/$$picture.dot docs/architecture.css | sha256sum | cut -d' ' -f1)" || { \
	  echo "$$drawn is not of docs/$$picture.dot and docs/architecture.css: draw it with make picture, check it and commit it" >&2; exit 1; }; \
	done
	@sha256sum --check --quiet $(DASHBOARDS_DRAWN) || { \
	  echo 'the pictures of the dashboards are of other ones: draw them with make dashboards-preview, check them and commit them' >&2; exit 1; }
	@$(CARGO) update --quiet --workspace --locked --manifest-path signer/fuzz/Cargo.toml || { \
	  echo 'signer/fuzz/Cargo.lock is not of these dependencies: cargo update --workspace --manifest-path signer/fuzz/Cargo.toml, and commit it' >&2; exit 1; }

# At this log level, each line that mdbook prints is about a defect of a page.
docs: $(MDBOOK) ## Build the documentation site into target/book; fails on any warning
	@echo '== mdbook build'
	@said="$$(MDBOOK_LOG=warn $(MDBOOK) build docs 2>&1)" || { echo "$$said" >&2; exit 1; }; \
	if [ -n "$$said" ]; then echo "$$said" >&2; exit 1; fi

site: docs ## The documentation of this state and of each released version, as it is published, into target/site
	@MDBOOK=$(MDBOOK) release/site.sh target/site

$(MDBOOK):
	@echo '== building mdbook $(MDBOOK_VERSION), once'
	@$(CARGO) install --quiet --locked --no-default-features --features search --root $(MDBOOK_ROOT) mdbook@$(MDBOOK_VERSION)

# Licences, bans and sources need only the lock file. Advisories need a database that some networks cannot reach.
deny: $(DENY) ## Licences, bans and sources of all dependencies; advisories where their database is reached
	@echo '== cargo deny'
	@if GIT_TERMINAL_PROMPT=0 timeout 20 git ls-remote --exit-code $(ADVISORIES) HEAD >/dev/null 2>&1; then \
	  $(DENY) --log-level error check --hide-inclusion-graph advisories bans licenses sources; \
	else \
	  echo 'advisories: not checked, $(ADVISORIES) cannot be reached'; \
	  $(DENY) --log-level error check --hide-inclusion-graph bans licenses sources; \
	fi

audit: $(DENY) ## Security advisories of all dependencies, those of the fuzz targets too; fails where their database is not reached
	@for manifest in Cargo.toml signer/fuzz/Cargo.toml; do \
	  echo "== cargo deny check advisories ($$manifest)"; \
	  $(DENY) --log-level error --manifest-path $$manifest check --config deny.toml --hide-inclusion-graph advisories; \
	done

$(DENY):
	@echo '== building cargo-deny $(DENY_VERSION), once'
	@$(CARGO) install --quiet --locked --root $(DENY_ROOT) cargo-deny@$(DENY_VERSION)
