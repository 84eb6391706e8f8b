"""Where an attribute's values come from."""

from typing import Self

from pydantic import Field, field_validator, model_validator

from scripts.lib.base.deepface import DEEPFACE_LABELS, DEEPFACE_WEIGHTS
from scripts.lib.experiment.choices import LabelSource, Unmapped
from scripts.lib.experiment.config.section import InputPath, Section


class Label(Section):
    """Where the values of one attribute come from; the labels of the source become the attribute's values."""

    source: LabelSource = Field(
        description="`csv`: a column of a CSV. `ffhq_features`: a folder of JSON files, as ffhq-features-dataset has "
        "them. `deepface`: DeepFace classifies the images."
    )
    path: InputPath | None = Field(
        None,
        description="The CSV, or the folder of JSON files. A CSV names the image in the column `file_name` (path below "
        "`dataset.path`) or, as FFHQ-Aging's, `image_number`.",
    )
    column: str | None = Field(
        None,
        description="The column or key, or what DeepFace is asked for (`gender`, `race`, `age`); none: the attribute's "
        "name.",
    )
    map: dict[str, str] | None = Field(
        None, description="The value that each label of the source stands for. None: the labels are the values."
    )
    cuts: list[float] | None = Field(
        None,
        description="For numbers: the bounds between the attribute's values, ascending. With `[30, 50]` the second "
        "value is 30 to below 50.",
    )
    unmapped: Unmapped = Field(
        "error", description="A label that `map` does not name: an error, or the image is not used."
    )

    @field_validator("cuts")
    @classmethod
    def _cuts_ascend(cls, cuts: list[float] | None) -> list[float] | None:
        if cuts is not None and sorted(set(cuts)) != cuts:
            raise ValueError(f"must ascend; they are {cuts}")
        return cuts

    @model_validator(mode="after")
    def _path_goes_with_files(self) -> Self:
        if (self.source == "deepface") == (self.path is not None):
            raise ValueError("`path` goes with `csv` and `ffhq_features`, and not with `deepface`")
        return self

    @model_validator(mode="after")
    def _labels_are_words_or_numbers(self) -> Self:
        if self.map is not None and self.cuts is not None:
            raise ValueError("`map` is for words and `cuts` for numbers; remove one")
        return self

    def check(self, attribute: str, values: list[str]) -> None:
        """Refuse a label that can never become the values of its attribute.

        Raises:
            ValueError: names the key, as seen from the dataset.
        """
        self._check_cuts(attribute, values)
        self._check_map(attribute, values)
        if self.source == "deepface":
            self._check_column(attribute)
            self._check_words(attribute, values)

    def _check_cuts(self, attribute: str, values: list[str]) -> None:
        if self.cuts is not None and len(self.cuts) != len(values) - 1:
            raise ValueError(
                f"`classify.{attribute}.cuts`: must be one fewer than the values {values}; they are {self.cuts}"
            )

    def _check_map(self, attribute: str, values: list[str]) -> None:
        if self.map is None:
            return
        if wrong := set(self.map.values()) - set(values):
            raise ValueError(
                f"`classify.{attribute}.map`: must give exactly the values {values}: {sorted(wrong)} are none of them"
            )
        if unmade := set(values) - set(self.map.values()):
            raise ValueError(
                f"`classify.{attribute}.map`: must give exactly the values {values}: nothing becomes {sorted(unmade)}"
            )

    def _check_column(self, attribute: str) -> None:
        column = self.column or attribute
        if column not in DEEPFACE_WEIGHTS:
            raise ValueError(
                f"`classify.{attribute}.column`: DeepFace knows {sorted(DEEPFACE_WEIGHTS)}, not {column!r}"
            )
        if (column in DEEPFACE_LABELS) == (self.cuts is not None):
            raise ValueError(
                f"`classify.{attribute}`: DeepFace's age is a number and needs `cuts`; its other labels are words"
            )

    def _check_words(self, attribute: str, values: list[str]) -> None:
        words, named = DEEPFACE_LABELS.get(self.column or attribute, []), self.map or dict.fromkeys(values)
        if unknown := sorted(set(named) - set(words)) if words else []:
            raise ValueError(
                f"`classify.{attribute}.map`: {unknown[0]!r} is no label of DeepFace; its labels are {words}"
            )
        if (left := [word for word in words if word not in named]) and self.unmapped == "error":
            raise ValueError(
                f"`classify.{attribute}.map`: does not say what {left[0]!r} becomes; name it, or set `unmapped: drop`"
            )
