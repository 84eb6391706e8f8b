"""What figures, pages and summaries know of an arm."""

import json
from typing import NamedTuple


class Arm(NamedTuple):
    """What is said of an arm: names and meanings are the configuration's."""

    synthetic: float
    control: str
    parent: str | None
    from_iteration: int | None


def read_arms(text: str) -> dict[str, Arm]:
    """Read arms from JSON: ``{"name": {"synthetic": 0.25, "control": "none", "parent": null, ...}}``."""
    return {name: Arm(**arm) for name, arm in json.loads(text).items()}


def percent(share: float) -> str:
    return f"{100 * share:.3g} %"
