"""How much a cell generates and trains on: the numbers behind its jobs."""

from math import ceil, prod
from typing import Any

from scripts.lib.base.kinds import kinds
from scripts.lib.experiment.cell import Cell
from scripts.lib.experiment.config.experiment import Experiment
from scripts.lib.experiment.lineage import sources, trained


def images_a_cell(experiment: Experiment) -> int:
    """Return how many images a cell generates, and real ones there are; fewer where groups go short."""
    return experiment.dataset.per_group * _groups(experiment)


def _groups(experiment: Experiment) -> int:
    return prod(len(values) for values in experiment.dataset.attributes.values())


def training_images(experiment: Experiment, cell: Cell) -> int:
    """Return how many images a cell trains on, by the regime of its arm; fewer where groups go short.

    Where several sources have each a part of an image set, their rounding may differ by an image per set.
    """
    arm = experiment.arms[cell.arm]
    images = (arm.real_per_group or experiment.dataset.per_group) * _groups(experiment)
    if arm.synthetic == 0:
        return images
    lines = sources(experiment, cell)
    sets = sum(arm.sources[name].share * max(1, len(line)) for name, line in lines.items())
    return round(kinds("regimes")[arm.regime.kind].size(images, sets, arm.synthetic))


def steps_of_arms(experiment: Experiment) -> list[dict[str, Any]]:
    """Return each arm's optimizer steps: ``arm, cells``, and of its ``first`` and its ``last`` fine-tune.

    They are fewer where groups go short.
    """
    found: dict[str, list[int]] = {}
    for cell in trained(experiment):
        steps = experiment.arms[cell.arm].finetune.steps_of(training_images(experiment, cell))
        found.setdefault(cell.arm, []).append(steps)
    return [{"arm": arm, "cells": len(own), "first": own[0], "last": own[-1]} for arm, own in found.items()]


def shards_a_cell(experiment: Experiment) -> int:
    """Return how many jobs share the generation of one cell, each with one image at least."""
    execution, images = experiment.execution, images_a_cell(experiment)
    if execution.shard_minutes is None or execution.seconds_per_image is None:
        return min(images, execution.shards)
    return min(images, ceil(images * execution.seconds_per_image / (60 * execution.shard_minutes)))
