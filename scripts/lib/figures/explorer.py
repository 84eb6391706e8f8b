"""The page on which one walks through an experiment: its facts, its chart, its images, and how they become one file.

The page is a template (``report/explorer``) with everything inlined: Vega and its companions, the
facts as JSON, and each image set as sheets of thumbnails, one sheet a group, which the browser
decodes when it shows them. The template's script only shows what the facts say.
"""

import base64
import io
import json
import math
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import altair as alt
import jinja2
import numpy as np
import pandas as pd
import vl_convert
from PIL import Image

from scripts.lib.base import imageset
from scripts.lib.base.atomic import replacing
from scripts.lib.base.code import ROOT
from scripts.lib.experiment.arms import Arm
from scripts.lib.experiment.cell import BASE, FLOOR, Cell
from scripts.lib.figures.shapes import PLAIN, SHAPES

TEMPLATE = ROOT / "report" / "explorer"
REAL = "dataset/images"

# AVIF keeps the colors at full resolution, which images of a few dozen pixels need and WebP halves: of the miniature's
# images it keeps 37 dB in 330 bytes each, WebP 33 dB in 310.
AVIF: dict[str, Any] = {"format": "AVIF", "quality": 85, "subsampling": "4:4:4", "speed": 8, "max_threads": 1}

# Matplotlib's plasma at eight even steps. Each theme uses the part that stands out from its background.
PLASMA = ["#0d0887", "#5302a3", "#8b0aa5", "#b83289", "#db5c68", "#f48849", "#febd2a", "#f0f921"]
LIGHT, DARK = (0.48, 0.0), (0.56, 0.97)  # from the smallest share of generated images to the largest, contrast over 4.5

DASHES = [[8, 3, 2, 3], [3, 6], [1, 2]]  # of the second and further arms of one sign


class Style(NamedTuple):
    """How an arm is drawn: colors in the light and the dark theme, shape and sign, dashes, filled or open."""

    light: str
    dark: str
    shape: str
    sign: str
    dash: list[int]
    filled: bool


def styles(arms: Mapping[str, Arm]) -> dict[str, Style]:
    """Return how each arm is drawn: the farther from the background, the larger its share of generated images."""
    shares = sorted({arm.synthetic for arm in arms.values()})
    result: dict[str, Style] = {}
    for name, arm in arms.items():
        rank = shares.index(arm.synthetic)
        light, dark = (_plasma(np.interp(rank, (0, max(len(shares) - 1, 1)), ends)) for ends in (LIGHT, DARK))
        shape = arm.shape or PLAIN[rank % len(PLAIN)]
        dash = list(SHAPES[shape].dash)
        filled = arm.parent is None
        if alike := sum((style.shape, style.filled) == (shape, filled) for style in result.values()):
            dash = DASHES[(alike - 1) % len(DASHES)]
        # The last character asks browsers for the sign as text: some draw triangles as emoji.
        result[name] = Style(light, dark, shape, SHAPES[shape].signs[not filled] + "\ufe0e", dash, filled)
    return result


def _plasma(position: float) -> str:
    channels = np.array([[int(color[at : at + 2], 16) for at in (1, 3, 5)] for color in PLASMA]).T
    steps = np.linspace(0, 1, len(PLASMA))
    return "#" + "".join(f"{round(float(np.interp(position, steps, channel))):02x}" for channel in channels)


def chart(arms: Mapping[str, Style]) -> dict[str, Any]:
    """Return the Vega-Lite specification of the curves.

    The page gives it its data set ``scores`` (``arm``, ``replicate``, ``iteration``, ``value``, and
    ``start`` for a line's first point, which is another arm's) and sets its parameters ``arm`` and
    ``iteration`` (the chosen cell) and ``zero`` (of the axis). ``pointed`` and ``clicked`` say which
    cell the pointer is at. Colors are variables of the page's style, so that they follow its theme.
    """
    names = [*arms, BASE]
    color = alt.Scale(domain=names, range=[f"var(--arm-{number})" for number in range(len(arms))] + ["currentColor"])
    fills = [f"var(--arm-{number})" if style.filled else "var(--paper)" for number, style in enumerate(arms.values())]
    fill = alt.Scale(domain=names, range=[*fills, "currentColor"])
    shape = alt.Scale(domain=names, range=[*(style.shape for style in arms.values()), "circle"])
    dash = alt.Scale(domain=names, range=[*(style.dash for style in arms.values()), [1, 0]])

    arm, iteration = alt.param("arm", value=""), alt.param("iteration", value=0)
    zero = alt.param("zero", value=True)
    pointed, clicked = (
        alt.selection_point(name=name, fields=["arm", "iteration"], on=on, clear=clear, nearest=True, empty=False)
        for name, on, clear in (("pointed", "pointerover", "pointerout"), ("clicked", "click", False))
    )
    chosen = "datum.arm === arm && datum.iteration === iteration"

    whole_number = "datum.value % 1 ? '' : datum.label"  # tickMinStep alone still labels the half of 0 to 1
    scores = alt.Chart(alt.NamedData("scores")).encode(
        x=alt.X("iteration:Q", title="iteration", axis=alt.Axis(labelExpr=whole_number, tickMinStep=1, grid=False)),
        y=alt.Y("value:Q", title=None, scale=alt.Scale(zero=alt.expr("zero"))),
    )
    floor = scores.transform_filter("datum.arm === 'floor'").encode(x=alt.value(0))
    rule = floor.mark_rule(strokeDash=[6, 4], stroke="currentColor", opacity=0.6).encode(x2=alt.value("width"))
    text = floor.mark_text(align="right", dy=-7, dx=-2, fill="currentColor", opacity=0.8).encode(
        x=alt.value("width"), text=alt.value("real images")
    )
    lines = (
        scores.transform_filter("datum.arm !== 'floor'")
        .mark_line(strokeWidth=2)
        .encode(
            y="mean(value):Q",
            color=alt.Color("arm:N", scale=color, legend=None),
            strokeDash=alt.StrokeDash("arm:N", scale=dash, legend=None),
            strokeOpacity=alt.condition("datum.arm === arm || arm === ''", alt.value(1), alt.value(0.75)),
        )
    )
    cells = scores.transform_filter("datum.arm !== 'floor' && !datum.start")
    ring = cells.mark_point(size=330, strokeWidth=1.5, stroke="currentColor", shape="circle").encode(
        opacity=alt.condition(chosen, alt.value(1), alt.value(0))
    )
    points = (
        cells.mark_point(strokeWidth=1.6, opacity=1)
        .encode(
            stroke=alt.Stroke("arm:N", scale=color, legend=None),
            fill=alt.Fill("arm:N", scale=fill, legend=None),
            shape=alt.Shape("arm:N", scale=shape, legend=None),
            size=alt.condition(pointed, alt.value(150), alt.value(70)),
        )
        .add_params(pointed, clicked)
    )
    whole = (
        alt.layer(rule, text, lines, ring, points)
        .add_params(arm, iteration, zero)
        .resolve_scale(color="independent", fill="independent", stroke="independent")
        .properties(width="container", height=340, background="transparent")
        .configure(font="system-ui, sans-serif", autosize=alt.AutoSizeParams(type="fit-x", contains="padding"))
        .configure_view(stroke=None, cursor="pointer")
        .configure_axis(
            labelColor="currentColor",
            titleColor="currentColor",
            titleFontWeight="normal",
            labelFontSize=12,
            titleFontSize=12,
            domainColor="currentColor",
            tickColor="currentColor",
            domainOpacity=0.4,
            tickOpacity=0.4,
            gridColor="currentColor",
            gridOpacity=0.1,
            aria=False,
        )
        .configure_mark(aria=False)  # the page describes the chart as a whole, and its table has the numbers
        .configure_text(fontSize=12)
    )
    return whole.to_dict()


class Slots(NamedTuple):
    """The images that the page shows: by group, their names (``files``) in the order of the set, and the prompt."""

    files: dict[str, list[str]]
    texts: dict[str, str]


def slots(metadata: pd.DataFrame, most: int) -> Slots:
    """Return the first ``most`` images of each group of an image set's table."""
    shown = metadata.groupby("group", sort=False).head(most).groupby("group", sort=False)
    return Slots(
        {str(group): list(rows["file_name"]) for group, rows in shown},
        {str(group): str(rows["text"].iloc[0]) for group, rows in shown},
    )


def sheets(path: Path, files: Mapping[str, Sequence[str]], edge: int) -> dict[str, str]:
    """Return one sheet of thumbnails for each group of an image set, as AVIF in base64.

    Image ``i`` of a group lies in row ``i // columns`` and column ``i % columns`` of its sheet,
    which has ``ceil(sqrt(n))`` columns.

    Args:
        path: the image set.
        files: by group, the names of the images.
        edge: of a thumbnail, in pixels; images of another size are resized to it.
    """
    images = imageset.read_images(path, (name for names in files.values() for name in names))
    if images.shape[1:3] != (edge, edge):
        resize = [Image.fromarray(image).resize((edge, edge), Image.Resampling.LANCZOS) for image in images]
        images = np.stack([np.asarray(image) for image in resize])
    ends = np.cumsum([len(names) for names in files.values()])[:-1]
    return {group: _encode(part) for group, part in zip(files, np.split(images, ends), strict=True)}


def _encode(images: np.ndarray) -> str:
    n, edge = images.shape[:2]
    columns = math.ceil(math.sqrt(n))
    sheet = np.zeros((math.ceil(n / columns) * edge, columns * edge, 3), np.uint8)
    for number, image in enumerate(images):
        top, left = (edge * place for place in divmod(number, columns))
        sheet[top : top + edge, left : left + edge] = image
    file = io.BytesIO()
    Image.fromarray(sheet).save(file, **AVIF)
    return base64.b64encode(file.getvalue()).decode()


def copy_images(sets: Iterable[tuple[str, Path, Mapping[str, Sequence[str]]]], most: int, folder: Path) -> None:
    """Write the first ``most`` images of each group as files, ``<folder>/<set>/<file_name>``, bytes as in the sets."""
    with replacing(folder) as temporary:
        for name, path, files in sets:
            (temporary / name).mkdir(parents=True)
            with zipfile.ZipFile(path) as archive:
                for names in files.values():
                    for file in names[:most]:
                        (temporary / name / file).write_bytes(archive.read(file))


def render(facts: Mapping[str, Any], arms: Mapping[str, Style], sets: Iterable[tuple[str, Mapping[str, str]]]) -> str:
    """Return the page.

    Args:
        facts: what the page says; JSON.
        arms: how each arm is drawn.
        sets: name and sheets of every image set.
    """
    files = {path.name: path.read_text(encoding="utf-8") for path in TEMPLATE.iterdir()}
    page = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(files["page.html"])
    return page.render(
        style=files["style.css"],
        script=files["explorer.js"],
        vega=vl_convert.javascript_bundle(),  # type: ignore[call-arg]  # its stub calls `snippet` required
        chart=_json(chart(arms)),
        facts=_json(facts),
        experiment=facts["experiment"],
        colors=[(style.light, style.dark) for style in arms.values()],
        edge=facts["edge"],
        sets=((name, _json(content)) for name, content in sets),
    )


def _json(content: Any) -> str:
    """Return compact JSON that cannot end the script element around it."""
    return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", r"\u003c")


def scores_of(scores: pd.DataFrame, arms: Iterable[str]) -> list[list[Any]]:
    """Return the scores of the arms, of the base model and of the real images as rows of six significant digits.

    Columns: ``arm, replicate, iteration, images, group, features, metric, value``.
    """
    shown = scores[scores["arm"].isin([*arms, BASE, FLOOR])]
    columns = ["arm", "replicate", "iteration", "images", "group", "features", "metric"]
    rows = shown[columns].to_numpy().tolist()
    return [[*row, float(f"{value:.6g}")] for row, value in zip(rows, shown["value"], strict=True)]


def lifetimes(cells: Iterable[Cell]) -> dict[str, tuple[int, int]]:
    """Return the first and the last iteration of each arm."""
    table = pd.DataFrame(list(cells)).groupby("arm")["iteration"].agg(["min", "max"])
    return {str(name): (int(first), int(last)) for name, first, last in table.itertuples()}
