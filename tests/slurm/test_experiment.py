"""A whole experiment on a real SLURM: what its jobs ask for, and that the results are those of this machine."""

import csv
import re
import time
from datetime import datetime
from pathlib import Path

import pytest

from tests.slurm.cluster import Cluster
from tests.slurm.conftest import SECONDS, WHOLE, adapt, contents, driver, output
from tests.workflow.conftest import ROOT, Project, copy_checkout

ON_GPU = {"finetune", "generate", "unseen", "embed", "embed_dataset"}
# The dataset, two times finetune and generate, embed, score, a figure: what cannot run beside each other.
CRITICAL_PATH = 8


@pytest.mark.drill
def test_two_arms_of_two_iterations(cluster: Cluster, whole: Project, tmp_path: Path):
    project = copy_checkout(ROOT, tmp_path / "nepotism")
    before = {job.number for job in cluster.jobs()}
    started = time.monotonic()
    with driver(project, polling=[]) as run:
        assert run.wait(900) == 0, output(project)
    seconds = time.monotonic() - started
    overhead = (seconds - SECONDS[WHOLE]) / CRITICAL_PATH
    SECONDS["the whole experiment on SLURM, with the profile's own pauses between polls"] = seconds
    SECONDS["more than without, for each job of the critical path"] = overhead

    devices = cluster.devices()
    jobs = [job for job in cluster.jobs() if job.number not in before]
    submitted = set(re.findall(r"^rule (\w+):", output(project), flags=re.M)) | {
        "dataset_catalogue_prepare_select_images"
    }
    assert {job.rule for job in jobs} == submitted >= ON_GPU
    for job in jobs:
        assert job.state == "COMPLETED", job
        on_gpu = job.rule in ON_GPU
        assert (job.partition, job.gpus) == (("gpu", 1) if on_gpu else ("cpu", 0)), job
        assert devices[job.number] == ({"0"} if on_gpu else {"none"}), job

    theirs, ours = contents(whole), contents(project)
    assert theirs.keys() == ours.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []

    with (project.root / "results/tiny/costs.csv").open() as file:
        costs = list(csv.DictReader(file))
    assert len(costs) == 4 * 3 + 2
    ran = {job.number: job for job in jobs}
    for row in costs:
        job = ran[row["slurm_job"]]
        assert (job.node, job.rule) == (row["node"], re.sub(r"generated/shard-0", "generate", row["step"]))
    assert overhead <= 20


@pytest.fixture
def finished(whole: Project, tmp_path: Path) -> Project:
    """A copy of the experiment that has run."""
    return whole.clone(tmp_path / "nepotism")


@pytest.mark.drill
@pytest.mark.parametrize("site", [{"gpu": 0, "gres": "gpu:1"}, {"gpu_model": "fake"}])
def test_sites_that_name_gpus_in_another_way(cluster: Cluster, finished: Project, site: dict):
    adapt(finished, "embed_dataset", **site)
    features = "results/tiny/dataset/images-clip_score.safetensors"
    (finished.root / features).unlink()
    with driver(finished, features) as run:
        assert run.wait(120) == 0, output(finished)
    job = max(cluster.jobs(), key=lambda job: int(job.number))
    assert (job.rule, job.partition, job.gpus) == ("embed_dataset", "gpu", 1)
    assert cluster.devices()[job.number] == {"0"}


@pytest.mark.drill
def test_a_trivial_job(cluster: Cluster, finished: Project):  # noqa: ARG001
    scores = "results/tiny/real/seed-0/iteration-2/scores.json"
    with driver(finished, scores, "--forcerun", scores, polling=[]) as run:
        assert run.wait(120) == 0, output(finished)
    times = re.findall(r"^\[(.*)\]\n(?:rule score|Finished jobid)", output(finished), flags=re.M)
    ready, done = (datetime.strptime(text, "%a %b %d %H:%M:%S %Y") for text in times)
    with (finished.root / "results/tiny/benchmarks/real/seed-0/iteration-2/score.tsv").open() as file:
        own = float(next(csv.DictReader(file, delimiter="\t"))["s"])
    SECONDS["a trivial job, from ready to done, without its own work"] = (done - ready).total_seconds() - own
