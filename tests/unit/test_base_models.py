"""Stable Diffusion 1.5, 2.1-base and 2.1: checked, loaded, sampled and retrained by the same code, as they need it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scripts.lib.base.safetensors_files import ModelError
from scripts.lib.engines import pipelines
from scripts.lib.engines.engine import engine_of
from scripts.lib.engines.generation import generate, load_pipeline
from scripts.lib.experiment.choices import Mode
from scripts.lib.training.training_data import draw, encode
from tests.models import SHAPES, tiny_pipeline


@pytest.fixture(scope="module", params=SHAPES)
def model(request, tmp_path_factory) -> tuple[str, Path]:
    return request.param, tiny_pipeline(tmp_path_factory.mktemp("model") / request.param, request.param)


def test_passes_the_check(model):
    pipelines.check(model[1])


def test_image_to_image_keeps_the_size_of_the_images_and_text_to_image_has_the_one_asked_for(model):
    folder = model[1]
    settings: dict[str, Any] = {"steps": 4, "guidance_scale": 7.5, "strength": 0.8, "batch_size": 2}
    real = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
    cases: list[tuple[Mode, np.ndarray | None, int]] = [("img2img", real, 64), ("txt2img", None, 72)]
    for mode, images, size in cases:
        made = list(generate(load_pipeline(mode, folder), ["a man", "a woman"], [0, 1], images, size=72, **settings))
        assert np.stack(made).shape == (2, size, size, 3)


def test_the_loss_follows_the_model_s_own_target(model):
    shape, folder = model
    engine = engine_of(folder)
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
    data = encode(images, ["a man", "a woman"], engine.encoder(folder), flip=False)
    objective: Any = engine.objective(folder)
    latents, noise, times = draw(data, torch.arange(2), 0, objective, seed=0)
    unet, text = engine.network(folder / "unet"), data.text_of(torch.arange(2))
    with torch.no_grad():
        loss = objective.loss(unet, latents, noise, times, text)
        alpha = objective.scheduler.alphas_cumprod[times].view(-1, 1, 1, 1)
        prediction = unet(alpha.sqrt() * latents + (1 - alpha).sqrt() * noise, times, text["states"]).sample
    velocity = alpha.sqrt() * noise - (1 - alpha).sqrt() * latents
    target = velocity if shape == "2.1" else noise
    assert loss.item() == pytest.approx((prediction - target).square().mean().item(), rel=1e-5)


def test_a_model_with_further_inputs_is_refused(tmp_path):
    folder = tiny_pipeline(tmp_path / "inpainting", "2.1-base", in_channels=9)
    with pytest.raises(ModelError, match=r"in_channels is 9, but the vae's latent_channels is 4.*text-to-image"):
        pipelines.check(folder)


def test_parts_of_different_models_are_refused(tmp_path):
    folder, other = (tiny_pipeline(tmp_path / shape, shape) for shape in ("2.1", "1.5"))
    (other / "text_encoder/config.json").replace(folder / "text_encoder/config.json")
    with pytest.raises(ModelError, match="cross_attention_dim is 32, but the text encoder's hidden_size is 24"):
        pipelines.check(folder)
