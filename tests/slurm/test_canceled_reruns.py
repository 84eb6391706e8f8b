"""`scancel` in the middle of a changed rerun, at each rule that a cluster runs: what is due is planned, and no more."""

from pathlib import Path

import pytest

from tests.slurm.cluster import Cluster
from tests.slurm.conftest import driver, output
from tests.workflow import hollow
from tests.workflow.conftest import Job, Project

LONG = 900  # Only so that a drill that hangs ends.
CANCEL = "subprocess.run(['scancel', os.environ['SLURM_JOB_ID']], check=True); time.sleep(1000)"


@pytest.fixture(scope="module")
def hollow_project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return hollow.build(tmp_path_factory.mktemp("hollow") / "nepotism")


@pytest.fixture(scope="module")
def everything(hollow_project: Project) -> set[Job]:
    return hollow.every_job(hollow_project)


@pytest.mark.drill
@pytest.mark.parametrize("rule", [rule for rule in hollow.RULES if rule not in hollow.local_rules()])
def test_a_changed_rule_is_canceled(
    cluster: Cluster, hollow_project: Project, everything: set[Job], tmp_path: Path, rule: str
):
    project = hollow_project.clone(tmp_path / "nepotism")
    take_back = hollow.change(project, rule)
    before = hollow.named(project.plan(*hollow.TARGETS))
    target = min(job.outputs for job in before if job.rule == rule)
    folder = hollow.hold(project, before, rule, CANCEL)
    with driver(project, *target, "--retries", "0", "--max-threads", "2", overlay={}) as run:  # Its nodes have two.
        assert run.wait(LONG) == 1, output(project)
    number = (folder / "held").read_text(encoding="utf-8")
    assert {job.state for job in cluster.jobs() if job.number == number} == {"CANCELLED"}
    hollow.expect_what_is_due(project, everything, rule, before, take_back)
