"""The page on which one walks through an experiment: its facts, and how they become one file.

The page is a template (``report/explorer``) with everything inlined: Vega and its companions, the
facts as JSON, and each image set as sheets of thumbnails, one sheet per group, which the browser
decodes when it shows them. The template's script only shows what the facts say.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import vl_convert

from scripts.lib.base.code import ROOT
from scripts.lib.experiment.arms import Arm
from scripts.lib.experiment.cell import FLOOR, Cell, replicate_of
from scripts.lib.figures import pages
from scripts.lib.figures.chart import Style, chart

TEMPLATE = ROOT / "report" / "explorer"


def real_set(path: Path) -> str:
    """Return the name of a set of real images in the page."""
    own = path.parent.name
    return f"dataset/{own}/{path.stem}" if own.startswith("seed-") else f"dataset/{path.stem}"


def real_sets(paths: Iterable[Path], replicates: Iterable[int]) -> dict[int, str]:
    """Return the name of each replicate's real images; all may share one set."""
    own = {replicate_of(path): real_set(path) for path in paths}
    shared = next(iter(own.values()))
    return {replicate: own.get(replicate, shared) for replicate in replicates}


def scores_of(scores: pd.DataFrame, arms: Iterable[str]) -> list[list[Any]]:
    """Return the scores of arms and base models and of the real images as rows of six significant digits.

    Columns: ``arm, replicate, iteration, images, group, features, metric, value``.
    """
    shown = scores[scores["arm"].isin([*arms, FLOOR])]
    columns = ["arm", "replicate", "iteration", "images", "group", "features", "metric"]
    rows = shown[columns].to_numpy().tolist()
    return [[*row, float(f"{value:.6g}")] for row, value in zip(rows, shown["value"], strict=True)]


def lifetimes(cells: Iterable[Cell]) -> dict[str, tuple[int, int]]:
    """Return the first and the last iteration of each arm."""
    table = pd.DataFrame(list(cells)).groupby("arm")["iteration"].agg(["min", "max"])
    return {str(name): (int(first), int(last)) for name, first, last in table.itertuples()}


def facts_of_arms(
    arms: Mapping[str, Arm], styles: Mapping[str, Style], cells: Sequence[Cell], real: Iterable[Path]
) -> dict[str, Any]:
    """Return the page's ``arms``, its ``replicates``, and the set of ``real`` images of each replicate.

    Args:
        arms: by name, in the order of the page.
        styles: how each is drawn.
        cells: all of them, those of base models too.
        real: the sets of real images.
    """
    lives, replicates = lifetimes(cells), sorted({cell.replicate for cell in cells})
    described = {
        name: arm._asdict()
        | {"first": lives[name][0], "last": lives[name][1], "sign": styles[name].sign, "number": number}
        for number, (name, arm) in enumerate(arms.items())
    }
    return {"arms": described, "replicates": replicates, "real": real_sets(real, replicates)}


def facts_of_groups(metadata: pd.DataFrame, attributes: Sequence[str]) -> dict[str, Any]:
    """Return the page's ``attributes``, and its ``groups`` with their values, from the table of the real images."""
    rows = metadata.drop_duplicates("group").to_dict("records")
    groups = {row["group"]: {name: row[name] for name in attributes} for row in rows}
    return {"attributes": list(attributes), "groups": groups}


def render(facts: Mapping[str, Any], arms: Mapping[str, Style], sets: Iterable[tuple[str, Mapping[str, str]]]) -> str:
    """Return the page.

    Args:
        facts: what the page says; JSON.
        arms: how each arm is drawn.
        sets: name and sheets of every image set.
    """
    return pages.render(
        TEMPLATE / "page.html",
        style=(TEMPLATE / "style.css").read_text(encoding="utf-8"),
        script=(TEMPLATE / "explorer.js").read_text(encoding="utf-8"),
        vega=vl_convert.javascript_bundle(),  # type: ignore[call-arg]  # its stub calls `snippet` required
        chart=_json(chart(arms, facts["bases"])),
        facts=_json(facts),
        experiment=facts["experiment"],
        colors=[(style.light, style.dark) for style in arms.values()],
        edge=facts["edge"],
        sets=((name, _json(content)) for name, content in sets),
    )


def _json(content: Any) -> str:
    """Return compact JSON that cannot end the script element around it."""
    return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", r"\u003c")
