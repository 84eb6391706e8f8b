"""How fast an arm that continues from a collapsed one comes back to its control arm, and what does not come back."""

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

import pandas as pd

from scripts.lib.experiment.arms import Arm, controls_of, say_control
from scripts.lib.experiment.cell import ALL
from scripts.lib.scoring.contrasts import with_control

FARTHER = 2.0  # A parent whose Fréchet distance is less than twice the control's has nothing to recover from.


class Recovery(NamedTuple):
    """The way of one arm back to its control arm.

    Attributes:
        distance: of each iteration since the start, by its number from 0, which is the parent's: log Fréchet distance
            less the control's, mean over replicates.
        unseen: the same of the CLIP score of unseen prompts; NaN where it was not scored.
        merged: whether its one model is a merge, so that no iteration passes.
    """

    distance: pd.Series
    unseen: pd.Series
    merged: bool

    @property
    def left(self) -> pd.Series:
        """The share of the start's distance that is left; below 0 an arm is better than the control."""
        return self.distance / self.distance.iloc[0]

    @property
    def half_life(self) -> float:
        """How many iterations halve the distance, between two of them on a straight line; NaN where none do."""
        return half_life(self.left)


def half_life(left: pd.Series) -> float:
    """Return when the first half is gone.

    Args:
        left: the share of the start's distance that is left, by iterations since the start; the first is 1.

    Returns:
        Iterations since the start, interpolated on a straight line between two; NaN where a half is never gone.
    """
    for (before, high), (after, low) in pairwise(zip(left.index.to_numpy(), left.to_numpy(), strict=True)):
        if low <= 0.5 < high:
            return float(before + (high - 0.5) / (high - low) * (after - before))
    return math.nan


def recoveries(scores: pd.DataFrame, arms: Mapping[str, Arm]) -> dict[str, Recovery]:
    """Return the way back of each arm whose parent had left its control arm where the arm starts.

    Left means: the Fréchet distance of the parent's model is at least twice the control's, so that there is a distance
    to halve. Each replicate is compared with the control of the same replicate and iteration, or with its last
    iteration where the control ends earlier.

    Args:
        scores: those of one feature space, columns as for ``replicates.over_replicates``.
        arms: by name.
    """
    controls = controls_of(arms)
    distance = _differences(scores, "generated", "frechet_distance", controls)
    unseen = _differences(scores, "unseen", "clip_score", controls)
    found = {}
    for name, arm in arms.items():
        if arm.parent is None or arm.control in (None, name):
            continue
        course = _course(distance, name, arm)
        if len(course) > 1 and course.iloc[0] >= math.log(FARTHER):
            found[name] = Recovery(course, _course(unseen, name, arm).reindex(course.index), arm.merge is not None)
    return found


def _differences(scores: pd.DataFrame, images: str, metric: str, controls: Mapping[str, str]) -> pd.DataFrame:
    """Return ``arm, replicate, iteration, value``: scores less the control's; of distances the logarithms."""
    own = scores[(scores["images"] == images) & (scores["group"] == ALL) & (scores["metric"] == metric)]
    own = own[["arm", "replicate", "iteration", "value"]].sort_values("iteration")
    if metric == "frechet_distance":
        own = own[own["value"] > 0].assign(value=lambda table: table["value"].map(math.log))
    theirs = own.rename(columns={"arm": "control"})
    pairs = pd.merge_asof(
        with_control(own, controls), theirs, on="iteration", by=["control", "replicate"], suffixes=("", "_control")
    )
    return pairs.assign(value=pairs["value"] - pairs["value_control"]).dropna(subset=["value"])


def _course(differences: pd.DataFrame, name: str, arm: Arm) -> pd.Series:
    """Return the mean over replicates by iterations since the start, which is the parent's; empty without a start."""
    start = (differences["arm"] == arm.parent) & (differences["iteration"] == arm.from_iteration)
    own = differences[start | (differences["arm"] == name)]
    course = own.groupby("iteration")["value"].mean()
    course.index = course.index - (arm.from_iteration or 0)
    return course if start.any() else course.iloc[:0]


def said(scores: pd.DataFrame, arms: Mapping[str, Arm]) -> list[str]:
    """Say in sentences how fast arms come back, and what does not; none where no arm starts from a collapse."""
    found = recoveries(scores, arms)
    if not found:
        return []
    control = say_control(controls_of(arms))
    ways = [f"{name} {_way(one)}" for name, one in found.items()]
    sentences = [
        f"Half-life of recovery, the iterations until an arm's log Fréchet distance is half as far from {control}'s "
        f"as at its start: {'; '.join(ways)}."
    ]
    lost = {name: one.unseen for name, one in found.items() if one.unseen.iloc[0] < 0}
    if known := {name: unseen for name, unseen in lost.items() if not math.isnan(unseen.iloc[-1])}:
        back = [f"{name} {max(0, -own.iloc[-1]):.1f} of {-own.iloc[0]:.1f}" for name, own in known.items()]
        sentences.append(
            f"Of the points by which the CLIP score of unseen prompts was below {control}'s at the start, the last "
            f"iteration still lacks: {'; '.join(back)}."
        )
    return sentences


def _way(one: Recovery) -> str:
    last, left = one.left.index[-1], f"{100 * one.left.iloc[-1]:.0f} % left"
    if one.merged:
        return f"no iteration, a merge ({left})"
    if math.isnan(one.half_life):
        return f"more than {last} ({left})"
    return f"{one.half_life:.2g} ({left} after {last})"
