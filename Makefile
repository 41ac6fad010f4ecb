# Targets of Holdfast. `make` alone lists them.

GO      ?= go
PKGS    := ./...
TESTS   := ./...
FUZZ    ?= 20s
# These play thousands of made-up courses, and are pure: the race detector makes them take eight times as long and has
# nothing to find. With -short, certs and evaluator leave what is long under it to a run without.
PURE    := evaluator/lifecycle evaluator/analysis/evidence internal/route webhook/deployment/intent
# The packages of test-e2e that take minutes begin first, those on clusters of their own in turn with those on the shared one.
LONG    := $(addprefix ./,install e2e/outages e2e/judge e2e/shapes oracle e2e/tenants e2e/clients e2e/footprint e2e/neighbours e2e/certmanager)
# Of make oracle; ORACLE has more of its flags, for example -cluster=$PWD/.cluster.
# CHAOS has those of make chaos, for example "-rounds=3 -only=etcd".
N       ?= 200
SEED    ?= 1
ORACLE  ?=
RUNS    ?= 20
JUDGE   ?=
# SCALE has those of make bench-scale, for example "-n=100,1000 -interval=30s -profile=$PWD/profiles", or "-beside=argo-rollouts,flagger".
SCALE   ?=
# PROBE has those of make bench-probe.
PROBE   ?=
SOAK    ?= 1h
CHAOS   ?=
CLUSTER := $(GO) run -C test ./cluster/cmd/testcluster
GEN     := $(GO) tool -modfile=tools/generate/go.mod controller-gen
# The race detector needs a C compiler; without one the tests run without it.
RACE    := $(if $(shell command -v gcc),-race)
# What the image is called, where govulncheck looks (a folder is file:///path, docs/how-to/vulnerabilities.md), and
# where the archives of the plugin will be found, for the manifest of krew.
VERSION ?= $(shell sed -n 's/^appVersion: //p' manifests/chart/holdfast/Chart.yaml)
PLUGINURL ?= https://example.com/holdfast/$(VERSION)
VULNDB  ?= https://vuln.go.dev
LINT    := $(GO) tool -modfile=$(CURDIR)/tools/lint/go.mod golangci-lint

.DEFAULT_GOAL := help
.PHONY: help plugin demo up down test test-unit test-e2e test-long test-gitops oracle oracle-routes soak-traffic chaos fuzz bench bench-judge bench-probe bench-scale soak-page soak-probe test-backends test-page test-istio generate vet lint verify build hostile image vulncheck test-image

help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## See a good update released and a bad one reverted, and shares of a real gateway's requests (KEEP=1 leaves it up; PART=1, PART=2; PROBE=1 without Prometheus)
	@$(GO) run -C test ./demo $(if $(KEEP),--keep) $(if $(PART),--part=$(PART)) $(if $(PROBE),--probe)

up: ## Start the test cluster with Holdfast installed; KUBECONFIG=.cluster/kubeconfig
	@$(CLUSTER) up --dir $(CURDIR)/.cluster --install $(CURDIR)/manifests/overlays/test

down: ## Stop the test cluster and remove every trace of it
	@$(CLUSTER) down --dir $(CURDIR)/.cluster

test: test-unit test-image test-e2e test-gitops test-page ## Run all tests

test-unit: ## Run the tests that need no cluster (some minutes)
	$(GO) test $(RACE) -short -timeout 25m $$($(GO) list $(PKGS) | grep -v $(addprefix -e ,$(addsuffix $$,$(PURE))))
	$(GO) test $(addprefix ./,$(PURE)) ./certs ./evaluator
	$(GO) test -C cmd/kubectl-holdfast $(RACE) $(PKGS)
	$(GO) test -C test $(RACE) ./probe/...
	$(GO) test -C test/engine -count=1 $(PKGS)

test-image: ## Test the image and the bill of materials (chart, upgrade, uninstall: test-e2e)
	$(GO) test -C tools/image -count=1 $(PKGS)
	$(GO) test -C tools/vulncheck -count=1 $(PKGS)

# With -short, scenarios that take minutes are left to test-long; packages that are named run whole.
SHORT   := -short
test-e2e: ## Run the tests that need the test cluster (TESTS=./e2e/judge runs one package, whole)
	@$(if $(filter ./...,$(TESTS)),$(CLUSTER) build helm3 helm4 certmanager victoria-metrics traefik skipper alertmanager loadtester >&2) # not beside the tests: they have deadlines
	$(CLUSTER) run --install $(CURDIR)/manifests/overlays/test -- \
	  $(GO) test -count=1 -timeout 60m -p 3 -parallel 5 $(if $(filter ./...,$(TESTS)),$(SHORT) $(LONG)) $(TESTS)

test-long: SHORT :=
test-long: test-e2e ## Run those too that take minutes each: outages, leaders that are killed, installations by each tool

oracle: ## Play N (default 200) random sequences of commands of SEED (1) guarded and unguarded, or replay REPLAY=FILE
	$(GO) run -C test ./oracle $(ORACLE) $(if $(REPLAY),-replay $(abspath $(REPLAY)),-n $(N) -seed $(SEED))

oracle-routes: ## Play N random sequences of SEED that write a route while canaries have a share by it, or replay REPLAY=FILE
	$(GO) run -C test ./oracle -routes $(ORACLE) $(if $(REPLAY),-replay $(abspath $(REPLAY)),-n $(N) -seed $(SEED))

test-backends: ## Judge by whatever answers PromQL, Thanos and Mimir among it, whose first builds take some ten minutes each
	$(GO) test -C test ./backends -count=1 -timeout 90m -v -thanos -mimir

soak-traffic: ## Have RUNS (20) canaries in a row their share by a real gateway, under load; no request may fail
	$(GO) test -C test ./e2e/traffic -count=1 -timeout 60m -run TestNoRequestFailsThroughRunsInARow -v -soak.runs=$(RUNS) $(if $(CLUSTERDIR),-cluster=$(CLUSTERDIR))

hostile: ## Run the scenarios of hostile tenants with 10,000 plans and 2,000 Deployments (some minutes)
	$(GO) test -C test ./e2e/footprint -count=1 -timeout 30m -run 'TestMany' -v -parallel 1 -hostile.plans=10000 -hostile.deployments=2000 $(if $(CLUSTERDIR),-cluster=$(CLUSTERDIR))

test-gitops: ## Run the engines of Flux and Argo CD against the test cluster
	$(GO) test -C test/gitops -count=1 -timeout 30m -parallel 10 $(TESTS)

test-istio: ## Have Istio take what is laid over VirtualServices, and tell clients where calls go; its control plane is compiled for some minutes
	$(GO) vet -C test/istio ./...
	cd test/istio && $(LINT) run ./...
	$(GO) test -C test/istio -count=1 -timeout 30m $(PKGS)

test-page: ## Test the page in Chromium, which is installed from Debian's packages if it is missing (as root), and on a cluster
	$(GO) test -C test/page -count=1 -timeout 30m -p 1 $(TESTS)

soak-page: ## Have two tabs of the page of a cluster with 200 runs open for SOAK (default 1h); browser and server may not grow
	nice -n 10 $(GO) test -C test/page -count=1 -timeout 0 -run TestThePageStaysAsLargeAsItIs -v ./soak -soak $(SOAK) -soak.runs 200

fuzz: ## Fuzz every parser for FUZZ (default 20s) each
	@for package in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$package | grep ^Fuzz); do \
	    echo "fuzz $$package $$target"; \
	    $(GO) test $$package -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZ) || exit 1; \
	  done; \
	done

chaos: ## Break what Holdfast stands on, under a stream of updates of SEED (1), and look for what must never be
	@$(GO) run -C test ./chaos -seed $(SEED) $(CHAOS)

bench: ## Measure what it costs to be guarded
	$(GO) test -run '^$$' -bench . ./webhook/... ./evaluator/promql ./evaluator/analysis/evidence
	@$(GO) run -C test ./bench

bench-judge: ## Compare judges by 2000 made-up runs of each kind; JUDGE has flags, such as "-n=200 -only=incident"
	@$(GO) run -C test ./judge -seed $(SEED) $(JUDGE)

bench-probe: ## Measure what the probe costs beside nginx, which is taken from Debian's packages; PROBE has flags, such as "-rounds=30"
	@$(GO) run -C test ./probe/bench $(PROBE)

soak-probe: ## Have streams through the probe last for SOAK (default 1h), and look at its memory
	$(GO) test -C test ./probe/streams -count=1 -timeout 0 -run TestLargeBodies -v -soak $(SOAK)

bench-scale: ## Measure what 100 canaries at once cost, with simulated pods; SCALE has flags, such as "-n=100,1000"
	@$(GO) run -C test/scale . $(SCALE)

build: ## Build holdfast into bin/
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-X main.version=$(VERSION)" -o bin/ ./cmd/...

image: ## Make an OCI image archive for VERSION, with its bill of materials, into bin/; prints path and digest
	@$(GO) run -C tools/image . -source $(CURDIR) -out $(CURDIR)/bin -version $(VERSION)

plugin: ## Build kubectl holdfast for all platforms into dist/, with checksums and the manifest for krew (PLUGINURL)
	@$(GO) run ./tools/plugin -source $(CURDIR) -out $(CURDIR)/dist -version $(VERSION) -url $(PLUGINURL)

vulncheck: ## Look for known vulnerabilities in what is called, in the database VULNDB (https://vuln.go.dev)
	$(GO) tool -modfile=tools/vulncheck/go.mod govulncheck -db $(VULNDB) $(PKGS)

generate: ## Make generated code, CRDs, RBAC, dashboards and reference docs anew
	$(GEN) object paths=./api/v1alpha1
	$(GEN) crd:allowDangerousTypes=true paths=./api/v1alpha1 output:crd:dir=manifests/generated/crd
	$(GEN) rbac:roleName=holdfast paths=./webhook/... paths=./evaluator/... paths=./certs/... paths=./cmd/... output:rbac:dir=manifests/generated/rbac
	$(GO) run -C tools/generate ./chart $(CURDIR)/manifests
	$(GO) run ./tools/dashboards
	$(GO) run ./tools/reference
	$(GO) run -C cmd/kubectl-holdfast ./reference $(CURDIR)/docs/reference/kubectl-holdfast.md
	$(GO) run -C tools/generate ./podschema $(CURDIR)/webhook/deployment/intent/replay/zz_generated.schema.yaml

vet: ## Compile and vet every Go module
	@set -e; modules=$$(.ci/modules code); for module in $$modules; do echo "vet $$module"; $(GO) vet -C $$module $(PKGS); done

lint: ## Run the linters on every Go module
	@set -e; modules=$$(.ci/modules code); for module in $$modules; do echo "lint $$module"; (cd $$module && $(LINT) run $(PKGS)); done

verify: ## Check that generated files and go.mod files are up to date
	@.ci/verify
