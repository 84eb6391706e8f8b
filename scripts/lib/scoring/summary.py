"""What the scores say, in a few sentences."""

import math
import textwrap
from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from scripts.lib.experiment.arms import Arm, percent
from scripts.lib.experiment.cell import ALL, BASE, FLOOR


def summarize(scores: pd.DataFrame, arms: Mapping[str, Arm], note: str = "") -> str:
    """Say in a few sentences how arms end: those of the largest and the smallest share, and those with a parent.

    Arms with curation are left out. A collapse is at least twice the base model's Fréchet distance, and a CLIP
    score lower than its by more than the standard deviation over its images; the text says so.

    Args:
        scores: as for ``draw_curves``; the mean over replicates counts.
        arms: by name.
        note: a last sentence, such as what the scores cannot be compared with.
    """
    scores = scores[(scores["images"] == "generated") & (scores["group"] == ALL)]
    plain = sorted(
        (name for name, arm in arms.items() if arm.plain),
        key=lambda name: -arms[name].synthetic,
    )
    base, floor = _last(scores, BASE), _last(scores, FLOOR)
    sentences = []
    for name in dict.fromkeys([*plain[:1], *plain[-1:]]):
        *_, end = course = _course(scores, name)
        sentences.append(
            f"Trained on {percent(arms[name].synthetic)} generated images, {name} has {_say(end)} "
            f"after iteration {end.iteration}: {_judge(end, base)}{_since(course, base)}."
        )
    for name, arm in arms.items():
        if arm.parent and not arm.curate:
            start = next(cell for cell in _course(scores, arm.parent) if cell.iteration == arm.from_iteration)
            end = _last(scores, name)
            sentences.append(
                f"{name} goes on from {arm.parent}, iteration {start.iteration}, with {percent(arm.synthetic)} "
                f"generated images: from {_say(start)} to {_say(end)} after iteration {end.iteration}, "
                f"{_judge(end, base)}{_way_back(start, end, base)}."
            )
    sentences.append(f"The base model has {_say(base)}, real images {_say(floor)}.")
    if (replicates := scores.loc[scores["arm"] != FLOOR, "replicate"].nunique()) > 1:
        sentences.append(f"These are means of {replicates} replicates.")
    sentences.append(
        "Collapse means here: at least twice the base model's Fréchet distance, and a CLIP score lower by more than "
        f"the standard deviation over the base model's images ({_number(base.deviation)})."
    )
    return "\n".join(textwrap.fill(sentence, 100) for sentence in [*sentences, note] if sentence) + "\n"


class _Scores(NamedTuple):
    """The means over replicates of one iteration."""

    iteration: int
    distance: float
    clip_score: float
    deviation: float


def _course(scores: pd.DataFrame, arm: str) -> list[_Scores]:
    """Return the scores of an arm's iterations, in their order; where there are none, missing ones."""
    means = scores[scores["arm"] == arm].groupby(["iteration", "metric"])["value"].mean().unstack()
    metrics = ["frechet_distance", "clip_score", "clip_score_std"]
    rows = means.reindex(columns=metrics).sort_index().itertuples(name=None)
    return [_Scores(*row) for row in rows] or [_Scores(0, math.nan, math.nan, math.nan)]


def _last(scores: pd.DataFrame, arm: str) -> _Scores:
    return _course(scores, arm)[-1]


def _judge(end: _Scores, base: _Scores) -> str:
    if any(map(math.isnan, (*end[1:3], *base[1:]))):
        return "not judged, a score is missing"
    farther, lower = end.distance > base.distance, end.clip_score < base.clip_score
    if _collapsed(end, base):
        return "a collapse"
    if farther and lower:
        return "worse than the base model by both scores, but no collapse"
    if farther or lower:
        return f"worse than the base model by its {'Fréchet distance' if farther else 'CLIP score'} only, no collapse"
    return "no worse than the base model"


def _collapsed(scores: _Scores, base: _Scores) -> bool:
    return scores.distance >= 2 * base.distance and base.clip_score - scores.clip_score > base.deviation


def _since(course: list[_Scores], base: _Scores) -> str:
    """Say since which iteration an arm has been collapsed, if it is at its end."""
    since = None
    for scores in reversed(course):
        if not _collapsed(scores, base):
            break
        since = scores.iteration
    return "" if since is None else f" since iteration {since}"


def _way_back(start: _Scores, end: _Scores, base: _Scores) -> str:
    """Say how much of a parent's collapse is undone, by each score."""
    if not _collapsed(start, base) or math.isnan(end.distance + end.clip_score):
        return ""
    distance, clip_score = (
        (before - after) / (before - goal) for before, after, goal in zip(start[1:3], end[1:3], base[1:3], strict=True)
    )
    return (
        f"; {100 * distance:.0f} % of the way back by the Fréchet distance, {100 * clip_score:.0f} % by the CLIP score"
    )


def _say(end: _Scores) -> str:
    return f"a Fréchet distance of {_number(end.distance)} and a CLIP score of {_number(end.clip_score)}"


def _number(value: float) -> str:
    """Return three significant digits, never an exponent."""
    if math.isnan(value):
        return "(none)"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value) or 1)))}f}"
