"""Names that the rules share: where things lie, and the values that each script gets."""

import json
import sys
from pathlib import Path

from scripts.lib.code import digest
from scripts.lib.commandline import flags
from scripts.lib.lineage import BASE, Cell, base_cells, cells, initial, previous
from scripts.lib.pipelines import check as check_pipeline
from scripts.lib.pipelines import digest as weights_digest
from scripts.lib.seeds import seed_of

# A chain of 100 iterations is deeper than Python's default allows (snakemake issue 2420).
sys.setrecursionlimit(20_000)

MODEL = Path(EXPERIMENT.model)
check_pipeline(MODEL)
EXECUTION = EXPERIMENT.execution
ATTRIBUTES = json.dumps(EXPERIMENT.dataset.attributes)
FOLDER = flags({"folder": EXPERIMENT.dataset.path})
CLIP = Path(EXPERIMENT.score.clip)
FEATURES = flags(EXPERIMENT.score.features)
SCORE_SETTINGS = flags({"nearest_k": EXPERIMENT.score.nearest_k, "attribute": list(EXPERIMENT.dataset.attributes)})
MODEL_DIGEST = weights_digest(MODEL)
SCORE_WEIGHTS = [weights_digest(folder) for folder in (CLIP, EXPERIMENT.score.features.weights)]
UNET = ["config.json", "diffusion_pytorch_model.safetensors"]
# Megabytes for a job that loads the model: Python with torch, and weights, gradients and AdamW's moments in float32.
MEMORY = 3000 + 4 * sum(path.stat().st_size for path in MODEL.rglob("*.safetensors")) // 2**20


pathvars:
    results=f"results/{EXPERIMENT.experiment}",
    logs=f"results/{EXPERIMENT.experiment}/logs",
    benchmarks=f"results/{EXPERIMENT.experiment}/benchmarks",
    cell=f"results/{EXPERIMENT.experiment}/{{arm}}/seed-{{replicate}}/iteration-{{iteration}}",


wildcard_constraints:
    arm="|".join([BASE, *EXPERIMENT.arms]),
    replicate="|".join(map(str, EXPERIMENT.replicates)),
    iteration=r"0|[1-9]\d*",
    shard=r"\d+",


def rising(value):
    """Return a resource of which each retry asks for more, for a job that had too little of it."""
    return lambda wildcards, attempt: value * attempt


def this(wildcards):
    """Return the cell that a job's wildcards name."""
    return Cell(wildcards.arm, int(wildcards.replicate), int(wildcards.iteration))


def arm_of(wildcards):
    """Return the settings of a job's arm; the base model generates with the experiment's own."""
    return EXPERIMENT if wildcards.arm == BASE else EXPERIMENT.arms[wildcards.arm]


def unet_of(cell):
    """Return the files of a cell's U-Net; the base model's are in the model's folder."""
    return [] if cell.arm == BASE else [f"<results>/{cell}/unet/{name}" for name in UNET]


def unet_option(cell):
    return {} if cell.arm == BASE else {"unet": f"results/{EXPERIMENT.experiment}/{cell}/unet"}


def generated_before(wildcards):
    """Return what the training set of a cell takes as its generated images: none for a share of 0."""
    arm = arm_of(wildcards)
    if arm.synthetic == 0:
        return []
    if arm.control == "match_histograms":
        return "<cell>/matched.zip"
    return f"<results>/{previous(EXPERIMENT, this(wildcards))}/generated.zip"


def slots_before(wildcards):
    """Return the table that says which generated image each slot has: the cull's, or the image set itself."""
    return "<cell>/culled.csv" if arm_of(wildcards).control == "cull" else generated_before(wildcards)


def slot_draw(wildcards):
    """Return the seed of a cell's slots: the same in every arm, a new one each iteration unless they are kept."""
    iteration = wildcards.iteration if EXPERIMENT.compose.slots == "redraw" else 0
    return seed_of(EXPERIMENT.seed, wildcards.replicate, iteration, "slots")
