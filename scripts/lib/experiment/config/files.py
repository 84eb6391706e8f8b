"""The files that a configuration comes from: what YAML and the merging of files would swallow without a word.

Snakemake hands over one mapping. It no longer says that a key was given twice, that a number was written in
base 60, or in which order the files came.
"""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from scripts.lib.experiment.config.experiment import Experiment
from scripts.lib.experiment.config.grid import expanded
from scripts.lib.experiment.config.load import ConfigurationError

# YAML 1.1 reads `1:30` in base 60 and `010` in base 8.
ODD_NUMBER = re.compile(r"[-+]?(\d[\d_]*(:\d+)+(\.\d*)?|0[\d_]+)")
NUMBERS = {"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"}


def check_text(paths: Sequence[Path]) -> None:
    """Refuse files that YAML reads otherwise than their writer meant.

    Raises:
        ConfigurationError: names each key that is given twice and each number in base 8 or 60, with file and line.
    """
    found = [f"  {_shown(path)}, line {line}: {what}" for path in paths for line, what in _oddities(path)]
    if found:
        raise ConfigurationError("\n".join(["The configuration is wrong:", *found]))


def check_order(paths: Sequence[Path], config: Mapping[str, Any], home: Path) -> None:
    """Refuse overlays without their base or before it, and the removal of arms that no file before has.

    Args:
        paths: the files, in the order in which they are laid over each other.
        config: the mapping that came of them.
        home: folder of the workflow, whose own configurations the message can name as the base.

    Raises:
        ConfigurationError: says in which order to give the files.
    """
    parts = [_read(path) for path in paths]
    for index, path in enumerate(paths[1:], start=1):
        if not lacking(parts[index]):
            before = " ".join(map(_shown, paths[:index]))
            raise ConfigurationError(
                f"{_shown(path)} is a whole configuration and would replace what {before} says. Overlays come after "
                f"their base: --configfile {_shown(path)} {before}"
            )
    if (missing := lacking(config)) and (bases := [base for base in _bases(home) if _fits(base, parts)]):
        lacks, overlays = ", ".join(f"`{key}`" for key in missing), " ".join(map(_shown, paths))
        raise ConfigurationError(
            f"The configuration lacks {lacks}. Add that, or, if {overlays} is an overlay, put its base before it:\n"
            + "\n".join(f"  --configfile {_shown(base)} {overlays}" for base in bases)
        )
    _check_removals(paths, parts)


def lacking(config: Mapping[str, Any]) -> list[str]:
    """Return the keys that a configuration must have and this one has not: none for a whole one, dotted."""
    # A wrong arm would be reported before all that is missing.
    rest = {key: value for key, value in config.items() if key != "arms"}
    try:
        Experiment.model_validate(rest)
    except ValidationError as error:
        missing = [".".join(map(str, part["loc"])) for part in error.errors() if part["type"] == "missing"]
    return [key for key in missing if key not in config]


def _check_removals(paths: Sequence[Path], parts: Sequence[Mapping[str, Any]]) -> None:
    known: set[str] = set()
    for path, part in zip(paths, parts, strict=True):
        arms = part.get("arms")
        if not isinstance(arms, Mapping):
            continue
        if unknown := [name for name, arm in arms.items() if arm is None and name not in known]:
            raise ConfigurationError(
                f"{_shown(path)}: `arms.{unknown[0]}` is null, which removes an arm of a file before, but none has it"
                f" (they have {sorted(known)}); for an arm that takes everything from `defaults` write {{}}"
            )
        known |= set(arms)
        with suppress(ValueError):  # A grid that is wrong here may be right in what comes of all files.
            known |= set(expanded(arms))


def _bases(home: Path) -> Iterator[Path]:
    """Yield the whole configurations that the workflow brings."""
    for path in (home / "config.yaml", *sorted((home / "config").glob("*.yaml"))):
        if path.is_file() and not lacking(_read(path)):
            yield path


def _fits(base: Path, overlays: Sequence[Mapping[str, Any]]) -> bool:
    """Say whether overlays make a right configuration of a base, and remove no arm that it has not."""
    merged: dict[str, Any] = {}
    for part in (base_content := _read(base), *overlays):
        merged = _merged(merged, part)
    try:
        _check_removals([base] * (1 + len(overlays)), [base_content, *overlays])
        Experiment.model_validate(merged)
    except ValueError:
        return False
    return True


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return one mapping laid over another, as Snakemake does it."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def _shown(path: Path) -> str:
    """Return a path as one would type it."""
    return shlex.quote(str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path))


def _read(path: Path) -> Mapping[str, Any]:
    content = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    return content if isinstance(content, Mapping) else {}


def _oddities(path: Path) -> Iterator[tuple[int, str]]:
    try:
        root = yaml.compose(path.read_text(encoding="utf-8-sig"), Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return  # Snakemake has read it, thus it is JSON that YAML cannot read, such as one indented by tabs.
    if root is not None:
        yield from _odd_parts(root, "")


def _odd_parts(node: yaml.Node, place: str) -> Iterator[tuple[int, str]]:
    """Yield line and fault of every part of a YAML document, with its dotted key."""
    line = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        first: dict[str, int] = {}
        for key, value in node.value:
            name, here = str(key.value), key.start_mark.line + 1
            dotted = f"{place}.{name}" if place else name
            if name in first:
                yield here, f"`{dotted}` is given twice, first in line {first[name]}; remove or rename one"
            first.setdefault(name, here)
            yield from _odd_parts(value, dotted)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _odd_parts(value, place)
    elif isinstance(node, yaml.ScalarNode) and node.tag in NUMBERS and ODD_NUMBER.fullmatch(node.value):
        read = yaml.safe_load(node.value)
        yield line, f"`{place}`: YAML reads {node.value} as {read}; write {read}, or '{node.value}' for a text"
