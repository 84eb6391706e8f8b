"""A detector takes real and generated images out alike; what is left has the share that its rates say."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from scripts import compose, curate
from scripts.lib.base import csvs, imageset
from scripts.lib.curation import candidates, detector, random
from scripts.lib.curation.candidates import Inputs, Kept
from scripts.lib.curation.detector import Settings
from scripts.lib.regimes import composition

SLOTS = [f"{group}-{i:03d}.png" for group in "ab" for i in range(500)]
GENERATED = pd.DataFrame({"slot": SLOTS, "file_name": SLOTS, "images": "base/seed-0/iteration-0/generated.zip"}).assign(
    group=[slot[0] for slot in SLOTS], origin="base", iteration=0
)
REAL = GENERATED.assign(images="dataset/images.zip", origin="real")
BOTH = pd.concat([GENERATED, REAL], ignore_index=True)


def judged(seed=0, **settings):
    return detector.curate(BOTH, Settings(**settings), Inputs(Path(), seed)).table


@pytest.mark.parametrize(
    ("share", "tpr", "fpr", "after"),
    [(0.25, 0.9, 0.05, 0.034), (0.25, 0.5, 0.05, 0.149), (0.25, 0.99, 0.01, 0.003), (0.5, 0.9, 0.05, 0.095)],
)
def test_the_share_after_an_oracle_is_what_is_known_of_it(share, tpr, fpr, after):
    kept = detector.keeps(Settings(tpr=tpr, fpr=fpr))
    assert kept == Kept(1 - tpr, 1 - fpr)
    assert kept.share_after(share) == pytest.approx(after, abs=0.0006)


def test_the_share_after_extreme_oracles():
    assert Kept(0.1, 0.95).share_after(1) == 1
    assert Kept(1, 1).share_after(0.3) == 0.3
    assert Kept(0, 1).share_after(0.3) == 0
    assert np.isnan(Kept(0, 0).share_after(0.3))


@pytest.mark.parametrize(("tpr", "fpr"), [(0.9, 0.05), (0.5, 0.05), (0.99, 0.01), (0, 1), (1, 0)])
def test_each_kind_of_image_is_rejected_at_its_rate(tpr, fpr):
    rejected = 1 - judged(tpr=tpr, fpr=fpr).groupby("origin")["accepted"].mean()
    for origin, rate in (("base", tpr), ("real", fpr)):
        assert rejected[origin] == pytest.approx(rate, abs=4 * (rate * (1 - rate) / 1000) ** 0.5), "four deviations"


def test_a_better_oracle_finds_out_what_a_worse_one_does_and_more():
    worse, better = judged(tpr=0.5, fpr=0.05)["accepted"], judged(tpr=0.9, fpr=0.3)["accepted"]
    assert not (better & ~worse).any()
    assert (worse & ~better).any()


def test_decisions_depend_on_the_seed_and_the_image_and_on_nothing_else():
    table = judged(tpr=0.5, fpr=0.5)
    assert not table["accepted"].equals(judged(seed=1, tpr=0.5, fpr=0.5)["accepted"])
    other = detector.curate(BOTH[::-3].reset_index(drop=True), Settings(tpr=0.5, fpr=0.5), Inputs(Path(), 0)).table
    merged = other.merge(table, on=["images", "slot"])
    assert (merged["accepted_x"] == merged["accepted_y"]).all()
    pair = table["accepted"].to_numpy().reshape(2, -1)
    assert (pair[0] != pair[1]).any(), "the real and the generated image of a slot are judged apart"


def test_scores_above_the_threshold_are_taken_for_generated_ones():
    scores = pd.Series(np.linspace(0, 1, len(BOTH)))
    table = detector.curate(
        BOTH, Settings(reward="single_image_distance", threshold=0.75), Inputs(Path(), 0, scores=scores)
    ).table
    assert table["accepted"].equals(scores <= 0.75)
    assert (table["threshold"] == 0.75).all()
    assert table["score"].equals(scores.rename("score"))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"tpr": 0.9},
        {"reward": "single_image_distance"},
        {"tpr": 0.9, "fpr": 0.1, "threshold": 1},
        {"tpr": 0.9, "fpr": 0.1, "reward": "single_image_distance", "threshold": 1},
    ],
)
def test_rates_and_scores_come_in_pairs(settings):
    with pytest.raises(ValidationError, match="`tpr` and `fpr` go together"):
        Settings(**settings)


@pytest.mark.parametrize("settings", [{"tpr": 1.1, "fpr": 0}, {"tpr": 1, "fpr": -0.1}, {"tpr": 1, "fpr": float("nan")}])
def test_rates_are_shares(settings):
    with pytest.raises(ValidationError):
        Settings(**settings)


def test_an_unknown_reward_is_refused_with_those_that_there_are():
    with pytest.raises(ValidationError, match=r"there is no reward 'beauty'; choose one of .*single_image_distance"):
        Settings(reward="beauty", threshold=1)


@pytest.fixture
def results(tmp_path):
    """A results' folder with a thousand tiny real images and as many generated ones."""
    table = GENERATED[["file_name", "group"]].assign(text="a cat")
    for name in ("dataset/images.zip", "base/seed-0/iteration-0/generated.zip"):
        imageset.write(tmp_path / name, table, np.zeros((len(table), 1, 1, 3), np.uint8))
    return tmp_path


def step(results: Path, number: int, kind: str, settings: dict[str, object]) -> Path:
    folder = results / "a/seed-0/iteration-1/curation"
    output = folder / f"{number}-{kind}.csv"
    curate.main(
        images=[results / "base/seed-0/iteration-0/generated.zip"],
        step=kind,
        settings=json.dumps(settings),
        root=results,
        seed=5,
        before=next(folder.glob(f"{number - 1}-*.csv"), None),
        real=results / "dataset/images.zip",
        output=output,
    )
    return output


def composed(results: Path, share: float, before: Path, judged: list[Path], regime: str = "replace") -> pd.DataFrame:
    training = results / "training.csv"
    compose.main(
        real=results / "dataset/images.zip",
        regime=regime,
        settings="{}",
        root=results,
        share=share,
        rounding="total",
        draw=3,
        images=[results / "base/seed-0/iteration-0/generated.zip"],
        before=before,
        judged=judged,
        training=training,
        composition=results / "composition.csv",
    )
    return csvs.read(training, composition.TYPES)


@pytest.mark.parametrize(("tpr", "fpr"), [(0.9, 0.05), (0.5, 0.3)])
def test_the_composed_set_has_the_share_that_the_rates_say(results, tpr, fpr):
    table = step(results, 1, "detector", {"tpr": tpr, "fpr": fpr})
    training = composed(results, 0.25, table, [table])
    decisions = csvs.read(table, candidates.TYPES)
    expected = 1000 * (0.25 * (1 - tpr) + 0.75 * (1 - fpr))
    assert len(training) == pytest.approx(expected, abs=45)
    counted = (training["origin"] != "real").mean()
    assert counted == pytest.approx(Kept(1 - tpr, 1 - fpr).share_after(0.25), abs=0.045)
    passed = decisions[decisions["accepted"]].set_index(["images", "file_name"]).index
    assert set(training.set_index(["images", "file_name"]).index) <= set(passed), "brute force: all have passed"
    table_of_groups = csvs.read(results / "composition.csv", csvs.COMPOSITION)
    assert table_of_groups[["real", "generated"]].to_numpy().sum() == len(training)


def test_a_set_that_a_detector_keeps_whole_is_the_set_without_one(results):
    table = step(results, 1, "detector", {"tpr": 0, "fpr": 0})
    plain = step(results, 2, "random", {"keep": 1})
    assert composed(results, 0.25, table, [table]).equals(composed(results, 0.25, plain, []))


@pytest.mark.parametrize("regime", ["augment", "accumulate_subsample"])
def test_every_regime_trains_without_rejected_real_images(results, regime):
    table = step(results, 1, "detector", {"tpr": 0, "fpr": 1})
    training = composed(results, 0.5, table, [table], regime)
    assert set(training["origin"]) == {"base"}


def test_a_later_step_sees_generated_images_only_and_two_judges_both_count(results):
    first = step(results, 1, "detector", {"tpr": 0.5, "fpr": 0.2})
    second = step(results, 2, "random", {"keep": 0.5, "on_reject": "drop"})
    third = step(results, 3, "random", {"keep": 0.5, "on_reject": "drop", "real": True})
    one, two, three = (csvs.read(path, candidates.TYPES) for path in (first, second, third))
    assert set(two["origin"]) == {"base"}
    assert len(two) == (one["accepted"] & (one["origin"] == "base")).sum()
    training = composed(results, 0.25, third, [first, third])
    rejected = candidates.rejected_real(one) | candidates.rejected_real(three)
    real = set(training.loc[training["origin"] == "real", "slot"])
    assert not real & rejected
    assert len(real) == pytest.approx(750 * 0.8 * 0.5, abs=45)


def test_random_thins_both_kinds_to_the_share_and_generated_ones_as_without_real():
    settings = random.Settings(keep=0.7375, on_reject="drop", real=True)
    table = random.curate(BOTH, settings, Inputs(Path(), 0)).table
    assert table.groupby(["origin", "group"])["accepted"].sum().eq(369).all()
    alone = random.curate(GENERATED, random.Settings(keep=0.7375, on_reject="drop"), Inputs(Path(), 0)).table
    assert table["accepted"].head(1000).tolist() == alone["accepted"].tolist()
    assert table["accepted"].head(1000).tolist() != table["accepted"].tail(1000).tolist()
    with pytest.raises(ValidationError, match="`real` goes with `on_reject: drop`"):
        random.Settings(real=True)
