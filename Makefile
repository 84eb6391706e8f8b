# The front door. `make help` lists the targets.

PYTHON ?= python3
BIN := .venv/bin
# Two jobs with two OpenMP threads each run many times slower than with one each; Snakemake sets it per job.
export OMP_NUM_THREADS ?= 1
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help setup demo experiment check format unit workflow browser test full-size test-slurm

help:  ## List the targets.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

setup: .venv/installed  ## Set up .venv from the pins in envs/.

# The conda files are the only place where versions are pinned; pip reads the pins out of them.
.venv/installed: $(wildcard envs/*.yaml)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "nepotism needs Python 3.11 or newer")'
	$(PYTHON) -m venv .venv
	sed -n 's/^ *- \(.*==.*\)$$/\1/p' envs/*.yaml | sort -u > .venv/requirements.txt
	$(BIN)/pip install --quiet --requirement .venv/requirements.txt
	touch $@

demo: setup  ## Watch a model collapse: real and generated images against each other, in minutes.
	snakemake --configfile config.yaml config/demo.yaml
	snakemake --configfile config.yaml config/demo.yaml --report results/demo/report.html --quiet all
	@echo
	@cat results/demo/summary.txt
	@echo "Curves: results/demo/figures/curves.png"
	@echo "Images: results/demo/figures/grid.png"
	@echo "Report: results/demo/report.html"
	@echo "Walk through it: results/demo/explorer.html"

experiment: setup  ## Run the whole design of config.yaml.
	snakemake
	snakemake --report results/miniature/report.html --quiet all

check: setup  ## Check style, spelling, prose, schemas and types; run no test.
	pre-commit run --all-files
	snakemake --lint
	mypy

format: setup  ## Mend what a formatter can.
	ruff check --fix .
	ruff format .
	snakefmt Snakefile rules
	rumdl fmt --quiet .

unit: setup  ## Run the tests of functions and scripts.
workflow: setup  ## Run the tests of what Snakemake plans and runs.
browser: setup  ## Run the tests of the page, in Chromium.
unit workflow browser:
	pytest tests/$@

test: check  ## Check the code and run every test (CI runs exactly this).
	pytest

# Two cores, 24 GB of memory, 25 GB of disk, three quarters of an hour.
FULL_SIZE := --configfile config/paper.yaml config/full-size.yaml --cores 2 --resources gpu=1
THREADS := finetune=2 generate=2 unseen=2 embed=2 embed_dataset=2
full-size: export OMP_NUM_THREADS = 2
full-size: setup  ## Run the paper's architectures with random weights; a table of seconds and memory.
	python -m tests.full_size.make_inputs --output results/full-size-inputs
	snakemake $(FULL_SIZE) --set-threads $(THREADS)
	python -m tests.full_size.step results/full-size-inputs/stable-diffusion
	python -m tests.full_size.table results/full-size/benchmarks

test-slurm: setup  ## Run an experiment on a real SLURM, and every fault of a cluster (as root, on Debian).
	tests/slurm/install.sh
	pytest tests/slurm -m "drill or not drill"
