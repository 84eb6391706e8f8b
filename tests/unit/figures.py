"""What the tests of figures share: arms, scores, and what print demands of every figure."""

from collections.abc import Mapping
from itertools import combinations

import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from scripts.lib.experiment.arms import Arm
from scripts.lib.figures.style import DPI, WIDTH


def beside(control: str | None, arms: Mapping[str, Arm]) -> dict[str, Arm]:
    """Give all arms one control."""
    return {name: arm._replace(control=control) for name, arm in arms.items()}


ARMS = beside(
    "real",
    {
        "real": Arm(0.0),
        "all": Arm(1.0),
        "half": Arm(0.5),
        "matched": Arm(1.0, ("match_histograms",), "diamond"),
        "culled": Arm(1.0, ("cull",), "square"),
        "healed": Arm(0.0, parent="half", from_iteration=2),
    },
)
SMALLEST = 7  # Points.
METRICS = ("frechet_distance", "clip_score", "clip_score_std")


def rows(arm, replicate, iteration, *values, images="generated", group="all"):
    return [
        (arm, replicate, iteration, images, group, "" if metric.startswith("clip") else "fid", metric, value, 90)
        for metric, value in zip(METRICS, values, strict=True)
    ]


def table(replicates=1, all_ends=(40.0, 20.0), real_ends=(9.0, 27.5)):
    """Scores of `ARMS`: the base model 10 and 27 ± 2, two iterations, the last one of `all` and `real` as given."""
    content = rows("floor", 0, 0, 4, 28, 1)
    for replicate in range(replicates):
        content += rows("base", replicate, 0, 10, 27, 2)
        for number, name in enumerate(["real", "half", "all", "matched", "culled"]):
            end = {"all": all_ends, "real": real_ends}.get(name, (20 + number, 25 - number))
            content += rows(name, replicate, 1, 11 + number + replicate**2, 26 - number, 2)
            content += rows(name, replicate, 2, *end, 2)
        content += rows("healed", replicate, 3, 15, 26, 2) + rows("healed", replicate, 4, 13, 26.5, 2)
        # What no figure shows: other image sets and single groups.
        content += rows("all", replicate, 2, 999, 999, 999, images="unseen")
        content += rows("all", replicate, 2, 999, 999, 999, group="gender=man")
    columns = ["arm", "replicate", "iteration", "images", "group", "features", "metric", "value", "n"]
    scores = pd.DataFrame(content, columns=columns)
    return scores.assign(low_images=scores["value"] - 0.5, high_images=scores["value"] + 0.25)


def assert_printable(figure: Figure) -> None:
    """Fail unless the figure fits the page, its type is large enough as saved, and no two texts overlap."""
    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    assert figure.get_figwidth() <= WIDTH + 1e-6
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    texts = [text for text in texts if text not in _hidden_ticks(figure)]
    boxes = {text: text.get_window_extent() for text in texts}
    assert boxes
    assert all(float(text.get_fontsize()) >= SMALLEST for text in boxes), {
        text.get_text(): text.get_fontsize() for text in boxes
    }
    for (one, a), (other, b) in combinations(boxes.items(), 2):
        assert not a.padded(-1).overlaps(b.padded(-1)), f"{one.get_text()!r} overlaps {other.get_text()!r}"
    for text, box in boxes.items():
        inside = box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
        assert inside, f"{text.get_text()!r} is cut at the edge"


def _hidden_ticks(figure: Figure) -> set[Text]:
    """Return the labels of ticks that matplotlib keeps but does not draw: outside the limits, or not in use."""
    axes = [axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)]
    hidden = set()
    for axis in axes:
        low, high = sorted(axis.get_view_interval())
        used = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
        hidden |= {label for tick in axis.majorTicks if tick not in used for label in (tick.label1, tick.label2)}
    return hidden
