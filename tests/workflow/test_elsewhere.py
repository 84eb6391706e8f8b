"""The workflow from other folders than its own: --directory, -s and module:, and any configuration that passes."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from snakemake.common.configfile import load_configfile
from snakemake.utils import update_config

from scripts.lib.base.safetensors_files import ModelError
from scripts.lib.experiment.config.load import ConfigurationError, load
from scripts.lib.experiment.lineage import cells
from scripts.lib.weights import configured
from tests.unit.test_config_properties import configurations
from tests.workflow.conftest import ROOT, TINY

IMAGES = "results/tiny/dataset/images.zip"


def snakemake(cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environment.pop("PYTHONPATH", None)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--nocolor", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def elsewhere(tmp_path):
    """A folder whose name needs quotes."""
    folder = tmp_path / "my other folder"
    folder.mkdir()
    return folder


def write_module(folder: Path) -> None:
    """Write a workflow that uses this one as docs/running.md shows it, with the tiny experiment."""
    page = (ROOT / "docs/running.md").read_text(encoding="utf-8")
    block = re.search(r"^```snakemake\n(.*?)^```$", page, flags=re.M | re.S)
    assert block
    module = block[1].replace("/path/to/nepotism", str(ROOT))
    (folder / "Snakefile").write_text(f'configfile: "mine.yaml"\n\n{module}', encoding="utf-8")
    config: dict[str, Any] = {}
    for path in FILES[1:]:
        update_config(config, load_configfile(path))
    (folder / "mine.yaml").write_text(yaml.safe_dump({"nepotism": config}), encoding="utf-8")


FILES = ["--configfile", str(ROOT / "config.yaml"), str(ROOT / TINY)]


@pytest.mark.parametrize("way", ["directory", "snakefile", "module"])
def test_jobs_run_from_another_folder(elsewhere, way):
    if way == "directory":
        done = snakemake(ROOT, "--directory", str(elsewhere), IMAGES, *FILES)
    elif way == "snakefile":
        done = snakemake(elsewhere, "-s", str(ROOT / "Snakefile"), IMAGES, *FILES)
    else:
        write_module(elsewhere)
        done = snakemake(elsewhere, IMAGES)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (elsewhere / IMAGES).is_file()


def test_the_workflows_own_configuration_is_read_where_there_is_none(elsewhere):
    done = snakemake(elsewhere, "-s", str(ROOT / "Snakefile"), "-n", "--quiet", "rules", "--config", "experiment=mine")
    assert done.returncode == 0, done.stdout + done.stderr
    settings = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    assert re.search(rf"^finetune +{len(cells(load(settings)))}$", done.stdout, flags=re.M)


def test_a_folder_with_another_package_scripts_is_refused(elsewhere):
    (elsewhere / "scripts").mkdir()
    (elsewhere / "scripts/__init__.py").touch()
    done = snakemake(elsewhere, "-s", str(ROOT / "Snakefile"), "-n", *FILES)
    assert done.returncode == 1
    assert "has a Python package `scripts`, which would run in the place of the workflow's" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["config/demo.yaml"], "--configfile config.yaml config/demo.yaml"),
        (["config/demo.yaml", "config.yaml"], "Overlays come after their base: --configfile config.yaml config/demo"),
    ],
)
def test_overlays_in_another_order_are_told_the_right_one(files, message):
    done = snakemake(ROOT, "-n", "--configfile", *files)
    assert done.returncode == 1
    assert message in done.stdout + done.stderr


def with_weights(config: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration with the embedded weights, and no labels, so that Snakemake finds all that it asks for."""
    vae, clip = ({"network": name, "weights": f"models/miniature/{name}"} for name in ("vae", "clip"))
    config["dataset"] |= {"source": "avatars", "path": None, "labels": None}
    return config | {
        "model": "models/miniature",
        "rewards": {"single_image_distance": {"features": vae}},
        "score": config["score"] | {"clip": "models/miniature/clip", "features": {"clip": clip}},
    }


def passes(config: dict[str, Any]) -> bool:
    """Say whether a configuration passes both checks of the start: its own, and that of the weights that it names."""
    try:
        configured.check(load(config, ROOT))
    except (ConfigurationError, ModelError):
        return False
    return True


# Without shrinking: each example is a start of Snakemake.
few = settings(
    derandomize=True,
    max_examples=4,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
    phases=[Phase.generate],
)


@few
@given(config=configurations().map(with_weights).filter(passes), name=st.just("any"))
def test_snakemake_plans_any_configuration_that_passes(tmp_path_factory, config, name):
    file = tmp_path_factory.mktemp(name) / "config.yaml"
    file.write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    done = snakemake(file.parent, "-s", str(ROOT / "Snakefile"), "-n", "--quiet", "rules", "--configfile", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
