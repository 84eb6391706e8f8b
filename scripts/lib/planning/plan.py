"""What an experiment will cost: jobs, device-hours, wall time and disk, before anything runs."""

from collections import Counter
from collections.abc import Callable, Mapping
from math import inf, nan
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from scripts.lib.base import csvs
from scripts.lib.experiment.arms import controls
from scripts.lib.experiment.config.experiment import Experiment
from scripts.lib.experiment.config.finetune import Finetune
from scripts.lib.experiment.config.generate import Generate
from scripts.lib.experiment.lineage import base_name, bases, every_cell
from scripts.lib.planning import cards, disk
from scripts.lib.planning.amounts import images_a_cell, steps_of_arms
from scripts.lib.planning.controls import shares
from scripts.lib.planning.jobs import ON_GPU, Job, jobs
from scripts.lib.planning.pilot import Pilot, images_of, label_of, measure, passes, work_of
from scripts.lib.planning.schedule import Span, bounds, critical_path, schedule
from scripts.lib.scoring.power import COLUMNS, suggested
from scripts.lib.training.trainable import trainable_of

if TYPE_CHECKING:
    from scripts.lib.engines.engine import Flops

Count = Callable[[str, int | None], "Flops"]
DEVICES = (1, 2, 4, 8)
DRAWN = 4
COUNTED = ("finetune", "generate", "unseen")
ARCHITECTURES = Path("models/architectures")


class Cost(NamedTuple):
    """Seconds of a job; ``source`` says where they come from."""

    seconds: float
    source: str
    flops: float = 0.0


class Plan(NamedTuple):
    """What an experiment will cost, in numbers; ``plan_views`` puts them into words.

    Attributes:
        experiment: its name.
        cells, jobs: how many there are.
        images: how many images a cell generates.
        device: ``core`` or ``GPU``: what the seconds are of.
        device_seconds: of all jobs that use a device.
        flops: floating-point operations of the jobs that are counted, 0 where all are measured.
        rules: one row per rule and base model: ``rule, jobs, seconds_each, seconds_all, source``; NaN where it is not
            counted.
        times: one row per number of devices: ``devices, seconds, at_least, at_most, disk_bytes``. The last row, of
            infinitely many devices, has the longest chain of jobs alone.
        steps: one row per arm: ``arm, cells, first, last``, the optimizer steps of its first and of its last fine-tune.
        cards: ``card, precision, teraflops, hours``: the counted operations on each; no rows where all are measured.
        disk: one row per kind of file: ``files, number, bytes_each, bytes_all, source``.
        power: the replicates that would be needed, see ``power.suggested``; without rows before there are two.
        notes: what the figures rest on and what they leave out.
        spans: when each job runs on ``DRAWN`` devices, those that take no time left out.
    """

    experiment: str
    cells: int
    jobs: int
    images: int
    device: str
    device_seconds: float
    flops: float
    rules: pd.DataFrame
    times: pd.DataFrame
    steps: pd.DataFrame
    cards: pd.DataFrame
    disk: pd.DataFrame
    power: pd.DataFrame
    notes: list[str]
    spans: dict[Job, Span]


def architecture(model: Path) -> Path:
    """Return the folder that holds the configurations of a model's networks.

    That of the model, or, where it is not downloaded yet, that of the published model of the same name.

    Raises:
        FileNotFoundError: neither exists.
    """
    for folder in (model, ARCHITECTURES / model.name):
        if (folder / "model_index.json").is_file():
            return folder
    raise FileNotFoundError(
        f"{model}: no model_index.json there, and no architecture of that name in {ARCHITECTURES}, so that nothing "
        "can be counted; download the model's model_index.json and config.json files (no weights are needed), or run "
        "one cell first"
    )


def settings_of(experiment: Experiment, job: Job) -> dict[str, Any]:
    """Return the settings that a job's cost depends on: those of ``finetune``, else those of ``generate``."""
    arm = experiment.base(job.cell.arm) if job.cell.is_base else experiment.arms[job.cell.arm]
    section: Finetune | Generate = arm.finetune if job.rule == "finetune" else arm.generate
    # The base model makes its own images without extrapolation.
    plain = {"extrapolate": None} if job.cell.is_base and job.rule != "finetune" else {}
    return section.model_dump() | plain | ({"mode": "txt2img"} if job.rule == "unseen" else {})


def operations(experiment: Experiment, job: Job, count: Count) -> float:
    """Return the floating-point operations of a job of the rules in ``COUNTED``.

    Args:
        count: gives those of one image of a base model, by its name, and of an edge in pixels; None: of its own.
    """
    settings, images = settings_of(experiment, job), images_of(experiment, job)
    one = count(base_name(experiment, job.cell.arm), experiment.dataset.resolution)
    if job.rule == "finetune":
        trainable = trainable_of(experiment.arms[job.cell.arm].finetune.trainable.kind)
        step = trainable.operations(one) + (one.forward if settings["gradient_checkpointing"] else 0)
        encoded = images * (2 if settings["horizontal_flip"] else 1)
        prompts = images / experiment.dataset.per_group
        return work_of("finetune", images, settings) * step + encoded * one.encode + prompts * one.text
    prompts = one.guided if settings["guidance_scale"] > 1 else 1
    start = one.encode if settings["mode"] == "img2img" else 0
    runs = passes(settings, one.guided, rounds_up=one.rounds_up)
    return images * (runs * one.forward + start + one.decode + prompts * one.text)


def cost_of(experiment: Experiment, job: Job, pilot: Pilot, count: Count) -> Cost | None:
    """Return a job's seconds: measured, else counted, else None."""
    if rate := pilot.rates.get(label_of(experiment, job)):
        work = work_of(job.rule, images_of(experiment, job), settings_of(experiment, job))
        return Cost(rate.startup + rate.each * work, f"measured, {rate.jobs} jobs")
    if job.rule in COUNTED:
        flops = operations(experiment, job, count)
        execution = experiment.execution
        return Cost(flops / (execution.teraflops * execution.utilization * 1e12), "counted operations", flops)
    return None


def plan(experiment: Experiment, results: Path, count: Count) -> Plan:
    """Plan an experiment.

    Args:
        results: its folder; the jobs that have run there are the pilot by which the others are measured.
        count: as in ``operations``.
    """
    every = jobs(experiment)
    pilot = measure(experiment, results, every)
    costs = {job.output: cost_of(experiment, job, pilot, count) for job in every}
    device = "core" if pilot.devices == ["cpu"] else "GPU"
    on_device = {job.output for job in every if device == "core" or job.rule in ON_GPU}
    seconds = {output: cost.seconds if cost else 0.0 for output, cost in costs.items()}
    parameters = {name: count(name, experiment.dataset.resolution).parameters for name in bases(experiment)}
    sizes = disk.sizes_of(experiment, pilot, parameters)
    flops = sum(cost.flops for cost in costs.values() if cost)
    drawn = schedule(seconds, {job.output: job.needs for job in every}, on_device, DRAWN)
    return Plan(
        experiment=experiment.experiment,
        cells=len(every_cell(experiment)),
        jobs=len(every),
        images=images_a_cell(experiment),
        device=device,
        device_seconds=sum(seconds[output] for output in on_device),
        flops=flops,
        rules=_rules(experiment, every, costs),
        times=_times(experiment, every, seconds, on_device, sizes),
        steps=pd.DataFrame(steps_of_arms(experiment)),
        cards=cards.table(flops, experiment.execution.utilization) if flops else cards.table(0, 1).head(0),
        disk=disk.table(experiment, every, sizes, pilot, parameters),
        power=_power(experiment, results),
        notes=_notes(experiment, pilot, costs, device),
        spans={job: drawn[job.output] for job in every if job.output in on_device and seconds[job.output]},
    )


def _power(experiment: Experiment, results: Path) -> pd.DataFrame:
    """Return what the scores so far suggest, in the first feature space."""
    path, space = results / "scores.csv", next(iter(experiment.score.features))
    if not path.is_file():
        return pd.DataFrame(columns=COLUMNS)
    scores = csvs.read(path, csvs.SCORES)
    return suggested(scores[scores["features"].isin(["", space])], controls(experiment))


def _rules(experiment: Experiment, every: list[Job], costs: Mapping[str, Cost | None]) -> pd.DataFrame:
    rows = []
    labels = {job.output: label_of(experiment, job) for job in every}
    trained_first = sorted(every, key=lambda job: job.cell.is_base)
    for label, number in Counter(labels[job.output] for job in trained_first).items():
        found = [cost for output, cost in costs.items() if labels[output] == label and cost]
        total = sum(cost.seconds for cost in found)
        row = {"rule": label, "jobs": number, "seconds_each": nan, "seconds_all": nan, "source": "not counted"}
        if found:
            row |= {"seconds_each": total / number, "seconds_all": total, "source": found[0].source}
        rows.append(row)
    return pd.DataFrame(rows)


def _times(
    experiment: Experiment,
    every: list[Job],
    seconds: Mapping[str, float],
    on_device: set[str],
    sizes: disk.Sizes,
) -> pd.DataFrame:
    needs = {job.output: job.needs for job in every}
    rows = []
    for devices in DEVICES:
        spans = schedule(seconds, needs, on_device, devices)
        lower, upper = bounds(seconds, needs, on_device, devices)
        rows.append(
            {
                "devices": devices,
                "seconds": max(span.end for span in spans.values()),
                "at_least": lower,
                "at_most": upper,
                "disk_bytes": disk.peak(experiment, every, spans, sizes),
            }
        )
    longest = critical_path(seconds, needs)
    rows.append({"devices": inf, "seconds": longest, "at_least": longest, "at_most": nan, "disk_bytes": nan})
    return pd.DataFrame(rows)


def _notes(experiment: Experiment, pilot: Pilot, costs: Mapping[str, Cost | None], device: str) -> list[str]:
    notes = []
    if pilot.rates:
        notes.append(
            f"Measured: medians of this experiment's jobs that have run, on {' and '.join(pilot.devices)}, scaled by "
            "images x steps x guidance, samples of the fine-tune, or images."
        )
    if any(cost and cost.flops for cost in costs.values()):
        notes.append(
            f"Counted: floating-point operations of the model's architecture, at {experiment.execution.utilization:g} "
            f"(execution.utilization) of a peak of {experiment.execution.teraflops:g} TFLOP/s (execution.teraflops); "
            "of the data sheets' peaks without sparsity for A100 and H100. Networks run in float32 unless "
            "finetune.mixed_precision says otherwise. Run one cell, and the plan measures instead."
        )
    if expected := shares(experiment):
        notes.append(
            "Expected of the filters' rates; the tables `composition.csv` count what has come: " + " ".join(expected)
        )
    notes += [
        "Left out: jobs that are not counted, and the dataset's, the tables and the figures. In a cluster, waiting in "
        "the queue comes on top.",
        f"Wall time: of a schedule that gives a free {device} to the longest chain of jobs. No schedule is faster than "
        f"'at least'; none that leaves no {device} idle while a job could use it is slower than 'at most' (Graham "
        "1969). In the row 'any': the longest chain alone.",
    ]
    return notes
