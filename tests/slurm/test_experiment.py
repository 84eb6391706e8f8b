"""A whole experiment on a real SLURM: what its jobs ask for, and that the results are those of this machine."""

import re
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest

from tests.slurm.cluster import Cluster
from tests.slurm.conftest import LOST, adapt, contents, driver, output
from tests.workflow.conftest import ROOT, Project, copy_checkout

ON_GPU = {"finetune", "generate", "unseen", "embed", "embed_dataset"}
ON_CPU = {"catalogue", "select", "prepare", "score", "score_floor", "draw_curves", "draw_grid"}


def test_two_arms_of_two_iterations(cluster: Cluster, reference: Project, tmp_path: Path):
    project = copy_checkout(ROOT, tmp_path / "nepotism")
    before = {job.number for job in cluster.jobs()}
    started = time.monotonic()
    with driver(project) as run:
        assert run.wait(900) == 0, output(project)
    LOST.append(("the whole experiment, from nothing", time.monotonic() - started))

    devices = cluster.devices()
    jobs = [job for job in cluster.jobs() if job.number not in before]
    assert {job.rule for job in jobs} == ON_GPU | ON_CPU
    for job in jobs:
        assert job.state == "COMPLETED", job
        on_gpu = job.rule in ON_GPU
        assert (job.partition, job.gpus) == (("gpu", 1) if on_gpu else ("cpu", 0)), job
        assert devices[job.number] == ({"0"} if on_gpu else {"none"}), job

    theirs, ours = contents(reference), contents(project)
    assert theirs.keys() == ours.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []

    costs = pd.read_csv(project.root / "results/tiny/costs.csv", dtype={"slurm_job": str})
    assert len(costs) == 4 * 3 + 2
    ran = {job.number: job for job in jobs}
    assert all(ran[row.slurm_job].node == row.node for row in costs.itertuples())
    assert all(
        ran[row.slurm_job].rule == re.sub(r"generated/shard-0", "generate", row.step) for row in costs.itertuples()
    )


@pytest.mark.parametrize("site", [{"gpu": 0, "gres": "gpu:1"}, {"gpu_model": "fake"}])
def test_sites_that_name_gpus_in_another_way(cluster: Cluster, reference: Project, tmp_path: Path, site: dict):
    project = copy_checkout(reference.root, tmp_path / "nepotism")
    subprocess.run(["cp", "-a", reference.root / "results", project.root], check=True)
    adapt(project, "embed_dataset", **site)
    features = "results/tiny/dataset/images.safetensors"
    (project.root / features).unlink()
    with driver(project, features) as run:
        assert run.wait(120) == 0, output(project)
    job = cluster.jobs()[-1]
    assert (job.rule, job.partition, job.gpus) == ("embed_dataset", "gpu", 1)
    assert cluster.devices()[job.number] == {"0"}
