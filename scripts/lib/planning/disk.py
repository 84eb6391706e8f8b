"""What an experiment puts on the disk: bytes of its files, and the most that lie there at once."""

from collections.abc import Mapping
from itertools import accumulate
from typing import NamedTuple

import pandas as pd

from scripts.lib.base.kinds import kinds
from scripts.lib.base.safetensors_files import Shapes
from scripts.lib.experiment.cell import Cell
from scripts.lib.experiment.config.experiment import Experiment
from scripts.lib.experiment.lineage import base_name, cells, extrapolated, fine_tunes, initial, last_cells, merged_from
from scripts.lib.planning.amounts import images_a_cell
from scripts.lib.planning.jobs import Job
from scripts.lib.planning.pilot import Pilot, images_of
from scripts.lib.planning.schedule import Span
from scripts.lib.training.trainable import trainable_of

WITH_MODEL = ("finetune", "generate", "unseen")
WITH_IMAGES = ("generate", "unseen", "rewrite", "rewrite_with_model")
CHECKPOINTS = 3  # The two newest and the one that is being written.


class Sizes(NamedTuple):
    """Bytes of what a cell's fine-tune trains, of its model, of an image, and of what else a cell keeps."""

    trained: Mapping[Cell, float]
    model: Mapping[Cell, float]
    image: float
    other: float


def sizes_of(experiment: Experiment, pilot: Pilot, parameters: Mapping[str, Shapes]) -> Sizes:
    """Return the bytes of files: of models those of their float32 weights; of others measured, or uncompressed.

    Args:
        parameters: of each base model the shapes of those of its network, by name.
    """
    trained, model = {}, {}
    for cell in cells(experiment):
        chosen = experiment.arms[cell.arm].finetune.trainable
        trainable, length = trainable_of(chosen.kind), fine_tunes(experiment, cell)
        own = parameters[base_name(experiment, cell.arm)]
        trained[cell] = trainable.size(own, chosen.settings)
        both = 1 if experiment.arms[cell.arm].finetune.average is None else 2  # The average, and the last weights.
        model[cell] = both * trainable.kept(own, chosen.settings, length)
    image = pilot.image or 3.0 * experiment.dataset.resolution**2
    return Sizes(trained, model, image, pilot.other * images_a_cell(experiment))


def peak(experiment: Experiment, every: list[Job], spans: Mapping[str, Span], sizes: Sizes) -> float:
    """Return the most bytes that lie on the disk at any time of a schedule, under the experiment's ``keep``.

    A fine-tune that runs for long has checkpoints; a model that is not kept goes when the last job that reads
    it ends.
    """
    kept = set(cells(experiment) if experiment.execution.keep == "all" else last_cells(experiment))
    last_read: dict[Cell, float] = {}
    for job in every:
        for read in _read(experiment, job):
            last_read[read] = max(last_read.get(read, 0.0), spans[job.output].end)
    changes = []
    for job in every:
        start, end, _ = spans[job.output]
        if job.rule == "finetune":
            saved = min(CHECKPOINTS, int((end - start) / 60 / experiment.execution.checkpoint_minutes))
            finetune = experiment.arms[job.cell.arm].finetune
            copies = trainable_of(finetune.trainable.kind).CHECKPOINT + (finetune.average is not None)
            checkpoints = saved * copies * sizes.trained[job.cell]
            changes += [(start, checkpoints), (end, -checkpoints)]
        if job.rule in ("finetune", "merge"):
            changes.append((end, sizes.model[job.cell]))
            if job.cell not in kept:
                changes.append((last_read[job.cell], -sizes.model[job.cell]))
        elif job.rule in WITH_IMAGES:
            changes.append((end, images_of(experiment, job) * sizes.image))
        elif job.rule == "score":
            changes.append((end, sizes.other))
    ordered = sorted(changes, key=lambda change: (change[0], -change[1]))
    return max(accumulate(change for _, change in ordered), default=0.0)


def _read(experiment: Experiment, job: Job) -> list[Cell]:
    """Return the cells whose models a job loads."""
    if job.rule == "merge":
        return merged_from(experiment, job.cell)
    if job.rule == "finetune":
        return [initial(experiment, job.cell)]
    return [job.cell, *extrapolated(experiment, job.cell)] if job.rule in WITH_MODEL else []


def table(
    experiment: Experiment, every: list[Job], sizes: Sizes, pilot: Pilot, parameters: Mapping[str, Shapes]
) -> pd.DataFrame:
    """Return one row per kind of file: ``files, number, bytes_each, bytes_all, source``.

    A trainable that no arm has is there too, with its defaults, to compare.
    """
    images = sum(images_of(experiment, job) for job in every if job.rule in WITH_IMAGES)
    scored = sum(job.rule == "score" for job in every)
    keep = experiment.execution.keep
    kept = {"all": cells(experiment), "last": last_cells(experiment)}
    rows = [
        (
            f"models, keep: {option}{' (as configured)' if option == keep else ''}",
            len(found),
            sum(sizes.model[cell] for cell in found),
            "counted: float32",
        )
        for option, found in kept.items()
    ]
    used = {arm.finetune.trainable.kind for arm in experiment.arms.values()}
    for name, trainable in kinds("training.trainables").items():
        if name not in used:
            total = sum(
                trainable.kept(parameters[base_name(experiment, cell.arm)], trainable.Settings(), length)
                for cell in kept[keep]
                for length in [fine_tunes(experiment, cell)]
            )
            rows.append((f"models, keep: {keep}, trainable: {name}", len(kept[keep]), total, "counted: float32"))
    rows += [
        ("images", images, images * sizes.image, "measured" if pilot.image else "counted: uncompressed"),
        ("embeddings, tables, records", scored, scored * sizes.other, "measured" if pilot.other else "not counted"),
    ]
    return pd.DataFrame(
        [
            {"files": files, "number": number, "bytes_each": total / number, "bytes_all": total, "source": source}
            for files, number, total, source in rows
        ]
    )
