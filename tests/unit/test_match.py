"""Image-to-image that begins at the same ratio of signal and noise on every engine, against closed forms."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pandas as pd
import pytest

from benchmarks.full_size.architectures import NOISE
from scripts import generate as script
from scripts.lib.base import imageset
from scripts.lib.base.code import ROOT
from scripts.lib.engines.engine import engine_of
from scripts.lib.engines.generation import generate, load_pipeline
from scripts.lib.experiment.cell import Cell
from scripts.lib.experiment.config.generate import Generate
from scripts.lib.experiment.config.load import ConfigurationError, load
from scripts.lib.experiment.lineage import bases, matched
from scripts.lib.planning.jobs import jobs, match_inputs
from tests.models import tiny_3, tiny_flux, tiny_xl

STEPS = 250
START = 797  # The first of 200 steps of 4, of which the last is 1.


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A function that returns the folder of a tiny pipeline."""
    kinds: dict[str, Any] = {"xl": tiny_xl, "3": lambda folder: tiny_3(folder, t5=False), "flux": tiny_flux}
    return cache(lambda name: kinds[name](tmp_path_factory.mktemp("models") / name))


def began(model: Path, scheduler: Any = None, **settings: Any) -> tuple[float, int]:
    """Return the ratio at the first step of image-to-image, and how many steps would run."""
    pipe = load_pipeline("img2img", model)
    pipe.scheduler = scheduler or pipe.scheduler
    edge = 32 if model.name == "miniature" else 16
    images = np.random.default_rng(0).integers(0, 256, (1, edge, edge, 3), np.uint8)
    found: list[float] = []

    def stop(ratio: float) -> None:
        found.append(ratio)
        raise StopAsyncIteration  # Of many steps one is enough.

    options = {"steps": STEPS, "guidance_scale": 1.0, "batch_size": 1, "strength": 0.8} | settings
    with pytest.raises(StopAsyncIteration):
        next(generate(pipe, ["a man"], [0], images, first=stop, **options))
    return found[0], pipe.num_timesteps


def of_diffusion(time: int) -> float:
    """Return ᾱ / (1 - ᾱ) of the scaled linear schedule of Stable Diffusion, written out."""
    beta = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    alpha = (1 - beta).cumprod()[time]
    return alpha / (1 - alpha)


def of_flow(steps: int) -> np.ndarray:
    """Return ((1 - σ) / σ)² at each step of Stable Diffusion 3, which shifts levels by 3 u / (1 + 2 u) twice."""

    def shifted(level: Any) -> Any:
        return 3 * level / (1 + 2 * level)

    level = shifted(np.linspace(1, shifted(1 / 1000), steps))
    return ((1 - level) / level) ** 2


def test_a_flow_begins_where_a_diffusion_of_a_strength_does(models):
    ratio, steps = began(models("xl"), diffusers.DDIMScheduler(**NOISE))
    assert ratio == pytest.approx(of_diffusion(START), rel=1e-5)
    assert steps == 200
    found, steps = began(models("3"), ratio=ratio)
    own = of_flow(STEPS)
    nearest = np.abs(np.log(np.maximum(own, 1e-30) / ratio)).argmin()
    assert (found, steps) == (pytest.approx(own[nearest], rel=1e-3), STEPS - nearest)
    assert found == pytest.approx(ratio, rel=0.02)
    assert steps / STEPS == pytest.approx(0.63, abs=0.02), "the strength that equals Stable Diffusion's 0.8"
    assert began(models("3"))[0] < ratio / 4, "by its strength it would begin from a fourth of the signal, or less"


def test_a_diffusion_begins_where_a_flow_does(models):
    ratio, _ = began(models("3"), strength=0.6)
    found, steps = began(models("xl"), diffusers.DDIMScheduler(**NOISE), ratio=ratio)
    every = np.array([of_diffusion(time) for time in range(1, 1000, 4)][::-1])
    nearest = np.abs(np.log(every / ratio)).argmin()
    assert (found, steps) == (pytest.approx(every[nearest], rel=1e-5), STEPS - nearest)


def test_every_engine_and_every_sampler_can_begin_near_a_ratio(models):
    target = of_diffusion(START)
    for name, tolerance in (("xl", 0.03), ("3", 0.03), ("flux", 0.03)):
        assert began(models(name), ratio=target)[0] == pytest.approx(target, rel=tolerance)
    for sampler in ("PNDMScheduler", "HeunDiscreteScheduler", "EulerAncestralDiscreteScheduler"):
        scheduler = getattr(diffusers, sampler)(
            **{key: NOISE[key] for key in ("beta_schedule", "beta_start", "beta_end")}
        )
        assert began(models("xl"), scheduler, ratio=target)[0] == pytest.approx(target, rel=0.03)


@pytest.mark.parametrize("name", ["1", "xl", "3", "flux"])
def test_a_model_that_begins_as_itself_makes_the_same_images(models, name):
    model = ROOT / "models/miniature" if name == "1" else models(name)
    edge = 32 if name == "1" else 16
    images = np.random.default_rng(0).integers(0, 256, (2, edge, edge, 3), np.uint8)
    settings: dict[str, Any] = {"steps": 6, "guidance_scale": 3.0, "strength": 0.7, "batch_size": 2}
    ratios: list[float] = []

    def make(**options: Any) -> np.ndarray:
        pipe = load_pipeline("img2img", model)
        return np.stack(list(generate(pipe, ["a man", "a woman"], [1, 2], images, **settings, **options)))

    expected = make(first=ratios.append)
    assert np.array_equal(make(ratio=ratios[0]), expected)
    assert engine_of(model).MODES[0] == "img2img"


def test_the_script_reads_the_ratio_from_a_record(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), np.uint8)
    imageset.write(tmp_path / "real.zip", pd.DataFrame({"file_name": ["0.png"], "text": ["a man"]}), images)
    fixed: dict[str, Any] = {"model": ROOT / "models/miniature", "prompts": tmp_path / "real.zip", "kind": "images"}
    fixed |= {"seed": 0, "replicate": 0, "iteration": 0}

    def ratio(name: str, strength: float, **options: Any) -> float:
        record = tmp_path / f"{name}.json"
        settings = Generate(steps=20, guidance_scale=1.0, strength=strength)
        script.main(**fixed, settings=settings, output=tmp_path / f"{name}.zip", provenance=record, **options)
        return json.loads(record.read_text(encoding="utf-8"))["results"]["signal_to_noise"]

    first = ratio("first", strength=0.5)
    assert ratio("second", strength=0.9, match=tmp_path / "first.json") == first
    assert ratio("third", strength=0.9) < first / 2


MATCH = {"match": {"snr_of": "base"}}


def test_what_is_matched_is_made_first_and_begins_by_its_own_strength(settings):
    settings["generate"] = {"match": {"snr_of": "flow"}}
    settings["models"] = {"flow": "models/flow", "other": "models/other"}
    settings["arms"] = {"a": {}, "b": {"model": "other", "generate": {"mode": "txt2img"}}, "c": {"model": "flow"}}
    experiment = load(settings)
    assert bases(experiment) == ["base", "flow", "other"]
    record = "flow/seed-0/iteration-0/generated/shard-0.json"
    reads = {
        cell: bool(matched(experiment, cell))
        for cell in (Cell("base", 0, 0), Cell("flow", 0, 0), Cell("a", 0, 1), Cell("b", 0, 1), Cell("c", 0, 1))
    }
    assert list(reads.values()) == [True, False, True, False, True]
    assert match_inputs(experiment, Cell("a", 0, 1)) == {"match": [record]}
    order = [job.output for job in jobs(experiment)]
    found = {job.output: job for job in jobs(experiment)}
    shard = "base/seed-0/iteration-0/generated/shard-0.json"
    assert found[shard].needs == (record,)
    assert order.index(record) < order.index(shard)
    assert found["a/seed-0/iteration-1/unseen.json"].needs == ("a/seed-0/iteration-1/finetune.json",)
    assert bases(load(settings | {"arms": {"a": {}}})) == ["base", "flow"], (
        "a model that is only matched has images too"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"generate": {"match": {"snr_of": "flwo"}}},
            r"generate\.match\.snr_of: there is no base model 'flwo'; name one",
        ),
        ({"generate": {"match": {"snr": 1}}}, r"generate\.match\.snr: unknown key"),
        (
            {"arms": {"a": {"generate": {"match": {"snr_of": "a"}}}}},
            r"arms\.a\.generate\.match\.snr_of: there is no base",
        ),
        (
            {
                "generate": {"mode": "txt2img"},
                "models": {"flow": {"path": "x", "generate": MATCH | {"mode": "img2img"}}},
            },
            r"models\.flow\.generate\.match\.snr_of: 'base' makes its images from noise alone; set its `gen",
        ),
        (
            {
                "models": {"flow": {"path": "x", "generate": MATCH}},
                "arms": {"a": {"generate": {"match": {"snr_of": "flow"}}}},
            },
            r"arms\.a\.generate\.match\.snr_of: 'flow' matches 'base' itself; name that",
        ),
    ],
)
def test_what_cannot_be_matched_is_refused_with_its_key(settings, changes, message):
    with pytest.raises(ConfigurationError, match=message):
        load(settings | changes)
