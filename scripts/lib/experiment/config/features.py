"""A feature network."""

from pydantic import Field

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
