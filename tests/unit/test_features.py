"""CLIP scores and pooled features against transformers' own CLIPModel."""

import numpy as np
import pytest
import torch
from transformers import CLIPImageProcessor, CLIPModel, CLIPTokenizer

from scripts.lib.base.code import ROOT
from scripts.lib.metrics.clip_score import clip_scores
from scripts.lib.vision.clip_model import Clip

CLIP = ROOT / "models/miniature/clip"
TEXTS = ["a drawing of a man", "a drawing of a woman", "a man", "a drawing of a man", "a hat"]


@pytest.mark.parametrize("size", ["the tower's", "another"])
def test_scores_are_a_hundred_times_the_cosine_of_clip_model_s_forward(size):
    model = CLIPModel.from_pretrained(CLIP, dtype=torch.float32).eval()
    edge = model.config.vision_config.image_size * (1 if size == "the tower's" else 2)
    images = np.random.default_rng(0).integers(0, 256, (5, edge, edge, 3), np.uint8)
    pixels = CLIPImageProcessor.from_pretrained(CLIP)(list(images), return_tensors="pt")["pixel_values"]
    tokens = CLIPTokenizer.from_pretrained(CLIP)(TEXTS, padding="max_length", truncation=True, return_tensors="pt")
    with torch.no_grad():
        expected = model(**tokens, pixel_values=pixels).logits_per_image.diagonal() / model.logit_scale.exp() * 100
    clip = Clip(CLIP, batch_size=2)
    scores = clip_scores(clip.embed_images(images), clip.embed_texts(TEXTS))
    assert scores == pytest.approx(expected.numpy(), rel=1e-5)
