# Parley: `make run` starts the chat, `make test` proves it. Everything else serves these two.
# A line "target: … ## words" shows up in `make help`.

SHELL       := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

PORT      ?= 3000
DATA      ?= data
FUZZTIME  ?= 30s
BENCHTIME ?= 1s
ROUNDS    ?= 10
# of brotli; a release wants 11, which is a sixth smaller and takes half a minute
QUALITY   ?= 5
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

# go test in js/wasm runs through Node; Go's lib/wasm has the runner. Node hands the whole
# environment to the program, which has little room for it: only what is needed goes in.
WASM_ENV = env -i HOME="$$HOME" PATH="$$(go env GOROOT)/lib/wasm:$$PATH" GOFLAGS="$${GOFLAGS:-}" GOPROXY="$$(go env GOPROXY)" GOOS=js GOARCH=wasm

CI_PKGS      = ./.ci/rows ./.ci/sizes ./.ci/wasm
INTEROP_PKGS = ./server/interop/...
BROWSER_PKGS = ./cmd/parleyd/... ./cmd/classic/...
UNIT_PKGS    = $(shell go list ./... | grep -vE '^parley/(server/interop|cmd/parleyd|cmd/classic)(/|$$)') $(CI_PKGS)
WASM_PKGS    = ./shared/... ./app/... ./cmd/parleyweb/...

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  settings: PORT=$(PORT) DATA=$(DATA) FUZZTIME=$(FUZZTIME) BENCHTIME=$(BENCHTIME) QUALITY=$(QUALITY) ROUNDS=$(ROUNDS)"

## Building and running

.PHONY: build
build: wasm ## the page's wasm into web/dist, the programs parleyd and parley into bin
	go build -trimpath -o bin/ ./cmd/parleyd ./cmd/parley

.PHONY: wasm
wasm: ## the page's wasm, compressed for serving, into web/dist (QUALITY=11 for a release)
	go run ./.ci/wasm -quality $(QUALITY)

.PHONY: run
run: build ## build, then serve the chat on PORT with its data in DATA
	./bin/parleyd --addr ":$(PORT)" --data "$(DATA)"

## Proving

.PHONY: test
test: lint test-unit test-wasm test-interop test-browser rows ## everything; installs what the tests need

.PHONY: test-unit
test-unit: ## Go tests under the race detector, without peers and browsers
	@.ci/need gcc
	go test -race -shuffle=on -timeout 45m $(UNIT_PKGS)

.PHONY: test-wasm
test-wasm: ## the packages that also live in the browser, tested as js/wasm under Node
	@.ci/need node
	$(WASM_ENV) go build -o /dev/null ./cmd/parleyweb
	$(WASM_ENV) go vet $(WASM_PKGS)
	$(WASM_ENV) go test -timeout 45m $(WASM_PKGS)

.PHONY: test-interop
test-interop: npm ## our server and client, native and in Chromium, against the official ones and Python's
	@.ci/need gcc python-socketio chromium
	go test -race -timeout 45m $(INTEROP_PKGS)

.PHONY: test-browser
test-browser: npm wasm ## the whole product in Chromium: several browsers, a terminal, kill -9, offline
	@.ci/need gcc chromium
	go test -race -timeout 45m $(BROWSER_PKGS)

.PHONY: npm
npm: server/interop/node_modules/.package-lock.json ## the official JavaScript packages, at the versions of the lock file
server/interop/node_modules/.package-lock.json: server/interop/package.json server/interop/package-lock.json
	@.ci/need node
	cd server/interop && npm ci --ignore-scripts --no-fund --no-audit
	@touch $@

.PHONY: rows
rows: ## which test shows which row of the promised behaviour, and covers which advisory; fails on one without
	go run ./.ci/rows -require "$(ROWS)"
ROWS ?= server,http,client,delivery,advisories

.PHONY: lint
lint: ## gofmt, go vet and staticcheck, for this machine and for js/wasm
	@files=$$(gofmt -l .ci app cmd server shared web); if [ -n "$$files" ]; then echo "not formatted (make fmt):"; echo "$$files"; exit 1; fi
	go vet ./... $(CI_PKGS)
	GOOS=js GOARCH=wasm go vet $(WASM_PKGS)
	@bin=$$(mktemp -d) && trap 'rm -rf "$$bin"' EXIT && GOBIN=$$bin go install $(STATICCHECK) && \
	echo staticcheck && $$bin/staticcheck -checks "$(CHECKS)" ./... $(CI_PKGS) && \
	echo staticcheck for js/wasm && GOOS=js GOARCH=wasm $$bin/staticcheck -checks "$(CHECKS)" $(WASM_PKGS)
# ST1000: commands need no package doc. ST1003: the wire's spelling decides names (sid, EIO).
CHECKS = all,-ST1000,-ST1003

.PHONY: fmt
fmt: ## gofmt the tree
	gofmt -w .ci app cmd server shared web

## Measuring and long suites

.PHONY: release
release: ## stripped programs for six platforms, the page inside, into bin/release
	go run ./.ci/wasm -quality 11
	@for target in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64; do \
	  dir=bin/release/parley-$${target/\//-}; mkdir -p $$dir; cp LICENSE README.md $$dir; echo $$dir; \
	  CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/} go build -trimpath -ldflags "-s -w" -o $$dir/ ./cmd/parleyd ./cmd/parley; \
	done

.PHONY: sizes
sizes: ## bytes of the wasm (raw, gzip, brotli), of the client in it, and of the server
	go run ./.ci/wasm -quality 11
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o bin/ ./cmd/parleyd
	@go run ./.ci/sizes

.PHONY: bench
bench: ## benchmarks of codecs, broadcast, rooms, echo and membership, for benchstat (BENCH: which, COUNT: how often)
	$(BENCHMARKS) -count $(COUNT) $(BENCH_PKGS)
BENCHMARKS = go test -run '^$$' -bench '$(BENCH)' -benchmem -benchtime $(BENCHTIME)
BENCH_PKGS = ./shared/... ./server ./server/engine ./server/chat/sqlite
BENCH     ?= .
COUNT     ?= 1

# By turns, so that what else the machine does falls on both.
.PHONY: bench-compare
bench-compare: ## the benchmarks of the commit BASE (default: the one before) and of this tree, COUNT times, through benchstat
	@dir=$$(mktemp -d); trap 'git worktree remove --force "$$dir/base"; rm -rf "$$dir"' EXIT; \
	git worktree add --quiet --detach "$$dir/base" "$(BASE)"; \
	for _ in $$(seq $(COUNT)); do \
	  (cd "$$dir/base" && $(BENCHMARKS) $(BENCH_PKGS)) >> "$$dir/old"; \
	  $(BENCHMARKS) $(BENCH_PKGS) >> "$$dir/new"; \
	done; \
	go run $(BENCHSTAT) "$$dir/old" "$$dir/new"
BASE      ?= HEAD^
BENCHSTAT := golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da

.PHONY: bench-browser
bench-browser: wasm ## what a person waits for, in Chromium: starts, messages, history, bursts; fails above a budget
	@.ci/need chromium
	go test -run '^$$' -bench 'Start|Room' -benchtime 7x ./cmd/parleyd

.PHONY: test-long
test-long: ## what takes minutes: recovery under load ten times, ten rounds of 9,000 connections
	go test -tags long -count=1 -timeout 20m -run 'Long|Churn' ./server ./server/engine

.PHONY: soak
soak: npm ## the racy parts ROUNDS times: conformance, both clients, recovery, under the race detector
	@.ci/need gcc
	go test -race -count=$(ROUNDS) -timeout 60m -run 'TestEngineConformance|TestSocketConformance|AgainstOurServer|IsRecovered|Heartbeat' ./server/interop

.PHONY: chaos
chaos: npm wasm ## kill -9, cut networks, closed tabs and browsers, ROUNDS times
	@.ci/need gcc chromium
	go test -count=$(ROUNDS) -timeout 60m -run 'Kill|Offline|Tab' ./cmd/parleyd ./server/chat/sqlite

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME each
	@for pkg in $(UNIT_PKGS); do \
	  for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "fuzz $$pkg $$target"; \
	    go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 2s $$pkg; \
	  done; \
	done

.PHONY: clean
clean: ## remove what the other targets made, not the chat's data
	rm -rf bin server/interop/node_modules
	find web/dist -mindepth 1 ! -name .keep -delete
