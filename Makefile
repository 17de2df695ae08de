# Everything that is run on this code, here and in CI. `make help` lists the targets.
# Nothing but Go, git, make and, for the race detector, a C compiler has to be installed:
# tools are built from the versions that internal/tools/go.mod pins.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS   += --no-print-directory

GO          ?= go
TOOLS       := internal/tools
TOOL         = $(GO) tool -modfile=$(CURDIR)/$(TOOLS)/go.mod
MIN_COVER   ?= 95
BROWSER     := examples/onbehalf/browser

# Fuzzing is counted in executions: with a duration, the fuzzer of Go 1.26 now and then
# fails at the moment its time is up (go.dev/issue/75804).
FUZZTIME    ?= 20000x

# Every module of the repository, by its directory. The browser test is left out where
# modules are tested: it needs a browser.
MODULES     = $(sort $(patsubst ./%,%,$(patsubst %/,%,$(dir $(shell find . -name go.mod -not -path './.git/*' -not -path '*/node_modules/*')))))
NESTED      = $(filter-out . $(BROWSER),$(MODULES))

# The race detector needs cgo, and cgo a C compiler.
RACE        = $(shell [ "$$($(GO) env CGO_ENABLED)" = 1 ] && command -v $$($(GO) env CC) >/dev/null && echo -race)
TESTFLAGS   = $(RACE) -shuffle=on

.PHONY: help
help: ## list the targets
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

.PHONY: test
test: ## all tests of the library, in random order, under the race detector
	@[ -n "$(RACE)" ] || echo "no C compiler (or CGO_ENABLED=0): running without the race detector"
	$(GO) test $(TESTFLAGS) ./...

.PHONY: ci
ci: ## everything that must pass before a change is merged
	@for target in tidy modules lint test cover snippets exhaustive fuzz; do \
		echo; echo "=== make $$target"; began=$$SECONDS; \
		$(MAKE) $$target; \
		echo "=== make $$target: $$((SECONDS - began)) s"; \
	done

.PHONY: modules
modules: ## vet and build every module; test the nested ones
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
lint: ## golangci-lint in every module of this project's own code
	@for dir in $(filter-out testdata/%,$(MODULES)); do \
		echo "$$dir: golangci-lint"; \
		(cd $$dir && $(TOOL) golangci-lint run --config $(CURDIR)/.golangci.yml ./...); \
	done

.PHONY: format
format: ## rewrite the code in the form that lint asks for
	@for dir in $(filter-out testdata/%,$(MODULES)); do \
		(cd $$dir && $(TOOL) golangci-lint fmt --config $(CURDIR)/.golangci.yml ./...); \
	done

.PHONY: cover
cover: ## statement coverage of the library's root package, with a lower bound
	@profile=$$(mktemp); trap 'rm -f "$$profile"' EXIT; \
	$(GO) test -coverpkg=. -coverprofile="$$profile" .; \
	$(GO) tool cover -func="$$profile" | awk '$$3 + 0 < 100 && $$1 != "total:"'; \
	$(GO) tool cover -func="$$profile" | awk -v min=$(MIN_COVER) \
		'$$1 == "total:" { total = $$3 + 0 } \
		END { printf "root package: %.1f %% of statements, at least %d %% wanted\n", total, min; exit total < min }'

.PHONY: exhaustive
exhaustive: ## the full counts of tests that otherwise run a sample (files tagged exhaustive)
	@dirs=$$({ grep -rlE --include='*_test.go' '^//go:build exhaustive$$' . || true; } | xargs -r -n1 dirname | sort -u); \
	if [ -z "$$dirs" ]; then echo "no test file is tagged exhaustive"; exit 0; fi; \
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
snippets: ## the README and the documentation against the code
	$(GO) test -count=1 ./internal/doccheck

.PHONY: consumer
consumer: ## a program of somebody else, compiled against the public names
	$(GO) -C testdata/consumer vet ./...
	$(GO) -C testdata/consumer test $(TESTFLAGS) ./...

.PHONY: tidy
tidy: ## go.mod and go.sum of every module hold what they must and no more
	@for dir in $(MODULES); do echo "$$dir: go mod tidy -diff"; $(GO) -C $$dir mod tidy -diff; done

.PHONY: bench
bench: ## benchmarks of this library, and of others beside it
	$(GO) test -run '^$$' -bench . -benchmem ./...
	@if [ -f internal/bench/go.mod ]; then $(GO) -C internal/bench run .; fi

.PHONY: mutate
mutate: ## seeded faults, one at a time: the tests must notice 90 % of them
	$(GO) -C internal/mutate run . -C $(CURDIR)

.PHONY: browser-test
browser-test: ## the web example in a real browser; installs Debian's Chromium where there is none
	@if [ ! -d $(BROWSER) ]; then echo "no browser test in $(BROWSER)"; exit 0; fi; \
	if ! command -v chromium chromium-browser google-chrome >/dev/null; then \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; \
	fi; \
	$(GO) -C $(BROWSER) test -count=1 ./...

.PHONY: release-check
release-check: tidy verify licences generated ## what a release needs beyond ci: compatibility, licences, checksums
	@GO="$(GO)" bash $(TOOLS)/compatibility.sh

.PHONY: verify
verify:
	@for dir in $(MODULES); do echo "$$dir: go mod verify"; $(GO) -C $$dir mod verify; done

.PHONY: licences
licences:
	@$(GO) -C $(TOOLS) run ./licences $(patsubst %,$(CURDIR)/%,$(filter-out internal/% testdata/%,$(MODULES)))

# Generates in place and compares with what was there, so that no commit is needed to see a difference.
.PHONY: generated
generated:
	@before=$$(mktemp -d); trap 'rm -rf "$$before"' EXIT; \
	tar --exclude=./.git -cf - . | tar -xf - -C "$$before"; \
	for dir in $(MODULES); do echo "$$dir: go generate"; $(GO) -C $$dir generate ./...; done; \
	diff -r -x .git "$$before" .

.PHONY: docs
docs: ## the package's pages as a package site shows them
	$(TOOL) pkgsite -http=127.0.0.1:8080 .
