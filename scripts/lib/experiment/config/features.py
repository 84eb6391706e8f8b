"""A feature network."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field

from scripts.lib.base.kinds import kinds, summary
from scripts.lib.experiment.config.section import Section, Weights

NETWORKS = kinds("networks", mark="extractor")


def _known(name: str) -> str:
    if name not in NETWORKS:
        raise ValueError(f"there is no network {name!r}; choose one of {', '.join(NETWORKS)}")
    return name


class Features(Section):
    """A network that turns images into features."""

    network: Annotated[str, AfterValidator(_known)] = Field(
        description=" ".join(f"`{name}`: {summary(kind)}" for name, kind in NETWORKS.items()),
        json_schema_extra={"enum": list(NETWORKS)},
    )
    weights: Weights = Field(
        description="The network's weights. "
        + " ".join(f"`{name}`: {kind.WEIGHTS}." for name, kind in NETWORKS.items())
    )

    @property
    def per_image(self) -> str:
        """What the network makes of an image: a ``vector``, or a ``map`` of many positions."""
        return NETWORKS[self.network].PER_IMAGE

    @property
    def smallest(self) -> int:
        """The edge in pixels below which a map has less than the two positions that a Fréchet distance needs."""
        return NETWORKS[self.network].SMALLEST


def networks_of(per_image: str) -> str:
    """Return the names of the networks that make a ``vector`` or a ``map`` of an image, for a message."""
    return ", ".join(name for name, kind in NETWORKS.items() if per_image == kind.PER_IMAGE)


def features_of(section: Any) -> Iterator[Features]:
    """Yield every feature network that a part of the configuration names, however deep."""
    if isinstance(section, Features):
        yield section
    elif isinstance(section, BaseModel):
        for _, value in section:
            yield from features_of(value)
    elif isinstance(section, Mapping):
        yield from features_of(list(section.values()))
    elif isinstance(section, list):
        for value in section:
            yield from features_of(value)
