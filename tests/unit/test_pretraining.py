"""The miniature's own training, a few steps of each part, through the command lines that its rules run."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusion3Pipeline, StableDiffusionPipeline
from safetensors.torch import load_file
from transformers import CLIPModel

from scripts import draw_pretraining, train_clip, train_transformer, train_unet, train_vae
from scripts.lib.base.provenance import sha256
from scripts.lib.engines import pipelines
from scripts.lib.engines.engine import engine_of
from scripts.lib.training import denoisers


def train_all(folder: Path) -> Path:
    images = folder / "training.zip"
    draw_pretraining.main(split="training", number=24, size=32, output=images)
    few: dict[str, Any] = {"steps": 2, "batch_size": 8, "seed": 0}
    train_clip.main(images=images, output=folder / "clip", **few)
    train_vae.main(images=images, output=folder / "vae", **few)
    parts: dict[str, Any] = {"images": images, "clip": folder / "clip", "vae": folder / "vae"}
    train_unet.main(**parts, output=folder / "pipeline", **few)
    train_transformer.main(**parts, output=folder / "pipeline-flow", **few)
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_all(tmp_path_factory.mktemp("trained"))


def test_each_part_loads_and_fits_the_others(trained: Path):
    pipeline = StableDiffusionPipeline.from_pretrained(trained / "pipeline", dtype="float32")
    clip = CLIPModel.from_pretrained(trained / "clip")
    assert pipeline.unet.config.in_channels == pipeline.vae.config.latent_channels
    assert pipeline.unet.config.cross_attention_dim == clip.text_model.config.hidden_size
    assert pipeline.vae.config.scaling_factor > 0
    image = pipeline("a drawing of a man", num_inference_steps=2, output_type="np").images[0]
    assert image.shape == (32, 32, 3)


def test_the_transformer_is_trained_on_what_its_pipeline_makes_of_prompts_and_images(trained: Path):
    folder = trained / "pipeline-flow"
    pipelines.check(folder)
    assert engine_of(folder).build(folder)["transformer"] == "SD3Transformer2DModel"
    absent = {"text_encoder_3": None, "tokenizer_3": None}
    pipeline = StableDiffusion3Pipeline.from_pretrained(folder, dtype=torch.float32, **absent)
    clip = CLIPModel.from_pretrained(trained / "clip")
    assert pipeline.vae.config.shift_factor == 0
    tokens = pipeline.tokenizer(["a drawing of a man"], padding="max_length", return_tensors="pt").input_ids
    with torch.no_grad():
        states, _, pooled, _ = pipeline.encode_prompt(
            "a drawing of a man", None, None, do_classifier_free_guidance=False
        )
        output = clip.text_model(tokens, output_hidden_states=True)
        expected = clip.text_projection(output.pooler_output)
    torch.testing.assert_close(pooled, expected.repeat(1, 2))
    torch.testing.assert_close(states[:, :32], output.hidden_states[-2].repeat(1, 1, 2))
    assert states.shape == (1, 32 + 256, 128)
    assert not states[:, 32:].any()
    image = pipeline("a drawing of a man", num_inference_steps=2, output_type="np").images[0]
    assert image.shape == (32, 32, 3)


def test_the_rates_of_a_longer_training_begin_as_those_of_a_shorter_one():
    def rates(steps: int) -> list[float]:
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        schedule, found = denoisers.constant_then_linear(optimizer, steps), []
        for _ in range(steps):
            found.append(float(schedule.get_last_lr()[0]))
            optimizer.step()
            schedule.step()
        return found

    short, long = rates(1000), rates(2000)
    assert short[:800] == long[:800]
    assert short[800:] == pytest.approx([1 - step / 200 for step in range(200)])


def test_the_same_seed_trains_the_same_weights(trained: Path, tmp_path: Path):
    train_all(tmp_path)
    for name in ("training.zip", "clip", "vae", "pipeline/unet", "pipeline-flow/transformer"):
        assert sha256(tmp_path / name) == sha256(trained / name), name


def test_training_moves_every_weight_of_the_transformer(trained: Path, tmp_path: Path):
    parts: dict[str, Any] = {"images": trained / "training.zip", "clip": trained / "clip", "vae": trained / "vae"}
    train_transformer.main(**parts, steps=3, batch_size=8, seed=0, output=tmp_path / "more")
    file = "transformer/diffusion_pytorch_model.safetensors"
    before, after = load_file(trained / "pipeline-flow" / file), load_file(tmp_path / "more" / file)
    fixed = {name for name in before if torch.equal(before[name], after[name])}
    assert fixed == {"pos_embed.pos_embed"}
