"""Whose images train: the sources of an arm, their shares, and what is refused before any job."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from scripts import compose, read_source
from scripts.lib.base import csvs, imageset
from scripts.lib.base.kinds import kinds
from scripts.lib.experiment.arms import Arm, line_of, of
from scripts.lib.experiment.cell import Cell
from scripts.lib.experiment.config.describe import describe
from scripts.lib.experiment.config.load import ConfigurationError, load
from scripts.lib.planning.amounts import training_images
from scripts.lib.planning.image_sets import parts
from scripts.lib.planning.jobs import finetune_inputs, jobs
from scripts.lib.regimes import composition
from scripts.lib.regimes.composition import TYPES
from tests.unit.test_regimes import GROUPS, PER_GROUP, REAL, SLOTS, generated

FOLDER = {"share": 0.1, "path": "midjourney", "labels": "midjourney.csv"}


def sets(experiment, arm, iteration):
    """Return the sets of a cell and their parts, without seeds and endings."""
    found = parts(experiment, Cell(arm, 0, iteration))
    return {path.replace("seed-0/iteration-", "").removesuffix("/generated.zip"): part for path, part in found.items()}


def test_an_arm_that_says_nothing_trains_on_its_own_images(settings):
    experiment = load(settings | {"arms": {"a": {"iterations": 2}}})
    assert sets(experiment, "a", 1) == {"base/0": 1}
    assert sets(experiment, "a", 2) == {"a/1": 1}


def test_two_arms_feed_each_other(settings):
    settings["arms"] = {
        "a": {"iterations": 3, "sources": {"self": 0.6, "b": 0.4}},
        "b": {"iterations": 2, "sources": {"a": 1}},
    }
    experiment = load(settings)
    assert sets(experiment, "a", 1) == {"base/0": 1}
    assert sets(experiment, "a", 2) == {"a/1": 0.6, "b/1": 0.4}
    assert sets(experiment, "a", 3) == {"a/2": 0.6, "b/2": 0.4}
    assert sets(experiment, "b", 2) == {"a/1": 1}


def test_the_last_images_there_are_where_the_other_arm_has_ended_and_its_ancestors_before_it_begins(settings):
    settings["arms"] = {
        "root": {"iterations": 3},
        "child": {"parent": "root", "from_iteration": 2, "iterations": 1},
        "pupil": {"iterations": 6, "sources": {"child": {"share": 1, "iteration": "same"}}},
        "late": {"iterations": 6, "sources": {"child": 1}},
    }
    experiment = load(settings)
    read = {n: [*sets(experiment, "pupil", n)] for n in range(1, 7)}
    assert read == {1: ["root/1"], 2: ["root/2"], 3: ["child/3"], 4: ["child/3"], 5: ["child/3"], 6: ["child/3"]}
    assert [*sets(experiment, "late", 1)] == ["base/0"]
    assert [*sets(experiment, "late", 4)] == ["child/3"]


def test_jobs_come_in_an_order_also_where_an_arm_waits_for_another_in_the_same_iteration(settings):
    same = {"share": 1, "iteration": "same"}
    settings["arms"] = {
        "a": {"iterations": 2, "sources": {"b": same}},
        "b": {"iterations": 2, "sources": {"c": same}},
        "c": {"iterations": 2},
    }
    seen: set[str] = set()
    for job in jobs(load(settings)):
        assert set(job.needs) <= seen, job
        seen.add(job.output)


@pytest.mark.parametrize(
    ("regime", "expected"),
    [
        ("replace", {"a/2": 0.5, "b/2": 0.25, "base/0": 0.25}),
        ("accumulate", {"base/0": 1.0, "a/1": 0.5, "a/2": 0.5, "b/1": 0.25, "b/2": 0.25}),
    ],
)
def test_a_regime_chooses_among_the_sets_of_each_source(settings, regime, expected):
    mixed = {"iterations": 3, "regime": regime, "sources": {"self": 0.5, "b": 0.25, "base": 0.25}}
    experiment = load(settings | {"arms": {"a": mixed, "b": {"iterations": 3}}})
    assert sets(experiment, "a", 3) == expected
    sizes = {"replace": 120, "accumulate": 120 + 120 * (0.5 * 3 + 0.25 * 3 + 0.25)}
    assert training_images(experiment, Cell("a", 0, 3)) == sizes[regime]


def test_a_folder_is_read_once_and_by_no_cell(settings):
    settings["arms"] = {name: {"sources": {"self": 0.9, "midjourney": FOLDER}, "curate": ["cull"]} for name in "ab"}
    experiment = load(settings)
    images = finetune_inputs(experiment, Cell("b", 0, 1))["images"]
    assert images == ["dataset/images.zip", "base/seed-0/iteration-0/generated.zip", "dataset/sources/midjourney.zip"]
    assert not any("midjourney" in need for job in jobs(experiment) for need in job.needs)


def test_sources_come_and_go_as_they_were_written(settings):
    settings["arms"] = {"a": {"sources": {"self": 0.9, "midjourney": FOLDER}}, "b": {}}
    experiment = load(settings)
    assert load(experiment.model_dump(exclude_unset=True)) == experiment
    rows = {row["key"]: row["value"] for row in describe(experiment)}
    assert rows["arms.a"] == "synthetic: 1.0; iterations: 5; sources: 90 % self, 10 % midjourney"
    assert "sources" not in rows["arms.b"]


SAME = {"share": 1, "iteration": "same"}


@pytest.mark.parametrize(
    ("arms", "message"),
    [
        ({"a": {"sources": {"self": 0.5, "base": 0.4}}}, r"arms\.a\.sources: the shares must add to 1, .* add to 0\.9"),
        ({"a": {"sources": {}}}, r"arms\.a\.sources: the shares must add to 1"),
        ({"a": {"sources": {"self": 1, "base": 0}}}, r"arms\.a\.sources\.base\.share: .*greater than 0"),
        ({"a": {"sources": {"c": 1}}}, r"arms\.a\.sources\.c: there is no such arm; one of \['self', 'base'\]"),
        ({"a": {"sources": {"a": 1}}}, r"arms\.a\.sources\.a: an arm's own images are `self`"),
        ({"a": {"sources": {"self": SAME}}}, r"arms\.a\.sources\.self: an arm's own images are `self`"),
        (
            {"a": {"sources": {"m": {"share": 1, "path": "m"}}}},
            r"arms\.a\.sources\.m\.labels: missing; the folder's images need labels",
        ),
        ({"a": {"sources": {"m": {"share": 1, "labels": "m.csv"}}}}, r"arms\.a\.sources\.m\.labels: goes with `path`"),
        ({"a": {"sources": {"m": FOLDER | SAME}}}, r"arms\.a\.sources\.m\.iteration: a folder has no iterations"),
        ({"a": {"sources": {"b": FOLDER | {"share": 1}}}, "b": {}}, r"arms\.a\.sources\.b: a folder of images needs a"),
        (
            {
                "a": {"sources": {"m": FOLDER | {"share": 1}}},
                "b": {"sources": {"m": FOLDER | {"share": 1, "path": "n"}}},
            },
            r"arms\.b\.sources\.m: another arm has another folder of this name",
        ),
        (
            {"a": {"sources": {"b": SAME}}, "b": {"sources": {"a": SAME}}},
            r"arms\.[ab]\.sources: ([ab]) feeds itself in iteration 1, [ab] ← [ab] ← [ab]; .*iteration: previous",
        ),
        (
            {
                "a": {"sources": {"b": SAME}},
                "b": {"sources": {"c": SAME}},
                "c": {"sources": {"self": 0.5, "a": SAME | {"share": 0.5}}},
            },
            r"feeds itself in iteration 1",
        ),
        (
            {
                "a": {"iterations": 3, "sources": {"b": SAME}},
                "b": {"parent": "a", "from_iteration": 2, "iterations": 1},
            },
            r"arms\.a\.sources: a feeds itself in iteration 1, a ← a",
        ),
        (
            {"a": {"sources": {"self": 0.5, "base": 0.5}, "curate": ["match_histograms"]}},
            r"arms\.a\.curate: `match_histograms` rewrites images into one set, .*\['self', 'base'\]",
        ),
    ],
)
def test_wrong_sources_are_refused_with_the_key_and_the_fix(settings, arms, message):
    with pytest.raises(ConfigurationError, match=message):
        load(settings | {"arms": arms})


def test_arms_may_read_each_other_where_one_of_them_reads_the_iteration_before(settings):
    load(settings | {"arms": {"a": {"sources": {"b": SAME}}, "b": {"sources": {"a": 1}}}})
    load(settings | {"arms": {"a": {"sources": {"b": SAME}}, "b": {"synthetic": 0, "sources": {"a": SAME}}}})


def composed(regime, shares, *, share=1.0, draw=5, iteration=3):
    """Return the training set of arm a; its sources are sets of iteration 2, and of the base model."""
    cells = {Cell(name, 0, 0 if name == "base" else iteration - 1): part for name, part in shares.items()}
    table = generated(cells)
    table["part"] = table["images"].map({f"{cell}/generated.zip": part for cell, part in cells.items()})
    kind = kinds("regimes")[regime]
    return kind.training_set(REAL, table, kind.Settings(), share=share, rounding="total", draw=draw)


SHARES = [{"a": 0.5, "b": 0.5}, {"a": 0.3, "b": 0.3, "base": 0.4}, {"a": 0.9, "base": 0.1}, {"a": 1 / 3, "b": 2 / 3}]


@pytest.mark.parametrize("share", [1.0, 0.5, 0.25])
@pytest.mark.parametrize("shares", SHARES)
@pytest.mark.parametrize("regime", ["replace", "augment"])
def test_each_source_has_its_share_in_all_and_in_each_group(regime, shares, share):
    table = composed(regime, shares, share=share)
    made = table[table["iteration"] > 0] if "base" not in shares else table[table["origin"] != "real"]
    wanted = composition.nearest(share * SLOTS)
    exact = [wanted * part for part in shares.values()]
    found = [(made["origin"] == name).sum() for name in shares]
    assert sum(found) == wanted if regime == "replace" else abs(sum(found) - wanted) <= 1
    assert all(abs(number - size) <= 1 for number, size in zip(found, exact, strict=True))
    by_group = pd.crosstab(made["group"], made["origin"])
    spread = by_group.max() - by_group.min()
    assert (spread <= 2).all(), by_group
    assert not table.duplicated(["slot", "origin"]).any()
    if regime == "replace":
        assert table["slot"].tolist() == REAL["file_name"].tolist(), "every slot has one image, in its order"
    else:
        assert len(table) == SLOTS + sum(found)


def test_the_slots_of_a_source_depend_on_the_draw_and_all_are_drawn_alike():
    half = {"a": 0.5, "b": 0.5}
    first, again, other = (composed("replace", half, draw=draw) for draw in (1, 1, 2))
    assert first.equals(again)
    assert not first.equals(other)
    often = sum((composed("replace", half, draw=draw)["origin"] == "a").to_numpy() for draw in range(40)) / 40
    assert (abs(often - 0.5) < 4 * 0.5 / 40**0.5).all()


def test_a_slot_has_one_image_also_where_another_one_takes_the_place_of_a_rejected_one():
    cells = {Cell("a", 0, 2): 0.5, Cell("b", 0, 2): 0.5}
    table = generated(cells).assign(part=0.5)
    rejected = table["origin"] == "b"
    instead = table[~rejected].groupby("group")[["images", "file_name", "origin"]].transform("first")
    table.loc[rejected, ["images", "file_name", "origin"]] = instead.to_numpy()
    trained = composition.mix(REAL, table, share=1.0, rounding="total", draw=1)
    assert trained["slot"].tolist() == REAL["file_name"].tolist()
    assert (trained["file_name"] == trained["slot"]).sum() >= SLOTS // 2
    dropped = composition.mix(REAL, table[~rejected].reset_index(drop=True), share=1.0, rounding="total", draw=1)
    assert set(dropped["origin"]) == {"a"}


def test_composition_counts_each_origin():
    table = composed("replace", {"a": 0.5, "base": 0.5})
    counted = composition.composition_of(REAL, table, by_origin=True)
    assert list(counted) == ["group", "real", "generated", "from a", "from base"]
    assert (counted["from a"] + counted["from base"] == PER_GROUP).all()
    assert list(composition.composition_of(REAL, table)) == ["group", "real", "generated"]


@pytest.fixture
def pictures(tmp_path):
    """A folder of eight labeled images of each group, and their table."""
    rows = []
    for number, group in enumerate(GROUPS):
        for index in range(8):
            name = f"deep/{number}-{index}.png"
            (tmp_path / "midjourney/deep").mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (20, 12), (10 * number, 5 * index, 0)).save(tmp_path / "midjourney" / name)
            gender, age = group.split("-")
            rows.append({"file_name": name, "gender": gender, "age": age})
    csvs.write(tmp_path / "midjourney.csv", pd.DataFrame(rows))
    return tmp_path


def read(folder, per_group, **changes):
    read_source.main(
        **{
            "folder": folder / "midjourney",
            "labels": folder / "midjourney.csv",
            "attributes": {"gender": ["man", "woman"], "age": ["old", "young"]},
            "prompt": "a {age} {gender}",
            "per_group": per_group,
            "short_group": "fewer",
            "broken": "error",
            "size": 8,
            "seed": 0,
            "output": folder / "results/dataset/sources/midjourney.zip",
        }
        | changes
    )


def test_a_folder_gives_each_slot_an_image_of_its_group_and_a_training_set_its_origin(pictures):
    (pictures / "midjourney.csv").open("a").write("deep/w.png,woman,young\n")
    Image.new("RGB", (8, 8), (1, 2, 3)).save(pictures / "midjourney/deep/w.png")
    read(pictures, PER_GROUP)
    root = pictures / "results"
    found = imageset.read_metadata(root / "dataset/sources/midjourney.zip")
    assert set(REAL["file_name"]) < set(found["file_name"])
    assert found["source"].is_unique
    slots = REAL.assign(text="x")
    blank = [Image.new("RGB", (8, 8))] * len(slots)
    imageset.write(root / "dataset/images.zip", slots, map(np.asarray, blank))
    before = root / "a/seed-0/iteration-1/generated.zip"
    imageset.write(before, slots, map(np.asarray, blank))
    compose.main(
        real=root / "dataset/images.zip",
        regime="replace",
        settings="{}",
        root=root,
        images=[before, root / "dataset/sources/midjourney.zip"],
        parts='{"a/seed-0/iteration-1/generated.zip": 0.9, "dataset/sources/midjourney.zip": 0.1}',
        share=1.0,
        rounding="total",
        draw=1,
        training=root / "training.csv",
        composition=root / "composition.csv",
    )
    training = csvs.read(root / "training.csv", TYPES)
    assert training.groupby("origin").size().to_dict() == {"a": 19, "midjourney": 2}
    foreign = training[training["origin"] == "midjourney"]
    assert (foreign["iteration"] == 0).all()
    assert (foreign["group"] == foreign["slot"].str[:-9]).all()


def test_a_folder_with_too_few_images_of_a_group_is_refused_with_its_name(pictures):
    with pytest.raises(ValueError, match=r"midjourney: group man-old: 8 images found, 1 more wanted"):
        read(pictures, 9, short_group="error")
    with pytest.raises(ValueError, match=r"group woman-young: 0 images found"):
        read(pictures, 8)


def test_an_arm_with_other_sources_does_not_differ_by_its_share_alone(settings):
    settings["arms"] = {name: {"synthetic": 1} for name in "ab"} | {
        "c": {"sources": {"base": 1}},
        "d": {"synthetic": 0},
    }
    found = of(load(settings))
    assert [name for name, arm in found.items() if arm.plain] == ["a", "b", "d"]
    assert line_of({"a": Arm(1), "b": Arm(1, parent="a", from_iteration=1)}, "b") == {"a", "b", "base"}
