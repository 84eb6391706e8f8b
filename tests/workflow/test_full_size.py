"""What `make full-size` runs, with tiny networks in the place of most of the true ones: every step of the paper."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import torch
from torchvision.models.inception import Inception3
from transformers import Dinov2Config, Dinov2Model

from benchmarks.full_size.make_inputs import draw_images
from tests.models import tiny_3, tiny_pipeline, tiny_xl
from tests.networks import write_color_networks
from tests.workflow.conftest import ROOT, Project


def test_the_overlay_runs_to_the_end(tmp_path: Path):
    project = Project(ROOT).copy(tmp_path / "nepotism")
    inputs = project.root / "results/full-size-inputs"
    tiny_pipeline(inputs / "stable-diffusion", "2.1-base")
    shutil.copytree(ROOT / "models/miniature/clip", inputs / "clip")
    torch.manual_seed(0)
    fid = Inception3(num_classes=1008, aux_logits=False, init_weights=False)
    torch.save(fid.state_dict(), inputs / "inception-fid.pth")
    torch.save(Inception3(init_weights=False).state_dict(), inputs / "inception-imagenet.pth")
    small = Dinov2Config(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=28, patch_size=14)
    Dinov2Model(small).save_pretrained(inputs / "dinov2")
    write_color_networks(inputs / "deepface")
    draw_images(inputs / "images", size=64)
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--configfile", "config/paper.yaml"]
    overlay = {"dataset": {"resolution": 64}, "generate": {"steps": 3}}
    (project.root / "small.yaml").write_text(json.dumps(overlay), encoding="utf-8")
    command += ["config/full-size.yaml", "small.yaml"]
    result = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    cell = project.root / "results/full-size/culled/seed-0/iteration-1"
    made_by = json.loads((cell / "scores.json").read_text(encoding="utf-8"))["embeddings"]
    assert (made_by["fid"]["network"], made_by["dino"]["network"]) == ("inception", "dinov2")
    assert made_by["fid"]["resize"].startswith("bilinear without antialiasing to 299 px")
    scores = pd.read_csv(project.root / "results/full-size/scores.csv")
    assert {"frechet_distance", "clip_score", "vendi_score"} <= set(scores["metric"])
    assert set(scores.loc[scores["metric"] == "frechet_distance", "features"]) == {"fid", "dino"}
    assert len(pd.read_csv(cell / "curation/1-cull.csv")) == 2
    table = [sys.executable, "-m", "benchmarks.full_size.table", str(project.root / "results/full-size/benchmarks")]
    printed = subprocess.run(table, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "culled/seed-0/iteration-1/finetune" in printed


def test_the_overlay_of_further_engines_fits_their_pipelines(tmp_path: Path):
    project = Project(ROOT).copy(tmp_path / "nepotism")._replace(experiment="config/full-size-engines.yaml")
    inputs = project.root / "results/full-size-engines-inputs"
    tiny_xl(inputs / "xl")
    tiny_3(inputs / "sd3", t5=False)
    planned = project.snakemake("--dry-run", overlay={"dataset": {"resolution": 16}})
    assert planned.returncode == 0, planned.stdout + planned.stderr
    for cell in ("xl/seed-0/iteration-1", "transformer/seed-0/iteration-1"):
        assert f"results/full-size-engines/{cell}/model" in planned.stdout
