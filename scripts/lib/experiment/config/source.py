"""Whose images an arm trains on."""

from typing import Any, Literal, Self

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from scripts.lib.experiment.config.section import InputPath, Section

SELF = "self"


class Source(Section):
    """A source of an arm's generated images: its share alone, or its share and where the images come from."""

    share: float = Field(gt=0, le=1, description="Share of the arm's generated images; those of all sources add to 1.")
    iteration: Literal["previous", "same"] = Field(
        "previous",
        description="Another arm only. Iteration n trains on that arm's images of iteration n - 1, as on the arm's "
        "own, or on those of the same iteration n; on the last there are where that arm has ended.",
    )
    path: InputPath | None = Field(
        None, description="A folder of images, searched recursively, such as another generator's; none: a model's."
    )
    labels: InputPath | None = Field(
        None, description="With `path`: CSV with the column `file_name` and a column for each attribute."
    )

    @model_validator(mode="before")
    @classmethod
    def _from_share(cls, data: Any) -> Any:
        return {"share": data} if isinstance(data, int | float) else data

    @model_validator(mode="after")
    def _a_folder_has_labels(self) -> Self:
        if self.path is not None and self.labels is None:
            raise ValueError(
                "`labels`: missing; the folder's images need labels to find their groups. Name a CSV with the column "
                "file_name and a column for each attribute"
            )
        if self.path is None and self.labels is not None:
            raise ValueError("`labels`: goes with `path`, the folder of the images; add that, or remove it")
        if self.path is not None and self.iteration == "same":
            raise ValueError("`iteration`: a folder has no iterations; remove it")
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        described = handler.resolve_ref_schema(handler(core_schema))
        section = {key: described.pop(key) for key in ("type", "properties", "required", "additionalProperties")}
        return described | {"anyOf": [section["properties"]["share"], section]}
