"""Sweeps: one entry of `arms` that stands for many, one arm per combination of the values of its ``grid``."""

import copy
import itertools
import re
from collections.abc import Mapping
from typing import Any

GRID = "grid"
IN_BRACES = re.compile(r"\{([^{}]*)\}")


def expanded(arms: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arms with each entry that has a ``grid`` replaced by the arms that it stands for, in its place.

    Args:
        arms: what the configuration says under `arms`. A null removes an arm, also one of a grid.

    Raises:
        ValueError: names the key of the grid that is wrong.
    """
    found: dict[str, Any] = {}
    for name, arm in arms.items():
        if arm is None:
            continue
        if isinstance(arm, Mapping) and GRID in arm:
            part = {each: own for each, own in _arms(name, arm).items() if arms.get(each, arm) is not None}
        elif isinstance(name, str) and IN_BRACES.search(name):
            raise ValueError(
                f"`arms.{name}`: a name with braces needs a `grid`, such as grid: {{synthetic: [0.1, 0.5]}}"
            )
        else:
            part = {name: arm}
        if twice := sorted(set(part) & set(found)):
            raise ValueError(
                f"`arms.{name}`: there would be two arms {twice[0]!r}; rename one, or take it out of `grid`"
            )
        found |= part
    return found


def _arms(name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arms of one entry with a grid."""
    grid = _values(name, entry[GRID])
    rest = {key: value for key, value in entry.items() if key != GRID}
    named = IN_BRACES.findall(name)
    if unknown := [key for key in named if key not in grid]:
        raise ValueError(f"`arms.{name}`: its name has {{{unknown[0]}}}, but its `grid` has only {[*grid]}")
    if unnamed := [key for key in grid if key not in named]:
        raise ValueError(
            f"`arms.{name}.grid.{unnamed[0]}`: each value is an arm of its own; put {{{unnamed[0]}}} into the name"
        )
    arms: dict[str, Any] = {}
    for words in itertools.product(*grid.values()):
        chosen = dict(zip(grid, words, strict=True))
        each, arm = name, copy.deepcopy(rest)
        for key, word in chosen.items():
            each = each.replace(f"{{{key}}}", word)
            _set(arm, key, grid[key][word], f"arms.{name}")
        arms[each] = arm
    return arms


def _values(name: str, grid: Any) -> dict[str, dict[str, Any]]:
    """Return the values of each key by the words that stand for them in the names of arms."""
    if not isinstance(grid, Mapping) or not grid:
        raise ValueError(f"`arms.{name}.grid` is {grid!r}, but must be a mapping, such as {{synthetic: [0.1, 0.5]}}")
    found = {}
    for key, values in grid.items():
        if isinstance(values, list) and any(isinstance(value, Mapping | list) for value in values):
            raise ValueError(
                f"`arms.{name}.grid.{key}`: a list or mapping makes no name; name each, such as "
                "{none: [], cull: [cull]}"
            )
        named = {str(value): value for value in values} if isinstance(values, list) else values
        if not isinstance(named, Mapping) or not named or len(named) < len(values):
            raise ValueError(
                f"`arms.{name}.grid.{key}` is {values!r}, but must list values, each once, such as [0.1, 0.5], or name "
                "them, such as {none: [], cull: [cull]}"
            )
        found[str(key)] = {str(word): value for word, value in named.items()}
    return found


def _set(arm: dict[str, Any], dotted: str, value: Any, place: str) -> None:
    """Set a key of an arm, at any depth."""
    part, (*parents, last) = arm, dotted.split(".")
    for parent in parents:
        part = part.setdefault(parent, {})
        if not isinstance(part, dict):
            raise ValueError(f"`{place}.grid.{dotted}`: `{parent}` is {part!r} and has no keys; name the whole value")
    if last in part:
        raise ValueError(f"`{place}.grid.{dotted}`: the entry says it twice; remove one")
    part[last] = copy.deepcopy(value)
