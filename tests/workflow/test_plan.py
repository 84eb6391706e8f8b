"""What Snakemake plans: nothing after a finished run, and exactly what a change asks for."""

import re
import resource
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from scripts.lib.weights.configured import record_fetched
from tests.workflow.conftest import ROOT, Job, Project

RESULTS = "results/tiny"
SUMMARIES = {"tabulate", "contrast", "costs", "summarize", "draw_curves", "draw_samples", "draw_rejected"}
SUMMARIES |= {"draw_grid", "draw_nearest", "record_configuration", "typeset", "build_explorer", "all"}


def cells_of(jobs: list[Job]) -> set[str]:
    """Return the cells, `arm/iteration`, that jobs write to."""
    parts = [output.split("/") for job in jobs for output in job.outputs if "/seed-" in output]
    return {f"{part[2]}/{part[4].removeprefix('iteration-')}" for part in parts}


def rules_of(jobs: list[Job]) -> Counter[str]:
    return Counter(job.rule for job in jobs)


def test_a_finished_experiment_has_nothing_to_be_done(finished: Project):
    result = finished.snakemake()
    assert result.returncode == 0
    assert "Nothing to be done" in result.stdout + result.stderr


def test_results_copied_to_a_fresh_checkout_have_nothing_to_be_done(finished: Project, tmp_path: Path):
    clone = finished.copy(tmp_path / "clone", with_results=True)
    result = clone.snakemake()
    assert "Nothing to be done" in result.stdout + result.stderr


def test_raising_iterations_plans_only_the_new_cells(finished: Project):
    jobs = finished.plan(overlay={"arms": {"real": {"iterations": 3}}})
    assert cells_of(jobs) == {"real/3"}
    assert rules_of(jobs)["finetune"] == 1


def test_adding_an_arm_plans_only_that_arm(finished: Project):
    jobs = finished.plan(overlay={"arms": {"poison-90": {"synthetic": 0.9, "iterations": 2}}})
    assert cells_of(jobs) == {"poison-90/1", "poison-90/2"}
    made = {"compose", "finetune", "generate", "gather", "unseen", "validate", "embed", "score"}
    assert set(rules_of(jobs)) - SUMMARIES == made


def test_adding_a_feature_space_plans_its_embeddings_the_scores_and_what_shows_them(finished: Project):
    inception = {"network": "inception", "weights": "models/none.pth"}
    downloads = {"models/none.pth": {"url": "https://example.org/none.pth", "sha256": "01234567"}}
    jobs = finished.plan(overlay={"score": {"features": {"fid": inception}}, "downloads": downloads})
    cells = rules_of(jobs)["score"]
    assert rules_of(jobs)["embed"] == cells
    assert rules_of(jobs)["embed_set"] == 1, "that of the images whose colors were matched"
    made = {"embed", "embed_dataset", "embed_set", "score", "score_floor", "check_weights", "download_file"}
    assert set(rules_of(jobs)) - SUMMARIES == made
    assert {output for job in jobs if job.rule == "embed_dataset" for output in job.outputs} == {
        f"{RESULTS}/dataset/{images}-fid.safetensors" for images in ("images", "reference")
    }


def test_a_learning_rate_of_one_arm_plans_its_finetunes_and_what_hangs_on_them(finished: Project):
    jobs = finished.plan(overlay={"arms": {"poison-50": {"finetune": {"learning_rate": 1.0e-4}}}})
    assert cells_of(jobs) == {"poison-50/1", "poison-50/2", "healed/2"}
    finetunes = [job for job in jobs if job.rule == "finetune"]
    assert cells_of(finetunes) == {"poison-50/1", "poison-50/2", "healed/2"}
    assert not any("poison-50/seed-0/iteration-1/training.csv" in job.outputs for job in jobs)


def test_what_changes_no_result_plans_nothing(finished: Project):
    execution = {"generate_batch_size": 7, "embed_batch_size": 5, "checkpoint_minutes": 1}
    assert finished.plan(overlay={"execution": execution}) == []


def test_forcing_one_cell_plans_exactly_the_jobs_of_that_cell(finished: Project):
    cell = f"{RESULTS}/real/seed-0/iteration-1"
    jobs = finished.plan(f"{cell}/scores.json", "--forcerun", f"{cell}/generated/shard-0.zip")
    assert rules_of(jobs) == {"generate": 1, "gather": 1, "embed": 1, "score": 1}
    assert cells_of(jobs) == {"real/1"}


@pytest.mark.parametrize("cell", ["real/seed-0/iteration-02", "real/seed-7/iteration-2", "reel/seed-0/iteration-2"])
def test_a_cell_that_the_configuration_does_not_have_is_no_target(finished: Project, cell: str):
    result = finished.snakemake("--dry-run", "--", f"{RESULTS}/{cell}/finetune.json")
    assert result.returncode != 0
    assert f"No rule to produce {RESULTS}/{cell}/finetune.json" in result.stdout + result.stderr


def test_a_figure_s_code_redraws_it_and_retrains_nothing(editable):
    project = editable("scripts/draw_curves.py", "def main(", "CHANGED = 1\n\n\ndef main(")
    assert set(rules_of(project.plan())) <= {"draw_curves", "all"}
    assert rules_of(project.plan())["draw_curves"] == 5


def test_the_explorer_s_template_rebuilds_the_page_and_nothing_else(editable):
    project = editable("report/explorer/style.css", "#chart {", "#chart { margin: 0;")
    assert set(rules_of(project.plan())) == {"build_explorer", "all"}


def test_larger_images_get_a_folder_beside_the_page(finished: Project):
    [job] = [job for job in finished.plan(overlay={"explorer": {"thumbnail": 16}}) if job.rule == "build_explorer"]
    assert set(job.outputs) == {f"{RESULTS}/explorer.html", f"{RESULTS}/explorer"}


def test_a_comment_in_the_code_reruns_nothing(editable):
    edited = editable("scripts/lib/training/finetuning.py", "import signal\n", "# A remark.\nimport signal\n")
    assert edited.plan() == []


def test_a_changed_library_reruns_what_imports_it_and_no_more(editable):
    planned = set(rules_of(editable("scripts/lib/metrics/clip_score.py", "ddof=1", "ddof=0").plan()))
    assert {"score", "score_floor"} <= planned <= {"score", "score_floor"} | SUMMARIES


def test_healing_depends_on_its_parent(tmp_path: Path):
    project = Project(ROOT).copy(tmp_path / "fresh")
    jobs = project.plan(f"{RESULTS}/healed/seed-0/iteration-2/model")
    assert cells_of([job for job in jobs if job.rule == "finetune"]) == {"poison-50/1", "healed/2"}


def processor_seconds() -> float:
    """Return the processor time of the processes that have ended: unlike the clock, it is that of a plan alone."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def test_the_whole_design_plans_quickly(tmp_path: Path):
    project = Project(ROOT).copy(tmp_path / "fresh")
    (project.root / "tests/workflow/tiny.yaml").write_text("seed: 0\n", encoding="utf-8")
    started = processor_seconds()
    result = project.snakemake("--dry-run", "--quiet", "rules")
    assert processor_seconds() - started < 8, "2.6 s on an idle machine"
    counted = dict(line.split() for line in result.stdout.splitlines() if len(line.split()) == 2)
    assert counted["finetune"] == "55"
    assert counted["generate"] == "56"


def test_the_paper_s_experiment_plans_quickly_before_anything_is_downloaded(tmp_path: Path):
    project = Project(ROOT).copy(tmp_path / "fresh")
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--quiet", "rules", "--configfile", "config/paper.yaml"]
    started = processor_seconds()
    result = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=False)
    assert processor_seconds() - started < 8, "2.9 s on an idle machine"
    counted = dict(line.split() for line in result.stdout.splitlines() if len(line.split()) == 2)
    assert {
        "finetune": "45",
        "rewrite": "5",
        "curate": "5",
        "classify_set": "47",
        "reward": "5",
        "download_repository": "3",
    }.items() <= counted.items()


def test_fetched_weights_make_no_finished_job_due_again(finished: Project, tmp_path: Path):
    project = finished.clone(tmp_path / "nepotism")
    other = project.root / "models/other"
    shutil.copytree(project.root / "models/miniature", other)
    hub = {"repository": "a/b", "revision": 40 * "0"}
    record_fetched(other, hub["repository"], hub["revision"], files=None)
    overlay = {"model": "models/other", "downloads": {"models/other": hub}}
    assert project.snakemake("--touch", overlay=overlay).returncode == 0
    shutil.rmtree(other)
    assert project.plan(overlay=overlay) == []
    changed = {"arms": {"real": {"finetune": {"learning_rate": 1.0e-4}}}}
    due = rules_of(project.plan(overlay=overlay | changed))
    assert due["download_repository"] == 1
    assert due["finetune"] == 2, "what was fetched again makes no other arm due"


def test_the_slurm_profile_gives_a_gpu_to_whoever_asks_for_one_and_to_nobody_else(tmp_path: Path):
    project = Project(ROOT).copy(tmp_path / "fresh")
    result = project.snakemake("--dry-run", "--workflow-profile", "profiles/slurm")
    assert result.returncode == 0, result.stdout + result.stderr
    jobs = re.findall(r"^rule (\w+):\n(?:    .*\n)*?    resources: (.*)$", result.stdout + result.stderr, flags=re.M)
    where = {(rule, "gpu" if "gpu=1" in resources else "cpu") for rule, resources in jobs}
    assert where == {
        (rule, partition) for rule, resources in jobs for partition in re.findall(r"slurm_partition=(\w+)", resources)
    }
    on_gpu = {"embed_dataset", "embed_set", "finetune", "generate", "unseen", "validate", "embed", "reward"}
    assert {rule for rule, partition in where if partition == "gpu"} == on_gpu
    assert all("mem_mb=" in resources and "runtime=" in resources for _, resources in jobs)


def test_a_large_sweep_and_a_long_chain_plan_quickly(tmp_path: Path):
    project = Project(ROOT).copy(tmp_path / "fresh")
    arms = dict.fromkeys(["real", "poison-50", "color-matched", "culled", "healed"])
    sweep = {f"arm-{number}": {"synthetic": number / 8, "iterations": 10} for number in range(8)}
    overlay = {"replicates": list(range(10)), "execution": {"shards": 4}, "arms": arms | sweep}
    started = processor_seconds()
    result = project.snakemake("--dry-run", "--quiet", "rules", "progress", overlay=overlay)
    assert result.returncode == 0
    assert processor_seconds() - started < 40, "15 s on an idle machine"
    chain = {"arms": arms | {"long": {"iterations": 100}}}
    assert len([job for job in project.plan(overlay=chain) if job.rule == "finetune"]) == 100


def test_replicates_of_the_data_plan_real_images_of_their_own(tmp_path: Path):
    project = Project(ROOT).copy(tmp_path / "fresh")
    jobs = project.plan(overlay={"replicates": [0, 4], "replicate": "data"})
    assert rules_of(jobs)["prepare"] == rules_of(jobs)["score_floor"] == rules_of(jobs)["embed_dataset"] == 2
    inputs = {path for job in jobs for path in job.inputs if "/dataset/" in path}
    assert {
        f"{RESULTS}/dataset/seed-{seed}/{name}.zip" for seed in (0, 4) for name in ("images", "reference")
    } <= inputs
    assert not {f"{RESULTS}/dataset/images.zip", f"{RESULTS}/dataset/reference.zip"} & inputs
    for job in jobs:
        if any("seed-4" in path for path in job.outputs):
            assert not any("dataset/seed-0" in path for path in job.inputs), job
    result = project.snakemake("--dry-run", "--printshellcmds", overlay={"replicates": [0, 4], "replicate": "data"})
    seeds = re.findall(r"-m scripts.select_images .* --seed (\d+)", result.stdout + result.stderr)
    assert len(set(seeds)) == 2
