"""The real images."""

from typing import Any, Self

from pydantic import Field, PositiveInt, field_validator, model_validator

from scripts.lib.experiment.choices import Broken, Reference, ShortGroup, Source
from scripts.lib.experiment.config.deepface import DeepFace
from scripts.lib.experiment.config.label import Label
from scripts.lib.experiment.config.section import FilePath, InputPath, Section
from scripts.lib.experiment.groups import groups

# Columns of the workflow's tables, those above all that have a column for each attribute: the catalogue, the groups,
# the selection and the image sets.
COLUMNS = {"distinct_images", "excluded", "file_name", "found", "group", "images", "iteration", "matched_to", "missing"}
COLUMNS |= {"number", "origin", "reason", "reference", "role", "seed", "set", "slot", "source", "text"}


class Dataset(Section):
    """Where the real images come from and which of them are used (paper, section 2.1)."""

    source: Source = Field(
        description="`avatars`: drawn by this workflow. `folder`: image files and their labels, given or classified."
    )
    path: FilePath | None = Field(None, description="`folder` only: the folder of images, searched recursively.")
    labels: InputPath | None = Field(
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
        description="`folder` only. A file that is listed but missing, empty, damaged, no image, several images, or "
        "has more than one reading as 8-bit RGB: an error, or left out and named in `dataset/excluded.csv`.",
    )
    resolution: PositiveInt = Field(
        512, description="Edge of the square images in pixels, real and generated; a multiple of 8."
    )
    attributes: dict[str, list[str]] = Field(
        description="Attributes and their values, e.g. `gender: [man, woman]`. A group is one value of each.",
        min_length=1,
    )
    prompt: str = Field(
        "a photo of a {age} {race} {gender}",
        description="Template of the prompts. Attributes stand in braces, and all other text is kept.",
    )
    per_group: PositiveInt = Field(
        30, description="Real images per group: the seeds of image-to-image and the training set."
    )
    reference: Reference = Field(
        "disjoint",
        description="The reference of the scores. `disjoint`: further real images, which no model trains on; a group "
        "without further images is in no distance. `matched`: the images that train, each once; a rare group stays in "
        "the distances, and a model that repeats its training images scores well.",
    )
    reference_per_group: PositiveInt = Field(
        30, description="`disjoint` only: further real images per group, the reference of the scores."
    )
    short_group: ShortGroup = Field(
        "error",
        description="What a group with too few images does: stop, go on with fewer, or repeat its own images. "
        "The scoring reference is never repeated; it goes short first.",
    )

    @field_validator("attributes")
    @classmethod
    def _names_are_no_columns(cls, attributes: dict[str, list[str]]) -> dict[str, list[str]]:
        for name in attributes:
            if name in COLUMNS:
                raise ValueError(
                    f"`{name}`: the workflow's tables have a column of this name; choose another"
                    " (with `classify.<attribute>.column` the column of your table keeps its name)"
                )
        return attributes

    @field_validator("attributes")
    @classmethod
    def _values_are_listed_once(cls, attributes: dict[str, list[str]]) -> dict[str, list[str]]:
        for name, values in attributes.items():
            if len(set(values)) < len(values) or not values:
                raise ValueError(f"`{name}`: must list its values, each once; they are {values}")
        return attributes

    @field_validator("attributes")
    @classmethod
    def _groups_have_names(cls, attributes: dict[str, list[str]]) -> dict[str, list[str]]:
        for name, values in attributes.items():
            if "=" in name:
                raise ValueError(f"`{name}`: scores name a group `attribute=value`; choose a name without `=`")
            if not all(value.strip() for value in values):
                raise ValueError(f"`{name}`: has a blank value, but blank means that an image has no label; name it")
        groups(attributes)
        return attributes

    @model_validator(mode="after")
    def _prompt_names_attributes(self) -> Self:
        try:
            self.prompt.format(**dict.fromkeys(self.attributes, ""))
        except (AttributeError, KeyError, IndexError, ValueError) as error:
            raise ValueError(
                f"`prompt`: names {error}, which is no attribute; write one of {sorted(self.attributes)} in braces"
            ) from None
        return self

    @model_validator(mode="after")
    def _a_folder_has_a_path_and_labels(self) -> Self:
        if (self.source == "folder") != bool(self.path and (self.labels or self.classify)):
            raise ValueError("`path` and `labels` or `classify` go with `source: folder`, both or neither")
        return self

    @model_validator(mode="after")
    def _every_attribute_has_labels(self) -> Self:
        missing = sorted(set(self.attributes) - set(self.classify))
        if self.source == "folder" and missing and self.labels is None:
            raise ValueError(f"`classify.{missing[0]}`: missing; say where the labels come from, or set `labels`")
        if self.source == "folder" and not missing and self.labels is not None:
            raise ValueError("`labels`: has no use, since `classify` names every attribute; remove it")
        return self

    @model_validator(mode="after")
    def _labels_become_the_values(self) -> Self:
        if unknown := sorted(set(self.classify) - set(self.attributes)):
            raise ValueError(f"`classify.{unknown[0]}`: there is no such attribute in `attributes`")
        for name, label in self.classify.items():
            label.check(name, self.attributes[name])
        return self

    @model_validator(mode="after")
    def _deepface_is_asked_for(self) -> Self:
        if bool(self.classified) != (self.deepface is not None):
            raise ValueError("`deepface` and a `classify` with `source: deepface` go together")
        return self

    @property
    def texts(self) -> dict[str, str]:
        """The prompt of each group, by the group's name."""
        return {name: self.prompt.format_map(values) for name, values in groups(self.attributes).items()}

    @property
    def recipes(self) -> dict[str, dict[str, Any]]:
        """Where each attribute comes from, with every default filled in: what `scripts.lib.dataset.labels` reads."""
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
