"""Engines and trainables: found by name, whole, and faithful to diffusers' own pipelines."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from scripts import check_weights
from scripts.lib.base.code import ROOT
from scripts.lib.base.kinds import kinds
from scripts.lib.base.safetensors_files import ModelError
from scripts.lib.engines.engine import Engine, engine_of, name_of
from scripts.lib.engines.generation import load_pipeline
from scripts.lib.training.trainable import Trainable, trainable_of

MODEL = ROOT / "models/miniature"


def members(protocol: type) -> set[str]:
    return {name for name in {*vars(protocol), *protocol.__annotations__} if not name.startswith("_")}


@pytest.mark.parametrize("name", kinds("engines", mark="PIPELINES"))
def test_an_engine_defines_all_that_the_loop_asks_for(name):
    assert members(Engine) <= set(vars(kinds("engines", mark="PIPELINES")[name]))


@pytest.mark.parametrize("name", kinds("training.trainables"))
def test_a_trainable_defines_all_that_the_loop_asks_for(name):
    assert members(Trainable) <= set(vars(kinds("training.trainables")[name]))


def test_the_workflow_finds_them_without_importing_torch():
    program = """
import sys
from scripts.lib.base.kinds import kinds
assert kinds("engines", mark="PIPELINES") and kinds("training.trainables")
print({"torch", "diffusers", "transformers"} & set(sys.modules))
"""
    assert subprocess.check_output([sys.executable, "-c", program], cwd=ROOT, text=True).strip() == "set()"


def test_the_class_of_the_pipeline_chooses_the_engine(tmp_path):
    assert name_of(MODEL) == "stable_diffusion"
    (tmp_path / "model_index.json").write_text('{"_class_name": "KandinskyPipeline"}')
    with pytest.raises(
        ModelError, match=r"a KandinskyPipeline, but only .*StableDiffusionPipeline and .* can be retrained"
    ):
        engine_of(tmp_path)


def test_the_record_of_a_check_names_the_engine(tmp_path):
    check_weights.main(weights=MODEL, output=tmp_path / "model.json")
    assert json.loads((tmp_path / "model.json").read_text())["engine"] == "stable_diffusion"


def test_text_and_latents_are_those_of_the_pipeline():
    encoder, pipe = engine_of(MODEL).encoder(MODEL), load_pipeline("img2img", MODEL)
    prompts = ["a drawing of a man", "a woman"]
    pixels = torch.from_numpy(np.random.default_rng(0).uniform(-1, 1, (2, 3, 32, 32)).astype(np.float32))
    with torch.no_grad():
        states, _ = pipe.encode_prompt(prompts, pipe.device, 1, do_classifier_free_guidance=False)
        mean, std = encoder.encode_image(pixels)
        torch.testing.assert_close(encoder.encode_text(prompts)["states"], states, atol=1e-5, rtol=1e-5)
    ours, theirs = ([torch.Generator().manual_seed(seed) for seed in (0, 1)] for _ in range(2))
    first, second = (torch.stack([torch.randn(mean.shape[1:], generator=each) for each in ours]) for _ in range(2))
    start = torch.tensor([0])
    latents = pipe.prepare_latents(pixels, start, 2, 1, torch.float32, pipe.device, theirs)
    expected = pipe.scheduler.add_noise(mean + std * first, second, start)
    torch.testing.assert_close(latents, expected, atol=1e-5, rtol=1e-5)


def test_full_trains_all_weights_and_reads_what_it_wrote(tmp_path):
    engine, full = engine_of(MODEL), trainable_of("full")
    network = full.prepare(engine, MODEL, None, full.Settings())
    assert sum(each.numel() for each in full.parameters(network)) == network.num_parameters()
    with torch.no_grad():
        for parameter in full.parameters(network):
            parameter.add_(1)
    full.save(network, tmp_path / "model")
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == [
        "config.json",
        "diffusion_pytorch_model.safetensors",
    ]
    written = load_file(tmp_path / "model/diffusion_pytorch_model.safetensors")
    again = full.load(engine, MODEL, tmp_path / "model").state_dict()
    assert again.keys() == written.keys()
    assert all(torch.equal(again[name], network.state_dict()[name]) for name in again)
