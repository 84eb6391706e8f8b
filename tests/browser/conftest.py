"""A small experiment made up in the layout of a real one, its page, and a real browser to open it in."""

import json
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request, Route

from scripts import build_explorer
from scripts.lib.base import csvs, imageset
from scripts.lib.base.seeds import seed_of
from scripts.lib.curation import candidates
from scripts.lib.regimes import composition
from tests.browser.chromium import chromium

EDGE = 16
PER_GROUP = 8
GROUPS = [f"{gender}-{age}" for gender, age in product(("man", "woman"), ("young", "old"))]
ARMS: dict[str, dict[str, Any]] = {
    "real": {"synthetic": 0.0},
    "half": {"synthetic": 0.5},
    "all": {"synthetic": 1.0},
    "culled": {"synthetic": 1.0, "curate": ["cull"], "shape": "square"},
    "healed": {"synthetic": 0.0, "parent": "half", "from_iteration": 2},
}
LAST = {"real": 2, "half": 2, "all": 2, "culled": 2, "healed": 4}
CELLS = [("base", 0)] + [
    (arm, iteration)
    for arm, settings in ARMS.items()
    for iteration in range(settings.get("from_iteration", 0) + 1, LAST[arm] + 1)
]
REPLICATES = (0, 3)
METRICS = {"frechet_distance": 1.0, "clip_score": 60.0, "vendi_score": 8.0}
SPACE = {"frechet_distance": "fid", "clip_score": "", "vendi_score": "fid"}


def color(image_set: str, file: str) -> tuple[int, int, int]:
    """Return the one color of an image, so that a test can tell which image it sees."""
    rng = np.random.default_rng(seed_of(image_set, file))
    red, green, blue = rng.integers(30, 226, 3)
    return int(red), int(green), int(blue)


def score(arm: str, replicate: int, iteration: int, images: str, group: str, metric: str) -> float:
    """Return a made-up score that no other cell, group or metric has."""
    shift = np.random.default_rng(seed_of(arm, iteration, images, group)).random()
    return METRICS[metric] * (1 + shift) + 0.01 * replicate


class Experiment(NamedTuple):
    """Results made up for the page, and a function that builds it."""

    results: Path
    build: Callable[..., Path]


@pytest.fixture(scope="session")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    results = tmp_path_factory.mktemp("results") / "made-up"
    slots = pd.DataFrame(
        {"file_name": f"{group}-{number:04d}.png", "gender": group.split("-")[0], "age": group.split("-")[1]}
        | {"group": group, "text": f"a photo of a {group.replace('-', ' ')} person"}
        for group in GROUPS
        for number in range(PER_GROUP)
    )
    prompts = pd.DataFrame(
        {
            "file_name": f"prompt-{at}-{number:04d}.png",
            "group": f"prompt-{at}",
            "text": f"a photo of a {what} </script>",
        }
        for at, what in enumerate(("cat", "dog"))
        for number in range(2)
    )

    def write(name: str, table: pd.DataFrame) -> None:
        images = [np.full((EDGE, EDGE, 3), color(name, file), np.uint8) for file in table["file_name"]]
        imageset.write(results / f"{name}.zip", table, images)

    write("dataset/images", slots)
    rows = []
    for (arm, iteration), replicate in product(CELLS, REPLICATES):
        cell = f"{arm}/seed-{replicate}/iteration-{iteration}"
        write(f"{cell}/generated", slots)
        write(f"{cell}/unseen", prompts)
        cell_scores = [
            ("generated", group, metric) for group in ("all", "gender=man", "gender=woman") for metric in METRICS
        ]
        cell_scores += [("unseen", "all", "clip_score"), ("generated", "age=old", "clip_score")]
        for key in cell_scores:
            value = score(arm, replicate, iteration, *key)
            rows.append([arm, replicate, iteration, *key[:2], SPACE[key[2]], key[2], value, len(slots)])
        if arm != "base":
            training = _training(slots, ARMS[arm])
            training.to_csv(results / cell / "training.csv", index=False)
        if arm == "culled":
            judged = f"{'base' if iteration == 1 else arm}/seed-{replicate}/iteration-{iteration - 1}/generated.zip"
            csvs.write(results / cell / "curation/1-cull.csv", _culled(slots, judged))
    rows += [
        ["floor", 0, 0, "generated", "all", SPACE[metric], metric, value / 2, len(slots)]
        for metric, value in METRICS.items()
    ]
    columns = ["arm", "replicate", "iteration", "images", "group", "features", "metric", "value", "n"]
    scores = pd.DataFrame(rows, columns=columns).assign(low_images=None, high_images=None)
    scores.to_csv(results / "scores.csv", index=False)

    def build(output: Path, **settings: Any) -> Path:
        arguments: dict[str, Any] = {
            "generated": [
                results / f"{arm}/seed-{replicate}/iteration-{iteration}/generated.zip"
                for (arm, iteration), replicate in product(CELLS, REPLICATES)
            ],
            "unseen": [
                results / f"{arm}/seed-{replicate}/iteration-{iteration}/unseen.zip"
                for (arm, iteration), replicate in product(CELLS, REPLICATES)
            ],
            "training": sorted(results.glob("*/*/*/training.csv")),
            "rejections": sorted(results.glob("*/*/*/curation/1-cull.csv")),
            "real": [results / "dataset/images.zip"],
            "scores": results / "scores.csv",
            "arms": json.dumps(ARMS),
            "group": json.dumps({"gender": "woman", "age": "old"}),
            "experiment": "made-up",
            "note": "The images are single colors.",
            "images": PER_GROUP,
            "thumbnail": 64,
            "output": output,
        } | settings
        build_explorer.main(**arguments)
        return output

    return Experiment(results, build)


def _training(slots: pd.DataFrame, arm: dict[str, Any]) -> pd.DataFrame:
    """Return a training set whose first slots of each group are generated, after the cull where the arm has one."""
    rank = slots.groupby("group").cumcount()
    origin = np.where(rank < arm["synthetic"] * PER_GROUP, "base", "real")
    table = slots.assign(origin=origin, slot=slots["file_name"], images="", iteration=0)
    if arm.get("curate"):
        chosen = candidates.chosen(_culled(slots)).set_index("slot")["file_name"]
        table = table[table["slot"].isin(chosen.index)]
        table["file_name"] = table["slot"].map(chosen)
    return table[composition.COLUMNS]


def _culled(slots: pd.DataFrame, images: str = "") -> pd.DataFrame:
    """Return a cull that accepts the third image of each group, leaves the second out and replaces the others."""
    table = slots.assign(slot=slots["file_name"], images=images, origin="base", iteration=0)
    rank = slots.groupby("group").cumcount()
    scores = np.linspace(2, 1, len(slots)).round(3)
    table = candidates.decided(table, rank == 2, score=scores, threshold=0.75)
    third = pd.Series(slots.index, slots.index).where(rank == 2).groupby(slots["group"]).transform("first")
    return table.assign(instead=third.astype(int).astype(str).where(~rank.isin([1, 2]), ""))


@pytest.fixture(scope="session")
def page_file(experiment: Experiment) -> Path:
    return experiment.build(experiment.results / "explorer.html")


# Not for the session: while Playwright runs, no other test can start an event loop.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a file; in the end nothing may be logged, and nothing asked of the network."""
    logged: list[str] = []
    asked: list[str] = []
    contexts = []

    def route(request: Route) -> None:
        if request.request.url.startswith("file:"):
            request.continue_()
        else:
            asked.append(request.request.url)
            request.abort()

    def log(message: ConsoleMessage) -> None:
        logged.append(f"{message.type}: {message.text}")

    def fail(error: Error) -> None:
        logged.append(f"uncaught: {error}")

    def ask(request: Request) -> None:
        if not request.url.startswith(("file:", "data:")):
            asked.append(request.url)

    def open_(file: Path, *, width: int = 1280, height: int = 900, **options: Any) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(30_000)
        contexts.append(context)
        context.route("**/*", route)
        page = context.new_page()
        page.on("console", log)
        page.on("pageerror", fail)
        page.on("request", ask)
        page.goto(file.as_uri())
        page.wait_for_selector("body[data-ready]")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert logged == []
    assert asked == []
