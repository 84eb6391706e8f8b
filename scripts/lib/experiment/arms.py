"""What figures, pages and summaries know of an arm."""

import json
from typing import NamedTuple

from scripts.lib.base.kinds import kinds
from scripts.lib.experiment.config.arm import Arm as Configured


class Arm(NamedTuple):
    """What is said of an arm.

    Attributes:
        synthetic: the share of generated images.
        curate: the steps of curation, by name, in order.
        shape: the sign of its curation: a key of ``looks.SHAPES``, None where it has none.
        parent, from_iteration: which arm it starts from, and after which iteration.
    """

    synthetic: float
    curate: tuple[str, ...] = ()
    shape: str | None = None
    parent: str | None = None
    from_iteration: int | None = None

    @property
    def plain(self) -> bool:
        """Whether the arm differs from others by its share alone."""
        return not self.curate and self.parent is None


def of(arm: Configured) -> Arm:
    """Return what figures know of a configured arm; its shape is that of the first step that has one."""
    steps = [step.kind for step in arm.curate]
    shapes = (getattr(kinds("curation")[step], "SHAPE", None) for step in steps)
    return Arm(arm.synthetic, tuple(steps), next(filter(None, shapes), None), arm.parent, arm.from_iteration)


def read_arms(text: str) -> dict[str, Arm]:
    """Read arms from JSON: ``{"name": {"synthetic": 0.25, "curate": ["cull"], "shape": "square", ...}}``."""
    arms = {name: Arm(**arm) for name, arm in json.loads(text).items()}
    return {name: arm._replace(curate=tuple(arm.curate)) for name, arm in arms.items()}


def percent(share: float) -> str:
    """Return a share, 0 to 1, as text in percent with three digits."""
    return f"{100 * share:.3g} %"
