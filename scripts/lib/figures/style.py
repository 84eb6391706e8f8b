"""How every figure looks, and how it is saved: in its printed size, at most as wide as a page of two columns."""

from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from scripts.lib.base.atomic import replacing

WIDTH = 7.0  # Inches: both columns of a page. Nothing is shrunk in print, so the type is as large as it says.
DPI = 300
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters, hence the same bytes, everywhere
    "font.size": 7.5,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.title_fontsize": 7.5,
    "figure.labelsize": 7.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "lines.linewidth": 1.1,
    "lines.markersize": 4.2,
    "pdf.fonttype": 42,
    "svg.hashsalt": "nepotism",
}
DATES = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}


def save(figure: Figure, path: Path) -> None:
    """Write a figure as the suffix of ``path`` says (png, svg, pdf); the same figure gives the same bytes."""
    with rc_context(STYLE), replacing(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:], dpi=DPI, metadata=DATES.get(path.suffix))
