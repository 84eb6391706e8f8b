"""Sweeps: an entry of `arms` that stands for many."""

import copy
from itertools import product

import pytest
import yaml

from scripts.lib.experiment.config.files import check_order, lacking
from scripts.lib.experiment.config.load import ConfigurationError, load


def test_a_grid_is_the_arms_that_one_would_write_by_hand(settings):
    by_hand, swept = copy.deepcopy(settings), copy.deepcopy(settings)
    rates = (1e-5, 2e-4)
    swept["arms"] = {
        "real": {"synthetic": 0},
        "poison-{synthetic}-{finetune.learning_rate}-{curate}": {
            "iterations": 3,
            "finetune": {"epochs": 2},
            "grid": {
                "synthetic": [0.1, 1],
                "finetune.learning_rate": [*rates],
                "curate": {"plain": [], "strict": [{"cull": {"on_reject": "drop"}}]},
            },
        },
        "last": {},
    }
    by_hand["arms"] = {"real": {"synthetic": 0}}
    steps = {"plain": [], "strict": [{"cull": {"on_reject": "drop"}}]}
    for share, rate, name in product((0.1, 1), rates, steps):
        by_hand["arms"][f"poison-{share}-{rate}-{name}"] = {
            "iterations": 3,
            "synthetic": share,
            "finetune": {"epochs": 2, "learning_rate": rate},
            "curate": steps[name],
        }
    by_hand["arms"]["last"] = {}
    before = copy.deepcopy(swept)
    experiment = load(swept)
    assert swept == before
    assert experiment == load(by_hand)
    assert list(experiment.arms) == list(by_hand["arms"])
    assert len(experiment.arms) == 2 + 8
    assert "poison-0.1-1e-05-plain" in experiment.arms


def test_arms_of_a_grid_may_be_parents_and_the_control(settings):
    settings["arms"] = {
        "share-{synthetic}": {"grid": {"synthetic": [0, 0.5]}, "iterations": 3},
        "healed-{parent}": {"grid": {"parent": ["share-0.5"]}, "from_iteration": 2, "synthetic": 0},
    }
    settings["score"]["control"] = "share-0"
    experiment = load(settings)
    assert experiment.arms["healed-share-0.5"].parent == "share-0.5"
    assert experiment.control == "share-0"


def test_a_large_study_is_ten_lines(settings):
    text = """
    replicates: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    arms:
      "poison-{synthetic}":
        iterations: 10
        grid: {synthetic: [0, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 1]}
    """
    experiment = load(settings | yaml.safe_load(text))
    assert len(experiment.arms) == 8
    assert len(experiment.replicates) * sum(arm.iterations for arm in experiment.arms.values()) == 800


@pytest.mark.parametrize(
    ("arms", "message"),
    [
        ({"a-{x}": {}}, r"arms\.a-\{x\}: a name with braces needs a `grid`"),
        ({"a-{x}": {"grid": {"synthetic": [0, 1]}}}, r"its name has \{x\}, but its `grid` has only \['synthetic'\]"),
        ({"a": {"grid": {"synthetic": [0, 1]}}}, r"arms\.a\.grid\.synthetic: .* put \{synthetic\} into the name"),
        ({"a": {"grid": {}}}, r"`arms\.a\.grid` is \{\}, but must be a mapping"),
        ({"a-{x}": {"grid": [1]}}, r"`arms\.a-\{x\}\.grid` is \[1\], but must be a mapping"),
        ({"a-{synthetic}": {"grid": {"synthetic": 1}}}, r"grid\.synthetic` is 1, but must list values"),
        ({"a-{synthetic}": {"grid": {"synthetic": []}}}, r"grid\.synthetic` is \[\], but must list values"),
        (
            {"a-{synthetic}": {"grid": {"synthetic": [1, 1]}}},
            r"grid\.synthetic` is \[1, 1\], but must list .* each once",
        ),
        ({"a-{curate}": {"grid": {"curate": [["cull"]]}}}, r"grid\.curate: a list or mapping makes no name; name each"),
        ({"a-{synthetic}": {"synthetic": 1, "grid": {"synthetic": [0]}}}, r"grid\.synthetic: the entry says it twice"),
        (
            {"a-{regime.x}": {"regime": "replace", "grid": {"regime.x": [0]}}},
            r"grid\.regime\.x: `regime` is 'replace' and has no keys",
        ),
        ({"a-{synthetic}": {"grid": {"synthetic": [0]}}, "a-0": {}}, r"there would be two arms 'a-0'"),
        ({"a-{synthetic}": {"grid": {"synthetic": [2]}}}, r"arms\.a-2\.synthetic: .*less than or equal to 1"),
        ({"a-{sinthetic}": {"grid": {"sinthetic": [0]}}}, r"arms\.a-0\.sinthetic: unknown key"),
        ({"a-{finetune.lr}": {"grid": {"finetune.lr": [0]}}}, r"arms\.a-0\.finetune\.lr: unknown key"),
        ({"a-{regime}": {"grid": {"regime": ["grow"]}}}, r"arms\.a-grow\.regime: must be one of"),
        ({"a-{parent}": {"grid": {"parent": ["b c"]}}}, r"arms\.a-b c"),
        ({"{parent}": {"grid": {"parent": ["base"]}}}, r"arms\.base: the name is taken|`parent` and `from_iteration`"),
    ],
)
def test_a_wrong_grid_is_refused_with_the_key_and_the_fix(settings, arms, message):
    with pytest.raises(ConfigurationError, match=message):
        load(settings | {"arms": arms})


def test_an_overlay_takes_a_grid_or_one_arm_of_it_away(settings, tmp_path):
    grid = {"a-{synthetic}": {"grid": {"synthetic": [0, 0.5, 1]}}}
    settings["arms"] = grid | {"a-0.5": None}
    assert list(load(settings).arms) == ["a-0", "a-1"]
    assert list(load(settings | {"arms": {"a-{synthetic}": None, "b": {}}}).arms) == ["b"]
    base, overlay = tmp_path / "config.yaml", tmp_path / "overlay.yaml"
    base.write_text(yaml.safe_dump(settings | {"arms": grid}), encoding="utf-8")
    for name in ("a-0.5", "a-{synthetic}"):
        overlay.write_text(yaml.safe_dump({"arms": {name: None}}), encoding="utf-8")
        check_order([base, overlay], settings, tmp_path)
    overlay.write_text(yaml.safe_dump({"arms": {"a-0.6": None}}), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"`arms\.a-0\.6` is null, .* none has it"):
        check_order([base, overlay], settings, tmp_path)


def test_an_overlay_with_a_wrong_grid_is_still_an_overlay():
    assert "model" in lacking({"arms": {"a": {"grid": {"synthetic": [0]}}}})
