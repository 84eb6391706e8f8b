"""From the mapping that a YAML file holds to a checked experiment, or to a message for its writer."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from scripts.lib.experiment.config.experiment import Experiment


class ConfigurationError(ValueError):
    """The configuration is wrong; the message names each key and the fix."""


def load(data: Mapping[str, Any], workflow: Path | None = None) -> Experiment:
    """Validate a configuration.

    Args:
        data: what its file says.
        workflow: the workflow's folder. Weights that the working directory has not and this folder has, such as
            models/miniature, are taken from there.

    Raises:
        ConfigurationError: names every wrong key, what is wrong with it and what is allowed.
    """
    try:
        return Experiment.model_validate(data, context={"workflow": workflow} if workflow else None)
    except ValidationError as error:
        raise ConfigurationError("\n".join(["The configuration is wrong:", *map(_explain, error.errors())])) from None


def _explain(error: Any) -> str:
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"  {key}: unknown key; remove it or correct its spelling (see docs/configuration.md)"
    if error["type"] == "missing":
        return f"  {key}: missing; add it (see docs/configuration.md)"
    if error["type"] == "string_type" and not isinstance(error["input"], Mapping | list):
        return (
            f"  {key.removesuffix('.[key]')}: must be a text, but YAML reads it as {error['input']!r}; put it in "
            "quotes (without them yes, no, on, off, null, numbers and dates are no texts)"
        )
    message = error["msg"].removeprefix("Value error, ")
    if below := re.match(r"`([^`]+)`: ", message):  # So a validator names the key below its own that is wrong.
        key, message = f"{key}.{below[1]}".removeprefix("."), message[below.end() :]
    return (
        f"  {key}: {message} (it is {error['input']!r})"
        if key and error["type"] != "value_error"
        else f"  {key + ': ' if key else ''}{message}"
    )
