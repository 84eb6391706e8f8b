"""Validation loss: the same noise for every model, and the loss that the models were trained by."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import save_file

from scripts import score, validate
from scripts.lib.base import csvs, imageset
from scripts.lib.base.code import ROOT
from scripts.lib.engines import stable_diffusion
from scripts.lib.training.training_data import draw, encode
from scripts.lib.training.validation import validate as losses_of

MODEL = ROOT / "models/miniature"


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reference") / "reference.zip"
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"file_name": [f"{at}.png" for at in range(6)], "group": list("aaabbb")})
    table = table.assign(gender=table["group"], text="a drawing of a man with dark skin")
    imageset.write(path, table, rng.integers(0, 256, (6, 32, 32, 3), np.uint8))
    return path


@pytest.fixture(scope="module")
def parts(images):
    metadata, pixels = imageset.read(images)
    data = encode(pixels, metadata["text"].tolist(), stable_diffusion.encoder(MODEL), flip=False)
    return stable_diffusion.network(MODEL / "unet"), stable_diffusion.objective(MODEL), data


def test_each_loss_is_the_training_loss_of_one_image_at_its_own_noise(parts):
    network, objective, data = parts
    levels, losses = losses_of(*parts, draws=2, batch_size=4, seed=7)
    assert levels.shape == losses.shape == (2, 6)
    with torch.no_grad():
        for number, sample in ((0, 0), (1, 5)):
            one = torch.tensor([sample])
            latents, noise, level = draw(data, one, number, objective, 7)
            expected = objective.loss(network, latents, noise, level, data.text_of(one))
            assert losses[number, sample].item() == pytest.approx(expected.item(), rel=1e-4)
            assert levels[number, sample] == level
    assert levels.unique().numel() > 6, "each image and each draw has a level of its own"


def test_neither_batches_nor_further_draws_change_a_loss(parts):
    levels, losses = losses_of(*parts, draws=2, batch_size=4, seed=7)
    others = losses_of(*parts, draws=1, batch_size=6, seed=7)
    assert others[0].equal(levels[:1])
    assert others[1].numpy() == pytest.approx(losses[:1].numpy(), rel=1e-4)
    assert not losses_of(*parts, draws=1, batch_size=6, seed=8)[0].equal(levels[:1])


def test_the_script_writes_every_loss_once(images, tmp_path):
    paths = {"output": tmp_path / "validation.csv", "provenance": tmp_path / "validation.json"}
    validate.main(model=MODEL, images=images, draws=3, seed=0, **paths)
    table = csvs.read(paths["output"], {"loss": float, "draw": int})
    assert list(table) == ["file_name", "draw", "level", "loss"]
    assert table.groupby("draw")["file_name"].apply(list).tolist() == [[f"{at}.png" for at in range(6)]] * 3
    assert table["loss"].between(0, 5).all()
    first = paths["output"].read_bytes()
    validate.main(model=MODEL, images=images, draws=3, seed=0, **paths)
    assert paths["output"].read_bytes() == first
    assert str(images) in json.loads(paths["provenance"].read_text(encoding="utf-8"))["inputs"]


def test_its_mean_is_a_score_of_all_held_out_images_and_of_each_group(images, tmp_path):
    names = imageset.read_metadata(images)["file_name"].tolist()
    arrays = {"features": np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)}
    arrays |= {"image": arrays["features"], "text": arrays["features"]}
    embedding = tmp_path / "reference.safetensors"
    save_file(arrays, embedding, metadata={"embedding": json.dumps({"network": "clip", "file_names": names})})
    losses = pd.DataFrame({"file_name": names[::-1] * 2, "draw": [0] * 6 + [1] * 6, "loss": [*range(6), *range(2, 8)]})
    csvs.write(tmp_path / "validation.csv", losses)

    def scored(validation: Path) -> list[dict]:
        score.main(
            images=images,
            clip=embedding,
            features=[embedding],
            reference=images,
            reference_clip=embedding,
            reference_features=[embedding],
            space=["fid"],
            attributes={"gender": ["a", "b"]},
            metrics="{}",
            resamples=10,
            seed=0,
            validation=validation,
            output=tmp_path / "scores.json",
        )
        rows = json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))["generated"]
        return [row for row in rows if row["metric"] == "validation_loss"]

    found = {row["group"]: (row["n"], row["value"]) for row in scored(tmp_path / "validation.csv")}
    assert found == {"all": (6, 3.5), "gender=a": (3, 5), "gender=b": (3, 2)}
    csvs.write(tmp_path / "validation.csv", losses[losses["file_name"] != "0.png"])
    with pytest.raises(ValueError, match=r"validation\.csv: has losses on other images than those of the reference"):
        scored(tmp_path / "validation.csv")
