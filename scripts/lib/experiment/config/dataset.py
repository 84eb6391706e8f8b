"""The real images."""

from typing import Any, Self

from pydantic import Field, PositiveInt, model_validator

from scripts.lib.experiment.choices import Broken, ShortGroup, Source
from scripts.lib.experiment.config.deepface import DeepFace
from scripts.lib.experiment.config.label import Label, check_label
from scripts.lib.experiment.config.section import Section

COLUMNS = {"file_name", "group", "matched_to", "role", "seed", "source", "text"}


class Dataset(Section):
    """Where the real images come from and which of them are used (paper, section 2.1)."""

    source: Source = Field(
        description="`avatars`: drawn by this workflow. `folder`: image files and their labels, given or classified."
    )
    path: str | None = Field(None, description="`folder` only: the folder of images, searched recursively.")
    labels: str | None = Field(
        None,
        description="`folder` only: CSV with the column `file_name` and a column for each attribute that `classify` "
        "does not name.",
    )
    classify: dict[str, Label] = Field({}, description="`folder` only: where the values of an attribute come from.")
    deepface: DeepFace | None = Field(
        None, description="`folder` only: DeepFace's networks, where `classify` asks for it."
    )
    broken: Broken = Field(
        "error",
        description="`folder` only. A file that is listed but missing, empty, damaged, no image, or has more than one "
        "reading as 8-bit RGB: an error, or left out and named in `dataset/excluded.csv`.",
    )
    resolution: PositiveInt = Field(512, description="Edge of the square images, in pixels.")
    attributes: dict[str, list[str]] = Field(
        description="Attributes and their values, e.g. `gender: [man, woman]`. A group is one value of each.",
        min_length=1,
    )
    prompt: str = Field(
        "a photo of a {age} {race} {gender}",
        description="Template of the prompts, attributes in braces; the rest stays as it is.",
    )
    per_group: PositiveInt = Field(
        30, description="Real images a group: the seeds of image-to-image and the training set."
    )
    reference_per_group: PositiveInt = Field(
        30, description="Further real images a group, disjoint from the former: the reference of the scores."
    )
    short_group: ShortGroup = Field(
        "error",
        description="What a group with too few images does: stop, go on with fewer, or repeat its own images. "
        "The scoring reference is never repeated; it goes short first.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.source == "folder") != bool(self.path and (self.labels or self.classify)):
            raise ValueError("`path` and `labels` or `classify` go with `source: folder`, both or neither")
        for name, values in self.attributes.items():
            if name in COLUMNS:
                raise ValueError(f"`attributes.{name}`: the name is a column of the image sets; choose another")
            if len(set(values)) < len(values) or not values:
                raise ValueError(f"`attributes.{name}` must list its values, each once")
        if self.source == "folder":
            self.check_labels()
        try:
            self.prompt.format(**dict.fromkeys(self.attributes, ""))
        except (AttributeError, KeyError, IndexError, ValueError) as error:
            raise ValueError(
                f"`prompt` names {error}, which is no attribute; write one of {sorted(self.attributes)} in braces"
            ) from None
        return self

    def check_labels(self) -> None:
        if unknown := sorted(set(self.classify) - set(self.attributes)):
            raise ValueError(f"`classify.{unknown[0]}`: there is no such attribute in `attributes`")
        if missing := sorted(set(self.attributes) - set(self.classify)):
            if self.labels is None:
                raise ValueError(f"`classify.{missing[0]}`: missing; say where the labels come from, or set `labels`")
        elif self.labels is not None:
            raise ValueError("`labels` has no use, since `classify` names every attribute; remove it")
        for name, label in self.classify.items():
            check_label(f"classify.{name}", label, label.column or name, self.attributes[name])
        if bool(self.classified) != (self.deepface is not None):
            raise ValueError("`deepface` and a `classify` with `source: deepface` go together")

    @property
    def recipes(self) -> dict[str, dict[str, Any]]:
        """Where each attribute comes from, with every default filled in: what `scripts.lib.labels` reads."""
        if self.source != "folder":
            return {}
        default = Label(source="csv", path=self.labels) if self.labels else None
        labels = {name: self.classify.get(name, default) for name in self.attributes}
        return {name: label.model_dump() | {"column": label.column or name} for name, label in labels.items() if label}

    @property
    def classified(self) -> list[str]:
        """What DeepFace is asked for."""
        asked = {label.column or name for name, label in self.classify.items() if label.source == "deepface"}
        return sorted(asked)
