"""The jobs of every cell and what each waits for: the graph that the rules of the loop make, as plain data.

For who looks at an experiment without running it; a test compares it with the graph that Snakemake itself makes.
"""

from collections.abc import Iterator
from math import ceil, prod
from typing import NamedTuple

from scripts.lib.experiment.cell import BASE, Cell
from scripts.lib.experiment.config.experiment import Experiment
from scripts.lib.experiment.lineage import every_cell, initial, previous

ON_GPU = {"finetune", "generate", "unseen", "embed", "single_image_distance"}


class Job(NamedTuple):
    """One job of one cell.

    Attributes:
        output: the file that stands for the job, as a path in the experiment's results: the last that it
            writes of those that stay.
        needs: the outputs of the jobs that it waits for, those of the dataset left out.
        name: what its log and its benchmark are called.
    """

    rule: str
    cell: Cell
    output: str
    needs: tuple[str, ...]
    name: str


def jobs(experiment: Experiment) -> list[Job]:
    """Return the jobs of all cells, each after those that it waits for."""
    every = sorted(every_cell(experiment), key=lambda cell: cell.iteration)
    culled = [cell for cell in every if cell.arm != BASE and experiment.arms[cell.arm].control == "cull"]
    measured = {previous(experiment, cell) for cell in culled} | {Cell(BASE, cell.replicate, 0) for cell in culled}
    found: list[Job] = []
    for cell in every:
        if cell.arm != BASE:
            found += _training(experiment, cell)
        found += _images(experiment, cell)
        if cell in measured:
            found.append(_job("single_image_distance", cell, "distances.csv", f"{cell}/generated.zip"))
    return found


def images_a_cell(experiment: Experiment) -> int:
    """Return how many images a cell trains on, and generates; fewer where groups go short."""
    return experiment.dataset.per_group * prod(len(values) for values in experiment.dataset.attributes.values())


def shards_a_cell(experiment: Experiment) -> int:
    """Return how many jobs share the generation of one cell, each with one image at least."""
    execution, images = experiment.execution, images_a_cell(experiment)
    if execution.shard_minutes is None or execution.seconds_per_image is None:
        return min(images, execution.shards)
    return min(images, ceil(images * execution.seconds_per_image / (60 * execution.shard_minutes)))


def _job(rule: str, cell: Cell, output: str, *needs: str, name: str | None = None) -> Job:
    return Job(rule, cell, f"{cell}/{output}", needs, name or rule)


def _training(experiment: Experiment, cell: Cell) -> Iterator[Job]:
    """Yield the jobs that make the U-Net of a cell."""
    arm, before = experiment.arms[cell.arm], previous(experiment, cell)
    generated = (f"{before}/generated.zip",) if arm.synthetic else ()
    if arm.control == "match_histograms" and generated:
        yield _job("match_histograms", cell, "matched.zip", *generated)
        generated = (f"{cell}/matched.zip",)
    slots = generated
    if arm.control == "cull":
        first = Cell(BASE, cell.replicate, 0)
        yield _job("cull", cell, "culled.csv", *dict.fromkeys([f"{before}/distances.csv", f"{first}/distances.csv"]))
        slots = (f"{cell}/culled.csv",)
    yield _job("compose", cell, "training.csv", *slots)
    start = initial(experiment, cell)
    weights = () if start.arm == BASE else (f"{start}/finetune.json",)
    yield _job("finetune", cell, "finetune.json", f"{cell}/training.csv", *generated, *weights)


def _images(experiment: Experiment, cell: Cell) -> Iterator[Job]:
    """Yield the jobs that make and score the images of a cell."""
    weights = () if cell.arm == BASE else (f"{cell}/finetune.json",)
    shards = [f"generated/shard-{shard}.json" for shard in range(shards_a_cell(experiment))]
    for shard, output in enumerate(shards):
        yield _job("generate", cell, output, *weights, name=f"generate-{shard}")
    images, unseen, features = f"{cell}/generated.zip", f"{cell}/unseen.json", f"{cell}/generated.safetensors"
    yield _job("gather", cell, "generated.zip", *(f"{cell}/{output}" for output in shards))
    yield _job("unseen", cell, "unseen.json", *weights)
    yield _job("embed", cell, "generated.safetensors", images, unseen)
    yield _job("score", cell, "scores.json", images, unseen, features)
