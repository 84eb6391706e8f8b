"""Which image files a folder holds: names, links and what is no photograph of the user's."""

import os
import stat
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path, PurePosixPath

import pandas as pd
from PIL import Image

# What Pillow reads without losing anything that `photographs.open_image` would not notice. Of JPEG 2000 and AVIF it
# cuts more than 8 bits without a word; others hold drawings, several sizes of one icon, or data.
FORMATS = {"BMP", "DIB", "GIF", "JPEG", "MPO", "PCX", "PNG", "PPM", "QOI", "TGA", "TIFF", "WEBP"}
# Folders that systems and programs make beside a user's own: trash, thumbnails, halves of files of a Mac.
SYSTEM_FOLDERS = {
    "#recycle",
    "$recycle.bin",
    "@eadir",
    "@recycle",
    "__macosx",
    "lost+found",
    "system volume information",
    "thumbs",
}


@cache
def endings() -> tuple[str, ...]:
    """Return the endings of the files that count as images, in lower case and with the dot."""
    return tuple(sorted(ending for ending, form in Image.registered_extensions().items() if form in FORMATS))


def list_images(folder: Path) -> pd.DataFrame:
    """List the image files below a folder by their names' endings, without opening any.

    Links are followed. Hidden files and folders and those of ``SYSTEM_FOLDERS`` are left out; standard error names the
    folders.

    Returns:
        ``file_name`` (relative to the folder, sorted), ``excluded``, ``reason`` and ``same_as``. ``excluded`` is
        ``broken`` for a file of zero bytes, a link that leads nowhere, and a name that is not UTF-8 or holds a carriage
        return (written as ``\\xNN`` and ``\\r``). ``same_as`` is the first name of a file that links give several
        names, and is empty for that name itself.

    Raises:
        FileNotFoundError: there is no such folder.
        PermissionError: a folder cannot be read.
        ValueError: no image is in it.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; correct dataset.path")
    left_out: list[str] = []
    files = sorted(_walk(os.path.realpath(folder), "", frozenset(), left_out))
    if left_out:
        print(f"Left out, as hidden or a system's own: {', '.join(sorted(map(_shown, left_out)))}", file=sys.stderr)
    if not files:
        raise ValueError(f"{folder}: holds no image ({', '.join(endings())}); correct dataset.path")
    first: dict[str, str] = {}
    rows = [(_shown(name), fault, first.setdefault(place, _shown(name))) for name, place, fault in files]
    table = pd.DataFrame(rows, columns=["file_name", "reason", "same_as"])
    table.insert(1, "excluded", table["reason"].map(lambda reason: "broken" if reason else ""))
    return table.assign(same_as=table["same_as"].where(table["same_as"] != table["file_name"], ""))


def why_not_listed(name: str, listed: Mapping[str, str]) -> str:
    """Say why a file that a table of labels names is not among the files of the folder.

    Args:
        name: as the table has it.
        listed: the files of the folder by ``likeness``.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    if hidden := next((part for part in path.parts if _is_skipped(part)), ""):
        return f"{hidden!r} is hidden or a system's own and is not looked into; move the file, or remove its row"
    if near := listed.get(likeness(name)):
        return f"the folder has no such file, but {near!r}; write its name as a path below dataset.path"
    if not name.isdigit() and path.suffix.lower() not in endings():
        ending = f"the ending {path.suffix!r} is" if path.suffix else "a name without an ending is"
        return f"{ending} not read as an image; convert the file, for example to PNG, or correct the name"
    return "the folder has no such file"


def likeness(name: str) -> str:
    """Return what names have in common that a reader may take for one: the last part, without ending and case."""
    return unicodedata.normalize("NFC", PurePosixPath(name.replace("\\", "/")).stem).casefold()


def by_likeness(names: Iterable[str]) -> dict[str, str]:
    """Return the first file of each likeness."""
    found: dict[str, str] = {}
    for name in names:
        found.setdefault(likeness(name), name)
    return found


def match_names(listed: Iterable[str], names: Iterable[str]) -> dict[str, str]:
    """Return the file that each listed name means; a Mac decomposes accents in names, a table may not.

    Returns:
        The files of ``names`` by listed name: the file of exactly this name, or else the first of the same normalized
        form (NFC). Names that have none are left out.
    """
    exact = set(names)
    forms: dict[str, str] = {}
    for name in sorted(exact):
        forms.setdefault(unicodedata.normalize("NFC", name), name)
    pairs = {name: name if name in exact else forms.get(unicodedata.normalize("NFC", name)) for name in listed}
    return {name: file for name, file in pairs.items() if file is not None}


def _walk(folder: str, prefix: str, above: frozenset[str], left_out: list[str]) -> Iterator[tuple[str, str, str]]:
    """Yield each image file's name relative to the first folder, its place without links, and what is wrong with it.

    Args:
        folder: without links in its path.
        prefix: of the names.
        above: the folders on the way here; a link to one of them is not followed.
        left_out: takes the names of the folders that are not looked into.
    """
    for entry in os.scandir(folder):
        name = prefix + entry.name
        place = os.path.realpath(entry.path) if entry.is_symlink() else entry.path
        status = _status(entry)
        if status and stat.S_ISDIR(status.st_mode):
            if _is_skipped(entry.name):
                left_out.append(name)
            elif place not in above | {folder}:
                yield from _walk(place, f"{name}/", above | {folder}, left_out)
        elif entry.name.lower().endswith(endings()) and not _is_skipped(entry.name):
            if status is None:
                yield name, place, "the link leads nowhere"
            elif stat.S_ISREG(status.st_mode):
                yield name, place, _fault(name, status)


def _status(entry: os.DirEntry[str]) -> os.stat_result | None:
    """Return what an entry or the target of a link is; nothing where a link leads nowhere or in a circle."""
    try:
        return entry.stat()
    except OSError:
        if entry.is_symlink():
            return None
        raise


def _fault(name: str, status: os.stat_result) -> str:
    if "\r" in name:
        return "its name holds a carriage return, which a CSV does not; rename it"
    if _shown(name) != name:
        return "its name is not UTF-8; rename it, for example with convmv -r -f latin1 -t utf8 --notest"
    return "" if status.st_size else "the file is empty"


def _is_skipped(part: str) -> bool:
    return (part.startswith(".") and part not in (".", "..")) or part.lower() in SYSTEM_FOLDERS


def _shown(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "backslashreplace").replace("\r", r"\r")
