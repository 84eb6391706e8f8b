"""The configuration reference and the schema say what the models say."""

from copy import deepcopy
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from scripts.lib.base.kinds import kinds
from scripts.lib.experiment import reference

ROOT = Path(__file__).parents[2]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("path", "render"),
    [("docs/configuration.md", reference.markdown), ("schemas/config.schema.json", reference.schema_text)],
)
def test_committed_file_is_fresh(path, render):
    assert (ROOT / path).read_text(encoding="utf-8") == render(), f"{path} is out of date; run {reference.COMMAND}"


def check(config):
    schema = reference.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(config, schema, jsonschema.Draft202012Validator)


def changed(key, value):
    """Return the default configuration with the dotted ``key`` set to ``value``."""
    config = deepcopy(CONFIG)
    *parents, last = key.split(".")
    part = config
    for parent in parents:
        part = part.setdefault(parent, {})
    part[last] = value
    return config


def test_default_configuration_is_valid():
    check(CONFIG)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("arms.culled", None),
        ("arms.new", {}),
        ("arms.poison-{synthetic}", {"iterations": 2, "grid": {"synthetic": [0, 1], "curate": {"none": []}}}),
        ("arms.poison-{synthetic}", None),
        ("arms.real.finetune", {"learning_rate": 1e-4}),
        ("arms.real.generate", {"steps": 5}),
        ("arms.real.curate", ["cull", "match_histograms"]),
        ("arms.real.curate", [{"match_histograms": {"bins": 3}}, {"cull": None}, {"cull": {}}]),
        ("arms.real.regime", "replace"),
        ("arms.real.regime", {"replace": {}}),
        ("defaults.curate", ["cull"]),
        ("curation", {"cull": {"on_reject": "drop"}}),
        ("rewards", {}),
        ("defaults", {}),
        ("defaults.finetune", {"epochs": 1}),
    ],
)
def test_partial_arms_are_valid(key, value):
    check(changed(key, value))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sead", 1),
        ("dataset.sauce", "avatars"),
        ("arms.real.sinthetic", 0),
        ("arms.real.finetune", {"learning-rate": 1e-4}),
        ("arms.real.synthetic", 1.5),
        ("arms.real.curate", ["sharpen"]),
        ("arms.real.curate", "cull"),
        ("arms.real.curate", [{"cull": {}, "match_histograms": {}}]),
        ("arms.real.curate", [{}]),
        ("arms.real.curate", [{"cull": {"bins": 3}}]),
        ("arms.real.regime", "grow"),
        ("curation.sharpen", {}),
        ("arms.two words", {}),
        ("arms.poison-{synthetic}", {}),
        ("arms.poison-{synthetic}", {"grid": {"synthetic": 0.1}}),
        ("experiment", None),
    ],
)
def test_unknown_keys_and_impossible_values_are_not(key, value):
    with pytest.raises(jsonschema.ValidationError):
        check(changed(key, value))


def test_the_settings_of_a_kind_have_one_section_that_names_every_place_of_theirs():
    headings = [line for line in reference.markdown().splitlines() if line.startswith("## ")]
    assert "## `curation.cull` and `defaults.curate.cull` and `arms.<name>.curate.cull`" in headings
    assert "## `rewards.single_image_distance`" in headings
    assert len(headings) == len(set(headings))
    assert not any("curate`" in line or "Settings" in line for line in headings)
    names = set(reference.schema()["$defs"])
    assert {"curation.cull", "curation.match_histograms", "regimes.replace", "rewards.single_image_distance"} <= names
    assert not any("Settings" in name for name in names)


def test_a_list_of_steps_says_which_there_are():
    (row,) = [line for line in reference.markdown().splitlines() if line.startswith("| `curate` |")]
    steps = ", ".join(f"`{name}`" for name in kinds("curation"))
    assert f"list of {steps} or one of them with settings, `{{name: {{setting: value}}}}` | `[]`" in row


def test_every_key_is_explained():
    for line in reference.markdown().splitlines():
        if line.startswith("| `"):
            key, values, default, meaning = line.removeprefix("| ").removesuffix(" |").split(" | ")
            assert key, line
            assert values, line
            assert default, line
            assert meaning, line
