"""What figures, pages and summaries know of an arm."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from scripts.lib.base.kinds import kinds
from scripts.lib.experiment.cell import BASE
from scripts.lib.experiment.config.arm import Arm as Configured
from scripts.lib.experiment.config.experiment import OVERRIDABLE, Experiment

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


def of(experiment: Experiment) -> dict[str, Arm]:
    """Return what figures know of an experiment's arms; the shape of an arm is that of its first step that has one."""
    arms, compared = experiment.arms, controls(experiment)
    rest = {name: arm.model_dump_json(exclude=SAID) for name, arm in arms.items()}
    usual = Counter(rest.values()).most_common(1)[0][0]
    found = {}
    for name, arm in arms.items():
        steps = [step.kind for step in arm.curate]
        shapes = (getattr(kinds("curation")[step], "SHAPE", None) for step in steps)
        shape = next(filter(None, shapes), None)
        own = Arm(arm.synthetic, tuple(steps), shape, arm.parent, arm.from_iteration, rest[name] != usual)
        merge = arm.merge.kind if arm.merge else None
        found[name] = own._replace(merge=merge, model=arm.model, control=compared.get(name))
    return found


def controls(experiment: Experiment) -> dict[str, str]:
    """Return the control of each arm, a control's own among them; none without a control arm.

    An arm of another base model has that model's own control, where there is one: the first arm of that model with the
    composition of the control arm.
    """
    arms, control = experiment.arms, experiment.control
    if control is None:
        return {}
    composition = {*Configured.model_fields} - {"model", "iterations", *OVERRIDABLE}
    alike = {
        name: arm.model
        for name, arm in arms.items()
        if all(getattr(arm, key) == getattr(arms[control], key) for key in composition)
    }
    own = {model: name for name, model in reversed(alike.items())} | {arms[control].model: control}
    return {name: own.get(arm.model, control) for name, arm in arms.items()}


def controls_of(arms: Mapping[str, Arm]) -> dict[str, str]:
    """Return the control of each arm that has one, a control's own among them."""
    return {name: arm.control for name, arm in arms.items() if arm.control}


def say_control(controls: Mapping[str, str]) -> str:
    """Return how a text calls what arms are compared with: one control by its name, several `the control`."""
    names = set(controls.values())
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
