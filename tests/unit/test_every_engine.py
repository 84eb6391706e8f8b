"""Every engine against the public formulas and diffusers' own pipelines, on tiny pipelines of random weights."""

import json
import os
import re
import shutil
import signal
import sys
from functools import cache
from inspect import signature
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch

from benchmarks.full_size.architectures import NOISE
from scripts.lib import engines
from scripts.lib.base.code import ROOT
from scripts.lib.base.kinds import kinds
from scripts.lib.base.safetensors_files import ModelError
from scripts.lib.engines import pipelines
from scripts.lib.engines.engine import engine_of, name_of, steps_run
from scripts.lib.engines.extrapolation import extrapolated
from scripts.lib.engines.generation import generate, load_pipeline
from scripts.lib.training import finetuning
from scripts.lib.training.finetuning import finetune
from scripts.lib.training.trainables import full, lora
from scripts.lib.training.training_data import draw, encode
from tests.models import tiny_3, tiny_aura_flow, tiny_flux, tiny_xl

PROMPTS = ["a drawing of a man", "a drawing of an old woman with dark skin", "a man"]
MODELS = ["1", "xl", "3", "3-without-t5", "flux", "aura"]
NAMES = {
    "1": "stable_diffusion",
    "xl": "stable_diffusion_xl",
    "3": "stable_diffusion_3",
    "3-without-t5": "stable_diffusion_3",
    "flux": "flux",
    "aura": "aura_flow",
}
FLOWS = ("stable_diffusion_3", "flux", "aura_flow")
MODES: tuple[Any, Any] = ("img2img", "txt2img")


@pytest.fixture(scope="module")
def aura_flow(tmp_path_factory):
    """The engine of docs/extending.md, found as a file in its folder would be."""
    page = (ROOT / "docs/extending.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"^```python\n(# scripts/lib/engines/aura_flow.py\n.*?)^```$", page, flags=re.M | re.S)
    folder = tmp_path_factory.mktemp("engines")
    (folder / "aura_flow.py").write_text(text, encoding="utf-8")
    engines.__path__.append(str(folder))
    kinds.cache_clear()
    yield
    engines.__path__.remove(str(folder))
    kinds.cache_clear()
    del sys.modules["scripts.lib.engines.aura_flow"]


@pytest.fixture(scope="module")
def models(tmp_path_factory, aura_flow):  # noqa: ARG001
    """A function that returns the folder of a tiny pipeline."""

    @cache
    def write(name: str) -> Path:
        folder = tmp_path_factory.mktemp("models") / name
        if name == "1":
            return ROOT / "models/miniature"
        if name.startswith("3"):
            return tiny_3(folder, t5=name == "3")
        return {"xl": tiny_xl, "flux": tiny_flux, "aura": tiny_aura_flow}[name](folder)

    return write


@pytest.fixture(params=MODELS)
def model(models, request) -> Path:
    return models(request.param)


def pictures(model: Path, number: int = 3) -> np.ndarray:
    edge = 32 if model.name == "miniature" else 16
    return np.random.default_rng(0).integers(0, 256, (number, edge, edge, 3), np.uint8)


def data_of(model: Path, *, flip: bool = False) -> Any:
    return encode(pictures(model), PROMPTS, engine_of(model).encoder(model), flip=flip)


def by_hand(model: Path, mode: str, prompts: list[str], seeds: list[int], images: np.ndarray | None) -> np.ndarray:
    """Return what diffusers' pipeline makes, loaded and called without the code of this repository."""
    kind = {"img2img": diffusers.AutoPipelineForImage2Image, "txt2img": diffusers.AutoPipelineForText2Image}[mode]
    kind = diffusers.AuraFlowPipeline if name_of(model) == "aura_flow" else kind  # It is in neither list.
    absent: dict[str, None] = dict.fromkeys(("text_encoder_3", "tokenizer_3")) if model.name.endswith("t5") else {}
    pipe = kind.from_pretrained(model, dtype=torch.float32, safety_checker=None, **absent)
    pipe.set_progress_bar_config(disable=True)
    sizes: dict[str, Any] = {"height": 16, "width": 16} if model.name != "miniature" else {}
    arguments: dict[str, Any] = sizes if mode == "txt2img" or name_of(model) in FLOWS else {}
    if images is not None:
        arguments |= {"image": torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255, "strength": 0.8}
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    settings = {"num_inference_steps": 5, "guidance_scale": 3.0, "output_type": "np"}
    images = pipe(prompts, generator=generators, **settings, **arguments).images
    return np.rint(images * 255).astype(np.uint8)


def ours(model: Path, mode: Any, batch_size: int, network: Any = None) -> np.ndarray:
    images = pictures(model) if mode == "img2img" else None
    settings = {"steps": 5, "guidance_scale": 3.0, "strength": 0.8, "size": pictures(model).shape[1]}
    pipe = load_pipeline(mode, model, network)
    return np.stack(list(generate(pipe, PROMPTS, [5, 6, 7], images, batch_size=batch_size, **settings)))


def test_the_folder_passes_and_names_its_engine(model, models):
    pipelines.check(model)
    assert {models(name): NAMES[name] for name in MODELS}[model] == name_of(model)
    classes = engine_of(model).build(model)
    assert classes["vae"] == "AutoencoderKL"
    assert engine_of(model).COMPONENT in classes


def test_the_text_is_what_the_pipeline_makes_of_it(model):
    pipe, encoder = load_pipeline("txt2img", model), engine_of(model).encoder(model)
    known = signature(pipe.encode_prompt).parameters
    options = {"do_classifier_free_guidance": False, "prompt_2": None, "prompt_3": None}
    with torch.no_grad():
        text = encoder.encode_text(PROMPTS)
        found = pipe.encode_prompt(
            PROMPTS,
            device=pipe.device,
            num_images_per_prompt=1,
            **{name: value for name, value in options.items() if name in known},
        )
    torch.testing.assert_close(text["states"], found[0], atol=1e-5, rtol=1e-5)
    if "pooled" in text:
        pooled = found[1] if name_of(model) == "flux" else found[2]
        torch.testing.assert_close(text["pooled"], pooled, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(text["states"][0], text["states"][1], atol=1e-3)


def test_latents_are_those_of_the_pipeline(model):
    if "img2img" not in engine_of(model).MODES:
        pytest.skip("its pipeline encodes no image")
    pipe, encoder = load_pipeline("img2img", model), engine_of(model).encoder(model)
    pixels = torch.from_numpy(pictures(model)).permute(0, 3, 1, 2) / 127.5 - 1
    with torch.no_grad():
        mean, std = encoder.encode_image(pixels)
        drawn, theirs = ([torch.Generator().manual_seed(seed) for seed in (0, 1, 2)] for _ in range(2))
        first, second = (torch.stack([torch.randn(mean.shape[1:], generator=each) for each in drawn]) for _ in range(2))
        pipe.scheduler.set_timesteps(10, **{"mu": 1.0} if name_of(model) == "flux" else {})
        start = pipe.scheduler.timesteps[3:4].repeat(3)
        if name_of(model) == "flux":
            latents, _ = pipe.prepare_latents(pixels, start, 3, 4, 16, 16, torch.float32, pipe.device, theirs)
        else:
            latents = pipe.prepare_latents(pixels, start, 3, 1, torch.float32, pipe.device, theirs)
        if name_of(model) in FLOWS:
            expected = pipe.scheduler.scale_noise(mean + std * first, start, second)
        else:
            expected = pipe.scheduler.add_noise(mean + std * first, second, start)
    expected = packed(expected) if name_of(model) == "flux" else expected
    torch.testing.assert_close(latents, expected, atol=1e-5, rtol=1e-5)


def test_latents_are_normalised_by_channel_where_the_autoencoder_says_so(models, tmp_path):
    model = shutil.copytree(models("xl"), tmp_path / "model")
    config = model / "vae/config.json"
    moments = {"latents_mean": [1.0, 2.0, 3.0, 4.0], "latents_std": [1.0, 2.0, 4.0, 8.0]}
    config.write_text(json.dumps(json.loads(config.read_text()) | moments))
    test_latents_are_those_of_the_pipeline(model)


def packed(latents: torch.Tensor) -> torch.Tensor:
    """Return patches of two by two latents as one row of numbers each, channels outside."""
    n, channels, height, width = latents.shape
    patches = latents.unfold(2, 2, 2).unfold(3, 2, 2)  # (n, channels, height / 2, width / 2, 2, 2)
    return patches.permute(0, 2, 3, 1, 4, 5).reshape(n, height * width // 4, 4 * channels)


def formula(model: Path, network: Any, latents: Any, noise: Any, levels: Any, text: Any) -> torch.Tensor:
    """Return the loss as the papers and diffusers' training scripts have it, written out."""
    if name_of(model) == "stable_diffusion_3":
        sigma = levels.reshape(-1, 1, 1, 1)
        predicted = network((1 - sigma) * latents + sigma * noise, text["states"], text["pooled"], 1000 * levels)[0]
        return ((predicted - (noise - latents)) ** 2).mean()
    if name_of(model) == "aura_flow":
        sigma = levels.reshape(-1, 1, 1, 1)
        predicted = network((1 - sigma) * latents + sigma * noise, text["states"], levels)[0]
        return ((predicted - (noise - latents)) ** 2).mean()
    if name_of(model) == "flux":
        sigma, edge = levels.reshape(-1, 1, 1, 1), latents.shape[-1] // 2
        rows, columns = torch.meshgrid(torch.arange(edge), torch.arange(edge), indexing="ij")
        places = torch.stack([torch.zeros(edge, edge), rows, columns], -1).reshape(-1, 3).float()
        predicted = network(
            packed((1 - sigma) * latents + sigma * noise),
            text["states"],
            text["pooled"],
            levels,
            places,
            torch.zeros(512, 3),
            torch.ones(len(levels)),
        )[0]
        return ((predicted - packed(noise - latents)) ** 2).mean()
    beta = torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    alpha = (1 - beta).cumprod(0)[levels].reshape(-1, 1, 1, 1)
    noisy = alpha.sqrt() * latents + (1 - alpha).sqrt() * noise
    further = {}
    if name_of(model) == "stable_diffusion_xl":
        further = {"text_embeds": text["pooled"], "time_ids": torch.tensor([[16.0, 16, 0, 0, 16, 16]] * len(noisy))}
    return ((network(noisy, levels, text["states"], added_cond_kwargs=further)[0] - noise) ** 2).mean()


def test_the_loss_is_the_published_formula(model):
    data, objective, network = (
        data_of(model),
        engine_of(model).objective(model),
        full.load(engine_of(model), model, None),
    )
    samples = torch.tensor([2, 0, 1])
    latents, noise, levels = draw(data, samples, 0, objective, seed=0)
    text = data.text_of(samples)
    with torch.no_grad():
        loss = objective.loss(network, latents, noise, levels, text)
        expected = formula(model, network, latents, noise, levels, text)
        shuffled = formula(model, network, latents, noise, levels, data.text_of(torch.tensor([0, 1, 2])))
    torch.testing.assert_close(loss, expected, atol=1e-6, rtol=1e-6)
    assert not torch.isclose(loss, shuffled, atol=1e-7, rtol=0), "a latent belongs to its own caption"


def test_levels_of_noise_are_those_that_were_published(model):
    objective, generator = engine_of(model).objective(model), torch.Generator().manual_seed(0)
    levels = torch.stack([objective.draw_level(torch.zeros(1), generator) for _ in range(4000)]).double()
    found = levels.quantile(torch.tensor([0.05, 0.25, 0.5, 0.75, 0.95]).double())
    if name_of(model) == "stable_diffusion_3":  # The quantiles of a logit-normal u, shifted: 3 u / (1 + 2 u).
        place = (torch.tensor([-1.645, -0.6745, 0, 0.6745, 1.645]).double()).sigmoid()
        expected, tolerance = 3 * place / (1 + 2 * place), 0.02
        assert expected.tolist() == pytest.approx([0.37, 0.60, 0.75, 0.86, 0.94], abs=0.006)
        assert 0 < levels.min() < levels.max() <= 1
    elif name_of(model) == "flux":
        expected, tolerance = torch.tensor([0.05, 0.25, 0.5, 0.75, 0.95]).double(), 0.025
    elif name_of(model) == "aura_flow":
        place = torch.tensor([0.05, 0.25, 0.5, 0.75, 0.95]).double()
        expected, tolerance = 1.73 * place / (1 + 0.73 * place), 0.025
    else:
        expected, tolerance = 1000 * torch.tensor([0.05, 0.25, 0.5, 0.75, 0.95]).double(), 25
    torch.testing.assert_close(found, expected, atol=tolerance, rtol=0)


@pytest.mark.parametrize("mode", MODES)
def test_images_are_those_of_the_pipeline_called_by_hand(model, mode):
    if mode not in engine_of(model).MODES:
        pytest.skip("its pipeline starts from no image")
    images = pictures(model) if mode == "img2img" else None
    expected = by_hand(model, mode, PROMPTS, [5, 6, 7], images)
    assert expected.shape == pictures(model).shape
    whole = ours(model, mode, batch_size=3)
    assert np.abs(whole.astype(int) - expected).max() <= 1  # The layout of convolutions may round another way.
    assert (whole != expected).mean() < 1e-2
    parts = ours(model, mode, batch_size=2)
    assert np.abs(parts.astype(int) - whole).max() <= 1, "the size of a batch changes no noise"
    assert (parts != whole).mean() < 1e-2


@pytest.mark.parametrize("trainable", [full, lora])
def test_training_lowers_the_loss_and_what_is_saved_makes_the_same_images(model, tmp_path, trainable):
    engine = engine_of(model)
    torch.manual_seed(0)
    network = trainable.prepare(engine, model, None, trainable.Settings())
    objective, data = engine.objective(model), data_of(model)
    latents, noise, levels = draw(data, torch.arange(3), 0, objective, seed=0)
    optimizer = torch.optim.AdamW(trainable.parameters(network), lr=3e-3)
    losses = []
    for _ in range(12):
        loss = objective.loss(network, latents, noise, levels, data.text_of(torch.arange(3)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    trainable.save(network, tmp_path / "model")
    trained = ours(model, "txt2img", 3, network.eval())
    again = ours(model, "txt2img", 3, trainable.load(engine, model, tmp_path / "model"))
    assert np.abs(again.astype(int) - trained).max() <= (0 if trainable is full else 1)
    assert (trained != ours(model, "txt2img", 3)).any()


def test_every_pipeline_takes_predictions_of_two_networks(model):
    engine = engine_of(model)

    def pair(strength):
        own, of = (engine.network(model / engine.COMPONENT) for _ in range(2))
        with torch.no_grad():
            for parameter in own.parameters():
                parameter.mul_(1 + strength)
        return extrapolated(own, of, 0.5)

    plain = ours(model, "txt2img", 3)
    assert np.abs(ours(model, "txt2img", 3, pair(0.0)).astype(int) - plain).max() <= 1, "equal ones have no difference"
    assert (ours(model, "txt2img", 3, pair(0.3)) != plain).any()


@pytest.mark.parametrize("name", ["xl", "3", "flux", "aura"])
def test_a_stopped_fine_tune_resumes_to_the_same_weights(models, tmp_path, monkeypatch, name):
    model = models(name)
    engine, data = engine_of(model), data_of(model, flip=True)
    settings: dict[str, Any] = {
        "learning_rate": 1e-3,
        "steps": 6,
        "batch_size": 2,
        "weight_decay": 0.01,
        "max_grad_norm": 1.0,
    }

    def run(folder: str) -> dict[str, torch.Tensor]:
        network = full.load(engine, model, None)
        (tmp_path / folder).mkdir(exist_ok=True)
        finetune(
            network,
            network.parameters(),
            engine.objective(model),
            data,
            tmp_path / folder,
            mixed_precision="no",
            checkpoint_minutes=60,
            seed=0,
            **settings,
        )
        return network.state_dict()

    undisturbed = run("undisturbed")

    def draw_and_terminate(*arguments):
        if arguments[2] == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return draw(*arguments)

    monkeypatch.setattr(finetuning, "draw", draw_and_terminate)
    with pytest.raises(SystemExit):
        run("stopped")
    monkeypatch.setattr(finetuning, "draw", draw)
    resumed = run("stopped")
    assert all(torch.equal(resumed[key], undisturbed[key]) for key in undisturbed)


@pytest.mark.parametrize(
    ("name", "strength", "ratio"), [("xl", 0.8, 0.0386), ("xl", 0.6, 0.193), ("3", 0.8, 0.0069), ("3", 0.6, 0.049)]
)
def test_an_image_starts_at_the_ratio_of_signal_and_noise_of_its_strength(models, name, strength, ratio):
    pipe = load_pipeline("img2img", models(name))
    pipe.scheduler = diffusers.DDIMScheduler(**NOISE) if name == "xl" else pipe.scheduler
    settings: dict[str, Any] = {"steps": 250, "guidance_scale": 1.0, "batch_size": 2}
    images = pictures(models(name))[:1]

    def stop(found: float) -> None:
        assert found == pytest.approx(ratio, rel=0.02)
        raise StopAsyncIteration  # Of 200 steps one is enough.

    with pytest.raises(StopAsyncIteration):
        next(generate(pipe, PROMPTS[:1], [0], images, strength=strength, first=stop, **settings))


def test_operations_are_counted_from_the_configurations(models):
    for name in ("xl", "3", "3-without-t5", "flux", "aura"):
        model = models(name)
        one = engine_of(model).count(model, 16)
        network = full.load(engine_of(model), model, None)
        assert one.parameters == {key: tuple(value.shape) for key, value in network.named_parameters()}
        assert 2 < one.training / one.forward < 3.5
        own = engine_of(model).count(model, None)
        assert name == "flux" or own == one, "16 pixels are its own size"
    with_t5, without = (engine_of(models(name)).count(models(name), 16) for name in ("3", "3-without-t5"))
    assert with_t5.text > without.text
    assert with_t5.forward > without.forward, "one zero stands for the tokens of the third encoder"


def test_another_density_of_levels_is_what_it_says(models):
    published, other = (engine_of(models("3")).objective(models("3"), name) for name in ("published", "uniform"))
    assert (published.density, other.density) == ("logit_normal", "uniform")
    generator = torch.Generator().manual_seed(0)
    levels = torch.stack([other.draw_level(torch.zeros(1), generator) for _ in range(4000)]).double()
    place = torch.tensor([0.05, 0.25, 0.5, 0.75, 0.95]).double()
    torch.testing.assert_close(levels.quantile(place), 3 * place / (1 + 2 * place), atol=0.025, rtol=0)
    steps = engine_of(models("xl")).objective(models("xl"), "logit_normal")
    drawn = torch.stack([steps.draw_level(torch.zeros(1), generator) for _ in range(4000)]).double()
    expected = 1000 * torch.tensor([-1.645, -0.6745, 0, 0.6745, 1.645]).double().sigmoid()
    torch.testing.assert_close(drawn.quantile(place), expected, atol=25, rtol=0)


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("name", "file", "changes", "message"),
    [
        ("xl", "model_index.json", {"requires_aesthetics_score": True}, "a refiner"),
        (
            "xl",
            "unet/config.json",
            {"in_channels": 9},
            "unet: its in_channels is 9, but the vae's latent_channels is 4",
        ),
        ("xl", "unet/config.json", {"cross_attention_dim": 16}, "its cross_attention_dim is 16, but the encoders'"),
        ("xl", "unet/config.json", {"addition_embed_type": None}, "its addition_embed_type is None"),
        ("xl", "unet/config.json", {"time_cond_proj_dim": 8}, "its time_cond_proj_dim is 8"),
        ("xl", "text_encoder_2/config.json", {"projection_dim": 7}, "its projection_class_embeddings_input_dim is 60"),
        ("xl", "scheduler/scheduler_config.json", {"prediction_type": "sample"}, "prediction_type 'sample'"),
        ("3", "transformer/config.json", {"in_channels": 4}, "its in_channels is 4, but the autoencoder's"),
        ("3", "transformer/config.json", {"pooled_projection_dim": 9}, "its pooled_projection_dim is 9"),
        ("3", "text_encoder_3/config.json", {"d_model": 9}, "its joint_attention_dim is 48, but the T5's d_model is 9"),
        ("3", "model_index.json", {"tokenizer_3": [None, None]}, "names text_encoder_3 without the other"),
        (
            "3",
            "model_index.json",
            {"scheduler": ["diffusers", "DDIMScheduler"]},
            "scheduler: a DDIMScheduler, but only",
        ),
        ("3", "text_encoder/config.json", {"architectures": ["CLIPTextModel"]}, "text_encoder: a CLIPTextModel, but"),
        ("flux", "transformer/config.json", {"in_channels": 8}, "its in_channels is 8, but four times"),
        ("flux", "text_encoder/config.json", {"hidden_size": 9}, "its pooled_projection_dim is 16, but the CLIP's"),
        ("flux", "text_encoder_2/config.json", {"d_model": 9}, "its joint_attention_dim is 48, but the T5's"),
        ("3", "model_index.json", {"_class_name": "StableDiffusionPipeline"}, "'unet' is missing"),
        (
            "xl",
            "model_index.json",
            {"_class_name": "StableDiffusionPipeline"},
            "its cross_attention_dim is 40, but the text encoder's",
        ),
    ],
)
def test_a_model_that_cannot_be_used_is_refused(models, tmp_path, name, file, changes, message):
    model = shutil.copytree(models(name), tmp_path / "model")
    edit(model / file, **changes)
    with pytest.raises(ModelError, match=message):
        pipelines.check(model)


@pytest.mark.parametrize(
    ("name", "lost"), [("xl", "text_encoder_2"), ("3", "text_encoder_3"), ("3", "tokenizer_3"), ("3", "transformer")]
)
def test_a_part_that_is_not_there_is_named(models, tmp_path, name, lost):
    model = shutil.copytree(models(name), tmp_path / "model")
    shutil.rmtree(model / lost)
    with pytest.raises(ModelError, match=f"the component '{lost}' is missing"):
        pipelines.check(model)


def test_a_size_or_a_mode_that_a_model_has_not_is_refused(models, monkeypatch):
    model = models("3")
    for size in (4, 16, 32):
        pipelines.check_resolution(model, size)
    with pytest.raises(ModelError, match=r"it is 18, .* multiples of 4 pixels; set 16 or 20"):
        pipelines.check_resolution(model, 18)
    with pytest.raises(ModelError, match=r"it is 36, .* at most 32 pixels; lower it"):
        pipelines.check_resolution(model, 36)
    pipelines.check_modes(model, MODES)
    monkeypatch.setattr(engine_of(model), "MODES", ("txt2img",))
    with pytest.raises(ModelError, match=r"generate\.mode: .* has no img2img; set txt2img"):
        pipelines.check_modes(model, MODES)


@pytest.mark.parametrize("name", ["xl", "3", "flux"])
@pytest.mark.parametrize("strength", [0.45, 0.5, 0.8, 1.0])
def test_image_to_image_runs_as_many_steps_as_the_plan_counts(models, name, strength):
    pipe, ran = load_pipeline("img2img", models(name)), list[int]()
    network = getattr(pipe, engine_of(models(name)).COMPONENT)
    network.register_forward_hook(lambda *_: ran.append(1))
    settings: dict[str, Any] = {"steps": 5, "guidance_scale": 1.0, "batch_size": 1}
    next(generate(pipe, PROMPTS[:1], [0], pictures(models(name))[:1], strength=strength, **settings))
    assert len(ran) == steps_run(5, strength, rounds_up=engine_of(models(name)).ROUNDS_UP)


def test_image_to_image_from_noise_alone_is_refused(models):
    pipelines.check_start(models("3"), 5, 0.8)
    pipelines.check_start(models("3"), 4, 1.0)
    pipelines.check_start(models("xl"), 4, 0.8)
    with pytest.raises(
        ModelError, match=r"generate\.steps: .* so that 4 at a strength of 0\.8 start .*; set 5 or more"
    ):
        pipelines.check_start(models("3"), 4, 0.8)


def test_a_sampler_of_another_family_cannot_be_built(models, tmp_path):
    model = shutil.copytree(models("3"), tmp_path / "model")
    edit(model / "scheduler/scheduler_config.json", time_shift_type="cubic")
    with pytest.raises(ModelError, match="scheduler: no FlowMatchEulerDiscreteScheduler can be built"):
        engine_of(model).build(model)
