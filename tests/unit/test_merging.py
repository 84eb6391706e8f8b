"""Merges of two models: the formulas, what they read, and what is refused before any job."""

import json
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from scripts import merge as script
from scripts.lib.base.code import ROOT
from scripts.lib.base.kinds import kinds
from scripts.lib.base.safetensors_files import ModelError
from scripts.lib.experiment.cell import Cell
from scripts.lib.experiment.config.load import ConfigurationError, load
from scripts.lib.planning.amounts import steps_of_arms
from scripts.lib.planning.jobs import jobs, merge_inputs
from scripts.lib.training.merging import merge

MODEL = ROOT / "models/miniature"


def network(seed: int, width: int = 3) -> torch.nn.Module:
    torch.manual_seed(seed)
    return torch.nn.ModuleDict({"down": torch.nn.Linear(width, 4), "up": torch.nn.Linear(4, 2)})


def merged(kind: str, settings: dict[str, Any], seed: int = 0) -> tuple[dict[str, torch.Tensor], ...]:
    """Return the weights of two networks, and of what a merge makes of them."""
    one, two = network(1), network(2)
    before = {name: tensor.clone() for name, tensor in one.state_dict().items()}
    result = merge(one, two, kind, kinds("training.merges")[kind].Settings(**settings), seed)
    return before, two.state_dict(), result.state_dict()


def test_extrapolation_goes_away_from_the_other_model():
    of, other, found = merged("extrapolate", {"weight": 0.75})
    for name in of:
        torch.testing.assert_close(found[name], 1.75 * of[name] - 0.75 * other[name])


def test_blocks_have_weights_of_their_own_and_the_longest_beginning_counts():
    of, other, found = merged("extrapolate", {"weight": 0.5, "blocks": {"up": 2.0, "up.bias": 3.0}})
    weights = {"down.weight": 0.5, "down.bias": 0.5, "up.weight": 2.0, "up.bias": 3.0}
    for name, w in weights.items():
        torch.testing.assert_close(found[name], (1 + w) * of[name] - w * other[name])


@pytest.mark.parametrize("weight", [0.0, 0.25, 1.0])
def test_interpolation_is_between_two_models(weight):
    of, other, found = merged("interpolate", {"weight": weight})
    for name in of:
        torch.testing.assert_close(found[name], (1 - weight) * of[name] + weight * other[name])


def test_a_random_direction_goes_as_far_as_the_extrapolation_that_it_controls():
    of, other, found = merged("random_direction", {"weight": 0.75, "blocks": {"up": 2.0}})
    directions = []
    for name in of:
        w = 2.0 if name.startswith("up") else 0.75
        step = found[name] - of[name]
        torch.testing.assert_close(step.norm(), (w * (of[name] - other[name])).norm())
        directions.append(torch.nn.functional.cosine_similarity(step.flatten(), (of[name] - other[name]).flatten(), 0))
    assert max(map(abs, directions)) < 0.99
    again, elsewhere = (merged("random_direction", {"weight": 0.75}, seed)[2] for seed in (0, 1))
    assert torch.equal(again["down.weight"], merged("random_direction", {"weight": 0.75}, 0)[2]["down.weight"])
    assert not torch.equal(again["down.weight"], elsewhere["down.weight"])


def test_models_of_different_architecture_are_refused():
    settings = kinds("training.merges")["interpolate"].Settings()
    with pytest.raises(ModelError, match=r"not of one architecture; they differ in 2 weights, such as down\.weight"):
        merge(network(1), network(2, width=5), "interpolate", settings, 0)


def test_a_block_that_no_weight_has_and_weights_that_are_not_finite_are_refused():
    with pytest.raises(ModelError, match=r"merge\.extrapolate\.blocks: no weight's name begins with 'mid'"):
        merged("extrapolate", {"blocks": {"mid": 1.0}})
    broken: Any = network(2)
    broken["up"].bias.data[0] = torch.inf
    with pytest.raises(FloatingPointError, match=r"up\.bias is not finite"):
        merge(network(1), broken, "interpolate", kinds("training.merges")["interpolate"].Settings(), 0)


def test_the_script_merges_the_base_model_and_a_trained_one(tmp_path):
    name = "diffusion_pytorch_model.safetensors"
    base = {key: tensor.float() for key, tensor in load_file(MODEL / "unet" / name).items()}
    trained = {key: tensor + 0.01 for key, tensor in base.items()}
    (tmp_path / "trained").mkdir()
    save_file(trained, tmp_path / "trained" / name)
    (tmp_path / "trained/config.json").write_bytes((MODEL / "unet/config.json").read_bytes())
    script.main(
        model=MODEL,
        kind="extrapolate",
        settings='{"weight": 2.0}',
        seed=0,
        replicate=0,
        iteration=3,
        other=tmp_path / "trained",
        output=tmp_path / "cell/model",
        provenance=tmp_path / "cell/merge.json",
    )
    found = load_file(tmp_path / "cell/model" / name)
    for key, tensor in base.items():
        torch.testing.assert_close(found[key], tensor - 0.02, atol=1e-5, rtol=0)
    record = json.loads((tmp_path / "cell/merge.json").read_text())
    assert str(tmp_path / "trained") in record["inputs"]


BAD = {"bad": {"iterations": 3}}
CHILD = {"parent": "bad", "from_iteration": 3, "iterations": 1}


def test_a_merged_cell_waits_for_its_two_models_and_trains_on_nothing(settings):
    settings["arms"] = BAD | {
        "neon": CHILD | {"merge": "extrapolate"},
        "between": CHILD | {"merge": {"interpolate": {"of": {"arm": "bad", "iteration": 1}}}, "curate": ["cull"]},
        "on": {"parent": "neon", "from_iteration": 4, "iterations": 1},
    }
    experiment = load(settings)
    found = {job.output: job for job in jobs(experiment)}
    cell = "neon/seed-0/iteration-4"
    assert found[f"{cell}/merge.json"].needs == ("bad/seed-0/iteration-3/finetune.json",)
    assert {job.rule for job in found.values() if str(job.cell) == cell} == {
        "merge",
        "generate",
        "gather",
        "unseen",
        "validate",
        "embed",
        "score",
    }
    assert found[f"{cell}/generated/shard-0.json"].needs == (f"{cell}/merge.json",)
    assert f"{cell}/merge.json" in found["on/seed-0/iteration-5/finetune.json"].needs
    between = merge_inputs(experiment, Cell("between", 0, 4))
    assert between == {"of": ["bad/seed-0/iteration-1/model"], "other": ["bad/seed-0/iteration-3/model"]}
    assert [row["arm"] for row in steps_of_arms(experiment)] == ["bad", "on"]
    assert load(experiment.model_dump(exclude_unset=True)) == experiment


@pytest.mark.parametrize(
    ("arms", "message"),
    [
        ({"a": {"merge": "extrapolate", "iterations": 1}}, r"arms\.a\.merge: makes one model after its parent's; set"),
        (
            {"a": CHILD | {"merge": "extrapolate", "iterations": 2}},
            r"arms\.a\.merge: makes one model .*`iterations: 1`",
        ),
        (
            {"a": CHILD | {"merge": "average"}},
            r"arms\.a\.merge: must be one of \['extrapolate', 'interpolate', 'random",
        ),
        (
            {"a": CHILD | {"merge": {"extrapolate": {"weight": 0}}}},
            r"arms\.a\.merge\.extrapolate\.weight: .*greater than",
        ),
        ({"a": CHILD | {"merge": {"interpolate": {"weight": 2}}}}, r"arms\.a\.merge\.interpolate\.weight: .*less than"),
        (
            {"a": CHILD | {"merge": {"extrapolate": {"of": {"arm": "god"}}}}},
            r"arms\.a\.merge\.extrapolate\.of\.arm: there is no arm 'god'; one of \['base', 'a', 'bad'\]",
        ),
        (
            {"a": CHILD | {"merge": {"extrapolate": {"of": {"arm": "bad", "iteration": 9}}}}},
            r"arms\.a\.merge\.extrapolate\.of\.iteration: is 9, but 'bad' has 1 to 3",
        ),
        (
            {"a": CHILD | {"merge": {"extrapolate": {"of": {"arm": "b"}}}}, "b": {"iterations": 5}},
            r"arms\.a\.merge\.extrapolate\.of: is a model of iteration 5, but a begins with iteration 4",
        ),
        (
            {"a": CHILD | {"merge": {"interpolate": {"of": {"arm": "bad"}}}}},
            r"arms\.a\.merge\.interpolate: merges a model with itself",
        ),
        (
            {"a": CHILD | {"merge": "extrapolate", "finetune": {"trainable": "lora"}}},
            r"arms\.a\.merge: makes a whole network; set `finetune\.trainable` of this arm to full",
        ),
    ],
)
def test_wrong_merges_are_refused_with_the_key_and_the_fix(settings, arms, message):
    with pytest.raises(ConfigurationError, match=message):
        load(settings | {"arms": BAD | arms})
