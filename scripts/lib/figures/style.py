"""How every figure looks, and how it is saved: in its printed size, at most as wide as a page of two columns."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from matplotlib import get_data_path, rc_context
from matplotlib.figure import Figure
from matplotlib.font_manager import findSystemFonts, fontManager, get_font

from scripts.lib.base.atomic import replacing

WIDTH = 7.0  # Inches: both columns of a page. Nothing is shrunk in print, so the type is as large as it says.
DPI = 300
FONT = "DejaVu Sans"  # Comes with matplotlib: the same letters, hence the same bytes, everywhere.
STYLE: dict[Any, Any] = {
    "font.family": FONT,
    "text.parse_math": False,  # A prompt's `$` is a dollar.
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


@contextmanager
def styled(texts: Iterable[str]) -> Iterator[None]:
    """Draw in the common style, with further fonts for the characters of ``texts`` that its own lacks."""
    with rc_context(STYLE | {"font.family": [FONT, *further_fonts("".join(texts))]}):
        yield


def further_fonts(text: str) -> list[str]:
    """Return the installed fonts that have what the common font lacks of a text, as few as possible.

    A character that none has is drawn as a box; a line on the standard error says so.
    """
    missing = {character for character in text if not character.isspace()} - _characters(fontManager.findfont(FONT))
    if not missing:
        return []
    # Matplotlib's own list can be older than a font, and its own further fonts are for mathematics.
    for path in set(findSystemFonts()) - {entry.fname for entry in fontManager.ttflist}:
        with suppress(Exception):  # FreeType cannot read every file that looks like a font.
            fontManager.addfont(path)
    installed = [entry for entry in fontManager.ttflist if not entry.fname.startswith(get_data_path())]
    has = {entry.name: _characters(entry.fname) for entry in sorted(installed, key=lambda entry: entry.fname)}
    chosen: list[str] = []
    while missing and has and missing & has[best := max(has, key=lambda name: len(missing & has[name]))]:
        chosen.append(best)
        missing -= has[best]
    if missing:
        shown = " ".join(f"{character} (U+{ord(character):04X})" for character in sorted(missing)[:20])
        print(
            f"Warning: figures show boxes for {len(missing)} characters that no installed font has: {shown}; install a "
            "font that has them, such as Noto Sans CJK",
            file=sys.stderr,
        )
    return chosen


def _characters(path: str) -> set[str]:
    """Return the characters that a font file can draw in any size; none where it cannot be read."""
    with suppress(Exception):
        font = get_font(path)
        if font.scalable:
            return set(map(chr, font.get_charmap()))
    return set()


def save(figure: Figure, path: Path) -> None:
    """Write a figure as the suffix of ``path`` says (png, svg, pdf); the same figure gives the same bytes."""
    with rc_context(STYLE), replacing(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:], dpi=DPI, metadata=DATES.get(path.suffix))
