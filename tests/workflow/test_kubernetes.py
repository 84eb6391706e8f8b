"""Results in a bucket: what pods are asked for, and an experiment of which nothing but logs lies on the disk."""

import re
import subprocess
import sys
import tarfile
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import kubernetes.client
import pytest
import snakemake_executor_plugin_kubernetes as plugin

from tests.workflow.conftest import ROOT, Project

PREFIX = "study/first"
STORAGE = ["--default-storage-provider", "s3", "--default-storage-prefix", f"s3://nepotism/{PREFIX}"]
ON_GPU = {"embed_dataset", "embed_set", "finetune", "generate", "unseen", "validate", "embed", "reward"}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(ROOT).copy(tmp_path / "fresh")


def objects(client: Any) -> dict[str, bytes]:
    """Return the contents of the bucket."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket="nepotism", Prefix=f"{PREFIX}/")
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    read = {key: client.get_object(Bucket="nepotism", Key=key)["Body"].read() for key in keys}
    return {key.removeprefix(f"{PREFIX}/"): content for key, content in read.items()}


def pod_of(resources: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the pod that the plugin makes of a job's resources."""
    bodies: list[Any] = []
    executor = object.__new__(plugin.Executor)
    logger = SimpleNamespace(debug=lambda *_: None, info=lambda *_: None, error=lambda *_: None)
    executor.logger = logger
    executor.run_namespace, executor.namespace, executor.container_image = "run", "default", "image"
    executor.k8s_cpu_scalar, executor.k8s_service_account_name, executor.privileged = 0.95, None, False
    executor.persistent_volumes, executor.secret_envvars = [], {}
    executor.batchapi = SimpleNamespace(create_namespaced_job=lambda _, body: bodies.append(body))
    executor.workflow = SimpleNamespace(deployment_settings=SimpleNamespace(deployment_method=set()))
    monkeypatch.setattr(plugin.Executor, "format_job_exec", lambda *_: "true")
    monkeypatch.setattr(plugin.Executor, "_kubernetes_retry", lambda _, function: function())
    monkeypatch.setattr(plugin.Executor, "report_job_submission", lambda *_: None)
    executor.run_job(SimpleNamespace(resources=resources, jobid=1, attempt=1, is_containerized=False))
    (container,) = kubernetes.client.ApiClient().sanitize_for_serialization(bodies[0])["spec"]["template"]["spec"][
        "containers"
    ]
    return container


@pytest.mark.usefixtures("stored")
def test_the_kubernetes_profile_gives_a_gpu_to_whoever_asks_for_one_and_to_nobody_else(project, monkeypatch):
    result = project.snakemake("--dry-run", "--workflow-profile", "profiles/kubernetes")
    assert result.returncode == 0, result.stdout + result.stderr
    found = re.findall(r"^ *rule (\w+):\n(?: .*\n)*?^ +resources: (.*)$", result.stdout + result.stderr, flags=re.M)
    assert len({rule for rule, _ in found}) > 20
    with_gpu = set()
    for rule, line in found:
        words = dict(pair.split("=", 1) for pair in line.split(", "))
        numbers = {key: int(value) for key, value in words.items() if value.isdigit()}
        asked = pod_of(words | numbers, monkeypatch)["resources"]
        assert asked["requests"].keys() == asked["limits"].keys(), "Kubernetes refuses a GPU without a limit"
        assert asked["limits"]["memory"] == f"{numbers['mem_mb']}M"
        if "nvidia.com/gpu" in asked["limits"]:
            assert asked["limits"]["nvidia.com/gpu"] == "1"
            with_gpu.add(rule)
    assert with_gpu == ON_GPU


def test_a_data_set_in_a_bucket_is_made_once_and_results_elsewhere_are_not_looked_for_here(project, stored):
    target = "results/tiny/dataset/images.zip"
    done = project.snakemake(*STORAGE, "--", target)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {target, "results/tiny/dataset/selection.csv"} <= objects(stored).keys()
    assert not (project.root / "results").exists()
    refused = project.snakemake(*STORAGE, "--", "status")
    assert refused.returncode == 1
    assert f"those of this run are in s3://nepotism/{PREFIX}" in refused.stdout + refused.stderr
    again = project.snakemake(*STORAGE, "--", target)
    assert "Nothing to be done" in again.stdout + again.stderr


@pytest.mark.drill
def test_what_a_pod_runs_makes_an_output_of_what_the_bucket_has(project, stored, tmp_path):
    done = project.snakemake(*STORAGE, "--", "results/tiny/dataset/catalogue.csv")
    assert done.returncode == 0, done.stdout + done.stderr
    sources, pod = tmp_path / "sources.tar.xz", tmp_path / "pod"
    pod.mkdir()
    with tarfile.open(sources, "w:xz") as archive:  # As Snakemake makes it, of what git has.
        for name in subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).splitlines():
            archive.add(ROOT / name, name)
    stored.upload_file(str(sources), "nepotism", f"{PREFIX}/{sources.name}")
    deploy = ["--deploy-sources", f"s3://nepotism/{PREFIX}/{sources.name}", sha256(sources.read_bytes()).hexdigest()]
    job = ["--target-jobs", "select_images:", "--allowed-rules", "select_images", "--cores", "1", "--force", "--nolock"]
    remote = ["--mode", "remote", "--executor", "local", "--shared-fs-usage", "none"]
    configuration = ["--configfiles", "config.yaml", project.experiment]
    for arguments in (deploy, [*job, *remote, *configuration]):
        command = [sys.executable, "-m", "snakemake", *arguments, *STORAGE]
        run = subprocess.run(command, cwd=pod, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stdout + run.stderr
    assert objects(stored)["results/tiny/dataset/selection.csv"].startswith(b"file_name,")


@pytest.mark.drill
def test_an_experiment_in_a_bucket_has_the_bytes_of_one_on_disk(project, stored, tmp_path):
    """Some minutes: both run as a whole."""
    small = project._replace(experiment="tests/workflow/bucket.yaml")
    on_disk = small.copy(tmp_path / "on-disk")
    for run in (small.snakemake(*STORAGE), on_disk.snakemake()):
        assert run.returncode == 0, run.stdout + run.stderr
    mine, made = on_disk.root / "results", objects(stored)
    written = {path.relative_to(on_disk.root).as_posix(): path for path in mine.rglob("*") if path.is_file()}
    made = {key: content for key, content in made.items() if "snakemake-workflow-sources" not in key}
    assert made.keys() == written.keys()
    same = (".zip", ".safetensors", "scores.json", "scores.csv", "training.csv", "summary.txt", "grid.png")
    assert {key for key in made if key.endswith(same) and made[key] != written[key].read_bytes()} == set()
    assert not (small.root / "results").exists()
    again = small.snakemake(*STORAGE)
    assert "Nothing to be done" in again.stdout + again.stderr

    # What shows results is withdrawn from the bucket before the first job; this one fails.
    page = small.root / "report/explorer/page.html"
    page.write_text("{{ broken", encoding="utf-8")
    assert small.snakemake(*STORAGE).returncode == 1
    assert made.keys() - objects(stored).keys() == {"results/bucket/explorer.html"}
