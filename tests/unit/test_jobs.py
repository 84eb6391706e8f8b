"""The jobs of the cells; the workflow's tests compare all of them with Snakemake's own."""

import pytest

from scripts.lib.experiment.config.execution import Execution
from scripts.lib.experiment.config.load import load
from scripts.lib.planning.jobs import images_a_cell, jobs, shards_a_cell


@pytest.fixture
def experiment(settings):
    settings["execution"] = {"shards": 2}
    settings["arms"] = {
        "real": {"iterations": 1, "synthetic": 0},
        "matched": {"iterations": 2, "control": "match_histograms"},
        "culled": {"iterations": 2, "control": "cull", "init": "base"},
        "healed": {"iterations": 1, "parent": "matched", "from_iteration": 1, "synthetic": 0},
    }
    return load(settings)


def test_every_job_comes_after_those_that_it_needs(experiment):
    seen: set[str] = set()
    for job in jobs(experiment):
        assert set(job.needs) <= seen
        assert job.output not in seen
        seen.add(job.output)


def test_a_cell_waits_for_what_its_control_and_its_start_ask_for(experiment):
    needs = {job.output: job.needs for job in jobs(experiment)}
    one, two = "matched/seed-0/iteration-1", "matched/seed-0/iteration-2"
    assert needs[f"{two}/matched.zip"] == (f"{one}/generated.zip",)
    assert needs[f"{two}/finetune.json"] == (f"{two}/training.csv", f"{two}/matched.zip", f"{one}/finetune.json")
    healed = "healed/seed-0/iteration-2"
    assert needs[f"{healed}/training.csv"] == ()
    assert needs[f"{healed}/finetune.json"] == (f"{healed}/training.csv", f"{one}/finetune.json")
    one, two, base = "culled/seed-0/iteration-1", "culled/seed-0/iteration-2", "base/seed-0/iteration-0"
    assert needs[f"{two}/culled.csv"] == (f"{one}/distances.csv", f"{base}/distances.csv")
    assert needs[f"{one}/culled.csv"] == (f"{base}/distances.csv",)
    assert needs[f"{two}/finetune.json"] == (f"{two}/training.csv", f"{one}/generated.zip")
    assert f"{two}/distances.csv" not in needs


def test_shards_are_gathered(experiment):
    found = {job.output: job for job in jobs(experiment)}
    cell = "real/seed-0/iteration-1"
    shards = (f"{cell}/generated/shard-0.json", f"{cell}/generated/shard-1.json")
    assert found[f"{cell}/generated.zip"].needs == shards
    assert [found[shard].name for shard in shards] == ["generate-0", "generate-1"]


def test_images_of_a_cell_are_those_of_all_groups(experiment):
    assert images_a_cell(experiment) == 2 * 2 * 30


@pytest.mark.parametrize(("asked", "shards"), [(1, 1), (120, 120), (121, 120), (1000, 120)])
def test_there_are_no_more_shards_than_images(experiment, asked, shards):
    execution = Execution(shards=asked)
    assert shards_a_cell(experiment.model_copy(update={"execution": execution})) == shards


@pytest.mark.parametrize(("minutes", "shards"), [(1000, 1), (10, 1), (5, 2), (4, 3), (0.001, 120)])
def test_shards_that_take_no_longer_than_a_number_of_minutes(experiment, minutes, shards):
    execution = Execution(shard_minutes=minutes, seconds_per_image=5.0)
    assert shards_a_cell(experiment.model_copy(update={"execution": execution})) == shards
