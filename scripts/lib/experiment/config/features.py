"""A feature network."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, Field

from scripts.lib.experiment.choices import Network
from scripts.lib.experiment.config.section import Section, Weights


class Features(Section):
    """A network that turns images into features."""

    network: Network = Field(
        description="`clip`: pooled output of the vision tower. `vae`: the autoencoder's first block, a spatial map. "
        "`inception`: the Inception-v3 of the FID, 2048 pooled features. `inception_192`, `inception_64`: the ImageNet "
        "Inception-v3 before its second or first pooling, a spatial map (SinGAN's single-image FID)."
    )
    weights: Weights = Field(
        description="The network's weights. `clip`, `vae`: a folder (safetensors). `inception`: the file "
        "pt_inception-2015-12-05-6726825d.pth; `inception_192`, `inception_64`: inception_v3_google-0cc3c7bd.pth."
    )


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
