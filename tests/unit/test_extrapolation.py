"""Extrapolated predictions (SIMS) as a key of an arm: what its jobs read, what they cost, and what is refused."""

from typing import Any

import pytest

from scripts.lib.experiment.cell import Cell
from scripts.lib.experiment.config.load import ConfigurationError, load
from scripts.lib.planning.disk import _read
from scripts.lib.planning.jobs import jobs, models_inputs
from scripts.lib.planning.pilot import passes
from scripts.lib.planning.plan import operations, settings_of
from tests.unit.test_plan import ONE

BAD = {"bad": {"iterations": 3}}
CHILD = {"parent": "bad", "from_iteration": 3, "iterations": 1}


def away(**of: Any) -> dict[str, Any]:
    return {"generate": {"extrapolate": {"weight": 0.5, "of": of} if of else {"weight": 0.5}}}


def test_images_wait_for_both_models_and_those_of_the_base_model_for_none(settings):
    settings["generate"] = {"extrapolate": {}}
    settings["arms"] = BAD | {"on": CHILD | away(arm="bad", iteration=2)}
    experiment = load(settings)
    assert experiment.arms["bad"].generate.extrapolate == experiment.generate.extrapolate
    found = {job.output: job for job in jobs(experiment)}
    cell, earlier = "on/seed-0/iteration-4", "bad/seed-0/iteration-2"
    for output in ("generated/shard-0.json", "unseen.json"):
        assert found[f"{cell}/{output}"].needs == (f"{cell}/finetune.json", f"{earlier}/finetune.json")
        assert found[f"{earlier}/{output}"].needs == (f"{earlier}/finetune.json",), "the base model has no job"
        assert found[f"base/seed-0/iteration-0/{output}"].needs == ()
        assert _read(experiment, found[f"{cell}/{output}"]) == [Cell("on", 0, 4), Cell("bad", 0, 2)]
    assert models_inputs(experiment, Cell("on", 0, 4)) == {
        "trained": [f"{cell}/model"],
        "of": [f"{earlier}/model"],
    }


def test_the_plan_counts_twice_the_passes_and_not_for_the_base_model(settings):
    settings["generate"] = {"steps": 10, "strength": 0.5, "guidance_scale": 2.0}
    settings["arms"] = {"one": {"iterations": 1}, "two": {"iterations": 1} | away()}
    experiment = load(settings)
    found = {job.output: job for job in jobs(experiment)}

    def cost(cell, output="generated/shard-0.json"):
        return operations(experiment, found[f"{cell}/{output}"], lambda *_: ONE)

    one, two = "one/seed-0/iteration-1", "two/seed-0/iteration-1"
    # 120 images: 5 steps under guidance are 10 passes, or 20; an image is encoded and decoded once.
    assert cost(one) == 120 * (10 * 10 + 4 + 5 + 2)
    assert cost(two) == 120 * (20 * 10 + 4 + 5 + 2)
    assert passes(settings_of(experiment, found[f"{two}/unseen.json"])) == 40
    everywhere = load(settings | {"generate": settings["generate"] | {"extrapolate": {}}})
    base = next(job for job in jobs(everywhere) if job.cell.arm == "base" and job.rule == "generate")
    assert passes(settings_of(everywhere, base)) == 10


@pytest.mark.parametrize(
    ("arms", "message"),
    [
        (
            {"a": {"generate": {"extrapolate": {"weight": 0}}}},
            r"arms\.a\.generate\.extrapolate\.weight: .*greater than",
        ),
        (
            {"a": CHILD | away(arm="god")},
            r"arms\.a\.generate\.extrapolate\.of\.arm: there is no arm 'god'; one of \['base', 'a', 'bad'\]",
        ),
        (
            {"a": CHILD | away(arm="bad", iteration=4)},
            r"arms\.a\.generate\.extrapolate\.of\.iteration: is 4, but 'bad' has 1 to 3",
        ),
        (
            {"a": away(arm="bad")},
            r"arms\.a\.generate\.extrapolate\.of: is a model of iteration 3, but a begins with iteration 1; set",
        ),
        ({"a": away(arm="a")}, r"arms\.a\.generate\.extrapolate\.of: is a model of iteration 5, but a begins with"),
    ],
)
def test_a_model_that_is_none_or_not_there_yet_is_refused(settings, arms, message):
    with pytest.raises(ConfigurationError, match=message):
        load(settings | {"arms": BAD | arms})
