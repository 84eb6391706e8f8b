"""The phenomenon is there: with the default experiment's settings, a model retrained on its own images collapses.

The command lines of one turn of the loop, called as functions: a process for each would take most of the time.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from scripts import compose, embed, finetune, generate, score
from scripts.lib.base import imageset
from scripts.lib.base.seeds import seed_of
from scripts.lib.dataset import avatars, catalogue
from scripts.lib.experiment.cell import BASE, Cell
from scripts.lib.experiment.config.load import load
from tests.workflow.conftest import ROOT

EXPERIMENT = load(yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8")))
MODEL, CLIP = ROOT / EXPERIMENT.model, ROOT / EXPERIMENT.score.clip
ITERATIONS, PER_GROUP, REFERENCE_PER_GROUP = 3, 4, 10
# As many steps as the default experiment's, with fewer images.
EPOCHS = round(EXPERIMENT.finetune.epochs * EXPERIMENT.dataset.per_group / PER_GROUP / 2)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of results with a dataset, and no cell yet."""
    folder = tmp_path_factory.mktemp("results")
    each = PER_GROUP + REFERENCE_PER_GROUP
    table = catalogue.catalogue_avatars(avatars.ATTRIBUTES, avatars.ATTRIBUTES, each)
    table = table.assign(text=[avatars.caption(*row) for row in table[list(avatars.ATTRIBUTES)].to_numpy()])
    mine = table.groupby("group").cumcount() < PER_GROUP
    for name, part in (("images", table[mine]), ("reference", table[~mine])):
        rows = part.to_dict("records")
        drawn = [
            avatars.draw(**{key: row[key] for key in avatars.ATTRIBUTES}, seed=row["file_name"], size=32)
            for row in rows
        ]
        imageset.write(folder / f"dataset/{name}.zip", part, drawn)
    _embed(folder / "dataset/reference.zip")
    return folder


def _embed(images: Path) -> None:
    embed.main(
        sets=[images],
        network="clip",
        weights=CLIP,
        clip_score=True,
        output=[images.with_suffix(".safetensors")],
    )


def _cell(results: Path, arm: str, iteration: int, share: float) -> dict[str, float]:
    """Run one iteration, 0 for the base model; return its scores."""
    cell = results / str(Cell(arm, 0, iteration))
    before = results / str(Cell(arm if iteration > 1 else BASE, 0, iteration - 1))
    data = results / "dataset"
    cell.mkdir(parents=True)
    common: dict[str, Any] = {"seed": 0, "replicate": 0, "iteration": iteration}
    settings = EXPERIMENT.finetune.model_copy(update={"epochs": EPOCHS})
    if iteration:
        compose.main(
            real=data / "images.zip",
            regime="replace",
            settings="{}",
            root=results,
            images=[before / "generated.zip"],
            share=share,
            rounding="total",
            draw=seed_of(0, iteration),
            training=cell / "training.csv",
            composition=cell / "composition.csv",
        )
        finetune.main(
            model=MODEL,
            training=cell / "training.csv",
            images=[data / "images.zip", before / "generated.zip"],
            root=results,
            tf32=False,
            start=before / "model" if iteration > 1 else None,
            output=cell / "model",
            provenance=cell / "finetune.json",
            checkpoints=cell / "checkpoints",
            settings=settings,
            checkpoint_minutes=10,
            code="",
            **common,
        )
    generate.main(
        model=MODEL,
        trained=cell / "model" if iteration else None,
        prompts=data / "images.zip",
        kind="images",
        batch_size=60,
        output=cell / "generated.zip",
        provenance=cell / "generated.json",
        settings=EXPERIMENT.generate,
        **common,
    )
    _embed(cell / "generated.zip")
    score.main(
        images=cell / "generated.zip",
        clip=cell / "generated.safetensors",
        features=[cell / "generated.safetensors"],
        reference=data / "reference.zip",
        reference_clip=data / "reference.safetensors",
        reference_features=[data / "reference.safetensors"],
        space=list(EXPERIMENT.score.features),
        attributes={},
        metrics="{}",
        resamples=40,
        seed=0,
        output=cell / "scores.json",
    )
    rows = pd.DataFrame(json.loads((cell / "scores.json").read_text(encoding="utf-8"))["generated"])
    return dict(zip(rows["metric"], rows["value"], strict=True))


def test_a_model_retrained_on_its_own_images_collapses_and_one_retrained_on_real_images_does_not(
    results: Path,
):
    base = _cell(results, BASE, 0, 0)
    ends = {
        name: [_cell(results, name, iteration, share) for iteration in range(1, ITERATIONS + 1)][-1]
        for name, share in (("real", 0.0), ("poisoned", 1.0))
    }
    # Measured: 35.3 and 3.5, the base's 3.2; CLIP scores of 28, 69 and 70.
    assert ends["poisoned"]["frechet_distance"] > 4 * ends["real"]["frechet_distance"]
    assert ends["poisoned"]["clip_score"] < ends["real"]["clip_score"] - 15
    assert ends["real"]["frechet_distance"] < 2 * base["frechet_distance"]
    assert ends["real"]["clip_score"] > base["clip_score"] - 3
