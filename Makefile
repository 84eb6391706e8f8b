# The front door. `make help` lists the targets.

SHELL := bash
.SHELLFLAGS := -o pipefail -ec
PYTHON ?= python3
BIN := .venv/bin
# Two jobs with two OpenMP threads each run many times slower than with one each; Snakemake sets it per job.
export OMP_NUM_THREADS ?= 1
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help setup lock demo experiment show check format docs unit workflow browser test full-size full-size-engines test-gpu test-slurm

help:  ## List the targets.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

setup: .venv/installed  ## Set up .venv from the locks in envs/.

LOCKS := $(wildcard envs/*.lock.txt)
PROGRESS := /^(Collecting|Processing)/ { sub(".*/", "", $$2); printf "\r%4d of at most %d: %-60.60s", ++n, total, $$2; fflush() } \
	/^Installing/ { print "\nUnpacking them: a minute or two." }
.venv/installed: $(LOCKS)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "nepotism needs Python 3.11 or newer")'
	$(PYTHON) -m venv .venv
	@echo "Fetching the packages of envs/*.lock.txt into .venv: minutes, and some 6 GB on Linux, where torch comes with CUDA."
	@PYTHONUNBUFFERED=1 $(BIN)/pip install --require-hashes $(LOCKS:%=--requirement %) \
		| awk -v total=$$(cat $(LOCKS) | grep -o '^[a-z0-9][^ ;]*' | sort -u | wc -l) '$(PROGRESS)'
	touch $@

# What the conda files pin, and all that it needs, by version and hash, on every system. All environments agree on a version.
# A lock that exists keeps its versions where it can: remove it to take the newest.
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock"
lock: setup  ## Resolve the pins in envs/ to locks of all packages.
	cat $(LOCKS) /dev/null > .venv/lock.txt
	sed -n 's/^ *- \(.*==[^ ]*\).*/\1/p' envs/*.yaml | sort -u | $(COMPILE) --output-file .venv/lock.txt -
	for file in envs/*.yaml; do \
		sed -n 's/^ *- \(.*==[^ ]*\).*/\1/p' $$file | $(COMPILE) --constraint .venv/lock.txt --output-file $${file%.yaml}.lock.txt -; \
	done

# Where a person looks on: a bar with the jobs done and those that run. Else plain lines; .snakemake/log has all of both.
SHOWN := $(if $(MAKE_TERMERR),--logger rich,--quiet rules)
define told
	@echo
	@cat results/$(1)/summary.txt
	@echo
	@echo "Walk through it: file://$(CURDIR)/results/$(1)/explorer.html (or: make show EXPERIMENT=$(1))"
	@echo "Report:          file://$(CURDIR)/results/$(1)/report.html"
	@echo "Images:          file://$(CURDIR)/results/$(1)/figures/grid.png"
	@echo "Curves:          file://$(CURDIR)/results/$(1)/figures/curves.png"
endef

DEMO := --configfile config.yaml config/demo.yaml
demo: setup  ## Watch a model collapse: real and generated images against each other, in minutes.
	snakemake $(DEMO) $(SHOWN)
	snakemake $(DEMO) --report results/demo/report.html --quiet all
	$(call told,demo)

experiment: setup  ## Run the whole design of config.yaml.
	snakemake $(SHOWN)
	snakemake --report results/miniature/report.html --quiet all
	$(call told,miniature)

EXPERIMENT ?= demo
show: PAGE = results/$(EXPERIMENT)/explorer.html
show: setup  ## Open the page of an experiment in the browser: make show EXPERIMENT=miniature
	@test -e $(PAGE) || { echo "$(PAGE) does not exist: run \`make demo\`, or name another experiment, \`make show EXPERIMENT=...\`"; exit 1; }
	@echo "file://$(CURDIR)/$(PAGE)"
	@python -m webbrowser file://$(CURDIR)/$(PAGE)

check: setup  ## Check style, spelling, prose, schemas and types; run no test.
	pre-commit run --all-files
	snakemake --lint
	mypy

format: setup  ## Mend what a formatter can.
	ruff check --fix .
	ruff format .
	snakefmt Snakefile rules
	rumdl fmt --quiet .

docs: setup  ## Build the documentation's site into site/, without a warning.
	NO_MKDOCS_2_WARNING=1 mkdocs build --strict

unit: setup  ## Run the tests of functions and scripts.
workflow: setup  ## Run the tests of what Snakemake plans and runs.
browser: setup  ## Run the tests of the page, in Chromium.
unit workflow browser:
	pytest tests/$@

test: check  ## Check the code and run every test (CI runs exactly this).
	pytest

# Two cores, 24 GB of memory, 25 GB of disk, three quarters of an hour.
FULL_SIZE := --configfile config/paper.yaml config/full-size.yaml --cores 2 --resources gpu=1
THREADS := finetune=2 generate=2 unseen=2 validate=2 embed=2 embed_dataset=2 embed_set=2
full-size: export OMP_NUM_THREADS = 2
full-size: setup  ## Run the paper's architectures with random weights; a table of seconds and memory.
	python -m benchmarks.full_size.make_inputs --output results/full-size-inputs
	snakemake $(FULL_SIZE) --set-threads $(THREADS)
	python -m benchmarks.full_size.step results/full-size-inputs/stable-diffusion
	python -m benchmarks.full_size.table results/full-size/benchmarks

# Two cores, 24 GB of memory, 13 GB of disk.
full-size-engines: export OMP_NUM_THREADS = 2
full-size-engines: setup  ## Run Stable Diffusion XL and 3 with random weights; a table of seconds and memory.
	python -m benchmarks.full_size.make_engines --output results/full-size-engines-inputs
	snakemake --configfile config.yaml config/full-size-engines.yaml --cores 2 --resources gpu=1 --set-threads $(THREADS)
	python -m benchmarks.full_size.table results/full-size-engines/benchmarks

test-gpu: setup  ## Compare a GPU with the CPU and measure it; one table of results. Skipped without one.
	pytest tests/gpu -rs

test-slurm: setup  ## Run an experiment on a real SLURM, and every fault of a cluster (as root, on Debian).
	tests/slurm/install.sh
	pytest tests/slurm -m "drill or not drill"
