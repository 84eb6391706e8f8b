"""Outputs that appear whole or not at all."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import Any

from scripts.lib.base import fence


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary name for ``path``, and rename it to ``path`` when the block succeeds.

    Works for a file and for a folder (an existing folder of that name is replaced). When the block
    raises (a full disk, a kill by SIGTERM, a bug) the temporary is removed and ``path`` keeps
    what it held before. The temporary lies in a hidden folder of its own beside ``path``.

    Raises:
        FencedError: a newer job on SLURM writes ``path`` (see ``fence``).
    """
    fence.check()
    path.parent.mkdir(parents=True, exist_ok=True)
    own = path.with_name(f".{path.name}.{fence.writer()}.tmp")
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir()
    try:
        if fence.held():
            _remove_unfinished(path, keep=own)
        yield own / path.name
        _publish(own / path.name, path, own / "replaced")
    except OSError:
        fence.check()  # A newer writer removes what this one has begun: that is the cause to name.
        raise
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _remove_unfinished(path: Path, *, keep: Path) -> None:
    """Remove what earlier jobs on SLURM have begun; what cannot be removed is open in one that has yet to check."""
    for other in path.parent.glob(f".{escape(path.name)}.writer-{'[0-9a-f]' * 16}.tmp"):
        if other != keep:
            shutil.rmtree(other, ignore_errors=True)


def _publish(temporary: Path, path: Path, aside: Path) -> None:
    if temporary.is_file():
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
    fence.check()
    if temporary.is_dir() and path.is_dir():
        path.rename(aside)
    temporary.replace(path)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write ``content`` as indented JSON; NaN and infinity are refused (``ValueError``)."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")
