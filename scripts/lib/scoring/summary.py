"""What the scores say, in a few sentences."""

import math
import textwrap
from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from scripts.lib.experiment.arms import Arm, controls_of, percent, say_control
from scripts.lib.experiment.cell import ALL, FLOOR, base_label
from scripts.lib.scoring import recovery
from scripts.lib.scoring.contrasts import contrasts, worse, worse_by_score
from scripts.lib.scoring.dose_response import FEWEST, rank_correlation


def summarize(scores: pd.DataFrame, arms: Mapping[str, Arm], note: str = "") -> str:
    """Say in a few sentences how every arm ends, whether that is a collapse, and since when.

    An arm is judged against its control arm in the same iteration, by two scores: in a collapse the Fréchet distance
    above the floor is at least twice the control's, and the CLIP score is lower by more than the standard deviation
    over the control's images. With replicates, the 95 % intervals of both paired differences have to leave 0 too; the
    first iteration in which they do is the onset. The text says so.

    Args:
        scores: those of one feature space, columns as for ``replicates.over_replicates``; the mean over replicates
            counts.
        arms: by name; where none has a control, no arm is judged.
        note: a last sentence, such as what the scores cannot be compared with.
    """
    recovered = recovery.said(scores, arms)
    scores = scores[(scores["images"] == "generated") & (scores["group"] == ALL)]
    replicates = scores.loc[scores["arm"] != FLOOR, "replicate"].nunique()
    scored = set(scores["arm"])
    controls = {name: control for name, control in controls_of(arms).items() if control in scored}
    judge = _Judge(scores, controls)
    sentences = [_arm(scores, name, arm, judge) for name, arm in _in_order(arms).items()]
    sentences += recovered
    sentences.append(_dose_response(scores, arms))
    sentences.append(_steps(arms))
    bases = scores.loc[(scores["iteration"] == 0) & (scores["arm"] != FLOOR), "arm"].unique()
    starts = [f"The {base_label(name)} has {_say(_last(scores, name))}" for name in bases]
    sentences.append(f"{'. '.join(starts)}, real images {_say(_last(scores, FLOOR))}.")
    sentences.append(f"These are means of {replicates} replicates." if replicates > 1 else "")
    own_data = scores.loc[scores["arm"] == FLOOR, "replicate"].nunique() > 1
    sentences.append(_definition(say_control(controls), replicates, own_data=own_data) if controls else "")
    return "\n".join(textwrap.fill(sentence, 100) for sentence in [*sentences, note] if sentence) + "\n"


class _Scores(NamedTuple):
    """The means over replicates of one iteration, and of the ends of the intervals over images."""

    iteration: int
    distance: float
    clip_score: float
    deviation: float
    distance_low: float
    distance_high: float
    clip_low: float
    clip_high: float

    @property
    def known(self) -> bool:
        return not math.isnan(self.distance + self.clip_score)


class _Judge:
    """Whether scores are worse than those of an arm's control, by how much, and whether that can be chance."""

    def __init__(self, scores: pd.DataFrame, controls: Mapping[str, str]) -> None:
        self.controls = controls
        self._courses = {control: _course(scores, control) for control in set(controls.values())}
        self._floor = _last(scores, FLOOR).distance
        self._contrasts = contrasts(scores, controls).dropna(subset=["low"])

    def judges(self, arm: str) -> bool:
        """Return whether an arm has a control, and is none."""
        return self.controls.get(arm, arm) != arm

    def beside(self, arm: str, iteration: int) -> _Scores:
        """Return the scores of an arm's control in an iteration, or in its last one where it ends earlier."""
        course = self._courses[self.controls[arm]]
        return [own for own in course if own.iteration <= iteration or own is course[0]][-1]

    def leaves(self, arm: str) -> dict[int, bool]:
        """Return for each iteration with intervals whether both of an arm leave 0 on the worse side."""
        found = worse(self._contrasts[self._contrasts["arm"] == arm])
        return dict(zip(found.index.tolist(), found.tolist(), strict=True))

    def worse_by(self, arm: str, scores: _Scores) -> tuple[bool, bool]:
        """Return whether an arm is worse by its distance, and by its CLIP score.

        That is, whether the interval of the paired difference leaves 0 on the worse side; where there is none, whether
        the intervals over images do not touch; and where there are none of them, by the value.
        """
        known = worse_by_score(self._contrasts[self._contrasts["arm"] == arm])
        if scores.iteration in known.index:
            farther, lower = known.loc[scores.iteration, ["frechet_distance", "clip_score"]]
            return bool(farther), bool(lower)
        control = self.beside(arm, scores.iteration)
        return scores.distance_low > control.distance_high, scores.clip_high < control.clip_low

    def collapsed(self, arm: str, scores: _Scores) -> bool:
        """Return whether an arm is collapsed; by size alone where an iteration has no intervals."""
        control = self.beside(arm, scores.iteration)
        excess, of_control = scores.distance - self._floor, control.distance - self._floor
        farther = excess > 0 and excess >= 2 * of_control
        lower = control.clip_score - scores.clip_score > control.deviation
        return farther and lower and self.leaves(arm).get(scores.iteration, True)


def _in_order(arms: Mapping[str, Arm]) -> dict[str, Arm]:
    """Return the arms that differ by their share alone, the largest share first, then the others as configured."""
    plain = sorted((item for item in arms.items() if item[1].plain), key=lambda item: -item[1].synthetic)
    return dict(plain) | dict(arms)


def _arm(scores: pd.DataFrame, name: str, arm: Arm, judge: _Judge) -> str:
    """Say how an arm ends, and what that is beside the control."""
    *_, end = course = _course(scores, name)
    images = f"a merge ({arm.merge})" if arm.merge else f"{percent(arm.synthetic)} generated images"
    curated = f", curated by {' and '.join(arm.curate)}," if arm.curate else ""
    after = f"after iteration {end.iteration}"
    verdict = f"{_judge(name, end, judge)}{_since(name, course, judge)}"
    onset = _onset(name, judge)
    if not arm.parent:
        return f"Trained on {images}{curated or ','} {name} has {_say(end)} {after}: {verdict}{onset}."
    start = next(cell for cell in _course(scores, arm.parent) if cell.iteration == arm.from_iteration)
    return (
        f"{name} continues from {arm.parent}, iteration {start.iteration}, with {images}{curated.rstrip(',')}: from "
        f"{_say(start)} to {_say(end)} {after}, {verdict}{_way_back(arm.parent, start, end, judge)}{onset}."
    )


def _course(scores: pd.DataFrame, arm: str) -> list[_Scores]:
    """Return the scores of an arm's iterations, in their order; where there are none, missing ones."""
    own = scores[scores["arm"] == arm]
    ends = {end: own[end].fillna(own["value"]) for end in ("low_images", "high_images")}
    means = own.assign(**ends).pivot_table(index="iteration", columns="metric", values=["value", *ends])
    columns = [("value", metric) for metric in ("frechet_distance", "clip_score", "clip_score_std")]
    columns += [(end, metric) for metric in ("frechet_distance", "clip_score") for end in ends]
    rows = means.reindex(columns=columns).sort_index().itertuples(name=None)
    return [_Scores(*row) for row in rows] or [_Scores(0, *[math.nan] * 7)]


def _last(scores: pd.DataFrame, arm: str) -> _Scores:
    return _course(scores, arm)[-1]


def _judge(arm: str, end: _Scores, judge: _Judge) -> str:
    if arm not in judge.controls:
        return "not judged, there is no control arm"
    name = judge.controls[arm]
    if name == arm:
        others = [other for other, control in judge.controls.items() if control == name != other]
        if not others or len(set(judge.controls.values())) == 1:
            return "the control"
        *first, last = others
        return "the control of " + (f"{', '.join(first)} and {last}" if first else last)
    control = judge.beside(arm, end.iteration)
    if not (end.known and control.known):
        return "not judged, a score is missing"
    if control.iteration < end.iteration:
        name = f"{name} in its last iteration, {control.iteration},"
    farther, lower = judge.worse_by(arm, end)
    if judge.collapsed(arm, end):
        return "a collapse"
    if farther and lower:
        return f"worse than {name} by both scores, but no collapse"
    if farther or lower:
        return f"worse than {name} by its {'Fréchet distance' if farther else 'CLIP score'} only, no collapse"
    return f"no worse than {name.rstrip(',')}"


def _since(arm: str, course: list[_Scores], judge: _Judge) -> str:
    """Say since which iteration an arm has been collapsed, if it is at its end."""
    since = None
    for scores in reversed(course):
        if not (judge.judges(arm) and judge.collapsed(arm, scores)):
            break
        since = scores.iteration
    return "" if since is None else f" since iteration {since}"


def _onset(arm: str, judge: _Judge) -> str:
    """Say in which iteration an arm leaves the control first; nothing where no iteration has intervals."""
    leaves = judge.leaves(arm)
    if not leaves:
        return ""
    first = next((iteration for iteration, worse_by_both in leaves.items() if worse_by_both), None)
    if first is None:
        return f"; onset not within {max(leaves)} iteration{'s' if max(leaves) > 1 else ''}"
    return f"; onset in iteration {first}"


def _way_back(parent: str, start: _Scores, end: _Scores, judge: _Judge) -> str:
    """Say how much of a parent's collapse is undone, by each score."""
    if not (judge.judges(parent) and judge.collapsed(parent, start) and end.known):
        return ""
    goal = judge.beside(parent, start.iteration)
    distance, clip_score = (
        (before - after) / (before - to) for before, after, to in zip(start[1:3], end[1:3], goal[1:3], strict=True)
    )
    return (
        f"; {100 * distance:.0f} % of the way back by the Fréchet distance, {100 * clip_score:.0f} % by the CLIP score"
    )


def _dose_response(scores: pd.DataFrame, arms: Mapping[str, Arm]) -> str:
    """Say whether the distance rises with the share, over the arms that differ by it alone."""
    ends = {name: _last(scores, name) for name, arm in arms.items() if arm.plain}
    last = min((end.iteration for end in ends.values()), default=0)
    at = {name: next((own for own in _course(scores, name) if own.iteration == last), None) for name in ends}
    known = {name: own.distance for name, own in at.items() if own and own.known}
    shares = [arms[name].synthetic for name in known]
    if len(known) < FEWEST or len(set(shares)) == 1 or len(set(known.values())) == 1:
        return ""
    found = rank_correlation(shares, list(known.values()))
    interval = "" if math.isnan(found.low) else f" ({found.low:.2f} to {found.high:.2f})"
    return (
        f"Over {len(known)} arms that differ by their share alone, Spearman's ρ of the share of generated images and "
        f"the Fréchet distance after iteration {last} is {found.rho:.2f}{interval}, p = {found.p:.2g} by permutation."
    )


def _steps(arms: Mapping[str, Arm]) -> str:
    """Say where arms differ in the steps of their fine-tunes; nothing where they do not."""
    alike: dict[tuple[int, int], list[str]] = {}
    for name, arm in arms.items():
        if arm.steps is not None:
            alike.setdefault(arm.steps, []).append(name)
    if len(alike) < 2 and all(first == last for first, last in alike):
        return ""
    usual = max(alike, key=lambda steps: len(alike[steps]))
    others = [f"{' and '.join(names)} {_range(steps)}" for steps, names in alike.items() if steps != usual]
    most = f"{_range(usual)} in {'most arms' if others else 'all arms'}"
    return (
        f"Fine-tunes differ in their optimizer steps: {'; '.join([most, *others])}. More steps are more compute, so "
        "that the scores of these arms do not show the training set alone; finetune.steps makes them equal."
    )


def _range(steps: tuple[int, int]) -> str:
    return f"{steps[0]}" if steps[0] == steps[1] else f"{steps[0]} rising to {steps[1]}"


def _definition(control: str, replicates: int, *, own_data: bool) -> str:
    """Say what the words collapse and onset mean, and what the replicates allow."""
    size = (
        "Collapse means here: a Fréchet distance that is at least twice as far above that of real images as "
        f"{control}'s in the same iteration, and a CLIP score lower by more than the standard deviation over "
        f"{control}'s images"
    )
    if replicates == 1:
        return (
            f"{size}. An arm is worse by a score where the 95 % intervals over images do not touch. A single replicate "
            "cannot know whether such a difference is chance, and has no onset."
        )
    share = "have their own real images and share" if own_data else "share the real images, the reference and"
    return (
        f"{size}, where the 95 % intervals of both paired differences to {control} leave 0. Onset is the first "
        "iteration in which they do, and an arm is worse by a score where its interval does. "
        f"Replicates {share} the base model."
    )


def _say(end: _Scores) -> str:
    return f"a Fréchet distance of {_number(end.distance)} and a CLIP score of {_number(end.clip_score)}"


def _number(value: float) -> str:
    """Return three significant digits, never an exponent."""
    if math.isnan(value):
        return "(none)"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value) or 1)))}f}"
