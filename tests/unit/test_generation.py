"""Generation: Stable Diffusion's own pipeline, whatever the batches and shards."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from diffusers import StableDiffusionImg2ImgPipeline, UNet2DConditionModel

from scripts import gather, generate
from scripts.lib.base import hashes, imageset
from scripts.lib.base.kinds import kinds
from scripts.lib.base.safetensors_files import ModelError
from scripts.lib.base.seeds import seed_of
from scripts.lib.engines.extrapolation import extrapolated
from scripts.lib.engines.generation import generate as generate_images
from scripts.lib.engines.generation import load_pipeline, schedule_of
from scripts.lib.engines.guidance import exponential, interval
from scripts.lib.experiment.choices import Mode
from scripts.lib.experiment.config.generate import Generate

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "models/miniature"
SETTINGS: dict[str, Any] = {"steps": 5, "guidance_scale": 3.0}
QUICK = Generate(mode="txt2img", steps=1, guidance_scale=1.0)


@pytest.fixture(scope="module")
def real(tmp_path_factory) -> Path:
    """Seven noisy images with prompts."""
    path = tmp_path_factory.mktemp("real") / "images.zip"
    images = np.random.default_rng(0).integers(0, 256, (7, 32, 32, 3), np.uint8)
    texts = [f"a drawing of a {word}" for word in ["man", "woman", "man", "woman", "man", "woman", "man"]]
    imageset.write(path, pd.DataFrame({"file_name": [f"{i}.png" for i in range(7)], "text": texts}), images)
    return path


def run(
    real: Path,
    folder: Path,
    batch_size: int,
    shards: int,
    mode: Mode = "img2img",
    kind: str = "images",
    settings: dict[str, Any] | None = None,
    **options: Any,
) -> tuple[pd.DataFrame, np.ndarray]:
    parts = []
    for shard in range(shards):
        parts.append(folder / f"shard-{shard}.zip")
        generate.main(
            model=MODEL,
            prompts=real,
            kind=kind,
            settings=Generate(mode=mode, **SETTINGS | (settings or {})),
            seed=1,
            replicate=2,
            iteration=3,
            output=parts[-1],
            provenance=folder / f"shard-{shard}.json",
            batch_size=batch_size,
            shard=shard,
            shards=shards,
            **options,
        )
    gather.main(shards=parts, order=real, output=folder / "generated.zip")
    return imageset.read(folder / "generated.zip")


@pytest.mark.parametrize(("mode", "kind"), [("img2img", "images-2"), ("txt2img", "images")])
def test_shards_and_batches_change_no_image(real, tmp_path, mode, kind):
    (tmp_path / "one").mkdir()
    expected, images = run(real, tmp_path / "one", batch_size=7, shards=1, mode=mode, kind=kind)
    for batch_size, shards in ((2, 1), (3, 3), (1, 7)):
        folder = tmp_path / f"{batch_size}-{shards}"
        folder.mkdir()
        table, others = run(real, folder, batch_size, shards, mode, kind)
        pd.testing.assert_frame_equal(table, expected)
        # 1e-4 of the range is less than one of 255 levels; a value on the edge of two levels may round either way.
        difference = np.abs(others.astype(int) - images)
        assert difference.max() <= 1
        assert (difference > 0).mean() < 1e-3


@pytest.mark.parametrize("scheduler", ["DDPMScheduler", "EulerAncestralDiscreteScheduler"])
def test_shards_and_batches_change_no_image_of_a_sampler_that_draws_noise(real, tmp_path, scheduler):
    found = []
    for number, (batch_size, shards) in enumerate(((7, 1), (2, 3))):
        (tmp_path / str(number)).mkdir()
        found.append(run(real, tmp_path / str(number), batch_size, shards, settings={"scheduler": scheduler})[1])
    assert np.abs(found[0].astype(int) - found[1]).max() <= 1
    (tmp_path / "own").mkdir()
    own = run(real, tmp_path / "own", 7, 1)[1]
    assert np.abs(found[0].astype(int) - own).max() > 50


def test_guidance_that_changes_is_that_of_each_step_written_out():
    seeds, prompts = [3, 4], ["a drawing of a man", "a drawing of a woman"]
    schedule = schedule_of("exponential", 6.0, exponential.Settings(last=1.5))
    pipe = load_pipeline("txt2img", MODEL)
    shown = list(
        generate_images(pipe, prompts, seeds, steps=4, guidance_scale=6.0, strength=1, batch_size=2, guidance=schedule)
    )
    scales = [6.0 * (1.5 / 6.0) ** (step / 3) for step in range(4)]
    with torch.no_grad():
        texts, empty = (pipe.encode_prompt(p, "cpu", 1, False)[0] for p in (prompts, ["", ""]))
        shape = (pipe.unet.config.in_channels, pipe.unet.config.sample_size, pipe.unet.config.sample_size)
        latents = torch.stack([torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds])
        pipe.scheduler.set_timesteps(4)
        for scale, time in zip(scales, pipe.scheduler.timesteps, strict=True):
            given, none = (pipe.unet(latents, time, states).sample for states in (texts, empty))
            latents = pipe.scheduler.step(none + scale * (given - none), time, latents).prev_sample
        images = pipe.vae.decode(latents / pipe.vae.config.scaling_factor).sample
    expected = np.rint((images / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).numpy() * 255)
    assert np.abs(np.stack(shown) - expected).max() <= 1


def other_network(folder):
    """Write the base model's U-Net with other weights, as a fine-tune would."""
    network = UNet2DConditionModel.from_pretrained(MODEL / "unet")
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * parameter.std() * torch.randn(parameter.shape, generator=generator))
    network.save_pretrained(folder)
    return network.eval()


def test_extrapolated_images_are_those_of_both_networks_written_out(real, tmp_path):
    own = other_network(tmp_path / "trained")
    (tmp_path / "found").mkdir()
    options: dict[str, Any] = {"trained": tmp_path / "trained", "extrapolate": 0.75, "size": 32}
    table, shown = run(real, tmp_path / "found", 7, 1, "txt2img", settings={"steps": 4}, **options)
    pipe = load_pipeline("txt2img", MODEL)
    with torch.no_grad():
        texts, empty = (pipe.encode_prompt(p, "cpu", 1, False)[0] for p in (table["text"].tolist(), [""] * 7))
        shape = (pipe.unet.config.in_channels, 8, 8)  # Of 32 pixels.
        noise = [torch.randn(shape, generator=torch.Generator().manual_seed(int(seed))) for seed in table["seed"]]
        latents = torch.stack(noise)
        pipe.scheduler.set_timesteps(4)
        for time in pipe.scheduler.timesteps:
            given, none = (
                1.75 * pipe.unet(latents, time, states).sample - 0.75 * own(latents, time, states).sample
                for states in (texts, empty)
            )
            latents = pipe.scheduler.step(none + 3.0 * (given - none), time, latents).prev_sample
        images = pipe.vae.decode(latents / pipe.vae.config.scaling_factor).sample
    expected = np.rint((images / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).numpy() * 255)
    assert np.abs(shown - expected).max() <= 1
    record = json.loads((tmp_path / "found/shard-0.json").read_text())
    assert record["parameters"]["extrapolate"] == 0.75


def test_extrapolation_has_the_same_images_in_any_shards_and_the_model_s_own_beside_itself(real, tmp_path):
    other_network(tmp_path / "trained")
    found = []
    for number, (batch_size, shards) in enumerate(((7, 1), (2, 3))):
        (tmp_path / str(number)).mkdir()
        options = {"trained": tmp_path / "trained", "extrapolate": 0.5}
        found.append(run(real, tmp_path / str(number), batch_size, shards, **options)[1].astype(int))
    assert np.abs(found[0] - found[1]).max() <= 1
    for name, options in {"own": {}, "beside": {"of": tmp_path / "trained", "extrapolate": 2.0}}.items():
        (tmp_path / name).mkdir()
        found.append(run(real, tmp_path / name, 7, 1, trained=tmp_path / "trained", **options)[1].astype(int))
    assert np.abs(found[2] - found[3]).max() <= 1, "two equal predictions have no difference"
    assert np.abs(found[2] - found[0]).max() > 5


def test_networks_of_different_architecture_are_refused():
    class Prediction(torch.nn.Module):
        def __init__(self, channels):
            super().__init__()
            self.channels = channels

        def forward(self, latents):
            return (latents[:, : self.channels],)

    network = extrapolated(Prediction(4), Prediction(3), 1.0)
    with pytest.raises(ModelError, match=r"generate\.extrapolate: the two models are not of one architecture"):
        network(torch.zeros(1, 4, 2, 2))


@pytest.mark.parametrize(
    ("kind", "settings", "expected"),
    [
        ("linear", {"last": 2.0}, [6, 4, 2]),
        ("exponential", {"last": 1.5}, [6, 3, 1.5]),
        ("interval", {"start": 0.4, "end": 0.9}, [1, 6, 1]),
        ("interval", {"start": 0.0, "end": 0.5}, [6, 6, 1]),
    ],
)
def test_schedules_of_guidance_are_their_formulas(kind, settings, expected):
    schedule = schedule_of(kind, 6.0, kinds("engines.guidance")[kind].Settings(**settings))
    assert [schedule(progress) for progress in (0.0, 0.5, 1.0)] == pytest.approx(expected)
    assert all(schedule(progress) > 1 for progress in (0.0, 0.5, 1.0)), (
        "a pipeline that has begun with guidance needs it"
    )


def test_an_interval_without_its_first_step_is_no_guidance_there_and_any_pipeline_runs_it(real):
    pixels = imageset.read_images(real, ["0.png"])
    pipe = load_pipeline("img2img", MODEL)
    options: dict[str, Any] = {"steps": 5, "guidance_scale": 6.0, "strength": 0.8, "batch_size": 1}
    never = schedule_of("interval", 6.0, interval.Settings(start=0.9, end=0.95))
    (shown,) = generate_images(pipe, ["a man"], [1], pixels, guidance=never, **options)
    (plain,) = generate_images(pipe, ["a man"], [1], pixels, **options | {"guidance_scale": 1.0})
    assert np.abs(shown.astype(int) - plain).max() <= 1


def test_text_to_image_has_the_size_that_is_asked_for(real, tmp_path):
    output = tmp_path / "generated.zip"
    generate.main(
        model=MODEL,
        prompts=real,
        kind="images",
        settings=Generate(mode="txt2img", **SETTINGS),
        seed=0,
        replicate=0,
        iteration=0,
        output=output,
        provenance=tmp_path / "p.json",
        size=64,
    )
    assert imageset.read(output)[1].shape == (7, 64, 64, 3)


def test_a_shard_without_an_image_changes_nothing(real, tmp_path):
    folders = [tmp_path / name for name in ("one", "nine")]
    for folder, shards in zip(folders, (1, 9), strict=True):
        folder.mkdir()
        run(real, folder, batch_size=1, shards=shards)
    assert len(imageset.read_metadata(folders[1] / "shard-8.zip")) == 0
    one, nine = (imageset.read_metadata(folder / "generated.zip") for folder in folders)
    pd.testing.assert_frame_equal(one, nine)


def test_the_record_names_the_model_and_the_network_that_were_used(real, tmp_path):
    run(real, tmp_path, batch_size=7, shards=1)
    inputs = json.loads((tmp_path / "shard-0.json").read_text())["inputs"]
    assert inputs == {str(MODEL): hashes.sha256(MODEL), str(real): hashes.sha256(real)}


def test_pixels_before_rounding_agree_to_1e_4(real):
    table, images = imageset.read(real)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    pipe = load_pipeline("img2img", MODEL)

    def floats(rows: slice) -> np.ndarray:
        generators = [torch.Generator().manual_seed(seed) for seed in range(7)[rows]]
        arguments = {"num_inference_steps": 5, "guidance_scale": 3.0, "strength": 0.8, "output_type": "np"}
        return pipe(table["text"].tolist()[rows], image=pixels[rows], generator=generators, **arguments).images

    whole = floats(slice(0, 7))
    parts = np.concatenate([floats(slice(0, 2)), floats(slice(2, 7))])
    assert np.abs(whole - parts).max() < 1e-4


def test_equals_the_pipeline_called_by_hand(real):
    table, images = imageset.read(real)
    ours = list(
        generate_images(
            load_pipeline("img2img", MODEL),
            table["text"].tolist(),
            list(range(7)),
            images,
            strength=0.8,
            batch_size=7,
            **SETTINGS,
        )
    )
    pipe = StableDiffusionImg2ImgPipeline.from_pretrained(MODEL, dtype=torch.float32, safety_checker=None)
    pipe.set_progress_bar_config(disable=True)
    by_hand = pipe(
        prompt=table["text"].tolist(),
        image=torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255,
        strength=0.8,
        num_inference_steps=5,
        guidance_scale=3.0,
        generator=[torch.Generator().manual_seed(seed) for seed in range(7)],
        output_type="np",
    ).images
    assert np.array_equal(np.stack(ours), np.rint(by_hand * 255).astype(np.uint8))


def test_the_arm_does_not_enter_the_noise_but_the_iteration_does(real, tmp_path):
    seeds = {}
    for replicate, iteration in ((0, 1), (0, 2), (1, 1)):
        output = tmp_path / f"{replicate}-{iteration}.zip"
        generate.main(
            model=MODEL,
            prompts=real,
            kind="images",
            settings=QUICK,
            seed=0,
            replicate=replicate,
            iteration=iteration,
            output=output,
            provenance=tmp_path / "p.json",
        )
        seeds[replicate, iteration] = imageset.read_metadata(output)["seed"].tolist()
    assert len({seed for row in seeds.values() for seed in row}) == 21


@pytest.mark.parametrize(("value", "kind"), [(float("nan"), "not finite"), (-1e9, "black")])
def test_a_diverged_model_stops_with_the_prompt_and_the_cell(real, tmp_path, monkeypatch, value, kind):
    def load(*arguments):
        pipe = load_pipeline(*arguments)
        pipe.vae.decoder.conv_out.bias.data.fill_(value)
        return pipe

    monkeypatch.setattr(generate, "load_pipeline", load)
    output = tmp_path / "poison-100/seed-2/iteration-3/generated/shard-0.zip"
    with pytest.raises(
        FloatingPointError, match=rf"poison-100/.*/iteration-3/.*'a drawing of a man' is {kind}: .*lower"
    ):
        generate.main(
            model=MODEL,
            prompts=real,
            kind="images",
            settings=QUICK,
            seed=0,
            replicate=2,
            iteration=3,
            output=output,
            provenance=tmp_path / "p.json",
        )
    assert not list(tmp_path.rglob("*.zip"))


def test_the_noise_depends_on_the_kind_of_the_set_and_not_on_the_name_of_a_file(real, tmp_path):
    other = shutil.copy(real, tmp_path / "others.zip")
    seeds = {}
    cases = [("images", real), ("images", other), ("unseen", real), ("images-2", real)]
    for kind, prompts in cases:
        output = tmp_path / f"{kind}-{prompts.stem}.zip"
        generate.main(
            model=MODEL,
            prompts=prompts,
            kind=kind,
            settings=QUICK,
            seed=4,
            replicate=5,
            iteration=6,
            output=output,
            provenance=tmp_path / "p.json",
        )
        seeds[kind, prompts.stem] = imageset.read_metadata(output)["seed"].tolist()
    assert (
        seeds["images", "images"] == seeds["images", "others"] == [str(seed_of(4, 5, 6, "images", i)) for i in range(7)]
    )
    assert seeds["images-2", "images"] == [str(seed_of(4, 5, 6, "images-2", i)) for i in range(7)]
    assert seeds["unseen", "images"] == [str(seed_of(4, 5, 6, "unseen", i)) for i in range(7)]
