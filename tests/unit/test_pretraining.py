"""The miniature's own training, a few steps of each part, through the command lines that its rules run."""

from pathlib import Path

import pytest
from diffusers import StableDiffusionPipeline
from transformers import CLIPModel

from scripts import draw_pretraining, train_clip, train_unet, train_vae
from scripts.lib.base.provenance import sha256


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    images = folder / "training.zip"
    draw_pretraining.main(split="training", number=24, size=32, output=images)
    train_clip.main(images=images, steps=2, batch_size=8, seed=0, output=folder / "clip")
    train_vae.main(images=images, steps=2, batch_size=8, seed=0, output=folder / "vae")
    train_unet.main(
        images=images,
        clip=folder / "clip",
        vae=folder / "vae",
        steps=2,
        batch_size=8,
        seed=0,
        output=folder / "pipeline",
    )
    return folder


def test_each_part_loads_and_fits_the_others(trained: Path):
    pipeline = StableDiffusionPipeline.from_pretrained(trained / "pipeline", dtype="float32")
    clip = CLIPModel.from_pretrained(trained / "clip")
    assert pipeline.unet.config.in_channels == pipeline.vae.config.latent_channels
    assert pipeline.unet.config.cross_attention_dim == clip.text_model.config.hidden_size
    assert pipeline.vae.config.scaling_factor > 0
    image = pipeline("a drawing of a man", num_inference_steps=2, output_type="np").images[0]
    assert image.shape == (32, 32, 3)


def test_the_same_seed_trains_the_same_weights(trained: Path, tmp_path: Path):
    images = tmp_path / "training.zip"
    draw_pretraining.main(split="training", number=24, size=32, output=images)
    train_clip.main(images=images, steps=2, batch_size=8, seed=0, output=tmp_path / "clip")
    train_vae.main(images=images, steps=2, batch_size=8, seed=0, output=tmp_path / "vae")
    train_unet.main(
        images=images,
        clip=tmp_path / "clip",
        vae=tmp_path / "vae",
        steps=2,
        batch_size=8,
        seed=0,
        output=tmp_path / "pipeline",
    )
    for name in ("training.zip", "clip", "vae", "pipeline/unet"):
        assert sha256(tmp_path / name) == sha256(trained / name), name
