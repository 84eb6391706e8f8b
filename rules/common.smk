"""Names that the rules share: where things lie, and the values that each script gets."""

import json
import re
import shlex
import sys
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.io import contains_wildcard

from scripts.lib.base import commandline, hashes
from scripts.lib.base.code import ROOT, digest
from scripts.lib.base.commandline import flags, words
from scripts.lib.base.kinds import kinds
from scripts.lib.engines import prompts
from scripts.lib.engines.engine import engine_of, name_of
from scripts.lib.weights import configured as weights
from scripts.lib.experiment.config.describe import describe
from scripts.lib.planning.controls import starved, unmatched
from scripts.lib.experiment.config.score import CLIP_SCORE
from scripts.lib.planning.image_sets import data_folders, data_of, fresh_sets, image_sets, parts, steps, training_sets
from scripts.lib.planning.jobs import (
    classified_inputs,
    compose_inputs,
    curate_inputs,
    embedding_of,
    finetune_inputs,
    match_inputs,
    merge_inputs,
    models_inputs,
    model_folders,
    score_inputs,
)
from scripts.lib.planning.amounts import shards_a_cell
from scripts.lib.experiment.config.source import SELF
from scripts.lib.experiment.cell import Cell
from scripts.lib.experiment.lineage import (
    base_name,
    bases,
    cells,
    every_cell,
    extrapolated,
    initial,
    iterations_left,
    last_cells,
    merged_from,
    trained,
)
from scripts.lib.base.seeds import seed_of
from scripts.lib.training import optimizers
from scripts.lib.training.trainable import trainable_of

# A chain of 100 iterations is deeper than Python's default allows (snakemake issue 2420).
sys.setrecursionlimit(20_000)

# A job runs in the working directory, which need not be the workflow's: Python looks for `scripts` there, then in ROOT.
if Path("scripts/__init__.py").is_file() and Path("scripts").resolve() != (ROOT / "scripts").resolve():
    raise WorkflowError(
        f"The working directory {Path.cwd()} has a Python package `scripts`, which would run in the place of the "
        f"workflow's, {ROOT / 'scripts'}. Run in another directory, or rename that package."
    )
IN_BRACES = str(ROOT).replace("{", "{{").replace("}", "}}")
shell.prefix(f"set -euo pipefail; export PYTHONPATH={shlex.quote(IN_BRACES)}${{{{PYTHONPATH:+:$PYTHONPATH}}}}; ")

weights.check(EXPERIMENT)
if not workflow.deployment_settings.deployment_method:  # Else the packages of jobs are not those of this process.
    optimizers.check(arm.finetune.optimizer for arm in EXPERIMENT.arms.values())
BASES = {name: Path(EXPERIMENT.base(name).path) for name in bases(EXPERIMENT)}
for warning in prompts.check(
    EXPERIMENT.dataset.texts, EXPERIMENT.unseen.prompts, BASES.values(), Path(EXPERIMENT.score.clip)
):
    if workflow.is_main_process:
        print(warning, file=sys.stderr)
for warning in [*unmatched(EXPERIMENT), *starved(EXPERIMENT)] if workflow.is_main_process else ():
    print(warning, file=sys.stderr)
RESULTS = f"results/{EXPERIMENT.experiment}"
# Where jobs find the results: there, or in the local copies of what a default storage provider keeps.
PLACE = str(workflow.inputfile(RESULTS))
STORED = workflow.storage_settings.default_storage_provider is not None
ROOT_OPTION = flags({"root": PLACE})
EXECUTION = EXPERIMENT.execution
TF32 = flags({"tf32": EXECUTION.tf32})
PRECISION = flags({key: getattr(EXECUTION, key) for key in ("dtype", "tf32")})
ARITHMETIC = flags({key: getattr(EXECUTION, key) for key in ("dtype", "tf32", "compile", "channels_last")})
SHARDS = shards_a_cell(EXPERIMENT)
FOLDER = flags({"folder": EXPERIMENT.dataset.path})
LABELS = {
    "attributes": json.dumps(EXPERIMENT.dataset.attributes),
    "recipes": json.dumps(EXPERIMENT.dataset.recipes),
}
DEEPFACE = EXPERIMENT.dataset.deepface
DEEPFACE_FILES = flags({"weights": DEEPFACE.weights, "sha256": json.dumps(DEEPFACE.sha256)} if DEEPFACE else {})
CLIP = Path(EXPERIMENT.score.clip)
SCORE_SETTINGS = flags(
    {
        "metrics": EXPERIMENT.score.metrics.model_dump_json(),
        "space": list(EXPERIMENT.score.features),
        "held_out": EXPERIMENT.dataset.reference == "disjoint",
        **EXPERIMENT.score.bootstrap.model_dump(),
    }
)
CLASSIFIED = {
    "attributes": LABELS["attributes"],
    "recipes": json.dumps(
        {name: recipe for name, recipe in EXPERIMENT.dataset.recipes.items() if recipe["source"] == "deepface"}
    ),
}
EMBEDDINGS = EXPERIMENT.score.embeddings
SPACES = {space: EXPERIMENT.score.embedding(space) for space in EXPERIMENT.score.features}
METRICS = [f"scripts.lib.metrics.{name}" for name in kinds("metrics")]
BASE_DIGESTS = {name: weights.identity(EXPERIMENT, path) for name, path in BASES.items()}
WEIGHTS = weights.uses(EXPERIMENT)
STEPS = [step for cell in cells(EXPERIMENT) for step in steps(EXPERIMENT, cell)]
removable = temp if EXECUTION.keep == "last" else str


def fixed(value):
    """Return a parameter that is this value as it stands; in a plain text Snakemake takes `{name}` for a wildcard.

    A function where that matters and nowhere else: a sweep's plan calls each function of each of its thousands of jobs.
    """
    return (lambda wildcards: value) if contains_wildcard(str(value)) else value


def in_file(settings, arguments=()):
    """Return options and arguments as one word, ``@FILE``; a text or a list of a user's may be too long for a shell.

    A job is due again exactly when one of them changes, since the file's name is a digest of its content. Snakemake
    does not compare a parameter that is a function of `input`: settings go in one of their own.
    """
    return commandline.in_file([*arguments, *words(settings)], Path(".snakemake/arguments"))


def one_of(names):
    """Return a pattern that matches these names, and nothing where there are none.

    Without a question mark, behind which the S3 plugin reads no more of a path.
    """
    return "|".join(map(re.escape, names)) or r"[^\s\S]"


ARM = one_of([*BASES, *EXPERIMENT.arms])
TRAINED = one_of(name for name, arm in EXPERIMENT.arms.items() if arm.merge is None)
MERGED = one_of(name for name, arm in EXPERIMENT.arms.items() if arm.merge is not None)
REPLICATE = one_of(map(str, EXPERIMENT.replicates))
ITERATION = r"0|[1-9]\d*"
# Where the real images lie, as the names of outputs and of logs have it, and as a pattern.
SAME_DATA = EXPERIMENT.replicate == "noise"
DATA_OUTPUTS = "dataset" if SAME_DATA else f"dataset/seed-{{replicate,{REPLICATE}}}"
DATA_LOGS = "dataset" if SAME_DATA else "dataset/seed-{replicate}"
DATA = "dataset" if SAME_DATA else f"dataset/seed-({REPLICATE})"


pathvars:
    results=RESULTS,
    logs=f"{RESULTS}/logs",
    benchmarks=f"{RESULTS}/benchmarks",
    cell_logs=f"{RESULTS}/logs/{{arm}}/seed-{{replicate}}/iteration-{{iteration}}",
    cell_benchmarks=f"{RESULTS}/benchmarks/{{arm}}/seed-{{replicate}}/iteration-{{iteration}}",
    data_logs=f"{RESULTS}/logs/{DATA_LOGS}",
    data_benchmarks=f"{RESULTS}/benchmarks/{DATA_LOGS}",
    # Snakemake expands this after it has applied `wildcard_constraints`, so that it brings its own.
    data=f"{RESULTS}/{DATA_OUTPUTS}",
    trained=f"{RESULTS}/{{arm,{TRAINED}}}/seed-{{replicate,{REPLICATE}}}/iteration-{{iteration,{ITERATION}}}",
    merged=f"{RESULTS}/{{arm,{MERGED}}}/seed-{{replicate,{REPLICATE}}}/iteration-{{iteration,{ITERATION}}}",
    cell=f"{RESULTS}/{{arm,{ARM}}}/seed-{{replicate,{REPLICATE}}}/iteration-{{iteration,{ITERATION}}}",


wildcard_constraints:
    use=one_of(WEIGHTS),
    shard=r"\d+",
    reward=one_of(kinds("rewards")),
    embedding=one_of(EMBEDDINGS),
    candidate=r"(-\d+)?",  # Blank: the images that are scored; -2 and so on: further ones of the same slots.
    repository=one_of(path for path, source in EXPERIMENT.downloads.items() if source.repository),
    file=one_of(path for path, source in EXPERIMENT.downloads.items() if source.url),


@cache
def memory(*names, copies=1):
    """Return the megabytes of a job that loads weights, more with each retry.

    Python with torch, and the weights in float32; a fine-tune holds several copies of the network that it trains, of
    the base model that is named first. Weights that the same run downloads are measured when the job is due.
    """
    paths = [Path(name) for name in names]

    def measured():
        total = sum(hashes.size(path, ".safetensors" if path.is_dir() else "") for path in paths)
        if copies > 1 and (paths[0] / "model_index.json").is_file():
            total += (copies - 1) * hashes.size(paths[0] / engine_of(paths[0]).COMPONENT, ".safetensors")
        return 3000 + total // 2**20

    known = measured() if all(path.exists() for path in paths) else None
    return lambda wildcards, attempt: (known or measured()) * attempt


LABEL_PATHS = {
    source: sorted({recipe["path"] for recipe in EXPERIMENT.dataset.recipes.values() if recipe["source"] == source})
    for source in ("csv", "ffhq_features")
}


@cache
def content_of(path):
    """Return what identifies a table, or a folder of small files; None where a job is going to say that it lacks."""
    return hashes.content(Path(path)) if Path(path).exists() else None


@cache
def listing_of(path):
    """Return what identifies a folder of images without reading them: names, sizes and times of modification."""
    return hashes.listing(Path(path)) if Path(path).is_dir() else None


def deepface_content():
    """Return what identifies DeepFace's networks."""
    known = weights.download_of(EXPERIMENT, DEEPFACE.weights) or Path(DEEPFACE.weights).is_dir()
    return weights.identity(EXPERIMENT, DEEPFACE.weights) if known else None


def rising(value):
    """Return a resource of which each retry asks for more, for a job that had too little of it."""
    return lambda wildcards, attempt: value * attempt


def this(wildcards):
    """Return the cell that a job's wildcards name."""
    return Cell(wildcards.arm, int(wildcards.replicate), int(wildcards.iteration))


def data(wildcards):
    """Return the folder of the real images of a job's replicate, below the results' folder."""
    return data_of(EXPERIMENT, int(wildcards.get("replicate", EXPERIMENT.replicates[0])))


def data_seed(wildcards):
    """Return the seed of the choice of real images, and of drawn ones: the experiment's, or one of the replicate."""
    return EXPERIMENT.seed if EXPERIMENT.replicate == "noise" else seed_of(EXPERIMENT.seed, "data", wildcards.replicate)


def of_replicate(wildcards):
    """Return what the report adds to the name of a table of real images."""
    return "" if EXPERIMENT.replicate == "noise" else f", seed {wildcards.replicate}"


def urgency(wildcards):
    """Return the priority of a job that the next iteration waits for: the longest line of iterations goes first.

    The others, of priority 0, fill the cores beside it.
    """
    return 1 + iterations_left(EXPERIMENT, this(wildcards))


def settings_of(arm):
    """Return the settings of an arm; a base model generates with its own."""
    return EXPERIMENT.base(arm) if arm in BASES else EXPERIMENT.arms[arm]


def arm_of(wildcards):
    """Return the settings of a job's arm."""
    return settings_of(wildcards.arm)


def base(wildcards):
    """Return the folder of the base model of a job's cell."""
    return BASES[base_name(EXPERIMENT, wildcards.arm)]


def of_base(value):
    """Return what the base model of a job's cell determines: an input or a parameter; fixed where there is one model."""
    if len(BASES) == 1:
        return fixed(value(*BASES))
    return lambda wildcards: value(base_name(EXPERIMENT, wildcards.arm))


def base_memory(copies):
    """Return the megabytes of a job that loads its cell's base model, and holds its network ``copies(wildcards)`` times."""
    return lambda wildcards, attempt: memory(base(wildcards), copies=copies(wildcards))(wildcards, attempt)


def read(inputs):
    """Return what a job reads, as `planning.jobs` names it, below the results' folder."""
    return {name: [f"<results>/{path}" for path in paths] for name, paths in inputs.items()}


def options(inputs, *names):
    """Return the options that give a script those of its inputs that there are."""
    return flags({name: list(inputs.get(name) or []) for name in names})


def models_to_keep():
    """Return the models that the target `all` asks for: Snakemake leaves what a target asks for, temporary or not."""
    kept = last_cells(EXPERIMENT) if EXECUTION.keep == "last" else []
    return [f"<results>/{path}" for cell in kept for path in model_folders(cell)]


def model_of(cell):
    """Return the folder of a cell's model; None for a base model, which scripts take by themselves."""
    return None if cell.is_base else f"{PLACE}/{cell}/model"


def trained_option(cell):
    """Return the options that give a script the model of a cell, and say how it was trained."""
    trained = model_of(cell)
    return {"trained": trained, "trainable": EXPERIMENT.arms[cell.arm].finetune.trainable.kind} if trained else {}


engine_name = cache(name_of)  # It reads a file, and each job of a sweep asks.


def engine(wildcards):
    """Return the module of the engine of a cell's base model, from the model, or from its check's record if it is gone.

    Neither exists before the first job of an experiment whose model is still to be downloaded.
    """
    record = Path(RESULTS) / f"weights/{weights.use_of(base_name(EXPERIMENT, wildcards.arm))}.json"
    if (base(wildcards) / "model_index.json").is_file():
        name = engine_name(base(wildcards))
    elif record.is_file():
        name = json.loads(record.read_text(encoding="utf-8"))["engine"]
    else:
        return []
    return [f"scripts.lib.engines.{name}"]


def trainable(cell):
    """Return the module of what a cell trains."""
    return f"scripts.lib.training.trainables.{EXPERIMENT.arms[cell.arm].finetune.trainable.kind}"


def copies(cell):
    """Return how often its base model lies in the memory of a cell's fine-tune."""
    finetune = EXPERIMENT.arms[cell.arm].finetune
    memory = trainable_of(finetune.trainable.kind).MEMORY + (finetune.average is not None)
    # Of the two moments in 8 bits, half a copy is left.
    return memory - 1 if memory > 1 and finetune.optimizer == "adamw_8bit" else memory


def trained_with(cell):
    """Return the module that loads a cell's model; none for a base model."""
    return [] if cell.is_base else [trainable(cell)]


def checked(*uses):
    """Return the records of weights that were found right; no GPU job starts before those of its own exist."""
    return [f"<results>/weights/{use}.json" for use in uses]


def downloaded(*paths):
    """Return the downloads that bring these weights; existing files are kept, whatever their age.

    None where results are stored elsewhere: a job with a file of this machine would run on this machine.
    """
    keys = sorted({weights.download_of(EXPERIMENT, path) for path in paths} - {None})
    return [] if STORED else [ancient(key) for key in keys]


def of_embedding(value):
    """Return what a job's embedding determines: an input or a parameter; fixed where there is one embedding."""
    if len(EMBEDDINGS) == 1:
        return fixed(value(*EMBEDDINGS))
    return lambda wildcards: value(wildcards.embedding)


def embedded(images):
    """Return the embeddings of an image set: for the CLIP score, and one per feature space."""
    return embedding_of(images, CLIP_SCORE), [embedding_of(images, embedding) for embedding in SPACES.values()]


def slot_draw(wildcards):
    """Return the seed of a cell's slots: the same in every arm, a new one each iteration unless they are kept."""
    iteration = wildcards.iteration if EXPERIMENT.compose.slots == "redraw" else 0
    return seed_of(EXPERIMENT.seed, wildcards.replicate, iteration, "slots")


FOLDERS = {name: source for arm in EXPERIMENT.arms.values() for name, source in arm.sources.items() if source.path}


def parts_option(wildcards):
    """Return the option that says which part of the generated images each image set has; none of a sole source."""
    if set(arm_of(wildcards).sources) == {SELF}:
        return ""
    return in_file({"parts": json.dumps(parts(EXPERIMENT, this(wildcards)))})


@cache
def finetune_settings(arm):
    """Return the option that says how an arm is fine-tuned."""
    return in_file({"settings": EXPERIMENT.arms[arm].finetune.model_dump_json()})


@cache
def generate_settings(arm, mode):
    """Return the option that says how an arm generates, but for the cells that it names."""
    changes = {"mode": mode, "match": None, "extrapolate": None}
    return in_file({"settings": settings_of(arm).generate.model_copy(update=changes).model_dump_json()})


def generate_options(wildcards, mode=None):
    """Return the options of a cell's generation, in the arm's mode or another; what its settings name is a file."""
    settings = arm_of(wildcards).generate
    options = [generate_settings(wildcards.arm, mode or settings.mode), flags(trained_option(this(wildcards)))]
    if (mode or settings.mode) == "img2img":
        options += [flags({"match": f"{PLACE}/{path}"}) for path in match_inputs(EXPERIMENT, this(wildcards))["match"]]
    for cell in extrapolated(EXPERIMENT, this(wildcards)):
        of = {f"of_{key}".removesuffix("_trained"): value for key, value in trained_option(cell).items()}
        options.append(flags({"extrapolate": settings.extrapolate.weight, **of}))
    return " ".join(options)


def made_with(wildcards):
    """Return the cells whose models make a cell's images: its own, and one whose predictions are extrapolated."""
    return [this(wildcards), *extrapolated(EXPERIMENT, this(wildcards))]


def merge_options(wildcards):
    """Return the options that give a merge its two models, and say how they were trained."""
    found = {}
    for name, cell in zip(("of", "other"), merged_from(EXPERIMENT, this(wildcards))):
        found |= {f"{name}_{key}".removesuffix("_trained"): value for key, value in trained_option(cell).items()}
    return flags(found)


def checked_model(wildcards):
    """Return the records of the checks of a cell's base model, and of the sampler that takes the place of its own."""
    scheduler, use = arm_of(wildcards).generate.scheduler, weights.use_of(base_name(EXPERIMENT, wildcards.arm))
    return checked(use, *([f"{use}-scheduler-{scheduler}"] if scheduler else []))


def fresh_table(wildcards):
    """Return the table whose job checks whether there are real images enough, before an arm's first fine-tune."""
    needed = arm_of(wildcards).real == "fresh" and arm_of(wildcards).last_iteration > 1
    return ancient(f"<results>/{data(wildcards)}/fresh.csv") if needed else []


def step_of(wildcards):
    """Return the step that a job takes."""
    return steps(EXPERIMENT, this(wildcards))[int(wildcards.step.partition("-")[0]) - 1]


def real_beside(images):
    """Return the folder of the real images beside a set of them; that of the first replicate for other images."""
    return f"dataset/{images.partition('/')[0]}" if images.startswith("seed-") else data_folders(EXPERIMENT)[0]


def reward_settings(wildcards):
    """Return the settings of a score."""
    return getattr(EXPERIMENT.rewards, wildcards.reward)


def reward_rows(wildcards, images):
    """Return what identifies what a score reads of a table of the user's for an image set; nothing for other scores."""
    kind = kinds("rewards")[wildcards.reward]
    return kind.identity(reward_settings(wildcards), images) if hasattr(kind, "identity") else ""


def reward_weights(wildcards):
    """Return the weights that a score loads."""
    return [use.path for use in weights.uses_of_reward(EXPERIMENT, wildcards.reward).values()]


def rejections(cells):
    """Return the tables of the steps that may reject images, of these cells: all but those that rewrite them."""
    return [
        f"<results>/{cell}/curation/{step.name}.csv"
        for cell in cells
        for step in steps(EXPERIMENT, cell)
        if not step.needs.rewrites
    ]


def beside_a_run(wildcards):
    """Refuse to end another run's lock: Snakemake 9.27 removes every lock of the folder when a run ends."""
    if workflow.execution_settings.lock and any(Path(".snakemake/locks").glob("*")):
        raise WorkflowError("Another Snakemake runs in this folder, or was killed in it: look with --nolock.")
    return []


def on_disk(wildcards):
    """Refuse to look for results that lie elsewhere: the scripts would find none, and say that nothing has run."""
    if STORED:
        raise WorkflowError(
            "`plan` and `status` look at results on disk, and those of this run are in"
            f" {workflow.storage_settings.default_storage_prefix}. Copy them to `results`, and leave the profile or the"
            " storage options out: docs/kubernetes.md says how."
        )
    return []


BASE_OPTION = of_base(lambda name: flags({"model": BASES[name]}))
BASE_DIGEST = of_base(lambda name: BASE_DIGESTS[name])
BASE_DOWNLOAD = of_base(lambda name: downloaded(BASES[name]))
CHECKED_BASE = of_base(lambda name: checked(weights.use_of(name)))
