"""What the jobs that have run took: seconds by rule from their benchmarks, bytes from their files."""

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from zipfile import ZipFile

from scripts.lib.engines.engine import steps_run
from scripts.lib.experiment.cell import BASE, Cell
from scripts.lib.experiment.config.experiment import Experiment
from scripts.lib.experiment.lineage import base_name
from scripts.lib.planning.amounts import images_a_cell, shards_a_cell, training_images
from scripts.lib.planning.jobs import Job

WITH_MODEL = {"finetune", "merge", "generate", "unseen", "validate", "rewrite_with_model"}


class Rate(NamedTuple):
    """Seconds of a rule's jobs: ``startup + each * work``, medians over ``jobs`` of them."""

    startup: float
    each: float
    jobs: int


class Pilot(NamedTuple):
    """What was measured.

    Attributes:
        rates: by rule and base model, see ``label_of``; what has not run is missing.
        devices: the GPUs that it ran on, or ``cpu``.
        image: bytes of an image, None where there is none.
        other: bytes of a cell's embeddings, tables and records, over the number of its images.
    """

    rates: dict[str, Rate]
    devices: list[str]
    image: float | None
    other: float


def label_of(experiment: Experiment, job: Job) -> str:
    """Return what the costs of a job are counted under: its rule, and the base model where it is not the first one."""
    model = base_name(experiment, job.cell.arm)
    return job.rule if model == BASE or job.rule not in WITH_MODEL else f"{job.rule}, {model}"


def passes(settings: Mapping[str, Any], guided: int = 2, *, rounds_up: bool = False) -> int:
    """Return how often the network runs for one image under the settings of ``generate``.

    Args:
        guided: passes for one step under guidance.
        rounds_up: how the engine rounds the steps of image-to-image.
    """
    strength = settings["strength"] if settings["mode"] == "img2img" else 1
    networks = 1 if settings.get("extrapolate") is None else 2
    return (
        networks
        * steps_run(settings["steps"], strength, rounds_up=rounds_up)
        * (guided if settings["guidance_scale"] > 1 else 1)
    )


def images_of(experiment: Experiment, job: Job) -> int:
    """Return how many images a job reads or makes."""
    images = images_a_cell(experiment)
    unseen = len(experiment.unseen.prompts) * experiment.unseen.per_prompt
    if job.rule == "generate":
        return len(range(int(job.name.rpartition("-")[2]), images, shards_a_cell(experiment)))
    if job.rule in ("compose", "finetune"):
        return training_images(experiment, job.cell)
    return {"unseen": unseen, "embed": images + unseen}.get(job.rule, images)


def work_of(rule: str, images: int, settings: Mapping[str, Any]) -> int:
    """Return what a job's seconds grow with: training samples, passes of the network, or else images.

    Args:
        images: how many the job reads or makes.
        settings: those of ``finetune`` or ``generate``, for these rules.
    """
    if rule == "finetune":
        return settings["steps"] * settings["batch_size"] if settings.get("steps") else images * settings["epochs"]
    return images * passes(settings) if rule in ("generate", "unseen") else images


def measure(experiment: Experiment, results: Path, jobs: Iterable[Job]) -> Pilot:
    """Measure the jobs that have run. Those of another base model than they have now do not count.

    Args:
        experiment: says which base model each job has.
        results: the folder of the experiment.
        jobs: all jobs of the experiment.
    """
    samples, devices, cells = defaultdict(list), set(), set()
    for job in jobs:
        benchmark = results / "benchmarks" / str(job.cell) / f"{job.name}.tsv"
        if not (benchmark.is_file() and (results / job.output).is_file()):
            continue
        record = json.loads((results / job.output).read_text()) if job.output.endswith(".json") else {}
        settings = record.get("parameters", {})
        images = _images(results / str(job.cell), job.rule, settings)
        model = experiment.base(base_name(experiment, job.cell.arm)).path
        if not images or settings.get("model", model) != model:
            continue
        seconds = _seconds(benchmark)
        startup = max(0.0, seconds - record["seconds"]) if "seconds" in record else 0.0
        samples[label_of(experiment, job)].append((startup, (seconds - startup) / work_of(job.rule, images, settings)))
        cells.add(job.cell)
        if "machine" in record:
            devices.add(record["machine"]["device"])
    rates = {
        label: Rate(median(startup for startup, _ in found), median(each for _, each in found), len(found))
        for label, found in samples.items()
    }
    return Pilot(rates, sorted(devices), *_bytes(results, cells))


def _seconds(benchmark: Path) -> float:
    with benchmark.open(encoding="utf-8", newline="") as file:
        return float(next(csv.DictReader(file, delimiter="\t"))["s"])


def _images(folder: Path, rule: str, settings: Mapping[str, Any]) -> int:
    """Return how many images a job of the cell in ``folder`` read or made; 0 where that is no longer known."""
    if rule in ("finetune", "compose", "curate", "rewrite", "rewrite_with_model"):
        return _rows(folder / "training.csv")
    if rule == "unseen":
        return _count(folder / "unseen.zip")
    generated = _count(folder / "generated.zip")
    if rule == "generate":
        return len(range(settings["shard"], generated, settings["shards"]))
    return generated + (_count(folder / "unseen.zip") if rule == "embed" else 0)


def _rows(table: Path) -> int:
    if not table.is_file():
        return 0
    with table.open(encoding="utf-8", newline="") as file:
        return sum(1 for _ in csv.DictReader(file))


def _count(images: Path) -> int:
    """Return the number of images of a set."""
    if not images.is_file():
        return 0
    with ZipFile(images) as archive:
        return len(archive.namelist()) - 1


def _bytes(results: Path, cells: Iterable[Cell]) -> tuple[float | None, float]:
    """Return the bytes of an image, and the other bytes of a cell for each of its images."""
    images, others = [], []
    for cell in cells:
        folder = results / str(cell)
        sizes = {path: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
        sets = [path for path in sizes if path.suffix == ".zip" and path.parent == folder]
        number = sum(map(_count, sets))
        if number:
            images.append(sum(sizes[path] for path in sets) / number)
            kept = {folder / "model", folder / "checkpoints"}
            rest = [size for path, size in sizes.items() if path.suffix != ".zip" and not kept & {*path.parents}]
            others.append(sum(rest) / number)
    return median(images) if images else None, median(others) if others else 0.0
