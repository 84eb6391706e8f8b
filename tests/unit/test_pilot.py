"""Seconds and bytes of what has run, scaled to what will."""

import json

import numpy as np
import pandas as pd
import pytest

from scripts.lib.base import imageset
from scripts.lib.experiment.cell import Cell
from scripts.lib.experiment.config.load import load
from scripts.lib.planning.jobs import jobs
from scripts.lib.planning.pilot import Rate, measure, passes, work_of


@pytest.fixture
def experiment(settings):
    settings["arms"] = {"mixed": {"iterations": 2}}
    return load(settings)


def ran(results, cell, *, seconds, epochs=2, steps=10, model="model"):
    """Write what the jobs of a cell leave: 8 images trained on and generated, 2 unseen ones."""
    folder, benchmarks = results / str(cell), results / "benchmarks" / str(cell)
    (folder / "model").mkdir(parents=True)
    (folder / "generated").mkdir()
    benchmarks.mkdir(parents=True)
    (folder / "model" / "weights").write_bytes(bytes(1000))
    (folder / "scores.json").write_bytes(bytes(50))
    (folder / "training.csv").write_text("set,file_name\n" + "real,x.png\n" * 8)
    for name, number in (("generated", 8), ("unseen", 2)):
        names = [f"{index}.png" for index in range(number)]
        imageset.write(folder / f"{name}.zip", pd.DataFrame({"file_name": names}), np.zeros((number, 4, 4, 3), "u1"))
    settings = {"mode": "img2img", "strength": 0.5, "steps": steps, "guidance_scale": 2.0, "shard": 0, "shards": 2}
    records = {"finetune": {"epochs": epochs}, "generated/shard-0": settings, "unseen": settings | {"mode": "txt2img"}}
    for name, parameters in records.items():
        record = {"parameters": {"model": model} | parameters, "seconds": seconds - 3, "machine": {"device": "a GPU"}}
        (folder / f"{name}.json").write_text(json.dumps(record))
    for name in ("finetune", "generate-0", "unseen"):
        (benchmarks / f"{name}.tsv").write_text(f"s\th:m:s\n{seconds}\t0:00:00\n")


def test_passes_follow_steps_strength_and_guidance():
    paper = {"mode": "img2img", "strength": 0.8, "steps": 250, "guidance_scale": 7.5}
    assert passes(paper) == 400
    assert passes(paper | {"guidance_scale": 1}) == 200
    assert passes(paper | {"mode": "txt2img"}) == 500
    assert work_of("generate", 900, paper) == 360_000
    assert work_of("finetune", 900, {"epochs": 50}) == 45_000
    assert work_of("finetune", 900, {"epochs": 50, "steps": 100, "batch_size": 4}) == 400
    assert work_of("score", 900, {}) == 900


def test_start_up_stays_and_the_rest_is_divided_by_the_work(experiment, tmp_path):
    ran(tmp_path, Cell("mixed", 0, 1), seconds=35)
    pilot = measure(experiment, tmp_path, jobs(experiment))
    assert pilot.rates == {
        "finetune": Rate(3, 32 / (8 * 2), 1),
        "generate": Rate(3, 32 / (4 * 5 * 2), 1),
        "unseen": Rate(3, 32 / (2 * 10 * 2), 1),
    }
    assert pilot.devices == ["a GPU"]


def test_a_rate_is_the_median_of_the_jobs_of_this_model(experiment, tmp_path):
    ran(tmp_path, Cell("mixed", 0, 1), seconds=35)
    ran(tmp_path, Cell("mixed", 0, 2), seconds=67, epochs=4)
    pilot = measure(experiment, tmp_path, jobs(experiment))
    assert pilot.rates["finetune"] == Rate(3, 2, 2)
    assert pilot.rates["unseen"].each == pytest.approx((32 + 64) / 2 / 40)
    other = experiment.model_copy(update={"model": "another"})
    assert measure(other, tmp_path, jobs(other)).rates == {}


def test_bytes_are_those_of_the_files(experiment, tmp_path):
    cell = Cell("mixed", 0, 1)
    ran(tmp_path, cell, seconds=35)
    pilot = measure(experiment, tmp_path, jobs(experiment))
    sets = sum((tmp_path / str(cell) / f"{name}.zip").stat().st_size for name in ("generated", "unseen"))
    assert pilot.image == sets / 10
    assert 5 < pilot.other < 200


def test_nothing_has_run(experiment, tmp_path):
    pilot = measure(experiment, tmp_path, jobs(experiment))
    assert (pilot.rates, pilot.devices, pilot.image) == ({}, [], None)
