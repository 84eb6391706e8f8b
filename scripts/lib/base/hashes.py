"""What identifies a file or a folder: its content, wherever it lies and whatever links lead to it."""

import hashlib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

CACHE = Path(".snakemake/sha256")
LARGE = 2**20  # Bytes from which on a file of a folder has an entry of its own.
SLOW = 2**30  # Bytes from which on somebody who waits is told why.
SETTLED = 2.0  # Seconds: a file that has just been written can change again within one tick of its clock.


def files(path: Path) -> list[Path]:
    """Return a file, or the files of a folder at any depth in the order of their names.

    Links are followed, to folders too: a base model may be links to components elsewhere, and every file of the
    Hub's cache is one. Hidden files and model cards (``.md``) are no part of the content.
    """
    return sorted(_walk(path, ())) if path.is_dir() else [path]


def _walk(folder: Path, above: tuple[tuple[int, int], ...]) -> Iterator[Path]:
    status = folder.stat()
    here = (status.st_dev, status.st_ino)
    if here in above:  # A link to a folder around it.
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                yield from _walk(Path(entry.path), (*above, here))
            elif entry.is_file() and not entry.name.endswith(".md"):
                yield Path(entry.path)


def size(path: Path, suffix: str = "") -> int:
    """Return the bytes of a file, or of a folder's files that end in ``suffix``; 0 where nothing exists."""
    return sum(file.stat().st_size for file in files(path) if file.name.endswith(suffix)) if path.exists() else 0


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, or that of the names and SHA-256 of a folder's files. Reads everything.

    Raises:
        FileNotFoundError: there is no such file or folder.
    """
    return _sha256(path, cached=False)


def content(path: Path) -> str:
    """Return ``sha256`` of a file or a folder; what has not changed is not read again.

    Cheap enough for whenever the workflow is parsed. An entry of the cache holds for the very files: their names,
    devices, inodes, sizes and times of change. The last one cannot be set, unlike the time of modification.

    Raises:
        FileNotFoundError: there is no such file or folder.
    """
    return _sha256(path, cached=True)


def _sha256(path: Path, *, cached: bool) -> str:
    parts = [(file.relative_to(path).as_posix(), file, file.stat()) for file in files(path)]
    text = "\n".join(f"{name} {s.st_dev} {s.st_ino} {s.st_size} {s.st_ctime_ns}" for name, _, s in parts)
    entry = CACHE / hashlib.sha256(text.encode()).hexdigest()
    if cached:
        with suppress(OSError):
            return entry.read_text(encoding="ascii")
    if path.is_dir():
        lines = []
        for name, file, status in parts:
            lines.append(f"{name} {_sha256(file, cached=cached) if status.st_size >= LARGE else _of_file(file)}\n")
        value = hashlib.sha256("".join(lines).encode()).hexdigest()
    else:
        if cached and parts[0][2].st_size >= SLOW:
            print(f"{path}: taking its SHA-256, once", file=sys.stderr, flush=True)
        value = _of_file(path)
    if cached and all(time.time() - status.st_ctime > SETTLED for _, _, status in parts):
        _keep(entry, value)
    return value


def _of_file(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _keep(entry: Path, value: str) -> None:
    """Note a hash; a folder that cannot be written to only makes the next one as slow."""
    temporary = entry.with_name(f".{entry.name}.{os.getpid()}")
    with suppress(OSError):
        entry.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(value, encoding="ascii")
        temporary.replace(entry)


def listing(path: Path) -> str:
    """Return a digest of the names, sizes and times of modification of a folder's files, without reading any.

    For folders too large to be read whenever the workflow is parsed, such as 70,000 photographs: a file that was
    replaced counts, and so does a copy that did not keep the times (``cp -p`` and ``rsync -t`` keep them).

    Raises:
        FileNotFoundError: there is no such folder.
    """
    lines = []
    for file in files(path):
        status = file.stat()
        lines.append(f"{file.relative_to(path).as_posix()} {status.st_size} {status.st_mtime_ns // 10**9}\n")
    return hashlib.sha256("".join(lines).encode(errors="surrogateescape")).hexdigest()
