"""The configuration reference and the schema say what the models say."""

from copy import deepcopy
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

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
        ("arms.real.finetune", {"learning_rate": 1e-4}),
        ("arms.real.generate", {"steps": 5}),
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
        ("arms.two words", {}),
        ("experiment", None),
    ],
)
def test_unknown_keys_and_impossible_values_are_not(key, value):
    with pytest.raises(jsonschema.ValidationError):
        check(changed(key, value))


def test_every_key_is_explained():
    for line in reference.markdown().splitlines():
        if line.startswith("| `"):
            key, values, default, meaning = line.removeprefix("| ").removesuffix(" |").split(" | ")
            assert key, line
            assert values, line
            assert default, line
            assert meaning, line
