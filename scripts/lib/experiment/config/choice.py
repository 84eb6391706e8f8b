"""A choice of one kind of a room, with its settings: the name alone, or ``{name: {setting: value}}``."""

from typing import Any

from pydantic import (
    AfterValidator,
    Field,
    GetJsonSchemaHandler,
    ValidationError,
    create_model,
    model_serializer,
    model_validator,
)
from pydantic_core import CoreSchema

from scripts.lib.base.kinds import kinds
from scripts.lib.experiment.config.section import Section


class Choice(Section):
    """One kind of a room; each of its fields is a kind, and exactly one of them is given."""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, data: Any) -> Any:
        given = {data: {}} if isinstance(data, str) else data
        names = sorted(cls.model_fields)
        if not isinstance(given, dict) or len(given) != 1 or not set(given) <= set(names):
            raise ValueError(
                f"must be one of {names}, or one of them with settings, such as {{{names[0]}: {{setting: value}}}}"
            )
        return {name: {} if settings is None else settings for name, settings in given.items()}

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        described = handler.resolve_ref_schema(handler(core_schema))
        names = {"enum": sorted(cls.model_fields)}
        given = {"type": "object", "properties": described.pop("properties"), "minProperties": 1, "maxProperties": 1}
        described.pop("type")
        described.pop("additionalProperties")
        return described | {"anyOf": [names, given | {"additionalProperties": False}]}

    @model_serializer
    def _given(self) -> dict[str, Any]:
        return {self.kind: self.settings.model_dump()}

    @property
    def kind(self) -> str:
        """The name of the kind."""
        return next(iter(self.model_fields_set))

    @property
    def settings(self) -> Section:
        """Its settings, an instance of the ``Settings`` of its module."""
        return getattr(self, self.kind)


def known(room: str, noun: str, mark: str = "Settings") -> AfterValidator:
    """Return the check that a name is one of the kinds of a room, which a message calls by ``noun``."""

    def check(name: str) -> str:
        if name not in (names := kinds(room, mark=mark)):
            raise ValueError(f"there is no {noun} {name!r}; choose one of {', '.join(names)}")
        return name

    return AfterValidator(check)


def choice_of(room: str, name: str, doc: str) -> type[Choice]:
    """Return the model of a choice among the kinds of a room."""
    fields: dict[str, Any] = {kind: (module.Settings | None, None) for kind, module in kinds(room).items()}
    return create_model(name, __base__=Choice, __doc__=doc, **fields)


def defaults_of(room: str, name: str, doc: str, *, optional: bool = False) -> type[Section]:
    """Return the model of a section that holds the settings of every kind of a room.

    Args:
        optional: whether every kind may be left out; else those alone whose settings have no default.
    """
    fields: dict[str, Any] = {
        kind: (module.Settings | None, None)
        if optional or not _has_default(module.Settings)
        else (module.Settings, Field(default_factory=module.Settings))
        for kind, module in kinds(room).items()
    }
    return create_model(name, __base__=Section, __doc__=doc, **fields)


def _has_default(settings: type[Section]) -> bool:
    try:
        settings()
    except ValidationError:
        return False
    return True
