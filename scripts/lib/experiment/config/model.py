"""A base model beside the experiment's first one."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from scripts.lib.experiment.cell import REAL
from scripts.lib.experiment.config.arm import refuse_taken_names
from scripts.lib.experiment.config.finetune import Finetune
from scripts.lib.experiment.config.generate import Generate
from scripts.lib.experiment.config.section import Name, Section, Weights
from scripts.lib.experiment.config.source import SELF


class Model(Section):
    """A further base model: its folder alone, or its folder and what its arms do otherwise."""

    path: Weights = Field(description="Folder of the model: a pipeline of diffusers, safetensors, as under `model`.")
    generate: Generate = Field(
        default_factory=Generate,
        description="Overrides of `generate`, for the model's own images and for the arms that retrain it.",
    )
    finetune: Finetune = Field(
        default_factory=Finetune, description="Overrides of `finetune`, for the arms that retrain it."
    )

    @model_validator(mode="before")
    @classmethod
    def _from_path(cls, data: Any) -> Any:
        return {"path": data} if isinstance(data, str) else data

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        described = handler.resolve_ref_schema(handler(core_schema))
        section = {key: described.pop(key) for key in ("type", "properties", "required", "additionalProperties")}
        return described | {"anyOf": [section["properties"]["path"], section]}


def _refuse_words_of_sources(models: dict[str, Model]) -> dict[str, Model]:
    for name in sorted({SELF, REAL} & set(models)):
        raise ValueError(f"`{name}`: the word means something else where an arm names its sources; rename the model")
    return models


Models = Annotated[dict[Name, Model], AfterValidator(refuse_taken_names), AfterValidator(_refuse_words_of_sources)]
