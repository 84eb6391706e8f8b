"""Any configuration that passes the check can be planned: made from the schema, so that a new key is tried too."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scripts.lib.experiment.cell import BASE, Cell
from scripts.lib.experiment.config.describe import describe
from scripts.lib.experiment.config.experiment import Experiment
from scripts.lib.experiment.config.load import ConfigurationError, load
from scripts.lib.experiment.lineage import cells, every_cell, initial, iterations_left, previous
from scripts.lib.planning.jobs import jobs

SCHEMA = Experiment.model_json_schema()
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=6)
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,4}", fullmatch=True)


@cache
def defined(name: str) -> st.SearchStrategy[Any]:
    return values(SCHEMA["$defs"][name])


def values(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Return values that a JSON schema of pydantic allows, small ones."""
    match schema:
        case {"$ref": reference}:
            return defined(reference.rpartition("/")[2])
        case {"enum": allowed}:
            return st.sampled_from(allowed)
        case {"const": value}:
            return st.just(value)
        case {"anyOf": alternatives}:
            return st.one_of(*map(values, alternatives))
        case {"type": "null"}:
            return st.none()
        case {"type": "boolean"}:
            return st.booleans()
        case {"type": "integer"}:
            least = schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
            return st.integers(least, least + 3)
        case {"type": "number"}:
            least = schema.get("minimum", schema.get("exclusiveMinimum", 0))
            most = schema.get("maximum", schema.get("exclusiveMaximum", least + 10))
            above, below = ("exclusiveMinimum" in schema, "exclusiveMaximum" in schema)
            return st.floats(least, most, exclude_min=above, exclude_max=below)
        case {"type": "string", "pattern": pattern}:
            return st.from_regex(pattern, fullmatch=True)
        case {"type": "string"}:
            return TEXT
        case {"type": "array", "items": items}:
            return st.lists(values(items), min_size=schema.get("minItems", 0), max_size=2)
        case {"properties": properties, "maxProperties": 1}:
            return st.one_of([st.fixed_dictionaries({key: values(part)}) for key, part in properties.items()])
        case {"properties": properties}:
            parts = {key: values(part) for key, part in properties.items()}
            required = {key: parts.pop(key) for key in schema.get("required", [])}
            return st.fixed_dictionaries(required, optional=parts)
        case {"patternProperties": kinds}:
            return st.dictionaries(NAMES, values(next(iter(kinds.values()))), min_size=2, max_size=4)
        case {"additionalProperties": kind}:
            return st.dictionaries(TEXT, values(kind), max_size=3)
    raise AssertionError(f"no values for {schema}")


@st.composite
def configurations(draw: st.DrawFn) -> dict[str, Any]:
    """Return a mapping of the schema's shape whose parts mostly fit each other, as a user's mostly do."""
    config: dict[str, Any] = draw(values(SCHEMA))
    words = st.lists(TEXT, min_size=1, max_size=3, unique=True)
    attributes = draw(st.dictionaries(NAMES.filter(str.isalpha), words, min_size=1, max_size=2))
    config["dataset"] |= {
        "attributes": attributes,
        "prompt": "a {" + "} {".join(attributes) + "}",
        "source": "avatars",
        "path": None,
        "labels": None,
        "classify": {},
        "deepface": None,
    }
    if draw(st.booleans()):
        config["dataset"] |= {"source": "folder", "path": draw(TEXT), "labels": draw(TEXT)}
    config["figures"]["group"] = {name: draw(st.sampled_from(listed)) for name, listed in attributes.items()}
    config["replicates"] = draw(st.lists(st.integers(0, 99), min_size=1, max_size=2, unique=True))
    config["downloads"] = config["models"] = {}
    config["score"]["features"] = {"space": {"network": "clip", "weights": draw(TEXT)}}
    config["score"]["features"]["space"]["network"] = draw(st.sampled_from(["clip", "inception"]))
    rewards = config.get("rewards", {})
    for name, reward in rewards.items():
        if reward and "features" in reward:
            maps = ["vae", "inception_192", "inception_64"]
            reward["features"]["network"] = draw(st.sampled_from(maps)) if name == "single_image_distance" else "clip"
    known = [name for name, reward in rewards.items() if reward] or ["single_image_distance"]
    for sections in (config.get("execution", {}), config.get("defaults", {}), *config["arms"].values()):
        # What needs other keys beside it; a merge has tests of its own.
        for key in ("parent", "from_iteration", "shard_minutes", "seconds_per_image", "sources", "merge", "model"):
            sections.pop(key, None)
        for key in ("match", "extrapolate"):
            (sections.get("generate") or {}).pop(key, None)
    for sections in (config, config.get("defaults", {}), *config["arms"].values()):
        (sections.get("finetune") or {}).pop("optimizer", None)  # 8-bit Adam needs a package.
        if (sections.get("generate") or {}).get("strength"):
            sections["generate"] |= {"strength": draw(st.floats(0.5, 1)), "steps": draw(st.integers(2, 50))}
        for step in (step for step in sections.get("curate", ()) if isinstance(step, dict)):
            if step.get("random") and step["random"].get("real"):
                step["random"]["on_reject"] = "drop"
            if step.get("best_of"):
                step["best_of"]["reward"] = draw(st.sampled_from(known))
            if step.get("detector"):
                rates = {name: draw(st.floats(0, 1)) for name in ("tpr", "fpr")}
                step["detector"] = draw(st.sampled_from([rates, {"reward": known[0], "threshold": 0.5}]))
    for kind in ("best_of", "detector", "random"):
        config.get("curation", {}).pop(kind, None)
    names = [None, *config["arms"]]
    config["score"]["control"] = draw(st.sampled_from(names))
    for name, arm in config["arms"].items():
        if parent := draw(st.sampled_from(names[: names.index(name)])):
            arm |= {"parent": parent, "from_iteration": config["arms"][parent].get("from_iteration", 0) + 1}
    return config


def check_plan(experiment: Experiment) -> None:
    """Assert that every cell descends from the base and that every job finds what it needs."""
    for cell in cells(experiment):
        assert iterations_left(experiment, cell) >= 0
        assert initial(experiment, cell) in (previous(experiment, cell), Cell(BASE, cell.replicate, 0))
        while cell.arm != BASE:
            before = previous(experiment, cell)
            assert before.iteration == cell.iteration - 1
            cell = before
        assert cell.iteration == 0
    made: set[str] = set()
    for job in jobs(experiment):
        assert set(job.needs) <= made
        assert job.output not in made
        made.add(job.output)
    assert {f"{cell}/scores.json" for cell in every_cell(experiment)} <= made


def check(config: Mapping[str, Any]) -> str | None:
    """Assert that a configuration is planned, or return the message that refuses it."""
    try:
        experiment = load(config)
    except ConfigurationError as error:
        return str(error)
    check_plan(experiment)
    assert load(json.loads(json.dumps(experiment.model_dump(mode="json")))) == experiment
    assert {row["key"] for row in describe(experiment)} >= {f"arms.{name}" for name in experiment.arms}
    return None


quick = settings(derandomize=True, max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


def test_any_configuration_that_passes_the_check_is_planned():
    messages: list[str | None] = []
    quick(given(configurations())(lambda config: messages.append(check(config))))()
    # A property that few examples reach shows little.
    assert messages.count(None) > len(messages) / 3, messages


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT | st.integers(), inner, max_size=2),
    max_leaves=4,
)


@quick
@given(configurations(), st.sampled_from(sorted(SCHEMA["properties"])), JSON)
def test_any_value_of_a_key_is_planned_or_refused_with_a_message(config, key, value):
    message = check(config | {key: value})
    assert message is None or message.splitlines()[1:]
