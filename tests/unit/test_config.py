"""The configuration: what it means, and how it refuses what it cannot mean."""

from typing import Any

import pytest
import yaml
from snakemake.utils import update_config

from scripts.lib.base.code import ROOT
from scripts.lib.experiment.arms import controls
from scripts.lib.experiment.config.describe import describe
from scripts.lib.experiment.config.load import ConfigurationError, load
from scripts.lib.planning.amounts import steps_of_arms
from scripts.lib.planning.controls import starved, unmatched


def test_the_default_experiment_loads():
    experiment = load(yaml.safe_load((ROOT / "config.yaml").read_text()))
    assert {arm.synthetic for arm in experiment.arms.values()} == {0, 0.033, 0.1, 0.25, 0.5, 1}
    steps = {name: [step.kind for step in arm.curate] for name, arm in experiment.arms.items() if arm.curate}
    matched = ["color-matched", "color-matched-group"]
    assert steps == {name: ["match_histograms"] for name in matched} | {"culled": ["cull"]}
    assert {arm.regime.kind for arm in experiment.arms.values()} == {"replace"}
    healed = experiment.arms["healed"]
    assert (healed.parent, healed.first_iteration, healed.last_iteration) == ("poison-25", 6, 10)


def test_defaults_are_the_papers(settings):
    experiment = load(settings)
    generate, finetune = experiment.arms["mixed"].generate, experiment.arms["mixed"].finetune
    assert (generate.mode, generate.strength, generate.steps, generate.guidance_scale) == ("img2img", 0.8, 250, 7.5)
    assert (finetune.learning_rate, finetune.epochs, finetune.horizontal_flip) == (2e-6, 50, True)
    assert (finetune.mixed_precision, experiment.dataset.resolution, experiment.dataset.per_group) == ("no", 512, 30)


def test_an_arm_overrides_some_keys_and_inherits_the_rest(settings):
    settings |= {
        "finetune": {"epochs": 3, "learning_rate": 1e-3, "batch_size": 7},
        "generate": {"steps": 9, "guidance_scale": 2},
        "curation": {"match_histograms": {"bins": 32}},
        "defaults": {
            "iterations": 2,
            "synthetic": 0.25,
            "finetune": {"learning_rate": 1e-4},
            "curate": ["match_histograms"],
        },
        "arms": {
            "plain": {},
            "own": {
                "synthetic": 1,
                "finetune": {"epochs": 5},
                "generate": {"strength": 0.5},
                "curate": [{"match_histograms": {"candidates": "group"}}],
            },
        },
    }
    arms = load(settings).arms
    assert (arms["plain"].iterations, arms["plain"].synthetic) == (2, 0.25)
    assert (arms["own"].iterations, arms["own"].synthetic) == (2, 1)
    plain, own = arms["plain"].finetune, arms["own"].finetune
    assert (plain.epochs, plain.learning_rate, plain.batch_size) == (3, 1e-4, 7)
    assert (own.epochs, own.learning_rate, own.batch_size) == (5, 1e-4, 7)
    assert (arms["own"].generate.steps, arms["own"].generate.strength) == (9, 0.5)
    assert (arms["plain"].generate.steps, arms["plain"].generate.strength) == (9, 0.8)
    matching = [arms[name].curate[0].settings for name in ("plain", "own")]
    assert [section.model_dump() for section in matching] == [
        {"bins": 32, "pseudo_count": 1e-6, "divergence": "generated_real", "candidates": candidates}
        for candidates in ("all", "group")
    ]


def test_steps_keep_their_order_and_may_come_twice(settings):
    steps = ["match_histograms", {"cull": {"on_reject": "drop"}}, {"match_histograms": None}]
    settings["arms"] = {"a": {"curate": steps}, "b": {}}
    arms = load(settings).arms
    assert [step.kind for step in arms["a"].curate] == ["match_histograms", "cull", "match_histograms"]
    assert arms["a"].curate[1].settings.model_dump() == {"on_reject": "drop", "shortfall": "keep_best"}
    assert arms["a"].curate[0] == arms["a"].curate[2]
    assert arms["b"].curate == []


BEST_OF = {"best_of": {"candidates": 2, "reward": "single_image_distance"}}


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([BEST_OF, "cull", BEST_OF], "`best_of` finds one candidate per slot, since `best_of` has chosen"),
        ([{"best_of": {"candidates": 1, "reward": "single_image_distance"}}], "greater than or equal to 2"),
        ([{"detector": {"tpr": 1.5, "fpr": 0}}], "less than or equal to 1"),
    ],
)
def test_steps_that_cannot_follow_each_other_are_refused(settings, steps, message):
    settings["arms"]["mixed"]["curate"] = steps
    with pytest.raises(ConfigurationError, match=message) as refused:
        load(settings)
    assert "arms.mixed.curate" in str(refused.value)


def test_a_step_whose_reward_has_no_settings_is_refused_and_others_are_not(settings):
    del settings["rewards"]
    settings["arms"] = {"a": {"curate": ["match_histograms"]}}
    assert load(settings).rewards.single_image_distance is None  # type: ignore[attr-defined]
    settings["arms"]["b"] = {"curate": ["match_histograms", "cull"]}
    message = r"rewards\.single_image_distance: missing; the step `cull` of `arms\.b` chooses by it\. Add the section"
    with pytest.raises(ConfigurationError, match=message):
        load(settings)


def test_the_report_names_the_steps_of_an_arm_and_what_they_do_not_share(settings):
    steps = ["match_histograms", {"cull": {"on_reject": "drop"}}]
    settings["arms"] = {"a": {"curate": steps, "synthetic": 1, "iterations": 2}, "b": {"iterations": 2}}
    rows = {row["key"]: row["value"] for row in describe(load(settings))}
    assert rows["arms.a"] == "synthetic: 1.0; iterations: 2; curate: match_histograms, cull (on_reject: drop)"
    assert rows["arms.b"] == "synthetic: 1.0; iterations: 2"
    assert rows["curation.cull.on_reject"] == "replace"
    assert rows["rewards.single_image_distance.features.weights"] == "model/vae"


def test_the_report_says_the_sampling_bias_and_what_an_arm_generates_otherwise(settings):
    settings["generate"] = {"guidance_scale": 4}
    less = {"guidance_scale": 2, "guidance": {"linear": {"last": 1}}, "scheduler": "DDPMScheduler"}
    settings["arms"] = {"a": {"iterations": 2, "generate": less}}
    rows = {row["key"]: row["value"] for row in describe(load(settings))}
    assert rows["generate.guidance_scale"] == "4 (λ = 0.25)"
    assert "guidance_scale: 2 (λ = 0.5); guidance: linear: last: 1.0; scheduler: DDPMScheduler" in rows["arms.a"]
    assert "strength" not in rows["arms.a"]


@pytest.mark.parametrize(
    ("generate", "message"),
    [
        (
            {"guidance": "cosine"},
            r"generate\.guidance: must be one of \['constant', 'exponential', 'interval', 'linear'\]",
        ),
        ({"guidance": {"linear": {"last": 0.5}}}, r"generate\.guidance\.linear\.last: .*greater than or equal to 1"),
        (
            {"guidance": {"interval": {"start": 0.6, "end": 0.4}}},
            r"generate\.guidance\.interval\.start: is 0\.6, after",
        ),
        ({"scheduler": "../x"}, r"generate\.scheduler: "),
    ],
)
def test_a_wrong_way_to_generate_is_refused(settings, generate, message):
    with pytest.raises(ConfigurationError, match=message):
        load(settings | {"generate": generate})


@pytest.mark.parametrize(
    ("rounding", "none", "some"),
    [("total", 0.004, 0.0042), ("nearest", 0.016, 0.017), ("floor", 0.033, 0.034), ("ceil", None, 0.001)],
)
def test_a_share_that_rounds_to_no_image_is_refused(settings, rounding, none, some):
    settings |= {"compose": {"rounding": rounding}}  # 120 images, 30 of each group
    load(settings | {"arms": {"a": {"synthetic": some}, "b": {"synthetic": 0}}})
    if none:
        with pytest.raises(
            ConfigurationError, match=rf"arms\.a\.synthetic: {none} of 120 images is no image .*{rounding}"
        ):
            load(settings | {"arms": {"a": {"synthetic": none}}})


def test_an_arm_has_no_more_real_images_than_there_are(settings):
    settings["dataset"]["per_group"] = 4
    settings["arms"] = {"few": {"synthetic": 0, "real_per_group": 4}}
    assert load(settings).arms["few"].real_per_group == 4
    settings["arms"]["few"]["real_per_group"] = 5
    with pytest.raises(
        ConfigurationError, match=r"arms\.few\.real_per_group: is 5, but `dataset\.per_group` is 4; lower"
    ):
        load(settings)
    settings["arms"]["few"] = {"synthetic": 0.1, "real_per_group": 1}  # 0.4 of 4 images
    with pytest.raises(ConfigurationError, match=r"arms\.few\.synthetic: 0\.1 of 4 images is no image"):
        load(settings)


def test_the_studies_load_and_have_equal_steps_where_they_say_so():
    def study(name):
        merged = yaml.safe_load((ROOT / "config.yaml").read_text())
        update_config(merged, yaml.safe_load((ROOT / f"config/{name}.yaml").read_text()))
        return load(merged)

    regimes = study("regimes")
    assert len(regimes.arms) == 6
    assert {(row["first"], row["last"]) for row in steps_of_arms(regimes)} == {(60, 60)}
    assert sorted(arm.synthetic for arm in study("dose").arms.values()) == [
        0,
        0.001,
        0.003,
        0.01,
        0.033,
        0.1,
        0.25,
        0.5,
        1,
    ]
    healing = study("healing")
    assert {arm.parent for arm in healing.arms.values()} == {None, "poison-100"}
    trained = [row for row in steps_of_arms(healing) if healing.arms[row["arm"]].parent]
    assert {(row["first"], row["last"]) for row in trained} == {(48, 48)}
    amounts = {(arm.real_per_group, arm.real) for name, arm in healing.arms.items() if name.startswith("real-")}
    assert amounts == {(number, real) for number in (1, 3, 10) for real in ("fixed", "fresh")}
    assert len(study("filters").arms) == 18
    assert starved(study("filters")) == unmatched(study("filters")) == []
    assert sum(arm.merge is not None for arm in healing.arms.values()) == 4


def test_a_bare_no_of_yaml_is_float32(settings):
    settings["finetune"] = {"mixed_precision": False}
    assert load(settings).finetune.mixed_precision == "no"


@pytest.mark.parametrize("text", ["2e-6", "2.0e-6", "0.000002"])
def test_a_small_number_may_be_written_in_any_way(settings, text):
    settings["finetune"] = yaml.safe_load(f"learning_rate: {text}")
    assert load(settings).finetune.learning_rate == 2e-6


@pytest.mark.parametrize("name", sorted(["tables", "explorer", "scores.csv", "plan.html", "explorer.html"]))
def test_an_arm_is_called_like_nothing_else_in_the_results(settings, name):
    with pytest.raises(ConfigurationError, match=rf"arms\.{name}: the name is taken"):
        load(settings | {"arms": {name: {}}})


@pytest.mark.parametrize("name", ["poison-3.3", "1e5", "all", "plan", "v1.2"])
def test_an_arm_may_have_numbers_and_names_of_targets_as_its_name(settings, name):
    assert list(load(settings | {"arms": {name: {}}}).arms) == [name]


def test_arms_differ_in_more_than_their_case(settings):
    with pytest.raises(ConfigurationError, match=r"arms\.Real: `real` and `Real` would be one folder"):
        load(settings | {"arms": {"real": {}, "Real": {}}})


@pytest.mark.parametrize("name", ["reason", "excluded", "found", "missing", "images", "set", "slot", "file_name"])
def test_an_attribute_is_called_like_no_column(settings, name):
    settings["dataset"] |= {"attributes": {name: ["a", "b"]}, "prompt": f"{{{name}}}"}
    with pytest.raises(ConfigurationError, match=rf"dataset\.attributes\.{name}: the workflow's tables have a column"):
        load(settings | {"figures": {"group": {name: "a"}}})


@pytest.mark.parametrize("name", ["n", "skin tone", "hair-color", "race/ethnicity", "class", "Größe", "value"])
def test_an_attribute_may_be_called_otherwise(settings, name):
    settings["dataset"] |= {"attributes": {name: ["a", "b"]}, "prompt": f"{{{name}}}"}
    assert load(settings | {"figures": {"group": {name: "a"}}})


def test_null_removes_an_arm(settings):
    settings["arms"] = {"kept": {}, "gone": None}
    assert list(load(settings).arms) == ["kept"]


def test_the_control_of_an_arm_has_its_base_model_where_there_is_such_an_arm(settings):
    settings["models"] = {
        "other": {"path": settings["model"], "generate": {"steps": 7}},
        "third": {"path": settings["model"]},
    }
    slow = {"finetune": {"learning_rate": 1e-6}}
    settings["arms"] = {
        "real": {"synthetic": 0},
        "all": {},
        "other-real": {"model": "other", "synthetic": 0, "iterations": 1},
        "other-slow": {"model": "other", "synthetic": 0} | slow,
        "other-all": {"model": "other"},
        "third-all": {"model": "third"},
    }
    assert controls(load(settings)) == {
        "real": "real",
        "all": "real",
        "other-real": "other-real",
        "other-slow": "other-real",
        "other-all": "other-real",
        "third-all": "real",
    }


def test_the_control_is_an_arm_or_there_is_none(settings):
    names = list(settings["arms"])
    assert load(settings | {"arms": {"real": {"synthetic": 0}}}).control == "real"
    assert load(settings | {"arms": {"all": {"synthetic": 1}}}).control is None
    settings["score"]["control"] = names[-1]
    assert load(settings).control == names[-1]
    assert controls(load(settings)) == dict.fromkeys(names, names[-1])
    settings["score"]["control"] = "rael"
    with pytest.raises(ConfigurationError, match=r"score\.control: there is no arm 'rael'; name one of \["):
        load(settings)


def test_load_leaves_its_argument_as_it_was(settings):
    before = repr(settings)
    load(settings)
    assert repr(settings) == before


ARMS = {"root": {"iterations": 3}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"color": 1}, r"color: unknown key"),
        ({"generate": {"step": 1}}, r"generate\.step: unknown key"),
        ({"arms": {"a": {"sinthetic": 1}}}, r"arms\.a\.sinthetic: unknown key"),
        ({"arms": {"a": {"finetune": {"lr": 1}}}}, r"arms\.a\.finetune\.lr: unknown key"),
        ({"model": None}, r"model: must be a text"),
        ({"seed": -1}, r"seed: .*greater than or equal to 0 \(it is -1\)"),
        ({"replicates": [1, 1]}, r"replicates: lists a seed twice"),
        ({"replicates": []}, r"replicates: .*at least 1 item"),
        ({"experiment": "a/b"}, r"experiment: .*\(it is 'a/b'\)"),
        ({"arms": {"a": {"synthetic": 1.5}}}, r"arms\.a\.synthetic: .*less than or equal to 1 \(it is 1\.5\)"),
        ({"arms": {"a": {"synthetic": -0.1}}}, r"arms\.a\.synthetic: .*greater than or equal to 0"),
        ({"arms": {"a": {"synthetic": float("nan")}}}, r"arms\.a\.synthetic: .*finite"),
        ({"finetune": {"learning_rate": float("inf")}}, r"finetune\.learning_rate: .*finite"),
        ({"generate": {"strength": 0}}, r"generate\.strength: .*greater than 0"),
        ({"arms": {"a": {"control": "cull"}}}, r"arms\.a\.control: unknown key"),
        (
            {"arms": {"a": {"curate": ["cull", "sharpen"]}}},
            r"arms\.a\.curate\.1: must be one of \[.*'cull', .*\].*such as \{\w+: \{setting: value\}\}",
        ),
        ({"arms": {"a": {"curate": [{"cull": {}, "match_histograms": {}}]}}}, r"arms\.a\.curate\.0: must be one of"),
        ({"arms": {"a": {"curate": "cull"}}}, r"arms\.a\.curate: .*valid list \(it is 'cull'\)"),
        (
            {"arms": {"a": {"curate": [{"cull": {"on_rejekt": "drop"}}]}}},
            r"arms\.a\.curate\.0\.cull\.on_rejekt: unknown",
        ),
        ({"arms": {"a": {"curate": [{"cull": 3}]}}}, r"arms\.a\.curate\.0\.cull: .*\(it is 3\)"),
        (
            {"arms": {"a": {"curate": ["cull"]}}, "curation": {"cull": 3}},
            r"`curation\.cull` is 3, but must be a mapping",
        ),
        (
            {"arms": {"a": {"curate": ["cull"]}}, "curation": ["cull"]},
            r"`curation` is \['cull'\], but must be a mapping",
        ),
        ({"curation": {"sharpen": {}}}, r"curation\.sharpen: unknown key"),
        ({"rewards": {"beauty": {}}}, r"rewards\.beauty: unknown key"),
        ({"arms": {"a": {"regime": "grow"}}}, r"arms\.a\.regime: must be one of \[.*'replace'\]"),
        ({"arms": {}}, r"arms: .*at least 1 item"),
        ({"arms": {"a": None}}, r"arms: .*at least 1 item"),
        ({"arms": {"a": 0.25}}, r"`arms\.a` is 0\.25, but must be a mapping"),
        ({"arms": {"a": {"finetune": 3}}}, r"`arms\.a\.finetune` is 3, but must be a mapping"),
        ({"generate": [1]}, r"`generate` is \[1\], but must be a mapping"),
        ({"defaults": "x"}, r"`defaults` is 'x', but must be a mapping"),
        ({"arms": {"two words": {}}}, r"arms\.two words"),
        ({"arms": {"base": {}}}, r"arms\.base: the name is taken"),
        ({"arms": {"floor": {}}}, r"arms\.floor: the name is taken"),
        (
            {"arms": ARMS | {"a": {"parent": "rot", "from_iteration": 1}}},
            r"arms\.a\.parent: there is no arm 'rot'; one of \['a', 'root'\]",
        ),
        ({"arms": ARMS | {"a": {"parent": "root"}}}, r"arms\.a: `parent` and `from_iteration` go together"),
        ({"arms": ARMS | {"a": {"from_iteration": 1}}}, r"arms\.a: `parent` and `from_iteration` go together"),
        (
            {"arms": ARMS | {"a": {"parent": "root", "from_iteration": 4}}},
            r"arms\.a\.from_iteration: is 4, but 'root' has the iterations 1 to 3",
        ),
        (
            {
                "arms": ARMS
                | {
                    "a": {"parent": "root", "from_iteration": 3, "iterations": 2},
                    "b": {"parent": "a", "from_iteration": 3},
                }
            },
            r"arms\.b\.from_iteration: is 3, but 'a' has the iterations 4 to 5",
        ),
        (
            {"arms": {name: {"parent": parent, "from_iteration": 1} for name, parent in ("ab", "bc", "ca")}},
            r"arms\.a\.parent: a cycle, a → b → c → a",
        ),
        ({"arms": {"a": {"parent": "a", "from_iteration": 1}}}, r"arms\.a\.parent: a cycle, a → a"),
        ({"figures": {"group": {"gender": "man", "age": "12"}}}, r"figures\.group\.age: must be one of"),
        ({"figures": {"group": {"gender": "man"}}}, r"figures\.group\.age: must be one of"),
        (
            {"figures": {"group": {"gender": "man", "age": "old", "hat": "red"}}},
            r"figures\.group\.hat: there is no such attribute",
        ),
        ({"execution": {"shard_minutes": 20}}, r"execution: `shard_minutes` and `seconds_per_image` go together"),
        (
            {"execution": {"shards": 4, "shard_minutes": 20, "seconds_per_image": 3}},
            r"execution: `shards` and `shard_minutes` exclude each other",
        ),
        ({"unseen": {"prompts": []}}, r"unseen\.prompts: .*at least 1 item"),
    ],
)
def test_a_wrong_configuration_is_refused_with_the_key_and_the_fix(settings, change, message):
    with pytest.raises(ConfigurationError, match=message):
        load(settings | change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prompt": "a photo of a {race} man"}, r"dataset\.prompt: names 'race', .* one of \['age', 'gender'\]"),
        ({"prompt": "a photo of a {} man"}, r"dataset\.prompt: names .*, which is no attribute"),
        ({"prompt": "a photo of a {age.years} man"}, r"dataset\.prompt: names .*, which is no attribute"),
        ({"prompt": "a photo of a {age man"}, r"dataset\.prompt:"),
        ({"attributes": {}}, r"dataset\.attributes: .*at least 1 item"),
        ({"attributes": {"gender": []}}, r"dataset\.attributes\.gender: must list its values"),
        ({"attributes": {"gender": ["man", "man"]}}, r"dataset\.attributes\.gender: must list its values, each once"),
        (
            {"attributes": {"age": [20, 30]}},
            r"dataset\.attributes\.age\.0: must be a text, but YAML reads it as 20; put it in quotes",
        ),
        (
            {"attributes": {"seed": ["a"]}},
            r"dataset\.attributes\.seed: the workflow's tables have a column of this name",
        ),
        ({"attributes": {"age": ["old", " "]}}, r"dataset\.attributes\.age: has a blank value"),
        ({"attributes": {"a=b": ["old"]}}, r"dataset\.attributes\.a=b: .*without `=`"),
        ({"attributes": {"a": ["x/y", "x y"]}}, r"dataset\.attributes: two groups would both be called 'x_y'"),
        ({"attributes": {"a": ["x" * 201]}}, r"dataset\.attributes: the name .* more than 200 bytes"),
        (
            {"source": "folder", "path": "x", "labels": "labels {v2}/l.csv"},
            r"dataset\.labels: .*takes '\{v2\}' for a wildcard",
        ),
        ({"source": "web"}, r"dataset\.source: .*'avatars' or 'folder'"),
        ({"source": "folder"}, r"dataset: `path` and `labels` or `classify` go with"),
        ({"source": "folder", "path": "x"}, r"dataset: `path` and `labels` or `classify` go with"),
        ({"path": "x", "labels": "y"}, r"dataset: `path` and `labels` or `classify` go with"),
        ({"per_group": 0}, r"dataset\.per_group: .*greater than 0"),
        ({"short_group": "ignore"}, r"dataset\.short_group: .*'error', 'fewer' or 'duplicate'"),
    ],
)
def test_a_wrong_dataset_is_refused_with_the_key_and_the_fix(settings, change, message):
    settings["dataset"] |= change
    with pytest.raises(ConfigurationError, match=message):
        load(settings)


def test_every_error_is_reported_at_once(settings):
    settings |= {"seed": -1, "color": 1}
    del settings["model"]
    with pytest.raises(ConfigurationError) as error:
        load(settings)
    lines = str(error.value).splitlines()
    assert [line.split(":")[0].strip() for line in lines[1:]] == ["seed", "model", "color"]
    assert "model: missing; add it" in str(error.value)


LABELS: dict[str, dict[str, Any]] = {
    "gender": {"source": "deepface", "map": {"Man": "man", "Woman": "woman"}},
    "race": {
        "source": "deepface",
        "map": {"asian": "asian", "latino hispanic": "hispanic"}
        | {race: race for race in ("black", "indian", "white")},
        "unmapped": "drop",
    },
    "age": {"source": "deepface", "cuts": [30, 55]},
}


def folder(settings, classify=LABELS, **dataset):
    """A configuration of a folder with the paper's attributes and some labels."""
    attributes = {
        "gender": ["man", "woman"],
        "race": ["asian", "black", "hispanic", "indian", "white"],
        "age": ["young", "middle-aged", "old"],
    }
    values = {"source": "folder", "path": "ffhq", "classify": classify, "deepface": {"weights": "weights"}}
    group = {"gender": "man", "race": "black", "age": "old"}
    return settings | {"dataset": values | {"attributes": attributes} | dataset, "figures": {"group": group}}


def test_labels_can_come_from_deepface(settings):
    dataset = load(folder(settings)).dataset
    assert dataset.classified == ["age", "gender", "race"]
    assert dataset.recipes["age"] == LABELS["age"] | {
        "column": "age",
        "path": None,
        "map": None,
        "unmapped": "error",
    }


def test_each_attribute_has_its_own_source_and_the_others_are_columns_of_the_labels(settings):
    classify = {"age": {"source": "csv", "path": "aging.csv", "column": "years", "cuts": [30, 55]}}
    dataset = load(folder(settings, classify, labels="labels.csv", deepface=None)).dataset
    assert dataset.classified == []
    places = {name: (recipe["path"], recipe["column"]) for name, recipe in dataset.recipes.items()}
    assert places == {
        "gender": ("labels.csv", "gender"),
        "race": ("labels.csv", "race"),
        "age": ("aging.csv", "years"),
    }


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"gender": {"map": {"Man": "man", "woman": "woman"}}},
            r"gender\.map.*'woman' is no label of DeepFace",
        ),
        ({"gender": {"map": {"Man": "man", "Woman": "lady"}}}, r"classify\.gender\.map.*\['lady'\] are none of them"),
        ({"gender": {"map": {"Man": "man", "Woman": "man"}}}, r"classify\.gender\.map.*nothing becomes \['woman'\]"),
        ({"race": {"unmapped": "error"}}, r"classify\.race\.map: does not say what 'middle eastern' becomes"),
        ({"age": {"cuts": [55, 30]}}, r"classify\.age\.cuts: must ascend"),
        ({"age": {"cuts": [30, 30]}}, r"classify\.age\.cuts: must ascend"),
        ({"age": {"cuts": [30]}}, r"classify\.age\.cuts: must be one fewer than the values"),
        ({"age": {"cuts": None}}, r"classify\.age: DeepFace's age is a number and needs `cuts`"),
        ({"gender": {"map": None, "cuts": [1]}}, r"classify\.gender: DeepFace's age is a number"),
        ({"age": {"column": "years"}}, r"classify\.age\.column: DeepFace knows \['age', 'gender', 'race'\]"),
        ({"age": {"map": {"1": "old"}}}, r"`map` is for words and `cuts` for numbers"),
        ({"age": {"path": "x.csv"}}, r"`path` goes with `csv`"),
        ({"age": {"source": "csv"}}, r"`path` goes with `csv`"),
        ({"hat": {"source": "csv", "path": "x.csv"}}, r"classify\.hat: there is no such attribute"),
    ],
)
def test_labels_that_can_never_fit_are_refused_before_any_image_is_read(settings, changed, message):
    classify = {name: LABELS.get(name, {}) | changed.get(name, {}) for name in LABELS | changed}
    with pytest.raises(ConfigurationError, match=message):
        load(folder(settings, classify))


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ({"deepface": None}, r"`deepface` and a `classify` with `source: deepface` go together"),
        ({"labels": "labels.csv"}, r"labels: has no use"),
        ({"classify": {"age": LABELS["age"]}}, r"classify\.gender: missing.*set `labels`"),
        ({"deepface": {"weights": "w", "sha256": {"age.h5": "00"}}}, r"no file of DeepFace is called \['age\.h5'\]"),
    ],
)
def test_what_goes_with_the_labels_is_checked(settings, dataset, message):
    with pytest.raises(ConfigurationError, match=message):
        load(folder(settings, **dataset))


@pytest.mark.parametrize("name", ["None", "NA", "nan", "null", "1", "1.0", "true", "all", "plan"])
def test_an_arm_can_have_any_other_name(settings, name):
    settings["arms"] = {name: {}}
    assert list(load(settings).arms) == [name]


def test_a_tilde_is_the_home_folder(settings, monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    settings["model"] = "~/model"
    settings["score"]["clip"] = "~/clip {a}"
    assert load(settings).model == "/home/someone/model"
    assert load(settings).score.clip == "/home/someone/clip {a}"


def test_the_prompts_of_the_groups(settings):
    settings["dataset"] |= {"attributes": {"kind": ["a/b", "{x}"]}, "prompt": "{kind}, ${{1}}"}
    settings["figures"] = {"group": {"kind": "a/b"}}
    assert load(settings).dataset.texts == {"a_b": "a/b, ${1}", "{x}": "{x}, ${1}"}


@pytest.mark.parametrize(
    ("generate", "more"),
    [
        ({"steps": 2, "strength": 0.4}, "raise `steps` to 3 or more"),
        ({"steps": 1, "strength": 0.8}, "raise `steps` to 2 or more"),
        ({"steps": 9, "strength": 0.1}, "raise `steps` to 10 or more"),
        ({"steps": 250, "strength": 5e-324}, "generated; raise `strength`"),
    ],
)
def test_less_than_one_step_of_image_to_image_is_refused(settings, generate, more):
    with pytest.raises(ConfigurationError, match=f"generate: `strength` .* is less than one step.*{more}"):
        load(settings | {"generate": generate})
    with pytest.raises(ConfigurationError, match=r"arms\.mixed\.generate: `strength` .* is less than one step"):
        load(settings | {"arms": {"mixed": {"generate": generate}}})
    load(settings | {"generate": generate | {"mode": "txt2img"}})


@pytest.mark.parametrize("generate", [{"steps": 3, "strength": 0.4}, {"steps": 1, "strength": 1.0}])
def test_one_step_is_enough(settings, generate):
    load(settings | {"generate": generate})


@pytest.mark.parametrize("network", ["clip", "inception"])
def test_a_cull_by_a_network_without_maps_is_refused(settings, network):
    settings["rewards"]["single_image_distance"]["features"]["network"] = network
    with pytest.raises(
        ConfigurationError,
        match=rf"rewards\.single_image_distance: `features\.network` is '{network}', which gives one vector",
    ):
        load(settings)


@pytest.mark.parametrize("network", ["vae", "inception_192", "inception_64"])
def test_scores_by_a_network_of_maps_are_refused(settings, network):
    settings["score"]["features"]["clip"]["network"] = network
    with pytest.raises(ConfigurationError, match=rf"score\.features: `clip\.network` is '{network}', which gives maps"):
        load(settings)


def test_a_space_has_no_embeddings_of_its_own_where_the_clip_score_has_them(settings):
    other = {"network": "clip", "weights": "other"}
    settings["score"]["features"] |= {"other": other, "gone": None}
    score = load(settings).score
    assert {name: score.embedding(name) for name in score.features} == {"clip": "clip_score", "other": "other"}
    assert [*score.embeddings] == ["clip_score", "other"]
    settings["score"]["features"] = {"clip_score": other}
    with pytest.raises(ConfigurationError, match="`clip_score` is the name of the CLIP score's own embeddings"):
        load(settings)


def test_images_too_small_for_the_network_of_the_cull_are_refused(settings):
    settings["rewards"]["single_image_distance"]["features"]["network"] = "inception_192"
    settings["dataset"]["resolution"] = 16
    load(settings)
    settings["arms"]["mixed"]["curate"] = ["cull"]
    with pytest.raises(
        ConfigurationError, match=r"needs images of 24 pixels at least, but `dataset\.resolution` is 16"
    ):
        load(settings)


def test_files_of_a_repository_are_named_with_its_commit(settings):
    hub = {"repository": "serengil/deepface", "revision": "0" * 40, "files": ["age_model_weights.onnx"]}
    assert load(settings | {"downloads": {"models/deepface": hub}}).downloads["models/deepface"].files
    mistakes: list[dict[str, Any]] = [{"revision": None}, {"files": []}, {"files": ["*.onnx"]}, {"url": "https://x/y"}]
    for wrong in mistakes:
        with pytest.raises(ConfigurationError, match=r"downloads\.models/deepface"):
            load(settings | {"downloads": {"models/deepface": hub | wrong}})
