"""From settings to the words of a command line, and back."""

import hashlib
import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from scripts.lib.base.atomic import replacing

Settings = BaseModel | Mapping[str, Any]


def words(settings: Settings) -> list[str]:
    """Return ``--key value`` for every setting.

    False becomes ``--no-key``, None nothing, and a list ``--key value`` for each of its values.
    Nested sections are left out: their own scripts get them.
    """
    pairs = settings.items() if isinstance(settings, Mapping) else list(settings)
    found: list[str] = []
    for key, value in pairs:
        name = key.replace("_", "-")
        if isinstance(value, bool):
            found.append(f"--{name}" if value else f"--no-{name}")
        elif value is not None and not isinstance(value, BaseModel):
            for item in value if isinstance(value, list) else [value]:
                found += [f"--{name}", str(item)]
    return found


def flags(settings: Settings) -> str:
    """Return the words of settings, quoted for the shell."""
    return shlex.join(words(settings))


def in_file(arguments: Iterable[str], folder: Path) -> str:
    """Write words of a command line to a file named by its content; return ``@FILE``, which stands for them.

    Linux takes no command of more than 128 KiB; a file holds words of any number and any characters. The name changes
    exactly when a word changes.

    Args:
        arguments: the words.
        folder: where the file is to lie.
    """
    content = json.dumps(list(arguments), ensure_ascii=False, indent=0)
    path = folder / f"{hashlib.sha256(content.encode()).hexdigest()[:16]}.json"
    if not path.is_file():
        with replacing(path) as temporary:
            temporary.write_text(content, encoding="utf-8")
    return f"@{path.as_posix()}"


def expanded(arguments: Sequence[str]) -> list[str]:
    """Put the words of a file in the place of each ``@FILE``; without such a file, ``@text`` is what it says."""
    found: list[str] = []
    for word in arguments:
        path = Path(word[1:])
        found += json.loads(path.read_text(encoding="utf-8")) if word.startswith("@") and path.is_file() else [word]
    return found
