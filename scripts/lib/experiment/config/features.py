"""A feature network."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field

from scripts.lib.base.kinds import kinds, summary
from scripts.lib.experiment.config.choice import known
from scripts.lib.experiment.config.section import Section, Weights

NETWORKS = kinds("networks", mark="extractor")


class Features(Section):
    """A network that turns images into features."""

    network: Annotated[str, known("networks", "network", mark="extractor")] = Field(
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

    def expect(self, wanted: str, key: str, purpose: str) -> None:
        """Refuse a network that makes something else of an image.

        Args:
            wanted: ``vector`` or ``map``.
            key: where the features are named.
            purpose: what they are for, as the message continues.

        Raises:
            ValueError: names those that make it.
        """
        given = {"vector": "one vector per image", "map": "maps of many positions"}[self.per_image]
        if self.per_image != wanted:
            raise ValueError(
                f"`{key}.network` is {self.network!r}, which gives {given}, but {purpose}; choose one of "
                f"{networks_of(wanted)}"
            )

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
