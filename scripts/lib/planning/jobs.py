"""The jobs of every cell and what each reads: the graph of the loop, as plain data.

This is its one source. The rules' input functions ask it what a job reads; who looks at an experiment without running
it asks it which jobs there are. Paths are those in the results' folder.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from scripts.lib.base.kinds import kinds
from scripts.lib.curation.candidates import Needs
from scripts.lib.experiment.cell import Cell
from scripts.lib.experiment.config.experiment import Experiment
from scripts.lib.experiment.config.section import Section
from scripts.lib.experiment.lineage import (
    base_of,
    cells,
    every_cell,
    in_order,
    initial,
    is_trained,
    matched,
    merged_from,
    sources,
)
from scripts.lib.planning.amounts import shards_a_cell

REAL = "dataset/images.zip"
SCORED = "/generated.zip"  # Of a cell, the image set that is scored; further candidates of its slots lie beside it.
ON_GPU = {"finetune", "generate", "unseen", "embed", "reward", "rewrite_with_model"}
Inputs = dict[str, list[str]]


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


class Step(NamedTuple):
    """One step of the curation of a cell's candidates, and what it reads and makes besides their table."""

    number: int
    kind: str
    settings: Section
    needs: Needs

    @property
    def name(self) -> str:
        """Its name in paths: steps are numbered in their order, from 1."""
        return f"{self.number}-{self.kind}"

    @property
    def rule(self) -> str:
        """The rule that takes it."""
        if not self.needs.rewrites:
            return "curate"
        return "rewrite_with_model" if self.needs.model else "rewrite"


def jobs(experiment: Experiment) -> list[Job]:
    """Return the jobs of all cells, each after those that it waits for."""
    every = in_order(experiment)
    scored = {path for cell in every for step in steps(experiment, cell) for path in rewards(experiment, cell, step)}
    sets = image_sets(experiment)
    found: list[Job] = []
    for cell in every:
        if not cell.is_base:
            found += _training(experiment, cell)
        found += _images(experiment, cell, sets[cell])
        for suffix in sets[cell]:
            found += _rewards(experiment, f"{cell}/generated{suffix}.zip", scored)
    return found


def steps(experiment: Experiment, cell: Cell) -> list[Step]:
    """Return the steps of curation that a cell's candidates go through: none where no generated image trains."""
    if not is_trained(experiment, cell) or experiment.arms[cell.arm].synthetic == 0:
        return []
    return [
        Step(number, step.kind, step.settings, kinds("curation")[step.kind].needs(step.settings))
        for number, step in enumerate(experiment.arms[cell.arm].curate, start=1)
    ]


def parts(experiment: Experiment, cell: Cell) -> dict[str, float]:
    """Return the generated image sets that a cell may train on, and which part of its generated images each has.

    The regime of the arm chooses among the image sets of each source.
    """
    arm = experiment.arms[cell.arm]
    found: dict[str, float] = {}
    for name, line in sources(experiment, cell).items() if arm.synthetic and arm.merge is None else ():
        folder = [f"dataset/sources/{name}.zip"]
        models = [f"{source}/generated.zip" for source in kinds("regimes")[arm.regime.kind].pool(line)]
        for path in models if line else folder:
            found[path] = found.get(path, 0) + arm.sources[name].share
    return found


def pool(experiment: Experiment, cell: Cell) -> list[str]:
    """Return the image sets that a cell may train on: those of ``parts``, with further candidates of their models."""
    most = max((step.needs.candidates for step in steps(experiment, cell)), default=1)
    return [
        path.replace(SCORED, f"/generated{suffix}.zip")
        for path in parts(experiment, cell)
        for suffix in suffixes(most if path.endswith(SCORED) else 1)
    ]


def image_sets(experiment: Experiment) -> dict[Cell, list[str]]:
    """Return for each cell what the names of its image sets end in: one for the scores, and further candidates."""
    most = dict.fromkeys(every_cell(experiment), 1)
    for cell in cells(experiment):
        for path in pool(experiment, cell):
            folder, _, number = path.removesuffix(".zip").partition("/generated-")
            if number:
                source = Cell.from_path(Path(folder, "generated.zip"))
                most[source] = max(most[source], int(number))
    return {cell: suffixes(number) for cell, number in most.items()}


def suffixes(number: int) -> list[str]:
    """Return what the names of a cell's image sets end in; those of further candidates are numbered from 2."""
    return ["", *(f"-{candidate}" for candidate in range(2, number + 1))]


def candidates(experiment: Experiment, cell: Cell, before: int | None = None) -> Inputs:
    """Return where the candidates lie before a step of curation, or after all steps.

    Args:
        before: the number of the step; None: after all.

    Returns:
        ``images``, the image sets; ``before``, the table of the step before, if there is one.
    """
    done = [step for step in steps(experiment, cell) if before is None or step.number < before]
    images = pool(experiment, cell)
    for step in done:
        images = [f"{cell}/curation/{step.name}.zip"] if step.needs.rewrites else images
    return {"images": images, "before": [f"{cell}/curation/{step.name}.csv" for step in done[-1:]]}


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
    needed = REAL if step.needs.real else real_images(experiment, cell) if step.needs.judges_real else None
    real = [needed] if needed else []
    return found | {"rewards": scores[:batches], "first_batch": scores[batches:], "real": real}


def real_images(experiment: Experiment, cell: Cell) -> str:
    """Return the real images that a cell may train on: those of the experiment, or a fresh set from iteration 2 on."""
    fresh = experiment.arms[cell.arm].real == "fresh" and cell.iteration > 1
    return f"dataset/fresh/{cell.iteration - 1}.zip" if fresh else REAL


def fresh_sets(experiment: Experiment) -> int:
    """Return how many sets of fresh real images the arms need."""
    return max((arm.last_iteration - 1 for arm in experiment.arms.values() if arm.real == "fresh"), default=0)


def compose_inputs(experiment: Experiment, cell: Cell) -> Inputs:
    """Return what the composition of a training set reads: the real images' table, and what curation has left."""
    judged = [f"{cell}/curation/{step.name}.csv" for step in steps(experiment, cell) if step.needs.judges_real]
    return {"real": [real_images(experiment, cell)], **candidates(experiment, cell), "judged": judged}


def training_sets(experiment: Experiment, cell: Cell) -> list[str]:
    """Return the image sets that a cell is trained on; the real images where it has no training set of its own."""
    if not is_trained(experiment, cell):
        return [REAL]
    return [real_images(experiment, cell), *candidates(experiment, cell)["images"]]


def finetune_inputs(experiment: Experiment, cell: Cell) -> Inputs:
    """Return what a fine-tune reads: the table of its training set, the image sets, the model that it starts from."""
    return {
        "training": [f"{cell}/training.csv"],
        "images": training_sets(experiment, cell),
        "start": model_folders(initial(experiment, cell)),
    }


def generate_inputs(experiment: Experiment, cell: Cell) -> Inputs:
    """Return what the generation of a cell reads: its model, and the record of the images that it begins as."""
    match = [f"{other}/generated/shard-0.json" for other in matched(experiment, cell)]
    return {"trained": model_folders(cell), "match": match}


def embed_inputs(experiment: Experiment, cell: Cell) -> Inputs:
    """Return what the embedding of a cell reads: its images and its training set, the real images where it has none."""
    images = training_sets(experiment, cell)
    training = (
        {"training": [f"{cell}/training.csv"], "images": images}
        if is_trained(experiment, cell)
        else {"training": images}
    )
    return {"sets": [f"{cell}/generated.zip", f"{cell}/unseen.zip"]} | training


def merge_inputs(experiment: Experiment, cell: Cell) -> Inputs:
    """Return what a merge reads: its two models; nothing for the base model."""
    of, other = (model_folders(source) for source in merged_from(experiment, cell))
    return {"of": of, "other": other}


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
    return path.replace(".zip", ".csv") if "/curation/" in path else path.replace("/unseen.zip", "/unseen.json")


def _training(experiment: Experiment, cell: Cell) -> Iterator[Job]:
    """Yield the jobs that make the model of a cell."""
    if merged_from(experiment, cell):
        yield _job(experiment, "merge", cell, "merge.json", merge_inputs(experiment, cell))
        return
    scored = {path for step in steps(experiment, cell) for path in rewards(experiment, cell, step)}
    for step in steps(experiment, cell):
        inputs = curate_inputs(experiment, cell, step.number)
        name = f"curation/{step.name}"
        yield _job(experiment, step.rule, cell, f"{name}.csv", inputs, name)
        yield from _rewards(experiment, f"{cell}/curation/{step.name}.zip", scored)
    yield _job(experiment, "compose", cell, "training.csv", compose_inputs(experiment, cell))
    yield _job(experiment, "finetune", cell, "finetune.json", finetune_inputs(experiment, cell))


def _rewards(experiment: Experiment, images: str, scored: set[str]) -> Iterator[Job]:
    """Yield the jobs that score an image set, of the tables that are read."""
    for kind in kinds("rewards"):
        if (table := reward_of(images, kind)) in scored:
            cell = Cell.from_path(Path(images.replace("/curation", "")))
            output = table.removeprefix(f"{cell}/")
            yield _job(experiment, "reward", cell, output, {"images": [images]}, output.removesuffix(".csv"))


def _images(experiment: Experiment, cell: Cell, sets: list[str]) -> Iterator[Job]:
    """Yield the jobs that make the image sets of a cell, and score the first."""
    begun = generate_inputs(experiment, cell)
    for suffix in sets:
        shards = [f"generated{suffix}/shard-{shard}.json" for shard in range(shards_a_cell(experiment))]
        for shard, output in enumerate(shards):
            yield _job(experiment, "generate", cell, output, begun, f"generate{suffix}-{shard}")
        inputs = {"shards": [f"{cell}/{output}" for output in shards]}
        yield _job(experiment, "gather", cell, f"generated{suffix}.zip", inputs, f"gather{suffix}")
    embeddings = [f"generated-{embedding}.safetensors" for embedding in experiment.score.embeddings]
    yield _job(experiment, "unseen", cell, "unseen.json", {"trained": begun["trained"]})
    for output in embeddings:
        name = f"embed-{output.removeprefix('generated-').removesuffix('.safetensors')}"
        yield _job(experiment, "embed", cell, output, embed_inputs(experiment, cell), name)
    scored = {"images": [f"{cell}/generated.zip", f"{cell}/unseen.json", *(f"{cell}/{path}" for path in embeddings)]}
    yield _job(experiment, "score", cell, "scores.json", scored)
