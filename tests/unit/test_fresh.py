"""Fresh real images: nothing real is used twice, and what is missing is named."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from scripts import compose, read_fresh, select_fresh
from scripts.lib.base import csvs, imageset
from scripts.lib.dataset.catalogue import catalogue_avatars
from scripts.lib.dataset.fresh import avatar_sets, draw_sets
from scripts.lib.dataset.selection import select
from scripts.lib.experiment.cell import Cell
from scripts.lib.experiment.config.load import ConfigurationError, load
from scripts.lib.planning.image_sets import fresh_sets
from scripts.lib.planning.jobs import compose_inputs, finetune_inputs, jobs

ATTRIBUTES = {"gender": ["man", "woman"], "age": ["young", "old"]}
PER_GROUP, REFERENCE = 3, 2


def selected(each, reference="disjoint", defect=lambda _: ""):
    catalogue = catalogue_avatars(ATTRIBUTES, ATTRIBUTES, each)
    sizes = {"per_group": PER_GROUP, "reference_per_group": REFERENCE, "reference": reference}
    chosen, *_ = select(catalogue, ATTRIBUTES, "a {age} {gender}", short_group="error", seed=5, defect=defect, **sizes)
    return catalogue, chosen


@pytest.mark.parametrize("reference", ["disjoint", "matched"])
def test_nothing_real_is_used_twice(reference):
    faulty = {"man-old-0000.png", "man-old-0007.png", "woman-young-0003.png"}

    def defect(name):
        return "torn" * (name in faulty)

    catalogue, chosen = selected(20, reference, defect)
    table = draw_sets(catalogue, chosen, 4, seed=5, defect=defect)
    sets = [part for _, part in table.groupby("number")]
    images = chosen[chosen["role"] == "images"]
    used = [set(part["source"]) for part in [images, *sets]]
    assert all(len(part) == 4 * PER_GROUP for part in used)
    assert not any(one & other for one, other in combinations(used, 2))
    compared = set(chosen.loc[chosen["role"] == "reference", "source"])
    assert not any(compared & part for part in used[1:])
    assert not faulty & set.union(*used)
    for part in sets:
        assert part[["file_name", "group", "text"]].equals(images[["file_name", "group", "text"]])
        assert set(part) == {*images, "number"} - {"role"}
        assert (part["source"].str[:-9] == part["group"]).all()


def test_a_set_does_not_depend_on_those_after_it():
    catalogue, chosen = selected(20)
    few, many = (draw_sets(catalogue, chosen, sets, seed=5) for sets in (2, 5))
    assert few.equals(many.head(len(few)))


@pytest.mark.parametrize("reference", ["disjoint", "matched"])
def test_avatars_have_no_image_twice_and_a_longer_arm_has_the_sets_of_a_shorter_one(reference):
    catalogue, chosen = selected(PER_GROUP + REFERENCE, reference)

    def sets(number):
        further = catalogue_avatars(ATTRIBUTES, ATTRIBUTES, PER_GROUP + REFERENCE + number * PER_GROUP)
        return avatar_sets(catalogue, further, chosen, number)

    few, many = sets(2), sets(5)
    assert few.equals(many.head(len(few)))
    assert many["source"].is_unique
    assert not set(many["source"]) & set(chosen["source"])
    assert (many.groupby(["number", "group"]).size() == PER_GROUP).all()
    assert (many["source"].str[:-9] == many["group"]).all()


def test_every_group_that_is_short_is_named_before_the_first_set():
    catalogue, chosen = selected(PER_GROUP * 3 + REFERENCE)
    draw_sets(catalogue, chosen, 2, seed=5)
    lacks = catalogue[~catalogue["file_name"].isin(["man-old-0000.png", "woman-old-0001.png"])]
    left = lacks[~lacks["file_name"].isin(chosen["source"])].groupby("group").size()
    short = [group for group, number in left.items() if number < 2 * PER_GROUP]
    with pytest.raises(ValueError, match=r"\(4 iterations need 3 further sets\)") as error:
        draw_sets(lacks, chosen, 3, seed=5)
    assert all(
        f"group {group}: {left[group]} further images found, {9 - left[group]} more" in str(error.value)
        for group in left.index
    )
    if short:
        with pytest.raises(ValueError, match=rf"group {short[0]}: \d further images found, 1 more wanted; add images"):
            draw_sets(lacks, chosen, 2, seed=5)


def test_an_arm_trains_on_a_new_set_from_its_second_iteration_on(settings):
    settings["arms"] = {
        "fixed": {"iterations": 3},
        "fresh": {"iterations": 3, "real": "fresh", "synthetic": 0.5},
        "child": {"parent": "fresh", "from_iteration": 2, "iterations": 2, "real": "fresh", "synthetic": 0},
    }
    experiment = load(settings)
    assert fresh_sets(experiment) == 3

    def real(arm, iteration):
        cell = Cell(arm, 0, iteration)
        (composed,) = compose_inputs(experiment, cell)["real"]
        assert finetune_inputs(experiment, cell)["images"][0] == composed
        return composed

    assert [real("fixed", n) for n in (1, 2, 3)] == ["dataset/images.zip"] * 3
    assert [real("fresh", n) for n in (1, 2, 3)] == ["dataset/images.zip", "dataset/fresh/1.zip", "dataset/fresh/2.zip"]
    assert [real("child", n) for n in (3, 4)] == ["dataset/fresh/2.zip", "dataset/fresh/3.zip"]
    assert not any("fresh/" in need and "dataset" in need for job in jobs(experiment) for need in job.needs)
    assert fresh_sets(load(settings | {"arms": {"fixed": {}}})) == 0


@pytest.mark.parametrize("short_group", ["fewer", "duplicate"])
def test_fresh_images_and_groups_that_run_short_are_refused(settings, short_group):
    settings["dataset"]["short_group"] = short_group
    load(settings)
    with pytest.raises(
        ConfigurationError, match=rf"arms\.a\.real: .* set `dataset\.short_group` to error .*{short_group}"
    ):
        load(settings | {"arms": {"a": {"real": "fresh"}}})


def test_fresh_avatars_are_drawn_and_a_training_set_names_them(tmp_path):
    attributes = {"gender": ["man"], "tone": ["dark"], "age": ["old"]}
    catalogue = catalogue_avatars(attributes, attributes | {"gender": ["man", "woman"]}, 5)
    chosen, *_ = select(
        catalogue,
        attributes,
        "{gender}",
        per_group=2,
        reference="disjoint",
        reference_per_group=3,
        short_group="error",
        seed=0,
    )
    csvs.write(tmp_path / "catalogue.csv", catalogue)
    csvs.write(tmp_path / "selection.csv", chosen)
    select_fresh.main(
        catalogue=tmp_path / "catalogue.csv",
        selection=tmp_path / "selection.csv",
        attributes=attributes,
        sets=2,
        source="avatars",
        seed=0,
        output=tmp_path / "fresh.csv",
    )
    drawn = []
    for number in (1, 2):
        output = tmp_path / f"dataset/fresh/{number}.zip"
        read_fresh.main(table=tmp_path / "fresh.csv", number=number, source="avatars", size=16, seed=0, output=output)
        drawn.append(imageset.read(output))
    assert "number" not in drawn[0][0]
    assert not np.array_equal(drawn[0][1], drawn[1][1])
    sources = pd.concat([table["source"] for table, _ in drawn])
    assert sources.is_unique
    assert not set(sources) & set(chosen["source"])
    compose.main(
        real=tmp_path / "dataset/fresh/2.zip",
        regime="replace",
        settings="{}",
        root=tmp_path,
        share=0.0,
        rounding="total",
        draw=1,
        training=tmp_path / "training.csv",
        composition=tmp_path / "composition.csv",
    )
    training = csvs.read(tmp_path / "training.csv")
    assert training["images"].tolist() == ["dataset/fresh/2.zip"] * 2
    assert training["origin"].tolist() == ["real"] * 2
