"""Counted operations, against those of Stable Diffusion 2.1 that are known, and the paper's experiment."""

from functools import cache
from math import prod

import diffusers
import pytest
import torch

from scripts.lib.base.code import ROOT
from scripts.lib.base.safetensors_files import read_json
from scripts.lib.engines import stable_diffusion
from scripts.lib.engines.engine import engine_of
from scripts.lib.experiment.config.load import load
from scripts.lib.planning.jobs import jobs
from scripts.lib.planning.pilot import Pilot
from scripts.lib.planning.plan import ARCHITECTURES, cost_of


@pytest.fixture(scope="module")
def count():
    """The operations of the paper's base model, counted once a size."""
    return cache(lambda size: stable_diffusion.count(ROOT / ARCHITECTURES / "stable-diffusion-2-1-base", size))


def test_the_published_architecture_has_its_known_size_and_operations(count):
    one = count(512)
    assert sum(map(prod, one.parameters.values())) / 1e6 == pytest.approx(865.9, abs=0.05)
    tera = {"forward": 0.804, "training": 2.41, "encode": 1.117, "decode": 2.51, "text": 0.045}
    assert {name: getattr(one, name) / 1e12 for name in tera} == pytest.approx(tera, rel=0.02)
    assert count(None) == one, "512 pixels are its own size"


def test_the_paper_costs_18_exaflop(settings, count):
    """Nine arms of five iterations, 900 images: 45 times 108 PFLOP of training and 290 of generation."""
    settings["dataset"]["attributes"] = {"gender": ["man", "woman"], "race": list("abcde"), "age": list("xyz")}
    settings["dataset"]["prompt"] = "a photo of a {age} {race} {gender}"
    settings["figures"] = {"group": {"gender": "man", "race": "a", "age": "x"}}
    shares = {"real": 0, "poison-3": 0.033, "poison-10": 0.1, "poison-25": 0.25, "poison-50": 0.5, "poison-100": 1}
    settings["arms"] = {name: {"synthetic": share} for name, share in shares.items()} | {
        "color-matched": {"curate": ["match_histograms"]},
        "culled": {"curate": ["cull"]},
        "healed": {"parent": "poison-25", "from_iteration": 5, "synthetic": 0},
    }
    paper = load(settings)
    nothing = Pilot({}, [], None, 0.0)
    loop = [job for job in jobs(paper) if job.rule in ("finetune", "generate") and job.cell.arm != "base"]
    assert len(loop) == 2 * 45
    total = sum(cost.flops for job in loop if (cost := cost_of(paper, job, nothing, lambda _, size: count(size))))
    assert total / 1e18 == pytest.approx(18, rel=0.05)


@pytest.mark.parametrize(
    ("name", "millions"),
    [
        ("stable-diffusion-xl-base-1.0", 2567.5),
        ("stable-diffusion-3-medium-diffusers", 2028.3),
        ("stable-diffusion-3.5-medium", 2243.2),
        ("FLUX.1-dev", 11901.4),
    ],
)
def test_further_architectures_have_their_known_sizes(name, millions):
    folder = ROOT / ARCHITECTURES / name
    component = engine_of(folder).COMPONENT
    kind = getattr(diffusers, read_json(folder / component / "config.json")["_class_name"])
    with torch.device("meta"):
        network = kind.from_config(read_json(folder / component / "config.json"))
    assert network.num_parameters() / 1e6 == pytest.approx(millions, abs=0.1)
