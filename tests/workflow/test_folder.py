"""A folder in FFHQ's layout, classified in shards: one real run up to the table of groups."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.networks import write_color_networks
from tests.workflow.conftest import ROOT, Project, copy_checkout

DATASET = "results/tiny/dataset"
GROUPS = f"{DATASET}/groups.csv"


@pytest.fixture(scope="module")
def ffhq(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty images of one color each, one of them damaged; ages as FFHQ-Aging has them; networks."""
    folder = tmp_path_factory.mktemp("ffhq")
    write_color_networks(folder / "weights")
    rng = np.random.default_rng(0)
    for number in range(40):
        path = folder / f"images1024x1024/{number // 20:05d}/{number:05d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (64, 64), tuple(rng.integers(0, 256, 3).tolist())).save(path)
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    rows = [f"{number},{'20-29' if number % 2 else '50-69'}" for number in range(40)]
    (folder / "aging.csv").write_text("\n".join(["image_number,age_group", *rows]) + "\n")
    return folder


@pytest.fixture(scope="module")
def overlay(ffhq: Path) -> dict[str, Any]:
    races = ["asian", "indian", "black", "white", "middle eastern", "latino hispanic"]
    age = {"source": "csv", "path": str(ffhq / "aging.csv"), "column": "age_group"}
    return {
        "dataset": {
            "source": "folder",
            "path": str(ffhq / "images1024x1024"),
            "attributes": {"tone": ["any"], "age": ["young", "old"]},
            "classify": {
                "gender": {"source": "deepface", "map": {"Man": "man", "Woman": "woman"}},
                "tone": {"source": "deepface", "column": "race", "map": dict.fromkeys(races, "any")},
                "age": age | {"map": {"20-29": "young", "50-69": "old"}},
            },
            "deepface": {"weights": str(ffhq / "weights")},
            "broken": "skip",
            "short_group": "fewer",
        },
        "execution": {"classify_shards": 2},
        "figures": {"group": {"gender": "man", "tone": "any", "age": "old"}},
    }


@pytest.fixture(scope="module")
def classified(tmp_path_factory: pytest.TempPathFactory, overlay: dict[str, Any]) -> Project:
    project = copy_checkout(ROOT, tmp_path_factory.mktemp("classified") / "nepotism")
    result = project.snakemake(GROUPS, overlay=overlay)
    assert result.returncode == 0, result.stdout + result.stderr
    return project


def test_the_table_of_groups_is_there_before_anything_is_trained(classified: Project):
    groups = pd.read_csv(classified.root / GROUPS)
    assert groups["found"].sum() == 39
    assert (groups["images"] == groups["found"].clip(upper=3)).all()
    assert (groups["images"] + groups["reference"] + groups["missing"] == 6).all()
    excluded = pd.read_csv(classified.root / DATASET / "excluded.csv")
    assert excluded[["file_name", "excluded"]].to_numpy().tolist() == [["00001/00039.png", "broken"]]
    assert "cannot be read as an image" in excluded["reason"][0]
    shards = [pd.read_csv(classified.root / DATASET / f"classified/shard-{shard}.csv") for shard in range(2)]
    assert [len(shard) for shard in shards] == [20, 20]
    assert not list((classified.root / DATASET).glob("*.zip"))


def test_another_map_or_cut_classifies_nothing_again(classified: Project, overlay: dict[str, Any]):
    rules = [job.rule for job in classified.plan(GROUPS, overlay=another_map(overlay))]
    assert sorted(rules) == ["catalogue", "read_labels", "select_images"]


def test_a_table_of_labels_that_failed_and_was_removed_classifies_nothing_again(
    classified: Project, overlay: dict[str, Any]
):
    labels = classified.root / DATASET / "labels.csv"
    labels.rename(labels.with_suffix(".away"))
    rules = [job.rule for job in classified.plan(GROUPS, overlay=overlay)]
    labels.with_suffix(".away").rename(labels)
    assert sorted(rules) == ["catalogue", "read_labels", "select_images"]


@pytest.mark.parametrize("tables_too", [False, True])
def test_another_number_of_shards_classifies_again(classified: Project, overlay: dict[str, Any], tables_too: bool):
    changed = (another_map(overlay) if tables_too else overlay) | {"execution": {"classify_shards": 3}}
    rules = [job.rule for job in classified.plan(GROUPS, overlay=changed)]
    assert rules.count("classify") == 3
    assert ("read_labels" in rules) == tables_too


def another_map(overlay: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration with another reading of the table of ages."""
    age = overlay["dataset"]["classify"]["age"] | {"map": {"20-29": "old", "50-69": "young"}}
    classify = overlay["dataset"]["classify"] | {"age": age}
    return overlay | {"dataset": overlay["dataset"] | {"classify": classify}}


def edited(path: Path, old: bytes, new: bytes) -> None:
    """Change a file's content and leave its size and its time of modification as they are."""
    status, content = path.stat(), path.read_bytes()
    assert old in content
    assert len(old) == len(new)
    path.write_bytes(content.replace(old, new))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_what_was_changed_in_a_table_or_a_network_is_read_again(
    classified: Project, overlay: dict[str, Any], ffhq: Path
):
    assert classified.plan(GROUPS, overlay=overlay) == []
    table, network = ffhq / "aging.csv", ffhq / "weights/gender_model_weights.onnx"
    before = table.read_bytes(), network.read_bytes()
    edited(table, b"0,50-69", b"0,20-29")
    assert "read_labels" in [job.rule for job in classified.plan(GROUPS, overlay=overlay)]
    table.write_bytes(before[0])
    edited(network, before[1][-40:-39], bytes([before[1][-40] ^ 1]))
    assert "classify" in [job.rule for job in classified.plan(GROUPS, overlay=overlay)]
    network.write_bytes(before[1])


def test_a_label_that_was_changed_in_a_folder_of_json_files_is_read_again(tmp_path: Path, overlay: dict[str, Any]):
    (tmp_path / "json").mkdir()
    for number in range(40):
        face = {"faceRectangle": {"width": 1, "height": 1}, "faceAttributes": {"age": 20.0 + number}}
        (tmp_path / f"json/{number:05d}.json").write_text(json.dumps([face]))
    age = {"source": "ffhq_features", "path": str(tmp_path / "json"), "cuts": [30]}
    classify = overlay["dataset"]["classify"] | {"age": age}
    changed = overlay | {"dataset": overlay["dataset"] | {"classify": classify}}
    project = copy_checkout(ROOT, tmp_path / "nepotism")
    result = project.snakemake(f"{DATASET}/labels.csv", overlay=changed)
    assert result.returncode == 0, result.stdout + result.stderr
    assert project.plan(f"{DATASET}/labels.csv", overlay=changed) == []
    edited(tmp_path / "json/00007.json", b"27.0", b"61.0")
    assert [job.rule for job in project.plan(f"{DATASET}/labels.csv", overlay=changed)] == ["read_labels"]


def test_an_image_that_was_replaced_is_seen(classified: Project, overlay: dict[str, Any], ffhq: Path):
    image = ffhq / "images1024x1024/00000/00003.png"
    before, status = image.read_bytes(), image.stat()
    Image.new("RGB", (64, 64), "red").save(image)
    os.utime(image, (status.st_mtime + 60, status.st_mtime + 60))
    assert "list_images" in [job.rule for job in classified.plan(GROUPS, overlay=overlay)]
    image.write_bytes(before)
    os.utime(image, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_a_wrong_table_stops_before_anything_is_classified(tmp_path: Path, overlay: dict[str, Any]):
    (tmp_path / "wrong.csv").write_text("image_number,age_group\n7,unknown\n")
    age = overlay["dataset"]["classify"]["age"] | {"path": str(tmp_path / "wrong.csv")}
    classify = overlay["dataset"]["classify"] | {"age": age}
    project = copy_checkout(ROOT, tmp_path / "nepotism")
    result = project.snakemake(GROUPS, overlay=overlay | {"dataset": overlay["dataset"] | {"classify": classify}})
    assert result.returncode != 0
    assert "wrong.csv, age_group: '00000/00007.png' has age_group 'unknown'" in result.stdout + result.stderr
    assert not (project.root / DATASET / "classified").exists()


def test_missing_weights_stop_before_anything_is_classified(tmp_path: Path, overlay: dict[str, Any]):
    dataset = overlay["dataset"] | {"deepface": {"weights": str(tmp_path)}}
    project = copy_checkout(ROOT, tmp_path / "nepotism")
    result = project.snakemake(GROUPS, overlay=overlay | {"dataset": dataset})
    assert result.returncode != 0
    assert "gender_model_weights.onnx: no such file; put https://" in result.stdout + result.stderr
    assert not (project.root / DATASET / "classified").exists()
