"""What a finished experiment leaves behind."""

import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from scripts.lib.base import imageset
from scripts.lib.base.code import digest
from tests.workflow import hollow
from tests.workflow.conftest import Project


def test_every_cell_is_scored_in_one_tidy_table(finished: Project):
    scores = pd.read_csv(finished.root / "results/tiny/scores.csv")
    assert not scores.duplicated(["arm", "replicate", "iteration", "images", "group", "features", "metric"]).any()
    assert np.isfinite(scores["value"]).all()
    whole = scores[(scores["group"] == "all") & (scores["images"] == "generated")]
    expected = {"clip_score", "clip_score_std", "vendi_score", "frechet_distance", "kernel_distance"}
    expected |= {"precision", "recall", "density", "coverage"}
    expected |= {"gaussian_mmd", "mind", "vendi_within_prompt", "distance_within_prompt", "group_fidelity"}
    of_models = {"authenticity", "data_copying", "nearest_training_gap", "validation_loss"}
    cells = whole.groupby(["arm", "iteration"])["metric"].agg(set)
    assert set(cells.index) == {
        ("floor", 0),
        ("base", 0),
        ("real", 1),
        ("real", 2),
        ("poison-50", 1),
        ("poison-50", 2),
        ("color-matched", 1),
        ("culled", 1),
        ("healed", 2),
    }
    assert cells.pop(("floor", 0)) == expected, "real images have no training set"
    assert all(metrics == expected | of_models for metrics in cells)


def test_the_training_table_is_the_composition(finished: Project):
    cell = finished.root / "results/tiny/poison-50/seed-0/iteration-1"
    training = pd.read_csv(cell / "training.csv")
    assert (training["origin"] != "real").sum() == 45
    assert len(training) == 90
    assert pd.read_csv(cell / "composition.csv")[["real", "generated"]].to_numpy().sum() == 90


def test_generated_images_have_the_names_and_prompts_of_their_slots(finished: Project):
    results = finished.root / "results/tiny"
    real = imageset.read_metadata(results / "dataset/images.zip")
    generated, images = imageset.read(results / "real/seed-0/iteration-1/generated.zip")
    assert generated[["file_name", "text"]].equals(real[["file_name", "text"]])
    assert images.shape == (90, 32, 32, 3)


def test_the_explorer_holds_the_images_of_every_cell(finished: Project):
    page = (finished.root / "results/tiny/explorer.html").read_text(encoding="utf-8")
    cells = finished.root.glob("results/tiny/*/seed-0/iteration-*")
    expected = {f"{'/'.join(cell.parts[-3:])}/{kind}" for cell in cells for kind in ("generated", "unseen")}
    assert len(expected) == 2 * 8
    assert set(re.findall(r'data-set="([^"$]+)"', page)) == expected | {"dataset/images"}
    assert not (finished.root / "results/tiny/explorer").exists()


def test_provenance_says_what_made_a_model(finished: Project):
    record = json.loads((finished.root / "results/tiny/healed/seed-0/iteration-2/finetune.json").read_text())
    assert record["parameters"]["start"] == "results/tiny/poison-50/seed-0/iteration-1/model"
    assert len(record["results"]["loss"]) == 1
    assert {"torch", "diffusers"} <= set(record["versions"])
    assert record["peak_memory_mib"] > 100


def test_a_fine_tune_records_the_code_that_its_checkpoints_belong_to(finished: Project):
    record = json.loads((finished.root / "results/tiny/real/seed-0/iteration-1/finetune.json").read_text())
    assert record["parameters"]["code"] == digest(
        "scripts.finetune", "scripts.lib.engines.stable_diffusion", "scripts.lib.training.trainables.full"
    )


def test_no_checkpoint_is_left(finished: Project):
    assert not list(finished.root.glob("results/tiny/*/*/*/checkpoints"))


def test_the_table_of_costs_has_a_row_for_every_model_and_image_set(finished: Project):
    costs = pd.read_csv(finished.root / "results/tiny/costs.csv")
    assert Counter(costs["step"]) == {"finetune": 7, "generated/shard-0": 8, "unseen": 8}
    record = json.loads((finished.root / "results/tiny/healed/seed-0/iteration-2/finetune.json").read_text())
    (row,) = costs[(costs["arm"] == "healed") & (costs["step"] == "finetune")].to_dict("records")
    assert (row["seconds"], row["gpus"], row["device"]) == (record["seconds"], 0, "cpu")
    assert row["node"] == record["machine"]["node"]


def test_nothing_but_jobs_wakes_the_scheduler(hollow_project: Project, tmp_path: Path):
    project = hollow_project.clone(tmp_path / "project")
    folder = hollow.hold(project, hollow.every_job(project), "embed", does="time.sleep(2)")
    arguments = ["--verbose", "--forcerun", "embed", "--", "results/hollow/scores.csv"]
    with project.start(*arguments, programs=folder) as run:
        said = "".join(run.communicate())
    assert run.returncode == 0, said
    jobs = said.count("Finished jobid: ")
    assert jobs == 15
    assert said.count("Ready jobs: ") <= jobs
