"""What every part of the configuration is made of."""

import os
import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo


def _found(path: str, info: ValidationInfo) -> str:
    """Return the path, or that of the workflow's own file where the working directory has none.

    The validation context names the workflow's folder; without one, a path stays as it is.
    """
    brought = Path(info.context["workflow"], path) if info.context else None
    return str(brought) if brought and brought.exists() and not Path(path).exists() else path


def _no_wildcard(path: str) -> str:
    if braces := re.search(r"\{\s*\w+[^{}]*\}", path):
        raise ValueError(f"{path!r}: Snakemake takes {braces[0]!r} for a wildcard; rename the file or folder")
    return path


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
FilePath = Annotated[str, AfterValidator(os.path.expanduser)]  # `~` is the home folder.
InputPath = Annotated[FilePath, AfterValidator(_no_wildcard)]  # What a rule declares as its input or output.
Weights = Annotated[FilePath, AfterValidator(_found)]
DownloadPath = Annotated[Weights, AfterValidator(_no_wildcard)]
Share = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    """A part of the configuration; keys that it does not know are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
