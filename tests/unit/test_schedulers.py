"""Samplers of diffusers in the place of the base model's own."""

import json
from pathlib import Path

import pytest
import torch

from scripts import check_scheduler as script
from scripts.lib.base.code import ROOT
from scripts.lib.base.safetensors_files import ModelError
from scripts.lib.engines import schedulers
from scripts.lib.engines.schedulers import check_scheduler, scheduler_of

CONFIG = json.loads((ROOT / "models/miniature/scheduler/scheduler_config.json").read_text(encoding="utf-8"))


@pytest.fixture(params=["epsilon", "v_prediction"])
def model(request, tmp_path) -> Path:
    """The folder of a base model that has nothing but a scheduler."""
    (tmp_path / "scheduler").mkdir()
    (tmp_path / "scheduler/scheduler_config.json").write_text(json.dumps(CONFIG | {"prediction_type": request.param}))
    return tmp_path


FIT = ["DDIM", "PNDM", "DDPM", "EulerDiscrete", "EulerAncestralDiscrete", "DPMSolverMultistep", "UniPCMultistep"]
FIT += ["HeunDiscrete", "KDPM2Discrete", "LMSDiscrete"]


@pytest.mark.parametrize("name", [f"{name}Scheduler" for name in FIT])
def test_samplers_that_fit_pass(model, name):
    check_scheduler(model, name)
    assert (
        scheduler_of(model, name).config.prediction_type == scheduler_of(model, "DDIMScheduler").config.prediction_type
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("DDPM", r"generate\.scheduler: diffusers has no scheduler 'DDPM'; name one, such as DDPMScheduler"),
        ("StableDiffusionPipeline", r"diffusers has no scheduler 'StableDiffusionPipeline'"),
        (
            "FlowMatchEulerDiscreteScheduler",
            r"FlowMatchEulerDiscreteScheduler does not fit .*, whose network predicts '",
        ),
        ("EDMEulerScheduler", r"EDMEulerScheduler does not fit"),
        ("DDIMInverseScheduler", r"DDIMInverseScheduler does not fit .*: perfect predictions do not lead to an image"),
    ],
)
def test_samplers_that_do_not_fit_are_refused(model, name, message):
    with pytest.raises(ModelError, match=message):
        check_scheduler(model, name)


@pytest.mark.parametrize(
    "name", ["DDIMScheduler", "DDPMScheduler", "EulerDiscreteScheduler", "UniPCMultistepScheduler"]
)
def test_a_sampler_that_takes_a_prediction_for_another_is_found_out(model, name, monkeypatch):
    """Schedulers that know one prediction type alone take every prediction for theirs."""
    other = {"epsilon": "v_prediction", "v_prediction": "epsilon"}

    def wrong(folder, kind):
        made = scheduler_of(folder, kind)
        made.register_to_config(prediction_type=other[made.config.prediction_type])
        return made

    monkeypatch.setattr(schedulers, "scheduler_of", wrong)
    with pytest.raises(ModelError, match=r"perfect predictions do not lead to an image"):
        check_scheduler(model, name)


def test_a_sampler_whose_noise_is_the_batch_s_is_refused(model, monkeypatch):
    def careless(folder, kind):
        made = scheduler_of(folder, kind)
        step = made.step
        made.step = lambda *arguments, **options: step(*arguments, return_dict=options["return_dict"])
        return made

    torch.manual_seed(0)
    monkeypatch.setattr(schedulers, "scheduler_of", careless)
    with pytest.raises(ModelError, match=r"draws its noise for a whole batch, .*generator per image"):
        check_scheduler(model, "DDPMScheduler")


def test_the_sampler_of_a_model_of_flow_matching_cannot_be_chosen(model):
    (model / "scheduler/scheduler_config.json").write_text('{"_class_name": "FlowMatchEulerDiscreteScheduler"}')
    with pytest.raises(
        ModelError, match=r"is a model of flow matching, whose sampler cannot be chosen; remove the key"
    ):
        check_scheduler(model, "DDPMScheduler")


def test_the_record_names_what_was_tried(model, tmp_path):
    script.main(model=model, scheduler="DDPMScheduler", output=tmp_path / "weights/scheduler.json")
    record = json.loads((tmp_path / "weights/scheduler.json").read_text())
    assert record == {"model": str(model), "scheduler": "DDPMScheduler"}
