"""The configuration's reference: its models as a JSON schema for editors and as tables for readers."""

import json
import re
import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from scripts.lib.experiment.config.arm import Arm
from scripts.lib.experiment.config.choice import Choice
from scripts.lib.experiment.config.experiment import Experiment
from scripts.lib.experiment.config.grid import GRID

COMMAND = "python -m scripts.document_configuration"
YAML_WORDS = {"yes", "no", "on", "off", "true", "false", "null"}
# What pydantic calls the settings of a kind in a schema, since all kinds have a class of that name.
GRID_NAME = r"^[A-Za-z0-9_.-]*\{[^{}]+\}[A-Za-z0-9_.{}-]*$"  # Such as poison-{synthetic}.
SETTINGS = re.compile(r"scripts__lib__(\w+?)__(\w+?)__Settings")
PREAMBLE = f"""# Configuration

Generated from the models in `scripts/lib/experiment/config/` by `{COMMAND}`; do not edit.

- A configuration is one YAML file. `snakemake` reads `config.yaml` of the working directory, or else the workflow's;
  `snakemake --configfile FILE` reads another one. `--config seed=7 'finetune={{epochs: 3}}'` changes single keys.
- `--configfile FILE OVERLAY` lays the second file over the first: mappings merge key by key, everything else (numbers,
  texts, lists) is replaced. An overlay cannot take a key away, with one exception: `null` removes an arm. The base
  comes first; an overlay alone or before its base is refused, and so is the removal of an arm that nobody has.
- Relative paths are those of the working directory, also with `--directory`, with `-s` from another folder and with
  `module:`. Only missing weights are taken from the workflow's folder, if it has them, such as
  `models/miniature`.
- An unknown key, a wrong value or a missing key stops the workflow before any job, with the name of the key.
- An arm takes what it does not say from `defaults`, and its `finetune` and `generate` from the experiment's: key by
  key, the arm's own value first, then that of its model in `models`, then that of `defaults`, then the experiment's,
  then the default below.
- An entry of `arms` with a `grid` stands for many arms, one per combination of the values of its keys. Each key stands
  in braces in the name: `"poison-{{synthetic}}": {{grid: {{synthetic: [0.1, 0.5]}}}}` is `poison-0.1` and `poison-0.5`.
  A key may be nested (`finetune.learning_rate`). Values that are lists or mappings get names of their own:
  `curate: {{none: [], cull: [cull]}}`. `null` takes a single arm out of a grid.
- A step of `curate` is a name, `cull`, or a name with settings, `{{cull: {{on_reject: drop}}}}`. What it does not say,
  it takes from `curation`, key by key.
- `required` as a default means that the key must be given; `its own`, that the section may be left out.
- A key that is given twice is refused, with its lines; YAML alone would take the last one.
- Quote texts that YAML 1.1 reads as something else: `"no"`, `"on"`, `"50"`, `"2024-01-01"`, also as a name or in `map`.
  Numbers in base 8 or 60 (`010`, `1:30`) are refused. `2e-6` and `2.0e-6` are the same number here.
- Editors that know JSON schemas complete and check the file when its first line is
  `# yaml-language-server: $schema=schemas/config.schema.json` (the path as seen from the file).
- Where the paper is silent or contradicts itself: [paper.md](paper.md).
"""


def schema() -> dict[str, Any]:
    """Return the JSON schema of a whole configuration file.

    It is that of the models but for the arms: an arm is partial, so nothing in it is required, and
    may be null.
    """
    result = json.loads(SETTINGS.sub(r"\1.\2", json.dumps(Experiment.model_json_schema())))
    _drop_titles(result)
    for name in ("Arm", *map(_definition, _nested(Arm))):
        result["$defs"][name].pop("required", None)
    arms = result["properties"]["arms"]
    arms["patternProperties"] = {
        pattern: {"anyOf": [arm, {"type": "null"}]} for pattern, arm in arms["patternProperties"].items()
    }
    arms["patternProperties"][GRID_NAME] = _grid(*arms["patternProperties"].values())
    arms["additionalProperties"] = False
    heading = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Configuration of nepotism"}
    return heading | result


def _grid(arm: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of an entry that stands for many arms; what makes an arm of it is checked when it is read."""
    values = {"type": ["array", "object"], "minItems": 1, "minProperties": 1}
    grid = {"type": "object", "minProperties": 1, "additionalProperties": values}
    return {"anyOf": [{"type": "object", "required": [GRID], "properties": {GRID: grid}}, arm["anyOf"][1]]}


def schema_text() -> str:
    """Return the JSON schema as the text of its file."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def markdown() -> str:
    """Return the reference for readers: one section per model, one row per key."""
    places: dict[type[BaseModel], list[str]] = {}
    for path, kind in _sections(Experiment, ""):
        places.setdefault(kind, []).append(path)
    return "\n".join([PREAMBLE, *(_section(kind, paths) for kind, paths in places.items())])


def _sections(kind: type[BaseModel], path: str) -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield every place of the file that holds a section, with its model, in the order of the file."""
    if not issubclass(kind, Choice):
        yield path, kind
    for key, field in kind.model_fields.items():
        for part in _models(field.annotation):
            name = f"{key}.<name>" if get_origin(field.annotation) is dict else key
            yield from _sections(part, f"{path}.{name}" if path else name)


def _models(annotation: Any) -> list[type[BaseModel]]:
    """Return the models that an annotation holds: itself, its alternatives, or what a list or mapping consists of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Annotated, Union, types.UnionType, list, dict):
        return [model for part in get_args(annotation) for model in _models(part)]
    return []


def _nested(kind: type[BaseModel]) -> list[type[BaseModel]]:
    return [part for _, part in _sections(kind, "")][1:]


def _definition(kind: type[BaseModel]) -> str:
    """Return what the schema calls a model: its name, or, for the settings of a kind, ``curation.cull``."""
    return (
        SETTINGS.sub(r"\1.\2", f"{kind.__module__}.Settings".replace(".", "__"))
        if kind.__name__ == "Settings"
        else kind.__name__
    )


def _section(kind: type[BaseModel], paths: list[str]) -> str:
    named = " and ".join(f"`{path}`" for path in paths)
    title = "The file" if paths == [""] else named
    lines = [f"## {title}", "", _summary(kind)]
    if not kind.model_fields:
        return "\n".join([*lines, "", "It has no settings.", ""])
    lines += ["", "| key | value | default | meaning |", "|---|---|---|---|"]
    described = kind.model_json_schema()
    choices = {f"#/$defs/{name}": part for name, part in described.get("$defs", {}).items() if "anyOf" in part}
    properties = described.get("properties") or described["anyOf"][-1]["properties"]
    for key, field in kind.model_fields.items():
        meaning = field.description or _summary(_models(field.annotation)[0])
        cells = [f"`{key}`", _values(properties[key], choices), _default(field), meaning]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join([*lines, ""])


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True)
    if isinstance(default, Choice):
        return _literal(default.kind)
    return "its own" if field.default_factory else _literal(field.default)


def _summary(kind: type[BaseModel]) -> str:
    return (kind.__doc__ or "").strip().partition("\n")[0]


def _values(described: dict[str, Any], choices: Mapping[str, Any]) -> str:
    """Say in words which values a JSON schema allows.

    Args:
        choices: the schemas of choices among kinds, by their reference.
    """
    if described.get("$ref") in choices:
        return _values(choices[described["$ref"]], choices)
    if "maxProperties" in described:
        return "one of them with settings, `{name: {setting: value}}`"
    if "enum" in described or "const" in described:
        return ", ".join(_literal(value) for value in described.get("enum", [described.get("const")]))
    if "anyOf" in described:
        return " or ".join(_values(part, choices) for part in described["anyOf"])
    kind = described.get("type")
    if kind == "array":
        return f"list of {_values(described['items'], choices)}"
    if "properties" in described:
        return "section"
    if kind == "object":
        patterns = described.get("patternProperties")
        values = next(iter(patterns.values())) if patterns else described["additionalProperties"]
        keys = f"name ({', '.join(f'`{pattern}`' for pattern in patterns)})" if patterns else "name"
        return f"mapping of {keys} to {_values(values, choices)}"
    if kind is None:
        return "section"
    words = {"string": "text", "integer": "integer", "number": "number", "boolean": "`true`, `false`", "null": "`null`"}
    signs = {"exclusiveMinimum": ">", "minimum": "≥", "exclusiveMaximum": "<", "maximum": "≤"}
    limits = [f"{sign} {described[key]}" for key, sign in signs.items() if key in described]
    if "pattern" in described:
        limits.append(f"`{described['pattern']}`")
    return " ".join([words[kind], *filter(None, [", ".join(limits)])])


def _literal(value: Any) -> str:
    """Return a value as code, as YAML reads it."""
    text = value if isinstance(value, str) and value not in YAML_WORDS else json.dumps(value)
    if isinstance(value, float) and "e" in text and "." not in text:
        text = text.replace("e", ".0e")
    return f"`{text}`"


def _drop_titles(part: Any) -> None:
    """Remove the titles that pydantic makes of the names of keys; an editor shows the key already."""
    if isinstance(part, dict):
        if isinstance(part.get("title"), str):
            del part["title"]
        part = list(part.values())
    if isinstance(part, list):
        for item in part:
            _drop_titles(item)
