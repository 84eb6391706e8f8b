"""The summary says what the scores say, and judges only what was scored."""

import pandas as pd
import pytest

from scripts.lib.experiment.arms import Arm
from scripts.lib.scoring import summary
from tests.unit.figures import ARMS, beside, rows, table


def say(scores, control="real", **options):
    return " ".join(summary.summarize(scores, beside(control, ARMS), **options).split())


@pytest.mark.parametrize(
    ("ends", "verdict"),
    [
        # The floor is 4, real has 9 and 27.5 ± 2: a collapse is at 14 and below 25.5.
        ((14.0, 25.4), "a collapse since iteration 2"),
        ((13.9, 20.0), "worse than real by both scores, but no collapse"),
        ((40.0, 25.5), "worse than real by both scores, but no collapse"),
        ((12.0, 28.0), "worse than real by its Fréchet distance only, no collapse"),
        ((9.0, 26.5), "worse than real by its CLIP score only, no collapse"),
        ((9.0, 27.5), "no worse than real"),
    ],
)
def test_the_summary_follows_the_numbers(ends, verdict):
    text = say(table(all_ends=ends))
    assert f"after iteration 2: {verdict}." in text.split("half has")[0]
    assert f"Trained on 100 % generated images, all has a Fréchet distance of {ends[0]:.3g}" in text
    assert "real has a Fréchet distance of 9.00 and a CLIP score of 27.5 after iteration 2: the control." in text
    assert "The base model has a Fréchet distance of 10.0 and a CLIP score of 27.0, real images" in text


def test_the_summary_judges_every_arm():
    text = say(table())
    for name in ("all", "half", "real", "matched", "culled"):
        assert f" {name} has a Fréchet distance of " in text
    assert "Trained on 100 % generated images, curated by cull, culled has" in text
    assert "healed continues from half, iteration 2" in text


def test_the_control_that_ends_near_the_floor_asks_for_any_excess():
    assert "after iteration 2: a collapse since iteration 2." in say(table(all_ends=(4.5, 20.0), real_ends=(3.5, 27.5)))


def test_the_summary_says_since_when_an_arm_is_collapsed():
    scores = table(all_ends=(40.0, 20.0))
    first = (scores["arm"] == "all") & (scores["iteration"] == 1)
    scores.loc[first & (scores["metric"] == "frechet_distance"), "value"] = 30.0
    scores.loc[first & (scores["metric"] == "clip_score"), "value"] = 22.0
    assert (
        "all has a Fréchet distance of 40.0 and a CLIP score of 20.0 after iteration 2: a collapse since iteration 1"
        in (say(scores))
    )


def of_replicates(spread):
    """Three replicates: `all` differs from `real` by 31 and -7.5 in iteration 2, in 1 by chance only."""
    scores = table(3)
    both = scores["metric"].isin(["frechet_distance", "clip_score"])
    own = both & (scores["arm"] == "all") & (scores["images"] == "generated") & (scores["group"] == "all")
    for iteration, width in ((1, 50), (2, spread)):
        of_one = own & (scores["iteration"] == iteration)
        scores.loc[of_one, "value"] += width * (scores.loc[of_one, "replicate"] - 1)
    return scores


def test_the_summary_says_in_which_iteration_an_arm_leaves_the_control():
    text = say(of_replicates(0.5))
    assert "a collapse since iteration 2; onset in iteration 2." in text.split("half has")[0]
    assert "where the 95 % intervals of both paired differences to real leave 0." in text


def test_a_difference_that_can_be_chance_is_no_collapse():
    # The CLIP score's interval is -7.5 ± 4.3 x 10 / √3.
    text = say(of_replicates(10.0)).split("half has")[0]
    assert "worse than real by its Fréchet distance only, no collapse; onset not within 2 iterations." in text


def test_what_other_images_could_turn_round_is_not_worse():
    scores = table(all_ends=(9.5, 27.0))
    last = (scores["iteration"] == 2) & (scores["images"] == "generated") & (scores["group"] == "all")
    width = scores["metric"].map({"frechet_distance": 0.2, "clip_score": 0.3})
    scores.loc[last, "low_images"] = scores["value"] - width
    scores.loc[last, "high_images"] = scores["value"] + width
    assert "iteration 2: worse than real by its Fréchet distance only, no collapse." in say(scores).split("half has")[0]
    scores.loc[last & (scores["arm"] == "real"), "high_images"] += 0.2
    text = say(scores)
    assert "iteration 2: no worse than real." in text.split("half has")[0]
    assert "worse by a score where the 95 % intervals over images do not touch" in text


def test_a_single_replicate_says_that_it_cannot_know():
    text = say(table())
    assert "A single replicate cannot know whether such a difference is chance, and has no onset." in text
    assert "onset in" not in text
    assert "onset not" not in text


def test_the_summary_says_what_of_a_collapse_is_healed():
    def summary_of(distance, clip_score):
        scores = table()
        start = (scores["arm"] == "half") & (scores["iteration"] == 2)
        scores.loc[start & (scores["metric"] == "frechet_distance"), "value"] = distance
        scores.loc[start & (scores["metric"] == "clip_score"), "value"] = clip_score
        return say(scores)

    text = summary_of(40.0, 17.5)
    assert "healed continues from half, iteration 2, with 0 % generated images: from a Fréchet distance of 40.0" in text
    # From 40 to 13 on the way to 9, from 17.5 to 26.5 on the way to 27.5.
    assert (
        "worse than real in its last iteration, 2, by both scores, but no collapse; 87 % of the way back by the "
        "Fréchet distance, 90 % by the CLIP score." in text
    )
    assert "way back" not in summary_of(13.5, 26.0), "there is nothing to heal where nothing collapsed"


def test_each_arm_is_judged_by_its_own_control():
    arms = {"real": Arm(0, control="real"), "far": Arm(0, control="far"), "all": Arm(1, control="real")}
    arms |= {"away": Arm(1, control="far")}
    parts = [rows(name, 0, 1, distance, 27, 2) for name, distance in {"real": 9, "far": 20, "all": 20}.items()]
    scores = pd.DataFrame(sum(parts, rows("away", 0, 1, 21, 20, 2)), columns=table().columns[:9])
    scores = pd.concat([scores, table()[table()["arm"] == "floor"]])
    text = " ".join(summary.summarize(scores, arms).split())
    for end in (
        "far has a Fréchet distance of 20.0 and a CLIP score of 27.0 after iteration 1: the control of away.",
        "all has a Fréchet distance of 20.0 and a CLIP score of 27.0 after iteration 1: worse than real by its",
        "away has a Fréchet distance of 21.0 and a CLIP score of 20.0 after iteration 1: worse than far by both",
    ):
        assert end in text
    assert "as far above that of real images as the control's in the same iteration" in text
    del arms["away"]
    assert (
        "27.0 after iteration 1: the control. "
        in summary.summarize(scores, arms).replace("\n", " ").split("far has")[1]
    )


def test_the_summary_says_how_the_distance_follows_the_share():
    arms = beside("share-0", {f"share-{share}": Arm(share / 100) for share in (0, 25, 50, 100)})
    parts = [rows(name, 0, 1, 5 + arm.synthetic, 27, 2) for name, arm in arms.items()]
    scores = pd.DataFrame(sum(parts, rows("floor", 0, 0, 4, 28, 1)), columns=table().columns[:9]).assign(
        low_images=float("nan"), high_images=float("nan")
    )
    text = " ".join(summary.summarize(scores, arms).split())
    assert "Over 4 arms that differ by their share alone, Spearman's ρ of the share of generated images" in text
    assert "Fréchet distance after iteration 1 is 1.00, p = 0.083 by permutation." in text
    assert "Spearman" not in say(table()), "three arms are too few"


def test_the_summary_says_where_arms_differ_in_steps():
    def said(**steps):
        arms = {name: arm._replace(steps=steps.get(name, (57, 57))) for name, arm in ARMS.items()}
        return " ".join(summary.summarize(table(), arms).split())

    start = "Fine-tunes differ in their optimizer steps:"
    assert "optimizer steps" not in said()
    assert f"{start} 57 in most arms; half 114 rising to 342. More" in said(half=(114, 342))
    assert f"{start} 57 in most arms; all and half 5. More" in said(half=(5, 5), all=(5, 5))
    assert f"{start} 1 rising to 2 in all arms. More" in said(**dict.fromkeys(ARMS, (1, 2)))


def test_the_summary_says_how_many_replicates_and_what_it_is_told():
    assert "means of 3 replicates" in say(table(3))
    text = summary.summarize(table(1), ARMS, note="Drawings, not photographs.")
    assert "replicates" not in text
    assert text.endswith("Drawings, not photographs.\n")


def test_the_summary_does_not_judge_what_was_not_scored():
    scores = table()
    text = say(scores[scores["metric"] != "frechet_distance"])
    assert "not judged, a score is missing" in text
    assert "a collapse" not in text
    assert "way back" not in text


def test_without_a_control_no_arm_is_judged():
    text = say(table(), control=None)
    assert text.count("not judged, there is no control arm") == len(ARMS)
    assert "ollapse" not in text


@pytest.mark.parametrize(("value", "text"), [(27.04, "27.0"), (0.02346, "0.0235"), (1234.5, "1234"), (0.0, "0.00")])
def test_numbers_have_three_digits_and_no_exponent(value, text):
    assert summary._number(value) == text
