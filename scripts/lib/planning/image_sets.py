"""The image sets of the loop: which each cell makes, which it may train on, and what curation makes of them.

Paths are those in the results' folder.
"""

from pathlib import Path
from typing import NamedTuple

from scripts.lib.base.kinds import kinds
from scripts.lib.curation.candidates import Needs
from scripts.lib.experiment.cell import Cell
from scripts.lib.experiment.config.experiment import Experiment
from scripts.lib.experiment.config.section import Section
from scripts.lib.experiment.lineage import cells, every_cell, is_trained, sources

SCORED = "/generated.zip"  # Of a cell, the image set that is scored; further candidates of its slots lie beside it.
Inputs = dict[str, list[str]]


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


def steps(experiment: Experiment, cell: Cell) -> list[Step]:
    """Return the steps of curation that a cell's candidates go through: none where no generated image trains."""
    if not is_trained(experiment, cell) or experiment.arms[cell.arm].synthetic == 0:
        return []
    chosen = experiment.arms[cell.arm].curate
    return [
        Step(number, step.kind, step.settings, kinds("curation")[step.kind].needs(step.settings))
        for number, step in enumerate(chosen, start=1)
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


def data_of(experiment: Experiment, replicate: int) -> str:
    """Return the folder of a replicate's real images: one for all of them, or its own under ``replicate: data``."""
    return "dataset" if experiment.replicate == "noise" else f"dataset/seed-{replicate}"


def data_folders(experiment: Experiment) -> list[str]:
    """Return the folders of real images, in the order of the replicates."""
    return list(dict.fromkeys(data_of(experiment, replicate) for replicate in experiment.replicates))


def real_images(experiment: Experiment, cell: Cell) -> str:
    """Return the real images that a cell may train on: those of the experiment, or a fresh set from iteration 2 on."""
    fresh = experiment.arms[cell.arm].real == "fresh" and cell.iteration > 1
    return f"{data_of(experiment, cell.replicate)}/{f'fresh/{cell.iteration - 1}' if fresh else 'images'}.zip"


def fresh_sets(experiment: Experiment) -> int:
    """Return how many sets of fresh real images the arms need."""
    return max((arm.last_iteration - 1 for arm in experiment.arms.values() if arm.real == "fresh"), default=0)


def training_sets(experiment: Experiment, cell: Cell) -> list[str]:
    """Return the image sets that a cell is trained on; the real images where it has no training set of its own."""
    if not is_trained(experiment, cell):
        return [f"{data_of(experiment, cell.replicate)}/images.zip"]
    return [real_images(experiment, cell), *candidates(experiment, cell)["images"]]
