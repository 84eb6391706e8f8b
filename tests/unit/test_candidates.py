"""The table that steps of curation pass on, and the scripts that take the steps one after the other."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scripts import compose, curate, reward
from scripts.lib.base import csvs, imageset
from scripts.lib.curation import candidates, match_histograms
from scripts.lib.networks import vae
from scripts.lib.regimes import composition
from scripts.lib.rewards.single_image_distance import single_image_distances

SLOTS = ["x-0.png", "x-1.png", "x-2.png", "y-0.png"]
BEFORE, BASE = "a/seed-0/iteration-1", "base/seed-0/iteration-0"
CELL = "a/seed-0/iteration-2"


def decided(accepted, instead):
    """Return a table of decisions, as a step would write and the next one would read it."""
    place = {"images": "s.zip", "file_name": SLOTS, "origin": "a", "iteration": 1}
    table = candidates.decided(pd.DataFrame({"slot": SLOTS, "group": list("xxxy")} | place), accepted)
    return table.assign(instead=instead)


@pytest.mark.parametrize(
    ("accepted", "instead", "expected"),
    [
        ([True, True, True, True], ["", "", "", ""], SLOTS),
        ([True, False, True, True], ["", "", "", ""], [SLOTS[0], None, SLOTS[2], SLOTS[3]]),
        ([True, False, False, True], ["", "0", "0", ""], [SLOTS[0], SLOTS[0], SLOTS[0], SLOTS[3]]),
        ([False, True, False, False], ["1", "", "", "1"], [SLOTS[1], SLOTS[1], None, SLOTS[1]]),
        ([False, False, False, False], ["", "", "", ""], [None] * 4),
    ],
    ids=["all", "one is dropped", "two are replaced", "replaced and dropped", "none is left"],
)
def test_a_slot_has_its_accepted_image_or_the_one_instead_or_none(tmp_path, accepted, instead, expected):
    csvs.write(tmp_path / "step.csv", decided(accepted, instead))
    table = candidates.chosen(csvs.read(tmp_path / "step.csv", candidates.TYPES))
    assert table.columns.tolist() == candidates.PLACE
    wanted = [(slot, file) for slot, file in zip(SLOTS, expected, strict=True) if file]
    assert list(zip(table["slot"], table["file_name"], strict=True)) == wanted, "in the order of the slots"
    assert table.index.tolist() == list(range(len(wanted))), "so that the next step can name its rows"


def test_a_replacement_is_of_the_group_and_the_set_of_the_image_that_takes_the_slot():
    table = decided([True, False, True, True], ["", "3", "", ""])
    table.loc[3, ["images", "iteration"]] = ["other.zip", 7]
    row = candidates.chosen(table).iloc[1]
    assert row[["slot", "file_name", "images", "iteration"]].tolist() == ["x-1.png", "y-0.png", "other.zip", 7]


def test_candidates_are_all_images_of_the_sets(tmp_path):
    images = np.zeros((2, 8, 8, 3), np.uint8)
    paths = [tmp_path / cell / "generated.zip" for cell in (BASE, BEFORE)]
    for path in paths:
        imageset.write(path, pd.DataFrame({"file_name": SLOTS[:2], "group": "x", "seed": 1}), images)
    table = candidates.of_sets(paths, tmp_path)
    assert table.columns.tolist() == candidates.PLACE
    assert table["slot"].tolist() == table["file_name"].tolist() == SLOTS[:2] * 2
    assert table["images"].tolist() == [f"{BASE}/generated.zip"] * 2 + [f"{BEFORE}/generated.zip"] * 2
    assert table[["origin", "iteration"]].to_numpy().tolist() == [["base", 0]] * 2 + [["a", 1]] * 2


@pytest.fixture
def results(tmp_path, images):
    """A results' folder with real images, those of the base model and those of one iteration."""
    slots = pd.DataFrame({"file_name": SLOTS, "group": list("xxxy"), "text": "a cat"})
    imageset.write(tmp_path / "dataset/images.zip", slots, images[4:])
    imageset.write(tmp_path / BASE / "generated.zip", slots, images[4:] // 2 + 60)
    imageset.write(tmp_path / BEFORE / "generated.zip", slots, images[:4])
    return tmp_path


def score(path: Path, results: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Score an image set by the distance to the real images, pixels as features."""
    monkeypatch.setattr(vae, "extractor", lambda _, __: lambda part: part.reshape(len(part), -1, 3).astype(float))
    output = path.with_name(f"{path.stem}-single_image_distance.csv")
    reward.main(
        images=path,
        kind="single_image_distance",
        settings=json.dumps({"features": {"network": "vae", "weights": "vae"}}),
        real=results / "dataset/images.zip",
        root=results,
        batch_size=2,
        output=output,
    )
    return output


def test_two_steps_run_one_after_the_other(results, images, monkeypatch):
    folder = results / CELL / "curation"
    matched, first, second = (
        folder / name for name in ("1-match_histograms.zip", "1-match_histograms.csv", "2-cull.csv")
    )
    curate.main(
        images=[results / BEFORE / "generated.zip"],
        step="match_histograms",
        settings=json.dumps({"bins": 16, "pseudo_count": 0.5, "candidates": "group"}),
        root=results,
        seed=0,
        real=results / "dataset/images.zip",
        output=first,
        rewritten=matched,
    )
    table = csvs.read(first, candidates.TYPES)
    assert table["accepted"].all()
    assert (table["images"] == f"{CELL}/curation/1-match_histograms.zip").all()
    assert table[["origin", "iteration"]].drop_duplicates().to_numpy().tolist() == [["a", 1]], "who made it stays"
    metadata, pixels = imageset.read(matched)
    assert metadata["file_name"].tolist() == SLOTS
    assert metadata["group"].tolist() == list("xxxy")
    assert metadata["matched_to"].isin(SLOTS).all()
    assert metadata["matched_to"].iloc[3] == "y-0.png", "the only real image of its group"
    assert (pixels != images[:4]).any()

    scores, base = score(matched, results, monkeypatch), score(results / BASE / "generated.zip", results, monkeypatch)
    curate.main(
        images=[matched],
        step="cull",
        settings=json.dumps({"on_reject": "replace"}),
        root=results,
        seed=0,
        before=first,
        rewards=[scores],
        first_batch=base,
        output=second,
    )
    table, measured = csvs.read(second, candidates.TYPES), csvs.read(scores, {"score": float})
    threshold = csvs.read(base, {"score": float})["score"].mean()
    assert table["score"].tolist() == measured["score"].tolist(), "of the images that the first step has written"
    assert table["threshold"].tolist() == pytest.approx([threshold] * 4)
    passing = table["score"] <= threshold
    assert (table["accepted"] | ~passing).all()
    assert not table["accepted"].all(), "else this test would say nothing of a rejected image"

    compose.main(
        real=results / "dataset/images.zip",
        regime="replace",
        settings="{}",
        root=results,
        share=1.0,
        rounding="total",
        draw=0,
        images=[matched],
        before=second,
        training=results / CELL / "training.csv",
        composition=results / CELL / "composition.csv",
    )
    training = csvs.read(results / CELL / "training.csv", composition.TYPES)
    chosen = candidates.chosen(table)
    assert training["slot"].tolist() == SLOTS
    assert training["file_name"].tolist() == chosen["file_name"].tolist()
    trained = imageset.read_rows(training, results)
    by_name = dict(zip(SLOTS, pixels, strict=True))
    assert all((image == by_name[file]).all() for image, file in zip(trained, training["file_name"], strict=True))


def test_a_step_that_rewrites_after_one_that_rejects_writes_each_image_once(results):
    """The slot of a rejected image takes another one's: two rows of the table, one file of the set."""
    generated = results / BEFORE / "generated.zip"
    table = candidates.decided(candidates.of_sets([generated], results), [True, False, True, True])
    folder = results / CELL / "curation"
    csvs.write(folder / "1-cull.csv", table.assign(instead=["", "0", "", ""]))
    curate.main(
        images=[generated],
        step="match_histograms",
        settings="{}",
        root=results,
        seed=0,
        before=folder / "1-cull.csv",
        real=results / "dataset/images.zip",
        output=folder / "2-match_histograms.csv",
        rewritten=folder / "2-match_histograms.zip",
    )
    metadata = imageset.read_metadata(folder / "2-match_histograms.zip")
    assert metadata["file_name"].tolist() == [SLOTS[0], SLOTS[2], SLOTS[3]]
    after = csvs.read(folder / "2-match_histograms.csv", candidates.TYPES)
    assert after["slot"].tolist() == SLOTS
    assert after["file_name"].tolist() == [SLOTS[0], SLOTS[0], SLOTS[2], SLOTS[3]]


def test_images_of_several_models_are_rewritten_into_one_set_and_train_in_their_own_slots(results, monkeypatch):
    """As under `accumulate`: each slot has an image of either model, of equal names."""
    sets = [results / cell / "generated.zip" for cell in (BASE, BEFORE)]
    folder = results / CELL / "curation"
    real = results / "dataset/images.zip"
    curate.main(
        images=sets,
        step="match_histograms",
        settings=json.dumps({"bins": 16, "pseudo_count": 0.5, "candidates": "group"}),
        root=results,
        seed=0,
        real=real,
        output=folder / "1-match_histograms.csv",
        rewritten=folder / "1-match_histograms.zip",
    )
    table = csvs.read(folder / "1-match_histograms.csv", candidates.TYPES)
    assert table["slot"].tolist() == SLOTS * 2
    assert table["file_name"].tolist() == [f"{cell}/generated/{slot}" for cell in (BASE, BEFORE) for slot in SLOTS]
    assert table[["origin", "iteration"]].to_numpy().tolist() == [["base", 0]] * 4 + [["a", 1]] * 4
    metadata = imageset.read_metadata(folder / "1-match_histograms.zip")
    assert metadata["slot"].tolist() == SLOTS * 2
    alone = imageset.read_rows(candidates.of_sets(sets, results), results)
    settings = match_histograms.Settings(bins=16, pseudo_count=0.5, candidates="group")
    inputs = candidates.Inputs(results, 0, real=real)
    expected = match_histograms.curate(candidates.of_sets(sets, results), settings, inputs).images
    assert (imageset.read_rows(table, results) == expected).all()
    assert (expected != alone).any()
    scores = csvs.read(score(folder / "1-match_histograms.zip", results, monkeypatch), {"score": float})
    pairs = zip(expected, imageset.read_images(real, SLOTS * 2), strict=True)
    flat = [(ours.reshape(1, -1, 3), theirs.reshape(1, -1, 3)) for ours, theirs in pairs]
    distances = [single_image_distances(*pair, lambda part: part.astype(float), 1)[0] for pair in flat]
    assert scores["score"].tolist() == pytest.approx(distances)

    compose.main(
        real=real,
        regime="accumulate",
        settings="{}",
        root=results,
        share=1.0,
        rounding="total",
        draw=0,
        images=[folder / "1-match_histograms.zip"],
        before=folder / "1-match_histograms.csv",
        training=results / CELL / "training.csv",
        composition=results / CELL / "composition.csv",
    )
    training = csvs.read(results / CELL / "training.csv", composition.TYPES)
    assert len(training) == 12
    assert training.groupby("slot").size().eq(3).all()
    assert len(imageset.read_rows(training, results)) == 12


def test_an_image_without_a_score_is_named(results, monkeypatch):
    generated = results / BEFORE / "generated.zip"
    scores = score(generated, results, monkeypatch)
    csvs.write(scores, csvs.read(scores)[:-1])
    with pytest.raises(ValueError, match=r"y-0\.png of a/seed-0/iteration-1/generated\.zip has no score"):
        curate.main(
            images=[generated],
            step="cull",
            settings="{}",
            root=results,
            seed=0,
            rewards=[scores],
            first_batch=scores,
            output=results / "step.csv",
        )


def test_a_training_set_without_any_image_is_an_error(results):
    generated = results / BEFORE / "generated.zip"
    csvs.write(results / "step.csv", candidates.decided(candidates.of_sets([generated], results), False))
    with pytest.raises(ValueError, match="no slot has an image"):
        compose.main(
            real=results / "dataset/images.zip",
            regime="replace",
            settings="{}",
            root=results,
            share=1.0,
            rounding="total",
            draw=0,
            images=[generated],
            before=results / "step.csv",
            training=results / "training.csv",
            composition=results / "composition.csv",
        )
    assert not (results / "training.csv").exists()
