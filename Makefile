# Everything that is run on this code, here and in CI. `make help` lists the targets.
# Install Go, git, make and, for the race detector, a C compiler. The Go tools are built from the
# versions in internal/tools/go.mod and internal/bench/go.mod.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS   += --no-print-directory

GO          ?= go
TOOLS       := internal/tools
TOOL         = $(GO) tool -modfile=$(CURDIR)/$(TOOLS)/go.mod
MIN_COVER   ?= 99
# The next Go version, which test-next downloads.
NEXT_GO     ?= go1.27.4

# Fuzzing is counted in executions: with a duration, the fuzzer of Go 1.26 now and then
# fails at the moment its time is up (go.dev/issue/75804).
FUZZTIME    ?= 20000x

# Every module of the repository, by its directory. The tests of the browser and of the clinic have
# targets of their own.
# The database tests run on SQLite among the modules, and on PostgreSQL by database-test.
BROWSER     := examples/onbehalf/browser
CLINIC      := examples/clinic/internal/clinictest
DATABASE     = $(patsubst %/go.mod,%,$(wildcard coviusql/internal/*/go.mod)) examples/onbehalf
MODULES     = $(sort $(patsubst ./%,%,$(patsubst %/,%,$(dir $(shell find . -name go.mod -not -path './.git/*' -not -path '*/node_modules/*')))))
NESTED      = $(filter-out . $(BROWSER) $(CLINIC),$(MODULES))

# The race detector needs cgo, and cgo a C compiler.
RACE        = $(shell [ "$$($(GO) env CGO_ENABLED)" = 1 ] && command -v $$($(GO) env CC) >/dev/null && echo -race)
TESTFLAGS   = $(RACE) -shuffle=on

# Some tests wait for connections, so more packages than cores are tested at the same time.
PACKAGES    = $(shell echo $$((2 * $$(getconf _NPROCESSORS_ONLN))))

.PHONY: help
help: ## list the targets
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/\1|\2/p' $(MAKEFILE_LIST) | \
		while IFS='|' read -r name text; do printf '  %-16s %s\n' "$$name" "$$text"; done

.PHONY: test
test: ## all tests of the library, in random order, under the race detector
	@[ -n "$(RACE)" ] || echo "no C compiler (or CGO_ENABLED=0): running without the race detector"
	$(GO) test $(TESTFLAGS) -p $(PACKAGES) ./...

# net/http and encoding/json differ between Go versions.
.PHONY: test-next
test-next: ## all tests of the library with the next Go version, which is downloaded
	GOTOOLCHAIN=$(NEXT_GO) $(GO) test -shuffle=on ./...

.PHONY: ci
ci: ## everything that must pass before a change is merged; the database, browser and clinic tests are separate
	@for target in tidy modules lint test test-next cover snippets exhaustive fuzz; do \
		echo; echo "=== make $$target"; began=$$SECONDS; \
		$(MAKE) $$target; \
		echo "=== make $$target: $$((SECONDS - began)) s"; \
	done

# The benchmarks compare with clients that two generators write from internal/bench/openapi.yaml.
GENERATED   := internal/bench/ogengen/oas_client_gen.go

$(GENERATED): $(addprefix internal/bench/,generated.go go.mod openapi.yaml oapi-codegen.yaml ogen.yaml)
	$(GO) -C internal/bench generate .

.PHONY: modules
modules: $(GENERATED) ## vet and build every module; test the nested ones
	@for dir in $(MODULES); do \
		echo "$$dir: vet, build"; \
		$(GO) -C $$dir vet ./...; \
		$(GO) -C $$dir build -o /dev/null ./...; \
	done
	@for dir in $(NESTED); do \
		echo "$$dir: test"; \
		$(GO) -C $$dir test $(TESTFLAGS) ./...; \
	done

.PHONY: lint
lint: $(GENERATED) ## golangci-lint in every module of this project's own code
	@for dir in $(filter-out testdata/%,$(MODULES)); do \
		echo "$$dir: golangci-lint"; \
		(cd $$dir && $(TOOL) golangci-lint run --allow-parallel-runners --config $(CURDIR)/.golangci.yml ./...); \
	done

.PHONY: format
format: ## rewrite the code in the form that lint asks for
	@for dir in $(filter-out testdata/%,$(MODULES)); do \
		(cd $$dir && $(TOOL) golangci-lint fmt --config $(CURDIR)/.golangci.yml ./...); \
	done

# The tests of the examples start programs and check all that these print; coverage adds a warning.
.PHONY: cover
cover: ## statement coverage of the root package over all its test packages, with a lower bound
	@profile=$$(mktemp); trap 'rm -f "$$profile"' EXIT; \
	$(GO) test -coverpkg=. -coverprofile="$$profile" $$($(GO) list ./... | grep -v /examples/) | grep -v 'coverage: 0.0%'; \
	$(GO) tool cover -func="$$profile" | awk -v min=$(MIN_COVER) \
		'$$1 == "total:" { total = $$3 + 0; next } \
		$$3 + 0 < 100 { print } \
		END { printf "root package: %.1f %% of statements, at least %d %% wanted\n", total, min; exit total < min }'

.PHONY: exhaustive
exhaustive: ## the full counts of tests that otherwise run a sample (files tagged exhaustive)
	@dirs=$$($(GO) list -f '{{.Dir}}' ./... | while read -r dir; do \
		if grep -qsE '^//go:build exhaustive$$' "$$dir"/*_test.go; then echo "$$dir"; fi; done); \
	$(GO) test -tags exhaustive -timeout 15m $$dirs

.PHONY: fuzz
fuzz: ## every fuzz target for a short while; FUZZTIME=60s for longer
	@$(GO) test -list '^Fuzz' ./... | \
	awk '/^Fuzz/ { names[++n] = $$1 } /^ok/ { for (i = 1; i <= n; i++) print $$2, names[i]; n = 0 }' | \
	while read -r package target; do \
		echo "$$package $$target"; \
		$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x "$$package"; \
	done

.PHONY: snippets
snippets: ## README.md and docs/ against the code
	$(GO) test -count=1 ./internal/doccheck

.PHONY: consumer
consumer: ## a program of somebody else, compiled against the public names
	$(GO) -C testdata/consumer vet ./...
	$(GO) -C testdata/consumer test $(TESTFLAGS) ./...

.PHONY: tidy
tidy: $(GENERATED) ## go.mod and go.sum of every module hold what they must and no more
	@for dir in $(MODULES); do echo "$$dir: go mod tidy -diff"; $(GO) -C $$dir mod tidy -diff; done

.PHONY: bench
bench: $(GENERATED) ## this client and others side by side; BENCH='-tables peers -cases page -clients ogen,coviu' for a part
	$(GO) -C internal/bench run . $(BENCH)

.PHONY: microbench
microbench: ## the benchmarks of single functions
	$(GO) test -run '^$$' -bench . -benchmem ./...

# The code whose mistakes cost most: whether to retry, the token cache, lists, CreateOnce, the decoder.
MUTATE      ?= internal/retry internal/tokencache internal/jsoncursor \
               cursor.go pagination.go createonce.go decode.go

.PHONY: mutate
mutate: ## change one operator or number at a time; the tests must notice; MUTATE='internal/retry cursor.go' for a part
	GO="$(GO)" $(GO) -C $(TOOLS)/mutate test -tags mutate -timeout 0 -args $(MUTATE)

.PHONY: database-test
database-test: ## coviusql and the web example on PostgreSQL and other databases; installs PostgreSQL and PgBouncer where they are missing
	@for dir in $(DATABASE); do echo "$$dir: test"; .ci/postgres $(GO) -C $$dir test $(TESTFLAGS) -count=1 ./...; done

.PHONY: browser-test
browser-test: ## the web example in a real browser; installs Chromium where there is none
	@if ! command -v chromium chromium-browser google-chrome >/dev/null; then \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; \
	fi; \
	$(GO) -C $(BROWSER) test -count=1 ./...

.PHONY: clinic-test
clinic-test: ## the clinic in several processes, in trouble, and in a browser; installs PostgreSQL and Chromium where they are missing
	@if ! command -v chromium chromium-browser google-chrome >/dev/null; then \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; \
	fi; \
	.ci/postgres $(GO) -C $(CLINIC) test -count=1 ./...

.PHONY: release-check
release-check: tidy verify licences ## what a release needs beyond ci: compatibility, licences, checksums
	@GO="$(GO)" bash $(TOOLS)/compatibility.sh

.PHONY: verify
verify:
	@for dir in $(MODULES); do echo "$$dir: go mod verify"; $(GO) -C $$dir mod verify; done

.PHONY: licences
licences:
	@$(GO) -C $(TOOLS) run ./licences $(patsubst %,$(CURDIR)/%,$(filter-out internal/% testdata/%,$(MODULES)))

.PHONY: docs
docs: ## the package's pages as a package site shows them
	$(TOOL) pkgsite -http=127.0.0.1:8080 .
