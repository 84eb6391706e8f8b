"""Where an attribute's values come from."""

from typing import Self

from pydantic import Field, model_validator

from scripts.lib.deepface import DEEPFACE_LABELS, DEEPFACE_WEIGHTS
from scripts.lib.experiment.choices import LabelSource, Unmapped
from scripts.lib.experiment.config.section import Section


class Label(Section):
    """Where the values of one attribute come from; the labels of the source become the attribute's values."""

    source: LabelSource = Field(
        description="`csv`: a column of a CSV. `ffhq_features`: a folder of JSON files, as ffhq-features-dataset has "
        "them. `deepface`: DeepFace classifies the images."
    )
    path: str | None = Field(
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
        None, description="What each label of the source is called here; none: the labels are the values."
    )
    cuts: list[float] | None = Field(
        None,
        description="For numbers: the bounds between the attribute's values, ascending. With `[30, 50]` the second "
        "value is 30 to below 50.",
    )
    unmapped: Unmapped = Field(
        "error", description="A label that `map` does not name: an error, or the image is not used."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.source == "deepface") == (self.path is not None):
            raise ValueError("`path` goes with `csv` and `ffhq_features`, and not with `deepface`")
        if self.map is not None and self.cuts is not None:
            raise ValueError("`map` is for words and `cuts` for numbers; remove one")
        if self.cuts is not None and sorted(set(self.cuts)) != self.cuts:
            raise ValueError(f"`cuts` must ascend; they are {self.cuts}")
        return self


def check_label(key: str, label: Label, column: str, values: list[str]) -> None:
    """Refuse a label that can never become the values of its attribute, before any image is read."""
    if label.cuts is not None and len(label.cuts) != len(values) - 1:
        raise ValueError(f"`{key}.cuts` must be one fewer than the values {values}; they are {label.cuts}")
    if label.map is not None and set(label.map.values()) != set(values):
        wrong, unmade = set(label.map.values()) - set(values), set(values) - set(label.map.values())
        raise ValueError(
            f"`{key}.map` must give exactly the values {values}: "
            + (f"{sorted(wrong)} are none of them" if wrong else f"nothing becomes {sorted(unmade)}")
        )
    if label.source != "deepface":
        return
    if column not in DEEPFACE_WEIGHTS:
        raise ValueError(f"`{key}.column`: DeepFace knows {sorted(DEEPFACE_WEIGHTS)}, not {column!r}")
    if (column in DEEPFACE_LABELS) == (label.cuts is not None):
        raise ValueError(f"`{key}`: DeepFace's age is a number and needs `cuts`; its other labels are words")
    words, named = DEEPFACE_LABELS.get(column, []), label.map or dict.fromkeys(values)
    if unknown := sorted(set(named) - set(words)) if words else []:
        raise ValueError(f"`{key}.map`: {unknown[0]!r} is no label of DeepFace; its labels are {words}")
    if (left := [word for word in words if word not in named]) and label.unmapped == "error":
        raise ValueError(f"`{key}.map` does not say what {left[0]!r} becomes; name it, or set `{key}.unmapped: drop`")
