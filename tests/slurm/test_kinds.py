"""An arm of each kind of job that the paper's arms have not, on a real SLURM: the results are those of this machine."""

from pathlib import Path

import pytest

from tests.slurm.cluster import Cluster
from tests.slurm.conftest import contents, driver, output
from tests.workflow import kinds

LONG = 3600  # Only so that a drill that hangs ends.
FOLDER = "results/kinds"


@pytest.mark.drill
def test_one_arm_of_each_kind(cluster: Cluster, tmp_path: Path):
    here, there = kinds.build(tmp_path / "here"), kinds.build(tmp_path / "there")
    result = here.snakemake()
    assert result.returncode == 0, result.stdout + result.stderr
    with driver(there, overlay={}) as run:
        assert run.wait(LONG) == 0, output(there)
    assert {job.rule for job in cluster.jobs()} >= {"finetune", "generate", "merge", "reward", "embed_set"}
    theirs, ours = contents(here, FOLDER), contents(there, FOLDER)
    assert theirs.keys() == ours.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []
