"""Words that look like something else survive from the labels to the page: arms, values and prompts."""

import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from scripts import (
    build_explorer,
    catalogue,
    compose,
    costs,
    curate,
    draw_curves,
    generate,
    list_images,
    prepare,
    read_labels,
    select_images,
    summarize,
    tabulate,
    typeset,
    unseen_prompts,
)
from scripts.lib.base import csvs, imageset
from scripts.lib.curation import candidates
from scripts.lib.experiment.config.generate import Generate

ARMS = ["None", "NA", "nan", "null", "1", "1.0", "true", "culled"]
VALUES = ["007", "7", "True", "NA", "None", "1.0", "-1", "latino/hispanic", "<25 & 'old'", "a=b", "$5 $", "男性"]
PROMPTS = ["", "NA", "1234", "  ", "None", "1.0", "true"]
PER_VALUE = 2
EDGE = 16
ATTRIBUTES = {"kind": VALUES}
LOOKS = {
    name: {"synthetic": 1.0} | ({"curate": ["cull"], "shape": "square"} if name == "culled" else {}) for name in ARMS
}
NO_INTERVAL = {"low_images": None, "high_images": None}
CELLS = ["base/seed-0/iteration-0", *(f"{name}/seed-0/iteration-1" for name in ARMS)]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """The image sets and the table of prompts that the jobs make of a folder and its labels."""
    folder = tmp_path_factory.mktemp("dataset")
    (folder / "photos").mkdir()
    rows = []
    for number, value in enumerate(VALUES * 2 * PER_VALUE):
        image = np.random.default_rng(number).integers(0, 256, (EDGE, EDGE, 3)).astype(np.uint8)
        Image.fromarray(image).save(folder / f"photos/{number:03d}.png")
        rows.append(f'{number:03d}.png,"{value}"')
    (folder / "labels.csv").write_text("\n".join(["file_name,kind", *rows]) + "\n", encoding="utf-8")
    recipes = json.dumps({"kind": {"source": "csv", "path": str(folder / "labels.csv"), "column": "kind"}})
    files, labels, listed, selection = (folder / f"{name}.csv" for name in ("files", "labeled", "catalogue", "chosen"))
    list_images.main(folder=folder / "photos", output=files)
    read_labels.main(files=files, attributes=ATTRIBUTES, recipes=recipes, broken="error", output=labels)
    catalogue.main(source="folder", attributes=ATTRIBUTES, output=listed, labels=labels, recipes=recipes)
    select_images.main(
        catalogue=listed,
        attributes=ATTRIBUTES,
        prompt="{kind}",
        per_group=PER_VALUE,
        reference="disjoint",
        reference_per_group=PER_VALUE,
        short_group="error",
        seed=0,
        selection=selection,
        groups=folder / "groups.csv",
        excluded=folder / "excluded.csv",
        folder=folder / "photos",
    )
    prepare.main(
        selection=selection,
        groups=folder / "groups.csv",
        excluded=folder / "excluded.csv",
        short_group="error",
        source="folder",
        size=EDGE,
        seed=0,
        images=folder / "images.zip",
        reference=folder / "reference.zip",
        duplicates=folder / "near_duplicates.csv",
        folder=folder / "photos",
    )
    unseen_prompts.main(prompt=PROMPTS, per_prompt=1, output=folder / "unseen.csv")
    return folder


@pytest.fixture(scope="module")
def results(dataset, tmp_path_factory):
    """What the jobs make of the scores of an experiment whose arms have these names."""
    folder = tmp_path_factory.mktemp("results")
    (folder / "dataset").mkdir()
    shutil.copy(dataset / "images.zip", folder / "dataset/images.zip")
    table, images = imageset.read(dataset / "images.zip")
    prompts = csvs.read(dataset / "unseen.csv")
    groups = ["all", *(f"kind={value}" for value in VALUES)]
    for number, cell in enumerate(CELLS):
        place = folder / cell
        imageset.write(place / "generated.zip", table.assign(seed="0"), images)
        imageset.write(place / "unseen.zip", prompts, images[: len(prompts)])
        rows = [
            {"metric": metric, "features": "fid", "group": group, "n": 2, "value": number + 1 / 3} | NO_INTERVAL
            for metric in ("frechet_distance", "clip_score", "clip_score_std", "kernel_distance")
            for group in groups
        ]
        (place / "scores.json").write_text(json.dumps({"generated": rows, "absent": {}}))
        machine = {"gpus": 0, "device": "cpu", "node": "NA", "slurm_job": None}
        record = {"seconds": 3600.0, "peak_memory_mib": 1, "started": "", "machine": machine}
        (place / "finetune.json").write_text(json.dumps(record))
        step = place / "curation/1-cull.csv"
        generated = folder / CELLS[0] / "generated.zip"
        if cell.startswith("culled"):
            scores = table[["file_name"]].assign(
                images=f"{CELLS[0]}/generated.zip", score=np.arange(len(table)) + 1 / 3
            )
            csvs.write(folder / "rewards.csv", scores)
            curate.main(
                images=[generated],
                step="cull",
                settings=json.dumps({"on_reject": "drop", "shortfall": "drop"}),
                root=folder,
                seed=0,
                rewards=[folder / "rewards.csv"],
                first_batch=folder / "rewards.csv",
                output=step,
            )
        if number:
            compose.main(
                real=folder / "dataset/images.zip",
                regime="replace",
                settings="{}",
                root=folder,
                share=0.5,
                rounding="total",
                draw=0,
                images=[generated],
                before=step if step.is_file() else None,
                training=place / "training.csv",
                composition=place / "composition.csv",
            )
    paths = [folder / cell / "scores.json" for cell in CELLS]
    tabulate.main(
        scores=paths,
        floor=[paths[0]],
        output=folder / "scores.csv",
        means=folder / "means.csv",
        absent=folder / "absent.csv",
    )
    costs.main(records=[folder / cell / "finetune.json" for cell in CELLS[1:]], output=folder / "costs.csv")
    return folder


def test_values_and_prompts_survive_until_the_image_sets(dataset):
    table = imageset.read_metadata(dataset / "images.zip")
    assert table["kind"].tolist() == [value for value in VALUES for _ in range(PER_VALUE)]
    assert table["text"].tolist() == table["kind"].tolist()
    assert not table["file_name"].str.contains("/").any(), "a file name is no path"
    counted = csvs.read(dataset / "groups.csv", csvs.GROUPS)
    assert counted["kind"].tolist() == VALUES
    assert (counted["missing"] == 0).all()
    assert csvs.read(dataset / "unseen.csv")["text"].tolist() == PROMPTS


def test_a_model_gets_the_prompts_as_they_are(dataset, tmp_path, monkeypatch):
    asked = []

    def images(_, texts, *__, **___):
        asked.extend(texts)
        return np.zeros((len(texts), EDGE, EDGE, 3), np.uint8)

    monkeypatch.setattr(generate, "load_pipeline", lambda *_: None)
    monkeypatch.setattr(generate, "generate", images)
    (tmp_path / "model").mkdir()
    generate.main(
        model=tmp_path / "model",
        prompts=dataset / "unseen.csv",
        output=tmp_path / "unseen.zip",
        provenance=tmp_path / "unseen.json",
        kind="unseen",
        settings=Generate(mode="txt2img", steps=1, guidance_scale=1),
        seed=0,
        replicate=0,
        iteration=0,
    )
    assert asked == PROMPTS
    assert imageset.read_metadata(tmp_path / "unseen.zip")["text"].tolist() == PROMPTS


def test_no_arm_and_no_value_is_missing_from_a_table(results):
    for path, column in (
        (results / "scores.csv", "arm"),
        (results / "means.csv", "arm"),
        (results / "costs.csv", "arm"),
    ):
        assert set(csvs.read(path)[column]) - {"floor", "base"} == set(ARMS)
    scores = csvs.read(results / "scores.csv", csvs.SCORES)
    assert set(scores["group"]) == {"all", *(f"kind={value}" for value in VALUES)}
    assert set(scores["value"]) == {number + 1 / 3 for number in range(len(CELLS))}
    training = csvs.read(results / CELLS[1] / "training.csv")
    assert sorted(training["text"].unique()) == sorted(VALUES)
    culled = csvs.read(results / CELLS[-1] / "curation/1-cull.csv", candidates.TYPES)
    assert (culled["instead"] == "").all()
    dropped = set(culled.loc[~culled["accepted"], "slot"])
    assert dropped
    training = csvs.read(results / CELLS[-1] / "training.csv")
    assert set(training["origin"]) == {"real", "base"}
    assert not dropped & set(training.query("origin == 'base'")["slot"])


@pytest.mark.parametrize("table", ["cells", "costs", "composition"])
def test_no_arm_is_missing_from_a_page_of_the_report(results, table, tmp_path):
    sources = [results / ("scores.csv" if table == "cells" else "costs.csv")]
    if table == "composition":
        sources = [results / cell / "composition.csv" for cell in CELLS[1:]]
    typeset.main(sources=sources, table=table, output=tmp_path / "page.html")
    words = set(re.findall(r'<td class="word">([^<]*)</td>', (tmp_path / "page.html").read_text()))
    assert set(ARMS) <= words


def test_no_arm_is_missing_from_the_summary(results, tmp_path):
    one = {name: {**LOOKS[name], "synthetic": float(name == "NA")} for name in ("NA", "null")}
    summarize.main(scores=results / "scores.csv", arms=json.dumps(one), space="fid", output=tmp_path / "summary.txt")
    text = " ".join((tmp_path / "summary.txt").read_text().split())
    assert "NA has a Fréchet distance of 2.33" in text
    assert "null has a Fréchet distance of 4.33" in text


@pytest.mark.parametrize("figure", ["curves", "groups"])
def test_no_arm_and_no_value_is_missing_from_a_figure(results, figure, monkeypatch, tmp_path):
    drawn = []
    monkeypatch.setattr(draw_curves, "save", lambda figure, _: drawn.append(figure))
    draw_curves.main(
        figure=figure,
        scores=results / "scores.csv",
        arms=json.dumps(LOOKS),
        space="fid",
        network="CLIP",
        output=[tmp_path / "figure.png"],
    )
    lines = {line.get_label(): line.get_ydata()[-1] for line in drawn[0].axes[0].get_lines()}
    expected = {f"{name} (100 %)": number + 1 / 3 for number, name in enumerate(ARMS, start=1)}
    assert expected.items() <= lines.items()
    if figure == "groups":
        assert [axes.get_title().split("\n")[0] for axes in drawn[0].axes] == VALUES


def test_no_arm_value_or_prompt_is_missing_from_the_explorer(dataset, results, tmp_path):
    build_explorer.main(
        generated=[results / cell / "generated.zip" for cell in CELLS],
        unseen=[results / cell / "unseen.zip" for cell in CELLS],
        training=[results / cell / "training.csv" for cell in CELLS if (results / cell / "training.csv").exists()],
        real=[dataset / "images.zip"],
        scores=results / "scores.csv",
        arms=json.dumps(LOOKS),
        group=json.dumps({"kind": "latino/hispanic"}),
        experiment="odd",
        note="",
        images=2,
        thumbnail=8,
        rejections=[results / CELLS[-1] / "curation/1-cull.csv"],
        output=tmp_path / "explorer.html",
        full_size=2,
        full_size_folder=tmp_path / "explorer",
    )
    page = (tmp_path / "explorer.html").read_text(encoding="utf-8")
    (text,) = re.findall(r'id="facts">(.*?)</script>', page, re.DOTALL)
    facts = json.loads(text)
    assert list(facts["arms"]) == ARMS
    assert {row[0] for row in facts["scores"]} == {"floor", "base", *ARMS}
    assert [group["kind"] for group in facts["groups"].values()] == VALUES
    assert list(facts["slots"]["texts"].values()) == VALUES
    assert list(facts["prompts"]["texts"].values()) == PROMPTS
    assert facts["start"] in facts["groups"].values()
    written = list((tmp_path / "explorer/dataset/images").iterdir())
    assert len(written) == 2 * len(VALUES)
