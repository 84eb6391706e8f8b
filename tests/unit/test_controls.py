"""A filter without a `random` step of equal size is named, with the step to write."""

import pytest
import yaml

from scripts.lib.experiment.config.load import load
from scripts.lib.planning.controls import shares, starved, unmatched

CULL = {"synthetic": 0.25, "curate": ["match_histograms", {"cull": {"on_reject": "drop"}}]}
RANDOM = {"random": {"keep": 0.7, "on_reject": "drop"}}


def said(settings, **arms):
    settings["arms"] = arms
    return unmatched(load(settings))


def test_a_filter_alone_is_told_of_the_step_to_write_and_the_step_is_its_control(settings):
    (message,) = said(settings, strict=CULL)
    assert message.startswith("arms: `strict`: no arm has a `random` step of equal size beside `cull`")
    assert "the mean of `accepted`" in message
    written = message.partition("with `curate: ")[2].partition("`.")[0].replace("SHARE", "0.7")
    assert said(settings, strict=CULL, control=CULL | {"curate": yaml.safe_load(written)}) == []


@pytest.mark.parametrize(
    "control",
    [
        {"synthetic": 0.5, "curate": [RANDOM, "match_histograms"]},
        {"synthetic": 0.25, "curate": [RANDOM]},
        {"synthetic": 0.25, "curate": ["match_histograms", {"random": {"keep": 0.7}}]},
        {"synthetic": 0.25, "curate": ["match_histograms", RANDOM], "iterations": 1},
        {"synthetic": 0.25, "curate": ["match_histograms"]},
        {"synthetic": 0.25, "curate": ["match_histograms", RANDOM], "finetune": {"epochs": 1}},
    ],
    ids=["another share", "lacks a step", "replaces instead of drops", "ends earlier", "no filter", "trains otherwise"],
)
def test_an_arm_that_differs_in_more_is_no_control(settings, control):
    assert len(said(settings, strict=CULL, control=control)) == 1


def test_the_control_of_a_detector_thins_real_and_generated_images_alike(settings):
    arm = {"synthetic": 0.25, "curate": [{"detector": {"tpr": 0.9, "fpr": 0.05}}]}
    (message,) = said(settings, watched=arm)
    written = yaml.safe_load(message.partition("with `curate: ")[2].partition("`.")[0])
    assert written == [{"random": {"keep": 0.7375, "on_reject": "drop", "real": True}}], "0.25 x 0.1 + 0.75 x 0.95"
    generated_only = [{"random": {"keep": 0.738, "on_reject": "drop"}}]
    assert len(said(settings, watched=arm, control=arm | {"curate": generated_only})) == 1
    assert said(settings, watched=arm, control=arm | {"curate": written}) == []
    half = 0.5 / load(settings).dataset.per_group
    for keep, messages in ((0.7375 + 0.9 * half, 0), (0.7375 + 1.1 * half, 1)):
        near = arm | {"curate": [{"random": {"keep": keep, "on_reject": "drop", "real": True}}]}
        assert len(said(settings, watched=arm, control=near)) == messages, "a control keeps whole images of a group"
    assert shares(load(settings)) == ["watched: 25 % generated images before the filters, 3.39 % after."]
    scored = arm | {"curate": [{"detector": {"reward": "single_image_distance", "threshold": 1}}]}
    assert "`composition.csv`" in said(settings, watched=scored)[0]
    assert "keep: SHARE" in said(settings, watched=arm | {"regime": "accumulate"})[0]


def test_arms_without_a_filter_and_without_generated_images_need_no_control(settings):
    arms = {"plain": {}, "matched": {"curate": ["match_histograms"]}, "real": {"synthetic": 0, "curate": ["cull"]}}
    assert said(settings, **arms, control={"curate": [RANDOM]}) == []


def test_arms_of_equal_steps_share_a_message(settings):
    (message,) = said(settings, one={"curate": ["cull"]}, half={"synthetic": 0.5, "curate": ["cull"]})
    assert message.startswith("arms: `one`, `half`: ")


@pytest.mark.parametrize(
    ("arm", "tpr", "left"),
    [
        ({"synthetic": 1.0}, 0.99, "0.16 of 16"),
        ({"synthetic": 1.0}, 0.5, "8 of 16"),
        ({"synthetic": 1.0}, 0.2, None),
        ({"synthetic": 0.25}, 0.99, None),
        ({"synthetic": 0.25, "real_per_group": 4}, 0.99, "5.7 of 8"),
    ],
)
def test_a_filter_that_may_leave_nothing_is_told(settings, arm, tpr, left):
    settings["dataset"] |= {"attributes": {"gender": ["man", "woman"]}, "prompt": "a {gender}", "per_group": 8}
    settings["figures"] = {"group": {"gender": "man"}}
    settings["arms"] = {"watched": arm | {"curate": [{"detector": {"tpr": tpr, "fpr": 0.05}}]}}
    said = starved(load(settings))
    assert [message.startswith(f"arms.watched: its filters leave {left} images") for message in said] == (
        [True] if left else []
    )
