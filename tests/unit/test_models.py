"""Several base models in one experiment: their cells, settings, checks, costs, and who trains on whose images."""

import json
import shutil
from types import SimpleNamespace
from typing import Any

import pytest

from scripts.lib.base.code import ROOT
from scripts.lib.base.safetensors_files import ModelError
from scripts.lib.experiment.arms import line_of, of
from scripts.lib.experiment.cell import Cell
from scripts.lib.experiment.config.load import ConfigurationError, load
from scripts.lib.experiment.lineage import base_cells, base_name, history, initial, iterations_left, sources
from scripts.lib.planning import plan_views
from scripts.lib.planning.image_sets import pool
from scripts.lib.planning.jobs import curate_inputs, finetune_inputs, jobs
from scripts.lib.planning.pilot import label_of
from scripts.lib.planning.plan import plan, settings_of
from scripts.lib.weights import configured
from tests.models import tiny_3

FLOW = {"path": "models/flow", "generate": {"steps": 20}, "finetune": {"epochs": 7}}
ARMS: dict[str, Any] = {
    "real": {"synthetic": 0},
    "poisoned": {"sources": {"flow": 1}, "iterations": 2},
    "flow-real": {"model": "flow", "synthetic": 0, "generate": {"strength": 0.6}},
    "flow-poisoned": {"model": "flow", "sources": {"base": 1}, "iterations": 2, "curate": ["cull"]},
    "healed": {"parent": "flow-poisoned", "from_iteration": 2, "iterations": 1, "synthetic": 0},
    "crossed": {"model": "flow", "init": "base", "parent": "poisoned", "from_iteration": 2, "iterations": 1},
}
CHILD: dict[str, Any] = {"parent": "a", "from_iteration": 1, "iterations": 1}
ONE: Any = SimpleNamespace(
    forward=10, training=30, encode=4, decode=5, text=1, parameters={"w": (10, 100)}, guided=2, rounds_up=False
)
LARGE: Any = SimpleNamespace(**vars(ONE) | {"forward": 1000, "training": 3000, "parameters": {"w": (10, 1000)}})


@pytest.fixture
def experiment(settings):
    settings["generate"] = {"steps": 50, "guidance_scale": 3}
    settings["defaults"] = {"finetune": {"learning_rate": 0.5, "epochs": 3}}
    return load(settings | {"models": {"flow": FLOW, "unused": "models/unused"}, "arms": ARMS})


def test_each_model_that_an_arm_names_has_a_cell_per_replicate(experiment, settings):
    assert base_cells(experiment) == [Cell("base", 0, 0), Cell("flow", 0, 0)]
    assert base_cells(load(settings)) == [Cell("base", 0, 0)]
    one = {"models": {"flow": "models/flow"}, "arms": {"poisoned": {"sources": {"flow": 1}}}}
    assert base_cells(load(settings | one)) == [Cell("base", 0, 0), Cell("flow", 0, 0)], "as a source alone"


def test_an_arm_starts_from_its_own_model_whoever_s_images_it_trains_on(experiment):
    first = Cell("flow-poisoned", 0, 1)
    assert initial(experiment, first) == Cell("flow", 0, 0)
    assert sources(experiment, first) == {"base": [Cell("base", 0, 0)]}
    assert finetune_inputs(experiment, first)["images"] == [
        "dataset/images.zip",
        "base/seed-0/iteration-0/generated.zip",
    ]
    assert pool(experiment, Cell("poisoned", 0, 2)) == ["flow/seed-0/iteration-0/generated.zip"]
    assert base_name(experiment, "healed") == "flow", "an arm that does not say it has its parent's"
    assert history(experiment, Cell("healed", 0, 3))[0] == Cell("flow", 0, 0)
    crossed = Cell("crossed", 0, 3)
    assert initial(experiment, crossed) == Cell("flow", 0, 0)
    assert history(experiment, crossed)[0] == Cell("base", 0, 0)
    assert iterations_left(experiment, Cell("flow", 0, 0)) == 5
    assert curate_inputs(experiment, first, 1)["first_batch"] == [
        "flow/seed-0/iteration-0/generated-single_image_distance.csv"
    ], "what is culled is judged by the images of the model that is trained"


def test_two_models_can_feed_each_other(settings):
    pair = {
        "one": {"sources": {"self": 0.5, "two": 0.5}, "iterations": 2},
        "two": {"model": "flow", "sources": {"self": 0.5, "one": 0.5}, "iterations": 2},
    }
    experiment = load(settings | {"models": {"flow": "models/flow"}, "arms": pair})
    assert pool(experiment, Cell("one", 0, 1)) == [
        f"{name}/seed-0/iteration-0/generated.zip" for name in ("base", "flow")
    ]
    assert pool(experiment, Cell("two", 0, 2)) == [
        f"{name}/seed-0/iteration-1/generated.zip" for name in ("two", "one")
    ]


def test_settings_are_the_arm_s_then_its_model_s_then_those_of_defaults_then_the_experiment_s(experiment):
    assert experiment.base("base").generate.steps == 50
    assert (experiment.base("flow").generate.steps, experiment.base("flow").generate.guidance_scale) == (20, 3)
    arm = experiment.arms["flow-real"]
    assert (arm.generate.steps, arm.generate.strength, arm.generate.guidance_scale) == (20, 0.6, 3)
    assert (arm.finetune.epochs, arm.finetune.learning_rate) == (7, 0.5)
    assert (experiment.arms["poisoned"].finetune.epochs, experiment.arms["poisoned"].generate.steps) == (3, 50)
    assert load(experiment.model_dump(exclude_unset=True)) == experiment
    assert load(json.loads(experiment.model_dump_json(exclude_unset=True))) == experiment


def test_what_figures_know_of_an_arm_names_its_model(experiment):
    known = of(experiment)
    assert (known["healed"].control, known["poisoned"].control) == ("flow-real", "real")
    assert (known["real"].model, known["flow-real"].model) == ("base", "flow")
    assert line_of(known, "healed") == {"healed", "flow-poisoned", "flow"}


def test_the_plan_counts_each_model_by_its_own_architecture(experiment, tmp_path):
    def count(model: str, size: int | None) -> Any:
        assert size == 512
        return {"base": ONE, "flow": LARGE}[model]

    found = plan(experiment, tmp_path, count)
    rows = {row["rule"]: row for row in found.rules.to_dict("records")}
    assert (rows["finetune"]["jobs"], rows["finetune, flow"]["jobs"]) == (5 + 2, 5 + 2 + 1 + 1)
    epochs = {"finetune": (5 * 3 + 2 * 3) * 30, "finetune, flow": 9 * 7 * 3000}
    for rule, flops in epochs.items():
        more = rows[rule]["jobs"] * (2 * 120 * 4 + 4)  # Encoding of the images and of the prompts.
        seconds = (120 * flops + more) / (19.5e12 * 0.4)
        assert rows[rule]["seconds_all"] == pytest.approx(seconds)
    assert rows["generate, flow"]["jobs"] == 1 + 9
    assert found.disk["bytes_all"][0] == 4 * (7 * 1000 + 9 * 10_000)
    assert "finetune, flow" in plan_views.text(found)
    job = next(job for job in jobs(experiment) if str(job.cell) == "flow/seed-0/iteration-0")
    assert (settings_of(experiment, job)["steps"], label_of(experiment, job)) == (20, "generate, flow")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"arms": {"a": {"model": "flwo"}}}, r"arms\.a\.model: there is no base model 'flwo'; name one of \['base'"),
        ({"arms": {"a": {"model": ["flow"]}}}, r"arms\.a\.model"),
        ({"defaults": {"model": "flwo"}}, r"arms\.mixed\.model: there is no base model 'flwo'"),
        ({"arms": {"flow": {}}}, r"arms\.flow: a base model of `models` has this name"),
        ({"arms": {"a": {"sources": {"flwo": 1}}}}, r"arms\.a\.sources\.flwo: .* one of \['self', 'base', 'flow'"),
        ({"arms": {"a": {"sources": {"flow": {"share": 1, "iteration": "same"}}}}}, r"arms\.a\.sources\.flow"),
        ({"models": {"base": "x"}}, r"models\.base: the name is taken"),
        ({"models": {"self": "x"}}, r"models\.self: the word means something else"),
        ({"models": {"flow": {}}}, r"models\.flow\.path: missing; add it"),
        ({"models": {"flow": {"path": "x", "steps": 1}}}, r"models\.flow\.steps: unknown key"),
        ({"models": {"flow": {"path": "x", "generate": {"steps": 0}}}}, r"models\.flow\.generate\.steps"),
        ({"models": {"flow": {"path": "x", "generate": 3}}}, r"models\.flow\.generate` is 3, but must be a mapping"),
        ({"models": ["x"]}, r"`models` is \['x'\], but must be a mapping"),
        (
            {"arms": {"a": {}, "b": {"parent": "a", "from_iteration": 1, "model": "flow"}}},
            r"arms\.b\.model: is 'flow', but its parent 'a' retrains 'base'; leave the key out, or set `init: base`",
        ),
        (
            {"arms": {"a": {}, "b": CHILD | {"merge": {"extrapolate": {"of": {"arm": "flow"}}}}}},
            r"arms\.b\.merge\.extrapolate\.of: is of the base model 'flow', but the arm retrains 'base'",
        ),
    ],
)  # fmt: skip
def test_what_no_model_can_be_is_refused_with_its_key(settings, changes, message):
    with pytest.raises(ConfigurationError, match=message):
        load({**settings, "models": {"flow": "models/flow"}} | changes)


def test_a_merge_without_a_model_merges_that_of_its_arm(settings):
    arms = {"a": {"model": "flow"}, "b": CHILD | {"merge": "extrapolate"}}
    chosen = {"models": {"flow": "models/flow"}, "arms": arms}
    experiment = load(settings | chosen)
    (merge,) = [job for job in jobs(experiment) if job.rule == "merge"]
    assert merge.needs == ("a/seed-0/iteration-1/finetune.json",)
    assert label_of(experiment, merge) == "merge, flow"


@pytest.fixture(scope="module")
def flow(tmp_path_factory):
    return tiny_3(tmp_path_factory.mktemp("models") / "flow", t5=False)


@pytest.fixture
def both(settings, flow):
    """The miniature, and a tiny Stable Diffusion 3."""
    clip = str(ROOT / "models/miniature/clip")
    settings["model"] = str(ROOT / "models/miniature")
    settings["models"] = {"flow": str(flow)}
    settings["dataset"]["resolution"] = 32
    settings["score"] = {"clip": clip, "features": {"clip": {"network": "clip", "weights": clip}}}
    settings["rewards"]["single_image_distance"]["features"]["weights"] = str(ROOT / "models/miniature/vae")
    settings["arms"] = {"a": {"model": "flow"}}
    return settings


def test_every_model_is_checked_before_any_job(both, flow, tmp_path):
    configured.check(load(both))
    assert configured.uses(load(both))["model-flow"].path == str(flow)
    both["dataset"]["resolution"] = 64
    with pytest.raises(ModelError, match=r"dataset\.resolution: it is 64, .*flow makes images of at most 32 pixels"):
        configured.check(load(both))
    both["dataset"]["resolution"] = 32
    cut = shutil.copytree(flow, tmp_path / "cut")
    shutil.rmtree(cut / "transformer")
    with pytest.raises(ModelError, match=r"cut: the component 'transformer' is missing"):
        configured.check(load(both | {"models": {"flow": str(cut)}}))
    with pytest.raises(ModelError, match=r"models/none: no diffusers pipeline there"):
        configured.check(load(both | {"models": {"flow": "models/none"}}))
    configured.check(load(both | {"models": {"flow": "models/none"}, "arms": {"a": {}}}))  # No arm names it.


def test_the_settings_of_an_arm_are_checked_on_its_own_model_alone(both):
    few = {"generate": {"steps": 4, "strength": 0.8}}
    configured.check(load(both | {"arms": {"a": {"model": "flow"}, "b": few}}))
    with pytest.raises(ModelError, match=r"generate\.steps: .*flow rounds the steps of image-to-image up"):
        configured.check(load(both | {"arms": {"a": few | {"model": "flow"}}}))
    with pytest.raises(ModelError, match=r"generate\.steps: .*flow rounds the steps of image-to-image up"):
        configured.check(load(both | {"models": {"flow": {"path": both["models"]["flow"]} | few}}))
