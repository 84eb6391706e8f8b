"""What the scores say, in a few sentences."""

import math
import textwrap
from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from scripts.lib.experiment.arms import Arm, percent
from scripts.lib.experiment.cell import ALL, BASE, FLOOR


def summarize(scores: pd.DataFrame, arms: Mapping[str, Arm], note: str = "") -> str:
    """Say in a few sentences how the arms of the largest and the smallest share end, and whether that is a collapse.

    Arms with a control or a parent are left out. A collapse is at least twice the base model's
    Fréchet distance, and a CLIP score lower than its by more than the standard deviation over its
    images; the text says so.

    Args:
        scores: as for ``draw_curves``; the mean over replicates counts.
        arms: by name.
        note: a last sentence, such as what the scores cannot be compared with.
    """
    scores = scores[(scores["images"] == "generated") & (scores["group"] == ALL)]
    plain = sorted(
        (name for name, arm in arms.items() if arm.control == "none" and arm.parent is None),
        key=lambda name: -arms[name].synthetic,
    )
    base, floor = _last(scores, BASE), _last(scores, FLOOR)
    sentences = []
    for name in dict.fromkeys([*plain[:1], *plain[-1:]]):
        end = _last(scores, name)
        sentences.append(
            f"Trained on {percent(arms[name].synthetic)} generated images, {name} has {_say(end)} "
            f"after iteration {end.iteration}: {_judge(end, base)}."
        )
    sentences.append(f"The base model has {_say(base)}, real images {_say(floor)}.")
    if (replicates := scores.loc[scores["arm"] != FLOOR, "replicate"].nunique()) > 1:
        sentences.append(f"These are means of {replicates} replicates.")
    sentences.append(
        "Collapse means here: at least twice the base model's Fréchet distance, and a CLIP score lower by more than "
        f"the standard deviation over the base model's images ({_number(base.deviation)})."
    )
    return "\n".join(textwrap.fill(sentence, 100) for sentence in [*sentences, note] if sentence) + "\n"


class _End(NamedTuple):
    iteration: int
    distance: float
    clip_score: float
    deviation: float


def _last(scores: pd.DataFrame, arm: str) -> _End:
    own = scores[scores["arm"] == arm]
    last = own["iteration"].max()
    means = own[own["iteration"] == last].groupby("metric")["value"].mean()
    return _End(last, *(means.get(name, math.nan) for name in ("frechet_distance", "clip_score", "clip_score_std")))


def _judge(end: _End, base: _End) -> str:
    if any(map(math.isnan, (*end[1:3], *base[1:]))):
        return "not judged, a score is missing"
    farther, lower = end.distance > base.distance, end.clip_score < base.clip_score
    if end.distance >= 2 * base.distance and base.clip_score - end.clip_score > base.deviation:
        return "a collapse"
    if farther and lower:
        return "worse than the base model by both scores, but no collapse"
    if farther or lower:
        return f"worse than the base model by its {'Fréchet distance' if farther else 'CLIP score'} only, no collapse"
    return "no worse than the base model"


def _say(end: _End) -> str:
    return f"a Fréchet distance of {_number(end.distance)} and a CLIP score of {_number(end.clip_score)}"


def _number(value: float) -> str:
    """Return three significant digits, never an exponent."""
    if math.isnan(value):
        return "(none)"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value) or 1)))}f}"
