"""What figures, pages and summaries know of an arm."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from scripts.lib.base.kinds import kinds
from scripts.lib.experiment.cell import BASE
from scripts.lib.experiment.config.arm import Arm as Configured

# What an Arm says itself, or that makes no other arm of it.
SAID = {"synthetic", "curate", "parent", "from_iteration", "iterations"}


class Arm(NamedTuple):
    """What is said of an arm.

    Attributes:
        synthetic: the share of generated images.
        curate: the steps of curation, by name, in order.
        shape: the sign of its curation: a key of ``looks.SHAPES``, None where it has none.
        parent, from_iteration: which arm it starts from, and after which iteration.
        unusual: whether it differs from most arms in anything else, such as its regime, sources or fine-tune.
        steps: the optimizer steps of its first and of its last fine-tune; None where nobody has counted them.
        merge: how it merges two models in the place of a fine-tune.
        model: the name of the base model that it retrains.
        control: the arm that it is compared with, which is itself for a control; None where there is none.
    """

    synthetic: float
    curate: tuple[str, ...] = ()
    shape: str | None = None
    parent: str | None = None
    from_iteration: int | None = None
    unusual: bool = False
    steps: tuple[int, int] | None = None
    merge: str | None = None
    model: str = BASE
    control: str | None = None

    @property
    def plain(self) -> bool:
        """Whether the arm differs from others by its share alone."""
        return not (self.curate or self.parent or self.unusual)


def of(arms: Mapping[str, Configured], controls: Mapping[str, str]) -> dict[str, Arm]:
    """Return what figures know of configured arms; the shape of an arm is that of its first step that has one.

    Args:
        arms: by name.
        controls: the control of each arm, which is itself for a control; empty where there is none.
    """
    rest = {name: arm.model_dump_json(exclude=SAID) for name, arm in arms.items()}
    usual = Counter(rest.values()).most_common(1)[0][0]
    found = {}
    for name, arm in arms.items():
        steps = [step.kind for step in arm.curate]
        shapes = (getattr(kinds("curation")[step], "SHAPE", None) for step in steps)
        shape = next(filter(None, shapes), None)
        own = Arm(arm.synthetic, tuple(steps), shape, arm.parent, arm.from_iteration, rest[name] != usual)
        merge = arm.merge.kind if arm.merge else None
        found[name] = own._replace(merge=merge, model=arm.model, control=controls.get(name))
    return found


def controls_of(arms: Mapping[str, Arm]) -> dict[str, str]:
    """Return the control of each arm that has one, a control's own among them."""
    return {name: arm.control for name, arm in arms.items() if arm.control}


def say_control(controls: Iterable[str]) -> str:
    """Return how a text calls what arms are compared with: one control by its name, several `the control`."""
    names = set(controls)
    return names.pop() if len(names) == 1 else "the control"


def line_of(arms: Mapping[str, Arm], name: str) -> set[str]:
    """Return the names of an arm and of those that it descends from, their base models' among them."""
    found = {name, arms[name].model}
    while (parent := arms[name].parent) is not None:
        name = parent
        found |= {name, arms[name].model}
    return found


def read_arms(text: str) -> dict[str, Arm]:
    """Read arms from JSON: ``{"name": {"synthetic": 0.25, "curate": ["cull"], "shape": "square", ...}}``."""
    arms = {name: Arm(**arm) for name, arm in json.loads(text).items()}
    return {
        name: arm._replace(curate=tuple(arm.curate), steps=(arm.steps[0], arm.steps[1]) if arm.steps else None)
        for name, arm in arms.items()
    }


def percent(share: float) -> str:
    """Return a share, 0 to 1, as text in percent with three digits."""
    return f"{100 * share:.3g} %"
