"""Other precisions than float32: where they hold, how far they change an image, and that the default is exact."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import safe_open

from scripts import embed as embed_script
from scripts import generate as generate_script
from scripts.lib.base import imageset
from scripts.lib.base.code import ROOT
from scripts.lib.base.kinds import kinds
from scripts.lib.engines.engine import engine_of
from scripts.lib.engines.extrapolation import extrapolated
from scripts.lib.engines.generation import generate, load_pipeline
from scripts.lib.engines.precision import Arithmetic, computing, set_tf32
from scripts.lib.experiment.config.generate import Generate
from scripts.lib.experiment.config.load import ConfigurationError, load
from tests.models import tiny_3, tiny_flux, tiny_xl

MINIATURE = ROOT / "models/miniature"
PROMPTS = ["a drawing of a man", "a drawing of an old woman"]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A function that returns the folder of a tiny pipeline."""
    kinds: dict[str, Any] = {"xl": tiny_xl, "3": lambda folder: tiny_3(folder, t5=True), "flux": tiny_flux}
    return cache(lambda name: MINIATURE if name == "1" else kinds[name](tmp_path_factory.mktemp("models") / name))


def make(model: Path, arithmetic: Arithmetic, mode: Any = "img2img", watch: Any = None) -> np.ndarray:
    edge = 32 if model == MINIATURE else 16
    images = np.random.default_rng(0).integers(0, 256, (2, edge, edge, 3), np.uint8) if mode == "img2img" else None
    pipe: Any = load_pipeline(mode, model, None, None, arithmetic)
    if watch:
        watch(pipe)
    settings: dict[str, Any] = {"steps": 6, "guidance_scale": 3.0, "strength": 0.8, "batch_size": 2, "size": edge}
    return np.stack(list(generate(pipe, PROMPTS, [1, 2], images, **settings)))


@pytest.mark.parametrize("name", ["1", "xl", "3", "flux"])
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_the_network_that_denoises_computes_in_it_and_all_else_in_float32(models, name, dtype):
    seen: dict[str, set[torch.dtype]] = {"inside": set(), "latents": set(), "decoded": set()}

    def watch(pipe: Any) -> None:
        network = getattr(pipe, engine_of(models(name)).COMPONENT)
        products = [part for part in network.modules() if isinstance(part, torch.nn.Linear | torch.nn.Conv2d)]
        assert all(parameter.dtype == torch.float32 for parameter in network.parameters())
        for part in products:
            part.register_forward_hook(lambda _, __, found: seen["inside"].add(found.dtype))
        network.register_forward_hook(lambda _, __, found: seen["latents"].add(found[0].dtype))
        for part in pipe.vae.decoder.modules():
            if isinstance(part, torch.nn.Conv2d):
                part.register_forward_hook(lambda _, __, found: seen["decoded"].add(found.dtype))

    changed = make(models(name), Arithmetic(dtype), watch=watch)
    assert seen == {"inside": {getattr(torch, dtype)}, "latents": {torch.float32}, "decoded": {torch.float32}}
    exact = make(models(name), Arithmetic())
    difference = np.abs(changed.astype(int) - exact)
    assert difference.max() > 0
    assert difference.mean() < 2, "levels of 255"


def test_the_layout_changes_the_last_bits_alone_and_only_of_a_u_net(models):
    assert (
        np.abs(make(MINIATURE, Arithmetic(channels_last=False)).astype(int) - make(MINIATURE, Arithmetic())).max() <= 1
    )
    for name, has in (("1", True), ("xl", True), ("3", False), ("flux", False)):
        pipe = load_pipeline("txt2img", models(name))
        network = getattr(pipe, engine_of(models(name)).COMPONENT)
        layouts = {
            weight.is_contiguous(memory_format=torch.channels_last)
            for weight in network.parameters()
            if weight.dim() == 4 and min(weight.shape) > 1
        }
        assert layouts <= {has}


def test_a_compiled_network_makes_the_same_images_up_to_the_last_bits():
    try:
        compiled = make(MINIATURE, Arithmetic(compile=True), "txt2img")
    except torch._dynamo.exc.BackendCompilerFailed as error:
        pytest.skip(f"torch.compile has no compiler here: {error}")
    assert np.abs(compiled.astype(int) - make(MINIATURE, Arithmetic(), "txt2img")).max() <= 1


def test_products_of_gpus_are_exact_unless_they_may_be_rounded():
    """Torch's own default rounds in convolutions."""
    for allowed in (True, False):
        set_tf32(allowed)
        assert torch.backends.cuda.matmul.allow_tf32 is allowed
        assert torch.backends.cudnn.allow_tf32 is allowed


def test_the_record_of_an_image_set_names_the_precision_and_the_default_is_what_it_was(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    imageset.write(tmp_path / "real.zip", pd.DataFrame({"file_name": ["0.png", "1.png"], "text": PROMPTS}), images)
    fixed: dict[str, Any] = {"model": MINIATURE, "prompts": tmp_path / "real.zip", "kind": "images"}
    fixed |= {
        "settings": Generate(mode="txt2img", steps=2, guidance_scale=3.0),
        "seed": 0,
        "replicate": 0,
        "iteration": 0,
        "size": 32,
    }
    precisions: dict[str, dict[str, Any]] = {"exact": {}, "half": {"dtype": "bfloat16"}}
    for name, options in precisions.items():
        generate_script.main(**fixed, output=tmp_path / f"{name}.zip", provenance=tmp_path / f"{name}.json", **options)
        recorded = json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))["parameters"]
        assert recorded["dtype"] == options.get("dtype", "float32")
        assert (recorded["tf32"], recorded["compile"], recorded["channels_last"]) == (False, False, True)
    exact, half = (imageset.read(tmp_path / f"{name}.zip")[1].astype(int) for name in ("exact", "half"))
    assert 0 < np.abs(exact - half).max() < 30


NETWORKS = {
    "clip": MINIATURE / "clip",
    "clip_embedding": MINIATURE / "clip",
    "vae": MINIATURE / "vae",
    "unet_bottleneck": MINIATURE,
}


@pytest.mark.parametrize("name", NETWORKS)
def test_features_in_half_precision_are_float32_arrays_near_the_exact_ones(name):
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    extract = kinds("networks", mark="extractor")[name].extractor(NETWORKS[name], 2)
    exact = extract(images)
    with computing("bfloat16"):
        rounded = extract(images)
    assert rounded.dtype == np.float32
    assert 0 < np.abs(rounded - exact).max() < 0.1 * np.abs(exact).max()
    with computing("float32"):
        assert np.array_equal(extract(images), exact)


def test_embeddings_name_a_precision_that_is_not_exact(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    imageset.write(tmp_path / "a.zip", pd.DataFrame({"file_name": ["0.png", "1.png"], "text": PROMPTS}), images)
    made = {}
    precisions: dict[str, dict[str, Any]] = {"exact": {}, "half": {"dtype": "float16", "tf32": True}}
    for name, options in precisions.items():
        target = tmp_path / f"{name}.safetensors"
        embed_script.main(
            [tmp_path / "a.zip"],
            network="clip",
            weights=MINIATURE / "clip",
            output=[target],
            clip_score=True,
            **options,
        )
        with safe_open(target, framework="np") as file:
            made[name] = json.loads(file.metadata()["embedding"])
    assert {"dtype", "tf32"}.isdisjoint(made["exact"])
    assert (made["half"]["dtype"], made["half"]["tf32"]) == ("float16", "true")


def test_an_unknown_precision_is_refused(settings):
    with pytest.raises(ConfigurationError, match=r"execution\.dtype: .*'float32', 'bfloat16' or 'float16'"):
        load(settings | {"execution": {"dtype": "fp16"}})


def test_both_networks_of_an_extrapolated_prediction_compute_in_it(monkeypatch):
    seen: list[torch.dtype] = []

    def watched(network: Any, of: Any, weight: float) -> Any:
        of.conv_in.register_forward_hook(lambda _, __, found: seen.append(found.dtype))
        return extrapolated(network, of, weight)

    monkeypatch.setattr(generate_script, "extrapolated", watched)
    half, base = Arithmetic("bfloat16"), (None, "full")
    network = generate_script._network(MINIATURE, base, base, 0.5, half)
    pipe = load_pipeline("txt2img", MINIATURE, network, None, half)
    settings: dict[str, Any] = {"steps": 1, "guidance_scale": 1.0, "strength": 1, "batch_size": 1}
    next(generate(pipe, PROMPTS[:1], [0], **settings))
    assert seen == [torch.bfloat16]
