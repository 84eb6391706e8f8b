"""The summary says what the scores say, and judges only what was scored."""

import pytest

from scripts.lib.scoring import summary
from tests.unit.figures import ARMS, table


@pytest.mark.parametrize(
    ("ends", "verdict"),
    [
        ((40.0, 20.0), "a collapse"),
        ((19.9, 20.0), "worse than the base model by both scores, but no collapse"),
        ((40.0, 25.5), "worse than the base model by both scores, but no collapse"),
        ((12.0, 27.5), "worse than the base model by its Fréchet distance only, no collapse"),
        ((9.0, 26.5), "worse than the base model by its CLIP score only, no collapse"),
        ((9.0, 27.5), "no worse than the base model"),
    ],
)
def test_the_summary_follows_the_numbers(ends, verdict):
    text = " ".join(summary.summarize(table(all_ends=ends), ARMS).split())
    since = " since iteration 2" if verdict == "a collapse" else ""
    assert f"after iteration 2: {verdict}{since}." in text.split("real has")[0]
    assert f"Trained on 100 % generated images, all has a Fréchet distance of {ends[0]:.3g}" in text
    assert "real has a Fréchet distance of 9.00 and a CLIP score of 27.5 after iteration 2: no worse" in text
    assert "The base model has a Fréchet distance of 10.0 and a CLIP score of 27.0, real images" in text


def test_the_summary_can_blame_retraining_on_real_images_too():
    text = " ".join(summary.summarize(table(real_ends=(50.0, 10.0)), ARMS).split())
    assert (
        "real has a Fréchet distance of 50.0 and a CLIP score of 10.0 after iteration 2: a collapse since iteration 2."
        in text
    )


def test_the_summary_says_since_when_an_arm_is_collapsed():
    scores = table(all_ends=(40.0, 20.0))
    first = (scores["arm"] == "all") & (scores["iteration"] == 1)
    scores.loc[first & (scores["metric"] == "frechet_distance"), "value"] = 30.0
    scores.loc[first & (scores["metric"] == "clip_score"), "value"] = 22.0
    assert "a collapse since iteration 1." in " ".join(summary.summarize(scores, ARMS).split())


def test_the_summary_says_what_of_a_collapse_is_healed():
    def summary_of(distance, clip_score):
        scores = table()
        start = (scores["arm"] == "half") & (scores["iteration"] == 2)
        scores.loc[start & (scores["metric"] == "frechet_distance"), "value"] = distance
        scores.loc[start & (scores["metric"] == "clip_score"), "value"] = clip_score
        return " ".join(summary.summarize(scores, ARMS).split())

    text = summary_of(40.0, 17.0)
    assert "healed goes on from half, iteration 2, with 0 % generated images: from a Fréchet distance of 40.0" in text
    # From 40 to 13 on the way to 10, from 17 to 26.5 on the way to 27.
    assert "no collapse; 90 % of the way back by the Fréchet distance, 95 % by the CLIP score." in text
    assert "way back" not in summary_of(15.0, 26.0), "there is nothing to heal where nothing collapsed"


def test_the_summary_says_how_many_replicates_and_what_it_is_told():
    assert "means of 3 replicates" in summary.summarize(table(3), ARMS)
    text = summary.summarize(table(1), ARMS, note="Drawings, not photographs.")
    assert "replicates" not in text
    assert text.endswith("Drawings, not photographs.\n")


def test_the_summary_does_not_judge_what_was_not_scored():
    scores = table()
    text = summary.summarize(scores[scores["metric"] != "frechet_distance"], ARMS)
    assert "not judged" in text
    assert "a collapse" not in text
    assert "way back" not in text


@pytest.mark.parametrize(("value", "text"), [(27.04, "27.0"), (0.02346, "0.0235"), (1234.5, "1234"), (0.0, "0.00")])
def test_numbers_have_three_digits_and_no_exponent(value, text):
    assert summary._number(value) == text
