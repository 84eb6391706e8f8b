"""From settings to the options of a command line."""

import shlex
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel


def flags(settings: BaseModel | Mapping[str, Any]) -> str:
    """Return ``--key value`` for every setting, quoted for the shell.

    False becomes ``--no-key``, None nothing, and a list ``--key value`` for each of its values.
    Nested sections are left out: their own scripts get them.
    """
    pairs = settings.items() if isinstance(settings, Mapping) else list(settings)
    words = []
    for key, value in pairs:
        name = key.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{name}" if value else f"--no-{name}")
        elif value is not None and not isinstance(value, BaseModel):
            for item in value if isinstance(value, list) else [value]:
                words += [f"--{name}", shlex.quote(str(item))]
    return " ".join(words)
