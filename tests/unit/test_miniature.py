"""The embedded base models and their avatars: small, whole, loadable in one line, and as good as their cards say."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from diffusers import AutoencoderKL, StableDiffusion3Pipeline, StableDiffusionPipeline
from safetensors.torch import load_file
from transformers import CLIPModel

from scripts.lib.dataset import avatars
from scripts.lib.dataset.catalogue import catalogue_avatars
from scripts.lib.engines import pipelines
from scripts.lib.engines.engine import engine_of
from scripts.lib.training.pretraining import train_tokenizer
from scripts.lib.vision.clip_model import Clip
from scripts.publish_miniature import accuracies, psnr

MODEL = Path(__file__).parents[2] / "models/miniature"
FLOW = Path(__file__).parents[2] / "models/miniature-flow"


def faces(per_group: int, seed: str) -> tuple[pd.DataFrame, np.ndarray]:
    rows = catalogue_avatars(avatars.ATTRIBUTES, avatars.ATTRIBUTES, per_group)
    drawn = [
        avatars.draw(**{name: row[name] for name in avatars.ATTRIBUTES}, seed=f"{seed}/{row['file_name']}", size=32)
        for row in rows.to_dict("records")
    ]
    return rows, np.stack(drawn)


def test_loads_in_one_line_each():
    pipeline = StableDiffusionPipeline.from_pretrained(MODEL, dtype="float32")
    assert pipeline.unet.config.in_channels == pipeline.vae.config.latent_channels == 4
    assert CLIPModel.from_pretrained(MODEL / "clip").config.projection_dim == 64
    pipeline = StableDiffusion3Pipeline.from_pretrained(FLOW, text_encoder_3=None, tokenizer_3=None, dtype="float32")
    assert pipeline.transformer.config.in_channels == pipeline.vae.config.latent_channels == 4


@pytest.mark.parametrize("model", [MODEL, FLOW], ids=lambda model: model.name)
def test_is_small_and_safe(model):
    files = [path for path in model.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 8e6
    assert {path.suffix for path in files} == {".json", ".md", ".safetensors"}
    pipelines.check(model)
    engine_of(model).build(model)


def test_both_share_the_autoencoder_and_the_text_encoder():
    for part, file in [("vae", "diffusion_pytorch_model"), ("text_encoder", "model")]:
        first, second = (load_file(model / part / f"{file}.safetensors") for model in (MODEL, FLOW))
        assert all(torch.equal(first[name], second[name]) for name in first), part
    twice = [load_file(FLOW / name / "model.safetensors") for name in ("text_encoder", "text_encoder_2")]
    assert all(torch.equal(twice[0][name], twice[1][name]) for name in twice[0])


def test_avatars_are_bit_identical_distinct_and_follow_their_seed():
    _, first = faces(2, "a")
    _, again = faces(2, "a")
    _, other = faces(2, "b")
    assert np.array_equal(first, again)
    assert len({image.tobytes() for image in np.concatenate([first, other])}) == 120


def test_fresh_avatars_are_recognised_and_reconstructed_as_the_card_says():
    rows, images = faces(4, "test")
    attributes = rows[list(avatars.ATTRIBUTES)]
    prompts = [avatars.caption(*row) for row in attributes.to_numpy()]
    measured = accuracies(Clip(MODEL / "clip", 64), images, attributes, prompts)
    assert min(measured.values()) >= 95
    assert psnr(pipelines.load(AutoencoderKL, MODEL / "vae"), images) >= 28


@pytest.mark.parametrize(("model", "guided"), [(MODEL, 10), (FLOW, 18)], ids=["miniature", "miniature-flow"])
def test_the_card_s_base_is_close_to_real_images(model, guided):
    card = (model / "README.md").read_text(encoding="utf-8")
    values = [float(value) for value in re.findall(r"^\| .* \| (\d+\.\d+) \|$", card, flags=re.M)]
    base, little, floor, clip_base, clip_little, clip_real = values
    assert little <= 4 * floor
    assert base <= guided * floor
    assert abs(clip_little - clip_real) <= 0.05 * clip_real
    assert abs(clip_base - clip_real) <= 0.05 * clip_real


def test_the_tokenizer_knows_captions_as_words_and_spells_the_rest():
    tokenizer = train_tokenizer(["a drawing of a man"] * 3)
    assert len(tokenizer("a drawing of a man").input_ids) == 7
    assert tokenizer.unk_token_id not in tokenizer("zoo").input_ids[1:-1]


def test_equal_captions_give_equal_tokenizers():
    captions = ["a drawing of a man with dark skin", "a drawing of a old woman, wearing a hat"] * 3
    assert len({train_tokenizer(captions).backend_tokenizer.to_str() for _ in range(4)}) == 1


def test_the_tokenizer_has_a_token_for_every_letter_of_any_text():
    tokenizer = train_tokenizer(["a drawing of a man"] * 3)
    assert tokenizer.decode(tokenizer("Zoë's 3 hats!").input_ids, skip_special_tokens=True) == "zoë 's 3 hats !"
