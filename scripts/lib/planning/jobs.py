"""The jobs of every cell and what each reads: the graph of the loop, as plain data.

This is its one source. The rules' input functions ask it what a job reads; who looks at an experiment without running
it asks it which jobs there are. Paths are those in the results' folder.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from scripts.lib.base.kinds import kinds
from scripts.lib.experiment.cell import Cell
from scripts.lib.experiment.config.experiment import Experiment
from scripts.lib.experiment.lineage import base_of, extrapolated, in_order, initial, is_trained, matched, merged_from
from scripts.lib.planning.amounts import shards_a_cell
from scripts.lib.planning.image_sets import (
    SCORED,
    Inputs,
    Step,
    candidates,
    data_of,
    image_sets,
    real_images,
    steps,
    training_sets,
)

ON_GPU = {"finetune", "generate", "unseen", "validate", "embed", "embed_set", "reward", "rewrite_with_model"}


class Job(NamedTuple):
    """One job of one cell.

    Attributes:
        output: the file that stands for the job: the last that it writes of those that stay.
        needs: the outputs of the jobs that it waits for, those of the dataset left out.
        name: what its log and its benchmark are called, in the folder of the cell.
    """

    rule: str
    cell: Cell
    output: str
    needs: tuple[str, ...]
    name: str


def jobs(experiment: Experiment) -> list[Job]:
    """Return the jobs of all cells, each after those that it waits for."""
    every = in_order(experiment)
    asked = set().union(*(of_sets(experiment, cell) for cell in every))
    sets = image_sets(experiment)
    found: list[Job] = []
    for cell in every:
        if not cell.is_base:
            found += _training(experiment, cell)
        found += _images(experiment, cell, sets[cell])
        for suffix in sets[cell]:
            found += _of_set(experiment, f"{cell}/generated{suffix}.zip", asked)
    return found


def reward_of(images: str, kind: str) -> str:
    """Return the table of the scores of an image set."""
    return f"{images.removesuffix('.zip')}-{kind}.csv"


def rewards(experiment: Experiment, cell: Cell, step: Step) -> list[str]:
    """Return the tables of scores that a step reads: those of its candidates, and then of its base model's images."""
    if step.needs.reward is None:
        return []
    judged = [real_images(experiment, cell)] if step.needs.judges_real else []
    images = [*candidates(experiment, cell, step.number)["images"], *judged]
    first = [f"{base_of(experiment, cell)}/generated.zip"] if step.needs.first_batch else []
    return [reward_of(path, step.needs.reward) for path in [*images, *first]]


def curate_inputs(experiment: Experiment, cell: Cell, number: int) -> Inputs:
    """Return what a step of curation reads, by the name of the script's option."""
    step = steps(experiment, cell)[number - 1]
    found = candidates(experiment, cell, number)
    scores = rewards(experiment, cell, step)
    batches = len(scores) - step.needs.first_batch
    every = [f"{data_of(experiment, cell.replicate)}/images.zip"] if step.needs.real else []
    real = every or ([real_images(experiment, cell)] if step.needs.judges_real else [])
    return found | {"rewards": scores[:batches], "first_batch": scores[batches:], "real": real}


def compose_inputs(experiment: Experiment, cell: Cell) -> Inputs:
    """Return what the composition of a training set reads: the real images' table, and what curation has left."""
    judged = [f"{cell}/curation/{step.name}.csv" for step in steps(experiment, cell) if step.needs.judges_real]
    return {"real": [real_images(experiment, cell)], **candidates(experiment, cell), "judged": judged}


def finetune_inputs(experiment: Experiment, cell: Cell) -> Inputs:
    """Return what a fine-tune reads: the table of its training set, the image sets, the model that it starts from."""
    return {
        "training": [f"{cell}/training.csv"],
        "images": training_sets(experiment, cell),
        "start": model_folders(initial(experiment, cell)),
    }


def embedding_of(images: str, embedding: str) -> str:
    """Return the embeddings of an image set."""
    return f"{images.removesuffix('.zip')}-{embedding}.safetensors"


def compared_inputs(experiment: Experiment, cell: Cell) -> Inputs:
    """Return what compares a cell with its training set: the table, and the embeddings of the sets that it names."""
    spaces = [experiment.score.embedding(space) for space in experiment.score.features]
    sets = training_sets(experiment, cell)
    return {
        "training": [f"{cell}/training.csv"] if is_trained(experiment, cell) else [],
        "training_features": [embedding_of(images, space) for space in spaces for images in sets],
    }


def classified_inputs(experiment: Experiment, images: str) -> Inputs:
    """Return the table of a classifier's labels of an image set, where the real images are classified by it."""
    return {"classified": [images.replace(".zip", "-classified.csv")] if experiment.dataset.classified else []}


def validated_inputs(experiment: Experiment, cell: Cell) -> Inputs:
    """Return the table of a model's losses on real images, where some are held out and losses are asked for."""
    metrics: Any = experiment.score.metrics
    held_out = experiment.dataset.reference == "disjoint" and metrics.validation_loss.draws > 0
    return {"validation": [f"{cell}/validation.csv"] if held_out else []}


def score_inputs(experiment: Experiment, cell: Cell) -> Inputs:
    """Return what the scores of a cell read besides embeddings of its own images and of the reference."""
    classified = classified_inputs(experiment, f"{cell}/generated.zip")
    return compared_inputs(experiment, cell) | classified | validated_inputs(experiment, cell)


def of_sets(experiment: Experiment, cell: Cell) -> set[str]:
    """Return what the jobs of a cell read of single image sets: tables of scores, and embeddings."""
    scores = [path for step in steps(experiment, cell) for path in rewards(experiment, cell, step)]
    return {*scores, *compared_inputs(experiment, cell)["training_features"]}


def merge_inputs(experiment: Experiment, cell: Cell) -> Inputs:
    """Return what a merge reads: its two models; nothing for the base model."""
    of, other = (model_folders(source) for source in merged_from(experiment, cell))
    return {"of": of, "other": other}


def models_inputs(experiment: Experiment, cell: Cell) -> Inputs:
    """Return the models that make a cell's images: its own, and one whose predictions are extrapolated."""
    of = [folder for source in extrapolated(experiment, cell) for folder in model_folders(source)]
    return {"trained": model_folders(cell), "of": of}


def match_inputs(experiment: Experiment, cell: Cell) -> Inputs:
    """Return the record of the images as whose generation a cell's image-to-image begins."""
    return {"match": [f"{other}/generated/shard-0.json" for other in matched(experiment, cell)]}


def model_folders(cell: Cell) -> list[str]:
    """Return the folder of a cell's model, which holds what its trainable keeps; none for the base model."""
    return [] if cell.is_base else [f"{cell}/model"]


def _job(
    experiment: Experiment, rule: str, cell: Cell, output: str, inputs: Mapping[str, list[str]], name: str | None = None
) -> Job:
    """Return a job that waits for those that make its inputs."""
    read = [path for paths in inputs.values() for path in paths if not path.startswith("dataset/")]
    needs = dict.fromkeys(_made_with(experiment, path) for path in read)
    return Job(rule, cell, f"{cell}/{output}", tuple(needs), name or rule)


def _made_with(experiment: Experiment, path: str) -> str:
    """Return the output that stands for the job that makes a file: the record of a model, the table of a step."""
    if path.endswith("/model"):
        arm = Cell.from_path(Path(path)).arm
        return f"{path.removesuffix('model')}{'finetune' if experiment.arms[arm].merge is None else 'merge'}.json"
    if path.endswith(("/unseen.zip", "/validation.csv")):
        return path.rpartition(".")[0] + ".json"
    return path.replace(".zip", ".csv") if "/curation/" in path else path


def _training(experiment: Experiment, cell: Cell) -> Iterator[Job]:
    """Yield the jobs that make the model of a cell."""
    if merged_from(experiment, cell):
        yield _job(experiment, "merge", cell, "merge.json", merge_inputs(experiment, cell))
        return
    asked = of_sets(experiment, cell)
    for step in steps(experiment, cell):
        inputs = curate_inputs(experiment, cell, step.number)
        name = f"curation/{step.name}"
        yield _job(experiment, step.rule, cell, f"{name}.csv", inputs, name)
        yield from _of_set(experiment, f"{cell}/curation/{step.name}.zip", asked)
    yield _job(experiment, "compose", cell, "training.csv", compose_inputs(experiment, cell))
    yield _job(experiment, "finetune", cell, "finetune.json", finetune_inputs(experiment, cell))


def _of_set(experiment: Experiment, images: str, asked: set[str]) -> Iterator[Job]:
    """Yield the jobs that score and embed an image set, of what is asked; `embed` embeds the images of the scores."""
    made = {reward_of(images, kind): "reward" for kind in kinds("rewards")}
    if not images.endswith(SCORED):
        made |= {embedding_of(images, embedding): "embed_set" for embedding in experiment.score.embeddings}
    cell = Cell.from_path(Path(images.replace("/curation", "")))
    for path, rule in made.items():
        if path in asked:
            output = path.removeprefix(f"{cell}/")
            yield _job(experiment, rule, cell, output, {"images": [images]}, output.rpartition(".")[0])


def _images(experiment: Experiment, cell: Cell, sets: list[str]) -> Iterator[Job]:
    """Yield the jobs that make the image sets of a cell, and score the first."""
    models, match = models_inputs(experiment, cell), match_inputs(experiment, cell)
    for suffix in sets:
        shards = [f"generated{suffix}/shard-{shard}.json" for shard in range(shards_a_cell(experiment))]
        for shard, output in enumerate(shards):
            yield _job(experiment, "generate", cell, output, models | match, f"generate{suffix}-{shard}")
        inputs = {"shards": [f"{cell}/{output}" for output in shards]}
        yield _job(experiment, "gather", cell, f"generated{suffix}.zip", inputs, f"gather{suffix}")
    images, unseen = f"{cell}/generated.zip", f"{cell}/unseen.zip"
    yield _job(experiment, "unseen", cell, "unseen.json", models)
    embeddings = {embedding: embedding_of("generated.zip", embedding) for embedding in experiment.score.embeddings}
    for embedding, output in embeddings.items():
        yield _job(experiment, "embed", cell, output, {"sets": [images, unseen]}, f"embed-{embedding}")
    scored = score_inputs(experiment, cell)
    for path in scored["classified"]:
        output = path.removeprefix(f"{cell}/")
        yield _job(experiment, "classify_set", cell, output, {"images": [images]}, output.removesuffix(".csv"))
    if scored["validation"]:
        yield _job(experiment, "validate", cell, "validation.json", {"trained": model_folders(cell)})
    own = {"images": [images, unseen, *(f"{cell}/{path}" for path in embeddings.values())]}
    yield _job(experiment, "score", cell, "scores.json", own | scored)
